"""covidlib.patients.decision: the two thresholds, the empty selection, Table 6."""

from __future__ import annotations

import pandas as pd
import pytest

from covidlib.paper.tables import table, table_numbers
from covidlib.patients.decision import (
    THRESHOLD_1,
    THRESHOLD_2,
    decide,
    decide_patients,
    patient_counts,
    slices_needed,
    table6,
)
from covidlib.results.metrics import Counts


@pytest.mark.parametrize(
    ("covid", "selected", "first", "second"),
    [
        (0, 20, "normal", "normal"),
        (1, 20, "infected", "normal"),
        (2, 20, "infected", "infected"),
        (1, 3, "infected", "infected"),
        (1, 11, "infected", "normal"),
        (0, 0, "undetermined", "undetermined"),
        (7, 70, "infected", "infected"),
        (6, 70, "infected", "normal"),
    ],
)
def test_both_thresholds(covid: int, selected: int, first: str, second: str) -> None:
    assert decide(covid, selected, THRESHOLD_1) == first
    assert decide(covid, selected, THRESHOLD_2) == second


def test_a_share_is_exact_for_every_count() -> None:
    # In floating point, 0.07 · 100 is above 7: 7 of 100 would be missed.
    assert 0.07 * 100 > 7
    for hundredths in range(1, 100):
        assert decide(hundredths, 100, hundredths / 100) == "infected"
        assert decide(hundredths - 1, 100, hundredths / 100) == "normal"


def test_contradictory_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="5 COVID-19 slices of 3"):
        decide(5, 3)
    with pytest.raises(ValueError, match="between 0 and 1"):
        decide(1, 3, 10)
    for threshold in (-0.01, 1.01):
        with pytest.raises(ValueError, match="between 0 and 1"):
            decide(1, 3, threshold)
    with pytest.raises(ValueError, match="-1 COVID-19 slices of 3"):
        decide(-1, 3)


def test_patients_and_table_6() -> None:
    rows = [("a", 1, "p1", "covid", p) for p in (0.9, 0.1)] + [("a", 1, "p2", "normal", p) for p in (0.1, 0.2)]
    rows += [("a", 2, "p3", "covid", 0.1), ("a", 2, "p4", "normal", 0.9)]
    predictions = pd.DataFrame(rows, columns=["network", "fold", "patient", "patient_label", "p_covid"])
    decisions = decide_patients(predictions)
    assert decisions.set_index("patient")["decision"].to_dict() == {
        "p1": "infected", "p2": "normal", "p3": "normal", "p4": "infected",
    }  # fmt: skip
    result = table6(decisions)
    assert list(result.columns) == list(table(6).columns)
    assert result["Correct identified patients"].tolist() == [2, 0, 1]
    assert result["Wrong identified as COVID"].tolist() == [0, 1, 0.5]


def test_needed_slices_are_where_the_decision_turns() -> None:
    for threshold in (0, 0.07, 0.1, 0.3, 1):
        for selected in (*range(1, 60), 100):
            needed = slices_needed(selected, threshold)
            assert decide(needed, selected, threshold) == "infected"
            assert decide(needed - 1, selected, threshold) == "normal"
    with pytest.raises(ValueError, match="must be between 0 and 1"):
        slices_needed(10, 1.5)


def test_a_missing_probability_is_not_called_normal() -> None:
    row = {"network": "a", "fold": 1, "patient": "p", "patient_label": "covid", "p_covid": float("nan")}
    with pytest.raises(ValueError, match="a probability is missing"):
        decide_patients(pd.DataFrame([row]))


def test_needed_slices_are_whole_and_at_least_one() -> None:
    assert [slices_needed(selected) for selected in (1, 10, 11, 20, 21)] == [1, 1, 2, 2, 3]
    assert slices_needed(100, 0.07) == 7 and slices_needed(50, THRESHOLD_1) == 1


def test_patients_are_decided_at_the_threshold_that_was_asked_for() -> None:
    columns = ["network", "fold", "patient", "patient_label", "p_covid"]
    rows = [("a", 1, "p2", "covid", p) for p in [0.51] + [0.5] * 19] + [("a", 1, "p1", "normal", 0.5)]
    predictions = pd.DataFrame(rows, columns=columns)
    # One slice of twenty is enough at threshold 1, not at threshold 2; exactly one half is not called COVID-19.
    for threshold, decision in ((THRESHOLD_1, "infected"), (THRESHOLD_2, "normal")):
        decided = decide_patients(predictions, threshold)
        assert list(decided.columns) == [*columns[:4], "selected", "covid_slices", "decision"]
        assert decided[["patient", "selected", "covid_slices", "decision"]].values.tolist() == [
            ["p1", 1, 0, "normal"], ["p2", 20, 1, decision],
        ]  # fmt: skip


def test_table_6_as_printed_follows_from_its_patients() -> None:
    printed = table_numbers(6)
    kinds = {
        "COVID correct identified": ("covid", "infected"),
        "Wrong identified as normal": ("covid", "normal"),
        "Normal correct identified": ("normal", "normal"),
        "Wrong identified as COVID": ("normal", "infected"),
    }
    patients = [
        (row["Network"], int(row["Fold"]), *kind)
        for _, row in printed[printed["Fold"] != "Avg"].iterrows()
        for column, kind in kinds.items()
        for _ in range(int(row[column]))
    ]
    made = table6(pd.DataFrame(patients, columns=["network", "fold", "patient_label", "decision"]))
    assert made.index.tolist() == list(range(18)) and made["Fold"].tolist()[-3:] == ["Avg"] * 3
    names = ["Fold", "Network"]
    pd.testing.assert_frame_equal(
        made.set_index(names).sort_index(), printed.set_index(names).sort_index(), check_dtype=False, check_exact=False
    )


def test_an_undetermined_patient_is_wrong() -> None:
    rows = [("covid", "undetermined"), ("normal", "undetermined"), ("covid", "infected"), ("normal", "infected")]
    decisions = pd.DataFrame([*rows, ("normal", "normal")], columns=["patient_label", "decision"])
    assert patient_counts(decisions) == Counts(true_covid=1, false_normal=1, true_normal=1, false_covid=2)


def test_an_undetermined_patient_is_wrong_in_either_class() -> None:
    columns = ["network", "fold", "patient_label", "decision"]
    rows = [("a", 1, "covid", "undetermined"), ("a", 1, "normal", "undetermined"), ("a", 1, "normal", "undetermined")]
    row = table6(pd.DataFrame(rows, columns=columns)).iloc[0]
    assert row["Wrong identified as normal"] == 1 and row["Wrong identified as COVID"] == 2
    assert row["Correct identified patients"] == 0 and row["Wrong identified patients"] == 3
