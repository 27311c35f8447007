"""covidlib.datasets.labelled_slices: each label lies on its kind of tissue, and a rule matches drawn lesions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from covidlib.datasets import labelled_slices as labelled
from covidlib.datasets.real_slices import list_real_slices, read_real_slice
from covidlib.datasets.slice_table import load_table
from covidlib.errors import InputError
from covidlib.phantom.cohort import make_cohort, read_lesion_mask
from covidlib.scans.lung_masks import body_mask
from covidlib.scans.windows import WINDOWS

STRUCTURES, FINDINGS = labelled.list_structures(), labelled.list_findings()
AIR, SOFT, BONE = (-1100, -850), (-150, 130), (-100, 1500)
TISSUE = {
    "trachea": AIR, "carina": AIR, "right main bronchus": AIR, "left main bronchus": (-1100, -500),
    "bronchus": (-1100, -400),
    "right lung": (-960, -750), "left lung": (-960, -750), "fissure": (-960, -750), "vessel": (-850, 130),
    "vertebra": BONE, "collar bone": BONE, "scapula": BONE, "rib": BONE, "sternum": BONE, "table": (-800, 1500),
    "head of the upper arm bone": (-150, 1500), "oesophagus": (-350, 130), "diaphragm": (-600, 130),
}  # fmt: skip
"""Lowest and highest mean in HU of each structure; soft tissue otherwise."""
KINDS = {
    "ground glass": (-700, -200), "crazy paving": (-700, -200), "band": (-700, 130), "consolidation": SOFT,
    "airless lung": SOFT, "fluid": (-20, 80), "tumour": SOFT, "cannot be told": (-800, -300), "vessel": (-700, 300),
    "motion": (-800, 0), "liver": (-600, 100),
}  # fmt: skip


@pytest.mark.parametrize("labels", [STRUCTURES, FINDINGS], ids=["structures", "findings"])
def test_labels_are_complete_and_inside_the_body_or_the_table(labels: pd.DataFrame) -> None:
    assert set(labels["slice"]) <= set(list_real_slices().index)
    assert set(labels["window"]) <= set(WINDOWS)
    assert labels["name"].str.len().min() >= 3 and labels["look"].str.len().min() >= 15
    assert not labels.duplicated(["slice", "name"]).any() and not labels.duplicated(["slice", "x", "y"]).any()
    for name, own in labels.groupby("slice"):
        assert own["number"].tolist() == list(range(1, len(own) + 1))
        inside = body_mask(read_real_slice(str(name)))
        outside = [row.name for _, row in own.set_index("name").iterrows() if not inside[row["y"], row["x"]]]
        assert outside in ([], ["table"]), name


@pytest.mark.parametrize("label", list(STRUCTURES.itertuples()), ids=lambda one: f"{one.slice} {one[6]}")
def test_a_structure_has_the_values_of_its_tissue(label: object) -> None:
    row = STRUCTURES.loc[label.Index]  # type: ignore[attr-defined]
    around = read_real_slice(row["slice"])[row["y"] - 1 : row["y"] + 2, row["x"] - 1 : row["x"] + 2].mean() - 1024
    low, high = TISSUE.get(row["name"], SOFT)
    assert low < around < high


def test_a_finding_has_the_values_of_its_kind() -> None:
    assert set(FINDINGS["kind"]) == set(KINDS)
    for row in FINDINGS.itertuples():
        mean, _ = labelled.disc_values(read_real_slice(row.slice), row.x, row.y)
        low, high = KINDS[row.kind]
        assert low < mean < high, (row.slice, row.kind, mean)


def test_the_structures_that_a_student_should_meet_are_there() -> None:
    wanted = {
        "trachea", "carina", "right main bronchus", "left main bronchus", "aortic arch", "heart", "descending aorta",
        "oesophagus", "vertebra", "rib", "scapula", "fissure", "diaphragm", "liver", "stomach", "table",
    }  # fmt: skip
    assert wanted <= set(STRUCTURES["name"])
    # What is left of the middle in the patient is on the right of the picture.
    middle = STRUCTURES.set_index(["slice", "name"])["x"]
    assert middle["A0001-25", "right lung"] < middle["A0001-25", "carina"] < middle["A0001-25", "left lung"]
    assert middle["A0001-61", "liver"] < middle["A0001-61", "vertebra"] < middle["A0001-61", "stomach"]


def test_a_crop_keeps_its_size_at_the_edge() -> None:
    pixels = np.arange(100).reshape(10, 10)
    assert np.array_equal(labelled.crop_around(pixels, x=5, y=4, side=4), pixels[2:6, 3:7])
    assert np.array_equal(labelled.crop_around(pixels, x=0, y=9, side=4), pixels[6:, :4])


def test_a_disc_is_measured_in_hu() -> None:
    pixels = np.full((40, 40), 24, np.uint16)
    rows, columns = np.indices(pixels.shape)
    pixels[np.hypot(rows - 20, columns - 12) <= labelled.RADIUS] = 1034
    assert labelled.disc_values(pixels, x=12, y=20) == (10, 0)
    mean, spread = labelled.disc_values(pixels, x=12, y=22)
    assert mean < 10 and spread > 0


def test_drawn_lesions_are_found_in_their_masks(tmp_path: Path) -> None:
    cohort = make_cohort(tmp_path / "cohort", patients=2, seed=5, progress=False, most_slices=6)
    paths = load_table(cohort)["path"].tolist()
    places = labelled.lesion_places(cohort, paths)
    assert len(places) > 2 and set(places["path"]) <= {path for path in paths if "covid" in path}
    for place in places.itertuples():
        around = labelled.crop_around(read_lesion_mask(cohort, place.path), place.x, place.y, 2 * labelled.RADIUS - 3)
        assert around.all()
    with pytest.raises(InputError, match="no such slice"):
        labelled.lesion_places(cohort, ["covid1/patient1/SR_1/IM00099.tif"])


def test_each_place_is_chosen_once() -> None:
    places = pd.DataFrame({"mean_hu": [-500.0, -480, 0], "sd_hu": [50.0, 60, 30]})
    chosen = labelled.nearest_places([(-495, 50), (-495, 50), (10, 30)], places)
    assert chosen.index.tolist() == [0, 1, 2]
    assert labelled.nearest_places([(0, 30)], places).index.tolist() == [2]
    with pytest.raises(ValueError, match="3 places are too few for 4"):
        labelled.nearest_places([(0, 0)] * 4, places)
