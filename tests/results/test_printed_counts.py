"""covidlib.results.printed_counts: the counts of the printed tables."""

from __future__ import annotations

from covidlib.paper.tables import count_heads, table_numbers
from covidlib.results.metrics import Counts
from covidlib.results.printed_counts import (
    counts_of_row,
    printed_at_thresholds,
    printed_fold_counts,
    printed_patient_counts,
    under_printed_names,
)
from covidlib.results.tables import pooled


def test_printed_counts_of_slices_and_patients() -> None:
    slices, patients = printed_fold_counts(), printed_patient_counts()
    assert pooled(slices["resnet50v2-fpn"]) == Counts(2167, 115, 38751, 511)
    assert pooled(patients["xception"]) == Counts(94, 1, 1000, 128)
    assert [len(folds) for folds in (*slices.values(), *patients.values())] == [5] * 6
    row = table_numbers(6).query("Fold == '3' and Network == 'ResNet50V2'").iloc[0]
    assert patients["resnet50v2"][2].false_covid == row["Wrong identified as COVID"]
    tested = [own.true_covid + own.false_normal for own in slices["resnet50v2-fpn"]]
    assert tested == [462, 465, 446, 459, 450]
    # Python's integers do not overflow where MCC multiplies four of them; numpy's do.
    assert {type(value) for value in vars(counts_of_row(table_numbers(9).iloc[0])).values()} == {int}


def test_the_heads_are_in_the_order_of_the_counts() -> None:
    # Read by hand in the first row of each table: the proposed network on fold 1.
    counts = {5: Counts(17, 1, 231, 6), 6: Counts(16, 2, 232, 5), 9: Counts(436, 26, 7778, 82)}
    for number, expected in counts.items():
        row = table_numbers(number).iloc[0]
        prefix = "Our model: " if number == 5 else ""
        assert [row[prefix + head] for head in count_heads(number)] == list(vars(expected).values())


def test_both_columns_of_false_alarms_are_the_same() -> None:
    printed = table_numbers(9)
    assert printed["Wrong classified as COVID"].equals(printed["Normal not classified"])


def test_table_5_at_threshold_2_is_the_first_fold_of_table_6() -> None:
    printed = printed_at_thresholds()
    assert printed[1, "resnet50v2-fpn"] == Counts(17, 1, 231, 6) and printed[1, "resnet50v2"].false_covid == 32
    for network, folds in printed_patient_counts().items():
        assert printed[2, network] == folds[0]


def test_networks_go_under_their_printed_names_in_one_order() -> None:
    assert under_printed_names({"resnet50v2-fpn": 3, "xception": 1, "resnet50v2": 2}) == {
        "Xception": 1, "ResNet50V2": 2, "Our model": 3
    }  # fmt: skip
    assert list(under_printed_names(printed_fold_counts())) == ["Xception", "ResNet50V2", "Our model"]
