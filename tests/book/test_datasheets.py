"""booktools.pages.datasheets: what the model card and the datasheets state is counted."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from booktools.pages import datasheets
from support.made import ROOT

from covidlib.datasets import published_lists
from covidlib.phantom.cohort import make_cohort

LISTS = published_lists.stored_aggregates()
PAGES = [*sorted((ROOT / "book" / "documents").glob("*.md")), ROOT / "book" / "howto" / "replication.md"]


def test_people_and_images_are_those_of_the_lists() -> None:
    people = datasheets.ctset_people(LISTS)["value"]
    assert people["covid patients"] == 95 and people["normal: sex"] == "F: 146, M: 136"
    images = datasheets.ctset_images(LISTS)["value"]
    assert images["images for training and testing"] == "12,058" and images["of them covid"] == "2,282"
    assert (
        images["slices of all series"] == "63,849"
        and images["largest stored value in the first slices of the series"] == 4095
    )
    assert images["infected patients with such images"] == 2 and images["of them without any other"] == 1
    assert images["normal images by thickness"].startswith("1.5 mm: 26, ")
    changed = {**LISTS, "images": {**LISTS["images"], "total": 7}}  # type: ignore[dict-item]
    assert datasheets.ctset_images(changed)["value"]["images for training and testing"] == "7"


def test_splits_and_shortcuts_are_those_of_the_lists() -> None:
    splits = datasheets.ctset_splits(LISTS)
    assert splits.loc[1].tolist() == [0, 912, 912, 462, 462, 7860, 6339] and len(splits) == 5
    assert datasheets.ctset_shortcuts(LISTS)["value"].tolist() == ["57.2%", "0.0%", "44.5%"]


def test_a_cohort_is_counted_in_its_own_files(tmp_path: Path) -> None:
    cohort = make_cohort(tmp_path / "cohort", patients=3, seed=5, progress=False, most_slices=6)
    facts = datasheets.cohort_facts(cohort)["value"]
    slices = pd.read_csv(cohort / "slices.csv")
    assert facts["patients"] == "normal: 2, covid: 1" and facts["seed"] == "5" and facts["folder"] == "cohort"
    assert (
        facts["slices"] == str(len(slices))
        and f"normal: {(slices['label'] == 'normal').sum()}" in facts["labels of slices"]
    )
    assert facts["slices with a lesion"] == str((slices["lesion_pixels"] > 0).sum())


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
