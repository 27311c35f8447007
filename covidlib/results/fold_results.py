"""Results per fold: rates with intervals, and a test of the difference of two networks over all folds (Table 9).

The paper prints five folds and their mean, but not how much the folds vary, or whether a difference of two networks is
large compared with that. Taught in chapter 05.
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
    """Count right and wrong images of each network in every fold, from predictions.

    Parameters
    ----------
    predictions : DataFrame
        Columns network, fold, label, p_covid.

    Raises
    ------
    InputError
        If a network has no predictions of a fold that another has: later folds would be mistaken for earlier ones.
    """
    return count_by_fold(labelled(predictions), lambda rows: confusion_counts(rows["label"], rows["p_covid"]))


def count_by_fold(rows: pd.DataFrame, count: Callable[[pd.DataFrame], Counts]) -> dict[str, list[Counts]]:
    """Apply a count to each network and fold of a table with the columns network and fold.

    Parameters
    ----------
    count : function
        From the rows of one network and fold to their counts.

    Raises
    ------
    InputError
        If a network has no predictions of a fold that another has: later folds would be mistaken for earlier ones.
    """
    counts = {}
    for network, of_network in rows.groupby("network"):
        missing = sorted(set(rows["fold"]) - set(of_network["fold"]))
        if missing:
            folds = ", ".join(map(str, missing))
            raise InputError(str(network), f"has no predictions of fold {folds}", "Train it on every fold")
        counts[str(network)] = [count(fold) for _, fold in of_network.groupby("fold")]
    return counts


def fold_rates(counts: FoldCounts) -> pd.DataFrame:
    """Sensitivity, specificity and balanced accuracy of every fold, with Wilson's intervals.

    The intervals assume that slices are independent.

    Returns
    -------
    DataFrame
        Columns network, fold (from 1), score, value, low, high.
    """
    rows = [
        {"network": network, "fold": fold, "score": score, **interval._asdict()}
        for network, folds in counts.items()
        for fold, fold_counts in enumerate(folds, start=1)
        for score, interval in rate_intervals(fold_counts).items()
    ]
    return pd.DataFrame(rows)


def fold_differences(counts: FoldCounts, test_to_train: float, scores: Sequence[str] = RANKED) -> pd.DataFrame:
    """Compare every pair of networks over the folds with the corrected resampled t test.

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
