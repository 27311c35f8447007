"""covidlib.results.fold_results: the folds one by one, and networks against each other over them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support.prediction_tables import made_predictions

from covidlib.errors import InputError
from covidlib.patients.decision import THRESHOLD_1, THRESHOLD_2, decide_patients, patient_fold_counts, table6
from covidlib.results.fold_results import fold_counts, fold_differences, fold_rates
from covidlib.results.intervals import corrected_t, wilson_interval
from covidlib.results.metrics import Counts, table9
from covidlib.results.printed_counts import printed_fold_counts


def test_counts_of_each_fold_are_those_of_table_9() -> None:
    predictions = pd.concat([made_predictions(), made_predictions(network="xception", seed=2)], ignore_index=True)
    predictions.loc[0, "label"] = "unlabelled"
    counts = fold_counts(predictions)
    assert list(counts) == ["resnet50v2", "xception"] and [len(folds) for folds in counts.values()] == [5, 5]
    rows = table9(predictions).query("Network == 'xception' and Fold != 'Avg'")
    assert [own.true_covid for own in counts["xception"]] == rows["COVID correct classified"].tolist()
    assert [own.false_covid for own in counts["xception"]] == rows["Wrong classified as COVID"].tolist()


def test_a_network_without_one_of_the_folds_is_refused() -> None:
    both = pd.concat([made_predictions(), made_predictions(network="xception", seed=2)], ignore_index=True)
    with pytest.raises(InputError, match=r"xception: has no predictions of fold 2\."):
        fold_counts(both[(both["network"] != "xception") | (both["fold"] != 2)])


def test_patients_are_counted_by_fold_and_a_missing_fold_is_noticed_too() -> None:
    both = pd.concat([made_predictions(slices=30), made_predictions(network="xception", seed=2, slices=30)])
    for threshold in (THRESHOLD_1, THRESHOLD_2):
        counts = patient_fold_counts(both, threshold)
        rows = table6(decide_patients(both, threshold)).query("Network == 'xception' and Fold != 'Avg'")
        assert [own.true_normal for own in counts["xception"]] == rows["Normal correct identified"].tolist()
        assert [own.false_normal for own in counts["xception"]] == rows["Wrong identified as normal"].tolist()
    with pytest.raises(InputError, match=r"resnet50v2: has no predictions of fold 1, 4\."):
        patient_fold_counts(both[(both["network"] != "resnet50v2") | ~both["fold"].isin([1, 4])], THRESHOLD_2)


def test_every_fold_has_its_rates_with_wilsons_intervals() -> None:
    rates = fold_rates(printed_fold_counts())
    assert len(rates) == 3 * 5 * 3
    row = rates.query("network == 'resnet50v2-fpn' and fold == 1 and score == 'sensitivity'").iloc[0]
    assert (row["low"], row["high"]) == wilson_interval(436, 462) and row["value"] == 436 / 462


def test_differences_over_folds_are_tested_with_the_correction() -> None:
    counts = {"a": [Counts(9, 1, 8, 2), Counts(8, 2, 9, 1)], "b": [Counts(7, 3, 8, 2), Counts(7, 3, 8, 2)]}
    table = fold_differences(counts, 0.25, ("sensitivity",))
    assert table[["first", "second", "score"]].to_numpy().tolist() == [["a", "b", "sensitivity"]]
    expected = corrected_t([0.2, 0.1], 0.25)
    assert np.allclose(table.loc[0, ["difference", "low", "high", "p_value"]].astype(float), expected)
    assert len(fold_differences(printed_fold_counts(), 2.2)) == 9
