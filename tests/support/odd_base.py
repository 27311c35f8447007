"""Small chest-like series on disk, and the register of the oddities that `odd_series` applies to them."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pydicom
import tifffile

from covidlib.scans.tiff import write_slice
from support.dicom_files import write_dicom

SIDE = 512
NUMBERED = re.compile(r"IM\d{5}(\.tif|\.dcm)?")
STUDY = "1.2.826.0.1.3680043.10.999.1"
SERIES = f"{STUDY}.1"
HEADER: dict[str, object] = {
    "PatientID": "A1", "PatientSex": "F", "PatientBirthDate": "19600101", "StudyInstanceUID": STUDY,
    "FrameOfReferenceUID": f"{STUDY}.0", "AcquisitionNumber": 1, "SliceThickness": 5.0, "PixelSpacing": [0.7, 0.7],
    "ConvolutionKernel": "B60f", "KVP": 110, "Manufacturer": "SIEMENS", "BodyPartExamined": "CHEST",
    "PatientPosition": "HFS", "RescaleType": "HU", "BitsStored": 12, "HighBit": 11,
}  # fmt: skip
"""Fields of an ordinary CT slice, beside those that `write_dicom` writes."""

Answer = tuple[np.ndarray, ...]
"""The volumes of the series that a folder should be read as, in any order."""


@dataclass(frozen=True)
class Made:
    """What is right for a folder once an oddity was applied.

    Attributes
    ----------
    answers : tuple of Answer
        Readings that need no finding.
    stated : tuple of Answer
        Readings that are right only together with a finding, such as a series with slices missing.
    strays : tuple of str
        Names of files that do not belong to the series: if they are left out, a finding has to name one of them.
    says : str
        A word that a refusal has to contain.
    patients : int or None
        Number of patients in the folder, where the oddity is about people.
    """

    answers: tuple[Answer, ...] = ()
    stated: tuple[Answer, ...] = ()
    strays: tuple[str, ...] = ()
    says: str = ""
    patients: int | None = None


Applied = Callable[[Path, np.ndarray, np.random.Generator], Made | None]


@dataclass(frozen=True)
class Oddity:
    """One way in which a well-formed series is unlike what a reader expects.

    Attributes
    ----------
    kind : "tiff", "dicom" or "both"
    group : str
        Oddities of one group are not combined, and those of "alone" with none; see `odd_series.GROUPS`.
    expect : set of str
        The outcomes that are no mistake; see `odd_series.outcome_of`.
    apply : function (folder, volume, rng)
        Changes the clean series of the volume in the folder, and says what is right now; None if the volume still is.
    """

    kind: str
    group: str
    expect: frozenset[str]
    apply: Applied

    def make(self, folder: Path, volume: np.ndarray, rng: np.random.Generator) -> Made:
        """Apply it."""
        return self.apply(folder, volume, rng) or Made(((volume,),))

    def formats(self) -> tuple[str, ...]:
        """The file formats that it can be applied to."""
        return ("tiff", "dicom") if self.kind == "both" else (self.kind,)


ODDITIES: dict[str, Oddity] = {}


def add(name: str, kind: str, group: str, expect: str, apply: Applied) -> None:
    """Register an oddity; `expect` lists outcomes, with commas."""
    assert name not in ODDITIES, name
    ODDITIES[name] = Oddity(kind, group, frozenset(expect.split(",")), apply)


@lru_cache(maxsize=8)
def chest(slices: int = 12, seed: int = 0) -> np.ndarray:
    """A chest without left-right or front-back symmetry whose lungs grow and shrink along the series.

    The selection rule keeps the slices in the middle and drops both ends.

    Returns
    -------
    uint16 array, shape (slices, 512, 512)
        HU + 1024; 0 outside the circular reconstruction field. Read-only, because it is shared.
    """
    rng = np.random.default_rng(seed)
    grain = rng.standard_normal((SIDE, SIDE), np.float32)
    size = rng.uniform(0.96, 1.04)
    row, column = rng.integers(-5, 6, 2) + (262, 258)
    vessels = np.column_stack([rng.uniform(-75, 75, 40), rng.choice([-96, 92], 40) + rng.uniform(-40, 40, 40)])
    inside = _inside(SIDE, SIDE, 255.5, 255.5, 254, 254)
    volume = np.zeros((slices, SIDE, SIDE), np.uint16)
    for number, pixels in enumerate(volume):
        open_ = np.sin(np.pi * ((number + 0.7) / (slices + 0.4)) ** 0.85)
        parts = [
            (0, 0, 143, 207, 924, 12),  # fat
            (4, 2, 127, 190, 1064, 12),  # muscle
            (8, -92, 104 * open_, 72 * open_, 174, 40),  # right lung
            (14, 96, 84 * open_, 50 * open_, 174, 40),  # left lung
            (-42, 36, 46, 52, 1074, 12),  # heart, to the left and in front
            (-40, -6, 9, 8, 24, 8),  # windpipe
            (94, 3, 26, 30, 1424, 60),  # spine, behind
            (90, 3, 11, 14, 2400, 50),
            (118, 3, 14, 6, 2000, 60),
            (-117, 4, 5, 22, 1700, 60),  # breastbone
            *((place[0], place[1], 3, 3, 1050, 12) for place in vessels if abs(place[0]) < 90 * open_),
        ]
        mean, spread = np.full((SIDE, SIDE), 24, np.float32), np.full((SIDE, SIDE), 8, np.float32)
        for down, right, high, wide, value, noise in parts:
            _paint(mean, spread, (row + down * size, column + right * size), (high * size, wide * size), value, noise)
        mean[428:432, 70:440], mean[432:440, 78:432], spread[428:440, 78:432] = 1500, 500, 20  # table
        moved = np.roll(grain, tuple(rng.integers(0, SIDE, 2)), (0, 1))
        np.clip(mean + spread * moved, 1, 4095, out=mean)
        pixels[inside] = mean[inside]
    volume.flags.writeable = False
    return volume


def _inside(rows: int, columns: int, row: float, column: float, high: float, wide: float) -> np.ndarray:
    down, right = np.ogrid[:rows, :columns]
    return ((down - row) / max(high, 1e-3)) ** 2 + ((right - column) / max(wide, 1e-3)) ** 2 < 1


def _paint(
    mean: np.ndarray, spread: np.ndarray, centre: tuple[float, float], half: tuple[float, float], value: int, noise: int
) -> None:
    top, left = (max(0, int(middle - size)) for middle, size in zip(centre, half, strict=True))
    bottom, right = (min(SIDE, int(middle + size) + 2) for middle, size in zip(centre, half, strict=True))
    shape = _inside(bottom - top, right - left, centre[0] - top, centre[1] - left, *half)
    mean[top:bottom, left:right][shape] = value
    spread[top:bottom, left:right][shape] = noise


def write_clean(
    folder: Path, volume: np.ndarray, kind: str, first: int = 1, z: float = 0.0, spacing: float = 5.0, **fields: object
) -> list[Path]:
    """Write a volume as IM00001.tif and so on, or as DICOM; fields as for `write_dicom`."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for place, pixels in enumerate(volume):
        number = first + place
        paths.append(folder / f"IM{number:05d}.{'tif' if kind == 'tiff' else 'dcm'}")
        if kind == "tiff":
            write_slice(paths[-1], pixels)
        else:
            add_dicom(paths[-1], pixels, number, z + spacing * place, **fields)
    return paths


