"""What five folds say: the rates of each with intervals, and whether two networks differ over all (Table 9).

The paper prints five folds and their mean; how far the folds lie apart, and whether a difference of two networks
stands out from that, it does not say. Taught in chapter 05.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import pandas as pd

from covidlib.errors import InputError
from covidlib.patients.decision import decide_patients, patient_counts
from covidlib.results.intervals import corrected_t
from covidlib.results.metrics import Counts, FoldCounts, confusion_counts, labelled
from covidlib.results.scores import SCORES
from covidlib.results.tables import RANKED, rate_intervals


def fold_counts(predictions: pd.DataFrame, threshold: float | None = None) -> dict[str, list[Counts]]:
    """The counts of each network, fold after fold, from predictions: of images, or of patients.

    Taught in chapters 05 and 06.

    Parameters
    ----------
    predictions : DataFrame
        Columns network, fold, label, p_covid; for patients as `covidlib.patients.decision.decide_patients` takes it.
    threshold : float, optional
        Patients are counted, decided at this threshold; without it images are.

    Raises
    ------
    InputError
        If a network lacks a fold that another has: its later folds would be taken for those before them.
    """
    if threshold is None:
        rows, count = labelled(predictions), lambda own: confusion_counts(own["label"], own["p_covid"])
    else:
        rows, count = decide_patients(predictions, threshold), patient_counts
    counts = {}
    for network, own in rows.groupby("network"):
        missing = sorted(set(predictions["fold"]) - set(own["fold"]))
        if missing:
            folds = ", ".join(map(str, missing))
            raise InputError(str(network), f"has no predictions of fold {folds}", "Train it on every fold")
        counts[str(network)] = [count(fold) for _, fold in own.groupby("fold")]
    return counts


def fold_rates(counts: FoldCounts) -> pd.DataFrame:
    """Sensitivity, specificity and balanced accuracy of every fold, with Wilson's intervals. Taught in chapter 05.

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
    """Every pair of networks over the folds, by the corrected resampled t test. Taught in chapter 05.

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
