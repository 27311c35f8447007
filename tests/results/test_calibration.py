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


def two_folds(patients: int, factors: tuple[float, float] = (3, 3)) -> pd.DataFrame:
    first = overconfident(patients, 1, factor=factors[0])
    second = overconfident(patients, 2, first=1000, factor=factors[1]).assign(fold=2)
    return pd.concat([first, second], ignore_index=True)


def test_the_temperature_that_was_put_in_is_found_and_helps_on_other_patients() -> None:
    test = two_folds(300)
    scaled, temperatures = calibrated(test)
    assert temperatures["temperature"].tolist() == pytest.approx([3, 3], rel=0.15)
    assert temperatures["patients"].tolist() == [300, 300] and (temperatures["problem"] == "").all()
    error = expected_calibration_error()
    assert on_all(scaled, error) < 0.3 * on_all(test, error) and on_all(scaled, brier) < on_all(test, brier)
    assert list(scaled.index) == list(test.index) and list(scaled.columns) == list(test.columns)


def test_a_fold_gets_the_temperature_of_the_others_and_never_of_its_own_patients() -> None:
    test = two_folds(200, factors=(4, 1))
    _, temperatures = calibrated(test.sample(frac=1, random_state=0))
    assert temperatures.set_index("fold")["temperature"].to_dict() == pytest.approx({1: 1, 2: 4}, rel=0.2)
    # Changing a fold's own answers changes no temperature of its own.
    changed = test.assign(p_covid=test["p_covid"].where(test["fold"] == 2, 1 - test["p_covid"]))
    assert calibrated(changed)[1]["temperature"].iloc[0] == calibrated(test)[1]["temperature"].iloc[0]
    # Nor do patients who are tested in both folds.
    both = test.assign(patient=test["patient"].where(test["fold"] == 1, test["patient"].iloc[0]))
    again = calibrated(both)[1].set_index("fold")
    assert again.loc[1, "patients"] == 0 and again.loc[1, "problem"] == "contain only one class"


def test_rows_of_one_name_are_scaled_each_by_itself() -> None:
    test = two_folds(60)
    expected, _ = calibrated(test)
    scaled, _ = calibrated(test.set_axis([0] * len(test)))
    assert scaled["p_covid"].tolist() == expected["p_covid"].tolist()


def test_where_no_temperature_can_be_fitted_nothing_is_scaled_and_the_reason_is_said() -> None:
    test = two_folds(60)
    useless = test["fold"] == 1
    rng = np.random.default_rng(0)
    test.loc[useless, "p_covid"] = np.where(rng.random(useless.sum()) < 0.5, 0.999, 0.001)
    scaled, temperatures = calibrated(test)
    row = temperatures.set_index("fold").loc[2]
    assert np.isnan(row["temperature"]) and row["problem"].startswith("say nothing about the class")
    assert scaled.loc[~useless, "p_covid"].equals(test.loc[~useless, "p_covid"])
    perfect = test.assign(p_covid=np.where(test["label"] == "covid", 0.9, 0.2))
    assert calibrated(perfect)[1]["problem"].str.startswith("contain no error").all()


def test_no_temperature_without_errors_or_classes() -> None:
    perfect = pd.DataFrame({"label": ["covid", "normal"], "p_covid": [0.9, 0.2]})
    with pytest.raises(InputError, match="contain no error"):
        fit_temperature(perfect)
    with pytest.raises(InputError, match="only one class"):
        fit_temperature(perfect.iloc[:1])


def test_errors_before_and_after_are_those_of_each_network() -> None:
    test = pd.concat([two_folds(200), two_folds(200).assign(network="b")], ignore_index=True)
    scaled, _ = calibrated(test)
    table = errors_before_and_after(test, scaled)
    assert table.index.tolist() == ["a", "b"]
    own = test[test["network"] == "b"]
    assert table.loc["b", ("calibration error", "as trained")] == on_all(own, expected_calibration_error())
    assert (table["calibration error"]["scaled"] < table["calibration error"]["as trained"]).all()
    assert table.loc["a", ("Brier score", "scaled")] == on_all(scaled[scaled["network"] == "a"], brier)