def add_dicom(path: Path, stored: np.ndarray, number: int, z: float, **fields: object) -> Path:
    """Write one ordinary CT slice, with other fields where they are given."""
    return write_dicom(path, stored, number, z, **{"uid": SERIES, **HEADER, **fields})  # type: ignore[arg-type]


def slices_of(folder: Path) -> list[Path]:
    """The numbered slices below a folder, in the order of their names."""
    return sorted(
        (path for path in folder.rglob("*") if NUMBERED.fullmatch(path.name)), key=lambda path: (path.name, path.parent)
    )


def is_tiff(folder: Path) -> bool:
    """Whether a folder's slices are TIFF."""
    return any(path.suffix == ".tif" for path in slices_of(folder))


def write_tiff(path: Path, pixels: np.ndarray, **options: object) -> Path:
    """Write any array as TIFF, without metadata of the program."""
    grey = {"photometric": "minisblack"} if pixels.shape[-1] != 3 else {"photometric": "rgb"}
    tifffile.imwrite(path, pixels, **{**grey, "metadata": None, "software": False, **options})  # type: ignore[arg-type]
    return path


def change_pixels(
    folder: Path, change: Callable[[np.ndarray], np.ndarray], places: Iterable[int] | None = None
) -> None:
    """Replace the stored pixels of slices: of all, or of those at some places in the series."""
    paths = slices_of(folder)
    for path in paths if places is None else [paths[place] for place in places]:
        if path.suffix == ".tif":
            write_tiff(path, change(tifffile.imread(path)))
        else:
            header = pydicom.dcmread(path)
            set_stored(header, change(header.pixel_array))
            header.save_as(path, enforce_file_format=True)


def set_stored(header: pydicom.Dataset, stored: np.ndarray) -> None:
    """Put pixels into a header, and describe them in it; BitsStored only where the number of bits is another."""
    bits = 8 * stored.dtype.itemsize
    if bits != header.BitsAllocated:
        header.BitsAllocated, header.BitsStored, header.HighBit = bits, bits, bits - 1
    header.Rows, header.Columns = stored.shape
    header.PixelRepresentation = int(stored.dtype.kind == "i")
    header.PixelData = np.ascontiguousarray(stored).tobytes()


def change_headers(
    folder: Path, change: Callable[[pydicom.Dataset, int], None], places: Iterable[int] | None = None
) -> None:
    """Change the headers of DICOM slices; the function is given each header, and the slice's place from 0."""
    paths = slices_of(folder)
    for place in range(len(paths)) if places is None else places:
        if has_content(paths[place]):
            header = pydicom.dcmread(paths[place])
            change(header, place)
            header.save_as(paths[place], enforce_file_format=True)


def has_content(path: Path) -> bool:
    """Whether a file is there and not empty: another oddity may have emptied it."""
    return path.is_file() and path.stat().st_size > 0


def same_fields(places: Iterable[int] | None = None, **fields: object) -> Applied:
    """An oddity that gives all slices, or some, the same values of fields; None removes a field."""

    def change(header: pydicom.Dataset, _: int) -> None:
        for name, value in fields.items():
            if value is not None:
                setattr(header, name, value)
            elif name in header:
                delattr(header, name)

    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> None:
        change_headers(folder, change, places)

    return apply


def without(volume: np.ndarray, *places: int) -> np.ndarray:
    """A volume without the slices at some places."""
    return np.delete(volume, places, axis=0)


def uid_of(text: str) -> str:
    """A UID that depends on a text alone."""
    return f"{STUDY}.{zlib.crc32(text.encode())}"
