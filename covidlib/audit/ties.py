"""What the numbers and words of the paper's text are tied to (abstract, sections 1 to 5, Figure 3).

`QUANTITIES` give a number, exactly; `STATEMENTS` say whether a word holds. `covidlib/data/audit/text.json` names them
for each printed number. Taught in chapter 08.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from covidlib.audit.cells import FOLDS, NETWORKS, PrintedTables, slug
from covidlib.audit.counts import AVERAGE, total
from covidlib.audit.numbers import ABOUT, brief, parse, said, shown
from covidlib.audit.parameters import MILLISECONDS, OURS_IN_TABLE_8, SLICES, TIME
from covidlib.audit.rates import rate
from covidlib.comparison import IMAGES_IN_TABLE_4

OURS = NETWORKS[0]
LOWER_IS_BETTER = ("Wrong", "not classified")


@dataclass(frozen=True)
class Sources:
    """All that a printed number of the text can follow from: tables, public lists, other numbers of the text."""

    tables: PrintedTables
    lists: Mapping[str, dict]
    said: Mapping[str, str]

    def cell(self, table: int, row: str, column: str) -> Fraction:
        """The exact number in a cell."""
        return self.tables.value(table, row, column)

    def mean(self, table: int, *columns: str) -> Fraction:
        """The mean over the folds of Table 2 or 4 of one column, or of the sum of several."""
        return total(self.cell(table, f"Fold{fold}", column) for fold in FOLDS for column in columns) / len(FOLDS)

    def percent(self, network: str, column: str) -> Fraction:
        """The mean of the folds' exact rates in percent (Table 9)."""
        rates = [rate(self.tables, [f"{fold} {network}"], column) for fold in FOLDS]
        return 100 * total(rates) / len(rates)


Quantity = Callable[[Sources], tuple[Fraction, str]]
Statement = Callable[[Sources], tuple[str, str, bool]]
FOLDS_RATE = "mean of the five folds' exact rates of Table 9, in percent"


def _cell(table: int, row: str, column: str) -> Quantity:
    return lambda sources: (sources.cell(table, row, column), sources.tables.cell(table, row, column).where)


def _percent(network: str, column: str) -> Quantity:
    return lambda sources: (sources.percent(network, column), FOLDS_RATE)


def _test_mean(label: str) -> Quantity:
    return lambda sources: (sources.mean(2, f"test {label} images"), "mean of Table 2's test images")


def _test_images_least(sources: Sources) -> tuple[Fraction, str]:
    columns = ("test COVID-19 images", "test Normal images")
    least = min(total(sources.cell(2, f"Fold{fold}", column) for column in columns) for fold in FOLDS)
    return least, "fewest test images of a fold in Table 2"


def _only(counts: Mapping[str, int], whole: int) -> Fraction:
    """The one value that all have."""
    (value, count), *rest = counts.items()
    if rest or count != whole:
        raise ValueError(f"more than one value: {counts}")
    return parse(value)


def _threshold_rule(sources: Sources) -> tuple[Fraction, str]:
    most, least, divisor = (
        parse(sources.said[f"s2.2/{name}"]) for name in ("example-most", "example-least", "divisor")
    )
    rule = f"the rule of section 2.2: ({shown(most)} − {shown(least)}) ÷ {shown(divisor)}"
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
    "half of reference 32": lambda sources: (parse(sources.said["s1/reference32-people"]) / 2, "half of the people"),
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
    "side": lambda sources: (
        parse(next(iter(sources.lists["values"]["sizes"])).split("×")[0]),
        f"rows and columns of every series {LIST}",
    ),
    "largest stored value": lambda sources: (
        Fraction(sources.lists["values"]["largest"]),
        f"largest value {LIST}, where every series has 12 bits",
    ),
}


def _day(sources: Sources, which: str, month: int) -> Fraction:
    day = date.fromisoformat(sources.lists["dates"][which])
    return Fraction(day.day if (day.year, day.month) == (2020, month) else 0)


def people(sources: Sources, what: str) -> tuple[Fraction, str]:
    """People of Figure 3 in the public list: "ages 30", "sexes M", "sexes M covid". Taught in chapter 08."""
    kind, key, *labels = what.split()
    counted = sum(sources.lists["patients"][label][kind].get(key, 0) for label in labels or ("covid", "normal"))
    return Fraction(counted), "counted in the public list of patients"


# Words --------------------------------------------------------------------------------------------------------------


def best_columns(tables: PrintedTables, table: int) -> dict[str, str]:
    """For each column of Table 6 or 9 the network with the best average. Taught in chapter 08.

    Fewer is better where the column counts errors.
    """
    best = {}
    for column in tables.columns(table):
        sign = -1 if any(word in column for word in LOWER_IS_BETTER) else 1
        best[column] = max(NETWORKS, key=lambda name: sign * tables.value(table, f"{AVERAGE} {name}", column))
    return best


def _best(table: int) -> Statement:
    def statement(sources: Sources) -> tuple[str, str, bool]:
        best = best_columns(sources.tables, table)
        others = [f"{column}: {name}" for column, name in best.items() if name != OURS]
        recomputed = f"best in {len(best) - len(others)} of {len(best)} columns"
        rule = f"the best average in every column of Table {table}"
        return recomputed, rule + (f"; better are {'; '.join(others)}" if others else ""), not others

    return statement


