"""Images and objects that are not slices of a primary CT series, in its folder, and slices of two people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from support.odd_base import (
    SERIES,
    SIDE,
    Applied,
    Made,
    add,
    add_dicom,
    change_headers,
    chest,
    same_fields,
    slices_of,
    uid_of,
    write_clean,
)  # fmt: skip
from support.odd_company import LOUD, beside
from support.odd_geometry import CORONAL, plane_of
from support.odd_storage import enhanced

IMAGE_FIELDS = ("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "BitsStored",
                   "HighBit", "PixelRepresentation", "PixelData", "RescaleSlope", "RescaleIntercept")  # fmt: skip


def image_of(sop_class: str, modality: str, /, **fields: object) -> Callable[[Path, np.ndarray], None]:
    """Write another kind of image, of a SOP class; `pixels` makes its pixels from the volume."""

    def write(path: Path, volume: np.ndarray) -> None:
        make = fields.get("pixels")
        pixels = make(volume) if callable(make) else volume[5]
        plain = {name: value for name, value in fields.items() if name != "pixels"}
        first = pixels if pixels.ndim == 2 else volume[5]
        series = uid_of(str(fields.get("ImageType", sop_class)))
        add_dicom(path, first, 1, 25.0, **{"uid": series, "Modality": modality, **plain})
        header = pydicom.dcmread(path)
        header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID = sop_class
        if pixels.ndim == 3 and pixels.shape[-1] == 3:
            header.SamplesPerPixel, header.PlanarConfiguration = 3, 0
            header.BitsAllocated, header.BitsStored, header.HighBit = 8, 8, 7
        elif pixels.ndim == 3:
            header.NumberOfFrames = len(pixels)
        if pixels.dtype == np.uint32:
            header.BitsAllocated, header.BitsStored, header.HighBit = 32, 32, 31
        header.PixelData = pixels.tobytes()
        header.save_as(path, enforce_file_format=True)

    return write


def without_image(sop_class: str, modality: str) -> Callable[[Path, np.ndarray], None]:
    """Write an object without pixels: a report, contours, a presentation state."""

    def write(path: Path, volume: np.ndarray) -> None:
        image_of(sop_class, modality)(path, volume)
        header = pydicom.dcmread(path)
        for name in IMAGE_FIELDS:
            delattr(header, name)
        header.save_as(path, enforce_file_format=True)

    return write


def with_text(volume: np.ndarray) -> np.ndarray:
    page = np.zeros((SIDE, SIDE, 3), np.uint8)
    page[40:440:30, 40:400] = 255
    return page


def segmentation(path: Path, volume: np.ndarray) -> None:
    image_of("1.2.840.10008.5.1.4.1.1.66.4", "SEG")(path, volume)
    header = pydicom.dcmread(path)
    header.NumberOfFrames, header.BitsAllocated, header.BitsStored, header.HighBit = len(volume), 1, 1, 0
    del header.RescaleIntercept, header.RescaleSlope
    header.PixelData = np.packbits(volume < 300, bitorder="little").tobytes()
    header.save_as(path, enforce_file_format=True)


STORAGE = "1.2.840.10008.5.1.4.1.1"
CT, PT, MR, CAPTURE = f"{STORAGE}.2", f"{STORAGE}.128", f"{STORAGE}.4", f"{STORAGE}.7"
MPR, MIP, SCREEN = (["DERIVED", "SECONDARY", name] for name in ("MPR", "MIP", "SCREEN SAVE"))
BURNED = {"ConversionType": "WSD", "BurnedInAnnotation": "YES"}


def among(z: float) -> dict[str, object]:
    """Fields of an image that claims to belong to the series, at a position of its own."""
    return {"uid": SERIES, "InstanceNumber": 99, "ImagePositionPatient": [-200, -200, z]}


def as_coronal(volume: np.ndarray) -> np.ndarray:
    return plane_of(volume, CORONAL, 8)


IMAGES = {
    "MPR": image_of(CT, "CT", ImageType=MPR, ImageOrientationPatient=CORONAL, pixels=as_coronal),
    "axial MPR": image_of(CT, "CT", ImageType=MPR),
    "MPR under the same UID": image_of(CT, "CT", ImageType=MPR, **among(27.5)),
    "MIP": image_of(CT, "CT", ImageType=MIP, pixels=lambda v: v.max(0)),
    "MIP under the same UID": image_of(CT, "CT", ImageType=MIP, pixels=lambda v: v.max(0), **among(60)),
    "dose report as a colour picture": image_of(CAPTURE, "CT", ImageType=SCREEN, pixels=with_text, **BURNED),
    "dose report as a grey picture": image_of(
        CAPTURE, "CT", ImageType=SCREEN, pixels=lambda v: with_text(v)[..., 0].astype(np.uint16) * 8, **BURNED
    ),
    "RTDOSE": image_of(f"{STORAGE}.481.2", "RTDOSE", pixels=lambda v: v[:3].astype(np.uint32) * 999),
    "PT slice": image_of(PT, "PT", RescaleIntercept=0, RescaleSlope=2.5, pixels=lambda v: v[5] * 7),
    "PT slice under the same UID": image_of(PT, "PT", pixels=lambda v: v[5] * 7, **among(27.5)),
    "MR slice": image_of(MR, "MR", pixels=lambda v: v[5] // 2),
    "MR slice under the same UID": image_of(MR, "MR", pixels=lambda v: v[5] // 2, **among(27.5)),
    "SEG": segmentation,
}
for name, write in IMAGES.items():
    add(name, "dicom", "contents", LOUD, beside("other.dcm", write))
SCOUT = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
UNSEEN = {
    "localizer": image_of(CT, "CT", ImageType=SCOUT, ImageOrientationPatient=CORONAL),
    "localizer under the same UID": image_of(CT, "CT", ImageType=SCOUT, uid=SERIES, InstanceNumber=99),
    "dose report": without_image(f"{STORAGE}.88.67", "SR"),
    "RTSTRUCT": without_image(f"{STORAGE}.481.3", "RTSTRUCT"),
    "presentation state": without_image(f"{STORAGE}.11.1", "PR"),
}  # fmt: skip
for name, write in UNSEEN.items():
    add(name, "dicom", "litter", "right,left-out", beside("unseen.dcm", write))
for name, kinds in {"MPR": MPR, "localizers": SCOUT}.items():
    add(
        f"whole series of {name}",
        "dicom",
        "geometry",
        "refused" + ",note" * (kinds is MPR),
        same_fields(ImageType=kinds),
    )
add("whole series of PT", "dicom", "values", "refused", same_fields(Modality="PT", SOPClassUID=PT))
add("whole series of MR", "dicom", "values", "refused", same_fields(Modality="MR", SOPClassUID=MR))


def enhanced_volume(path: Path, volume: np.ndarray, uid: str) -> None:
    """An Enhanced CT of as many frames as the volume has slices."""
    add_dicom(path, volume[0], 1, 0.0, uid=uid)
    header = pydicom.dcmread(path)
    enhanced(header, path)
    (pattern,) = header.PerFrameFunctionalGroupsSequence
    frames = []
    for number in range(len(volume)):
        frame, place = Dataset(), Dataset()
        place.ImagePositionPatient = [-200, -200, 5.0 * number]
        frame.PixelValueTransformationSequence = pattern.PixelValueTransformationSequence
        frame.PlanePositionSequence = [place]
        frames.append(frame)
    header.NumberOfFrames, header.PerFrameFunctionalGroupsSequence = len(volume), frames
    header.PixelData = volume.tobytes()
    header.save_as(path, enforce_file_format=True)


def enhanced_alone(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> None:
    for path in slices_of(folder):
        path.unlink()
    enhanced_volume(folder / "all.dcm", volume, SERIES)


def enhanced_beside(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> Made:
    other = chest(len(volume), 77)
    enhanced_volume(folder / "all.dcm", other, uid_of("enhanced"))
    return Made(((volume, other),), stated=((volume,),), strays=("all.dcm",))


add("Enhanced CT of 12 frames", "dicom", "alone", "right,refused", enhanced_alone)
add("Enhanced CT of 12 frames beside", "dicom", "contents", "right,refused,left-out", enhanced_beside)


def two_people(same: dict[str, object], differ: dict[str, object], patients: int) -> Applied:
    """Two folders, whose headers differ in some fields of the person."""

    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> Made:
        other = chest(len(volume), 77)
        same_fields(**same)(folder, volume, rng)
        paths = slices_of(folder)
        (folder / "a").mkdir()
        for path in paths:
            path.rename(folder / "a" / path.name)
        write_clean(folder / "b", other, "dicom", **{"uid": uid_of("b"), **same, **differ})
        return Made(((volume, other),), patients=patients)

    return apply


for name, field, value in (
    ("sex", "PatientSex", "M"), ("birth date", "PatientBirthDate", "19410229"),
    ("study", "StudyInstanceUID", uid_of("study b")),
):  # fmt: skip
    add(f"two people called ANONYMOUS of different {name}", "dicom", "contents", "right,refused",
        two_people({"PatientID": "ANONYMOUS"}, {field: value}, 2))  # fmt: skip
add("one person in two folders", "dicom", "contents", "right", two_people({}, {"StudyInstanceUID": uid_of("later")}, 1))


def two_in_one(**differ: object) -> Applied:
    """The second half of one series belongs to another person."""

    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> Made:
        def change(header: Dataset, place: int) -> None:
            for name, value in differ.items():
                setattr(header, name, value)

        change_headers(folder, change, range(6, len(volume)))
        return Made(stated=((volume[:6], volume[6:]),), patients=2)

    return apply


add("two people under one UID", "dicom", "contents", "note,refused", two_in_one(PatientID="B2"))
add("two people called A1 under one UID", "dicom", "contents", "note,refused",
    two_in_one(PatientSex="M", PatientBirthDate="19410228"))  # fmt: skip
