"""How far a number could be off: intervals for shares, for any metric of predictions, and for a difference over folds.

Slices of one patient are right or wrong together, so a thousand slices of ten patients say less than a thousand
patients would. What is drawn again here are therefore patients (the paper gives no intervals; its sections 3.1 and
3.2). Taught in chapter 05.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

RESAMPLES = 2000
SEED = 2020
ELEMENTS_AT_ONCE = 2_000_000
"""Weights held in memory at a time: 2,000 resamples of 15,000 slices are worked off in portions."""

Metric = Callable[[pd.DataFrame, np.ndarray], np.ndarray]
"""A number, or a row of numbers, for each resample: from predictions, and weights of shape (resamples, slices) that
say how often each slice was drawn. `covidlib.results.scores` and `covidlib.results.curves` have them."""


class Interval(NamedTuple):
    """An estimate with the ends of its interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def wilson_interval(
    successes: float, trials: float, confidence: float = 0.95, design_effect: float = 1.0
) -> tuple[float, float]:
    """Wilson's interval for a share of independent trials.

    Slices of one patient are not independent: `design_effect` says how many of them are worth one, and the interval
    is that of so many fewer trials with the same share (see `covidlib.results.clustering`).

    Raises
    ------
    ValueError
        If there are no trials, more successes than trials, or a design effect below 1.
    """
    from statsmodels.stats.proportion import proportion_confint

    if trials == 0:
        raise ValueError("no trials, no interval")
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes of {trials} trials")
    if design_effect < 1:
        raise ValueError(f"a design effect of {design_effect} would make slices worth more than independent ones")
    low, high = proportion_confint(
        successes / design_effect, trials / design_effect, alpha=1 - confidence, method="wilson"
    )
    # Rounding can leave an end outside by one unit of the last place.
    return max(0.0, float(low)), min(1.0, float(high))


def bootstrap(
    predictions: pd.DataFrame,
    metric: Metric,
    within: Sequence[str] = ("patient_label",),
    unit: Literal["patient", "slice"] = "patient",
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> np.ndarray:
    """A metric on predictions whose patients were drawn again, with replacement, many times.

    A patient is drawn with all its slices, and from its own stratum: as many patients of each class as there were
    (`within=("patient_label",)`), of each fold, or of both. A patient who is tested in several folds, as the paper's
    normal patients are, counts as one, unless the strata are folds.

    Parameters
    ----------
    predictions : DataFrame
        Column patient, the columns of `within`, and what the metric needs; one row a slice.
    unit : "patient" or "slice"
        Drawing slices, as if they were independent, is there to show what it does to an interval.

    Returns
    -------
    float array, shape (resamples,) or (resamples, numbers)
        Not a number where a resample leaves the metric undefined.

    Raises
    ------
    ValueError
        If there are no predictions or no resamples are asked for.
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
    """How often each slice was drawn in each resample, portion after portion; shape (some resamples, slices)."""
    strata = predictions.groupby(list(within)).ngroup().to_numpy() if within else np.zeros(len(predictions), int)
    names = predictions["patient"] if unit == "patient" else pd.Series(np.arange(len(predictions)))
    units, first = pd.factorize(pd.MultiIndex.from_arrays([strata, names]))
    stratum_of = first.get_level_values(0).to_numpy()
    portion = max(1, ELEMENTS_AT_ONCE // len(predictions))
    for start in range(0, resamples, portion):
        drawn = np.empty((min(portion, resamples - start), len(first)))
        for stratum in np.unique(stratum_of):
            members = np.flatnonzero(stratum_of == stratum)
            drawn[:, members] = rng.multinomial(len(members), np.full(len(members), 1 / len(members)), len(drawn))
        yield drawn[:, units]


def on_all(predictions: pd.DataFrame, metric: Metric) -> np.ndarray:
    """A metric on the predictions as they are, every slice once."""
    return metric(predictions, np.ones((1, len(predictions))))[0]


def bootstrap_interval(
    predictions: pd.DataFrame,
    metric: Metric,
    within: Sequence[str] = ("patient_label",),
    unit: Literal["patient", "slice"] = "patient",
    resamples: int = RESAMPLES,
    seed: int = SEED,
    confidence: float = 0.95,
) -> Interval:
    """A metric with its percentile interval over resampled patients.

    It says how the same trained networks would fare on other patients, not what another training would give.
    Resamples that leave the metric undefined are passed over. With few patients in a stratum, or a share near 0 or 1,
    percentile intervals are too short: if no patient has an error, every resample has none.

    Raises
    ------
    ValueError
        As `bootstrap`.
    """
    drawn = bootstrap(predictions, metric, within, unit, resamples, seed)
    low, high = percentile_ends(drawn, confidence)
    return Interval(float(on_all(predictions, metric)), float(low), float(high))


def percentile_ends(drawn: np.ndarray, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """The ends between which the middle share of resamples lies, for each number of a metric.

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
    """A mean difference over folds, its interval, and the p value of no difference."""

    difference: float
    low: float
    high: float
    p_value: float


def corrected_t(differences: Sequence[float], test_to_train: float) -> FoldDifference:
    """Nadeau and Bengio's corrected resampled t test on one difference a fold, with its 95% interval.

    Training sets of different folds share most of their patients, so the folds' differences are correlated and the
    ordinary t test is far too sure of itself. The correction multiplies the variance of the mean by
    1 + folds · test/train. It assumes that the differences are about normal, that each fold has the same ratio of
    test to training size, and that the correlation between folds is test / (test + train); it was derived for repeated
    random splits and is only a convention for five folds. With five folds it has four degrees of freedom: it finds
    large differences only (Nadeau and Bengio 2003).

    Parameters
    ----------
    differences : one a fold
        A metric of one network minus that of another, on the same fold.
    test_to_train : float
        Size of a test set over the size of its training set, in patients or in slices: 1/4 for five folds without a
        validation set; more than 2 in the paper's Table 2.

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
    # Folds that all differ by the same amount leave no room for chance, those that never differ leave nothing else.
    p_value = 2 * float(t.sf(abs(mean) / error, len(values) - 1)) if error > 0 else float(mean == 0)
    return FoldDifference(mean, mean - reach, mean + reach, p_value)
