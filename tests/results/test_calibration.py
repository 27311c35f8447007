"""covidlib.results.calibration: reliability, its summaries, temperatures from validation patients only."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import brier_score_loss
from support.prediction_tables import made_predictions

from covidlib.errors import InputError
from covidlib.results.calibration import (
    bin_numbers,
    brier,
    calibrated,
    errors_before_and_after,
    expected_calibration_error,
    fit_temperature,
    reliability,
    scale_temperature,
)
from covidlib.results.intervals import on_all


def overconfident(patients: int, seed: int, first: int = 0, factor: float = 3.0) -> pd.DataFrame:
    """Slices that are infected with their own probability, which is then told too surely."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1, patients * 10)
    covid = rng.random(len(logits)) < 1 / (1 + np.exp(-logits))
    label = np.where(covid, "covid", "normal")
    names = [f"patient{first + index // 10}" for index in range(len(logits))]
    told = np.clip(1 / (1 + np.exp(-factor * logits)), 0, 1).round(6)
    return pd.DataFrame(
        {"network": "a", "fold": 1, "patient": names, "patient_label": label, "label": label, "p_covid": told}
    )


def test_bins_hold_equally_many_slices_and_never_split_equal_ones() -> None:
    assert np.bincount(bin_numbers(np.linspace(0, 1, 100), 10)).tolist() == [10] * 10
    assert len(set(bin_numbers(np.array([0.2] * 50 + [0.9] * 10), 5))) < 5
    # A network with dead heads.
    assert set(bin_numbers(np.full(9, 0.5), 3)) == {0}
    told = np.array([0.2, 0.2, 0.2, 0.4, 0.9, 0.9])
    number = bin_numbers(told, 4)
    assert len(set(number[:3])) == 1 and number[4] == number[5] and number[0] < number[5]


def test_reliability_table() -> None:
    predictions = made_predictions(patients=40)
    predictions.loc[0, "label"] = "unlabelled"
    table = reliability(predictions, bins=4, resamples=200)
    assert table["slices"].sum() == len(predictions) - 1 and table["bin"].tolist() == [0, 1, 2, 3]
    assert (table["patients"] <= table["slices"]).all() and table["p_covid"].is_monotonic_increasing
    called = predictions.iloc[1:].assign(bin=bin_numbers(predictions["p_covid"].iloc[1:], 4))
    expected = called.groupby("bin")["label"].agg(lambda labels: (labels == "covid").mean())
    assert table["share_covid"].tolist() == expected.tolist()
    assert (table["low"] <= table["share_covid"]).all() and (table["share_covid"] <= table["high"]).all()
    assert (table["high"] - table["low"]).max() > 0.05


def test_brier_against_scikit_learn() -> None:
    predictions = made_predictions()
    weights = np.random.default_rng(0).integers(1, 4, (3, len(predictions))).astype(float)
    truth = predictions["label"] == "covid"
    expected = [brier_score_loss(truth, predictions["p_covid"], sample_weight=own) for own in weights]
    assert brier(predictions, weights).tolist() == pytest.approx(expected)


def test_calibration_error_by_hand() -> None:
    rows = [("normal", 0.1), ("covid", 0.1), ("covid", 0.8), ("covid", 0.8)]
    predictions = pd.DataFrame(rows, columns=["label", "p_covid"])
    # Bins of probability 0.1 (half infected) and 0.8 (all infected).
    assert on_all(predictions, expected_calibration_error(2)) == pytest.approx(0.5 * 0.4 + 0.5 * 0.2)
    weights = np.array([[1.0, 1, 0, 0]])
    assert expected_calibration_error(2)(predictions, weights)[0] == pytest.approx(0.4)


def test_temperature_moves_probabilities_but_no_answer() -> None:
    told = np.array([0.0, 0.2, 0.5, 0.7, 1.0])
    warm, cold = scale_temperature(told, 2), scale_temperature(told, 0.5)
    assert ((warm > 0.5) == (told > 0.5)).all() and ((cold > 0.5) == (told > 0.5)).all()
    assert scale_temperature(told, 1)[1:4].tolist() == pytest.approx([0.2, 0.5, 0.7])
    assert warm[3] == pytest.approx(1 / (1 + (3 / 7) ** 0.5)) and cold[3] > 0.7 > warm[3]


def test_the_temperature_that_was_put_in_is_found_and_helps_on_other_patients() -> None:
    validation, test = overconfident(300, 1), overconfident(300, 2, first=1000)
    scaled, temperatures = calibrated(validation, test)
    assert temperatures["temperature"].item() == pytest.approx(3, rel=0.15)
    error = expected_calibration_error()
    assert on_all(scaled, error) < 0.3 * on_all(test, error) and on_all(scaled, brier) < on_all(test, brier)
    assert list(scaled.index) == list(test.index) and list(scaled.columns) == list(test.columns)


def test_every_trained_network_has_its_own_temperature() -> None:
    validation = pd.concat([overconfident(200, 1, factor=4), overconfident(200, 2, factor=1).assign(fold=2)])
    test = pd.concat([overconfident(20, 3, 5000), overconfident(20, 4, 5000).assign(fold=2)], ignore_index=True)
    scaled, temperatures = calibrated(validation, test.sample(frac=1, random_state=0))
    assert temperatures["temperature"].tolist() == pytest.approx([4, 1], rel=0.2)
    assert scaled.index.tolist() == test.sample(frac=1, random_state=0).index.tolist()


def test_rows_of_one_name_are_scaled_each_by_itself() -> None:
    validation, test = overconfident(60, 1), overconfident(60, 2, first=100)
    expected, _ = calibrated(validation, test)
    scaled, _ = calibrated(validation, test.set_axis([0] * len(test)))
    assert scaled["p_covid"].tolist() == expected["p_covid"].tolist()


def test_test_patients_are_refused_for_fitting() -> None:
    validation = overconfident(20, 1)
    with pytest.raises(InputError, match="a, fold 1: 1 patients are in both the validation and the test predictions"):
        calibrated(validation, overconfident(20, 2, first=19))
    with pytest.raises(InputError, match="no validation predictions"):
        calibrated(validation, overconfident(20, 2, first=100).assign(fold=3))
    # Another network may test whom this one validates.
    calibrated(
        pd.concat([validation, overconfident(20, 3, first=50).assign(fold=2)]),
        overconfident(20, 4).assign(fold=2),
    )


def test_no_temperature_without_errors_or_classes() -> None:
    perfect = pd.DataFrame({"label": ["covid", "normal"], "p_covid": [0.9, 0.2]})
    with pytest.raises(InputError, match="contain no error"):
        fit_temperature(perfect)
    with pytest.raises(InputError, match="only one class"):
        fit_temperature(perfect.iloc[:1])


def test_errors_before_and_after_are_those_of_each_network() -> None:
    validation = pd.concat([overconfident(200, 1), overconfident(200, 2).assign(network="b")])
    test = pd.concat([overconfident(200, 3, 5000), overconfident(200, 4, 5000).assign(network="b")], ignore_index=True)
    scaled, _ = calibrated(validation, test)
    table = errors_before_and_after(test, scaled)
    assert table.index.tolist() == ["a", "b"]
    own = test[test["network"] == "b"]
    assert table.loc["b", ("calibration error", "as trained")] == on_all(own, expected_calibration_error())
    assert (table["calibration error"]["scaled"] < table["calibration error"]["as trained"]).all()
    assert table.loc["a", ("Brier score", "scaled")] == on_all(scaled[scaled["network"] == "a"], brier)
