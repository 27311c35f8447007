"""covidlib.patients.threshold_sweep: patients right and wrong at every threshold."""

from __future__ import annotations

import pandas as pd
import pytest
from support.prediction_tables import made_predictions

from covidlib.patients.decision import decide_patients, patient_counts, table6
from covidlib.patients.threshold_sweep import (
    MARKED_THRESHOLDS,
    THRESHOLDS,
    by_threshold,
    sweep_thresholds,
    tune_threshold,
)
from covidlib.results.intervals import wilson_interval
from covidlib.results.scores import balanced_accuracy


def test_thresholds_run_from_one_slice_to_half_and_hold_the_marked_ones() -> None:
    assert THRESHOLDS[0] == 0 and THRESHOLDS[-1] == 0.5 and len(THRESHOLDS) == 51
    assert set(MARKED_THRESHOLDS) <= set(THRESHOLDS) and MARKED_THRESHOLDS == (0, 0.1, 0.3)


def test_the_sweep_counts_what_table_6_counts() -> None:
    predictions = pd.concat([made_predictions(seed=1), made_predictions(seed=2, network="xception")])
    swept = sweep_thresholds(predictions, (0, 0.1, 0.5))
    assert len(swept) == 6
    for threshold in (0, 0.1, 0.5):
        table = table6(decide_patients(predictions, threshold)).query("Fold != 'Avg'").groupby("Network").sum()
        for network in ("resnet50v2", "xception"):
            row = swept[(swept["network"] == network) & (swept["threshold"] == threshold)].iloc[0]
            printed = table.loc[network]
            assert row["true_covid"] == printed["COVID correct identified"]
            assert row["false_normal"] == printed["Wrong identified as normal"]
            assert row["true_normal"] == printed["Normal correct identified"]
            assert row["false_covid"] == printed["Wrong identified as COVID"]
            assert row["sensitivity"] == row["true_covid"] / 10
            ends = wilson_interval(row["true_normal"], 10)
            assert (row["specificity_low"], row["specificity_high"]) == ends


def test_a_higher_threshold_finds_fewer_and_alarms_less() -> None:
    swept = sweep_thresholds(made_predictions(patients=40, signal=0.3))
    assert swept["sensitivity"].is_monotonic_decreasing and swept["specificity"].is_monotonic_increasing
    assert swept["sensitivity"].nunique() > 2


def test_a_sweep_cut_by_threshold_says_the_same() -> None:
    swept = sweep_thresholds(made_predictions(patients=40, signal=0.3), (0, 0.3, 0.5))
    places = by_threshold(swept)
    assert list(places) == ["0%", "30%", "50%"]
    for (_, row), table in zip(swept.iterrows(), places.values(), strict=True):
        shown = table.loc[row["network"]]
        assert shown["infected found"] == f"{row['true_covid']} of {row['true_covid'] + row['false_normal']}"
        assert shown["false alarms"] == f"{row['false_covid']} of {row['false_covid'] + row['true_normal']}"
        assert float(shown["balanced accuracy"]) == round((row["sensitivity"] + row["specificity"]) / 2, 3)
    assert len({table.to_csv() for table in places.values()}) == 3


def test_one_class_leaves_a_rate_without_an_interval() -> None:
    predictions = made_predictions()
    swept = sweep_thresholds(predictions[predictions["label"] == "covid"], (0.1,))
    assert swept[["specificity", "specificity_low", "specificity_high"]].isna().all().all()
    assert swept["sensitivity"].notna().all()


def test_a_tuned_threshold_flatters_the_patients_that_chose_it() -> None:
    predictions = made_predictions(patients=60, signal=0.4)
    splits = tune_threshold(predictions, repeats=30)
    assert len(splits) == 30 and set(splits["threshold"]) <= set(THRESHOLDS)
    assert splits["tuned"].mean() > splits["honest"].mean() + 0.01
    # No split can do better on its own half than the best threshold there, which is what it took.
    for threshold in (0.1, 0.2, 0.4):
        fixed = tune_threshold(predictions, repeats=30, thresholds=(threshold,))
        assert (splits["tuned"] >= fixed["tuned"] - 1e-12).all()
    # With one threshold there is no choice: the two halves together are all patients.
    both = (fixed["tuned"] + fixed["honest"]) / 2
    whole = balanced_accuracy(patient_counts(decide_patients(predictions, 0.4)))
    assert both.to_numpy() == pytest.approx(whole)
