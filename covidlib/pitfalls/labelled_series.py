"""Find labelled slices with their scanner settings under a folder, for a shortcut test (paper, section 2.1).

Series enter through the gate (`covidlib.scans.gate`). Labels come from a table, from the list of a cohort, or from
COVID-CTset's names; kernel and thickness from the same table, from the cohort's list of patients, or from headers and
the table of an import. Taught in chapter 09.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import NamedTuple

import numpy as np
import pandas as pd

from covidlib.datasets.slice_table import marked_labels, not_listed
from covidlib.errors import InputError
from covidlib.names import LABELS, UNLABELLED
from covidlib.scans.filenames import identify
from covidlib.scans.findings import Finding, refusal
from covidlib.scans.gate import survey_folder
from covidlib.scans.series import Series
from covidlib.scans.settings import settings_of
from covidlib.selection import select_series
from covidlib.utils.csv_files import OtherTable, check_words, read_table
from covidlib.utils.whole_numbers import check_whole

PATIENTS = "patients.csv"
"""File name of a cohort's list of patients."""
WANTED = "Give a table with the columns path and label: --labels FILE.csv"


@dataclass(frozen=True)
class LabelledSlices:
    """Slices with labels and scanner settings.

    Attributes
    ----------
    table : DataFrame
        Columns path (below the folder), patient, series, label, patient_label, kernel ("" if unknown), thickness_mm
        (NaN if unknown).
    read : function
        Full path to uint16 array, HU + 1024: values that are converted on reading are.
    findings : list of Finding
        What the gate found.
    remarks : tuple of str
        What was left out.
    """

    table: pd.DataFrame
    read: Callable[[Path], np.ndarray]
    findings: list[Finding]
    remarks: tuple[str, ...]


def labelled_slices(
    root: str | Path, labels: Path | None = None, rescale: bool = False, strict: bool = False, most: int = 5
) -> LabelledSlices:
    """List the labelled slices of a dataset or of series, with kernel and thickness where they are known.

    The paper's rule selects the slices of each series; slices that the table of labels names one by one, and flat
    folders of COVID-CTset, are used as they are.

    Parameters
    ----------
    labels : path, optional
        CSV with the columns path (a file or folder below `root`) and label (covid, normal, unlabelled), and perhaps
        patient, kernel and thickness_mm.
    rescale, strict : bool
        As for `covidlib.scans.gate.open_folder`.
    most : int
        Largest number of slices per patient, evenly spaced.

    Raises
    ------
    InputError
        If no series may be used, a label is missing or contradicts another, or no slice has a label.
    """
    root = Path(root)
    check_whole("slices", most, 1)
    opened = survey_folder(root, rescale, strict).or_error()
    named = None if labels is None else _read_labels(labels, root)
    marked = marked_labels(root) if labels is None else None
    kernels = _cohort_settings(root)
    findings, rows = list(opened.findings), []
    series_of: dict[Path, Series] = {}
    for series in opened.series:
        try:
            listed = _rows(series, root, named, marked, kernels)
        except _TooSmall as error:
            findings.append(refusal("other-size", error.reason))
            continue
        rows += listed
        series_of |= dict.fromkeys(series.files, series)
    columns = ["path", "patient", "series", "label", "kernel", "thickness_mm"]
    table = _with_patient_labels(pd.DataFrame(rows, columns=columns), labels or root)
    usable = table[table["label"].isin(LABELS)]
    if usable.empty:
        raise InputError(root, f"none of its {len(table)} selected slices has the label covid or normal", WANTED)
    chosen = evenly(usable, most)
    remarks = []
    if left_out := len(table) - len(usable):
        remarks.append(f"{left_out} selected slices without a label were left out")
    if len(chosen) < len(usable):
        remarks.append(f"{len(chosen)} of {len(usable)} labelled slices were used, at most {most} per patient")
    return LabelledSlices(chosen, lambda path: series_of[path].read(path), findings, tuple(remarks))


