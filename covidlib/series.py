"""CT series: find them under a folder, order their slices, read 16-bit TIFF strictly, write it (paper, section 2.1).

A slice is stored as COVID-CTset stores it: unsigned 16 bits, value = Hounsfield units + 1024, 0 outside the
reconstruction field. Readers refuse anything else, because a silent conversion (8 bits, float, colour) would still
look like a picture and give another result. Taught in chapter 01.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal

import numpy as np
import tifffile

from covidlib import dicom
from covidlib.errors import InputError

SLICE_SIDE = 512
"""Rows and columns of a slice, in all 1,119 series of COVID-CTset and in the synthetic cohort."""
TIFF_SUFFIXES = (".tif", ".tiff")

PUBLISHED_NAME = re.compile(
    r"(?P<prefix>[^/]*?(?P<label>covid|normal)[^/_]*)[/_](?P<patient>patient\d+)[/_](?P<series>SR_\d+)[/_]"
    r"IM(?P<number>\d+)\.tiff?$",
    re.IGNORECASE,
)


class Truncated(InputError):
    """A file that is shorter than its header says."""


@dataclass(frozen=True)
class SliceName:
    """What COVID-CTset's file names say: `covid1/patient1/SR_2/IM00010.tif` or `137covid_patient1_SR_2_IM00010.tif`."""

    prefix: str
    label: Literal["covid", "normal"]
    patient: str
    series: str
    number: int


@dataclass(frozen=True)
class Series:
    """One CT series: files in slice order.

    Attributes
    ----------
    name : str
        The folder; for flat names the path up to the slice number, so that every series has its own.
    files : tuple of Path
        One file a slice, in the order in which the table moved.
    kind : "tiff" or "dicom"
        How the slices are stored.
    remarks : tuple of str
        What a reader should know, such as DICOM positions that contradict the instance numbers.
    """

    name: str
    files: tuple[Path, ...]
    kind: Literal["tiff", "dicom"]
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.files)


def is_slice(name: str) -> bool:
    """Whether a name is that of a TIFF slice. Taught in chapter 01."""
    # macOS leaves a ._IM00001.tif beside each IM00001.tif, also in zips: no slice.
    return PurePosixPath(name).suffix.lower() in TIFF_SUFFIXES and not PurePosixPath(name).name.startswith(".")


def identify(path: str | Path) -> SliceName | None:
    """Patient, series, slice number and class from a published file name; None for any other name.

    Taught in chapter 01.
    """
    found = PUBLISHED_NAME.search(Path(path).as_posix())
    if found is None:
        return None
    label: Literal["covid", "normal"] = "covid" if found["label"].lower() == "covid" else "normal"
    return SliceName(found["prefix"], label, found["patient"], found["series"], int(found["number"]))


def natural_key(name: str) -> tuple[tuple[int, str], ...]:
    """Key that sorts IM2 before IM10: digits compare as numbers, the rest as text.

    Taught in chapter 01.
    """
    parts = re.split(r"(\d+)", name.lower())
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts if part)


def find_series(root: str | Path) -> list[Series]:
    """All CT series under a folder, in natural order of their paths (paper, section 2.1).

    Both of COVID-CTset's layouts are understood; of other TIFF files, those of one folder are one series. DICOM files
    are grouped by series UID. Files that are neither TIFF nor DICOM are passed over. Taught in chapter 01.

    Raises
    ------
    InputError
        If there is no such folder, no slice in it, a folder that mixes TIFF and DICOM, or two slices with one number.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(root, "there is no such folder", "Name a folder that holds the slices of one or more series")
    series = [one for folder, names in walk(root) for one in _series_of_folder(folder, names)]
    if not series:
        raise InputError(
            root, "no TIFF or DICOM slice found", "Name a folder that holds 16-bit TIFF or DICOM slices of chest CT"
        )
    return sorted(series, key=lambda one: natural_key(one.name))


def walk(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Every folder from `root` down with the names of its files, hidden ones left out. Taught in chapter 01.

    Raises
    ------
    InputError
        If a folder may not be opened.
    """

    def refuse(error: OSError) -> None:
        raise InputError(error.filename, f"cannot be opened ({error.strerror})", "Grant read permission and try again")

    for folder, folders, names in os.walk(root, onerror=refuse):
        # Hidden entries are bookkeeping (macOS leaves a ._IM00001.tif beside each IM00001.tif), never slices.
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield Path(folder), [name for name in names if not name.startswith(".")]


