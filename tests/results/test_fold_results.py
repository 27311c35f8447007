"""covidlib.results.fold_results: the folds one by one, and networks against each other over them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support.prediction_tables import made_predictions

from covidlib.errors import InputError
from covidlib.patients.decision import THRESHOLD_1, THRESHOLD_2, decide_patients, patient_fold_counts, table6
from covidlib.results.fold_results import fold_counts, fold_differences, fold_rates, readable_differences
from covidlib.results.fold_sizes import FoldSizes, printed_sizes
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
    sizes = {"covid": FoldSizes(0.25, 4, 4), "normal": FoldSizes(0.5, 4, 4), "all": FoldSizes(0.4, 8, 8)}
    table = fold_differences(counts, sizes)
    assert table[["first", "second"]].to_numpy().tolist() == [["a", "b"]] * 3
    for score, values, ratio in (("sensitivity", [0.2, 0.1], 0.25), ("specificity", [0, 0.1], 0.5)):
        row = table.set_index("score").loc[score]
        expected = corrected_t(values, ratio)
        assert np.allclose(row[["difference", "low", "high", "p_value"]].astype(float), expected)
        assert row["ratio"] == ratio and row["no_test"] == ""
    assert table["first_better"].tolist() == [2, 1, 2] and table["second_better"].tolist() == [0, 0, 0]


def test_the_papers_sensitivities_differ_and_its_specificities_cannot_be_tested() -> None:
    table = fold_differences(printed_fold_counts(), printed_sizes()).set_index(["first", "second", "score"])
    # Computed by a referee with other code.
    expected = {"xception": (-0.031, -0.058, -0.003, 0.037), "resnet50v2": (-0.030, -0.079, 0.018, 0.159)}
    for baseline, numbers in expected.items():
        row = table.loc[("resnet50v2-fpn", baseline, "sensitivity")]
        found = row[["difference", "low", "high", "p_value"]].astype(float)
        assert tuple(found.round(3)) == numbers
    wins = table.loc[("resnet50v2-fpn", "xception", "sensitivity"), ["first_better", "second_better"]]
    assert wins.tolist() == [0, 5]
    for score in ("specificity", "balanced accuracy"):
        rows = table.xs(score, level="score")
        assert rows[["low", "high", "p_value"]].isna().all(axis=None)
        assert (rows["no_test"] == "the folds test the same patients").all() and rows["difference"].notna().all()


def test_a_fold_without_a_value_is_no_test() -> None:
    none_called = [Counts(0, 5, 5, 0), Counts(3, 2, 5, 0)]
    counts = {"a": none_called, "b": [Counts(4, 1, 4, 1), Counts(3, 2, 4, 1)]}
    sizes = dict.fromkeys(("covid", "normal", "all"), FoldSizes(0.25, 10, 10))
    row = fold_differences(counts, sizes, ("PPV",)).iloc[0]
    assert row["no_test"] == "undefined in 1 of 2 folds" and np.isnan(row["p_value"])


def test_differences_as_text_give_the_reason_where_there_is_no_test() -> None:
    text = readable_differences(fold_differences(printed_fold_counts(), printed_sizes()))
    assert not text.isin(["nan"]).any(axis=None)
    by_score = text.groupby("score")
    assert by_score.get_group("specificity")["interval"].str.startswith("no test: the folds test").all()
    row = text.query("first == 'resnet50v2-fpn' and second == 'xception' and score == 'sensitivity'").iloc[0]
    assert row["interval"] == "-0.058 to -0.003" and row["p"] == "0.037" and row["folds"] == "0 : 5"
    assert row["ratio"] == "0.25"
