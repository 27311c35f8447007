"""Results per fold: rates with intervals, and a test of the difference of two networks over all folds (Table 9).

The paper prints five folds and their mean, but not how much the folds vary, or whether a difference of two networks is
large compared with that. Taught in chapter 05.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from covidlib.errors import InputError
from covidlib.results.fold_sizes import FoldSizes, sizes_for
from covidlib.results.intervals import FoldDifference, corrected_t
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


def fold_differences(
    counts: FoldCounts, sizes: Mapping[str, FoldSizes], scores: Sequence[str] = RANKED
) -> pd.DataFrame:
    """Compare every pair of networks over the folds with the corrected resampled t test.

    Each score has the ratio of test to training patients of the class that it counts. There is no test where the test
    sets of different folds share patients, and none where a score is undefined in a fold: the correction is derived
    for sets that are drawn apart from their training sets and are not reused. The differences are still given.

    Parameters
    ----------
    sizes : dict of FoldSizes
        From `covidlib.results.fold_sizes.printed_sizes` or `our_sizes`.
    scores : names
        Of `covidlib.results.scores.SCORES`.

    Returns
    -------
    DataFrame
        Columns first, second, score, difference (mean over folds of first minus second), first_better and
        second_better (numbers of folds), low, high, p_value (NaN without a test), ratio (test to training patients),
        no_test (the reason, or empty).
    """
    rows = []
    for first, second in combinations(counts, 2):
        for score in scores:
            one, other = (np.array([SCORES[score](fold) for fold in counts[name]]) for name in (first, second))
            of_score = sizes_for(score, sizes)
            undefined = int(np.isnan(one - other).sum())
            no_test = ""
            if undefined:
                no_test = f"undefined in {undefined} of {len(one)} folds"
            elif of_score.overlap:
                no_test = "the folds test the same patients"
            tested = corrected_t(one - other, of_score.test_to_train)
            if no_test:
                tested = FoldDifference(tested.difference, np.nan, np.nan, np.nan)
            rows.append(
                {"first": first, "second": second, "score": score, "difference": tested.difference}
                | {"first_better": int((one > other).sum()), "second_better": int((other > one).sum())}
                | {"low": tested.low, "high": tested.high, "p_value": tested.p_value}
                | {"ratio": of_score.test_to_train, "no_test": no_test}
            )
    return pd.DataFrame(rows)


def readable_differences(differences: pd.DataFrame) -> pd.DataFrame:
    """Write differences over folds as text; where there is no test, the reason stands in place of the interval.

    Parameters
    ----------
    differences : DataFrame
        From `fold_differences`.

    Returns
    -------
    DataFrame
        Columns first, second, score, difference, folds (in which the first is better, and the second), interval,
        p, ratio.
    """
    return pd.DataFrame([_in_words(row) for row in differences.to_dict("records")])


def _in_words(row: Mapping[Any, Any]) -> dict[str, str]:
    words = {name: str(row[name]) for name in ("first", "second", "score")}
    words |= {"difference": _number(row["difference"]), "folds": f"{row['first_better']} : {row['second_better']}"}
    if row["no_test"]:
        return words | {"interval": f"no test: {row['no_test']}", "p": "–", "ratio": "–"}
    interval = f"{row['low']:.3f} to {row['high']:.3f}"
    return words | {"interval": interval, "p": f"{row['p_value']:.3f}", "ratio": f"{row['ratio']:.2f}"}


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.3f}"