def _series_of_folder(folder: Path, names: list[str]) -> list[Series]:
    tiffs = [folder / name for name in names if name.lower().endswith(TIFF_SUFFIXES)]
    others = [folder / name for name in names if not name.lower().endswith(TIFF_SUFFIXES)]
    dicoms = [path for path in others if dicom.looks_like_dicom(path)]
    if tiffs and dicoms:
        raise InputError(
            folder,
            f"mixes {len(tiffs)} TIFF and {len(dicoms)} DICOM files",
            "Put the slices of one series, in one format, in a folder of their own",
        )
    if dicoms:
        return [Series(group.name, group.files, "dicom", group.remarks) for group in dicom.group_series(folder, dicoms)]
    groups: dict[str, list[Path]] = defaultdict(list)
    for path in tiffs:
        published = identify(path.name)
        key = folder / f"{published.prefix}_{published.patient}_{published.series}" if published else folder
        groups[str(key)].append(path)
    return [Series(name, _in_slice_order(paths), "tiff") for name, paths in groups.items()]


def _in_slice_order(paths: list[Path]) -> tuple[Path, ...]:
    ordered = sorted(paths, key=lambda path: natural_key(path.stem))
    seen: dict[object, Path] = {}
    for path in ordered:
        number = re.search(r"\d+$", path.stem)
        key: object = int(number[0]) if number else natural_key(path.stem)
        if key in seen:
            raise InputError(
                path,
                f"has the same slice number as {seen[key].name}",
                "Keep one file a slice; put each series in a folder of its own",
            )
        seen[key] = path
    return tuple(ordered)


@dataclass(frozen=True)
class _Header:
    """What comes before the pixels of an uncompressed TIFF whose pixels come last, and what it says."""

    start: bytes
    file_size: int
    shape: tuple[int, int]
    byteorder: str


class RowReader:
    """Reads some rows of slices; the header that slices of one series share is understood once, then compared.

    Taught in chapter 02.
    """

    def __init__(self) -> None:
        self._last: _Header | None = None

    def read(self, path: str | Path, rows: slice = slice(None)) -> tuple[np.ndarray, tuple[int, int]]:
        """Some rows of one slice, and the shape of the whole slice.

        Of an uncompressed TIFF only header and wanted rows are read from disk. Taught in chapter 02.

        Returns
        -------
        pixels : uint16 array, shape (wanted rows, columns)
            HU + 1024.
        shape : (rows, columns) of the whole slice.

        Raises
        ------
        InputError
            If the file is no unsigned 16-bit, one-channel slice, or is damaged or out of reach.
        """
        path = Path(path)
        if not path.name.lower().endswith(TIFF_SUFFIXES):
            pixels = dicom.read_dicom(path)
            return pixels[rows], (pixels.shape[0], pixels.shape[1])
        try:
            with path.open("rb") as stream:
                return self._read_tiff(path, stream, rows)
        except InputError:
            raise
        except PermissionError as error:
            raise InputError(path, "may not be read (no permission)", "Grant read permission and try again") from error
        except FileNotFoundError as error:
            raise InputError(path, "is not there", "Check the path; was the folder moved while it was read?") from error
        except Exception as error:  # a damaged file can fail anywhere in the decoder: whatever it says, name the file
            raise InputError(
                path,
                f"cannot be read as TIFF ({error})",
                "Copy or download the file again; a partial copy looks like this",
            ) from error

    def _read_tiff(self, path: Path, stream: BinaryIO, rows: slice) -> tuple[np.ndarray, tuple[int, int]]:
        header, size = self._last, os.fstat(stream.fileno()).st_size
        if header is None or size != header.file_size or stream.read(len(header.start)) != header.start:
            stream.seek(0)
            with tifffile.TiffFile(stream) as tiff:
                page = strict_page(path, tiff)
                shape = (page.shape[0], page.shape[1])
                start, count = page.dataoffsets[0], 2 * shape[0] * shape[1]
                plain = page.is_contiguous and page.compression == 1 and page.fillorder == 1
                if not plain or start + count != size:
                    return _decoded(path, page, shape)[rows].astype(np.uint16), shape
                stream.seek(0)
                header = self._last = _Header(stream.read(start), size, shape, tiff.byteorder)
        wanted = range(header.shape[0])[rows]
        first, end = (min(wanted), max(wanted) + 1) if wanted else (0, 0)
        columns = header.shape[1]
        stream.seek(len(header.start) + 2 * columns * first)
        stored = np.fromfile(stream, f"{header.byteorder}u2", (end - first) * columns).reshape(-1, columns)
        return stored[:: wanted.step].astype(np.uint16, copy=False), header.shape


def _decoded(path: Path, page: tifffile.TiffPage, shape: tuple[int, int]) -> np.ndarray:
    pixels = page.asarray()
    if pixels.shape != shape:
        raise InputError(path, f"decodes to {pixels.shape}, its header says {shape}", "Copy or download the file again")
    return pixels


