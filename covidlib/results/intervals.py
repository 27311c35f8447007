"""Confidence intervals for shares, any metric of predictions, and differences over folds (sections 3.1 and 3.2).

Slices of one patient tend to be right or wrong together, so a thousand slices of ten patients contain less information
than a thousand patients would. Therefore patients are resampled here, not slices. The paper gives no intervals. Taught
in chapter 05.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

RESAMPLES = 2000
SEED = 2020
ELEMENTS_AT_ONCE = 2_000_000
"""Weights held in memory at a time: 2,000 resamples of 15,000 slices are processed in portions."""

WITHIN = ("fold", "patient_label")
"""Patients are resampled within their fold and class: the fold decides which trained network judges them."""

Metric = Callable[[pd.DataFrame, np.ndarray], np.ndarray]
"""A function from predictions and weights to a number, or a row of numbers, for each resample. Weights have the shape
(resamples, slices): how often each slice was drawn. See `covidlib.results.scores` and `covidlib.results.curves`."""


class Interval(NamedTuple):
    """An estimate with the ends of its interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        if np.isnan(self.value):
            return "undefined"
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def wilson_interval(
    successes: float, trials: float, confidence: float = 0.95, design_effect: float = 1.0
) -> tuple[float, float]:
    """Compute Wilson's interval for a share of independent trials.

    Slices of one patient are not independent: `design_effect` is the number of slices that carry as much information as
    one independent slice, and the number of trials is divided by it (see `covidlib.results.design_effects`).

    Raises
    ------
    ValueError
        If there are no trials, more successes than trials, or a design effect below 1.
    """
    from statsmodels.stats.proportion import proportion_confint

    if trials == 0:
        raise ValueError("no trials: there is no interval without data")
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes of {trials} trials: must be between 0 and the number of trials")
    if design_effect < 1:
        raise ValueError(f"a design effect of {design_effect} is impossible: it must be 1 or more")
    low, high = proportion_confint(
        successes / design_effect, trials / design_effect, alpha=1 - confidence, method="wilson"
    )
    # Rounding can leave an end outside by one unit of the last place.
    return max(0.0, float(low)), min(1.0, float(high))


