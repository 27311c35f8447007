"""Checkers of the exercises of chapter 06."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from covidlib.patients import decision, false_alarms
from covidlib.results import network_pairs
from covidlib.teaching.exercises import called, checker

LEVEL = 0.05
"""Below it a p value is taken for a finding (exercise 6.5)."""


@checker("6.1")
def decide(answer: Callable[[int, int, float], str]) -> str | None:
    """The paper's rule, with an answer for an empty selection."""
    if called(answer, 0, 0, 0.1) == "infected":
        return "0 ≥ 0.1 · 0 holds: what should the answer be when nothing was selected?"
    if called(answer, 0, 0, 0.1) != "undetermined":
        return "with nothing selected nothing is known: neither answer of the rule fits"
    if called(answer, 0, 20, 0.0) != "normal":
        return "at threshold 1 (0) a patient without a single slice called COVID-19 comes out infected"
    if called(answer, 2, 20, 0.1) != "infected":
        return "the paper says “at least”: 2 of 20 slices are a tenth"
    if called(answer, 1, 20, 0.1) != "normal" or called(answer, 1, 20, 0.0) != "infected":
        return "with 1 of 20 slices the thresholds 0 and 0.1 must answer differently"
    return None


@checker("6.2")
def slices_needed(answer: Callable[[int, str], int]) -> str | None:
    """The fewest slices that are at least a share; the share comes as text, to be exact."""
    if called(answer, 100, "0.07") == 8:
        return "7 of 100 are 7%: compare 0.07 * 100 with 7, and compute with exact fractions"
    if called(answer, 35, "0.1") == 3:
        return "3 of 35 are less than a tenth: at least a tenth rounds up"
    if called(answer, 20, "0") == 0:
        return "at threshold 1 (0) one slice is needed, not none"
    for selected in range(1, 101):
        for threshold in ("0", "0.07", "0.1", "0.3", "0.55", "1"):
            if called(answer, selected, threshold) != decision.slices_needed(selected, float(threshold)):
                return f"look at {selected} slices and a threshold of {threshold} again"
    return None


@checker("6.3")
def alarm_chance(answer: Callable[[float, int, int], float]) -> str | None:
    """The chance of at least so many of the selected slices, if slices err independently."""
    rate, selected, enough = 0.02, 40, 4
    found = called(answer, rate, selected, 1)
    if np.isclose(found, rate):
        return "that is the chance of one slice: the patient has many"
    if np.isclose(found, rate * selected):
        return "with 100 slices this would be a chance above 1: slices can be called together"
    found = called(answer, rate, selected, enough)
    at_least = false_alarms.infected_chance(rate, selected, 0.1)
    more = false_alarms.infected_chance(rate, selected, 0.125)
    if np.isclose(found, more):
        return "that is the chance of more than `enough` slices; `enough` of them are enough"
    if np.isclose(found, at_least - more):
        return "that is the chance of exactly `enough` slices; more of them alarm too"
    if not np.isclose(found, at_least):
        return "the number of slices called COVID-19 is binomial: scipy.stats.binom knows its tail"
    if not np.isclose(called(answer, 0.1, 20, 1), false_alarms.infected_chance(0.1, 20)):
        return "with another rate and number of slices it goes wrong: does your function use both?"
    return None


def _sweep(sensitivity: list[float], specificity: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"threshold": [0.0, 0.1, 0.2], "sensitivity": sensitivity, "specificity": specificity})


@checker("6.4")
def honest_accuracy(answer: Callable[[pd.DataFrame, pd.DataFrame], float]) -> str | None:
    """Balanced accuracy on the second patients at the threshold that is best on the first."""
    chosen_on = _sweep([0.9, 0.9, 0.6], [0.4, 0.8, 0.9])
    reported_on = _sweep([0.9, 0.7, 0.6], [0.5, 0.6, 1.0])
    found = called(answer, chosen_on, reported_on)
    if np.isclose(found, 0.85):
        return "that is the score on the patients who chose the threshold"
    if np.isclose(found, 0.8):
        return "that threshold was chosen by looking at the patients it is reported on"
    if np.isclose(found, 0.7):
        return "that threshold has the largest sensitivity alone; balanced accuracy weighs both rates"
    if not np.isclose(found, 0.65):
        return (
            "take the threshold with the largest mean of both rates in the first table, then read the second one there"
        )
    shuffled = called(answer, chosen_on, reported_on.iloc[[1, 2, 0]].reset_index(drop=True))
    if not np.isclose(shuffled, 0.65):
        return "the rows of the second table may stand in another order: find the threshold, not the row number"
    return None


@checker("6.5")
def patients_needed(answer: Callable[[int], int]) -> str | None:
    """The fewest patients until one error in so many, all on one side, shows in McNemar's test."""
    for every in (10, 4):
        needed = next(n for n in range(1, 1000) if network_pairs.mcnemar_p(n // every, 0) < LEVEL)
        found = called(answer, every)
        if found == needed // every:
            return "that is the number of errors: how many patients does it take to make so many?"
        if found == needed - every:
            return "p is not below 0.05 there: is your test two-sided?"
        if found > needed:
            return "fewer patients are enough: take the first number at which p is below 0.05"
        if found != needed:
            return f"with one error in {every} patients, what is p for {found} patients?"
    return None