def read_rows(path: str | Path, rows: slice = slice(None)) -> tuple[np.ndarray, tuple[int, int]]:
    """Some rows of one slice, and the shape of the whole slice; see `RowReader`. Taught in chapter 02."""
    return RowReader().read(path, rows)


def strict_page(path: Path, tiff: tifffile.TiffFile) -> tifffile.TiffPage:
    """The one page of an open TIFF file, if it is a slice as COVID-CTset stores it (paper, section 2.1).

    Taught in chapter 01.

    Raises
    ------
    Truncated
        If the file is shorter than its header says.
    InputError
        If it holds anything but one unsigned 16-bit grey channel, or several images.
    """
    if len(tiff.pages) != 1:
        raise InputError(path, f"holds {len(tiff.pages)} images, expected 1", "Write one slice a file")
    page = tiff.pages.first
    remedy = "Export 16-bit grey slices (HU + 1024) again from the source; converting back does not restore them"
    if len(page.shape) != 2 or page.samplesperpixel != 1:
        raise InputError(path, f"has shape {page.shape}, expected one grey channel (rows, columns)", remedy)
    if page.dtype != np.uint16:
        raise InputError(path, f"holds {page.dtype} pixels, expected unsigned 16-bit (uint16)", remedy)
    if page.photometric != tifffile.PHOTOMETRIC.MINISBLACK:
        raise InputError(
            path,
            f"stores grey as {tifffile.PHOTOMETRIC(page.photometric).name}, expected MINISBLACK (0 is black)",
            remedy,
        )
    if max(page.shape) > dicom.LARGEST_SIDE:
        raise InputError(
            path,
            f"says that it has {page.shape[0]}×{page.shape[1]} pixels",
            f"Slices have at most {dicom.LARGEST_SIDE} a side",
        )
    needed = max(start + size for start, size in zip(page.dataoffsets, page.databytecounts, strict=True))
    if page.compression == 1:
        needed = max(needed, page.dataoffsets[0] + 2 * page.shape[0] * page.shape[1])
    if needed > tiff.filehandle.size:
        raise Truncated(
            path,
            f"is truncated: {tiff.filehandle.size} bytes, expected at least {needed}",
            "Copy or download the file again",
        )
    return page


def read_slice(path: str | Path) -> np.ndarray:
    """One slice, TIFF or DICOM, as the network and the selection rule want it (paper, section 2.1).

    Taught in chapter 01.

    Returns
    -------
    uint16 array, shape (rows, columns)
        HU + 1024.

    Raises
    ------
    InputError
        If the file is no unsigned 16-bit, one-channel slice, or is damaged or out of reach.
    """
    return read_rows(path)[0]


def read_series(series: Series) -> np.ndarray:
    """All slices of a series, in slice order. Taught in chapter 01.

    Returns
    -------
    uint16 array, shape (slices, rows, columns)
        HU + 1024.

    Raises
    ------
    InputError
        If a slice cannot be read, or the slices differ in size.
    """
    slices = [read_slice(path) for path in series.files]
    for path, pixels in zip(series.files, slices, strict=True):
        check_same_shape(path, pixels.shape, series.files[0], slices[0].shape)
    return np.stack(slices)


def check_same_shape(path: Path, shape: tuple[int, ...], first: Path, expected: tuple[int, ...]) -> None:
    """Refuse a series whose slices differ in size. Taught in chapter 01.

    Raises
    ------
    InputError
        If `shape` is not `expected`, the shape of the series' first slice.
    """
    if shape != expected:
        raise InputError(
            path,
            f"has {shape[0]}×{shape[1]} pixels where {first.name} has {expected[0]}×{expected[1]}",
            "A series has one size: put slices of another size in a folder of their own",
        )


def write_slice(path: str | Path, pixels: np.ndarray) -> None:
    """Write one slice as COVID-CTset does: uncompressed 16-bit TIFF (paper, section 2.1). Taught in chapter 01.

    The same pixels give the same bytes: no date, no software name. The file appears whole or not at all.

    Parameters
    ----------
    pixels : uint16 array, shape (rows, columns)
        HU + 1024.

    Raises
    ------
    InputError
        If the pixels are not uint16 with two axes.
    """
    path = Path(path)
    if pixels.dtype != np.uint16 or pixels.ndim != 2:
        raise InputError(
            path, f"{pixels.dtype} pixels of shape {pixels.shape} are no slice", "Give uint16 (rows, columns)"
        )
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        tifffile.imwrite(part, pixels, photometric="minisblack", metadata=None, software=False)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
