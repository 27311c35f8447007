"""A dataset as a table: which slice belongs to which patient, and what it shows (paper, sections 2.1 and 2.4).

One row a slice, read from `slices.csv` where a cohort has one, from COVID-CTset's file names otherwise. Everything
that follows (folds, batches, predictions) is a table made from this one. Taught in chapters 01 and 04.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from covidlib.errors import InputError
from covidlib.names import LABELS, UNLABELLED
from covidlib.scans.filenames import identify
from covidlib.scans.series import find_series
from covidlib.selection import select_series

SLICES = "slices.csv"
"""A cohort's list of its slices."""

COLUMNS = ["path", "patient", "series", "number", "label", "patient_label", "selected"]


def load_table(root: str | Path) -> pd.DataFrame:
    """Every slice of a dataset folder, whose it is, what it shows and whether the rule selects it.

    A slice's `label` is "covid", "normal" or "unlabelled"; a patient's is "covid" or "normal". Slices of infected
    patients on which no infection is marked are unlabelled: the paper trains and tests on images in which infection
    was seen, and decides about patients from all that were selected. Flat folders hold images that the authors chose
    already: all count as selected.

    Returns
    -------
    DataFrame
        Columns path (below `root`), patient, series, number, label, patient_label, selected.

    Raises
    ------
    InputError
        If the folder holds no slice, slices whose names do not tell patient and class, or a `slices.csv` that is
        damaged or lacks a slice.
    """
    root = Path(root)
    labels = _marked_labels(root)
    rows = []
    for series in find_series(root):
        flat = len({path.parent for path in series.files}) == 1 and identify(series.files[0].name) is not None
        keep = [True] * len(series) if flat else select_series(series).keep
        for path, selected in zip(series.files, keep, strict=True):
            name = identify(path)
            if name is None:
                raise InputError(
                    path,
                    "its name tells neither patient nor class",
                    "Name slices as COVID-CTset does: covid1/patient1/SR_2/IM00001.tif",
                )
            relative = path.relative_to(root).as_posix()
            if labels is not None and relative not in labels:
                raise InputError(path, f"is not listed in {root / SLICES}", "Take the slice away, or add its row")
            label = name.label if labels is None else labels[relative]
            rows.append((relative, name.patient, name.series, name.number, label, name.label, bool(selected)))
    return pd.DataFrame(rows, columns=COLUMNS)


def _marked_labels(root: Path) -> dict[str, str] | None:
    listed, remedy = root / SLICES, "Make the cohort again: covidlib phantom DIR"
    if not listed.is_file():
        return None
    try:
        table = pd.read_csv(listed)
    except ValueError as error:  # pandas' own errors, and text that is no UTF-8
        raise InputError(listed, f"cannot be read ({error})", remedy) from error
    if not {"path", "label"} <= set(table.columns):
        raise InputError(listed, "has no columns path and label", remedy)
    unknown = table.loc[~table["label"].isin((*LABELS, UNLABELLED)), "label"]
    if len(unknown):
        known = ", ".join((*LABELS, UNLABELLED))
        raise InputError(listed, f"has the label {unknown.iloc[0]!r}", f"Labels are {known}. {remedy}")
    return dict(zip(table["path"], table["label"], strict=True))


def patients_of(table: pd.DataFrame) -> pd.DataFrame:
    """One row a patient: patient, label, and the group that must stay on one side of a split.

    Patients with a slice of the same content (column content, where the table has it) are one group.

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
    # Patients and contents are the two kinds of nodes of one graph: whoever is connected belongs together.
    shape = (rows.max() + 1, contents.max() + 1)
    shows = coo_array((np.ones(len(rows), np.int8), (rows, contents)), shape).tocsr()
    groups = connected_components(shows @ shows.T, directed=False)[1]
    return groups[pd.Index(patients.unique()).get_indexer(patients)]


def with_content(table: pd.DataFrame, root: str | Path) -> pd.DataFrame:
    """The table with a column content: a hash of each slice's file, so that copies are known."""
    content = []
    for path in table["path"]:
        with (Path(root) / path).open("rb") as stream:
            content.append(hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest())
    return table.assign(content=content)


def fingerprint(hashed: pd.DataFrame) -> str:
    """Short hash of a table with contents: says whether two runs saw the same data, to the last byte.

    Sizes would not do: uncompressed slices all have one size, whatever is on them.
    """
    return hashlib.blake2b(hashed.to_csv(index=False, lineterminator="\n").encode(), digest_size=6).hexdigest()


@dataclass(frozen=True)
class Dataset:
    """A dataset folder that has been read once: where it is, its table with contents, its fingerprint."""

    root: Path
    table: pd.DataFrame
    fingerprint: str


def load_dataset(root: str | Path) -> Dataset:
    """Table, contents and fingerprint of a dataset folder; every training run on it shares them.

    Raises
    ------
    InputError
        If the folder holds no slice, or slices whose names do not tell patient and class.
    """
    table = with_content(load_table(root), root)
    return Dataset(Path(root), table, fingerprint(table))
