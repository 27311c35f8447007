"""Find the CT series under a folder, order their slices, and read them (paper, section 2.1).

A slice is stored as in COVID-CTset: unsigned 16 bits, value = Hounsfield units + 1024, 0 outside the reconstruction
field. Readers refuse anything else, because a silently converted image (8 bits, float, colour) would still look right
but give another result. Taught in chapter 01.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from covidlib.errors import InputError
from covidlib.scans import dicom
from covidlib.scans.filenames import TIFF_SUFFIXES, identify, natural_key
from covidlib.scans.slices import check_same_shape, read_slice


@dataclass(frozen=True)
class Series:
    """One CT series: its files in slice order.

    Attributes
    ----------
    name : str
        The folder; for flat names the path up to the slice number, so that every series has a different name.
    files : tuple of Path
        One file per slice, in the order in which the table moved.
    kind : "tiff" or "dicom"
        File format of the slices.
    remarks : tuple of str
        Irregularities, such as DICOM positions that contradict the instance numbers.
    """

    name: str
    files: tuple[Path, ...]
    kind: Literal["tiff", "dicom"]
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.files)


def find_series(root: str | Path) -> list[Series]:
    """Find all CT series under a folder, in natural order of their paths (paper, section 2.1).

    Both of COVID-CTset's layouts are recognised; other TIFF files in the same folder are one series. DICOM files are
    grouped by series UID. Files that are neither TIFF nor DICOM are skipped.

    Raises
    ------
    InputError
        If the folder does not exist or has no slice, a folder mixes TIFF and DICOM, or two slices have the same number.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(root, "there is no such folder", "Name a folder with the slices of one or more series")
    all_series = [series for folder, names in walk(root) for series in _series_of_folder(folder, names)]
    if not all_series:
        raise InputError(
            root, "no TIFF or DICOM slice found", "Name a folder with 16-bit TIFF or DICOM slices of chest CT"
        )
    return sorted(all_series, key=lambda series: natural_key(series.name))


def walk(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Walk through every folder from `root` down, with the names of its files, without hidden ones.

    Raises
    ------
    InputError
        If a folder cannot be opened.
    """

    def refuse(error: OSError) -> None:
        raise InputError(error.filename, f"cannot be opened ({error.strerror})", "Grant read permission and try again")

    for folder, folders, names in os.walk(root, onerror=refuse):
        # Hidden entries are never slices (macOS creates a ._IM00001.tif beside each IM00001.tif).
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
            "Put the slices of each series, in one format, in a separate folder",
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
                "Keep one file per slice; put each series in a separate folder",
            )
        seen[key] = path
    return tuple(ordered)


def read_series(series: Series) -> np.ndarray:
    """Read all slices of a series, in slice order.

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
