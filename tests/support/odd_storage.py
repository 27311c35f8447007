"""Oddities of how files are written and where they lie; nearly all are legal and must change nothing."""

from __future__ import annotations

import gzip
import shutil
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import tifffile
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    EnhancedCTImageStorage,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)  # fmt: skip

from support.odd_base import Applied, Made, add, has_content, same_fields, slices_of, without, write_tiff


def rewritten(write: Callable[[Path, np.ndarray], object]) -> Applied:
    """Write each plain slice again; files that another oddity made unlike a slice stay as they are."""

    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> None:
        for path in slices_of(folder):
            if has_content(path):
                pixels = tifffile.imread(path)
                if pixels.ndim == 2 and pixels.dtype == np.uint16:
                    write(path, pixels)

    return apply


def options(**given: object) -> Applied:
    """Write each slice with other options of `tifffile.imwrite`."""
    return rewritten(lambda path, pixels: write_tiff(path, pixels, **given))


def in_12_bits(path: Path, pixels: np.ndarray) -> None:
    """Two pixels in three bytes (BitsPerSample 12), as some scanners' software exports them."""
    first, second = (pixels.reshape(-1, 2) & 0xFFF).astype(np.uint32).T
    packed = np.column_stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255]).astype(np.uint8).tobytes()
    rows, columns = pixels.shape
    entries = [(256, 4, columns), (257, 4, rows), (258, 3, 12), (259, 3, 1), (262, 3, 1), (273, 4, 134), (277, 3, 1),
               (278, 4, rows), (279, 4, len(packed)), (339, 3, 1)]  # fmt: skip
    fields = b"".join(struct.pack("<HHI" + ("HH" if kind == 3 else "I"), tag, kind, 1, value, *([0] * (kind == 3)))
                      for tag, kind, value in entries)  # fmt: skip
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, len(entries)) + fields + bytes(4) + packed)


TIFFS: dict[str, Applied] = {
    "big-endian TIFF": options(byteorder=">"),
    "BigTIFF": options(bigtiff=True),
    "big-endian BigTIFF": options(bigtiff=True, byteorder=">"),
    "deflate": options(compression="zlib", compressionargs={"level": 1}),
    "deflate with predictor": options(compression="zlib", compressionargs={"level": 1}, predictor=True),
    "tiles": options(tile=(128, 128)),
    "strips": options(rowsperstrip=37),
    "TIFF with a description": options(description="Chest, 5,0 mm"),
    "TIFF with a resolution": options(resolution=(36.2, 36.2)),
}
for name, applied in TIFFS.items():
    add(name, "tiff", "storage", "right", applied)


