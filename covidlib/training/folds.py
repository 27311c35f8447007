"""Folds by patient, the published folds, and the check that nothing stands on two sides (section 2.4, Table 2).

Slices of one patient resemble each other; a slice in training and its neighbour in the test set would measure memory,
not diagnosis. Taught in chapter 04.
"""

from __future__ import annotations

import pandas as pd
from sklearn.model_selection import StratifiedKFold, train_test_split

from covidlib.datasets.slice_table import patients_of
from covidlib.errors import InputError
from covidlib.names import LABELS
from covidlib.protocols import Protocol
from covidlib.scans.filenames import identify

VALIDATION_SHARE = 0.2
SIDES = ("train", "validation", "test")


def patient_folds(patients: pd.DataFrame, folds: int = 5, seed: int = 2020) -> pd.DataFrame:
    """Assign every patient to one test fold, classes spread evenly (paper, section 2.4).

    Parameters
    ----------
    patients : DataFrame
        Columns patient and label, one row a patient; with a column group, patients of one group share a fold.

    Returns
    -------
    DataFrame
        The same with a column fold, 1 to `folds`.

    Raises
    ------
    InputError
        If a patient is listed twice, a group holds both classes, or a class has fewer groups than there are folds.
    """
    if patients["patient"].duplicated().any():
        twice = patients.loc[patients["patient"].duplicated(), "patient"].iloc[0]
        raise InputError(twice, "is listed twice", "A patient has one row and one label: mend the table")
    groups = _groups(patients)
    smallest = groups["label"].value_counts().min()
    if groups["label"].nunique() < 2 or smallest < folds:
        raise InputError(
            "patients",
            f"a class has {smallest} patients for {folds} folds",
            f"Give at least {folds} patients of each class, or fewer folds",
        )
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    assigned = pd.Series(0, index=groups.index)
    for number, (_, test) in enumerate(splitter.split(groups, groups["label"]), start=1):
        assigned.iloc[test] = number
    return patients.assign(fold=_group_of(patients).map(assigned))


def _group_of(patients: pd.DataFrame) -> pd.Series:
    return patients["group"] if "group" in patients else pd.Series(range(len(patients)), patients.index)


def _groups(patients: pd.DataFrame) -> pd.DataFrame:
    """One row a group: its label."""
    by_group = patients.groupby(_group_of(patients).rename("group"))["label"]
    mixed = by_group.nunique() > 1
    if mixed.any():
        names = patients.loc[_group_of(patients) == mixed.idxmax(), "patient"]
        raise InputError(
            ", ".join(names), "share slices of the same content and have different labels", "Mend the labels"
        )
    return by_group.first().to_frame()


def split_patients(folded: pd.DataFrame, fold: int, seed: int = 2020) -> dict[str, list[str]]:
    """Training, validation and test patients of one fold; validation is taken from the training side.

    The authors validated on part of the test images, which lets the test set choose the checkpoint. Here validation
    patients are neither trained on nor tested on.

    Parameters
    ----------
    folded : DataFrame
        Columns patient, label and fold; with a column group, patients of one group stay together.

    Returns
    -------
    dict
        Patients under "train", "validation" and "test".

    Raises
    ------
    InputError
        If there is no such fold, or it leaves too few patients to train and to validate on.
    """
    if fold not in set(folded["fold"]):
        raise InputError(f"fold {fold}", "does not exist", f"Choose 1 to {folded['fold'].max()}")
    rest = folded[folded["fold"] != fold]
    groups = _groups(rest)
    labels = groups["label"]
    try:
        train, _ = train_test_split(groups, test_size=VALIDATION_SHARE, stratify=labels, random_state=seed + fold)
    except ValueError as error:
        counts = ", ".join(f"{count} {label}" for label, count in labels.value_counts().items())
        raise InputError(
            f"fold {fold}", f"leaves too few patients to train and to validate on ({counts})", "Give more patients"
        ) from error
    trains = _group_of(rest).isin(train.index)
    return {
        "train": list(rest.loc[trains, "patient"]),
        "validation": list(rest.loc[~trains, "patient"]),
        "test": list(folded.loc[folded["fold"] == fold, "patient"]),
    }


