"""Folds by patient: no patient on both sides of a split (paper, section 2.4, Table 2).

Slices of one patient resemble each other; a slice in training and its neighbour in the test set would measure memory,
not diagnosis. Taught in chapter 04.
"""

from __future__ import annotations

import pandas as pd
from sklearn.model_selection import StratifiedKFold, train_test_split

from covidlib.errors import InputError

VALIDATION_SHARE = 0.2


def patient_folds(patients: pd.DataFrame, folds: int = 5, seed: int = 2020) -> pd.DataFrame:
    """Assign every patient to one test fold, classes spread evenly (paper, section 2.4). Taught in chapter 04.

    Parameters
    ----------
    patients : DataFrame
        Columns patient and label, one row a patient.

    Returns
    -------
    DataFrame
        The same with a column fold, 1 to `folds`.

    Raises
    ------
    InputError
        If a patient is listed twice, or a class has fewer patients than there are folds.
    """
    if patients["patient"].duplicated().any():
        twice = patients.loc[patients["patient"].duplicated(), "patient"].iloc[0]
        raise InputError(twice, "is listed with two labels", "A patient has one label: mend the table")
    smallest = patients["label"].value_counts().min()
    if patients["label"].nunique() < 2 or smallest < folds:
        raise InputError(
            "patients",
            f"a class has {smallest} patients for {folds} folds",
            f"Give at least {folds} patients of each class, or fewer folds",
        )
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    assigned = pd.Series(0, index=patients.index)
    for number, (_, test) in enumerate(splitter.split(patients, patients["label"]), start=1):
        assigned.iloc[test] = number
    return patients.assign(fold=assigned)


def split_patients(folded: pd.DataFrame, fold: int, seed: int = 2020) -> dict[str, list[str]]:
    """Training, validation and test patients of one fold; validation is taken from the training side.

    The authors validated on part of the test images, which lets the test set choose the checkpoint. Here validation
    patients are neither trained on nor tested on. Taught in chapter 04.

    Parameters
    ----------
    folded : DataFrame
        Columns patient, label and fold.

    Returns
    -------
    dict
        Patients under "train", "validation" and "test".

    Raises
    ------
    InputError
        If there is no such fold, or a patient would stand on two sides.
    """
    if fold not in set(folded["fold"]):
        raise InputError(f"fold {fold}", "does not exist", f"Choose 1 to {folded['fold'].max()}")
    test = folded[folded["fold"] == fold]
    rest = folded[folded["fold"] != fold]
    train, validation = train_test_split(
        rest, test_size=VALIDATION_SHARE, stratify=rest["label"], random_state=seed + fold
    )
    split = {"train": list(train["patient"]), "validation": list(validation["patient"]), "test": list(test["patient"])}
    check_no_leak(split)
    return split


def check_no_leak(split: dict[str, list[str]]) -> None:
    """Refuse a split in which a patient stands on two sides. Taught in chapter 04.

    Raises
    ------
    InputError
        Naming the patient and the two sides.
    """
    side_of: dict[str, str] = {}
    for side, patients in split.items():
        for patient in patients:
            if side_of.setdefault(patient, side) != side:
                raise InputError(patient, f"is in {side_of[patient]} and in {side}", "Split by patient, never by slice")
