"""Checkers of the exercises of chapter 08."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from covidlib.audit import all_checks, exact_numbers, printed_tables
from covidlib.paper import tables
from covidlib.teaching.exercises import called, checker

FAR_APART = Fraction(2, 5)
"""How far the two averages of exercise 8.3 must lie apart."""


def _fits(printed: str, exact: Fraction) -> bool:
    return (
        exact_numbers.compare_numbers(exact_numbers.parse_number(printed), exact, exact_numbers.decimals(printed))
        != "disagrees"
    )


@checker("8.1")
def precision(answer: Fraction) -> str | None:
    """Precision of Xception on fold 4 as a fraction of Table 9's counts."""
    row = tables.table(9).query("Fold == '4' and Network == 'Xception'").iloc[0]
    names = ("COVID correct classified", "COVID not classified", "Wrong classified as COVID")
    found, missed, alarms = (Fraction(row[name]) for name in names)
    if not isinstance(answer, Fraction):
        return f"{answer!r} is no exact fraction: divide one Fraction by another"
    if answer == found / (found + alarms):
        return None
    if answer == found / (found + missed):
        return "this divides by the infected images, which is the sensitivity: which images were called COVID-19?"
    if answer > 1:
        return "a share is at most 1: which of the two counts is part of the other?"
    if answer == alarms / (found + alarms):
        return "these are the false alarms among the images called COVID-19: the precision is the rest"
    return "take the images that were called COVID-19, rightly or wrongly: which share of them is infected?"


@checker("8.2")
def possible(answer: Callable[[str, int], bool]) -> str | None:
    """Whether a printed share can come from so many patients."""
    hints = {
        ("0.94", 20): "no whole number of 20 patients makes 0.94, not even rounded",
        ("0.95", 20): "19 of 20 is 0.95",
        ("0.33", 3): "1 of 3 is printed as 0.33: compare at the printed precision, not exactly",
        ("0.9", 11): "10 of 11 is printed as 0.9 where one digit is printed: the precision is that of the printed text",
        ("0.990", 101): "100 of 101 is printed as 0.990 where three digits are printed",
        ("0.13", 8): "1 of 8 lies between 0.12 and 0.13: a school book sends it up, and both ways count as possible",
        ("0.12", 8): "1 of 8 lies between 0.12 and 0.13: Python sends it to the even digit, and both ways are possible",
        ("0.00", 7): "nobody at all is a share too",
        ("1.00", 7): "all of them is a share too",
        ("0.01", 300): "3 of 300 is 0.01, and so are its neighbours",
    }
    for (printed, people), hint in hints.items():
        truth = any(_fits(printed, Fraction(part, people)) for part in range(people + 1))
        if bool(called(answer, printed, people)) != truth:
            return f"{printed} of {people}: {hint}"
    return None


@checker("8.3")
def far_apart(answer: tuple[tuple[int, int], tuple[int, int]]) -> str | None:
    """Two folds whose mean precision and pooled precision lie far apart."""
    folds = [(int(right), int(wrong)) for right, wrong in answer]
    if len(folds) != 2 or any(count < 0 for fold in folds for count in fold):
        return "give two folds, each as (right alarms, wrong alarms), with no count below zero"
    if any(sum(fold) == 0 for fold in folds):
        return "a fold without an alarm has no precision at all"
    mean = sum((Fraction(right, right + wrong) for right, wrong in folds), Fraction()) / 2
    right, wrong = (sum(counts) for counts in zip(*folds, strict=True))
    pooled = Fraction(right, right + wrong)
    if abs(mean - pooled) >= FAR_APART:
        return None
    got = f"mean {float(mean):.3f}, pooled {float(pooled):.3f}"
    if sum(folds[0]) == sum(folds[1]):
        return f"{got}: folds with equally many alarms weigh alike in both averages"
    return f"{got}: not far enough apart. Which fold decides the pooled one, and what would the other have to be?"


@checker("8.4")
def repaired(answer: printed_tables.PrintedTables) -> str | None:
    """The tables with fold 5 of Table 2 corrected."""
    if not isinstance(answer, printed_tables.PrintedTables):
        return "give all tables, as `tables.replaced(…)` returns them, and not the cell alone"
    checks = all_checks.audit_paper(answer)
    if new := all_checks.disagreements(checks, known=False):
        return f"{new[0].where} disagrees now: {new[0].printed} is not “{new[0].rule}”"
    gone = {name.rpartition("/")[0] for name in all_checks.gone(checks)}
    if not gone:
        return "nothing has changed: the same disagreements are left"
    if gone != {"t2/fold5/train-normal-images"}:
        return "another disagreement has gone: change the one cell of Table 2, fold 5"
    return None


@checker("8.5")
def counts_behind(answer: Callable[[str, str, int, int], list[tuple[int, int]]]) -> str | None:
    """All pairs of found patients and false alarms that fit a printed sensitivity and precision."""
    cases = [("0.80", "0.67", 10, 20), ("0.8", "0.7", 10, 20), ("0.50", "0.50", 4, 30), ("0.95", "0.5", 40, 60)]
    for case in cases:
        sensitivity, precision, infected, normal = case
        right = [
            (found, alarms)
            for found in range(1, infected + 1)
            if _fits(sensitivity, Fraction(found, infected))
            for alarms in range(normal + 1)
            if _fits(precision, Fraction(found, found + alarms))
        ]
        given = sorted((int(found), int(alarms)) for found, alarms in called(answer, *case))
        if given == right:
            continue
        told = f"for {', '.join(map(str, case))} "
        if not given:
            return told + "you find no pair, and there is one: compare at the printed precision"
        if set(given) < set(right):
            return told + f"there are more pairs than your {len(given)}: few digits leave room, ties go both ways"
        return told + f"{next(pair for pair in given if pair not in right)} does not fit: work out both rates of it"
    return None
