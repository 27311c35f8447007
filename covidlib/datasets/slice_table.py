"""Read a dataset folder into a table: each slice with its patient and its label (paper, sections 2.1 and 2.4).

One row per slice. The labels come from `slices.csv` if the folder has one, otherwise from COVID-CTset's file names.
Folds, batches and predictions are all made from this table. Taught in chapters 01 and 04.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from covidlib.errors import InputError
from covidlib.names import LABELS, UNLABELLED
from covidlib.scans.filenames import identify
from covidlib.scans.findings import warn
from covidlib.scans.gate import judge_all
from covidlib.scans.series import list_series
from covidlib.selection import select_series
from covidlib.utils.csv_files import check_words, read_table

SLICES = "slices.csv"
"""File name of a cohort's list of slices."""

COLUMNS = ["path", "patient", "series", "number", "label", "patient_label", "selected"]


def load_table(root: str | Path, strict: bool = False) -> pd.DataFrame:
    """List every slice of a dataset folder, with its patient, its label and whether the selection rule keeps it.

    A slice's `label` is "covid", "normal" or "unlabelled"; a patient's is "covid" or "normal". Slices of infected
    patients on which no infection is marked are unlabelled: the paper trains and tests on images with visible
    infection, and diagnoses patients from all selected images. Flat folders contain images that the authors had
    already selected: all of them count as selected.

    Parameters
    ----------
    strict : bool
        Whether every finding about a series is an error (`covidlib.scans.gate`); otherwise a refusal is.

    Returns
    -------
    DataFrame
        Columns path (below `root`), patient, series, number, label, patient_label, selected.

    Raises
    ------
    InputError
        If the folder has no slice, a series is refused, a file name does not contain patient and class, or
        `slices.csv` is damaged or incomplete.
    """
    root = Path(root)
    labels = marked_labels(root)
    rows = []
    listing = list_series(root)
    opened = judge_all(listing.series, listing.findings, strict=strict)
    if opened.refused:
        raise opened.refused[0].error()
    warn(opened.findings)
    for series in opened.series:
        flat = len({path.parent for path in series.files}) == 1 and identify(series.files[0].name) is not None
        keep = [True] * len(series) if flat else select_series(series).keep
        for path, selected in zip(series.files, keep, strict=True):
            name = identify(path)
            if name is None:
                raise InputError(
                    path,
                    "the file name contains no patient and class",
                    "Name slices as COVID-CTset does: covid1/patient1/SR_2/IM00001.tif",
                )
            relative = path.relative_to(root).as_posix()
            if labels is not None and relative not in labels:
                raise not_listed(root, path)
            label = name.label if labels is None else labels[relative]
            rows.append((relative, name.patient, name.series, name.number, label, name.label, bool(selected)))
    return pd.DataFrame(rows, columns=COLUMNS)


def not_listed(root: Path, path: Path) -> InputError:
    """The error for a slice that the list of slices does not name."""
    return InputError(path, f"not listed in {root / SLICES}", "Remove the slice, or add its row to the list")


def marked_labels(root: Path) -> dict[str, str] | None:
    """Read the labels of the slices from the list of a dataset folder; None if it has no list.

    Returns
    -------
    dict
        Path below `root` → "covid", "normal" or "unlabelled".

    Raises
    ------
    InputError
        If `slices.csv` cannot be read, or contradicts itself, the names or the folder.
    """
    listed = root / SLICES
    if not listed.exists():
        return None
    table = read_table(listed, "Correct it, or make the cohort again: covidlib phantom DIR", ("path", "label"))
    check_words(listed, table, "label", (*LABELS, UNLABELLED))
    labels: dict[str, str] = {}
    for written, label in zip(table["path"], table["label"], strict=True):
        # Backslashes of Windows, and a leading "./", name the same file.
        path = PureWindowsPath(written).as_posix()
        name = identify(path)
        if labels.setdefault(path, label) != label:
            raise InputError(listed, f"labels {path} {labels[path]} and {label}", "Keep one row per slice")
        if name is not None and label not in (name.label, UNLABELLED):
            problem = f"labels {path} {label}, but by its name the patient is {name.label}"
            raise InputError(listed, problem, f"Write {name.label}, or {UNLABELLED} if no infection is visible")
    absent = [path for path in labels if Path(path).is_absolute() or not os.path.isfile(root / path)]
    if absent:
        problem = f"{len(absent)} of its {len(labels)} slices are not in the folder; the first is {absent[0]}"
        raise InputError(listed, problem, f"Correct the paths, which begin below {root}, or remove these rows")
    return labels


def patients_of(table: pd.DataFrame) -> pd.DataFrame:
    """The patients of a dataset, one per row, with the group that must stay on one side of a split.

    Patients who share a slice with the same content (column content, if the table has it) are one group.

    Returns
    -------
    DataFrame
        Columns patient, label, group.
    """
    patients = table[["patient", "patient_label"]].drop_duplicates()
    patients = patients.rename(columns={"patient_label": "label"}).reset_index(drop=True)
    return patients.assign(group=_groups(patients["patient"], table))


def _groups(patients: pd.Series, table: pd.DataFrame) -> np.ndarray:
    if "content" not in table:
        return np.arange(len(patients))
    rows = pd.Index(patients.unique()).get_indexer(table["patient"])
    contents = pd.factorize(table["content"])[0]
    # Patients and contents are the two kinds of nodes of one graph: connected patients form a group.
    shape = (rows.max() + 1, contents.max() + 1)
    shows = coo_array((np.ones(len(rows), np.int8), (rows, contents)), shape).tocsr()
    groups = connected_components(shows @ shows.T, directed=False)[1]
    return groups[pd.Index(patients.unique()).get_indexer(patients)]


def with_content(table: pd.DataFrame, root: str | Path) -> pd.DataFrame:
    """Add a column content to the table: a hash of each slice's file, which reveals copies."""
    content = []
    for path in table["path"]:
        with (Path(root) / path).open("rb") as stream:
            content.append(hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest())
    return table.assign(content=content)


def fingerprint(hashed: pd.DataFrame) -> str:
    """A short hash of a table with contents, for checking that two runs used exactly the same data.

    File sizes would not be enough: uncompressed slices all have the same size, whatever they show.
    """
    return hashlib.blake2b(hashed.to_csv(index=False, lineterminator="\n").encode(), digest_size=6).hexdigest()


@dataclass(frozen=True)
class Dataset:
    """A dataset folder, read once: its path, its table with contents, and its fingerprint."""

    root: Path
    table: pd.DataFrame
    fingerprint: str


def load_dataset(root: str | Path, strict: bool = False) -> Dataset:
    """Read the table, contents and fingerprint of a dataset folder, to be shared by all training runs on it.

    With `strict`, every finding about a series is an error.

    Raises
    ------
    InputError
        If the folder has no slice, or a file name does not contain patient and class.
    """
    table = with_content(load_table(root, strict), root)
    return Dataset(Path(root), table, fingerprint(table))
