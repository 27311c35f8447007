"""Scores by hand on small maps, summaries over patients."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from covidlib.datasets.slice_table import load_dataset
from covidlib.errors import InputError
from covidlib.heatmaps import chosen_slices, lesion_scores, score_runs
from covidlib.heatmaps.infection_areas import dense_lung, dice, infection_area
from covidlib.phantom.cohort import make_cohort
from covidlib.protocols import QUICK
from covidlib.results.intervals import bootstrap_interval
from covidlib.training.train import train_fold

LESION = np.zeros((8, 8), bool)
LESION[2:4, 2:4] = True
LUNGS = np.zeros((8, 8), bool)
LUNGS[1:5, 1:5] = True
BODY = np.zeros((8, 8), bool)
BODY[0:6, 0:6] = True


def test_the_highest_point_of_a_plateau_is_its_middle() -> None:
    heat = np.zeros((9, 9))
    heat[2:5, 4:9] = 1
    assert lesion_scores.peak(heat) == (3, 6)
    heat[8, 0] = 1.1
    assert lesion_scores.peak(heat) == (8, 0)


def test_scores_of_a_map_by_hand() -> None:
    heat = np.zeros((8, 8))
    heat[3, 3], heat[1, 1], heat[7, 7] = 1.0, 0.5, 0.25
    scores = lesion_scores.score_map(heat, LESION, LUNGS, BODY)
    assert scores["hit"] == scores["in_lungs"] == scores["mapped"] == 1 and scores["outside"] == 0
    assert np.isclose(scores["energy_lesions"], 1 / 1.75) and np.isclose(scores["energy_lungs"], 1.5 / 1.75)
    assert scores["overlap"] == 1 / 4 and 0.5 < scores["threshold"] < 1
    assert scores["dice"] == 2 * 1 / (2 + 4)
    assert scores["chance"] == 4 / 16
    heat[7, 7] = 2
    scores = lesion_scores.score_map(heat / 2, LESION, LUNGS, BODY)
    assert scores["hit"] == scores["in_lungs"] == 0 and scores["outside"] == 1


def test_the_best_threshold_is_the_best_of_all() -> None:
    heat = np.random.default_rng(0).random((8, 8))
    heat[LESION] += 0.3
    heat /= heat.max()
    tried = [((heat >= t) & LESION).sum() / ((heat >= t) | LESION).sum() for t in np.arange(256) / 256]
    overlap, threshold = lesion_scores.best_overlap(heat, LESION)
    assert np.isclose(overlap, max(tried)) and np.isclose(threshold, np.argmax(tried) / 256)


def test_without_a_map_there_is_no_hit_and_no_energy() -> None:
    scores = lesion_scores.score_map(np.zeros((8, 8)), LESION, LUNGS, BODY)
    assert scores == {"mapped": 0.0, "hit": 0.0, "chance": 0.25}
    assert np.isnan(lesion_scores.energy_inside(np.zeros((8, 8)), LESION))
    assert np.isnan(lesion_scores.best_overlap(np.zeros((8, 8)), LESION)).all()
    normal = lesion_scores.score_map(np.eye(8), np.zeros((8, 8), bool), LUNGS, BODY)
    assert "dice" not in normal and normal["hit"] == 0 and "outside" in normal


def test_each_lesion_has_its_size_and_is_lit_or_not() -> None:
    lesions = LESION.copy()
    lesions[4, 4] = False
    lesions[1, 4] = True
    heat = np.where(LESION, 0.9, 0.0)
    heat[4, 1:3] = 1
    found = lesion_scores.score_lesions(heat, lesions, LUNGS, pixel_mm=2.0).sort_values("diameter_mm")
    assert np.allclose(found["diameter_mm"], [4 / np.sqrt(np.pi), 8 / np.sqrt(np.pi)])
    assert found["lit"].tolist() == [0, 1]
    assert np.allclose(found["chance"], 2 / (16 - 5))


def test_other_patients_highest_points_are_counted_on_a_slices_lesions() -> None:
    peaks = np.array([[2.0, 2.0], [2.0, 3.0], [7.0, 7.0], [np.nan, np.nan]])
    patients = np.array(["a", "a", "b", "c"])
    found = lesion_scores.hits_of_other_slices(peaks, [LESION] * 4, patients)
    # Patient a's own two points hit, but only b's may be taken for a; b takes a's two; c takes three, two of which hit.
    assert np.allclose(found, [0, 0, 1, 2 / 3])


def many_rows() -> pd.DataFrame:
    random = np.random.default_rng(0)
    rows = []
    for patient in range(10):
        for number in range(4):
            for layer, shift in (("one", 0.0), ("two", 0.25)):
                value = patient / 10 + shift + 0.01 * random.random()
                rows.append((f"p{patient}", f"{patient}/{number}", "net", layer, value, 4.0 + 5 * number))
    return pd.DataFrame(rows, columns=["patient", "path", "network", "layer", "hit", "diameter_mm"])


def test_summaries_have_intervals_over_patients() -> None:
    rows = many_rows()
    found = lesion_scores.lesion_summary(rows, ["hit"]).set_index("layer")
    own = rows[rows["layer"] == "one"]
    expected = bootstrap_interval(own.assign(fold=1), lesion_scores.mean_of("hit"), within=("fold",))
    assert np.allclose(found.loc["one", ["value", "low", "high"]].to_numpy(float), expected)
    by_slice = bootstrap_interval(own, lesion_scores.mean_of("hit"), within=(), unit="slice")
    assert expected.high - expected.low > 1.5 * (by_slice.high - by_slice.low)
    assert found.loc["one", "rows"] == 40 and found.loc["one", "patients"] == 10
    text = lesion_scores.side_by_side(found.reset_index())
    assert text.loc[("net", "one"), "hit"].startswith(f"{expected.value:.2f} (")


def test_intervals_are_taken_within_folds() -> None:
    # The networks of two folds differ, their patients do not.
    rows = many_rows().assign(fold=lambda table: table["patient"].str[1:].astype(int) % 2)
    rows["hit"] = rows["fold"] * 0.8 + 0.01 * np.random.default_rng(1).random(len(rows))
    within = lesion_scores.lesion_summary(rows, ["hit"]).iloc[0]
    pooled = lesion_scores.lesion_summary(rows.drop(columns="fold"), ["hit"]).iloc[0]
    assert within["high"] - within["low"] < 0.02 and pooled["high"] - pooled["low"] > 0.3


def test_no_hit_of_ten_patients_is_not_known_to_be_none() -> None:
    rows = many_rows().assign(hit=0.0)
    found = lesion_scores.lesion_summary(rows, ["hit"]).iloc[0]
    assert found["low"] == 0 and found["high"] == pytest.approx(1 - 0.025 ** (1 / 10))
    found = lesion_scores.lesion_summary(rows.assign(hit=1.0), ["hit"]).iloc[0]
    assert found["high"] == 1 and found["low"] == pytest.approx(0.025 ** (1 / 10))


def test_one_patient_and_equal_differences_have_no_interval() -> None:
    alone = many_rows()[lambda rows: rows["patient"] == "p3"]
    found = lesion_scores.lesion_summary(alone, ["hit"])
    assert found[["low", "high"]].isna().all(axis=None)
    assert lesion_scores.side_by_side(found).loc[("net", "one"), "hit"].endswith("(one patient)")
    same = lesion_scores.lesion_summary(many_rows().assign(hit=0.0, chance=0.0), ["hit"], minus="chance").iloc[0]
    assert lesion_scores.compared(same) == "+0.000 (no interval): not told apart"


def test_more_is_more_than_every_baseline() -> None:
    rows = many_rows().assign(weak=0.0)
    rows["strong"] = rows["hit"] + np.where(rows["layer"] == "one", 0.3, -0.2) + 0.01 * rows["diameter_mm"]
    found = lesion_scores.against_baselines(rows, "hit", ("weak", "strong")).set_index("layer")
    assert found["weak"].str.endswith("more").all()
    assert found.loc["one", "strong"].endswith("less") and found.loc["one", "verdict"] == "not told apart"
    rows["strong"] = rows["hit"] - 0.1 - 0.01 * rows["diameter_mm"]
    found = lesion_scores.against_baselines(rows, "hit", ("weak", "strong"))
    assert (found["verdict"] == "more").all()


def test_rows_without_a_number_are_left_out_of_a_mean() -> None:
    rows = many_rows()
    rows.loc[rows["path"].str.endswith("/0"), "hit"] = np.nan
    found = lesion_scores.lesion_summary(rows, ["hit"]).set_index("layer")
    assert found.loc["one", "rows"] == 30
    assert np.isclose(found.loc["one", "value"], rows.loc[rows["layer"] == "one", "hit"].mean())


def test_paired_differences_are_surer_than_two_means() -> None:
    found = lesion_scores.paired_difference(many_rows(), "hit", ("net", "two"), ("net", "one"))
    assert np.isclose(found["value"], 0.25, atol=0.01)
    assert 0.24 < found["low"] <= found["value"] <= found["high"] < 0.26


def test_a_difference_in_words() -> None:
    assert (
        lesion_scores.compared(pd.Series({"value": 0.2, "low": 0.1, "high": 0.3})) == "+0.200 (+0.100 to +0.300): more"
    )
    assert lesion_scores.compared(pd.Series({"value": -0.2, "low": -0.4, "high": -0.1})).endswith("less")
    assert lesion_scores.compared(pd.Series({"value": 0.2, "low": -0.1, "high": 0.3})).endswith("not told apart")


def test_the_largest_class_of_diameter_has_no_upper_end() -> None:
    found = lesion_scores.by_diameter(
        many_rows().assign(diameter_mm=[19.9, *[250.0] * (len(many_rows()) - 1)]), ["hit"]
    )
    assert found["size"].unique().tolist() == ["10 to 20 mm", "20 mm and more"]


def test_sizes_are_classes_of_diameter() -> None:
    found = lesion_scores.by_diameter(many_rows(), ["hit"])
    assert found["size"].unique().tolist() == ["below 5 mm", "5 to 10 mm", "10 to 20 mm"]
    assert found.groupby("size")["rows"].first().to_dict() == {"below 5 mm": 10, "5 to 10 mm": 10, "10 to 20 mm": 20}


# Infection areas ------------------------------------------------------------------------------------------------------


def test_infection_areas_and_dice_by_hand() -> None:
    heat = np.linspace(0, 1, 64).reshape(8, 8)
    assert infection_area(heat, LUNGS).sum() == (heat[LUNGS] >= 0.5).sum() == 4
    pixels = np.where(LESION, 400, 150)
    pixels[0, 0] = 1060
    assert (dense_lung(pixels, LUNGS) == LESION).all()
    assert dice(LESION, LESION) == 1 and dice(LESION, ~LESION) == 0 and np.isclose(dice(LESION, LUNGS), 8 / 20)
    assert np.isnan(dice(np.zeros(3, bool), np.zeros(3, bool)))


def test_a_patient_who_is_tested_in_several_folds_is_shown_once(monkeypatch: pytest.MonkeyPatch) -> None:
    people = ("patient2", "patient1", "patient3")
    rows = [(f"{patient}/IM1.tif", patient, fold) for patient in people for fold in (1, 2)]
    tested = pd.DataFrame(rows, columns=["path", "patient", "fold"])
    tested = tested.assign(network="xception", label="normal", p_covid=0.5)
    monkeypatch.setattr(chosen_slices, "all_predictions", lambda _: tested)
    assert chosen_slices.first_patients([], "xception", {"normal": 2})["patient"].tolist() == ["patient1", "patient2"]


# The tables of runs ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("untraced")
def test_tables_of_a_run_are_made_once_and_hold_each_slice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cohort = make_cohort(tmp_path / "cohort", patients=16, seed=7, progress=False, most_slices=5)
    dataset = load_dataset(cohort)
    short = replace(QUICK, epochs=1, folds=2)
    runs = [train_fold(dataset, name, 1, short, tmp_path / "runs", False) for name in ("xception", "resnet50v2-fpn")]
    scores = score_runs.map_scores(runs, cohort)
    tested = runs[0].predictions()
    counts = tested["label"].value_counts()
    layers = 1 + 7
    assert len(scores.slices) == layers * (counts["covid"] + 2 * counts["normal"])
    known = scores.slices.merge(tested[["path", "p_covid"]], on="path", suffixes=("", "_run"))
    assert np.allclose(
        known.loc[known["network"] == "xception", "p_covid"],
        known.loc[known["network"] == "xception", "p_covid_run"],
        atol=1e-3,
    )
    infected = scores.slices[scores.slices["label"] == "covid"]
    truth = score_runs.truth_of(cohort, infected["path"].iloc[0])
    assert np.isclose(infected["chance"].iloc[0], truth.lesions.sum() / (truth.lungs | truth.lesions).sum())
    assert set(scores.cascade["part"]) >= {"trained", "predictions", "block1", "conv1"}
    unchanged = scores.cascade.loc[(scores.cascade["step"] == 0) & (scores.cascade["mapped"] == 1), "likeness"]
    assert len(unchanged) > 0 and (unchanged > 0.999).all()
    assert set(scores.curves["order"]) == {"map", "random"}

    rows = chosen_slices.first_patients(runs, "resnet50v2-fpn", {"covid": 2, "normal": 1})
    assert rows["label"].tolist() == ["covid", "covid", "normal"] and rows["patient"].is_unique
    numbers = rows["patient"].str.removeprefix("patient").astype(int)
    assert (
        numbers.iloc[0] < numbers.iloc[1]
        and tested.loc[tested["label"] == "covid", "patient"].str.removeprefix("patient").astype(int).min()
        == numbers.iloc[0]
    )
    turned = chosen_slices.explain_rows(runs, rows.iloc[::-1], cohort, 64)
    straight = chosen_slices.explain_rows(runs, rows, cohort, 64)
    assert all(np.array_equal(a, b) for a, b in zip(straight, turned[::-1], strict=True))

    kept = next(runs[0].folder.parents[1].glob("maps-*"))
    (kept / "curves.csv").write_text("way,order\nkept,kept\n")
    with monkeypatch.context() as where_nothing_can_be_written:
        where_nothing_can_be_written.delattr(score_runs, "one_at_a_time")
        assert score_runs.map_scores(runs, cohort).curves["way"].tolist() == ["kept"]
    shutil.rmtree(cohort / "lesions")
    with pytest.raises(InputError, match="no lesion masks"):
        score_runs.map_scores(runs, cohort)
