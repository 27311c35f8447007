"""covidlib.patients.tables: Tables 4, 5 and 6, printed and ours."""

from __future__ import annotations

import pandas as pd
import pytest
from support.prediction_tables import made_predictions

from covidlib.paper.tables import table_numbers
from covidlib.patients import tables
from covidlib.patients.decision import decide_patients, table6
from covidlib.results.intervals import wilson_interval
from covidlib.results.metrics import Counts
from covidlib.results.printed_counts import printed_at_thresholds, printed_patient_counts


def test_three_tables_agree_on_who_was_tested() -> None:
    table = tables.patients_in_tables()
    for label, total in (("covid", 95), ("normal", 1128)):
        assert (table[label].nunique(axis=1) == 1).all() and table[label].sum().tolist() == [total] * 3


def test_networks_that_were_tested_on_different_patients_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = printed_patient_counts()
    counts["xception"][2] = Counts(19, 0, 209, 20)
    monkeypatch.setattr(tables, "printed_patient_counts", lambda: counts)
    with pytest.raises(ValueError, match="different numbers"):
        tables.patients_in_tables()


def test_table_4_from_ours_counts_every_slice_of_a_patient_once() -> None:
    predictions = pd.concat([made_predictions(), made_predictions(network="xception", seed=2)], ignore_index=True)
    slices = pd.DataFrame({"patient": [f"patient{n}" for n in range(20) for _ in range(9)]})
    table = tables.table4(slices, predictions)
    assert list(table.columns) == list(table_numbers(4).columns.drop("Fold"))
    assert table.iloc[:, 0].tolist() == [18] * 5 and table.iloc[:, 1].tolist() == [2] * 5


def test_missed_and_alarms_of_table_5() -> None:
    table = tables.missed_and_alarms(printed_at_thresholds())
    assert table.loc[(1, "xception")].tolist() == [18, 1, 237, 42]


def test_ours_at_both_thresholds() -> None:
    predictions = made_predictions(slices=30)  # of fewer than eleven slices a tenth is one
    ours = tables.at_thresholds(predictions)
    decisions = decide_patients(predictions, 0.1)
    rows = table6(decisions).query("Fold != 'Avg'")
    assert ours[2, "resnet50v2"].true_covid == rows["COVID correct identified"].sum()
    assert ours[1, "resnet50v2"].false_covid >= ours[2, "resnet50v2"].false_covid
    assert ours[1, "resnet50v2"].false_normal <= ours[2, "resnet50v2"].false_normal
    assert ours[1, "resnet50v2"] != ours[2, "resnet50v2"]


def test_three_columns_of_patients() -> None:
    table = tables.three_columns({"xception": Counts(3, 1, 2, 2)})
    assert table.loc[("resnet50v2-fpn", "sensitivity"), "printed"] == f"{17.6 / 19:.3f} (17.6 of 19 per fold)"
    low, high = wilson_interval(88, 95)
    assert table.loc[("resnet50v2-fpn", "sensitivity"), "recomputed"] == f"{88 / 95:.3f} ({low:.3f} to {high:.3f})"
    assert table.loc[("xception", "specificity"), "ours"].startswith("0.500")
    assert table.loc[("resnet50v2", "specificity"), "ours"] == ""
