"""What five folds say: the rates of each with intervals, and whether two networks differ over all (Table 9).

The paper prints five folds and their mean; how far the folds lie apart, and whether a difference of two networks
stands out from that, it does not say. Taught in chapter 05.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations

import pandas as pd

from covidlib.errors import InputError
from covidlib.results.intervals import corrected_t
from covidlib.results.metrics import Counts, FoldCounts, confusion_counts, labelled
from covidlib.results.scores import SCORES
from covidlib.results.tables import RANKED, rate_intervals


def fold_counts(predictions: pd.DataFrame) -> dict[str, list[Counts]]:
    """The counts of images of each network, fold after fold, from predictions.

    Parameters
    ----------
    predictions : DataFrame
        Columns network, fold, label, p_covid.

    Raises
    ------
    InputError
        If a network lacks a fold that another has: its later folds would be taken for those before them.
    """
    return count_by_fold(labelled(predictions), lambda own: confusion_counts(own["label"], own["p_covid"]))


def count_by_fold(rows: pd.DataFrame, count: Callable[[pd.DataFrame], Counts]) -> dict[str, list[Counts]]:
    """The counts of each network, fold after fold, from a table with the columns network and fold.

    Parameters
    ----------
    count : function
        The rows of one network and fold to their counts.

    Raises
    ------
    InputError
        If a network lacks a fold that another has: its later folds would be taken for those before them.
    """
    counts = {}
    for network, own in rows.groupby("network"):
        missing = sorted(set(rows["fold"]) - set(own["fold"]))
        if missing:
            folds = ", ".join(map(str, missing))
            raise InputError(str(network), f"has no predictions of fold {folds}", "Train it on every fold")
        counts[str(network)] = [count(fold) for _, fold in own.groupby("fold")]
    return counts


def fold_rates(counts: FoldCounts) -> pd.DataFrame:
    """Sensitivity, specificity and balanced accuracy of every fold, with Wilson's intervals.

    The intervals take slices for independent.

    Returns
    -------
    DataFrame
        Columns network, fold (from 1), score, value, low, high.
    """
    rows = [
        {"network": network, "fold": fold, "score": score, **interval._asdict()}
        for network, folds in counts.items()
        for fold, own in enumerate(folds, start=1)
        for score, interval in rate_intervals(own).items()
    ]
    return pd.DataFrame(rows)


def fold_differences(counts: FoldCounts, test_to_train: float, scores: Sequence[str] = RANKED) -> pd.DataFrame:
    """Every pair of networks over the folds, by the corrected resampled t test.

    Parameters
    ----------
    test_to_train : float
        As `covidlib.results.intervals.corrected_t`.
    scores : names
        Of `covidlib.results.scores.SCORES`.

    Returns
    -------
    DataFrame
        Columns first, second, score, difference (mean over folds of first minus second), low, high, p_value.
    """
    rows = []
    for first, second in combinations(counts, 2):
        for score in scores:
            values = [[SCORES[score](fold) for fold in counts[name]] for name in (first, second)]
            tested = corrected_t([one - other for one, other in zip(*values, strict=True)], test_to_train)
            rows.append({"first": first, "second": second, "score": score, **tested._asdict()})
    return pd.DataFrame(rows)
