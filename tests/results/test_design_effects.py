"""covidlib.results.design_effects: intraclass correlation, and patients' decisions from slices that err together."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, f_oneway

from covidlib.patients.decision import decide
from covidlib.patients.false_alarms import chances_by_clustering, implied_icc, infected_chance
from covidlib.results.design_effects import clustering, copies_effect


def test_slices_that_err_together_are_worth_one() -> None:
    errors = np.repeat([1, 0, 0, 1, 0], 4)
    found = clustering(errors, np.repeat(list("abcde"), 4))
    assert (found.patients, found.slices, found.icc) == (5, 20, 1)
    assert found.design_effect == 4 and found.effective_slices == 5


def test_the_correlation_is_that_of_the_analysis_of_variance() -> None:
    rng = np.random.default_rng(0)
    errors = (rng.random((30, 6)) < rng.beta(1, 3, 30)[:, None]).astype(float)
    # With groups of one size, F = (1 + (m − 1) icc) / (1 − icc).
    f = f_oneway(*errors).statistic
    expected = (f - 1) / (f + 5)
    found = clustering(errors.ravel(), np.repeat(np.arange(30), 6))
    assert found.icc == pytest.approx(expected) and found.design_effect == pytest.approx(1 + 5 * expected)


def test_unequal_patients_weigh_by_their_slices() -> None:
    names = ["a"] * 8 + ["b"] * 2 + ["c"] * 2
    found = clustering([1] * 8 + [0] * 4, names)
    assert found.icc == pytest.approx(1) and found.design_effect == pytest.approx((64 + 4 + 4) / 12)
    shuffled = np.random.default_rng(1).permutation(12)
    assert clustering(np.array([1] * 8 + [0] * 4)[shuffled], np.array(names)[shuffled]) == pytest.approx(
        found, nan_ok=True
    )


def test_independent_slices_and_no_errors_have_no_correlation() -> None:
    rng = np.random.default_rng(2)
    found = clustering(rng.random(20000) < 0.1, rng.integers(0, 400, 20000))
    assert found.icc < 0.01 and found.effective_slices > 10000
    assert clustering([0, 0, 0, 0], list("aabb")).icc == 0
    # Slices that alternate within every patient: below chance, reported as 0.
    assert clustering([0, 1] * 4, list("aabbccdd")).icc == 0


def test_correlation_needs_patients_with_slices() -> None:
    for errors, patients in (([0, 1], ["a", "b"]), ([0, 1], ["a", "a"])):
        with pytest.raises(ValueError, match="two patients"):
            clustering(errors, patients)
    with pytest.raises(ValueError, match="errors for"):
        clustering([0, 1], ["a"])


def test_independent_slices_are_binomial_and_the_beta_binomial_nears_them() -> None:
    assert infected_chance(0.01, 33) == pytest.approx(1 - 0.99**33)
    assert infected_chance(0.2, 30, 0.1) == pytest.approx(binom.sf(2, 30, 0.2))
    assert infected_chance(0.2, 30, 0.1, 1e-6) == pytest.approx(infected_chance(0.2, 30, 0.1), abs=1e-4)
    assert infected_chance(0.2, 30, 0.1, 1) == 0.2
    assert infected_chance(0.2, 30, 0.1, 1 - 1e-9) == pytest.approx(0.2, abs=1e-6)
    assert infected_chance(0, 30) == 0 and infected_chance(1, 30, 0.3) == 1
    for rate, icc in ((1.2, 0.1), (0.1, -0.1)):
        with pytest.raises(ValueError, match="must be between 0 and 1"):
            infected_chance(rate, 30, 0.1, icc)


def test_the_model_against_patients_that_are_drawn() -> None:
    rng = np.random.default_rng(4)
    rate, icc, selected, threshold = 0.05, 0.3, 25, 0.1
    strength = (1 - icc) / icc
    own = rng.beta(rate * strength, (1 - rate) * strength, 40000)
    slices = rng.random((40000, selected)) < own[:, None]
    called = [decide(int(count), selected, threshold) == "infected" for count in slices.sum(axis=1)]
    assert infected_chance(rate, selected, threshold, icc) == pytest.approx(np.mean(called), abs=0.005)
    drawn = clustering(slices[:2000].ravel(), np.repeat(np.arange(2000), selected))
    assert drawn.icc == pytest.approx(icc, abs=0.04)


def test_the_table_of_chances() -> None:
    table = chances_by_clustering(0.02, 40, (0, 0.1), (0, 0.5, 1))
    assert table.loc[0.5, 0.1] == infected_chance(0.02, 40, 0.1, 0.5) and table.loc[1, 0] == 0.02
    assert table[0].is_monotonic_decreasing and isinstance(table, pd.DataFrame)


def test_the_clustering_that_explains_a_patient_rate() -> None:
    for icc in (0.05, 0.4, 0.9):
        rate = infected_chance(0.02, 33, 0, icc)
        assert implied_icc(rate, 0.02, 33) == pytest.approx(icc, abs=1e-6)
    assert math.isnan(implied_icc(0.01, 0.02, 33)) and math.isnan(implied_icc(0.9, 0.02, 33))
    assert implied_icc(infected_chance(0.02, 33), 0.02, 33) == pytest.approx(0, abs=1e-9)


def test_copies_cost_as_if_they_were_clusters_of_two() -> None:
    assert copies_effect(100, 100) == 1 and copies_effect(100, 50) == 2
    # Kish by hand: 4 singles, 3 pairs; the sum of squared sizes over the sum of sizes.
    assert copies_effect(10, 7) == pytest.approx((4 * 1 + 3 * 4) / 10)
    # The same as a correlation of 1 in clusters of these sizes.
    patients = ["a", "a", "b", "b", "c", "c", "d", "e", "f", "g"]
    errors = [True, True, False, False, False, False, True, False, True, False]
    assert clustering(np.array(errors), np.array(patients)).design_effect == pytest.approx(copies_effect(10, 7))
    for images, unique in ((5, 6), (7, 3), (0, 0)):
        with pytest.raises(ValueError, match="more than twice"):
            copies_effect(images, unique)


def folds_of_networks(level: tuple[float, ...], patients: int = 40, slices: int = 10) -> tuple[np.ndarray, ...]:
    """Independent errors; each fold's network errs at a rate of its own."""
    rng = np.random.default_rng(3)
    fold = np.repeat(np.arange(len(level)), patients * slices)
    patient = np.repeat(np.arange(len(level) * patients), slices)
    return rng.random(len(fold)) < np.array(level)[fold], patient, fold


