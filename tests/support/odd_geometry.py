"""Oddities of orientation: DICOM axes, and the TIFF tag Orientation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom

from support.odd_base import (
    SIDE,
    Applied,
    Made,
    add,
    add_dicom,
    change_headers,
    same_fields,
    set_stored,
    slices_of,
    without,
    write_tiff,
)
from support.odd_storage import rewritten

CORONAL, SAGITTAL = [1, 0, 0, 0, 0, -1], [0, 1, 0, 0, 0, -1]
HALF_TURN = np.sqrt(0.5)


def turned(pixels: np.ndarray, axes: list[float]) -> np.ndarray:
    """An axial slice as it looks with other axes in the plane (ImageOrientationPatient with whole numbers)."""
    along_row, along_column = axes[0] + axes[1], axes[3] + axes[4]
    view = pixels.T if axes[0] == 0 else pixels
    return view[:: int(along_column), :: int(along_row)]


def corner(axes: list[float], z: float) -> list[float]:
    """Position of the first pixel of a slice whose middle is on the scanner's axis."""
    middle = (SIDE - 1) / 2 * 0.7
    return [-middle * (axes[0] + axes[3]), -middle * (axes[1] + axes[4]), z]


def plane_of(volume: np.ndarray, axes: list[float], number: int) -> np.ndarray:
    """A coronal or sagittal plane of a volume, stretched to the size of a slice."""
    plane = volume[::-1, 150 + 12 * number] if axes == CORONAL else volume[::-1, :, 150 + 12 * number]
    return np.repeat(plane, -(-SIDE // len(plane)), axis=0)[:SIDE]


def one_plane(axes: list[float]) -> Applied:
    """A reformatted plane under the UID of the series."""

    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> Made:
        path = folder / "IM00013.dcm"
        place = [-179, -41, 60] if axes == CORONAL else [-41, -179, 60]
        add_dicom(path, plane_of(volume, axes, 8), 13, 30, ImageOrientationPatient=axes, ImagePositionPatient=place)
        return Made(stated=((volume,),), strays=(path.name,))

    return apply


def all_planes(axes: list[float]) -> Applied:
    """The whole series reformatted."""

    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> None:
        def change(header: pydicom.Dataset, place: int) -> None:
            step = -60 + 12.0 * place
            header.ImageOrientationPatient = axes
            header.ImagePositionPatient = [-179, step, 60] if axes == CORONAL else [step, -179, 60]
            set_stored(header, plane_of(volume, axes, place))

        change_headers(folder, change)

    return apply


def turn(axes: list[float], place: int | None = None) -> Applied:
    """Pixels and header turned alike, of all slices or one: the same anatomy at the same place."""

    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> Made | None:
        def change(header: pydicom.Dataset, place: int) -> None:
            z = float(header.ImagePositionPatient[2])
            header.ImageOrientationPatient, header.ImagePositionPatient = axes, corner(axes, z)
            set_stored(header, turned(header.pixel_array, axes))

        change_headers(folder, change, None if place is None else [place])
        if place is None:
            return None
        return Made(((volume,),), ((without(volume, place),),), (slices_of(folder)[place].name,))

    return apply


def tilt(degrees: float) -> Applied:
    """The gantry tilted: slices leave the plane across the table, which still moves along z."""

    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> None:
        angle = np.deg2rad(degrees)
        axes = [1, 0, 0, 0, round(float(np.cos(angle)), 6), round(float(-np.sin(angle)), 6)]
        same_fields(ImageOrientationPatient=axes, GantryDetectorTilt=degrees)(folder, volume, rng)

    return apply


for name, axes in {"coronal": CORONAL, "sagittal": SAGITTAL}.items():
    add(f"one {name} slice", "dicom", "contents", "left-out,refused", one_plane(axes))
    add(f"series is {name}", "dicom", "geometry", "refused", all_planes(axes))
add("prone", "dicom", "geometry", "right", turn([-1, 0, 0, 0, -1, 0]))
TURNS = {
    "mirrored left to right": [-1, 0, 0, 0, 1, 0], "mirrored front to back": [1, 0, 0, 0, -1, 0],
    "turned by 90 degrees": [0, 1, 0, -1, 0, 0], "turned by 270 degrees": [0, -1, 0, 1, 0, 0],
    "transposed": [0, 1, 0, 1, 0, 0],
}  # fmt: skip
for name, axes in TURNS.items():
    add(name, "dicom", "geometry", "right,refused", turn(axes))
add("one slice prone", "dicom", "contents", "right,left-out,refused", turn([-1, 0, 0, 0, -1, 0], 5))
OBLIQUE = {
    "oblique by 45 degrees": [1, 0, 0, 0, HALF_TURN, -HALF_TURN],
    "turned by 45 degrees": [HALF_TURN, HALF_TURN, 0, -HALF_TURN, HALF_TURN, 0],
}
for name, axes in OBLIQUE.items():
    add(name, "dicom", "geometry", "refused", same_fields(ImageOrientationPatient=[round(float(a), 6) for a in axes]))
for degrees in (10, 20):
    add(f"gantry tilted by {degrees} degrees", "dicom", "geometry", "right", tilt(degrees))


def orientation_tag(value: int) -> Applied:
    """TIFF Orientation (274), with pixels stored so that a program which follows it shows the clean slice."""
    stored = {
        2: lambda v: v[:, ::-1], 3: lambda v: v[::-1, ::-1], 4: lambda v: v[::-1], 5: lambda v: v.T,
        6: lambda v: v.T[::-1], 7: lambda v: v.T[::-1, ::-1], 8: lambda v: v.T[:, ::-1],
    }  # fmt: skip

    def write(path: Path, pixels: np.ndarray) -> None:
        turned_too = np.ascontiguousarray(stored.get(value, lambda v: v)(pixels))
        write_tiff(path, turned_too, extratags=[(274, 3, 1, value, True)])

    return rewritten(write)


for value in range(2, 9):
    add(f"TIFF orientation {value}", "tiff", "storage", "right", orientation_tag(value))
for value in (0, 9, 65535):
    add(f"TIFF orientation {value}", "tiff", "storage", "right,refused", orientation_tag(value))
