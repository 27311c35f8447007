"""Scores of a two-class test that the paper's Table 9 lacks, each from the same four counts (section 3.1).

All are shares or ratios of `Counts`; none needs a network. Where a denominator is 0 the score is not a number.
Taught in chapter 05.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import numpy as np
import pandas as pd

from covidlib.results.intervals import Metric
from covidlib.results.metrics import Counts, called_covid, share

Score = Callable[[Counts], float]


def sensitivity(counts: Counts) -> float:
    """Infected slices (or patients) that are called COVID-19, of all infected."""
    return share(counts.true_covid, counts.true_covid + counts.false_normal)


def specificity(counts: Counts) -> float:
    """Normal slices (or patients) that are called normal, of all normal."""
    return share(counts.true_normal, counts.true_normal + counts.false_covid)


def accuracy(counts: Counts) -> float:
    """The share that is called rightly; mostly that of the larger class."""
    right = counts.true_covid + counts.true_normal
    return share(right, right + counts.false_covid + counts.false_normal)


def balanced_accuracy(counts: Counts) -> float:
    """Mean of sensitivity and specificity: both classes count alike, however large."""
    return (sensitivity(counts) + specificity(counts)) / 2


def ppv(counts: Counts) -> float:
    """Of those called COVID-19, the share that is infected, at the prevalence of the data."""
    return share(counts.true_covid, counts.true_covid + counts.false_covid)


def npv(counts: Counts) -> float:
    """Of those called normal, the share that is normal, at the prevalence of the data."""
    return share(counts.true_normal, counts.true_normal + counts.false_normal)


def f1(counts: Counts) -> float:
    """Harmonic mean of sensitivity and PPV; says nothing about normals called normal."""
    return share(2 * counts.true_covid, 2 * counts.true_covid + counts.false_covid + counts.false_normal)


def matthews(counts: Counts) -> float:
    """Matthews' correlation between truth and answer, −1 to 1; 0 is chance at any prevalence."""
    tp, fn, tn, fp = (
        np.asarray(count, dtype=float)
        for count in (counts.true_covid, counts.false_normal, counts.true_normal, counts.false_covid)
    )
    # Roots first: the product of four pooled counts leaves the exact range.
    spread = np.sqrt(tp + fp) * np.sqrt(tp + fn) * np.sqrt(tn + fp) * np.sqrt(tn + fn)
    return share(cast(float, tp * tn - fp * fn), cast(float, spread))


def positive_likelihood_ratio(counts: Counts) -> float:
    """How much an answer of COVID-19 raises the odds of infection."""
    return share(sensitivity(counts), 1 - specificity(counts))


def negative_likelihood_ratio(counts: Counts) -> float:
    """What an answer of normal leaves of the odds of infection."""
    return share(1 - sensitivity(counts), specificity(counts))


def ppv_at(counts: Counts, prevalence: float) -> float:
    """PPV where another share is infected, by Bayes' rule; Table 9's holds for its test sets only.

    Sensitivity and specificity are taken to stay what they are, which other patients may not grant.

    Raises
    ------
    ValueError
        If the prevalence is no share.
    """
    _check_share(prevalence)
    true = prevalence * sensitivity(counts)
    return share(true, true + (1 - prevalence) * (1 - specificity(counts)))


def npv_at(counts: Counts, prevalence: float) -> float:
    """NPV where another share is infected, by Bayes' rule, as `ppv_at`.

    Raises
    ------
    ValueError
        If the prevalence is no share.
    """
    _check_share(prevalence)
    true = (1 - prevalence) * specificity(counts)
    return share(true, true + prevalence * (1 - sensitivity(counts)))


def predictive_values(counts: Mapping[str, Counts], prevalences: Sequence[float]) -> pd.DataFrame:
    """PPV and NPV of several networks wherever so many are infected.

    Returns
    -------
    DataFrame
        Index share infected; columns (PPV or NPV, network).

    Raises
    ------
    ValueError
        If a prevalence is no share.
    """
    at = {"PPV": ppv_at, "NPV": npv_at}
    return pd.DataFrame(
        {
            (name, network): [value(own, prevalence) for prevalence in prevalences]
            for name, value in at.items()
            for network, own in counts.items()
        },
        index=pd.Index(prevalences, name="share infected"),
    )


def frequencies(counts: Mapping[str, Counts], prevalence: float, of: int = 10_000) -> pd.DataFrame:
    """What networks would make of so many slices, or patients, where another share is infected.

    Whole ones are easier to think with than shares of shares.

    Parameters
    ----------
    counts : dict of Counts
        By network; their sensitivity and specificity are taken to stay what they are.
    prevalence : float
        Share of infected slices, or patients.
    of : int
        All slices, or patients.

    Returns
    -------
    DataFrame
        Index network; columns found, missed, false alarms (rounded), PPV (a dash without an alarm), and right (share
        of right answers).

    Raises
    ------
    ValueError
        If the prevalence is no share.
    """
    _check_share(prevalence)
    infected = round(of * prevalence)
    rows = {}
    for network, own in counts.items():
        found = round(infected * sensitivity(own))
        alarms = round((of - infected) * (1 - specificity(own)))
        rows[network] = {
            "found": found,
            "missed": infected - found,
            "false alarms": alarms,
            "PPV": f"{ppv_at(own, prevalence):.2f}".replace("nan", "–"),
            "right": f"{1 - (infected - found + alarms) / of:.1%}",
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("network")


def _check_share(prevalence: float) -> None:
    if not 0 <= prevalence <= 1:
        raise ValueError(f"a prevalence is a share from 0 to 1, not {prevalence}")


SCORES: dict[str, Score] = {
    "sensitivity": sensitivity,
    "specificity": specificity,
    "accuracy": accuracy,
    "balanced accuracy": balanced_accuracy,
    "PPV": ppv,
    "NPV": npv,
    "F1": f1,
    "MCC": matthews,
    "LR+": positive_likelihood_ratio,
    "LR-": negative_likelihood_ratio,
}


def all_scores(counts: Counts) -> dict[str, float]:
    """Every score of this module by its name."""
    return {name: float(score(counts)) for name, score in SCORES.items()}


def weighted_counts(predictions: pd.DataFrame, weights: np.ndarray) -> Counts:
    """The four counts of each resample: `Counts` whose fields are arrays.

    Parameters
    ----------
    predictions : DataFrame
        Columns label and p_covid; rows with another label than covid or normal count nowhere, as in Table 9.
    weights : float array, shape (resamples, slices)
        How often each slice was drawn.

    Raises
    ------
    ValueError
        If a probability is missing: it would count as normal.
    """
    truth = predictions["label"].to_numpy()
    called = called_covid(predictions["p_covid"])
    covid, normal = truth == "covid", truth == "normal"
    cells = np.stack([covid & called, covid & ~called, normal & ~called, normal & called], axis=1)
    return Counts(*(weights @ cells.astype(float)).T)


def of_counts(score: Score) -> Metric:
    """A score as a metric for `covidlib.results.intervals.bootstrap`: all slices pooled."""

    def metric(predictions: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
        return np.asarray(score(weighted_counts(predictions, weights)))

    return metric


def mean_of_folds(metric: Metric) -> Metric:
    """The mean over folds of a metric: the averages of Table 9, for resamples.

    A resample in which a fold leaves the metric undefined has no mean: draw within folds and classes.
    """

    def mean(predictions: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
        fold = predictions["fold"].to_numpy()
        return np.mean([metric(predictions[fold == one], weights[:, fold == one]) for one in np.unique(fold)], axis=0)

    return mean
