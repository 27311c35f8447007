"""covidlib.pitfalls.metadata_model: a model without pixels, from counts of patients alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from covidlib.datasets import published_lists
from covidlib.datasets.patient_groups import count_kinds, kinds_of_patients
from covidlib.errors import InputError
from covidlib.pitfalls.metadata_model import (
    FEATURES,
    HEADLINE,
    acquisition,
    acquisition_by_series,
    auc_within_folds,
    expand,
    kernels,
    left_out_scores,
    patients_by_everything,
    person,
    protocols,
    shortcut,
    shortcut_table,
    thicknesses,
)
from covidlib.results.intervals import on_all

LINE = {"label": "covid", "series": ["SR_2 B70s 6.0 mm", "SR_3 B30s 1.5 mm"], "protocols": ["CORONA"], "patients": 2}
OTHER = {"label": "normal", "series": ["SR_2 B70s 6.0 mm"], "protocols": ["HIP"], "patients": 3}


def counts(covid_b70: int, covid_b30: int, normal_b70: int, normal_b30: int) -> dict[str, object]:
    numbers = {("covid", "B70s"): covid_b70, ("covid", "B30s"): covid_b30,
               ("normal", "B70s"): normal_b70, ("normal", "B30s"): normal_b30}  # fmt: skip
    return {
        "patients_by_acquisition": [
            {"label": label, "series": [f"SR_2 {kernel} 6.0 mm"], "protocols": ["CORONA"], "patients": n}
            for (label, kernel), n in numbers.items()
        ]
    }


def test_features_of_a_line() -> None:
    assert kernels(LINE) == {"B70s", "B30s"} and thicknesses(LINE) == {"6.0 mm", "1.5 mm"}
    assert acquisition(LINE) == {"B70s 6.0 mm", "B30s 1.5 mm", "2 series"}
    assert acquisition_by_series(LINE) == {"SR_2 B70s 6.0 mm", "SR_3 B30s 1.5 mm"}
    assert protocols(LINE) == {"CORONA"}
    assert person({"decade": 50, "sex": "F"}) == {"50 years", "sex F"}


def test_counts_become_one_row_a_patient_in_an_order_of_their_own() -> None:
    table, infected = expand([LINE, OTHER], acquisition)
    assert table.shape == (5, 4) and infected.tolist() == [True, True, False, False, False]
    again, same = expand([OTHER, LINE], acquisition)
    assert (table == again).all() and (infected == same).all()
    assert table[:2].sum() == 6 and table[2:].sum() == 6
    with pytest.raises(InputError, match="unknown label 'unlabelled'"):
        expand([{**LINE, "label": "unlabelled"}], acquisition)


def test_a_telling_kernel_is_found_and_a_silent_one_is_chance() -> None:
    assert shortcut(counts(50, 0, 0, 50), repeats=3, resamples=50).auc.value == 1
    silent = shortcut(counts(40, 60, 80, 120), repeats=10, resamples=200)
    # Where a kernel says exactly nothing, what is left in for fitting leans against what is left out: a little below.
    assert 0.4 < silent.auc.value <= 0.5 < silent.auc.high + 0.03
    assert silent.patients == 300 and len(silent.repeats) == 10
    # Half of the infected have a kernel that no other has: AUC 0.5 + 0.5 / 2.
    half = shortcut(counts(50, 50, 0, 100), repeats=4, resamples=100)
    assert half.auc.value == pytest.approx(0.75, abs=0.01) and half.auc.low < 0.75 < half.auc.high
    assert half.auc.value == pytest.approx(half.repeats.mean())


def test_scores_of_different_folds_are_not_ranked_together() -> None:
    table, infected = expand(counts(20, 30, 60, 90)["patients_by_acquisition"], acquisition)  # type: ignore[arg-type]
    scores, folds = left_out_scores(table, infected, repeats=3)
    assert scores.shape == folds.shape == (3, 200) and set(folds.ravel()) == set(range(5))
    patients = pd.DataFrame({"label": np.where(infected, "covid", "normal")})
    by_hand = np.mean([
        roc_auc_score(infected[fold == one], score[fold == one])
        for score, fold in zip(scores, folds, strict=True) for one in range(5)
    ])  # fmt: skip
    assert on_all(patients, auc_within_folds(scores, folds)) == pytest.approx(by_hand)
    # The kernel says nothing here, and yet the mean of left-out scores ranks infected patients too low.
    assert roc_auc_score(infected, scores.mean(axis=0)) < 0.45


def test_no_patient_is_scored_by_a_model_that_saw_it() -> None:
    # A feature of one patient alone: a model that saw the patient would score it apart.
    lines = [{"label": "covid", "series": [f"SR_2 K{n} 1.0 mm"], "protocols": [], "patients": 1} for n in range(25)]
    lines += [{"label": "normal", "series": [f"SR_2 N{n} 1.0 mm"], "protocols": [], "patients": 1} for n in range(25)]
    table, infected = expand(lines, kernels)
    scores, folds = left_out_scores(table, infected, repeats=1)
    for fold in range(5):
        assert len(set(scores[0][folds[0] == fold].round(9))) == 1


def test_unknown_features_and_missing_counts_are_refused() -> None:
    with pytest.raises(InputError, match="unknown set of features"):
        shortcut({}, "pixels")
    with pytest.raises(InputError, match="missing counts 'patients_by_everything'"):
        shortcut(published_lists.stored_aggregates(), "all of these")


def test_the_stored_counts_hold_every_patient_and_no_single_persons_name() -> None:
    stored = published_lists.stored_aggregates()
    for key in ("patients_by_acquisition", "patients_by_person"):
        lines = stored[key]
        assert isinstance(lines, list)
        by_label = {
            label: sum(line["patients"] for line in lines if line["label"] == label) for label in ("covid", "normal")
        }
        assert by_label == {"covid": 95, "normal": 282}
        assert not {"patient", "date", "age"} & {name for line in lines for name in line}


def test_kernel_and_thickness_tell_classes_apart_offline() -> None:
    """The interval is wide enough for other versions of scikit-learn; nothing was tuned towards it."""
    found = shortcut(published_lists.stored_aggregates(), repeats=5, resamples=300)
    assert HEADLINE == "kernel, thickness, number of series" and found.patients == 377
    assert 0.66 < found.auc.value < 0.76 and found.auc.low > 0.55
    table = shortcut_table(published_lists.stored_aggregates(), repeats=1)
    assert table["features"].tolist() == [name for name in FEATURES if name != "all of these"]
    assert (table["low"] < table["value"]).all() and (table["least_of_repeats"] <= table["value"]).all()


def test_kinds_of_patients_from_lists() -> None:
    patients = pd.DataFrame(
        [("p1", "covid", "F", 53), ("p2", "normal", "M", 31), ("p3", "normal", "M", 38)],
        columns=["patient", "label", "sex", "age"],
    )
    series = pd.DataFrame(
        [("p1", "SR_3", "B30s", 1.5, "B"), ("p1", "SR_2", "B70s", 6.0, "A"), ("p2", "SR_2", "B70s", 6.0, "A")],
        columns=["patient", "series", "kernel", "thickness", "protocol"],
    )
    kinds = kinds_of_patients(patients, series)
    # p3 has no series: nothing to learn from.
    assert len(kinds) == 2 and "patient" not in kinds
    lines = count_kinds(kinds, ["label", "series", "protocols"])
    assert lines[0] == {
        "label": "covid",
        "series": ["SR_2 B70s 6.0 mm", "SR_3 B30s 1.5 mm"],
        "protocols": ["A", "B"],
        "patients": 1,
    }
    assert json.loads(json.dumps(lines)) == lines
    assert count_kinds(kinds, ["label", "decade", "sex"])[1] == {
        "label": "normal", "decade": 30, "sex": "M", "patients": 1
    }  # fmt: skip


def test_all_features_together_from_the_real_lists(mirror: Path) -> None:
    lines = patients_by_everything()["patients_by_everything"]
    assert isinstance(lines, list) and sum(line["patients"] for line in lines) == 377
    found = shortcut({"patients_by_everything": lines}, "all of these", repeats=2, resamples=100)
    assert found.auc.value > shortcut(published_lists.stored_aggregates(), repeats=2, resamples=100).auc.value
