"""Sizes of test and training sets, and whether the test sets of different folds share patients (Tables 1 and 2).

Both decide whether a difference over folds can be tested with the corrected resampled t test. A score depends on the
class that it counts: sensitivity on the infected, specificity on the normal. So each class has its own ratio. Taught
in chapter 05.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from covidlib.errors import InputError
from covidlib.names import LABELS
from covidlib.paper.comparison import PRINTED_LABEL
from covidlib.paper.tables import table_numbers
from covidlib.results.metrics import labelled

ALL = "all"
CLASS_OF_SCORE = {"sensitivity": "covid", "specificity": "normal"}
"""The class that a score counts; every other score counts both."""


@dataclass(frozen=True)
class FoldSizes:
    """Sizes of the test and training sets of all folds, for one class or for both.

    Attributes
    ----------
    test_to_train : float
        Patients tested per patient in training, over all folds.
    tested : int
        Patients in all test sets, counted once per fold.
    different : int
        Different patients among them.
    """

    test_to_train: float
    tested: int
    different: int

    @property
    def overlap(self) -> bool:
        """Whether a patient is tested in more than one fold."""
        return self.tested > self.different


def printed_sizes() -> dict[str, FoldSizes]:
    """Sizes of the paper's folds in patients, for the infected, the normal and all (Tables 1 and 2)."""
    folds, totals = table_numbers(2), table_numbers(1).iloc[0]
    heads = {label: f"{PRINTED_LABEL[label]} patients" for label in LABELS}
    test, train = (
        {label: int(folds[f"{side} {head}"].sum()) for label, head in heads.items()} for side in ("test", "train")
    )
    different = {label: int(totals[head]) for label, head in heads.items()}
    for counts in (test, train, different):
        counts[ALL] = sum(counts.values())
    return {label: FoldSizes(test[label] / train[label], test[label], different[label]) for label in (*LABELS, ALL)}


def our_sizes(predictions: pd.DataFrame, validation: pd.DataFrame) -> dict[str, FoldSizes]:
    """Sizes of our folds in patients, for the infected, the normal and all.

    A fold trains on all patients that it neither tests nor validates on. Only patients with a labelled slice count: the
    others belong to no score and no training set.

    Parameters
    ----------
    predictions, validation : DataFrame
        Predictions for test and validation slices of all folds: columns fold, patient, patient_label, label.

    Raises
    ------
    InputError
        If a class has no patient in training.
    """
    keys = ["fold", "patient", "patient_label"]
    tested, held = (labelled(table)[keys].drop_duplicates() for table in (predictions, validation))
    folds = tested["fold"].nunique()
    sizes = {}
    for label in (*LABELS, ALL):
        of_class = [table if label == ALL else table[table["patient_label"] == label] for table in (tested, held)]
        patients = of_class[0]["patient"].nunique()
        trained = folds * patients - len(of_class[0]) - len(of_class[1])
        if trained < 1:
            raise InputError("predictions", f"leave no {label} patient for training", "Pass the runs of every fold")
        sizes[label] = FoldSizes(len(of_class[0]) / trained, len(of_class[0]), patients)
    return sizes


def sizes_for(score: str, sizes: Mapping[str, FoldSizes]) -> FoldSizes:
    """The sizes that a score depends on: those of the class that it counts."""
    return sizes[CLASS_OF_SCORE.get(score, ALL)]
