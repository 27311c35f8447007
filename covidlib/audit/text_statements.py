"""Check statements in the paper's text: "best", "almost as fast", "three folders" (sections 2 to 5).

Each of `STATEMENTS` returns what the tables or the public lists show, the rule, and whether the statement holds. Taught
in chapter 08.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from covidlib.audit.exact_numbers import ABOUT, brief, parse_number, show_number
from covidlib.audit.expected_quantities import LIST, OURS, Sources
from covidlib.audit.parameter_checks import MILLISECONDS, OURS_IN_TABLE_8, SLICES, TIME
from covidlib.audit.printed_tables import FOLDS, NETWORKS, PrintedTables, slug
from covidlib.paper.tables import AVERAGE, COUNT_HEADS

Statement = Callable[[Sources], tuple[str, str, bool]]
LOWER_IS_BETTER = ("Wrong", "not classified")


def best_columns(tables: PrintedTables, table: int) -> dict[str, str]:
    """Find the network with the best average in each column of Table 6 or 9.

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
    shown = ", ".join(f"{brief(100 * share)}% slower than {name}" for name, share in slower.items())
    return shown, "Table 8's inference times, ours at most a tenth above each", all(s <= ABOUT for s in slower.values())


def _share_of_patients(sources: Sources) -> tuple[str, str, bool]:
    whole = sources.cell(1, "Number", "COVID-19 patients")
    shares = [100 * sources.cell(2, f"Fold{fold}", "test COVID-19 patients") / whole for fold in FOLDS]
    printed = parse_number(sources.said["s2.4/share"])
    shown = f"{brief(min(shares))}% to {brief(max(shares))}%"
    near = all(abs(share - printed) <= ABOUT * printed for share in shares)
    return shown, "Table 2's test patients over Table 1's, each fold within a tenth of the printed share", near


def _balanced(sources: Sources) -> tuple[str, str, bool]:
    ratios = [
        sources.cell(2, f"Fold{fold}", "train Normal images") / sources.cell(2, f"Fold{fold}", "train COVID-19 images")
        for fold in FOLDS
    ]
    shown = f"{brief(min(ratios), 3)} to {brief(max(ratios), 3)} normal for one infected"
    return shown, "Table 2, within a tenth in each fold", all(abs(ratio - 1) <= ABOUT for ratio in ratios)


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
    low, high = (parse_number(text) for text in sources.said["s4/seconds"].split(" to "))
    bound = parse_number(sources.said["s4/slices"])
    rows = [row for row in sources.tables.rows(7) if sources.cell(7, row, SLICES) < bound]
    seconds = [sources.cell(7, row, TIME) for row in rows]
    inside = all(low * (1 - ABOUT) <= value <= high * (1 + ABOUT) for value in seconds) and bool(seconds)
    shown = f"{show_number(min(seconds))} to {show_number(max(seconds))}" if seconds else "no such series"
    return shown, f"Table 7's times of its {len(rows)} series below {show_number(bound)} slices, within a tenth", inside


def _thickness(sources: Sources) -> tuple[str, str, bool]:
    low, high = (parse_number(text) for text in sources.said["s4/thickness"].split(" to "))
    counts = [
        (parse_number(value), count)
        for by_value in sources.lists["acquisition"]["thickness"]["series"].values()
        for value, count in by_value.items()
    ]
    whole, inside = sum(count for _, count in counts), sum(count for value, count in counts if low <= value <= high)
    return f"{inside} of {whole} series", f"thickness {LIST}; most is more than half", 2 * inside > whole


def _same_words(row: str) -> Statement:
    def statement(sources: Sources) -> tuple[str, str, bool]:
        printed = sources.tables.cell(3, row, OURS).text
        in_text = sources.said[f"s2.4/{row.split()[0].lower()}"]
        return (
            printed,
            f"Table 3, {row}, letter by letter",
            slug(in_text).replace("-", "") == slug(printed).replace("-", ""),
        )

    return statement


def _better_at_threshold1(sources: Sources) -> tuple[str, str, bool]:
    columns = (COUNT_HEADS[5]["covid"][0], COUNT_HEADS[5]["normal"][0])
    right = {name: sum(sources.cell(5, "Threshold1", f"{name}: {column}") for column in columns) for name in NETWORKS}
    shown = ", ".join(f"{name} {show_number(Fraction(count))}" for name, count in right.items())
    return shown, "most patients right at threshold 1 in Table 5", right[OURS] == max(right.values())


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
