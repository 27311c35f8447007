"""Typical wrong answers to the exercises of chapter 06."""

from __future__ import annotations

import math

import pandas as pd
from scipy.stats import binom

from covidlib.results import network_pairs


def as_published(covid: int, selected: int, threshold: float) -> str:
    return "infected" if covid >= threshold * selected else "normal"


def empty_is_normal(covid: int, selected: int, threshold: float) -> str:
    return "infected" if selected and covid >= threshold * selected else "normal"


def no_slice_is_enough(covid: int, selected: int, threshold: float) -> str:
    return as_published(covid, selected, threshold) if selected else "undetermined"


def more_than(covid: int, selected: int, threshold: float) -> str:
    return ("infected" if covid > threshold * selected else "normal") if selected else "undetermined"


def best_of_second(chosen_on: pd.DataFrame, reported_on: pd.DataFrame) -> float:
    return float((reported_on["sensitivity"] + reported_on["specificity"]).max() / 2)


def best_of_first(chosen_on: pd.DataFrame, reported_on: pd.DataFrame) -> float:
    return best_of_second(reported_on, chosen_on)


def by_sensitivity(chosen_on: pd.DataFrame, reported_on: pd.DataFrame) -> float:
    row = reported_on.loc[chosen_on["sensitivity"].idxmax()]
    return float(row["sensitivity"] + row["specificity"]) / 2


def by_row(chosen_on: pd.DataFrame, reported_on: pd.DataFrame) -> float:
    row = reported_on.loc[(chosen_on["sensitivity"] + chosen_on["specificity"]).idxmax()]
    return float(row["sensitivity"] + row["specificity"]) / 2


def one_sided(every: int) -> int:
    return next(n for n in range(1, 500) if network_pairs.mcnemar_p(n // every, 0) / 2 < 0.05)


WRONG: dict[str, list[tuple[object, str]]] = {
    "6.1": [
        (as_published, "nothing was selected"),
        (empty_is_normal, "nothing is known"),
        (no_slice_is_enough, "without a single slice"),
        (more_than, "at least"),
        (lambda covid, selected, threshold: more_than(covid + 1, selected, threshold), "without a single slice"),
    ],
    "6.2": [
        (lambda selected, threshold: max(1, math.ceil(float(threshold) * selected)), "exact fractions"),
        (lambda selected, threshold: max(1, int(float(threshold) * selected)), "rounds up"),
        (lambda selected, threshold: int(float(threshold) * selected) + 1, "exact fractions"),
        (lambda selected, threshold: math.ceil(round(float(threshold) * selected, 6)), "not none"),
        (lambda selected, threshold: 7, "look at"),
    ],
    "6.3": [
        (lambda rate, selected, enough: rate, "chance of one slice"),
        (lambda rate, selected, enough: rate * selected / enough, "above 1"),
        (lambda rate, selected, enough: binom.sf(enough, selected, rate), "more than"),
        (lambda rate, selected, enough: binom.pmf(enough, selected, rate), "exactly"),
        (lambda rate, selected, enough: 1 - (1 - rate) ** selected, "binomial"),
        (lambda rate, selected, enough: binom.sf(enough - 1, 40, rate), "use both"),
    ],
    "6.4": [
        (best_of_first, "who chose"),
        (best_of_second, "looking at the patients"),
        (by_sensitivity, "weighs both"),
        (by_row, "another order"),
        (lambda chosen_on, reported_on: 0.5, "largest mean"),
    ],
    "6.5": [
        (lambda every: 6, "number of errors"),
        (one_sided, "two-sided"),
        (lambda every: 30 * every, "fewer"),
        (lambda every: 2 * every, "what is p"),
    ],
}
