"""Compare two networks on the same slices or patients: McNemar's test, with patients as clusters, and its bounds.

The paper compares three networks without a test (Tables 5, 6 and 9). From predictions the comparison is exact. The
printed counts do not show on which slices two networks were both wrong; but the p value can be bounded, and often both
bounds lead to the same conclusion. Taught in chapter 05.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from covidlib.errors import InputError
from covidlib.results.intervals import RESAMPLES, Interval, Metric, bootstrap, on_all, percentile_ends
from covidlib.results.metrics import Counts, FoldCounts, called_covid, labelled

LABELS_AND_ALL = ("covid", "normal", "all")


def mcnemar_p(only_first_wrong: int, only_second_wrong: int) -> float:
    """McNemar's exact two-sided p value, from the numbers of slices that exactly one of two networks got wrong.

    Raises
    ------
    ValueError
        If a count is negative.
    """
    from statsmodels.stats.contingency_tables import mcnemar

    if only_first_wrong < 0 or only_second_wrong < 0:
        raise ValueError(f"counts must not be negative: {only_first_wrong} and {only_second_wrong}")
    if only_first_wrong + only_second_wrong == 0:
        return 1.0
    return float(mcnemar([[0, only_first_wrong], [only_second_wrong, 0]], exact=True).pvalue)


class ClusteredPairs(NamedTuple):
    """A test of two networks on slices of the same patients.

    `design_effect` is that of the difference: the factor by which clustering divides McNemar's chi-squared. It is NaN
    if there is no slice that exactly one network got wrong.
    """

    patients: int
    p_value: float
    design_effect: float


def clustered_mcnemar(
    first_wrong: pd.Series | np.ndarray, second_wrong: pd.Series | np.ndarray, patients: pd.Series | np.ndarray
) -> ClusteredPairs:
    """McNemar's test with patients as clusters (Obuchowski 1998; Durkalski et al. 2003 compare such tests).

    Each patient gives one number, the slices that only the first network got wrong minus those that only the second
    did. If the networks are equally good, its mean is 0 and its variance is the mean square, however the slices of a
    patient depend on each other: χ² = (K − 1) / K · (Σ difference)² / Σ difference² for K patients. With one slice per
    patient it is McNemar's χ², but for the first factor. A large-sample approximation in the number of patients.

    Clusters are patients of all folds together. So a fold in which one network is much worse widens the test, as it
    should: two networks are compared, not two sets of weights.

    Parameters
    ----------
    first_wrong, second_wrong : bool, one per slice
    patients : names, one per slice

    Raises
    ------
    ValueError
        If there are fewer than two patients, or the lengths differ.
    """
    from scipy.stats import chi2

    one, other, names = (np.asarray(values) for values in (first_wrong, second_wrong, patients))
    if not one.shape == other.shape == names.shape:
        raise ValueError(f"{one.shape} and {other.shape} errors for {names.shape} patients")
    codes, found = pd.factorize(names)
    if len(found) < 2:
        raise ValueError(f"{len(found)} patients: a test needs two")
    alone = int((one != other).sum())
    differences = np.bincount(codes, one.astype(float) - other.astype(float))
    squares = float((differences**2).sum() * len(found) / (len(found) - 1))
    p_value = float(chi2.sf(differences.sum() ** 2 / squares, 1)) if squares else 1.0
    return ClusteredPairs(len(found), p_value, squares / alone if alone else float("nan"))


def tolerated_design_effect(only_first_wrong: int, only_second_wrong: int, confidence: float = 0.95) -> float:
    """The design effect up to which a difference remains significant in McNemar's test.

    Errors that cluster within patients carry less information; McNemar's chi-squared is divided by the design effect of
    the difference (`clustered_mcnemar`), which is not that of either network's errors: what both get wrong does not
    count. Below 1, the difference is not significant even if slices are independent.
    Large-sample approximation.
    """
    from scipy.stats import chi2

    alone = only_first_wrong + only_second_wrong
    squared = (only_first_wrong - only_second_wrong) ** 2 / alone if alone else 0.0
    return float(squared / chi2.ppf(confidence, 1))


def same_slices(first: pd.DataFrame, second: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sort two networks' predictions into the same order of slices, and check that they match.

    Parameters
    ----------
    first, second : DataFrame
        Prediction tables of one network each: columns fold, path, label and more.

    Raises
    ------
    InputError
        If a slice occurs twice in a fold, is predicted by only one network, or has two labels.
    """
    one, other = (labelled(table).set_index(["fold", "path"]).sort_index() for table in (first, second))
    for table in (one, other):
        if table.index.has_duplicates:
            twice = table.index[table.index.duplicated()][0]
            raise InputError(
                twice[1], f"is predicted twice in fold {twice[0]}", "Pass the predictions of one network in each table"
            )
    alone = one.index.symmetric_difference(other.index)
    if len(alone):
        raise InputError(
            alone[0][1],
            f"this slice and {len(alone) - 1} others are predicted by one network only",
            "Pass both networks' predictions of the same folds",
        )
    differing = one.index[one["label"] != other["label"]]
    if len(differing):
        raise InputError(differing[0][1], "has two labels", "Pass predictions on the same data")
    return one.reset_index(), other.reset_index()


