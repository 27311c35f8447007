"""covidlib.results.network_pairs: McNemar from predictions, and its bounds from marginal counts."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, chi2
from support.prediction_tables import made_predictions

from covidlib.errors import InputError
from covidlib.results.design_effects import clustering
from covidlib.results.intervals import on_all
from covidlib.results.network_pairs import (
    clustered_mcnemar,
    compare_slices,
    difference_interval,
    mcnemar_bounds,
    mcnemar_p,
    pair_bounds,
    same_slices,
    tolerated_design_effect,
)
from covidlib.results.printed_counts import printed_fold_counts, printed_patient_counts
from covidlib.results.scores import of_counts, sensitivity


def test_mcnemar_is_the_toss_of_a_coin() -> None:
    for first, second in product(range(8), repeat=2):
        expected = binomtest(first, first + second).pvalue if first + second else 1.0
        assert mcnemar_p(first, second) == pytest.approx(expected)
    with pytest.raises(ValueError, match="-1"):
        mcnemar_p(-1, 3)


def test_bounds_against_every_possible_overlap() -> None:
    for n in range(1, 9):
        for first, second in product(range(n + 1), repeat=2):
            overlaps = range(max(0, first + second - n), min(first, second) + 1)
            possible = [mcnemar_p(first - both, second - both) for both in overlaps]
            bounds = mcnemar_bounds(first, second, n)
            assert (bounds.both_wrong_least, bounds.both_wrong_most) == (overlaps[0], overlaps[-1])
            assert (bounds.p_smallest, bounds.p_largest) == pytest.approx((min(possible), max(possible)))


def test_bounds_over_folds_against_every_possible_overlap_of_each() -> None:
    first, second, totals = [3, 0, 5], [1, 2, 6], [4, 3, 7]
    overlaps = [range(max(0, a + b - n), min(a, b) + 1) for a, b, n in zip(first, second, totals, strict=True)]
    possible = [mcnemar_p(8 - sum(both), 9 - sum(both)) for both in product(*overlaps)]
    bounds = mcnemar_bounds(first, second, totals)
    assert (bounds.p_smallest, bounds.p_largest) == pytest.approx((min(possible), max(possible)))
    # Knowing the folds can only narrow the bounds.
    pooled = mcnemar_bounds(8, 9, 14)
    assert pooled.both_wrong_least <= bounds.both_wrong_least <= bounds.both_wrong_most <= pooled.both_wrong_most
    assert pooled.both_wrong_most > bounds.both_wrong_most
    with pytest.raises(ValueError, match="errors"):
        mcnemar_bounds(5, 1, 4)


def test_two_networks_on_the_same_slices() -> None:
    first = made_predictions(patients=12, seed=1)
    # The same slices in another order.
    second = made_predictions(patients=12, seed=2).sample(frac=1, random_state=0)
    table = compare_slices(first, second)
    joined = first.merge(second, on=["fold", "path"])
    wrong = [(joined[f"p_covid_{side}"] > 0.5) != (joined["label_x"] == "covid") for side in ("x", "y")]
    row = table.loc["all"]
    assert row["only_first_wrong"] == (wrong[0] & ~wrong[1]).sum()
    assert row["only_second_wrong"] == (wrong[1] & ~wrong[0]).sum()
    assert row["both_wrong"] == (wrong[0] & wrong[1]).sum() and row["both_right"] == (~wrong[0] & ~wrong[1]).sum()
    counts = ["n", "both_right", "only_first_wrong", "only_second_wrong", "both_wrong"]
    assert (table.loc["covid", counts] + table.loc["normal", counts] == table.loc["all", counts]).all()
    assert row["p_if_independent"] == mcnemar_p(row["only_first_wrong"], row["only_second_wrong"])
    first_wrong = int(row["only_first_wrong"] + row["both_wrong"])
    second_wrong = int(row["only_second_wrong"] + row["both_wrong"])
    bounds = mcnemar_bounds(first_wrong, second_wrong, int(row["n"]))
    assert bounds.p_smallest <= row["p_if_independent"] <= bounds.p_largest
    alone = wrong[0].astype(int) - wrong[1].astype(int)
    by_patient = alone.groupby(joined["patient_x"]).sum()
    squared = 11 / 12 * by_patient.sum() ** 2 / (by_patient**2).sum()
    assert row["p_value"] == pytest.approx(chi2.sf(squared, 1)) and row["patients"] == 12


def test_slices_that_do_not_match_are_refused() -> None:
    first, second = made_predictions(seed=1), made_predictions(seed=2)
    with pytest.raises(InputError, match="predicted by one network only"):
        same_slices(first, second.iloc[1:])
    with pytest.raises(InputError, match="predicted twice in fold"):
        same_slices(first, pd.concat([second, second.iloc[:1]]))
    other = second.assign(label=second["label"].where(second.index > 0, "covid"))
    with pytest.raises(InputError, match="two labels"):
        same_slices(first, other)


def test_a_slice_that_is_tested_in_two_folds_is_compared_in_each() -> None:
    first, second = made_predictions(seed=1), made_predictions(seed=2)
    twice = [pd.concat([one, one.assign(fold=one["fold"] + 5)]) for one in (first, second)]
    assert compare_slices(*twice).loc["all", "n"] == 2 * len(first)


def test_a_difference_is_taken_on_the_same_patients() -> None:
    first = made_predictions(patients=40, seed=1)
    # Nearly the same network: what is hard for one is hard for the other.
    second = first.assign(p_covid=(first["p_covid"] - 0.05).clip(0)).sample(frac=1, random_state=1)
    metric = of_counts(sensitivity)
    interval = difference_interval(first, second, metric, resamples=400)
    assert interval.value == pytest.approx(on_all(first, metric) - on_all(second, metric))
    assert 0 <= interval.low <= interval.value <= interval.high < 0.3
    same = difference_interval(first, first, metric, resamples=50)
    assert same == (0, 0, 0)
    turned = difference_interval(second, first, metric, resamples=400)
    assert turned.value == -interval.value


def test_the_design_effect_that_a_difference_survives() -> None:
    effect = tolerated_design_effect(46, 115)
    assert (115 - 46) ** 2 / (115 + 46) / effect == pytest.approx(chi2.ppf(0.95, 1))
    assert tolerated_design_effect(3, 3) == tolerated_design_effect(0, 0) == 0
    assert tolerated_design_effect(10, 30, confidence=0.99) < tolerated_design_effect(10, 30)


def test_the_papers_difference_in_sensitivity_needs_no_overlap_to_be_known() -> None:
    bounds = pair_bounds(printed_fold_counts()).set_index(["first", "second", "label"])
    assert len(bounds) == 9
    row = bounds.loc[("resnet50v2-fpn", "resnet50v2", "covid")]
    assert (row["n"], row["first_wrong"], row["second_wrong"]) == (2282, 115, 46)
    assert row["p_largest"] == pytest.approx(binomtest(46, 161).pvalue) and row["p_largest"] < 1e-6
    assert row["tolerated_design_effect"] == pytest.approx((115 - 46) ** 2 / 161 / chi2.ppf(0.95, 1))
    folds = [(9, 26), (9, 22), (7, 19), (20, 17), (1, 31)]
    assert row["both_wrong_most"] == sum(min(pair) for pair in folds)
    of_class = [(bounds.loc[("resnet50v2-fpn", "resnet50v2", label)]) for label in ("covid", "normal", "all")]
    for column in ("n", "first_wrong", "second_wrong", "both_wrong_least", "both_wrong_most"):
        covid, normal, both = (one[column] for one in of_class)
        assert covid + normal == both
    patients = pair_bounds(printed_patient_counts()).set_index(["first", "second", "label"])
    row = patients.loc[("resnet50v2-fpn", "xception", "covid")]
    assert row["p_smallest"] < 0.05 < row["p_largest"]
    assert patients.loc[("resnet50v2-fpn", "resnet50v2", "covid"), "p_smallest"] > 0.05


def test_patients_as_clusters_are_mcnemars_test_if_each_has_one_slice() -> None:
    first, second = np.repeat([True, False], [30, 12]), np.repeat([False, True], [30, 12])
    found = clustered_mcnemar(first, second, np.arange(42))
    assert found.p_value == pytest.approx(chi2.sf(41 / 42 * 18**2 / 42, 1))
    assert found.design_effect == pytest.approx(42 / 41) and found.patients == 42


def test_slices_that_differ_together_are_weak_evidence() -> None:
    # Six patients: the first network alone is wrong on all slices of four of them, the second on those of the others.
    first = np.repeat([1, 1, 1, 1, 0, 0], 10).astype(bool)
    patients = np.repeat(np.arange(6), 10)
    found = clustered_mcnemar(first, ~first, patients)
    assert mcnemar_p(40, 20) < 0.02 and found.p_value > 0.4
    assert found.p_value == pytest.approx(chi2.sf(5 / 6 * 20**2 / 600, 1))
    assert found.design_effect == pytest.approx(600 * 6 / 5 / 60)


def test_the_design_effect_of_a_difference_is_not_that_of_the_networks() -> None:
    # Both networks get whole patients wrong together; they differ on single slices at random.
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(200), 10)
    hard = np.repeat(rng.random(200) < 0.3, 10)
    first, second = (hard ^ (rng.random(2000) < 0.05) for _ in range(2))
    assert clustering(first, patients).design_effect > 6
    found = clustered_mcnemar(first, second, patients)
    assert found.design_effect == pytest.approx(1, abs=0.25)
    # A difference survives if its design effect is below the tolerated one: the same test.
    alone = int((first & ~second).sum()), int((second & ~first).sum())
    assert (found.p_value < 0.05) == (found.design_effect < tolerated_design_effect(*alone))


def test_equal_networks_are_rarely_told_apart_though_slices_cluster() -> None:
    rng = np.random.default_rng(5)
    patients = np.repeat(np.arange(60), 12)
    found = []
    for _ in range(400):
        first, second = (np.repeat(rng.random(60) < 0.2, 12) for _ in range(2))
        alone = int((first & ~second).sum()), int((second & ~first).sum())
        found.append((clustered_mcnemar(first, second, patients).p_value < 0.05, mcnemar_p(*alone) < 0.05))
    clustered, independent = np.mean(found, axis=0)
    assert clustered < 0.08 and independent > 0.3


def test_no_difference_and_no_patients() -> None:
    same = np.array([True, False, True])
    found = clustered_mcnemar(same, same, np.array(["a", "b", "c"]))
    assert found.p_value == 1 and np.isnan(found.design_effect)
    with pytest.raises(ValueError, match="1 patients: a test needs two"):
        clustered_mcnemar(same, ~same, np.array(["a", "a", "a"]))
    with pytest.raises(ValueError, match="errors for"):
        clustered_mcnemar(same, ~same, np.array(["a", "b"]))
