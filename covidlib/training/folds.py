"""Split patients into folds, or load the published folds, and make the tables of one fold (section 2.4, Table 2).

Patients are split, not slices: `covidlib.training.leak_check` says why. Taught in chapter 04.
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
    """Assign every patient to one test fold, with the classes spread evenly (paper, section 2.4).

    Parameters
    ----------
    patients : DataFrame
        Columns patient and label, one row per patient; with a column group, patients of one group share a fold.

    Returns
    -------
    DataFrame
        The same table with a column fold, 1 to `folds`.

    Raises
    ------
    InputError
        If a patient is listed twice, a group contains both classes, or a class has fewer groups than there are folds.
    """
    if patients["patient"].duplicated().any():
        twice = patients.loc[patients["patient"].duplicated(), "patient"].iloc[0]
        raise InputError(twice, "this patient is listed twice", "Correct the table: one row and one label per patient")
    groups = _groups(patients)
    smallest = groups["label"].value_counts().min()
    if groups["label"].nunique() < 2 or smallest < folds:
        raise InputError(
            "patients",
            f"a class has {smallest} patients for {folds} folds",
            f"Use at least {folds} patients of each class, or fewer folds",
        )
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    assigned = pd.Series(0, index=groups.index)
    for number, (_, test) in enumerate(splitter.split(groups, groups["label"]), start=1):
        assigned.iloc[test] = number
    return patients.assign(fold=_group_of(patients).map(assigned))


def _group_of(patients: pd.DataFrame) -> pd.Series:
    return patients["group"] if "group" in patients else pd.Series(range(len(patients)), patients.index)


def _groups(patients: pd.DataFrame) -> pd.DataFrame:
    """The label of each group, one row per group."""
    by_group = patients.groupby(_group_of(patients).rename("group"))["label"]
    mixed = by_group.nunique() > 1
    if mixed.any():
        names = patients.loc[_group_of(patients) == mixed.idxmax(), "patient"]
        raise InputError(
            ", ".join(names),
            "these patients have slices with the same content but different labels",
            "Correct the labels",
        )
    return by_group.first().to_frame()


def split_patients(folded: pd.DataFrame, fold: int, seed: int = 2020) -> dict[str, list[str]]:
    """Training, validation and test patients of one fold; validation patients are taken from the training side.

    The authors validated on part of the test images, so that the test set influenced the choice of the checkpoint.
    Here the network is neither trained nor tested on validation patients.

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
        If there is no such fold, or it leaves too few patients for training and validation.
    """
    if fold not in set(folded["fold"]):
        raise InputError(f"fold {fold}", "there is no such fold", f"Choose 1 to {folded['fold'].max()}")
    rest = folded[folded["fold"] != fold]
    groups = _groups(rest)
    labels = groups["label"]
    try:
        train, _ = train_test_split(groups, test_size=VALIDATION_SHARE, stratify=labels, random_state=seed + fold)
    except ValueError as error:
        counts = ", ".join(f"{count} {label}" for label, count in labels.value_counts().items())
        raise InputError(
            f"fold {fold}", f"too few patients are left for training and validation ({counts})", "Use more patients"
        ) from error
    trains = _group_of(rest).isin(train.index)
    return {
        "train": list(rest.loc[trains, "patient"]),
        "validation": list(rest.loc[~trains, "patient"]),
        "test": list(folded.loc[folded["fold"] == fold, "patient"]),
    }


def published_split(table: pd.DataFrame, lists: pd.DataFrame, fold: int) -> dict[str, pd.DataFrame]:
    """The authors' training, validation and test slices of one fold, as published (Table 2).

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
                f"this slice and {len(missing) - 1} more of the published fold {fold} are not in the dataset",
                "Train on the complete COVID-CTset (covidlib fetch covid-ctset), or set folds_from=patients",
            )
        split[side] = named.loc[keys].reset_index(drop=True)
    return split


def slice_key(path: str) -> str:
    """The same name for a slice in both published layouts: `137covid/patient1/SR_2/10`. Other names do not change."""
    name = identify(path)
    return f"{name.prefix}/{name.patient}/{name.series}/{name.number}" if name else path


def fold_tables(table: pd.DataFrame, protocol: Protocol, fold: int) -> dict[str, pd.DataFrame]:
    """The slices of one fold: labelled selected ones for training and validation, all selected ones for testing."""
    if protocol.folds_from == "published":
        from covidlib.datasets.published_lists import fold_lists

        return published_split(table, fold_lists(), fold)
    folded = patient_folds(patients_of(table), protocol.folds, protocol.seed)
    split = split_patients(folded, fold, protocol.seed)
    selected = table[table["selected"]]
    labelled = selected[selected["label"].isin(LABELS)]
    test = selected[selected["patient"].isin(split["test"])]
    if protocol.validation == "test-subset":
        # As the authors did: train on every patient outside the test fold, choose the epoch on part of the test images.
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
            raise InputError(f"fold {fold}", f"no slices for the {side} side", "Use more patients or fewer folds")
    return {"train": balanced(train, protocol.seed), "validation": validation, "test": test}


def balanced(labelled: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Balance the classes: drop slices of the larger class at random (paper, section 2.4, Table 2).

    Any patient of that class may lose slices; no slice is repeated.

    Raises
    ------
    InputError
        If a class has no slice: a network cannot learn it.
    """
    counts = labelled["label"].value_counts()
    missing = [label for label in LABELS if label not in counts]
    if missing:
        raise InputError(
            "training", f"no {missing[0]} slice to train or validate on", "Use more patients or fewer folds"
        )
    smallest = counts.min()
    return labelled.groupby("label").sample(smallest, random_state=seed).sort_index()