def bootstrap(
    predictions: pd.DataFrame,
    metric: Metric,
    within: Sequence[str] = WITHIN,
    unit: Literal["patient", "slice"] = "patient",
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> np.ndarray:
    """Compute a metric on many resamples of the patients, drawn with replacement.

    A patient is drawn with all slices, and within a stratum: by default a fold and a class. Each fold has a trained
    network of its own, and how these differ is no uncertainty about the patients. A patient who is tested in several
    folds, like the paper's normal patients, counts as one; the stratum is then all patients who were tested in the same
    folds.

    Of n patients in a stratum n − 1 are drawn, and each is weighted by n / (n − 1). Drawing n would make the variance
    too small by (n − 1) / n, which matters with five patients in a stratum (Rao and Wu 1988). Patients who are alone
    in their folds share a stratum; a patient who is alone in a class never varies.

    Parameters
    ----------
    predictions : DataFrame
        Column patient, the columns of `within`, and those that the metric needs; one row per slice.
    within : columns
        Columns that define the strata; () draws from all patients.
    unit : "patient" or "slice"
        Drawing slices, as if they were independent, is only meant to show its effect on an interval.

    Returns
    -------
    float array, shape (resamples,) or (resamples, numbers)
        NaN if the metric is undefined on a resample.

    Raises
    ------
    ValueError
        If there are no predictions, or the number of resamples is below 1.
    """
    if predictions.empty or resamples < 1:
        raise ValueError(f"{len(predictions)} predictions, {resamples} resamples: at least one of each is needed")
    rng = np.random.default_rng(seed)
    return np.concatenate(
        [metric(predictions, weights) for weights in _weights(predictions, tuple(within), unit, resamples, rng)]
    )


def _weights(
    predictions: pd.DataFrame, within: tuple[str, ...], unit: str, resamples: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """The weight of each slice in each resample, portion after portion; shape (some resamples, slices)."""
    strata = _strata(predictions, within)
    names = predictions["patient"] if unit == "patient" else pd.Series(np.arange(len(predictions)))
    units, first = pd.factorize(pd.MultiIndex.from_arrays([strata, names]))
    stratum_of = first.get_level_values(0).to_numpy()
    portion = max(1, ELEMENTS_AT_ONCE // len(predictions))
    for start in range(0, resamples, portion):
        drawn = np.ones((min(portion, resamples - start), len(first)))
        for stratum in np.unique(stratum_of):
            members = np.flatnonzero(stratum_of == stratum)
            n = len(members)
            if n > 1:
                drawn[:, members] = rng.multinomial(n - 1, np.full(n, 1 / n), len(drawn)) * n / (n - 1)
        yield drawn[:, units]


def _strata(predictions: pd.DataFrame, within: tuple[str, ...]) -> np.ndarray:
    """The number of each slice's stratum; for folds, all those in which the slice's patient is tested."""
    if not within:
        return np.zeros(len(predictions), int)
    columns = predictions[list(within)].copy()
    if "fold" in columns:
        other = [name for name in within if name != "fold"]
        people = predictions.groupby(["patient", *other])["fold"].agg(lambda folds: str(sorted(set(folds))))
        people = people.groupby(level=other, group_keys=False).apply(_join_single) if other else _join_single(people)
        columns["fold"] = people.reindex(pd.MultiIndex.from_frame(predictions[["patient", *other]])).to_numpy()
    return columns.groupby(list(within)).ngroup().to_numpy()


def _join_single(folds: pd.Series) -> pd.Series:
    """Give patients who are alone in their folds a common stratum, with the smallest other one if there is only one."""
    sizes = folds.value_counts(ascending=True)
    single = int((sizes == 1).sum())
    joined = sizes.index[: max(2, single) if single else 0]
    return folds.where(~folds.isin(joined), "joined")


def on_all(predictions: pd.DataFrame, metric: Metric) -> np.ndarray:
    """Compute a metric on the original predictions, every slice once."""
    return metric(predictions, np.ones((1, len(predictions))))[0]


def bootstrap_interval(
    predictions: pd.DataFrame,
    metric: Metric,
    within: Sequence[str] = WITHIN,
    unit: Literal["patient", "slice"] = "patient",
    resamples: int = RESAMPLES,
    seed: int = SEED,
    confidence: float = 0.95,
) -> Interval:
    """Compute a metric with its percentile interval over resampled patients.

    The interval describes how the same trained networks would perform on other patients, not the result of another
    training run. Resamples on which the metric is undefined are ignored. With few patients in a stratum, or a share
    near 0 or 1, percentile intervals are too short: if no patient has an error, no resample has one.

    Raises
    ------
    ValueError
        See `bootstrap`.
    """
    drawn = bootstrap(predictions, metric, within, unit, resamples, seed)
    low, high = percentile_ends(drawn, confidence)
    return Interval(float(on_all(predictions, metric)), float(low), float(high))


def percentile_ends(drawn: np.ndarray, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """The ends of the percentile interval for each number of a metric.

    Parameters
    ----------
    drawn : float array, shape (resamples,) or (resamples, numbers)
    """
    tail = (1 - confidence) / 2
    columns = drawn.reshape(len(drawn), -1)
    defined = ~np.isnan(columns).all(axis=0)
    ends = np.full((2, columns.shape[1]), np.nan)
    ends[:, defined] = np.nanquantile(columns[:, defined], [tail, 1 - tail], axis=0)
    low, high = ends.reshape(2, *drawn.shape[1:])
    return low, high


class FoldDifference(NamedTuple):
    """A mean difference over folds, its interval, and the p value of the hypothesis of no difference."""

    difference: float
    low: float
    high: float
    p_value: float


def corrected_t(differences: Sequence[float], test_to_train: float) -> FoldDifference:
    """Nadeau and Bengio's corrected resampled t test on one difference per fold, with its 95% interval.

    Training sets of different folds share most of their patients, so the folds' differences are correlated and the
    ordinary t test gives p values that are far too small. The correction multiplies the variance of the mean by
    1 + folds · test/train. It assumes that the differences are about normal, that each fold has the same ratio of
    test to training size, and that the correlation between folds is test / (test + train); it was derived for repeated
    random splits and is only a convention for five folds. It has no derivation for folds that test some patients
    several times and others once. With five folds it has four degrees of freedom and detects only large differences
    (Nadeau and Bengio 2003).

    Parameters
    ----------
    differences : one per fold
        A metric of one network minus that of another, on the same fold.
    test_to_train : float
        Size of a test set over the size of its training set, of the units that the metric counts and that were drawn:
        infected patients for a sensitivity. It is 1/4 for five folds without a validation set (see
        `covidlib.results.fold_sizes`).

    Raises
    ------
    ValueError
        If there are fewer than two folds, or the ratio is not above 0.
    """
    from scipy.stats import t

    values = np.asarray(differences, dtype=float)
    if len(values) < 2 or not test_to_train > 0:
        raise ValueError(f"{len(values)} folds, test to train {test_to_train}: give two folds and a ratio above 0")
    mean = float(values.mean())
    error = float(np.sqrt((1 / len(values) + test_to_train) * values.var(ddof=1)))
    reach = float(t.ppf(0.975, len(values) - 1)) * error
    # Without variance between folds, p is 0 if the difference is not 0, and 1 if it is.
    p_value = 2 * float(t.sf(abs(mean) / error, len(values) - 1)) if error > 0 else float(mean == 0)
    return FoldDifference(mean, mean - reach, mean + reach, p_value)
