"""Quantities that the numbers of the paper's text should equal (abstract, sections 1 to 5, Figure 3).

Each of `QUANTITIES` is an exact number with its source. `covidlib/data/audit/text.json` names the quantities of each
printed number. Taught in chapter 08.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from covidlib.audit.exact_numbers import brief, parse_number, said, show_number
from covidlib.audit.linear import Sum, total
from covidlib.audit.printed_tables import FOLDS, NETWORKS, PrintedTables
from covidlib.audit.rate_checks import rate
from covidlib.paper.comparison import IMAGES_IN_TABLE_4
from covidlib.paper.tables import AVERAGE

OURS = NETWORKS[0]


@dataclass(frozen=True)
class Sources:
    """The sources of quantities: tables, public lists, and other numbers of the text."""

    tables: PrintedTables
    lists: Mapping[str, dict]
    said: Mapping[str, str]

    def cell(self, table: int, row: str, column: str) -> Fraction:
        """The exact number in a cell."""
        return self.tables.value(table, row, column)

    def mean(self, table: int, *columns: str) -> Sum:
        """Mean over the folds of Table 2 or 4 of one column, or of the sum of several."""
        terms = (self.tables.term(table, f"Fold{fold}", column) for fold in FOLDS for column in columns)
        return total(terms) / len(FOLDS)

    def percent(self, network: str, column: str) -> Fraction:
        """Mean of the folds' exact rates in percent (Table 9)."""
        rates = [rate(self.tables, [f"{fold} {network}"], column) for fold in FOLDS]
        return 100 * sum(rates, Fraction(0)) / len(rates)


Quantity = Callable[[Sources], tuple[Fraction | Sum, str]]
Statement = Callable[[Sources], tuple[str, str, bool]]
"""What the sources show, the rule, and whether the statement holds."""
FOLDS_RATE = "mean of the five folds' exact rates of Table 9, in percent"


def _cell(table: int, row: str, column: str) -> Quantity:
    return lambda sources: (sources.tables.term(table, row, column), sources.tables.cell(table, row, column).where)


def _percent(network: str, column: str) -> Quantity:
    return lambda sources: (sources.percent(network, column), FOLDS_RATE)


def _test_mean(label: str) -> Quantity:
    return lambda sources: (sources.mean(2, f"test {label} images"), "mean of Table 2's test images")


def _test_images_least(sources: Sources) -> tuple[Fraction, str]:
    columns = ("test COVID-19 images", "test Normal images")
    least = min(sum(sources.cell(2, f"Fold{fold}", column) for column in columns) for fold in FOLDS)
    return Fraction(least), "fewest test images of a fold in Table 2"


def _only(counts: Mapping[str, int], whole: int) -> Fraction:
    """The value that all entries share; an error if they differ."""
    (value, count), *rest = counts.items()
    if rest or count != whole:
        raise ValueError(f"more than one value: {counts}, expected the same value {whole} times")
    return parse_number(value)


def _side(sources: Sources) -> Fraction:
    values = sources.lists["values"]
    square = {size.partition("×")[0]: count for size, count in values["sizes"].items() if len({*size.split("×")}) == 1}
    return _only(square, values["series"])


def _threshold_rule(sources: Sources) -> tuple[Fraction, str]:
    most, least, divisor = (
        parse_number(sources.said[f"s2.2/{name}"]) for name in ("example-most", "example-least", "divisor")
    )
    rule = f"the rule of section 2.2: ({show_number(most)} − {show_number(least)}) ÷ {show_number(divisor)}"
    return (most - least) / divisor, rule


def _kinds_of_rates(sources: Sources) -> tuple[Fraction, str]:
    names = {column.split()[-1] for column in sources.tables.columns(9) if column.split()[-1] in KINDS_OF_RATES}
    return Fraction(len(names)), f"kinds of rates in Table 9: {', '.join(sorted(names))}"


