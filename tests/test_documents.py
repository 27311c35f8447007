"""covidlib.documents: what the model card and the datasheets state is counted."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from conftest import ROOT
from prediction_tables import made_predictions

from covidlib import documents, published
from covidlib.intervals import bootstrap_interval, wilson_interval
from covidlib.phantom import make_cohort
from covidlib.protocols import PROTOCOLS
from covidlib.runfiles import Run
from covidlib.scores import balanced_accuracy, of_counts

LISTS = published.stored_aggregates()
PAGES = sorted((ROOT / "book" / "documents").glob("*.md"))


def test_people_and_images_are_those_of_the_lists() -> None:
    people = documents.ctset_people(LISTS)["value"]
    assert people["covid patients"] == 95 and people["normal: sex"] == "F: 146, M: 136"
    images = documents.ctset_images(LISTS)["value"]
    assert images["images for training and testing"] == "12,058" and images["of them covid"] == "2,282"
    assert images["slices of all series"] == "63,849" and images["largest stored value"] == 4095
    assert images["normal images by thickness"].startswith("1.5 mm: 26, ")
    changed = {**LISTS, "images": {**LISTS["images"], "total": 7}}  # type: ignore[dict-item]
    assert documents.ctset_images(changed)["value"]["images for training and testing"] == "7"


def test_splits_and_shortcuts_are_those_of_the_lists() -> None:
    splits = documents.ctset_splits(LISTS)
    assert splits.loc[1].tolist() == [0, 912, 912, 462, 462, 7860, 6339] and len(splits) == 5
    assert documents.ctset_shortcuts(LISTS)["value"].tolist() == ["57.2%", "0.0%", "44.5%"]


def test_a_cohort_is_counted_in_its_own_files(tmp_path: Path) -> None:
    cohort = make_cohort(tmp_path / "cohort", patients=3, seed=5, progress=False, most_slices=6)
    facts = documents.cohort_facts(cohort)["value"]
    slices = pd.read_csv(cohort / "slices.csv")
    assert facts["patients"] == "normal: 2, covid: 1" and facts["seed"] == "5" and facts["folder"] == "cohort"
    assert (
        facts["slices"] == str(len(slices))
        and f"normal: {(slices['label'] == 'normal').sum()}" in facts["labels of slices"]
    )
    assert facts["slices with a lesion"] == str((slices["lesion_pixels"] > 0).sum())


def test_all_settings_of_all_protocols_are_shown() -> None:
    table = documents.protocol_settings()
    assert list(table.columns) == list(PROTOCOLS)
    assert table.loc["epochs", "paper"] == "50" and table.loc["rotation_degrees", "quick"] == "15.0"
    assert len(table) == len(vars(PROTOCOLS["paper"])) - 2 + len(vars(PROTOCOLS["paper"].augmentation))


def test_networks_at_both_sizes() -> None:
    table = documents.network_facts()
    assert len(table) == 6 and table.loc[("resnet50v2-fpn", "paper"), "parameters"] == 34_058_656
    assert table.loc[("xception", "quick"), "image side, pixels"] == PROTOCOLS["quick"].image_side


class MadeRun(Run):
    """A run whose predictions are made up."""

    def predictions(self) -> pd.DataFrame:
        return made_predictions(network=self.folder.name)

    def record(self) -> dict[str, object]:
        return {
            "versions": {"keras": "3" if self.folder.name == "a" else "4", "commit": "0123456789abcdef"},
            "device": {"precision": "float32"},
            "data": {"folder": "f", "fingerprint": "p", "leaks": 0},
            "seconds": {"training": 30.0},
        }


RUNS = [MadeRun(Path("a")), MadeRun(Path("b"))]


def test_measured_values_have_intervals_over_patients() -> None:
    table = documents.measured(RUNS)
    own = made_predictions(network="a")
    expected = str(bootstrap_interval(own, of_counts(balanced_accuracy)))
    assert table.loc["slices: balanced accuracy", "a"] == expected and list(table.columns) == ["a", "b"]
    assert "patients: sensitivity" in table.index and "slices: area under the ROC curve" in table.index
    called = (own["p_covid"] > 0.5).groupby(own["patient"]).mean() >= 0.1
    infected = own.groupby("patient")["patient_label"].first() == "covid"
    low, high = wilson_interval(int((called & infected).sum()), int(infected.sum()))
    assert table.loc["patients: sensitivity", "a"].endswith(f"({low:.3f} to {high:.3f})")


def test_results_apart_for_each_kernel() -> None:
    patients = pd.DataFrame(
        {"patient": [f"patient{n}" for n in range(20)], "kernel": ["sharp", "sharp", "smooth", "smooth"] * 5}
    )
    table = documents.by_kernel(RUNS, patients)
    assert table.index.tolist() == [("sharp", 10), ("smooth", 10)]
    own = made_predictions(network="b").merge(patients)
    expected = bootstrap_interval(own[own["kernel"] == "smooth"], of_counts(balanced_accuracy))
    assert table.loc[("smooth", 10), "b"] == str(expected)


def test_runs_that_differ_show_both_values() -> None:
    facts = documents.run_facts(RUNS)["value"]
    assert (
        facts["keras"] == "3, 4"
        and facts["commit"] == "0123456789ab"
        and facts["precision"] == "float32"
        and facts["training, all runs"] == "1.0 minutes"
    )


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_cells_of_a_page_run(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = re.findall(
        r"^```\{code-cell\}[^\n]*\n(?::[^\n]*\n)*(.*?)^```$", path.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert cells
    monkeypatch.chdir(path.parent)
    names: dict[str, object] = {}
    try:
        for cell in cells:
            exec(compile(cell, path.name, "exec"), names)
    finally:
        pd.reset_option("display.max_colwidth")