def published_split(table: pd.DataFrame, lists: pd.DataFrame, fold: int) -> dict[str, pd.DataFrame]:
    """The authors' own training, validation and test slices of one fold, as they are (Table 2).

    Parameters
    ----------
    table : DataFrame
        A dataset's table (`covidlib.datasets.slice_table.load_table`) with COVID-CTset's names, in either of its
        layouts.
    lists : DataFrame
        The public fold lists (`covidlib.datasets.published_lists.fold_lists`): columns fold, side, filename.

    Returns
    -------
    dict
        Rows of the table under "train", "validation" and "test".

    Raises
    ------
    InputError
        If a listed slice is not in the dataset.
    """
    named = table.set_index(pd.Index([slice_key(path) for path in table["path"]]))
    split = {}
    for side in SIDES:
        listed = lists.loc[(lists["fold"] == fold) & (lists["side"] == side), "filename"]
        keys = [slice_key(name) for name in listed]
        missing = [name for name, key in zip(listed, keys, strict=True) if key not in named.index]
        if missing:
            raise InputError(
                missing[0],
                f"and {len(missing) - 1} more slices of the published fold {fold} are not in the dataset",
                "Train on the whole of COVID-CTset (covidlib fetch covid-ctset), or set folds_from=patients",
            )
        split[side] = named.loc[keys].reset_index(drop=True)
    return split


def slice_key(path: str) -> str:
    """One name for a slice in both published layouts: `137covid/patient1/SR_2/10`. Other names stay as they are."""
    name = identify(path)
    return f"{name.prefix}/{name.patient}/{name.series}/{name.number}" if name else path


def leaks(split: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """What stands on more than one side of a split: patients, and slices of the same content.

    Parameters
    ----------
    split : dict
        Tables with columns path and patient, and content where it is known, under the names of the sides.

    Returns
    -------
    DataFrame
        Columns kind ("patient" or "content"), what, sides; empty for a sound split.
    """
    rows = pd.concat([table.assign(side=side) for side, table in split.items()], ignore_index=True)
    found = []
    for kind in ("patient", "content"):
        if kind in rows:
            sides = rows.groupby(kind, sort=False)["side"].unique()
            found += [(kind, what, " and ".join(on)) for what, on in sides.items() if len(on) > 1]
    return pd.DataFrame(found, columns=["kind", "what", "sides"])


def check_no_leak(split: dict[str, pd.DataFrame], allow: bool = False) -> int:
    """Refuse a split with a leak, unless told to allow it; returns how many leaks there are.

    Raises
    ------
    InputError
        Naming the first patient or content, its sides, and how many there are.
    """
    found = leaks(split)
    if len(found) and not allow:
        first = found.iloc[0]
        raise InputError(
            first["what"],
            f"is in {first['sides']} ({len(found)} leaks in all)",
            "Split by patient, never by slice; to repeat the paper's own validation, add --allow-leak",
        )
    return len(found)


def fold_tables(table: pd.DataFrame, protocol: Protocol, fold: int) -> dict[str, pd.DataFrame]:
    """Labelled, selected slices to train and validate on; every selected slice of the test patients."""
    if protocol.folds_from == "published":
        from covidlib.datasets.published_lists import fold_lists

        return published_split(table, fold_lists(), fold)
    folded = patient_folds(patients_of(table), protocol.folds, protocol.seed)
    split = split_patients(folded, fold, protocol.seed)
    selected = table[table["selected"]]
    labelled = selected[selected["label"].isin(LABELS)]
    test = selected[selected["patient"].isin(split["test"])]
    if protocol.validation == "test-subset":
        # The authors' way: every patient outside the test fold trains, part of the test images picks the epoch.
        train_patients = split["train"] + split["validation"]
        of_test = labelled[labelled["patient"].isin(split["test"])]
        # As in the published validation lists: the infected test images, and about as many normal ones.
        validation = balanced(of_test, protocol.seed)
    else:
        train_patients = split["train"]
        validation = labelled[labelled["patient"].isin(split["validation"])]
    train = labelled[labelled["patient"].isin(train_patients)]
    for side, rows in (("train", train), ("validation", validation), ("test", test)):
        if rows.empty:
            raise InputError(f"fold {fold}", f"has no slices to {side} on", "Give more patients or fewer folds")
    return {"train": balanced(train, protocol.seed), "validation": validation, "test": test}


def balanced(labelled: pd.DataFrame, seed: int) -> pd.DataFrame:
    """About as many slices of each class, as the paper's training sets have (section 2.4, Table 2).

    The larger class is thinned at random; every patient may lose slices, none is added twice.

    Raises
    ------
    InputError
        If a class has no slice: a network cannot learn to tell it apart.
    """
    counts = labelled["label"].value_counts()
    missing = [label for label in LABELS if label not in counts]
    if missing:
        raise InputError(
            "training", f"has no {missing[0]} slice to train or validate on", "Give more patients or fewer folds"
        )
    smallest = counts.min()
    return labelled.groupby("label").sample(smallest, random_state=seed).sort_index()
