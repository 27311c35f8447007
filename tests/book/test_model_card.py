"""booktools.pages.model_card: what the model card states is computed."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from booktools.pages import model_card
from support.prediction_tables import made_predictions

from covidlib.claims import claims
from covidlib.protocols import PROTOCOLS
from covidlib.results.intervals import bootstrap_interval, wilson_interval
from covidlib.results.scores import balanced_accuracy, of_counts
from covidlib.training.runs import Run


def test_all_settings_of_all_protocols_are_shown() -> None:
    table = model_card.protocol_settings()
    assert list(table.columns) == list(PROTOCOLS)
    assert table.loc["epochs", "paper"] == "50" and table.loc["rotation_degrees", "quick"] == "15.0"
    assert len(table) == len(vars(PROTOCOLS["paper"])) - 2 + len(vars(PROTOCOLS["paper"].augmentation))


def test_networks_at_both_sizes() -> None:
    table = model_card.network_facts()
    assert len(table) == 6 and table.loc[("resnet50v2-fpn", "paper"), "parameters"] == 34_058_656
    assert table.loc[("xception", "quick"), "image side, pixels"] == PROTOCOLS["quick"].image_side


class MadeRun(Run):
    """A run whose predictions are made up."""

    def predictions(self) -> pd.DataFrame:
        return made_predictions(network=self.folder.name)

    def record(self) -> dict[str, object]:
        return {
            "versions": {"keras": "3", "commit": "0123456789abcdef"}
            if self.folder.name == "a"
            else {"keras": "4", "commit": "0123456789abcdef-dirty"},
            "device": {"precision": "float32"},
            "data": {"folder": "f", "fingerprint": "p", "leaks": 0},
            "seconds": {"training": 30.0},
        }


RUNS = [MadeRun(Path("a")), MadeRun(Path("b"))]


def test_measured_values_have_intervals_over_patients() -> None:
    table = model_card.measured(RUNS)
    own = made_predictions(network="a")
    expected = str(bootstrap_interval(own, of_counts(balanced_accuracy)))
    assert table.loc["slices: balanced accuracy", "a"] == expected and list(table.columns) == ["a", "b"]
    assert "patients: sensitivity" in table.index and "slices: area under the ROC curve, mean of folds" in table.index
    called = (own["p_covid"] > 0.5).groupby(own["patient"]).mean() >= 0.1
    infected = own.groupby("patient")["patient_label"].first() == "covid"
    low, high = wilson_interval(int((called & infected).sum()), int(infected.sum()))
    assert table.loc["patients: sensitivity", "a"].endswith(f"({low:.3f} to {high:.3f})")


def test_trainings_with_other_seeds_stand_beside_each_other() -> None:
    stored = claims.load_claims()[1]
    table = model_card.over_seeds(stored)
    one = next(claim for claim in stored if claim.id == "image-accuracy-xception")
    assert one.ours
    assert table.loc[("accuracy", "xception")].tolist() == list(one.ours["by_seed"].values())
    assert len(table) >= 3 and table.notna().all(axis=None) and "seed 2020" in table.columns


def test_results_apart_for_each_kernel() -> None:
    patients = pd.DataFrame(
        {"patient": [f"patient{n}" for n in range(20)], "kernel": ["sharp", "sharp", "smooth", "smooth"] * 5}
    )
    table = model_card.by_kernel(RUNS, patients)
    assert table.index.tolist() == [("sharp", 10), ("smooth", 10)]
    own = made_predictions(network="b").merge(patients)
    expected = bootstrap_interval(own[own["kernel"] == "smooth"], of_counts(balanced_accuracy))
    assert table.loc[("smooth", 10), "b"] == str(expected)


def test_runs_that_differ_show_both_values() -> None:
    facts = model_card.run_facts(RUNS)["value"]
    assert (
        facts["keras"] == "3, 4"
        and facts["commit"] == "0123456789ab, 0123456789ab-dirty"
        and facts["precision"] == "float32"
        and facts["training, all runs"] == "1.0 minutes"
    )