KINDS_OF_RATES = ("accuracy", "sensitivity", "specificity", "precision")
LIST = "in the public list of series"
QUANTITIES: dict[str, Quantity] = {
    "covid patients": _cell(1, "Number", "COVID-19 patients"),
    "normal patients": _cell(1, "Number", "Normal patients"),
    "covid images": _cell(1, "Number", "COVID-19 images"),
    "normal images": _cell(1, "Number", "Normal images"),
    "epochs": _cell(3, "Epochs", OURS),
    "patients right ours": _cell(6, f"{AVERAGE} {OURS}", "Correct identified patients"),
    "false alarms ours": _cell(9, f"{AVERAGE} {OURS}", "Wrong classified as COVID"),
    "accuracy ours": _percent(OURS, "Overall accuracy"),
    "sensitivity ours": _percent(OURS, "COVID sensitivity"),
    "precision ours": _percent(OURS, "COVID precision"),
    "accuracy xception": _percent("Xception", "Overall accuracy"),
    "sensitivity xception": _percent("Xception", "COVID sensitivity"),
    "covid test images": _test_mean("COVID-19"),
    "normal test images": _test_mean("Normal"),
    "test images": _test_images_least,
    "patients tested": lambda sources: (
        sources.mean(2, "test COVID-19 patients", "test Normal patients"),
        "mean of Table 2's test patients",
    ),
    "images of tested patients": lambda sources: (
        sources.mean(4, *IMAGES_IN_TABLE_4.values()),
        "mean of Table 4's images over the five folds",
    ),
    "networks": lambda sources: (Fraction(len(sources.tables.rows(8))), "rows of Table 8"),
    "folds": lambda sources: (Fraction(len(sources.tables.rows(2))), "rows of Table 2"),
    "metrics": _kinds_of_rates,
    "half of reference 32": lambda sources: (
        parse_number(sources.said["s1/reference32-people"]) / 2,
        "half of the people",
    ),
    "neurons joined": lambda sources: (
        said(sources.said["s2.3/features"]) * said(sources.said["s2.3/neurons"]),
        "the layers that are joined, times the neurons of each",
    ),
    "threshold rule": _threshold_rule,
    "first day": lambda sources: (_day(sources, "first", 3), "first day in the public list of patients, in March"),
    "last day": lambda sources: (_day(sources, "last", 4), "last day in the public list of patients, in April"),
    "bits allocated": lambda sources: (
        _only(sources.lists["values"]["bits_allocated"], sources.lists["values"]["series"]),
        f"bits allocated, of every series {LIST}; 12 of them are used",
    ),
    "side": lambda sources: (_side(sources), f"rows and columns of every series {LIST}"),
    "mean share of infected patients": lambda sources: (
        100 * sources.mean(2, "test COVID-19 patients").value / sources.cell(1, "Number", "COVID-19 patients"),
        "mean of Table 2's test patients over Table 1's, in percent; the folds lie between "
        + " and ".join(f"{brief(share)}%" for share in _ends(_shares(sources))),
    ),
    "smallest stored value": lambda sources: (
        Fraction(sources.lists["values"]["smallest"]),
        f"smallest value of the first slice of every series {LIST}",
    ),
    "largest stored value": lambda sources: (
        Fraction(sources.lists["values"]["largest"]),
        f"largest value of the first slice of any series {LIST}, where every series has 12 bits",
    ),
}


def _shares(sources: Sources) -> list[Fraction]:
    whole = sources.cell(1, "Number", "COVID-19 patients")
    return [100 * sources.cell(2, f"Fold{fold}", "test COVID-19 patients") / whole for fold in FOLDS]


def _ends(values: list[Fraction]) -> tuple[Fraction, Fraction]:
    return min(values), max(values)


def _day(sources: Sources, which: str, month: int) -> Fraction:
    day = date.fromisoformat(sources.lists["dates"][which])
    return Fraction(day.day if (day.year, day.month) == (2020, month) else 0)


def people(sources: Sources, what: str) -> tuple[Fraction, str]:
    """Count people of Figure 3 in the public list: "ages 30", "sexes M", "sexes M covid"."""
    kind, key, *labels = what.split()
    counted = sum(sources.lists["patients"][label][kind].get(key, 0) for label in labels or ("covid", "normal"))
    return Fraction(counted), "counted in the public list of patients"
