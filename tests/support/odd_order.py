"""Oddities of order, spacing and names, and of what counts as one series."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom

from support.odd_base import (
    SERIES,
    Applied,
    Made,
    add,
    add_dicom,
    change_headers,
    chest,
    is_tiff,
    same_fields,
    slices_of,
    uid_of,
    without,
    write_clean,
)  # fmt: skip


def numbered(number_of: object) -> Applied:
    """Another InstanceNumber for each slice, given a function of its place; None removes it."""

    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> None:
        def change(header: pydicom.Dataset, place: int) -> None:
            del header.InstanceNumber
            if callable(number_of):
                header.InstanceNumber = number_of(place)

        change_headers(folder, change)

    return apply


def shuffled(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> None:
    """File names in another order than the slices."""
    paths = slices_of(folder)
    for path in paths:
        path.rename(path.with_name(f"old{path.name}"))
    for path, new in zip(paths, rng.permutation(len(paths)), strict=True):
        path.with_name(f"old{path.name}").rename(paths[new])


def feet_first(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> None:
    def change(header: pydicom.Dataset, place: int) -> None:
        header.ImagePositionPatient[2] = 300 - 5 * place

    change_headers(folder, change)


def named(name_of: Callable[[int], str]) -> Applied:
    """Another name for each slice, given a function of its place."""

    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> None:
        for place, path in enumerate(slices_of(folder)):
            path.rename(path.with_name(name_of(place)))

    return apply


NAMES: dict[str, Callable[[int], str]] = {
    "z_-25.tif to z_30.tif": lambda place: f"z_{5 * place - 25}.tif",
    "z_-60.tif to z_-5.tif": lambda place: f"z_{5 * place - 60}.tif",
    "z-5.tif to z6.tif": lambda place: f"z{place - 5}.tif",
    "img_-2.5.tif to img_3.0.tif": lambda place: f"img_{place / 2 - 2.5}.tif",
    "pos -7.50mm.tif to pos 6.25mm.tif": lambda place: f"pos {place * 1.25 - 7.5:.2f}mm.tif",
    "loc_0.0.tif to loc_27.5.tif": lambda place: f"loc_{place * 2.5}.tif",
    "slice-1.tif to slice-12.tif": lambda place: f"slice-{place + 1}.tif",
}
"""Names whose numbers have signs or fractions, or only seem to."""
for name, name_of in NAMES.items():
    add(f"names {name}", "tiff", "alone", "right", named(name_of))


def hyphen_or_sign(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> Made:
    """A hyphen behind a word separates; only the other names show that it is a sign: read as two series, and told."""
    named(lambda place: f"slice{place - 5}.tif")(folder, volume, rng)
    return Made(((volume,),), stated=((volume[:5][::-1], volume[5:]),))


add("names slice-5.tif to slice6.tif", "tiff", "alone", "note", hyphen_or_sign)
add("InstanceNumber constant", "dicom", "order", "right", numbered(lambda place: 1))
add("InstanceNumber restarts", "dicom", "order", "right", numbered(lambda place: place % 6 + 1))
add("InstanceNumber missing", "dicom", "order", "right", numbered(None))
add("InstanceNumber with gaps", "dicom", "order", "right", numbered(lambda place: 10 * place + 3))
add("names in another order", "dicom", "place", "right", shuffled)
add("slices from top to bottom", "dicom", "order", "right", feet_first)
add("no positions", "dicom", "contents", "note,refused", same_fields(ImagePositionPatient=None, SliceLocation=None))


def nothing_to_order_by(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> None:
    same_fields(ImagePositionPatient=None, InstanceNumber=None)(folder, volume, rng)


add("no positions, no numbers", "dicom", "contents", "refused", nothing_to_order_by)


def named_of_twelve(pattern: str) -> Applied:
    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> None:
        for path in slices_of(folder):
            path.rename(path.with_name(pattern.format(int(path.stem[2:])) + path.suffix))

    return apply


for pattern in ("slice {} of 12", "{}of12", "IM_{}_512x512", "chest 2020-03-{:02} 5mm"):
    add(f"names: {pattern}", "tiff", "place", "right", named_of_twelve(pattern))


def at(positions: object, **fields: object) -> Applied:
    """Other positions along z, given a function of the place in the series."""

    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> Made:
        def change(header: pydicom.Dataset, place: int) -> None:
            header.ImagePositionPatient[2] = positions(place, rng)  # type: ignore[operator]
            for name, value in fields.items():
                setattr(header, name, value)

        change_headers(folder, change)
        return Made(stated=((volume,),))

    return apply


def missing(*places: int) -> Applied:
    """Slices that are not there."""

    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> Made:
        paths = slices_of(folder)
        for place in places:
            paths[place].unlink()
        return Made(stated=((without(volume, *places),),))

    return apply


add("three slices missing", "both", "contents", "note,refused", missing(5, 6, 7))
add("one slice missing", "both", "contents", "note,refused", missing(6))
add("every other slice missing in one half", "both", "contents", "note,refused", missing(7, 9))
add("spacing wide in one half", "dicom", "contents", "note,refused", at(lambda i, rng: 5.0 * i + 5.0 * max(0, i - 6)))
add("spacing uneven", "dicom", "contents", "note,refused", at(lambda i, rng: 5.0 * i + rng.uniform(-2.2, 2.2)))


def legal_spacing(step: float, thickness: float, jitter: float = 0.0) -> Applied:
    applied = at(lambda i, rng: step * i + rng.uniform(-jitter, jitter), SliceThickness=thickness)

    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> None:
        applied(folder, volume, rng)

    return apply


add("overlapping slices", "dicom", "order", "right", legal_spacing(2.5, 5))
add("thin slices far apart", "dicom", "order", "right", legal_spacing(10, 1))
add("positions rounded", "dicom", "order", "right", legal_spacing(5, 5, 0.02))


def same_position(other_content: bool) -> Applied:
    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> Made:
        pixels = chest(len(volume), 77)[6] if other_content else volume[6]
        z = float(pydicom.dcmread(slices_of(folder)[6]).ImagePositionPatient[2])
        add_dicom(folder / "IM00013.dcm", pixels, 13, z)
        replaced = volume.copy()
        replaced[6] = pixels
        return Made(stated=((volume,), (replaced,)), strays=("IM00013.dcm", "IM00007.dcm"))

    return apply


add("two slices at one position", "dicom", "contents", "left-out,refused", same_position(True))
add("one slice twice at one position", "dicom", "contents", "left-out,refused,note", same_position(False))


def two(second: dict[str, object], z: float = 0.0, first: int = 13, uid: str | None = SERIES) -> Applied:
    """A second stack of another content in the folder; with a UID of its own it is another series, which is right."""

    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> Made:
        other = chest(len(volume), 77)
        write_clean(folder, other, "dicom", first, z, **{**second, **({"uid": uid} if uid else {})})
        if uid is None:
            same_fields(SeriesInstanceUID=None)(folder, volume, rng)
        both = ((volume, other),)
        return Made(answers=both) if uid not in (SERIES, None) else Made(stated=both)

    return apply


TOGETHER = {
    "two acquisitions at equal positions": two({"AcquisitionNumber": 2, "AcquisitionTime": "101500"}),
    "two kernels at equal positions": two({"ConvolutionKernel": "B30f"}),
    "two kernels at positions in between": two({"ConvolutionKernel": "B30f"}, z=2.5),
    "two stacks apart": two({}, z=500),
    "two stacks apart, no UID": two({}, z=500, uid=None),
    "two time points at equal positions": two({"TemporalPositionIdentifier": 2, "ContentTime": "110000"}),
    "two time points, the table moved": two({"AcquisitionNumber": 2, "AcquisitionDate": "20200402"}, z=1.3),
    "two studies under one UID": two({"StudyInstanceUID": uid_of("other study")}, z=2.5),
}
for name, applied in TOGETHER.items():
    add(name, "dicom", "contents", "note,refused", applied)
add("two series in one folder", "dicom", "contents", "right", two({"SeriesNumber": 3}, uid=uid_of("other series")))
add("SeriesInstanceUID missing", "dicom", "contents", "right", same_fields(SeriesInstanceUID=None))


def uid_per_slice(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> Made:
    for place in range(len(volume)):
        same_fields([place], SeriesInstanceUID=uid_of(f"slice {place}"))(folder, volume, rng)
    return Made(stated=((volume,),))


def two_folders(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> Made:
    halves = {"a": slices_of(folder)[:6], "b": slices_of(folder)[6:]}
    for name, paths in halves.items():
        (folder / name).mkdir()
        for path in paths:
            path.rename(folder / name / path.name)
    # TIFF says nothing of the folders: two short series are what they look like.
    split = (volume[:6], volume[6:])
    return Made(((volume,), split)) if is_tiff(folder) else Made(((volume,),), stated=(split,))


add("UID per slice", "dicom", "contents", "note,refused", uid_per_slice)
add("one series over two folders", "both", "contents", "right,refused", two_folders)


def tiff_stacks(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> Made:
    """Two series whose names count on: a_001 to a_012, b_013 to b_024."""
    other = chest(len(volume), 77)
    for number, path in enumerate(slices_of(folder), start=1):
        path.rename(folder / f"a_{number:03d}.tif")
    for number, path in enumerate(write_clean(folder, other, "tiff", 13), start=13):
        path.rename(folder / f"b_{number:03d}.tif")
    return Made(answers=((volume, other),))


add("two series of TIFF that count on", "tiff", "contents", "right,refused", tiff_stacks)
