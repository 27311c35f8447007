"""Two networks on the same slices or patients: is one better, or were the errors dealt out by chance?

The paper puts three networks side by side and tests nothing (Tables 5, 6 and 9). From predictions the comparison is
exact. From the printed counts alone it is not known on which slices two networks erred together; but the p value can
be bounded, and often both bounds tell the same. Taught in chapter 05.
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
    """McNemar's exact two-sided p value: could a fair coin have dealt the errors that only one of two made?

    Raises
    ------
    ValueError
        If a count is negative.
    """
    from statsmodels.stats.contingency_tables import mcnemar

    if only_first_wrong < 0 or only_second_wrong < 0:
        raise ValueError(f"counts of {only_first_wrong} and {only_second_wrong}")
    if only_first_wrong + only_second_wrong == 0:
        return 1.0
    return float(mcnemar([[0, only_first_wrong], [only_second_wrong, 0]], exact=True).pvalue)


def tolerated_design_effect(only_first_wrong: int, only_second_wrong: int, confidence: float = 0.95) -> float:
    """How much clustering a difference survives: the design effect at which McNemar's test would just not see it.

    Errors that cluster within patients are worth fewer independent ones; McNemar's chi-squared shrinks by the design
    effect (see `covidlib.results.clustering`). Below 1, the difference is not seen even if slices are independent.
    Large-sample approximation.
    """
    from scipy.stats import chi2

    alone = only_first_wrong + only_second_wrong
    squared = (only_first_wrong - only_second_wrong) ** 2 / alone if alone else 0.0
    return float(squared / chi2.ppf(confidence, 1))


def same_slices(first: pd.DataFrame, second: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two networks' predictions in the same order of slices.

    Parameters
    ----------
    first, second : DataFrame
        Prediction tables of one network each: columns fold, path, label and more.

    Raises
    ------
    InputError
        If a slice occurs twice in a fold, is predicted by one network only, or has two labels.
    """
    one, other = (labelled(table).set_index(["fold", "path"]).sort_index() for table in (first, second))
    for table in (one, other):
        if table.index.has_duplicates:
            twice = table.index[table.index.duplicated()][0]
            raise InputError(twice[1], f"is predicted twice in fold {twice[0]}", "Give the predictions of one network")
    alone = one.index.symmetric_difference(other.index)
    if len(alone):
        raise InputError(
            alone[0][1],
            f"and {len(alone) - 1} other slices are predicted by one network only",
            "Give both networks' predictions of the same folds",
        )
    differing = one.index[one["label"] != other["label"]]
    if len(differing):
        raise InputError(differing[0][1], "has two labels", "Give predictions on the same data")
    return one.reset_index(), other.reset_index()


def compare_slices(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """McNemar's test of two networks on the same slices, infected, normal and all.

    It takes slices for independent, which they are not within a patient: a p value near 0.05 is worth little here.
    `difference_interval` draws patients instead.

    Returns
    -------
    DataFrame
        Index covid, normal, all; columns n, both_right, only_first_wrong, only_second_wrong, both_wrong, p_value.

    Raises
    ------
    InputError
        As `same_slices`.
    """
    tables = same_slices(first, second)
    label = tables[0]["label"]
    wrong = [called_covid(table["p_covid"]) != (label == "covid") for table in tables]
    rows = {}
    for name in LABELS_AND_ALL:
        one, other = (errors[(label == name) | (name == "all")] for errors in wrong)
        alone = int((one & ~other).sum()), int((other & ~one).sum())
        rows[name] = {
            "n": len(one),
            "both_right": int((~one & ~other).sum()),
            "only_first_wrong": alone[0],
            "only_second_wrong": alone[1],
            "both_wrong": int((one & other).sum()),
            "p_value": mcnemar_p(*alone),
        }
    return pd.DataFrame(rows).T.astype(dict.fromkeys(list(rows["all"])[:-1], int))


def difference_interval(
    first: pd.DataFrame,
    second: pd.DataFrame,
    metric: Metric,
    resamples: int = RESAMPLES,
) -> Interval:
    """A metric of the first network minus that of the second, with its 95% interval over patients.

    Both networks are judged on the same drawn patients, so what is hard for both cancels.

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
    """What McNemar's exact test can give when only each network's own errors are known.

    Between `both_wrong_least` and `both_wrong_most` errors can be common to both.
    """

    both_wrong_least: int
    both_wrong_most: int
    p_smallest: float
    p_largest: float


def mcnemar_bounds(
    first_wrong: int | Sequence[int], second_wrong: int | Sequence[int], totals: int | Sequence[int]
) -> McNemarBounds:
    """The smallest and largest p value that two networks' error counts allow.

    Of n slices the first has a wrong, the second b, and x are wrong in both: at least max(0, a + b − n), at most
    min(a, b). Then a − x and b − x stand against each other. Their difference does not depend on x, and with every
    shared error fewer the same difference has to stand out from two more coin tosses: p falls, or stays, as x grows.
    So the ends of x give the ends of p. With several folds x is bounded in each and summed.

    Parameters
    ----------
    first_wrong, second_wrong, totals : int, or one a fold

    Raises
    ------
    ValueError
        If there are more errors than slices, or fewer than none.
    """
    first, second, n = (np.atleast_1d(np.asarray(one, dtype=int)) for one in (first_wrong, second_wrong, totals))
    if (np.minimum(first, second) < 0).any() or (np.maximum(first, second) > n).any():
        raise ValueError(f"errors {first.tolist()} and {second.tolist()} of {n.tolist()}")
    least, most = int(np.maximum(0, first + second - n).sum()), int(np.minimum(first, second).sum())
    a, b = int(first.sum()), int(second.sum())
    return McNemarBounds(least, most, mcnemar_p(a - most, b - most), mcnemar_p(a - least, b - least))


def pair_bounds(counts: FoldCounts) -> pd.DataFrame:
    """Bounds of McNemar's exact p for each pair of networks and each class.

    Two warnings go with them. Most normal patients are tested in four of the five folds, by differently trained
    networks, and are counted each time; and slices of one patient are not independent. Both make p too small, so a
    largest p below 0.05 is not yet a proof, but a smallest p above it shows that nothing was found.

    Parameters
    ----------
    counts : dict of lists of Counts
        For each network, fold after fold, as `covidlib.results.printed_counts` reads them.

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
    covid = [(own.false_normal, own.true_covid + own.false_normal) for own in folds]
    normal = [(own.false_covid, own.true_normal + own.false_covid) for own in folds]
    chosen = {"covid": covid, "normal": normal, "all": covid + normal}[label]
    return [wrong for wrong, _ in chosen], [total for _, total in chosen]