def evenly(table: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most so many slices of each patient, evenly spaced over the patient's slices.

    Parameters
    ----------
    table : DataFrame
        Column patient, one row per slice.
    """
    chosen: list[int] = []
    for patient in table["patient"].unique():
        places = np.flatnonzero(table["patient"] == patient)
        spaced = np.linspace(0, len(places) - 1, min(most, len(places)))
        chosen += places[np.unique(spaced.round().astype(int))].tolist()
    return table.iloc[chosen].reset_index(drop=True)


class _Label(NamedTuple):
    """A row of a table of labels; kernel "" and thickness NaN if the table does not have them."""

    label: str
    patient: str
    kernel: str
    thickness_mm: float


class _TooSmall(Exception):
    """The selection rule cannot be applied to a series."""

    def __init__(self, reason: InputError) -> None:
        super().__init__(str(reason))
        self.reason = reason


def _rows(
    series: Series,
    root: Path,
    named: dict[str, _Label] | None,
    marked: dict[str, str] | None,
    kernels: dict[str, tuple[str, float]],
) -> list[tuple]:
    relative = [path.relative_to(root).as_posix() for path in series.files]
    entries = [None if named is None else _entry(named, path) for path in relative]
    if named is not None and not any(entry is not None for entry in entries):
        return []
    one_by_one = named is not None and any(path in named for path in relative)
    flat = len({path.parent for path in series.files}) == 1 and identify(series.files[0].name) is not None
    try:
        keep = [True] * len(series) if one_by_one or flat else select_series(series).keep
    except InputError as error:
        raise _TooSmall(error) from error
    settings, rows = settings_of(series), []
    for path, entry, kept in zip(relative, entries, keep, strict=True):
        if not kept or (named is not None and entry is None):
            continue
        name = identify(path)
        if entry is not None:
            patient, label = entry.patient, entry.label
        elif name is None:
            raise InputError(root / path, "its name contains no patient and class", WANTED)
        else:
            patient, label = name.patient, name.label
        if marked is not None:
            if path not in marked:
                raise not_listed(root, root / path)
            label = marked[path]
        kernel, thickness = settings.kernel, settings.thickness_mm
        if patient in kernels:
            kernel, thickness = kernels[patient]
        if entry is not None:
            kernel = entry.kernel or kernel
            thickness = thickness if np.isnan(entry.thickness_mm) else entry.thickness_mm
        rows.append((path, patient, series.name, label, kernel, np.nan if thickness is None else thickness))
    return rows


def _entry(named: dict[str, _Label], path: str) -> _Label | None:
    """The row of a table of labels that names a file, or else the nearest folder above it."""
    places = (PurePosixPath(path), *PurePosixPath(path).parents)
    return next((named[place.as_posix()] for place in places if place.as_posix() in named), None)


def _read_labels(labels: Path, root: Path) -> dict[str, _Label]:
    """Read a table of labels: path below `root` → row.

    Raises
    ------
    InputError
        If it is no such table, names a path that is not below `root`, or one path twice.
    """
    remedy = "Write one row per file or folder, with the columns path and label"
    table = read_table(labels, remedy, ("path", "label"))
    check_words(labels, table, "label", (*LABELS, UNLABELLED))
    # Backslashes of Windows, and a leading "./", name the same file.
    paths = [PureWindowsPath(path).as_posix() for path in table["path"]]
    for place, path in enumerate(paths, start=1):
        if not path or PurePosixPath(path).is_absolute() or not (root / path).exists():
            raise InputError(labels, f"row {place} names {path!r}, which is not below {root}", "Correct the path")
        if path in paths[: place - 1]:
            raise InputError(labels, f"row {place} names {path} a second time", "Keep one row per path")
    columns = zip(
        paths,
        table["label"],
        table.get("patient", [""] * len(paths)),
        table.get("kernel", [""] * len(paths)),
        _numbers(labels, table),
        strict=True,
    )
    return {path: _Label(label, patient or path, kernel, mm) for path, label, patient, kernel, mm in columns}


def _numbers(listed: Path, table: pd.DataFrame) -> pd.Series:
    """The thickness of each row, NaN where the table says nothing."""
    if "thickness_mm" not in table:
        return pd.Series(np.nan, index=table.index)
    numbers = pd.to_numeric(table["thickness_mm"], errors="coerce")
    wrong = (numbers.isna() & (table["thickness_mm"] != "")) | (numbers <= 0)
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        problem = f"row {row + 1} has the thickness_mm {table['thickness_mm'].iloc[row]!r}, expected millimetres"
        raise InputError(listed, problem, "Write numbers as in 1.5")
    return numbers


def _cohort_settings(root: Path) -> dict[str, tuple[str, float]]:
    """Kernel and thickness of the patients of a cohort, from its list of patients; empty if it has none."""
    listed = root / PATIENTS
    if not listed.exists():
        return {}
    try:
        table = read_table(listed, "Correct it, or make the cohort again", ("patient", "kernel"))
    except OtherTable:  # of the same name: that no kernel is known is a remark of the report
        return {}
    pairs = zip(table["kernel"], _numbers(listed, table), strict=True)
    return dict(zip(table["patient"], pairs, strict=True))


def _with_patient_labels(table: pd.DataFrame, listed: Path) -> pd.DataFrame:
    """Add each patient's label: that of the labelled slices.

    Raises
    ------
    InputError
        If slices of one patient are covid and normal.
    """
    labelled = table[table["label"].isin(LABELS)]
    both = labelled.groupby("patient")["label"].nunique()
    if (both > 1).any():
        patient = both.index[both > 1][0]
        problem = f"has slices of {patient} that are covid, and others that are normal"
        raise InputError(listed, problem, f"Write {UNLABELLED} for slices of an infected patient without infection")
    of_patient = labelled.drop_duplicates("patient").set_index("patient")["label"]
    return table.assign(patient_label=table["patient"].map(of_patient))