def packed_12_bits(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> Made:
    rewritten(in_12_bits)(folder, volume, rng)
    return Made(((volume,),), says="imagecodecs")


add("12 bits packed", "tiff", "storage", "right,refused", packed_12_bits)


def resaved(change: Callable[[Dataset, Path], object]) -> Applied:
    """Read each DICOM slice, change it, and save it again unless the change did."""

    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> None:
        for path in slices_of(folder):
            if has_content(path):
                header = pydicom.dcmread(path)
                if "PixelData" in header and not change(header, path):
                    header.save_as(path, enforce_file_format=True)

    return apply


def syntax(uid: str) -> Applied:
    """Another transfer syntax."""

    def change(header: Dataset, path: Path) -> bool:
        # A dataset remembers its byte order and refuses another; a copy does not, once all elements are understood.
        plain = Dataset({element.tag: element for element in header})
        plain.file_meta, plain.preamble = header.file_meta, header.preamble
        plain.file_meta.TransferSyntaxUID = uid
        if uid == ExplicitVRBigEndian and header.BitsAllocated == 16:
            plain.PixelData = np.frombuffer(header.PixelData, np.uint16).byteswap().tobytes()
        plain.save_as(path, enforce_file_format=True)
        return True

    return resaved(change)


def some_compressed(header: Dataset, path: Path) -> None:
    """A third of the slices is compressed: a series may have several transfer syntaxes."""
    if int(header.InstanceNumber if "InstanceNumber" in header else 0) % 3 == 0:
        header.compress(RLELossless)


def bare(header: Dataset, path: Path, suffix: str, meta: bool) -> bool:
    """No preamble and not the letters DICM; perhaps no file header either, and no suffix."""
    path.unlink()
    path = path.with_suffix(suffix)
    header.preamble = None
    if meta:
        header.save_as(path, enforce_file_format=False)
    else:
        plain = Dataset(header)
        plain.save_as(path, enforce_file_format=False, implicit_vr=True, little_endian=True)
    return True


def without_suffix(every: int) -> Applied:
    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> None:
        for path in slices_of(folder)[::every]:
            path.rename(path.with_suffix(""))

    return apply


def renamed(change: Callable[[str], str]) -> Applied:
    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> None:
        for path in slices_of(folder):
            path.rename(path.with_name(change(path.name)))

    return apply


def bare_in(suffix: str, meta: bool, every: int = 1) -> Applied:
    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> None:
        for path in slices_of(folder)[::every]:
            if has_content(path):
                bare(pydicom.dcmread(path), path, suffix, meta)

    return apply


def replaced_bytes(old: bytes, new: bytes, **fields: object) -> Applied:
    """Fields whose text breaks the standard in a way that pydicom would not write."""

    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> None:
        same_fields(**fields)(folder, volume, rng)
        for path in filter(has_content, slices_of(folder)):
            content = path.read_bytes()
            assert content.count(old) == 1 and len(old) == len(new)
            path.write_bytes(content.replace(old, new))

    return apply


def enhanced(header: Dataset, path: Path) -> None:
    """One slice as Enhanced CT of one frame: geometry and rescaling move into sequences."""
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID = EnhancedCTImageStorage
    shared, frame = Dataset(), Dataset()
    for group, target, names in (
        ("PixelMeasuresSequence", shared, ("PixelSpacing", "SliceThickness")),
        ("PlaneOrientationSequence", shared, ("ImageOrientationPatient",)),
        ("PixelValueTransformationSequence", frame, ("RescaleIntercept", "RescaleSlope", "RescaleType")),
        ("PlanePositionSequence", frame, ("ImagePositionPatient",)),
    ):
        item = Dataset()
        for name in names:
            if name in header:
                setattr(item, name, header[name].value)
                delattr(header, name)
        setattr(target, group, [item])
    header.NumberOfFrames = 1
    header.SharedFunctionalGroupsSequence, header.PerFrameFunctionalGroupsSequence = [shared], [frame]


DICOMS: dict[str, Applied] = {
    "explicit big endian": syntax(ExplicitVRBigEndian),
    "implicit little endian": syntax(ImplicitVRLittleEndian),
    "deflated transfer syntax": syntax(DeflatedExplicitVRLittleEndian),
    "RLE Lossless": resaved(some_compressed),
    "Enhanced CT of one frame": resaved(enhanced),
    "no suffix": without_suffix(1),
    "no suffix in half of the slices": without_suffix(2),
    "no preamble": bare_in(".dcm", True),
    "no preamble, no suffix": bare_in("", True),
    "no preamble, no file header, no suffix": bare_in("", False),
    "no preamble, no suffix in half of the slices": bare_in("", True, 2),
    "kernel absent": same_fields(ConvolutionKernel=None),
    "decimal comma in SliceThickness": replaced_bytes(b"DS\x04\x001.5 ", b"DS\x04\x001,5 ", SliceThickness="1.5"),
    "decimal comma in PixelSpacing": replaced_bytes(b"0.71\\0.71 ", b"0,71\\0,71 ", PixelSpacing=["0.71", "0.71"]),
    "text in an unknown character set": replaced_bytes(b"ISO_IR 100", b"ISO_XX 999", SpecificCharacterSet="ISO_IR 100"),
}
for name, applied in DICOMS.items():
    add(name, "dicom", "storage", "right", applied)
add("suffix in capitals", "both", "place", "right", renamed(lambda name: name.upper()))
add("suffix .tiff", "tiff", "place", "right", renamed(lambda name: name.replace(".tif", ".tiff")))
add("suffix .ima", "dicom", "place", "right", renamed(lambda name: name.replace(".dcm", ".IMA")))


def moved_away(folder: Path) -> Path:
    """Move all of a folder beside it, and make it again, empty."""
    away = folder.with_name(f"{folder.name} elsewhere")
    folder.rename(away)
    folder.mkdir()
    return away


def linked(inner: str) -> Applied:
    """The series lies elsewhere, some folders deep; a link in the folder leads to the first of them."""

    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> None:
        away = moved_away(folder)
        top, *below = inner.split("/")
        target = away.with_name(f"{away.name} {top}")
        target.joinpath(*below).parent.mkdir(parents=True, exist_ok=True)
        away.rename(target.joinpath(*below))
        (folder / top).symlink_to(target)

    return apply


def linked_slices(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> None:
    away = moved_away(folder)
    for path in away.iterdir():
        (folder / path.name).symlink_to(path)


def circle(*links: tuple[str, str]) -> Applied:
    """Links that lead to a folder above, or to each other."""

    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> None:
        for name, target in links:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).symlink_to(folder / target)

    return apply


for name, inner in {"series": "SR_2", "patient": "patient1/SR_2", "class": "covid1/patient1/SR_2"}.items():
    add(f"linked {name} folder", "both", "place", "right", linked(inner))
add("linked slices", "both", "place", "right", linked_slices)
add("link to its own folder", "both", "place", "right", circle(("loop", ".")))
add("link to the folder above", "both", "place", "right", circle(("a/up", "..")))
add("links to each other", "both", "place", "right,left-out", circle(("x", "y"), ("y", "x")))


def link_to_nothing(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> Made:
    path = slices_of(folder)[6]
    path.unlink()
    path.symlink_to(folder / "gone")
    return Made(stated=((without(volume, 6),),), strays=(path.name,))


def packed(places: slice, pack: Callable[[Path], Path]) -> Applied:
    """Slices packed one by one: unpacked they are right, left out they have to be named."""

    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> Made:
        chosen = slices_of(folder)[places]
        names = tuple(pack(path).name for path in chosen)
        for path in chosen:
            path.unlink()
        rest = np.delete(volume, np.arange(len(volume))[places], axis=0)
        return Made(((volume,),), stated=((rest,),) if len(rest) else (), strays=names)

    return apply


def gzipped(path: Path) -> Path:
    target = path.with_name(f"{path.name}.gz")
    target.write_bytes(gzip.compress(path.read_bytes(), 1))
    return target


def zipped(path: Path) -> Path:
    target = path.with_name("slices.zip")
    with zipfile.ZipFile(target, "a") as file:
        file.write(path, path.name)
    return target


def unfinished(path: Path) -> Path:
    return Path(shutil.copy(path, path.with_name(f"{path.name}.part")))


add("all slices gzipped", "both", "contents", "right,refused", packed(slice(None), gzipped))
add("half of the slices gzipped", "both", "contents", "right,refused,left-out", packed(slice(None, None, 2), gzipped))
add("one slice gzipped", "both", "contents", "right,refused,left-out", packed(slice(6, 7), gzipped))
add("half of the slices in a zip", "both", "contents", "right,refused,left-out", packed(slice(6, 12), zipped))
add("one slice still .part", "both", "contents", "right,refused,left-out", packed(slice(6, 7), unfinished))
add("one slice is a link to nothing", "both", "contents", "refused,left-out", link_to_nothing)
