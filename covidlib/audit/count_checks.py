"""Check counts: sums, differences and totals within and across tables (Tables 1, 2, 4, 5, 6 and 9).

Each function yields one check per relation of a cell: the cell is the printed value, the other terms of the sum give
its expected value. Taught in chapter 08.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import mode

from covidlib.audit.check import Check, equals, holds, unchecked
from covidlib.audit.exact_numbers import show_number
from covidlib.audit.linear import Sum, total
from covidlib.audit.printed_tables import FOLDS, NETWORKS, PrintedTables
from covidlib.names import LABELS
from covidlib.paper.comparison import IMAGES_IN_TABLE_4, PATIENTS_IN_TABLE_4, PRINTED_LABEL
from covidlib.paper.tables import AVERAGE, COUNT_HEADS

RIGHT_AND_WRONG = {
    6: {
        "right": "Correct identified patients",
        "wrong": "Wrong identified patients",
    },
    9: {
        "right": "Correct classified images",
        "wrong": "Wrong classified images",
    },
}
"""Columns that Tables 6 and 9 share under different names."""
UNIT = {6: "patients", 9: "images"}
REPEATED = {"Wrong classified as COVID": "Normal not classified", "Wrong classified as normal": "COVID not classified"}
"""Columns of Table 9 that repeat another column."""


def all_counts(tables: PrintedTables, lists: Mapping[str, dict]) -> Iterator[Check]:
    """Run every check of a count against other counts."""
    yield from folds_and_totals(tables)
    yield from images_of_patients(tables, lists)
    yield from fold1_at_two_thresholds(tables)
    for number in (6, 9):
        yield from right_and_wrong(tables, number)
        yield from means_of_folds(tables, number)
    yield from repeated_columns(tables)


def folds_and_totals(tables: PrintedTables) -> Iterator[Check]:
    """Check Table 2 against Table 1 and itself: every fold contains all patients and all images."""
    for label in LABELS:
        named = PRINTED_LABEL[label]
        patients = tables.term(1, "Number", f"{named} patients")
        per_fold = [
            tables.term(2, f"Fold{fold}", f"train {named} images")
            + tables.term(2, f"Fold{fold}", f"test {named} images")
            for fold in FOLDS
        ]
        usual = mode(images.value for images in per_fold)
        first_usual = next(images for images in per_fold if images.value == usual)
        for fold in FOLDS:
            test = tables.term(2, f"Fold{fold}", f"test {named} patients")
            train = tables.cell(2, f"Fold{fold}", f"train {named} patients")
            rule = "Table 1's patients minus the fold's test patients"
            yield equals(train, "table1", patients - test, rule)
            test = tables.term(2, f"Fold{fold}", f"test {named} images")
            train = tables.cell(2, f"Fold{fold}", f"train {named} images")
            rule = f"the {show_number(usual)} images that train and test hold in most folds, minus the test images"
            yield equals(train, "same-in-all-folds", first_usual - test, rule)
    tested = total(tables.term(2, f"Fold{fold}", "test COVID-19 patients") for fold in FOLDS)
    cell = tables.cell(1, "Number", "COVID-19 patients")
    yield equals(cell, "table2", tested, "sum of Table 2's test patients: each infected patient is tested in one fold")
    tested = total(tables.term(2, f"Fold{fold}", "test COVID-19 images") for fold in FOLDS)
    in_fold1 = tables.term(2, "Fold1", "train COVID-19 images") + tables.term(2, "Fold1", "test COVID-19 images")
    rule = "sum over the folds: each infected patient is tested once, so it is fold 1's train plus test images"
    yield Check(
        "t2/all-folds/test-covid-19-images/sum",
        "Table 2, all folds: test COVID-19 images",
        show_number(tested.value),
        show_number(in_fold1.value),
        rule,
        "agrees" if tested.value == in_fold1.value else "disagrees",
        kind="equation",
        terms=(tested - in_fold1).terms,
    )


def images_of_patients(tables: PrintedTables, lists: Mapping[str, dict]) -> Iterator[Check]:
    """Check Table 4 against Tables 1 and 2: patients, their images, and bounds on the number of images."""
    for label in LABELS:
        named, images = PRINTED_LABEL[label], tables.cell(1, "Number", f"{PRINTED_LABEL[label]} images")
        for fold in FOLDS:
            row = f"Fold{fold}"
            cell = tables.cell(4, row, PATIENTS_IN_TABLE_4[label])
            yield equals(cell, "table2", tables.term(2, row, f"test {named} patients"), "Table 2's test patients")
            cell = tables.cell(4, row, IMAGES_IN_TABLE_4[label])
            least = tables.value(2, row, f"test {named} images")
            most = images.value - tables.value(2, row, f"train {named} images")
            yield holds(
                f"{cell.id}/bounds",
                cell.where,
                cell.text,
                f"{show_number(least)} to {show_number(most)}",
                "at least Table 2's test images of these patients, at most Table 1's images minus the train images",
                least <= cell.value <= most,
                "bound",
            )
    images = tables.cell(1, "Number", "COVID-19 images")
    summed = total(tables.term(4, f"Fold{fold}", IMAGES_IN_TABLE_4["covid"]) for fold in FOLDS)
    yield equals(images, "table4", summed, "sum of Table 4's images: each infected patient is tested in one fold")
    images = tables.cell(1, "Number", "Normal images")
    tested_images = total(tables.term(4, f"Fold{fold}", IMAGES_IN_TABLE_4["normal"]) for fold in FOLDS).value
    tested = lists["tested"]["normal"]
    yield unchecked(
        f"{images.id}/table4",
        images.where,
        images.text,
        f"{tested['4']} normal patients are tested in four folds, {tested['5']} in five and {tested['3']} in three: "
        f"Table 4's sum, {show_number(tested_images)}, is four times this total, {show_number(4 * images.value)}, plus "
        "the images of the second kind, minus those of the third. They would have to differ by "
        f"{show_number(tested_images - 4 * images.value)}; how many they have, only the full dataset tells",
    )


def fold1_at_two_thresholds(tables: PrintedTables) -> Iterator[Check]:
    """Check Table 5 against Tables 4 and 6, and one threshold against the other."""
    for network in NETWORKS:
        for threshold in ("Threshold1", "Threshold2"):
            for label, columns in COUNT_HEADS[5].items():
                patients = tables.term(4, "Fold1", PATIENTS_IN_TABLE_4[label])
                for column, other in (columns, columns[::-1]):
                    cell = tables.cell(5, threshold, f"{network}: {column}")
                    rest = patients - tables.term(5, threshold, f"{network}: {other}")
                    yield equals(cell, "patients", rest, f"Table 4's patients of fold 1, minus “{other}”")
        for label, columns in COUNT_HEADS[5].items():
            for column, same in zip(columns, COUNT_HEADS[6][label], strict=True):
                cell = tables.cell(5, "Threshold2", f"{network}: {column}")
                rule = f"Table 6, fold 1, {network}: {same}"
                yield equals(cell, "table6", tables.term(6, f"1 {network}", same), rule)
        for column in (COUNT_HEADS[5]["covid"][0], COUNT_HEADS[5]["normal"][1]):
            low, high = (tables.cell(5, row, f"{network}: {column}") for row in ("Threshold1", "Threshold2"))
            rule = "at least as many as at threshold 2: a lower threshold can only call more patients infected"
            yield holds(
                f"{low.id}/order", low.where, low.text, f"≥ {high.text}", rule, low.value >= high.value, "bound"
            )


def right_and_wrong(tables: PrintedTables, number: int) -> Iterator[Check]:
    """Check each row of Tables 6 and 9: right and wrong of both classes add up, also to Tables 2 or 4."""
    columns, unit = COUNT_HEADS[number], UNIT[number]
    for row in tables.rows(number):
        cell = {name: tables.cell(number, row, head) for name, head in RIGHT_AND_WRONG[number].items()}
        for label in LABELS:
            for place, column in enumerate(columns[label]):
                cell[f"{label} {place}"] = tables.cell(number, row, column)
        size = {label: _tested(tables, number, row, label) for label in LABELS}
        source = "Table 4" if number == 6 else "Table 2"
        places = 1 if row.startswith(AVERAGE) else 0
        for name, place in (("right", 0), ("wrong", 1)):
            both = cell[f"covid {place}"].term + cell[f"normal {place}"].term
            yield equals(cell[name], "classes", both, f"{name} of both classes", places)
        for label in LABELS:
            for place, other in enumerate(reversed(columns[label])):
                rest = size[label] - tables.term(number, row, other)
                rule = f"{source}'s test {unit} of this class, minus “{other}”"
                yield equals(cell[f"{label} {place}"], "tested", rest, rule, places)
        rest = total(size.values()) - cell["wrong"].term
        yield equals(cell["right"], "tested", rest, f"{source}'s test {unit}, minus the wrong ones", places)


def _tested(tables: PrintedTables, number: int, row: str, label: str) -> Sum:
    """Number of patients or images of a class tested in a row; for averages, the mean over the folds."""
    fold = row.split()[0]
    folds = FOLDS if fold == AVERAGE else (fold,)
    column = PATIENTS_IN_TABLE_4[label] if number == 6 else f"test {PRINTED_LABEL[label]} images"
    source = 4 if number == 6 else 2
    return total(tables.term(source, f"Fold{name}", column) for name in folds) / len(folds)


def means_of_folds(tables: PrintedTables, number: int) -> Iterator[Check]:
    """Check the average counts of Tables 6 and 9: each is the exact mean of five whole numbers."""
    for network in NETWORKS:
        for column in tables.columns(number):
            if column in tables.columns(6) or column in tables.columns(9)[:8]:
                cell = tables.cell(number, f"{AVERAGE} {network}", column)
                mean = total(tables.term(number, f"{fold} {network}", column) for fold in FOLDS) / len(FOLDS)
                yield equals(cell, "mean", mean, "mean of the five folds", tables.places(number, column))


def repeated_columns(tables: PrintedTables) -> Iterator[Check]:
    """Check the columns of Table 9 that repeat others: with two classes, an error in one concerns the other."""
    for row in tables.rows(9):
        for column, same in REPEATED.items():
            cell = tables.cell(9, row, column)
            yield equals(cell, "other-class", tables.term(9, row, same), f"the same images as “{same}”", 1)
