"""covidlib.results.scores: what Table 9 lacks, against scikit-learn and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, matthews_corrcoef
from support.prediction_tables import made_predictions

from covidlib.results.metrics import Counts, confusion_counts
from covidlib.results.scores import (
    SCORES,
    all_scores,
    frequencies,
    matthews,
    negative_likelihood_ratio,
    npv,
    npv_at,
    of_counts,
    positive_likelihood_ratio,
    ppv,
    ppv_at,
    predictive_values,
    weighted_counts,
)

COUNTS = Counts(true_covid=90, false_normal=10, true_normal=160, false_covid=40)


def test_scores_against_scikit_learn() -> None:
    predictions = made_predictions(patients=30)
    truth, called = predictions["label"] == "covid", predictions["p_covid"] > 0.5
    found = all_scores(confusion_counts(predictions["label"], predictions["p_covid"]))
    assert found["balanced accuracy"] == pytest.approx(balanced_accuracy_score(truth, called))
    assert found["MCC"] == pytest.approx(matthews_corrcoef(truth, called))
    assert found["F1"] == pytest.approx(f1_score(truth, called))


def test_scores_by_hand() -> None:
    found = all_scores(COUNTS)
    assert found["sensitivity"] == 0.9 and found["specificity"] == 0.8
    assert found["accuracy"] == pytest.approx(250 / 300) and found["balanced accuracy"] == pytest.approx(0.85)
    assert found["PPV"] == pytest.approx(90 / 130) and found["NPV"] == pytest.approx(160 / 170)
    assert positive_likelihood_ratio(COUNTS) == pytest.approx(4.5)
    assert negative_likelihood_ratio(COUNTS) == pytest.approx(0.125)


def test_ppv_and_npv_at_the_prevalence_of_the_data_are_those_of_the_data() -> None:
    assert ppv_at(COUNTS, 100 / 300) == pytest.approx(ppv(COUNTS))
    assert npv_at(COUNTS, 100 / 300) == pytest.approx(npv(COUNTS))
    assert ppv_at(COUNTS, 0.01) == pytest.approx(0.009 / (0.009 + 0.198))
    assert npv_at(COUNTS, 0.01) == pytest.approx(0.792 / (0.792 + 0.001))
    assert ppv_at(COUNTS, 0) == 0 and npv_at(COUNTS, 1) == 0
    for function in (ppv_at, npv_at):
        with pytest.raises(ValueError, match="not 1.5"):
            function(COUNTS, 1.5)


def test_odds_before_and_after_follow_the_likelihood_ratio() -> None:
    before, after = 0.05 / 0.95, ppv_at(COUNTS, 0.05) / (1 - ppv_at(COUNTS, 0.05))
    assert after / before == pytest.approx(positive_likelihood_ratio(COUNTS))


def test_an_empty_denominator_gives_no_number() -> None:
    nothing_called = Counts(0, 5, 5, 0)
    assert math.isnan(ppv(nothing_called)) and math.isnan(matthews(nothing_called))
    assert math.isnan(positive_likelihood_ratio(nothing_called))
    assert npv(nothing_called) == 0.5


def test_pooled_counts_of_the_paper_stay_exact() -> None:
    large = Counts(2167 * 10**6, 115 * 10**6, 38751 * 10**6, 511 * 10**6)
    assert matthews(large) == pytest.approx(matthews(Counts(2167, 115, 38751, 511)))


def test_weights_count_slices_as_often_as_they_were_drawn() -> None:
    predictions = made_predictions(patients=12)
    predictions.loc[0, "label"] = "unlabelled"
    weights = np.random.default_rng(0).integers(0, 3, (4, len(predictions))).astype(float)
    arrays = weighted_counts(predictions, weights)
    for row, own in enumerate(weights):
        repeated = predictions.loc[np.repeat(predictions.index, own.astype(int))].query("label != 'unlabelled'")
        expected = confusion_counts(repeated["label"], repeated["p_covid"])
        assert {name: values[row] for name, values in vars(arrays).items()} == vars(expected)
        for score in SCORES.values():
            assert of_counts(score)(predictions, weights)[row] == pytest.approx(score(expected), nan_ok=True)


def test_a_missing_probability_is_not_called_normal() -> None:
    predictions = made_predictions()
    predictions.loc[3, "p_covid"] = float("nan")
    with pytest.raises(ValueError, match="a probability is missing"):
        weighted_counts(predictions, np.ones((1, len(predictions))))


def test_frequencies_are_slices_and_add_up() -> None:
    counts = {"one": Counts(true_covid=90, false_normal=10, true_normal=950, false_covid=50)}
    row = frequencies(counts, 0.02, 10_000).loc["one"]
    # 200 infected at a sensitivity of 0.9, 9800 normal at a specificity of 0.95.
    expected = {"found": 180, "missed": 20, "false alarms": 490, "PPV": f"{180 / 670:.2f}", "right": "94.9%"}
    assert row.to_dict() == expected
    # Who calls everybody normal raises no alarm, and is right about all who are.
    silent = frequencies({"silent": Counts(0, 1, 1, 0)}, 0.02, 10_000).loc["silent"]
    assert silent.to_dict() == {"found": 0, "missed": 200, "false alarms": 0, "PPV": "–", "right": "98.0%"}
    for infected in (10, 500, 5000):
        own = Counts(88, 7, 1081, 47)
        shown = frequencies({"one": own}, infected / 10_000).loc["one"]
        assert shown["found"] + shown["missed"] == infected
        assert float(shown["PPV"]) == pytest.approx(ppv_at(own, infected / 10_000), abs=0.0051)
        right = 1 - (shown["missed"] + shown["false alarms"]) / 10_000
        assert float(shown["right"].rstrip("%")) == pytest.approx(100 * right, abs=0.051)
    with pytest.raises(ValueError):
        frequencies(counts, 1.2)


def test_predictive_values_side_by_side() -> None:
    counts = {"a": Counts(9, 1, 8, 2), "b": Counts(7, 3, 10, 0)}
    table = predictive_values(counts, (0.01, 0.5))
    assert table.loc[0.5, ("PPV", "a")] == pytest.approx(0.9 / (0.9 + 0.2))
    assert table.loc[0.5, ("NPV", "a")] == pytest.approx(0.8 / (0.8 + 0.1))
    assert table.loc[0.01, ("PPV", "b")] == 1 and table.shape == (2, 4)