def test_networks_that_differ_between_folds_are_no_clustering_of_patients() -> None:
    errors, patients, folds = folds_of_networks((0.02, 0.1, 0.3, 0.6, 0.9))
    pooled, within = clustering(errors, patients), clustering(errors, patients, folds)
    assert pooled.icc > 0.4 and pooled.design_effect > 4.5
    assert within.icc == pytest.approx(0, abs=0.01) and within.design_effect < 1.1
    # The variance between folds over the whole: 0.11 of 0.11 + 0.13, with the sample's variance of five rates.
    rates = np.array((0.02, 0.1, 0.3, 0.6, 0.9))
    between = rates.var(ddof=1)
    assert within.fold_part == pytest.approx(between / (between + (rates * (1 - rates)).mean()), abs=0.03)
    assert math.isnan(pooled.fold_part)


def test_nested_components_are_those_of_a_balanced_table() -> None:
    # Searle's balanced case, by hand: two folds, two patients each, two slices each.
    errors = np.array([1, 1, 1, 0, 0, 0, 1, 0], float)
    patients, folds = np.repeat(range(4), 2), np.repeat(range(2), 4)
    inside = (0 + 0.5 + 0 + 0.5) / 4
    between = 2 * ((1 - 0.75) ** 2 + (0.5 - 0.75) ** 2 + (0 - 0.25) ** 2 + (0.5 - 0.25) ** 2) / 2
    across = 4 * ((0.75 - 0.5) ** 2 + (0.25 - 0.5) ** 2) / 1
    of_patients = max(0, (between - inside) / 2)
    of_folds = (across - inside - 2 * of_patients) / 4
    found = clustering(errors, patients, folds)
    assert found.icc == pytest.approx(of_patients / (of_patients + inside))
    assert found.fold_part == pytest.approx(of_folds / (of_folds + of_patients + inside))


def test_a_patient_in_two_folds_is_two_and_folds_of_one_patient_are_refused() -> None:
    errors, names = np.array([True, False] * 6), np.repeat(["a", "b", "c"], 4)
    assert clustering(errors, names, np.tile([0, 0, 1, 1], 3)).patients == 6
    with pytest.raises(ValueError, match="two patients in a fold"):
        clustering(errors, names, np.repeat([0, 1, 2], 4))
    with pytest.raises(ValueError, match="12 folds|folds"):
        clustering(errors, names, np.array([0, 1]))
