"""Check split lists for leaks and for missing slices of a dataset folder (paper, section 2.4, Table 2).

Leaks are patients on two sides of a split, and validation images inside the test set. COVID-CTset's training part is
one flat folder; its split is in lists beside it, `train1.csv` to `test5.csv`, in a folder `CSV`. Taught in chapters 01
and 04.
"""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pandas as pd

from covidlib.datasets.check_slices import findings_table
from covidlib.datasets.published_lists import SIDES, read_list
from covidlib.errors import InputError
from covidlib.scans.filenames import identify
from covidlib.utils.files import check_folder

LIST_NAME = re.compile(rf"(?P<side>{'|'.join(SIDES)})(?P<fold>\d+)\.csv")
LISTS_WANTED = "Name a folder with train1.csv, test1.csv and so on"

Findings = list[tuple[str, str, str, str]]


def find_splits(root: Path) -> Path | None:
    """Find the folder of split lists in a dataset folder; None if there is none."""
    return next((folder for folder in (root / "CSV", root / "csv", root) if (folder / "train1.csv").is_file()), None)


def read_splits(folder: Path) -> pd.DataFrame:
    """Read all split lists of a folder: `trainN.csv`, `testN.csv` and, if present, `validationN.csv`.

    Returns
    -------
    DataFrame
        Columns fold, side, list (the file), filename, label, patient, series, number.

    Raises
    ------
    InputError
        If there is no such folder, it has no list, a fold has no train or test list, or a list cannot be read.
    """
    check_folder(folder, LISTS_WANTED)
    tables = []
    for path in sorted(folder.glob("*.csv")):
        name = LIST_NAME.fullmatch(path.name)
        if name:
            listed = read_list(path)
            tables.append(listed.assign(fold=int(name["fold"]), side=name["side"], list=path.name))
    if not tables:
        raise InputError(folder, "no split list found", LISTS_WANTED)
    splits = pd.concat(tables, ignore_index=True)
    for fold, listed in splits.groupby("fold"):
        for side in ("train", "test"):
            if side not in set(listed["side"]):
                raise InputError(
                    folder / f"{side}{fold}.csv", "no such file", "Add it: every fold needs a train and a test list"
                )
    return splits


def check_splits(splits: pd.DataFrame, slices: pd.DataFrame) -> pd.DataFrame:
    """Find the problems of split lists: leaks, wrong classes, and slices missing in the folder (paper, section 2.4).

    Parameters
    ----------
    splits : DataFrame
        As `read_splits` returns it.
    slices : DataFrame
        As `covidlib.datasets.check_slices.scan` returns it.

    Returns
    -------
    DataFrame
        Columns severity, kind, path (the list), detail.
    """
    rows: Findings = []
    for fold, listed in splits.groupby("fold"):
        for one, other in combinations(SIDES, 2):
            rows += _between(str(fold), one, listed[listed["side"] == one], other, listed[listed["side"] == other])
    rows += _other_class(splits) + _absent(splits, slices)
    return findings_table(rows)


def _between(fold: str, one: str, first: pd.DataFrame, other: str, second: pd.DataFrame) -> Findings:
    inside = int(first["filename"].isin(second["filename"]).sum())
    if (one, other) == ("validation", "test") and inside:
        # Its patients are shared too, but naming each of them would bury this finding under hundreds.
        detail = f"{inside} of {len(first)} validation images of fold {fold} are test images"
        return [("problem", "validation inside test", first["list"].iloc[0], detail)]
    shared = sorted(set(first["patient"]) & set(second["patient"]))
    return [
        (
            "problem",
            "patient on two sides",
            second["list"].iloc[0],
            f"{patient} is in {one} and in {other} of fold {fold}",
        )
        for patient in shared
    ]


def _other_class(splits: pd.DataFrame) -> Findings:
    rows: Findings = []
    for entry in splits.itertuples():
        name = identify(str(entry.filename))
        if name is not None and name.label != entry.label:
            detail = f"{entry.filename} is {entry.label} in the list, {name.label} by its name"
            rows.append(("problem", "class differs", str(entry.list), detail))
    return rows


def _absent(splits: pd.DataFrame, slices: pd.DataFrame) -> Findings:
    flat = {Path(path).name for path in slices[slices["flat"]]["path"]}
    present = flat | set(slices["path"])
    nested = slices[~slices["flat"]]
    keys = set(zip(nested["patient"], nested["series"], nested["number"], strict=True))
    return [
        ("problem", "listed, not in the folder", str(entry.list), f"{entry.filename} is listed, but not here")
        for entry in splits.drop_duplicates("filename").itertuples()
        if entry.filename not in present and (entry.patient, entry.series, entry.number) not in keys
    ]
