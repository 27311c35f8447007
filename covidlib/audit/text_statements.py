"""Check statements in the paper's text: "almost equal", "three folders", "best" (sections 2 to 5).

Each of `STATEMENTS` returns what the tables or the public lists show, the rule, and whether the statement holds. Those
on results are in `results_statements`. Taught in chapter 08.
"""

from __future__ import annotations

from collections.abc import Mapping

from covidlib.audit import results_statements as results
from covidlib.audit.exact_numbers import ABOUT, brief, parse_number, show_number
from covidlib.audit.expected_quantities import LIST, OURS, Sources, Statement
from covidlib.audit.printed_tables import FOLDS, slug
from covidlib.names import LABELS
from covidlib.paper.comparison import PRINTED_LABEL


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


def _same_parameters(sources: Sources) -> tuple[str, str, bool]:
    tables = sources.tables
    same = [row for row in tables.rows(3) if len({tables.cell(3, row, name).text for name in tables.columns(3)}) == 1]
    shown = f"in {len(same)} of {len(tables.rows(3))} rows"
    return shown, "Table 3: rows with one value for all networks", len(same) == len(tables.rows(3))


def _fewer_images_per_patient(sources: Sources) -> tuple[str, str, bool]:
    per_person = {
        label: [
            sources.cell(2, f"Fold{fold}", f"train {PRINTED_LABEL[label]} images")
            / sources.cell(2, f"Fold{fold}", f"train {PRINTED_LABEL[label]} patients")
            for fold in FOLDS
        ]
        for label in LABELS
    }
    fewer = sum(covid < normal for covid, normal in zip(per_person["covid"], per_person["normal"], strict=True))
    shown = f"fewer in {fewer} of {len(FOLDS)} folds"
    return shown, "Table 2: training images per infected patient below those per normal person", fewer == len(FOLDS)


def _validation_from_test(sources: Sources) -> tuple[str, str, bool]:
    counted = [(fold["validation_images_in_test"], fold["validation_images"]) for fold in sources.lists["splits"]]
    inside, whole = (sum(counts) for counts in zip(*counted, strict=True))
    rule = "validation images that are test images of the same fold, in the public fold lists"
    return f"{inside} of {whole} images", rule + "; the kept epoch is therefore picked on test data", inside == whole


def _largest_values_differ(sources: Sources) -> tuple[str, str, bool]:
    values = sources.lists["values"]
    least, most = values["largest_least"], values["largest"]
    rule = f"largest value of each series' first slice {LIST}: more than a tenth apart"
    return f"{least} to {most}", rule, most - least > ABOUT * most


def _only_value(kind: str) -> Statement:
    def statement(sources: Sources) -> tuple[str, str, bool]:
        counted: Mapping[str, int] = sources.lists["values"][kind]
        printed = sources.said["s2.1/scanner" if kind == "models" else "s2.1/software"]
        matching = sum(count for name, count in counted.items() if slug(name).startswith(slug(printed)))
        whole = sources.lists["values"]["series"]
        return f"{matching} of {whole} series", f"the printed name, {LIST}", matching == whole

    return statement


def _slices_of_a_series(sources: Sources) -> tuple[str, str, bool]:
    images = sources.cell(1, "Number", "COVID-19 images") + sources.cell(1, "Number", "Normal images")
    mean = images / sources.lists["series"]["total"]
    bound = parse_number(sources.said["s4/slices"])
    rule = (
        f"Table 1's {show_number(images)} images over the {sources.lists['series']['total']} series of the public list "
        f"are a mean: at most {brief(100 * mean / bound, 0)}% of the series can have {show_number(bound)} or more"
    )
    return f"{brief(mean)} on average", rule, mean < bound


def _more_normal(sources: Sources) -> tuple[str, str, bool]:
    more = sum(
        sources.cell(1, "Number", f"Normal {unit}") > sources.cell(1, "Number", f"COVID-19 {unit}")
        for unit in ("patients", "images")
    )
    return f"more in {more} of 2 counts", "Table 1: normal beside infected, patients and images", more == 2


def _larger_than_reference32(sources: Sources) -> tuple[str, str, bool]:
    images = sources.cell(1, "Number", "COVID-19 images") + sources.cell(1, "Number", "Normal images")
    other = parse_number(sources.said["s1/reference32-scans"])
    return f"{show_number(images)} images", f"Table 1, beside {show_number(other)} of reference 32", images > other


STATEMENTS: dict[str, Statement] = {
    "best on images": results.best(9),
    "best on patients": results.best(6),
    "most accurate": results.most_accurate,
    "better at threshold 1": results.better_at_threshold1,
    "infected found at threshold 1": results.infected_at_threshold1,
    "fewest false alarms at threshold 1": results.false_alarms_at_threshold1,
    "right at both thresholds": results.right_at_both_thresholds,
    "fewer false alarms on images": results.fewer(9, "Wrong classified as COVID"),
    "fewer false alarms on patients": results.fewer(6, "Wrong identified as COVID"),
    "infected images found": results.infected_images_found,
    "accuracy from false alarms": results.accuracy_from_false_alarms,
    "precision at equal classes": results.precision_at_equal_classes,
    "definition of a false positive": results.definition_of_false_positive,
    "as fast as the others": results.as_fast,
    "speed unchanged": results.speed_unchanged,
    "seconds of a short series": results.seconds_of_a_short_series,
    "room to classify": results.room_to_classify,
    "time per further slice": results.time_per_further_slice,
    "training images balanced": _balanced,
    "more test than training images": _each_fold("test Normal images", "train Normal images"),
    "fewer normal persons in training": _each_fold("train COVID-19 patients", "train Normal patients"),
    "fewer images per infected patient": _fewer_images_per_patient,
    "validation from the test images": _validation_from_test,
    "same parameters": _same_parameters,
    "series of each patient": _patients_with_three("series", "series"),
    "thicknesses of each patient": _patients_with_three("thicknesses", "thicknesses"),
    "usual thickness": _thickness,
    "slices of a series": _slices_of_a_series,
    "largest values differ": _largest_values_differ,
    "scanner": _only_value("models"),
    "software": _only_value("software"),
    "more normal in all": _more_normal,
    "larger than reference 32": _larger_than_reference32,
    "optimizer": _same_words("Optimizer"),
}
