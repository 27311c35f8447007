"""Check statements on the results: "best", "fewer", "almost as fast" (sections 2.3 to 5, Tables 5 to 9).

Each function returns what the tables show, the rule, and whether the statement holds. Taught in chapter 08.
"""

from __future__ import annotations

from fractions import Fraction

from covidlib.audit.exact_numbers import ABOUT, brief, parse_number, show_number
from covidlib.audit.expected_quantities import OURS, Sources, Statement
from covidlib.audit.parameter_checks import MILLISECONDS, OURS_IN_TABLE_8, SLICES, TIME
from covidlib.audit.printed_tables import NETWORKS, PrintedTables
from covidlib.audit.rate_checks import FC, FN, TC, rate
from covidlib.names import LABELS
from covidlib.paper.tables import AVERAGE, COUNT_HEADS

Found = tuple[str, str, bool]
MEASURES = {
    6: ("Correct identified patients", "COVID correct identified", "Normal correct identified"),
    9: ("Overall accuracy", "COVID sensitivity", "COVID specificity", "COVID precision", "Normal precision"),
}
"""Columns of Tables 6 and 9 that do not repeat another one: errors mirror right answers, and with two classes the
accuracies of both classes are the overall accuracy, and the sensitivity of one is the specificity of the other."""


def best_measures(tables: PrintedTables, table: int) -> dict[str, str]:
    """Find the network with the best average in each measure of Table 6 or 9."""
    return {
        column: max(NETWORKS, key=lambda name: tables.value(table, f"{AVERAGE} {name}", column))
        for column in MEASURES[table]
    }


def best(table: int) -> Statement:
    """The statement that the paper's network has the best results in a table."""

    def statement(sources: Sources) -> Found:
        leaders = best_measures(sources.tables, table)
        others = [f"{column}: {name}" for column, name in leaders.items() if name != OURS]
        recomputed = f"best in {len(leaders) - len(others)} of {len(leaders)} measures"
        rule = f"the best average in every measure of Table {table}, repeated columns left out"
        return recomputed, rule + (f"; better are {'; '.join(others)}" if others else ""), not others

    return statement


def most_accurate(sources: Sources) -> Found:
    """The network has the highest average overall accuracy."""
    values = {name: sources.cell(9, f"{AVERAGE} {name}", "Overall accuracy") for name in NETWORKS}
    return _listed(values, 4), "highest average overall accuracy in Table 9", values[OURS] == max(values.values())


def fewer(table: int, column: str) -> Statement:
    """The statement that the network has fewer errors of a kind, on average, than both others."""

    def statement(sources: Sources) -> Found:
        values = {name: sources.cell(table, f"{AVERAGE} {name}", column) for name in NETWORKS}
        others = [value for name, value in values.items() if name != OURS]
        return _listed(values), f"averages of Table {table}: {column}", values[OURS] < min(others)

    return statement


def infected_images_found(sources: Sources) -> Found:
    """The network finds at least as many infected images as the others."""
    values = {name: sources.cell(9, f"{AVERAGE} {name}", "COVID sensitivity") for name in NETWORKS}
    rule = "average sensitivity for COVID-19 in Table 9, at least that of each other network"
    return _listed(values, 4), rule, values[OURS] == max(values.values())


def accuracy_from_false_alarms(sources: Sources) -> Found:
    """The network's lead in accuracy comes from fewer false alarms, not from more infections found."""
    alarms, missed = ({name: sources.cell(9, f"{AVERAGE} {name}", column) for name in NETWORKS} for column in (FC, FN))
    rule = f"averages of Table 9: fewer {FC} than both, and more {FN}, so the lead is due to the former"
    least = min(value for name, value in alarms.items() if name != OURS)
    return _listed(alarms), rule, alarms[OURS] < least and missed[OURS] == max(missed.values())


def precision_at_equal_classes(sources: Sources) -> Found:
    """With as many infected as normal images, the network's precision would be near its accuracy."""
    row = [f"{AVERAGE} {OURS}"]
    right, alarms = rate(sources.tables, row, "COVID sensitivity"), 1 - rate(sources.tables, row, "COVID specificity")
    precision = right / (right + alarms)
    accuracy = rate(sources.tables, row, "Overall accuracy")
    shown = f"{brief(precision, 4)} with equal classes"
    rule = "sensitivity ÷ (sensitivity + false alarm rate) of Table 9's averages, within a tenth of the accuracy"
    return shown, rule, abs(precision - accuracy) <= ABOUT * accuracy


def definition_of_false_positive(sources: Sources) -> Found:
    """With all wrongly classified images as false positives, the precision is the printed one."""
    row = f"1 {OURS}"
    found, wrong = sources.cell(9, row, TC), sources.cell(9, row, "Wrong classified images")
    literal, printed = found / (found + wrong), sources.cell(9, row, "COVID precision")
    shown = f"{brief(literal, 4)} by this definition, printed {show_number(printed)}"
    return (
        shown,
        "COVID precision of fold 1 in Table 9, with all wrong images as false positives",
        (round(literal, 4) == printed),
    )


def _right(sources: Sources, threshold: str, label: str, network: str) -> Fraction:
    return sources.cell(5, threshold, f"{network}: {COUNT_HEADS[5][label][0]}")


