"""covidlib.audit: how many ties there are, and where each bound and each "about" turns."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from covidlib.audit import all_checks, text_checks
from covidlib.audit.check import Check
from covidlib.audit.printed_tables import FOLDS, PrintedTables, paper_tables
from covidlib.datasets.published_lists import stored_aggregates

IMAGES = "Number of images belonging to patients with COVID"


def verdict(id: str, cells: dict[tuple[int, str, str], str], lists: dict | None = None) -> str:
    """The verdict of one check when some cells are printed otherwise."""
    tables = paper_tables()
    for (table, row, column), printed in cells.items():
        tables = tables.replaced(replace(tables.cell(table, row, column), text=printed))
    return one(id, tables, lists).verdict


def one(id: str, tables: PrintedTables, lists: dict | None = None) -> Check:
    (check,) = [check for check in all_checks.audit_paper(tables, lists) if check.id == id]
    return check


def test_every_kind_of_tie_is_there_once_for_each_cell_that_has_it() -> None:
    checks = [check for check in all_checks.audit_paper() if check.where.startswith("Table")]
    assert Counter(check.id.rpartition("/")[2] for check in checks) == {
        "table1": 5 * 2, "same-in-all-folds": 5 * 2, "table2": 1 + 5 * 2 + 3, "sum": 1,  # folds and totals
        "bounds": 5 * 2, "table4": 2,  # images of patients
        "patients": 3 * 2 * 4, "table6": 3 * 4, "order": 3 * 2,  # networks, thresholds, columns of Table 5
        "classes": 2 * 18 * 2, "tested": 2 * 18 * (4 + 1),  # rows of Tables 6 and 9; right, wrong, each class
        "mean": 3 * (6 + 8 + 9), "rate": 15 * 9, "other-class": 18 * 2,
        "patient-list": 2, "fold-list": 5 * 8 + 5 * 2,
        "code": 10, "same": 10 * 2, "grows": 8 * 2, "none": 1,
    }  # fmt: skip


def test_patients_are_counted_from_table_4_and_images_from_table_2() -> None:
    rules = {check.id: check.rule for check in all_checks.audit_paper()}
    told = rules["t6/1-our-model/correct-identified-patients/tested"]
    assert told == "Table 4's test patients, minus the wrong ones"
    assert rules["t9/1-our-model/correct-classified-images/tested"] == "Table 2's test images, minus the wrong ones"


@pytest.mark.parametrize(("printed", "expected"), [("461", "disagrees"), ("462", "agrees"),
                                                   ("13,769", "agrees"), ("13,770", "disagrees")])  # fmt: skip
def test_images_of_patients_lie_between_what_was_tested_and_what_was_not_trained(printed: str, expected: str) -> None:
    # Fold 1 tests 462 images and trains on 1820 of 15,589.
    id = "t4/fold1/number-of-images-belonging-to-patients-with-covid/bounds"
    assert verdict(id, {(4, "Fold1", IMAGES): printed}) == expected


def test_the_times_grow_with_the_slices_and_tell_how_many_could_be_classified() -> None:
    tables = paper_tables()
    rules = [one(f"t7/row-{number}/time-s/grows", tables).rule for number in (1, 5, 8)]
    # 2.3039 s, 9.8845 s and 23.6463 s at 66.1 ms per slice; the second series has no more than 130 slices.
    for rule, told in zip(rules, ("34 of the 35", "130 of the 130", "357 of the 406"), strict=True):
        assert f"at most {told} slices" in rule
    assert one("t7/row-2/time-s/grows", tables).recomputed == "> 2.3039"
    assert verdict("t7/row-2/time-s/grows", {(7, "row 2", "Time (s)"): "2.3039"}) == "disagrees"


@pytest.mark.parametrize(("seconds", "expected"), [("197 s", "agrees"), ("196 s", "disagrees")])
def test_training_an_image_takes_at_least_as_long_as_classifying_it(seconds: str, expected: str) -> None:
    # 3735.2 images in 197 s are 52.74 ms per image, in 196 s 52.47; ResNet50V2 classifies one in 52.6 ms.
    cells = {(8, "ResNet50V2", "Training time per epoch"): seconds}
    assert verdict("t8/resnet50v2/training-time-per-epoch/table2", cells) == expected


def test_our_parameters_are_compared_with_the_public_code() -> None:
    for row, printed, expected in (("Batch size", "15", "disagrees"), ("Epochs", "20", "agrees"),
                                   ("Loss function", "categorical cross-entropy", "agrees")):  # fmt: skip
        id = paper_tables().cell(3, row, "Our model").id
        assert verdict(f"{id}/code", {(3, row, "Our model"): printed}) == expected


@pytest.mark.parametrize(("ours", "expected"), [("57.86 ms", "agrees"), ("57.87 ms", "disagrees")])
def test_almost_as_fast_is_a_tenth_slower_than_the_fastest(ours: str, expected: str) -> None:
    cells = {(8, "Our Model", "Inference time per image"): ours}  # ResNet50V2 takes 52.6 ms
    assert verdict("s4/as-fast/as-fast-as-the-others", cells) == expected


@pytest.mark.parametrize(("other", "expected"), [("19", "disagrees"), ("20", "agrees"), ("22", "rounds"),
                                                 ("23", "disagrees")])  # fmt: skip
def test_a_fifth_of_the_patients_is_their_mean_over_the_folds(other: str, expected: str) -> None:
    # A mean of 20.4 is printed as 20; 20.6 and 19 are not.
    rest = "20" if other != "19" else "19"
    cells = {(2, f"Fold{fold}", "test COVID-19 patients"): rest for fold in FOLDS}
    cells |= {(1, "Number", "COVID-19 patients"): "100", (2, "Fold3", "test COVID-19 patients"): other}
    assert verdict("s2.4/share/mean-share-of-infected-patients", cells) == expected


@pytest.mark.parametrize(("normal", "expected"), [("1637", "disagrees"), ("1638", "agrees"), ("2002", "agrees"),
                                                  ("2003", "disagrees")])  # fmt: skip
def test_balanced_is_a_tenth_more_or_less(normal: str, expected: str) -> None:
    cells = {(2, "Fold1", "train Normal images"): normal}  # and 1820 infected ones
    assert verdict("s2.4/balance/training-images-balanced", cells) == expected
    told = one("s2.4/balance/training-images-balanced", paper_tables()).recomputed
    assert told == "1.031 to 1.053 normal for one infected"  # 1893 to 1836 in fold 3, 1920 to 1823 in fold 4


def test_more_is_not_as_many() -> None:
    for printed, expected in (("7859", "agrees"), ("7860", "disagrees")):
        cells = {(2, "Fold1", "train Normal images"): printed}  # 7860 are tested
        assert verdict("s2.4/more-test/more-test-than-training-images", cells) == expected


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "agrees"),
        ({(7, "row 1", "Time (s)"): "3.59"}, "disagrees"),
        ({(7, "row 4", "Time (s)"): "6.61"}, "disagrees"),
        ({(7, "row 5", "Number of CT scan slices"): "100"}, "agrees"),
        ({(7, "row 5", "Number of CT scan slices"): "99"}, "disagrees"),
    ],
)
def test_four_to_six_seconds_may_be_a_tenth_off_below_100_slices(changed: dict, expected: str) -> None:
    times = zip(range(1, 5), ("3.6", "4", "5", "6.6"), strict=True)
    cells = {(7, f"row {row}", "Time (s)"): time for row, time in times}
    assert verdict("s4/seconds/seconds-of-a-short-series", cells | changed) == expected


def test_threshold_1_is_better_for_us_until_another_network_has_more_patients_right() -> None:
    # Ours has 17 infected patients right, ResNet50V2 222 patients.
    for normal, expected in (("205", "agrees"), ("204", "disagrees")):
        cells = {(5, "Threshold1", "Our model: Normal correct detected"): normal}
        assert verdict("s3.2/best-at-zero/better-at-threshold-1", cells) == expected


def test_most_series_are_more_than_half_and_both_ends_of_a_thickness_count() -> None:
    lists = copy.deepcopy(stored_aggregates())
    for inside, expected in (({"2": 1, "6": 1}, "disagrees"), ({"2.0": 2, "6.0": 1}, "agrees")):
        lists["acquisition"]["thickness"]["series"] = {"covid": inside, "normal": {"1.9": 1, "6.1": 1}}  # type: ignore[index]
        assert verdict("s4/thickness/usual-thickness", {}, lists) == expected


def test_series_with_more_than_one_value_have_no_one_value() -> None:
    lists = copy.deepcopy(stored_aggregates())
    for counts in ({"16": 1118, "8": 1}, {"16": 1119, "8": 1}, {"16": 1118}, {"16": 1120}):
        lists["values"]["bits_allocated"] = counts  # type: ignore[index]
        with pytest.raises(ValueError, match="more than one value"):
            all_checks.audit_paper(lists=lists)


@pytest.mark.parametrize("day", ["2020-04-05", "2021-03-05", "2020-03-06"])
def test_the_first_day_is_that_day_of_march_2020(day: str) -> None:
    assert verdict("s2.1/first-day/first-day", {}) == "agrees"
    lists = copy.deepcopy(stored_aggregates())
    lists["dates"]["first"] = day  # type: ignore[index]
    assert verdict("s2.1/first-day/first-day", {}, lists) == "disagrees"


@pytest.fixture
def said_otherwise(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, str], str]:
    """The verdict of a check when the text prints another number."""

    def run(id: str, tie: str, printed: str) -> str:
        changed = [
            {**entry, "printed": printed} if entry["id"] == id else entry for entry in text_checks.text_entries()
        ]
        with monkeypatch.context() as patch:
            patch.setattr(text_checks, "text_entries", lambda: changed)
            return one(f"{id}/{tie}", paper_tables()).verdict

    return run


@pytest.mark.parametrize(("printed", "expected"), [("414", "disagrees"), ("415", "rounds"), ("507", "rounds"),
                                                   ("508", "disagrees")])  # fmt: skip
def test_around_is_a_tenth_of_the_printed_number_up_and_down(
    said_otherwise: Callable[[str, str, str], str], printed: str, expected: str
) -> None:
    # A mean of 456.4 test images lies within a tenth of 414.91 to 507.11.
    assert said_otherwise("s4/covid-images", "about-covid-test-images", printed) == expected


def test_words_agree_when_they_are_the_same_and_a_lower_bound_when_it_is_lower(
    said_otherwise: Callable[[str, str, str], str],
) -> None:
    for printed, expected in (("more than", "agrees"), ("at least", "disagrees"), ("not less than", "disagrees")):
        assert said_otherwise("s3.2/at-least", "words-s3-2-more-than", printed) == expected
    for printed, expected in (("8234", "agrees"), ("8236", "disagrees")):
        assert said_otherwise("s1/test-images", "more-than-test-images", printed) == expected


def test_hyphens_and_spaces_do_not_make_another_loss(said_otherwise: Callable[[str, str, str], str]) -> None:
    for printed in ("Categorical Crossentropy", "Categorical Cross-entropy.", "categorical cross entropy"):
        assert said_otherwise("s2.4/loss", "source-loss", printed) == "agrees"
    assert said_otherwise("s2.4/loss", "source-loss", "Categorical Crossentopy") == "disagrees"


def test_an_average_is_not_rounded_to_a_whole_number() -> None:
    printed = paper_tables().cell(6, "Avg Xception", "Correct identified patients")
    assert printed.value.denominator > 1
    whole = {(6, "Avg Xception", "Correct identified patients"): str(round(printed.value))}
    for tie in ("classes", "tested", "mean"):
        assert verdict(f"{printed.id}/{tie}", whole) == "disagrees"
