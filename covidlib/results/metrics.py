"""Compute Table 9 from predictions: four counts, and the columns that follow from them (section 3.1, eqs. 1–5).

Taught in chapter 05.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd

from covidlib.paper.tables import AVERAGE

DECISION = 0.5
"""A slice is called COVID-19 above this probability: the larger of two outputs that sum to one."""


@dataclass(frozen=True)
class Counts:
    """The four counts of a two-class test, with COVID-19 as the positive class."""

    true_covid: int
    false_normal: int
    true_normal: int
    false_covid: int


FoldCounts = Mapping[str, Sequence[Counts]]
"""The counts of each network, fold after fold: `covidlib.results.printed_counts.printed_fold_counts`, or ours."""


def called_covid(p_covid: pd.Series | np.ndarray) -> np.ndarray:
    """Whether each slice is called COVID-19: its probability is above `DECISION`.

    Returns
    -------
    bool array, of the shape of `p_covid`

    Raises
    ------
    ValueError
        If a probability is missing: it would count as normal.
    """
    probability = np.asarray(p_covid, dtype=float)
    if np.isnan(probability).any():
        raise ValueError("a probability is missing: predict all slices, or leave out those without one")
    return probability > DECISION


def confusion_counts(labels: pd.Series | np.ndarray, p_covid: pd.Series | np.ndarray) -> Counts:
    """Count right and wrong slices of each class (paper, section 3.1).

    Parameters
    ----------
    labels : "covid" or "normal", one per slice
    p_covid : float, one per slice

    Raises
    ------
    ValueError
        If a label is neither "covid" nor "normal", a probability is missing, or the lengths differ.
    """
    truth, called = np.asarray(labels), called_covid(p_covid)
    if truth.shape != called.shape:
        raise ValueError(f"{truth.shape} labels for {called.shape} probabilities: pass one per slice")
    unknown = set(np.unique(truth)) - {"covid", "normal"}
    if unknown:
        raise ValueError(f"unknown labels: {sorted(map(str, unknown))}")
    covid = truth == "covid"
    return Counts(
        true_covid=int((covid & called).sum()),
        false_normal=int((covid & ~called).sum()),
        true_normal=int((~covid & ~called).sum()),
        false_covid=int((~covid & called).sum()),
    )


def share(part: float, whole: float) -> float:
    """Divide a part by a whole, for numbers or arrays; NaN if the whole is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        quotient = np.where(np.asarray(whole) != 0, np.true_divide(part, whole), np.nan)
    return cast(float, quotient[()])


def table9_columns(counts: Counts) -> dict[str, float]:
    """Compute Table 9's columns from four counts (equations 1 to 5).

    The printed table has seventeen columns after the fold; the network is the eighteenth, named by the caller. With
    two classes, half of them repeat the other half: each class's specificity is the other's sensitivity, and the
    accuracy of each class is the overall accuracy. "Precision" is PPV for COVID-19 and NPV for normal.
    """
    covid = counts.true_covid + counts.false_normal
    normal = counts.true_normal + counts.false_covid
    right = counts.true_covid + counts.true_normal
    accuracy = share(right, covid + normal)
    sensitivity, specificity = share(counts.true_covid, covid), share(counts.true_normal, normal)
    return {
        "Correct classified images": right,
        "Wrong classified images": covid + normal - right,
        "COVID correct classified": counts.true_covid,
        "COVID not classified": counts.false_normal,
        "Wrong classified as COVID": counts.false_covid,
        "Normal correct classified": counts.true_normal,
        "Normal not classified": counts.false_covid,
        "Wrong classified as normal": counts.false_normal,
        "Overall accuracy": accuracy,
        "COVID accuracy": accuracy,
        "Normal accuracy": accuracy,
        "COVID sensitivity": sensitivity,
        "Normal sensitivity": specificity,
        "COVID specificity": specificity,
        "Normal specificity": sensitivity,
        "COVID precision": share(counts.true_covid, counts.true_covid + counts.false_covid),
        "Normal precision": share(counts.true_normal, counts.true_normal + counts.false_normal),
    }


def labelled(predictions: pd.DataFrame) -> pd.DataFrame:
    """Keep the rows that count as images in Table 9: slices with the label covid or normal.

    A slice of an infected patient that shows no infection has neither label.
    """
    return predictions[predictions["label"].isin(["covid", "normal"])]


def table9(predictions: pd.DataFrame) -> pd.DataFrame:
    """Compute Table 9 from predictions: one row per fold and network, and the mean over the folds.

    Parameters
    ----------
    predictions : DataFrame
        Columns network, fold, label, p_covid; rows with another label than covid or normal are not images of Table 9
        and are left out.

    Returns
    -------
    DataFrame
        Columns Fold and Network, then Table 9's. The averages are means of the folds' values, as in the paper.
    """
    rows = [
        {"Fold": str(fold), "Network": network, **table9_columns(confusion_counts(group["label"], group["p_covid"]))}
        for (fold, network), group in labelled(predictions).groupby(["fold", "network"], sort=True)
    ]
    return with_averages(pd.DataFrame(rows))


def with_averages(folds: pd.DataFrame) -> pd.DataFrame:
    """Append each network's mean over its folds, like the last rows of Tables 6 and 9.

    A mean is NaN if the number is undefined in a fold: a mean of the other folds would be another quantity.

    Parameters
    ----------
    folds : DataFrame
        Columns Fold and Network, then numbers.
    """
    numbers = folds.drop(columns="Fold").groupby("Network")
    # A mean would pass over a fold without a value.
    means = numbers.mean().where(numbers.count().eq(numbers.size(), axis=0)).reset_index()
    means.insert(0, "Fold", AVERAGE)
    return pd.concat([folds, means], ignore_index=True)


def mean_matrix(folds: Sequence[Counts]) -> np.ndarray:
    """The confusion matrix of several folds, averaged (paper, Figure 10).

    Returns
    -------
    float array, shape (2, 2)
        Rows are the truth, columns the prediction, both in the order COVID-19, normal.
    """
    matrices = [[[c.true_covid, c.false_normal], [c.false_covid, c.true_normal]] for c in folds]
    return np.mean(matrices, axis=0)