def better_at_threshold1(sources: Sources) -> Found:
    """The network has the most patients right at threshold 1."""
    right = {
        name: sum((_right(sources, "Threshold1", label, name) for label in LABELS), Fraction(0)) for name in NETWORKS
    }
    return _listed(right), "most patients right at threshold 1 in Table 5", right[OURS] == max(right.values())


def infected_at_threshold1(sources: Sources) -> Found:
    """The network finds more infected patients than the others at threshold 1."""
    found = {name: _right(sources, "Threshold1", "covid", name) for name in NETWORKS}
    rule = "infected patients found at threshold 1 in Table 5, more than by the others"
    return _listed(found), rule, found[OURS] > max(value for name, value in found.items() if name != OURS)


def false_alarms_at_threshold1(sources: Sources) -> Found:
    """The network calls the fewest normal patients infected at threshold 1."""
    alarms = {name: sources.cell(5, "Threshold1", f"{name}: {COUNT_HEADS[5]['normal'][1]}") for name in NETWORKS}
    return _listed(alarms), "false alarms at threshold 1 in Table 5", alarms[OURS] == min(alarms.values())


def right_at_both_thresholds(sources: Sources) -> Found:
    """The network has more patients right at threshold 1 than at threshold 2."""
    first, second = (
        sum((_right(sources, threshold, label, OURS) for label in LABELS), Fraction(0))
        for threshold in ("Threshold1", "Threshold2")
    )
    shown = f"{show_number(first)} right at threshold 1, {show_number(second)} at threshold 2"
    return shown, "Table 5: more patients of fold 1 right at the recommended threshold", first > second


def _slower(sources: Sources, names: list[str]) -> dict[str, Fraction]:
    ours = sources.cell(8, OURS_IN_TABLE_8, MILLISECONDS)
    return {name: ours / sources.cell(8, name, MILLISECONDS) - 1 for name in names}


def as_fast(sources: Sources) -> Found:
    """The network is at most a tenth slower than each other one."""
    slower = _slower(sources, [name for name in sources.tables.rows(8) if name != OURS_IN_TABLE_8])
    shown = ", ".join(f"{brief(100 * share)}% slower than {name}" for name, share in slower.items())
    return shown, "Table 8's inference times, ours at most a tenth above each", all(s <= ABOUT for s in slower.values())


def speed_unchanged(sources: Sources) -> Found:
    """With the pyramid, an image takes at most a tenth longer than without it."""
    slower = _slower(sources, ["ResNet50V2"])["ResNet50V2"]
    rule = "Table 8's inference time of our model, at most a tenth above its backbone's"
    return f"{brief(100 * slower)}% slower than ResNet50V2", rule, slower <= ABOUT


def seconds_of_a_short_series(sources: Sources) -> Found:
    """A series below the printed number of slices takes the printed seconds."""
    low, high = (parse_number(text) for text in sources.said["s4/seconds"].split(" to "))
    bound = parse_number(sources.said["s4/slices"])
    rows = [row for row in sources.tables.rows(7) if sources.cell(7, row, SLICES) < bound]
    seconds = [sources.cell(7, row, TIME) for row in rows]
    inside = all(low * (1 - ABOUT) <= value <= high * (1 + ABOUT) for value in seconds) and bool(seconds)
    most = max((sources.cell(7, row, SLICES) for row in rows), default=Fraction(0))
    shown = f"{show_number(min(seconds))} to {show_number(max(seconds))}" if seconds else "no such series"
    rule = (
        f"Table 7's times of its {len(rows)} series below {show_number(bound)} slices, within a tenth; "
        f"the longest of them has {show_number(most)} slices"
    )
    return shown, rule, inside


def time_per_further_slice(sources: Sources) -> Found:
    """Between neighbouring series of Table 7, the time per further slice differs more than twofold."""
    rows = sources.tables.rows(7)
    steps = [
        (sources.cell(7, after, TIME) - sources.cell(7, before, TIME))
        / (sources.cell(7, after, SLICES) - sources.cell(7, before, SLICES))
        for before, after in zip(rows, rows[1:], strict=False)
        if sources.cell(7, after, SLICES) != sources.cell(7, before, SLICES)
    ]
    shown = f"{brief(1000 * min(steps))} to {brief(1000 * max(steps))} ms per further slice"
    return shown, "differences between neighbouring rows of Table 7: more than twofold", max(steps) > 2 * min(steps)


def room_to_classify(sources: Sources) -> Found:
    """The share of slices that each time of Table 7 suffices to classify differs between series."""
    per_slice = sources.cell(8, OURS_IN_TABLE_8, MILLISECONDS) / 1000
    shares = [
        min(sources.cell(7, row, TIME) / per_slice / sources.cell(7, row, SLICES), Fraction(1))
        for row in sources.tables.rows(7)
    ]
    shown = f"time to classify at most {brief(100 * min(shares), 0)}% to {brief(100 * max(shares), 0)}% of the slices"
    rule = "Table 7's times over Table 8's time per image: more than a tenth apart"
    return shown, rule, max(shares) - min(shares) > ABOUT


def _listed(values: dict[str, Fraction], places: int = 1) -> str:
    return ", ".join(f"{name} {brief(value, places)}" for name, value in values.items())