def _as_fast(sources: Sources) -> tuple[str, str, bool]:
    ours = sources.cell(8, OURS_IN_TABLE_8, MILLISECONDS)
    slower = {
        name: ours / sources.cell(8, name, MILLISECONDS) - 1
        for name in sources.tables.rows(8)
        if name != OURS_IN_TABLE_8
    }
    told = ", ".join(f"{brief(100 * share)}% slower than {name}" for name, share in slower.items())
    return told, "Table 8's inference times, ours at most a tenth above each", all(s <= ABOUT for s in slower.values())


def _share_of_patients(sources: Sources) -> tuple[str, str, bool]:
    whole = sources.cell(1, "Number", "COVID-19 patients")
    shares = [100 * sources.cell(2, f"Fold{fold}", "test COVID-19 patients") / whole for fold in FOLDS]
    printed = parse(sources.said["s2.4/share"])
    told = f"{brief(min(shares))}% to {brief(max(shares))}%"
    near = all(abs(share - printed) <= ABOUT * printed for share in shares)
    return told, "Table 2's test patients over Table 1's, each fold within a tenth of the printed share", near


def _balanced(sources: Sources) -> tuple[str, str, bool]:
    ratios = [
        sources.cell(2, f"Fold{fold}", "train Normal images") / sources.cell(2, f"Fold{fold}", "train COVID-19 images")
        for fold in FOLDS
    ]
    told = f"{brief(min(ratios), 3)} to {brief(max(ratios), 3)} normal for one infected"
    return told, "Table 2, within a tenth in each fold", all(abs(ratio - 1) <= ABOUT for ratio in ratios)


def _each_fold(first: str, second: str) -> Statement:
    def statement(sources: Sources) -> tuple[str, str, bool]:
        more = sum(sources.cell(2, f"Fold{f}", first) > sources.cell(2, f"Fold{f}", second) for f in FOLDS)
        return f"in {more} of {len(FOLDS)} folds", f"Table 2: more {first} than {second}", more == len(FOLDS)

    return statement


def _patients_with_three(kind: str, what: str) -> Statement:
    def statement(sources: Sources) -> tuple[str, str, bool]:
        counts = sources.lists["series"][f"patients_by_{kind}"]
        whole = sum(counts.values())
        return f"{counts['3']} of {whole} patients", f"patients with three {what} {LIST}", counts["3"] == whole

    return statement


def _short_series(sources: Sources) -> tuple[str, str, bool]:
    low, high = (parse(text) for text in sources.said["s4/seconds"].split(" to "))
    bound = parse(sources.said["s4/slices"])
    rows = [row for row in sources.tables.rows(7) if sources.cell(7, row, SLICES) < bound]
    seconds = [sources.cell(7, row, TIME) for row in rows]
    inside = all(low * (1 - ABOUT) <= value <= high * (1 + ABOUT) for value in seconds)
    told = f"{shown(min(seconds))} to {shown(max(seconds))}" if seconds else "no such series"
    return told, f"Table 7's times of its {len(rows)} series below {shown(bound)} slices, within a tenth", inside


def _thickness(sources: Sources) -> tuple[str, str, bool]:
    low, high = (parse(text) for text in sources.said["s4/thickness"].split(" to "))
    counts = [
        (parse(value), count)
        for by_value in sources.lists["acquisition"]["thickness"]["series"].values()
        for value, count in by_value.items()
    ]
    whole, inside = sum(count for _, count in counts), sum(count for value, count in counts if low <= value <= high)
    return f"{inside} of {whole} series", f"thickness {LIST}; most is more than half", 2 * inside > whole


def _same_words(row: str) -> Statement:
    def statement(sources: Sources) -> tuple[str, str, bool]:
        printed = sources.tables.cell(3, row, OURS).text
        said = sources.said[f"s2.4/{row.split()[0].lower()}"]
        return (
            printed,
            f"Table 3, {row}, letter by letter",
            slug(said).replace("-", "") == slug(printed).replace("-", ""),
        )

    return statement


def _better_at_threshold1(sources: Sources) -> tuple[str, str, bool]:
    columns = ("COVID correct detected", "Normal correct detected")
    right = {name: sum(sources.cell(5, "Threshold1", f"{name}: {column}") for column in columns) for name in NETWORKS}
    told = ", ".join(f"{name} {shown(Fraction(count))}" for name, count in right.items())
    return told, "most patients right at threshold 1 in Table 5", right[OURS] == max(right.values())


STATEMENTS: dict[str, Statement] = {
    "best on images": _best(9),
    "best on patients": _best(6),
    "better at threshold 1": _better_at_threshold1,
    "as fast as the others": _as_fast,
    "share of infected patients in each fold": _share_of_patients,
    "training images balanced": _balanced,
    "more test than training images": _each_fold("test Normal images", "train Normal images"),
    "fewer normal persons in training": _each_fold("train COVID-19 patients", "train Normal patients"),
    "series of each patient": _patients_with_three("series", "series"),
    "thicknesses of each patient": _patients_with_three("thicknesses", "thicknesses"),
    "seconds of a short series": _short_series,
    "usual thickness": _thickness,
    "optimizer": _same_words("Optimizer"),
    "loss": _same_words("Loss function"),
}
