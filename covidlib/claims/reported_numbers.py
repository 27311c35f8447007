"""Compute a reported number in two ways: from the paper's printed counts, and from our predictions.

A quantity says what is counted (images, or patients at one of the two thresholds), the score, the network, how folds
are combined, and whether another network's value is subtracted. The claims about the paper and the intervals of our
numbers are written as quantities. Taught in chapter 08.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import pandas as pd

from covidlib.errors import InputError
from covidlib.names import NETWORKS
from covidlib.patients.decision import THRESHOLD_1, THRESHOLD_2, patient_fold_counts
from covidlib.results.curves import auc
from covidlib.results.fold_results import fold_counts
from covidlib.results.intervals import on_all
from covidlib.results.metrics import Counts, FoldCounts, labelled
from covidlib.results.printed_counts import printed_at_thresholds, printed_fold_counts, printed_patient_counts
from covidlib.results.scores import SCORES, mean_of_folds
from covidlib.results.tables import MEAN, POOLED, pooled

IMAGES, PATIENTS, PATIENTS_AT_1 = "images", "patients", "patients, threshold 1"
THRESHOLDS = {PATIENTS: THRESHOLD_2, PATIENTS_AT_1: THRESHOLD_1}
AUC = "AUC"
COUNTS = ("true_covid", "false_normal", "true_normal", "false_covid")


@dataclass(frozen=True)
class Quantity:
    """The definition of one reported number.

    Attributes
    ----------
    unit : "images", "patients" or "patients, threshold 1"
        Images of Table 9; patients of Table 6 (threshold 2), or of Table 5 (threshold 1; only fold 1 is printed).
    score : str
        One of `covidlib.results.scores.SCORES`, a field of `covidlib.results.metrics.Counts`, "right" (correct of both
        classes), or "AUC", which the paper's counts do not give.
    network, minus : str
        One of `covidlib.names.NETWORKS`; `minus` names a second one whose value is subtracted.
    average : "mean of folds" or "pooled"
    """

    unit: str
    score: str
    network: str
    average: Literal["mean of folds", "pooled"] = "mean of folds"
    minus: str = ""

    def __post_init__(self) -> None:
        allowed = {
            "unit": (IMAGES, *THRESHOLDS),
            "score": (*SCORES, *COUNTS, "right", AUC),
            "network": NETWORKS,
            "average": (MEAN, POOLED),
            "minus": ("", *NETWORKS),
        }
        for field, value in asdict(self).items():
            if value not in allowed[field]:
                raise InputError(field, f"unknown value {value!r}", f"Choose one of {', '.join(allowed[field])}")

    def describe(self) -> str:
        """What is counted, and how the folds are combined, as a chapter's table says it."""
        whole = {POOLED: "all folds together", MEAN: "mean of folds"}[self.average]
        return f"{self.score}, {self.unit}, {whole}"

    def __str__(self) -> str:
        other = f" minus {self.minus}" if self.minus else ""
        return f"{self.score} of {self.network}{other}, {self.unit}, {self.average}"


def is_count(quantity: Quantity) -> bool:
    """Whether a quantity is a number of images or patients, not a share or a ratio."""
    return quantity.score in (*COUNTS, "right")


def printed_value(quantity: Quantity) -> float:
    """Recompute a quantity from the paper's printed counts (Tables 5, 6 and 9).

    Raises
    ------
    InputError
        If it cannot be computed from counts.
    """
    if quantity.score == AUC:
        raise InputError(
            str(quantity), "cannot be computed from counts", "Compute it from predictions with `our_value`"
        )
    return _value(quantity, printed_folds(quantity.unit))


def our_value(quantity: Quantity, predictions: pd.DataFrame) -> float:
    """Compute a quantity from our predictions, for slices or for patients.

    A mean of folds is NaN if the score is undefined in one of them, such as the PPV of a network that calls nothing
    COVID-19: a mean over the other folds would be another quantity.

    Parameters
    ----------
    predictions : DataFrame
        Columns network, fold, patient, patient_label, label, p_covid: the rows of all fifteen runs.
    """
    if quantity.score == AUC:
        rows = labelled(predictions)
        areas = [float(on_all(rows[rows["network"] == name], mean_of_folds(auc))) for name in _networks(quantity)]
        return areas[0] - sum(areas[1:])
    if quantity.unit == IMAGES:
        return _value(quantity, fold_counts(predictions))
    return _value(quantity, patient_fold_counts(predictions, THRESHOLDS[quantity.unit]))


def printed_folds(unit: str) -> FoldCounts:
    """The printed counts per network and fold; for threshold 1, fold 1 only."""
    if unit == IMAGES:
        return printed_fold_counts()
    if unit == PATIENTS:
        return printed_patient_counts()
    return {network: [counts] for (threshold, network), counts in printed_at_thresholds().items() if threshold == 1}


def _value(quantity: Quantity, folds: FoldCounts) -> float:
    values = [_averaged(quantity, folds[name]) for name in _networks(quantity)]
    return values[0] - sum(values[1:])


def _networks(quantity: Quantity) -> list[str]:
    return [name for name in (quantity.network, quantity.minus) if name]


def _averaged(quantity: Quantity, folds: Sequence[Counts]) -> float:
    if quantity.average == POOLED:
        return _score(quantity.score, pooled(folds))
    return float(np.mean([_score(quantity.score, counts) for counts in folds]))


def _score(name: str, counts: Counts) -> float:
    if name == "right":
        return counts.true_covid + counts.true_normal
    return float(getattr(counts, name) if name in COUNTS else SCORES[name](counts))