def compare_slices(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Compare two networks on the same slices, with patients as clusters: infected slices, normal slices, and all.

    Returns
    -------
    DataFrame
        Index covid, normal, all; columns n, patients, both_right, only_first_wrong, only_second_wrong, both_wrong,
        p_value and design_effect (`clustered_mcnemar`), p_if_independent (McNemar's exact test on slices, as if each
        came from another patient: for comparison only).

    Raises
    ------
    InputError
        As `same_slices`.
    """
    tables = same_slices(first, second)
    label, patients = tables[0]["label"], tables[0]["patient"]
    wrong = [called_covid(table["p_covid"]) != (label == "covid") for table in tables]
    rows = {}
    for name in LABELS_AND_ALL:
        chosen = (label == name) | (name == "all")
        one, other = (errors[chosen] for errors in wrong)
        alone = int((one & ~other).sum()), int((other & ~one).sum())
        tested = clustered_mcnemar(one, other, patients[chosen])
        rows[name] = {
            "n": len(one),
            "patients": tested.patients,
            "both_right": int((~one & ~other).sum()),
            "only_first_wrong": alone[0],
            "only_second_wrong": alone[1],
            "both_wrong": int((one & other).sum()),
            "p_value": tested.p_value,
            "design_effect": tested.design_effect,
            "p_if_independent": mcnemar_p(*alone),
        }
    return pd.DataFrame(rows).T.astype(dict.fromkeys(list(rows["all"])[:6], int))


def difference_interval(
    first: pd.DataFrame,
    second: pd.DataFrame,
    metric: Metric,
    resamples: int = RESAMPLES,
) -> Interval:
    """The difference of a metric, first network minus second, with its 95% interval over resampled patients.

    Both networks are evaluated on the same resampled patients, so that variation common to both cancels. Patients are
    drawn within folds and classes: the interval is about these trained networks.

    Raises
    ------
    InputError
        As `same_slices`.
    """
    one, other = same_slices(first, second)

    def difference(table: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
        return metric(table, weights) - metric(other, weights)

    low, high = percentile_ends(bootstrap(one, difference, resamples=resamples))
    return Interval(float(on_all(one, difference)), float(low), float(high))


class McNemarBounds(NamedTuple):
    """Bounds of McNemar's exact p value if only the number of errors of each network is known.

    The number of errors common to both lies between `both_wrong_least` and `both_wrong_most`.
    """

    both_wrong_least: int
    both_wrong_most: int
    p_smallest: float
    p_largest: float


def mcnemar_bounds(
    first_wrong: int | Sequence[int], second_wrong: int | Sequence[int], totals: int | Sequence[int]
) -> McNemarBounds:
    """The smallest and largest McNemar p value that two networks' error counts allow.

    Of n slices the first network gets a wrong, the second b, and both x: at least max(0, a + b − n), at most
    min(a, b). McNemar's test compares a − x with b − x. Their difference does not depend on x, and their sum, the
    number of coin tosses, falls by two with every common error: p falls, or stays the same, as x grows. So the ends of
    x give the ends of p. With several folds, x is bounded in each fold, and the bounds are summed.

    Parameters
    ----------
    first_wrong, second_wrong, totals : int, or one per fold

    Raises
    ------
    ValueError
        If there are more errors than slices, or a number of errors is negative.
    """
    first, second, n = (np.atleast_1d(np.asarray(count, dtype=int)) for count in (first_wrong, second_wrong, totals))
    if (np.minimum(first, second) < 0).any() or (np.maximum(first, second) > n).any():
        raise ValueError(
            f"errors {first.tolist()} and {second.tolist()} of {n.tolist()} slices: must be between 0 and the number "
            f"of slices"
        )
    least, most = int(np.maximum(0, first + second - n).sum()), int(np.minimum(first, second).sum())
    a, b = int(first.sum()), int(second.sum())
    return McNemarBounds(least, most, mcnemar_p(a - most, b - most), mcnemar_p(a - least, b - least))


def pair_bounds(counts: FoldCounts) -> pd.DataFrame:
    """Bounds of McNemar's exact p value for each pair of networks and each class.

    Note that most normal patients are tested in four of the five folds, by differently trained networks, and are
    counted each time; and that slices of one patient are not independent. Both make p too small: a largest p below
    0.05 is not a proof, but a smallest p above it shows that there is no significant difference.

    Parameters
    ----------
    counts : dict of lists of Counts
        Counts of each network, fold after fold, as `covidlib.results.printed_counts` reads them.

    Returns
    -------
    DataFrame
        Columns first, second, label ("covid", "normal" or "all"), n, first_wrong, second_wrong, both_wrong_least,
        both_wrong_most, p_smallest, p_largest, tolerated_design_effect (at the largest p).
    """
    rows = []
    for first, second in combinations(counts, 2):
        for label in LABELS_AND_ALL:
            (one, totals), (other, _) = (_wrong_of_all(counts[name], label) for name in (first, second))
            bounds = mcnemar_bounds(one, other, totals)
            alone = [sum(wrong) - bounds.both_wrong_least for wrong in (one, other)]
            rows.append(
                {"first": first, "second": second, "label": label, "n": sum(totals)}
                | {"first_wrong": sum(one), "second_wrong": sum(other), **bounds._asdict()}
                | {"tolerated_design_effect": tolerated_design_effect(*alone)}
            )
    return pd.DataFrame(rows)


def _wrong_of_all(folds: Sequence[Counts], label: str) -> tuple[list[int], list[int]]:
    """Errors, and slices or patients, of each fold; of both classes one after the other if the label is "all"."""
    covid = [(fold.false_normal, fold.true_covid + fold.false_normal) for fold in folds]
    normal = [(fold.false_covid, fold.true_normal + fold.false_covid) for fold in folds]
    chosen = {"covid": covid, "normal": normal, "all": covid + normal}[label]
    return [wrong for wrong, _ in chosen], [total for _, total in chosen]
