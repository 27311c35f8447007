"""covidlib.results.intervals: Wilson, patients drawn again, and differences over folds."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp
from support.prediction_tables import made_predictions

from covidlib.results.intervals import (
    Interval,
    bootstrap,
    bootstrap_interval,
    corrected_t,
    on_all,
    percentile_ends,
    wilson_interval,
)
from covidlib.results.scores import mean_of_folds, of_counts, sensitivity, specificity


def share_called(predictions: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
    return weights @ (predictions["p_covid"] > 0.5).to_numpy(float) / weights.sum(axis=1)


def test_wilson_interval_against_the_formula_and_at_the_ends() -> None:
    z, n, p = 1.959963984540054, 459, 442 / 459
    middle, reach = p + z**2 / (2 * n), z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    expected = tuple((middle + sign * reach) / (1 + z**2 / n) for sign in (-1, 1))
    assert wilson_interval(442, 459) == pytest.approx(expected, abs=1e-12)
    assert wilson_interval(0, 5)[0] == 0 and wilson_interval(5, 5)[1] == 1
    # As printed by R's binom.confint(9, 10, methods = "wilson").
    assert [round(end, 4) for end in wilson_interval(9, 10)] == [0.5958, 0.9821]
    low, high = wilson_interval(442, 459, confidence=0.5)
    assert expected[0] < low < p < high < expected[1]


def test_a_design_effect_makes_trials_fewer() -> None:
    assert wilson_interval(90, 100, design_effect=4) == pytest.approx(wilson_interval(22.5, 25))
    with pytest.raises(ValueError, match="design effect of 0.5"):
        wilson_interval(1, 2, design_effect=0.5)
    with pytest.raises(ValueError, match="3 successes of 2"):
        wilson_interval(3, 2)
    with pytest.raises(ValueError, match="no trials"):
        wilson_interval(0, 0)


def test_every_resample_holds_as_many_patients_of_each_class_with_all_their_slices() -> None:
    predictions = made_predictions(patients=10, slices=4, folds=1)
    seen: list[np.ndarray] = []

    def watch(table: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
        seen.append(weights)
        return weights[:, 0]

    assert bootstrap(predictions, watch, resamples=50).shape == (50,)
    weights = np.concatenate(seen)
    covid = (predictions["label"] == "covid").to_numpy()
    assert (weights[:, covid].sum(axis=1) == 20).all() and (weights[:, ~covid].sum(axis=1) == 20).all()
    by_patient = weights.reshape(50, 10, 4)
    assert (by_patient == by_patient[:, :, :1]).all()
    assert len(np.unique(by_patient[:, :, 0], axis=0)) > 40
    # Four of five patients are drawn, each worth 5/4.
    assert set(np.unique(by_patient)) <= {drawn * 5 / 4 for drawn in range(5)}


def test_within_folds_each_fold_keeps_its_number_of_patients() -> None:
    predictions = made_predictions(patients=20, folds=5)
    fold = predictions["fold"].to_numpy()

    def sizes(table: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
        return np.stack([weights[:, fold == one].sum(axis=1) for one in range(1, 6)], axis=1)

    assert np.allclose(bootstrap(predictions, sizes, within=("fold",), resamples=30), 24)
    assert np.allclose(bootstrap(predictions, sizes, resamples=30), 24)
    assert not np.allclose(bootstrap(predictions, sizes, within=("patient_label",), resamples=30), 24)
    assert np.allclose(bootstrap(predictions, sizes, within=(), resamples=30).sum(axis=1), 120)


def test_networks_that_differ_between_folds_do_not_widen_an_interval_over_patients() -> None:
    # Each fold's network calls a share of its own, and every patient in a fold is the same.
    rng = np.random.default_rng(0)
    predictions = made_predictions(patients=400, slices=5)
    level = predictions["fold"].map(dict(zip(range(1, 6), (0.1, 0.3, 0.5, 0.7, 0.9), strict=True)))
    predictions["p_covid"] = (rng.random(len(predictions)) < level).astype(float)
    covid = predictions[predictions["label"] == "covid"]
    within, pooled = (
        bootstrap(covid, share_called, one).std() for one in (("fold", "patient_label"), ("patient_label",))
    )
    binomial = math.sqrt(np.mean([p * (1 - p) for p in (0.1, 0.3, 0.5, 0.7, 0.9)]) / len(covid))
    assert bootstrap(covid, share_called).std() == within
    assert within == pytest.approx(binomial, rel=0.15) and pooled > 1.4 * binomial


def test_a_patient_tested_in_several_folds_is_drawn_once_for_all_of_them() -> None:
    predictions = made_predictions(patients=40, folds=2)
    both = predictions.assign(fold=1), predictions.assign(fold=2)
    twice = pd.concat(both, ignore_index=True)
    seen: list[np.ndarray] = []

    def watch(table: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
        seen.append(weights)
        return weights[:, 0]

    bootstrap(twice, watch, resamples=20)
    halves = np.concatenate(seen).reshape(20, 2, -1)
    assert (halves[:, 0] == halves[:, 1]).all() and halves.std() > 0


def test_patients_who_are_alone_in_their_folds_share_a_stratum() -> None:
    predictions = made_predictions(patients=10, folds=5)
    assert bootstrap(predictions, share_called, resamples=50).std() > 0
    # Three infected patients, two of them in one fold: the third joins them.
    few = made_predictions(patients=6, folds=5)
    few["fold"] = few["patient"].map({"patient1": 1, "patient3": 1, "patient5": 2}).fillna(1)
    covid = few[few["label"] == "covid"].assign(p_covid=lambda rows: (rows["patient"] == "patient5") * 1.0)
    assert bootstrap(covid, share_called, resamples=50).std() > 0


def test_few_patients_in_a_stratum_have_the_variance_of_the_textbook() -> None:
    predictions = made_predictions(patients=4, slices=6, folds=1, signal=0.3)
    covid = predictions[predictions["label"] == "covid"]
    means = covid.assign(called=covid["p_covid"] > 0.5).groupby("patient")["called"].mean()
    assert means.nunique() == 2
    drawn = bootstrap(covid, share_called, resamples=20_000)
    assert drawn.std() == pytest.approx(means.std(ddof=1) / math.sqrt(2), rel=0.03)


def test_the_same_seed_draws_the_same_and_portions_are_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    predictions = made_predictions()
    first = bootstrap(predictions, share_called, resamples=300, seed=5)
    assert (first == bootstrap(predictions, share_called, resamples=300, seed=5)).all()
    assert not (first == bootstrap(predictions, share_called, resamples=300, seed=6)).all()
    monkeypatch.setattr("covidlib.results.intervals.ELEMENTS_AT_ONCE", 7 * len(predictions))
    assert bootstrap(predictions, share_called, resamples=300).shape == (300,)


def test_spread_over_patients_is_that_of_patient_means() -> None:
    # One class, all patients of one size: the mean over slices is the mean of patient means.
    predictions = made_predictions(patients=60, slices=5, signal=0.2, folds=1)
    covid = predictions[predictions["label"] == "covid"]
    drawn = bootstrap(covid, share_called, resamples=4000)
    means = covid.assign(called=covid["p_covid"] > 0.5).groupby("patient")["called"].mean()
    assert drawn.std() == pytest.approx(means.std(ddof=1) / math.sqrt(len(means)), rel=0.05)
    naive = bootstrap(covid, share_called, unit="slice", resamples=4000)
    share = float(means.mean())
    assert naive.std() == pytest.approx(math.sqrt(share * (1 - share) / len(covid)), rel=0.05)
    assert drawn.std() > 1.5 * naive.std()


def test_an_interval_holds_its_estimate_and_prints() -> None:
    interval = bootstrap_interval(made_predictions(), of_counts(sensitivity), resamples=500)
    assert interval.low < interval.value < interval.high
    narrower = bootstrap_interval(made_predictions(), of_counts(sensitivity), resamples=500, confidence=0.5)
    assert interval.low < narrower.low < narrower.high < interval.high
    assert str(Interval(0.5, 0.25, 0.75)) == "0.500 (0.250 to 0.750)"


def test_one_patient_never_varies_and_nothing_is_refused() -> None:
    alone = made_predictions(patients=2)
    interval = bootstrap_interval(alone, of_counts(specificity), resamples=20)
    assert interval.low == interval.value == interval.high
    with pytest.raises(ValueError, match="0 predictions"):
        bootstrap(alone.iloc[:0], share_called)
    with pytest.raises(ValueError, match="0 resamples"):
        bootstrap(alone, share_called, resamples=0)


def test_the_mean_of_folds_is_not_the_pooled_value() -> None:
    predictions = made_predictions(patients=24, folds=5)
    mean = on_all(predictions, mean_of_folds(of_counts(sensitivity)))
    by_fold = [on_all(fold, of_counts(sensitivity)) for _, fold in predictions.groupby("fold")]
    assert mean == pytest.approx(np.mean(by_fold)) and mean != on_all(predictions, of_counts(sensitivity))
    drawn = bootstrap(predictions, mean_of_folds(of_counts(sensitivity)), ("fold", "patient_label"), resamples=40)
    assert drawn.shape == (40,) and not np.isnan(drawn).any()


def test_undefined_resamples_are_passed_over() -> None:
    low, high = percentile_ends(np.array([np.nan, *np.linspace(0, 1, 101)]))
    assert (low, high) == pytest.approx((0.025, 0.975))
    low, high = percentile_ends(np.array([[np.nan, 1.0], [np.nan, 3.0]]), confidence=0.5)
    assert np.isnan([low[0], high[0]]).all() and (low[1], high[1]) == (1.5, 2.5)
    assert np.isnan(percentile_ends(np.full(3, np.nan))).all()


def test_corrected_t_is_the_ordinary_one_with_a_larger_variance() -> None:
    differences = [0.02, -0.01, 0.03, 0.01, 0.015]
    corrected = corrected_t(differences, test_to_train=0.25)
    ordinary = ttest_1samp(differences, 0)
    widening = math.sqrt((1 / 5 + 0.25) / (1 / 5))
    assert corrected.difference == pytest.approx(0.013)
    ends = ordinary.confidence_interval()
    assert corrected.high - corrected.low == pytest.approx(widening * (ends.high - ends.low))
    assert corrected.difference - corrected.low == pytest.approx(corrected.high - corrected.difference)
    assert corrected.p_value > ordinary.pvalue
    assert corrected_t(differences, 1e-12).p_value == pytest.approx(ordinary.pvalue)
    assert corrected_t(differences, 2.2).p_value > corrected.p_value


def test_corrected_t_where_nothing_varies_and_where_it_cannot_be() -> None:
    assert corrected_t([0.0, 0.0], 0.25).p_value == 1 and corrected_t([0.5, 0.5], 0.25).p_value == 0
    for differences, ratio in (([0.1], 0.25), ([0.1, 0.2], 0.0)):
        with pytest.raises(ValueError, match="give two folds and a ratio above 0"):
            corrected_t(differences, ratio)
