"""covidlib.pitfalls.scanner_strata: AUC within settings, and the permutation test, against numbers made by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from covidlib.pitfalls.scanner_strata import (
    explained,
    patient_answers,
    permutation_test,
    scanner_table,
    strata_table,
    with_thickness_groups,
)


def predictions(rows: list[tuple[str, str, str, float, float]]) -> pd.DataFrame:
    """Patient, label, kernel, thickness, answer."""
    table = pd.DataFrame(rows, columns=["patient", "label", "kernel", "thickness_mm", "p_covid"])
    return with_thickness_groups(table.assign(patient_label=table["label"]))


def shortcut_rows(spread: float) -> list[tuple[str, str, str, float, float]]:
    """Twenty patients: nine in ten follow the shortcut, and the answers follow the kernel alone."""
    rng, rows = np.random.default_rng(1), []
    for place in range(40):
        covid = place < 20
        sharp = covid != (place % 10 == 0)
        answer = (0.9 if sharp else 0.1) + spread * rng.uniform(-1, 1)
        kernel = "sharp" if sharp else "smooth"
        rows.append((f"p{place}", "covid" if covid else "normal", kernel, 2.0 if sharp else 6.0, answer))
    return rows


def test_within_equal_settings_the_scanner_is_worth_nothing() -> None:
    table = strata_table(predictions(shortcut_rows(0.05)), resamples=50)
    assert table["by"].unique().tolist() == ["kernel", "thickness", "kernel and thickness"]
    equal = table[table["stratum"] == "equal settings"].set_index("by")
    assert (equal["infected"] == 20).all() and equal["value"].between(0.3, 0.7).all()
    sharp = table[(table["by"] == "kernel") & (table["stratum"] == "sharp")].iloc[0]
    assert (sharp["infected"], sharp["normal"], sharp["slices"]) == (18, 2, 20)


def test_pairs_of_all_strata_count_once_each() -> None:
    # Sharp: 1 infected above 1 of 2 normal; smooth: 1 infected above 1 normal; a third kernel has one class only.
    rows = [("a", "covid", "sharp", 2.0, 0.5), ("b", "normal", "sharp", 2.0, 0.4), ("c", "normal", "sharp", 2.0, 0.6)]
    rows += [("d", "covid", "smooth", 2.0, 0.3), ("e", "normal", "smooth", 2.0, 0.2), ("f", "covid", "odd", 2.0, 0.0)]
    rows += [("g", "covid", "", 2.0, 0.0)]
    table = strata_table(predictions(rows), resamples=20).set_index(["by", "stratum"])
    assert table.loc[("kernel", "equal settings"), "value"] == pytest.approx(2 / 3)
    assert table.loc[("kernel", "sharp"), "value"] == 0.5
    assert np.isnan(table.loc[("kernel", "odd"), "value"])
    # The patient without a kernel counts for the thickness, and not for the kernel.
    assert table.loc[("thickness", "equal settings"), "slices"] == 7
    assert table.loc[("kernel", "equal settings"), "slices"] == 6


def test_thickness_groups() -> None:
    table = with_thickness_groups(pd.DataFrame({"thickness_mm": [1.5, 3.0, 3.1, np.nan]}))
    assert table["thickness"].tolist() == ["up to 3 mm", "up to 3 mm", "above 3 mm", ""]


def test_the_share_that_goes_with_a_group_by_hand() -> None:
    answers, given = np.array([0.0, 0.0, 1.0, 1.0, 5.0, 5.0]), np.array([0, 0, 0, 0, 1, 1])
    assert explained(answers, np.array([0, 0, 1, 1, 0, 1]), given) == 1
    assert explained(answers, np.array([0, 1, 0, 1, 0, 1]), given) == 0
    # Groups that differ only as the classes do explain nothing within them.
    assert explained(answers, given, given) == 0
    # Two of 1 and two of 0, one moved: means 1/3 and 1, around 1/2.
    share = (3 * (1 / 3 - 0.5) ** 2 + 0.25) / 1
    assert explained(answers, np.array([0, 0, 0, 1, 0, 0]), given) == pytest.approx(share)
    assert np.isnan(explained(np.ones(4), np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])))


def test_few_permutations_are_counted_exactly() -> None:
    # Of the 20 ways to deal three of six patients, two explain all: 1 in 10.
    answers, group = np.array([0.0, 0.0, 0.0, 1.0, 1.0, 1.0]), np.array([0, 0, 0, 1, 1, 1])
    share, by_chance, p_value = permutation_test(answers, group, np.zeros(6, int))
    assert share == 1 and p_value == pytest.approx(0.1, abs=0.01)
    assert by_chance == pytest.approx(1 / 5, abs=0.02)  # (groups - 1) / (patients - 1)


def test_groups_are_dealt_within_a_class_only() -> None:
    # The second class has one kernel: however it is dealt, it explains nothing. Of three deals of the first class one
    # explains 2/3 of 8/3, two explain 1/6.
    given, group = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 1, 1, 1, 1])
    share, by_chance, p_value = permutation_test(np.array([0.0, 0.0, 1.0, 0.0, 1.0, 2.0]), group, given)
    assert share == pytest.approx(1 / 4) and by_chance == pytest.approx(1 / 8, abs=0.01)
    assert p_value == pytest.approx(1 / 3, abs=0.02)


def test_without_an_effect_p_values_are_spread_evenly() -> None:
    rng = np.random.default_rng(3)
    given = np.repeat([0, 1], 10)
    p_values = [
        permutation_test(rng.random(20) + given, rng.integers(0, 2, 20), given, permutations=99, seed=place)[2]
        for place in range(200)
    ]
    assert 0.005 < np.mean(np.array(p_values) <= 0.05) < 0.1 and 0.4 < np.mean(p_values) < 0.6


def test_answers_of_one_patient_count_as_one() -> None:
    rows = [("a", "covid", "sharp", 2.0, 0.2), ("a", "covid", "smooth", 2.0, 0.4), ("b", "normal", "sharp", 6.0, 0.1)]
    patients = patient_answers(predictions(rows)).set_index("patient")
    assert patients.loc["a", "p_covid"] == pytest.approx(0.3) and patients.loc["a", "kernel"] == "sharp + smooth"
    assert len(patients) == 2


def test_the_table_says_what_answers_go_with() -> None:
    found = scanner_table(predictions(shortcut_rows(0.05)), permutations=999).set_index("answers_go_with")
    assert found.loc["kernel", "explained"] > 0.9 and found.loc["kernel", "p_value"] < 0.01
    assert found.loc["class", "explained"] < found.loc["kernel", "explained"]
    assert (found["patients"] == 40).all()
    one = predictions([(f"p{place}", "covid", "sharp", np.nan, place / 9) for place in range(9)])
    alone = scanner_table(one, permutations=9).set_index("answers_go_with")
    assert alone["explained"].isna().all() and alone.loc["thickness", "patients"] == 0
