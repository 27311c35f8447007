"""Checkers of the exercises of chapter 05."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from covidlib.results import network_pairs, printed_counts, scores
from covidlib.results.metrics import Counts
from covidlib.teaching.exercises import called, checker

LEVEL = 0.05
"""Below it a p value is taken for a finding (exercise 5.4)."""


@checker("5.1")
def three_rates(answer: Callable[[int, int, int, int], Sequence[float]]) -> str | None:
    """Sensitivity, specificity and PPV from four counts."""
    counts = Counts(true_covid=8, false_normal=2, true_normal=60, false_covid=40)
    found = called(answer, 8, 2, 60, 40)
    if np.shape(found) != (3,):
        return "return three rates: sensitivity, specificity, PPV, in this order"
    sensitivity, specificity, ppv = found
    if np.isclose(sensitivity, scores.ppv(counts)):
        return "sensitivity asks about the infected slices, not about the slices called COVID-19"
    if not np.isclose(sensitivity, scores.sensitivity(counts)):
        return "sensitivity is the share of the infected slices that were called COVID-19"
    if np.isclose(specificity, 1 - scores.specificity(counts)):
        return "that is the share of normal slices that raise a false alarm; specificity is the rest"
    if not np.isclose(specificity, scores.specificity(counts)):
        return "specificity is the share of the normal slices that were called normal"
    if not np.isclose(ppv, scores.ppv(counts)):
        return "PPV is the share of the slices called COVID-19 that are infected"
    return None


@checker("5.2")
def always_normal(answer: Callable[[Counts], Sequence[float]]) -> str | None:
    """Accuracy and balanced accuracy of a network that calls every slice normal."""
    for counts in (printed_counts.printed_fold_counts()["resnet50v2-fpn"][0], Counts(5, 5, 70, 20)):
        found = called(answer, counts)
        if np.shape(found) != (2,):
            return "return two numbers: accuracy and balanced accuracy"
        infected = counts.true_covid + counts.false_normal
        normal = counts.true_normal + counts.false_covid
        if np.isclose(found[0], scores.accuracy(counts)):
            return "that is the accuracy of the network that was printed, not of one that calls every slice normal"
        if np.isclose(found[0], counts.true_normal / (infected + normal)):
            return "such a network gets every normal slice right, also those that the printed one got wrong"
        if not np.isclose(found[0], normal / (infected + normal)):
            return "accuracy is the share of all slices that are right: which slices does this network get right?"
        if not np.isclose(found[1], 0.5):
            return "balanced accuracy is the mean of sensitivity and specificity: what are they here?"
    return None


@checker("5.3")
def even_prevalence(answer: Callable[[float, float], float]) -> str | None:
    """The prevalence at which an alarm is as often false as right."""
    for sensitivity, specificity in ((0.9, 0.8), (0.95, 0.99)):
        found = called(answer, sensitivity, specificity)
        false_alarms = 1 - specificity
        if np.isclose(found, false_alarms / sensitivity):
            return "these are odds, infected to normal: which share of all is infected?"
        if np.isclose(found, sensitivity / (sensitivity + false_alarms)):
            return "that is the PPV where half of the slices are infected; the question is where the PPV is one half"
        if not np.isclose(found, false_alarms / (sensitivity + false_alarms)):
            return "right alarms are p · sensitivity, false ones (1 − p) · (1 − specificity): when are they equal?"
    return None


@checker("5.4")
def errors_needed(answer: Callable[[int], int]) -> str | None:
    """Of so many slices that one network alone gets wrong, how many must be one network's."""
    for total in (91, 20):
        p_values = {a: network_pairs.mcnemar_p(a, total - a) for a in range(-(-total // 2), total + 1)}
        split = next(a for a, p in p_values.items() if p < LEVEL)
        one_sided = next(a for a, p in p_values.items() if p / 2 < LEVEL)
        found = called(answer, total)
        if found == total - split:
            return "that is the better network's share: how many does the other one get wrong?"
        if found == 2 * split - total:
            return "that is the difference of both: how many does the worse network get wrong?"
        if found == one_sided != split:
            return "p is not below 0.05 there: is your test two-sided?"
        if found != split:
            return f"for {total} slices, try how p falls as more of them are one network's"
    return None


@checker("5.5")
def drawn_slices(answer: Callable[[np.ndarray, np.random.Generator], np.ndarray]) -> str | None:
    """Positions of slices after drawing as many patients as there are, with replacement, with all their slices."""
    patients = np.repeat(np.array(["p1", "p2", "p3", "p4", "p5"]), [1, 2, 3, 4, 6])
    sizes = {name: int((patients == name).sum()) for name in np.unique(patients)}
    generator = np.random.default_rng(0)
    multiples = []
    # So many that a draw by slices is told from a draw by patients.
    for _ in range(100):
        drawn = np.asarray(called(answer, patients, generator))
        if drawn.ndim != 1 or drawn.dtype.kind not in "iu" or not set(drawn) <= set(range(len(patients))):
            return "return positions: whole numbers from 0 to the number of slices − 1"
        times = np.bincount(drawn, minlength=len(patients))
        if any(len(set(times[patients == name])) > 1 for name in sizes):
            return "some slices of a patient were drawn without the others: draw patients"
        multiples.append([int(times[patients == name][0]) for name in sizes])
    if max(max(one) for one in multiples) < 2:
        return "no patient was ever drawn again: a bootstrap draws with replacement"
    if {sum(one) for one in multiples} != {len(sizes)}:
        return "as many patients are drawn as there are, and a patient drawn again counts again"
    if len({tuple(one) for one in multiples}) < 5 or any(sum(one[i] for one in multiples) == 0 for i in range(5)):
        return "each draw must be another one: use the generator, and give each patient the same chance"
    expected = len(multiples)
    if abs(sum(one[4] for one in multiples) - expected) > 5 * np.sqrt(expected):
        return "patients with more slices were drawn more often: each patient has the same chance"
    return None
