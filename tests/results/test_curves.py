"""covidlib.results.curves: ROC and precision-recall against scikit-learn, resamples against repeated rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from support.prediction_tables import made_predictions

from covidlib.results.curves import GRID, auc, ppv_at_sensitivity, precision_recall_band, roc_band, sensitivity_at
from covidlib.results.intervals import on_all
from covidlib.results.scores import mean_of_folds


def tied(patients: int = 24) -> pd.DataFrame:
    predictions = made_predictions(patients=patients)
    return predictions.assign(p_covid=predictions["p_covid"].round(1))


@pytest.mark.parametrize("predictions", [made_predictions(patients=24), tied()])
def test_area_against_scikit_learn_also_with_ties_and_weights(predictions: pd.DataFrame) -> None:
    truth, probability = predictions["label"] == "covid", predictions["p_covid"]
    weights = np.random.default_rng(3).integers(0, 4, (5, len(predictions))).astype(float)
    for own, area in zip(weights, auc(predictions, weights), strict=True):
        assert area == pytest.approx(roc_auc_score(truth, probability, sample_weight=own))


def test_no_area_without_both_classes() -> None:
    predictions = made_predictions(patients=4)
    weights = (predictions["label"] == "covid").to_numpy(float)[None]
    assert np.isnan(auc(predictions, weights)).all()


def test_the_grid_reads_off_what_some_cut_reaches() -> None:
    rows = [("covid", 0.9), ("normal", 0.8), ("covid", 0.7), ("normal", 0.1)]
    predictions = pd.DataFrame(rows, columns=["label", "p_covid"])
    assert on_all(predictions, sensitivity_at([0, 0.49, 0.5, 1])).tolist() == [0.5, 0.5, 1, 1]
    together = predictions.assign(p_covid=[0.9, 0.7, 0.7, 0.1])
    assert on_all(together, sensitivity_at([0, 0.49, 0.5])).tolist() == [0.5, 0.5, 1]
    assert on_all(predictions, ppv_at_sensitivity([0, 0.5, 0.51, 1])).round(3).tolist() == [1, 1, 0.667, 0.667]


def test_a_grid_point_that_equals_a_rate_but_for_rounding_counts_as_equal() -> None:
    rows = [("normal", 0.9)] * 3 + [("covid", 0.8)] + [("normal", 0.1)] * 7
    predictions = pd.DataFrame(rows, columns=["label", "p_covid"])
    assert on_all(predictions, sensitivity_at([0.1 + 0.2, np.nextafter(0.3, 0), 0.29])).tolist() == [1, 1, 0]


def test_bands_hold_their_curve_and_rise() -> None:
    predictions = made_predictions(patients=40)
    predictions.loc[6:8, "label"] = "unlabelled"
    labelled = predictions.drop(index=[6, 7, 8])
    band = roc_band(predictions, resamples=300)
    assert band["sensitivity"].tolist() == on_all(labelled, mean_of_folds(sensitivity_at(GRID))).tolist()
    assert list(band.columns) == ["false_positive_rate", "sensitivity", "low", "high"] and len(band) == 101
    assert (band["low"] <= band["sensitivity"]).all() and (band["sensitivity"] <= band["high"]).mean() > 0.95
    assert (band["sensitivity"].diff().dropna() >= 0).all() and band["sensitivity"].iloc[-1] == 1
    assert (band["high"] - band["low"]).max() > 0.1
    assert band.equals(roc_band(predictions, resamples=300))
    precision = precision_recall_band(predictions, resamples=300)
    assert precision["ppv"].tolist() == on_all(labelled, mean_of_folds(ppv_at_sensitivity(GRID))).tolist()
    assert list(precision.columns) == ["sensitivity", "ppv", "low", "high"]
    assert (precision["low"] <= precision["ppv"]).all() and (precision["ppv"] <= precision["high"]).all()
    # All slices called: PPV is the share of infected slices, about alike in each fold.
    assert precision["ppv"].iloc[-1] >= (labelled["label"] == "covid").mean() - 0.01


def test_folds_on_different_scales_are_not_ranked_together() -> None:
    """Two folds, each without an error, of which one gives all its slices higher probabilities."""
    one = made_predictions(patients=8, folds=1)
    one["p_covid"] = 0.1 + 0.1 * (one["label"] == "covid")
    two = one.assign(fold=2, patient=one["patient"] + "b", p_covid=one["p_covid"] + 0.5)
    both = pd.concat([one, two], ignore_index=True)
    assert on_all(both, auc) == 0.75 and on_all(both, mean_of_folds(auc)) == 1
    assert (roc_band(both, resamples=20)["sensitivity"] == 1).all()
