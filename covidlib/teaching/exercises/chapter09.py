"""Checkers of the exercises of chapter 09."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from covidlib.pitfalls import best_of_many
from covidlib.teaching.exercises import called, checker
from covidlib.training import leak_check


def _slices(patients: int = 12) -> pd.DataFrame:
    """Slices of made-up patients; a slice of one is the same picture as a slice of another, and so for a third."""
    rows = [(f"p{patient:02d}", number) for patient in range(patients) for number in range(5)]
    table = pd.DataFrame(rows, columns=["patient", "number"])
    table["path"] = [f"{patient}/{number}.tif" for patient, number in rows]
    table["content"] = table["path"]
    table["patient_label"] = ["covid" if int(patient[1:]) % 2 else "normal" for patient in table["patient"]]
    for first, second in (("p03/0.tif", "p07/1.tif"), ("p07/4.tif", "p09/2.tif")):
        table.loc[table["path"] == second, "content"] = first
    return table


@checker("9.1")
def both_sides(answer: Callable[[pd.DataFrame, pd.DataFrame], Iterable[str]]) -> str | None:
    """The patients that stand on both sides of a split."""
    table = _slices(4).drop(columns="content")
    last = table["number"] == 4
    leaky = {"p00", "p02"}
    train = table[~last | ~table["patient"].isin(leaky)]
    test = table[last & table["patient"].isin(leaky)]
    # A patient of the test side alone.
    test = pd.concat([test, train[train["patient"] == "p03"]])
    train = train[train["patient"] != "p03"]
    given = called(answer, train, test)
    if isinstance(given, str) or not isinstance(given, Iterable):
        return f"{given!r} are no patients: return all names, as a set"
    given = list(given)
    if not given:
        return "no slice is on both sides, and yet there are slices of one patient on both: compare patients"
    if not set(given) <= set(table["patient"]):
        return f"{given[0]!r} is no patient: compare the column `patient`"
    if wrong := set(given) ^ leaky:
        return f"look at {sorted(wrong)[0]}: wanted is everybody in train and in test, not on one side only"
    if len(given) > len(leaky):
        return "each patient once, however many slices are on both sides"
    if len(list(called(answer, train[train["patient"] == "p01"], test))):
        return "nobody is on both sides of a sound split"
    return None


@checker("9.2")
def epochs_until(answer: Callable[[float, int], int]) -> str | None:
    """After how many epochs the best coin is expected to pass a limit."""
    for limit, images in ((0.53, 912), (0.6, 90), (0.56, 300)):
        right = next(epochs for epochs in range(1, 500) if best_of_many.expected_best(epochs, images) > limit)
        given = called(answer, limit, images)
        told = f"for {limit} and {images} images: "
        if given == right - 1:
            return told + "after this many epochs it is still below; one more passes it"
        if given == right + 1:
            return told + "it was passed one epoch earlier"
        if given != right:
            expected = best_of_many.expected_best(max(1, int(given)), images)
            return (
                told + f"after {given} epochs the best to expect is {expected:.3f}; one draw may lie anywhere around it"
            )
    return None


@checker("9.3")
def break_even(answer: Callable[[float, float], float]) -> str | None:
    """The prevalence at which an alarm is as often false as true."""
    for sensitivity, specificity in ((0.8, 0.9), (0.95, 0.7), (0.5, 0.99)):
        share = called(answer, sensitivity, specificity)
        alarms = 1 - specificity
        if not 0 < share < 1:
            return f"{share!r} is no share of people"
        if abs(share - alarms / (sensitivity + alarms)) < 1e-6:
            continue
        if abs(share - alarms / sensitivity) < 1e-6:
            return "these are the odds of infection, infected to normal: which share of all people is that?"
        if abs(share - sensitivity / (sensitivity + alarms)) < 1e-6:
            return "the two kinds of alarm have changed places: with so many infected, false alarms are rarer still"
        true, false = share * sensitivity, (1 - share) * alarms
        return f"where {share:.3f} are infected, {true:.3f} of all people are true alarms and {false:.3f} false ones"
    return None


@checker("9.4")
def scanner_auc(answer: Callable[[float, float], float]) -> str | None:
    """AUC of a score that is 1 for a sharp kernel and 0 for a smooth one."""
    from sklearn.metrics import roc_auc_score

    people = 20
    for sharp in ((0.9, 0.1), (0.8, 0.4), (1.0, 0.5), (0.3, 0.3), (0.1, 0.6)):
        scores = np.concatenate([np.arange(people) < round(share * people) for share in sharp])
        right = roc_auc_score(np.repeat([1, 0], people), scores)
        given = called(answer, *sharp)
        infected, normal = sharp
        told = f"for {infected} and {normal}: "
        if abs(given - right) < 1e-6:
            continue
        wins, ties = infected * (1 - normal), infected * normal + (1 - infected) * (1 - normal)
        if abs(given - wins) < 1e-6:
            return told + "pairs with the same kernel are left out: a tie counts one half"
        if abs(given - wins - ties) < 1e-6:
            return told + "pairs with the same kernel count in full: a tie counts one half"
        if abs(given - (1 - right)) < 1e-6:
            return told + "the classes have changed places: the infected patient of a pair should have the higher score"
        return told + "take one patient of each class: when is the infected one's score higher, when is it the same?"
    return None


@checker("9.5")
def deal(answer: Callable[[pd.DataFrame, float, int], dict[str, pd.DataFrame]]) -> str | None:
    """A split without a leak, by patient or by content."""
    table = _slices()
    drawn: list[tuple[str, ...]] = []
    for seed in range(6):
        split = called(answer, table.copy(), 0.25, seed)
        if not isinstance(split, dict) or set(split) != {"train", "test"}:
            return "return a dictionary with the tables `train` and `test`"
        paths: list[str] = [path for side in split.values() for path in side["path"]]
        if sorted(paths) != sorted(table["path"]):
            return f"{len(paths)} slices are dealt, and there are {len(table)}: each belongs on one side"
        found = leak_check.leaks(split)
        for kind, what in found[["kind", "what"]].itertuples(index=False):
            if kind == "patient":
                return f"{what} is on both sides: deal patients, not slices"
            owners = " and ".join(table.loc[table["content"] == what, "patient"])
            return f"{owners} share a picture and are on two sides: what must stay together is a group of patients"
        share = split["test"]["patient"].nunique() / table["patient"].nunique()
        if not 0.05 < share < 0.5:
            return f"{share:.0%} of the patients are tested, and about a quarter was asked for"
        if sorted(called(answer, table.copy(), 0.25, seed)["test"]["path"]) != sorted(split["test"]["path"]):
            return "the same seed deals another split the second time: use the seed"
        drawn.append(tuple(sorted(split["test"]["path"])))
    return "every seed deals the same split: use the seed" if len(set(drawn)) == 1 else None
