"""covidlib.phantom: the same bytes from the same seed, anatomy in range, lesions where the table says."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from covidlib import phantom
from covidlib.errors import InputError
from covidlib.phantom import make_cohort, make_patient, read_lesion_mask
from covidlib.selection import count_dark_pixels, select_slices
from covidlib.series import find_series, read_slice

PATIENT_1_OF_SEED_7 = "7e7e6586c05ede11e7036cfd41dc499fea66d3e477b451c9b1ad02f4a6d77cb0"
"""SHA-256 of the slices of patient 1, seed 7: another machine must draw the same bytes."""


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_cohort(tmp_path_factory.mktemp("cohort") / "c", patients=5, seed=7, progress=False)


def digests(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_the_same_seed_gives_the_same_bytes_whatever_the_workers(cohort: Path, tmp_path: Path) -> None:
    again = make_cohort(tmp_path / "again", patients=5, seed=7, progress=False, workers=1)
    assert digests(again) == digests(cohort)
    other = make_cohort(tmp_path / "other", patients=2, seed=8, progress=False, workers=1)
    first = "covid1/patient1/SR_2/IM00001.tif"
    assert digests(other)[first] != digests(cohort)[first]


def test_a_patient_is_the_same_on_any_machine() -> None:
    drawn = make_patient(7, 1, covid=True).slices
    assert hashlib.sha256(drawn.tobytes()).hexdigest() == PATIENT_1_OF_SEED_7


def test_layout_and_tables(cohort: Path) -> None:
    names = [Path(series.name).relative_to(cohort).as_posix() for series in find_series(cohort)]
    assert names == [
        "covid1/patient1/SR_2", "covid1/patient2/SR_2",
        "normal1/patient146/SR_2", "normal1/patient147/SR_2", "normal1/patient148/SR_2",
    ]  # fmt: skip
    slices, patients = pd.read_csv(cohort / "slices.csv"), pd.read_csv(cohort / "patients.csv")
    assert all((cohort / path).is_file() for path in slices["path"])
    assert len(slices) == sum(len(series) for series in find_series(cohort)) == patients["slices"].sum()
    assert list(patients["label"]) == ["covid"] * 2 + ["normal"] * 3
    assert set(slices["label"]) == {"covid", "unlabelled", "normal"}
    assert "SYNTHETIC" in (cohort / "README.txt").read_text()


def test_masks_agree_with_the_table_and_lie_in_lung(cohort: Path) -> None:
    slices = pd.read_csv(cohort / "slices.csv")
    for row in slices.itertuples():
        mask = read_lesion_mask(cohort, str(row.path))
        assert mask.shape == (512, 512) and mask.sum() == row.lesion_pixels
        assert (row.label == "covid") == (row.lesion_pixels >= phantom.VISIBLE_LESION_PIXELS)
    worst = slices.loc[slices["lesion_pixels"].idxmax(), "path"]
    mask, pixels = read_lesion_mask(cohort, worst), read_slice(cohort / worst)
    # Diseased lung: denser than air and healthy lung, softer than bone.
    assert 300 < np.median(pixels[mask]) < 1100
    assert (pixels[mask] > 1500).mean() < 0.02
    with pytest.raises(InputError, match="no slice of this cohort"):
        read_lesion_mask(cohort, "covid1/patient99/SR_2/IM00001.tif")


@pytest.mark.parametrize("number", [3, 150])
def test_tissues_have_the_values_of_ct(number: int) -> None:
    volume = make_patient(11, number, covid=number < 146)
    assert volume.slices.dtype == np.uint16 and volume.slices.max() <= 4095
    row, column = np.mgrid[:512, :512] - 255.5
    assert (volume.slices[:, row**2 + column**2 > 256**2] == 0).all()
    middle = volume.slices[len(volume.slices) // 2]
    assert 5 < np.median(middle[5:25, 200:300]) < 40  # air before the chest
    assert 1000 < np.median(middle[(middle > 990) & (middle < 1140)]) < 1100  # soft tissue
    lung = middle[240:340, 120:370]
    assert 90 < np.median(lung[lung < 300]) < 260
    assert (middle > 1300).sum() > 500  # bone
    assert volume.lesions.any() == (number < 146)


@pytest.mark.parametrize("seed", range(5))
def test_the_rule_drops_apex_and_abdomen(seed: int) -> None:
    keep = select_slices(count_dark_pixels(make_patient(seed, 150, covid=False).slices))
    assert not keep[:2].any() and not keep[-2:].any()
    assert 0.3 < keep.mean() < 0.9


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="holds something already"):
        make_cohort(tmp_path, 2, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(InputError, match="1 patients make no cohort"):
        make_cohort(tmp_path / "new", 1, progress=False)


def test_an_interrupted_cohort_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(job: phantom.Job) -> object:
        (job[0] / "half").write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(phantom, "_write_patient", broken)
    with pytest.raises(KeyboardInterrupt):
        make_cohort(tmp_path / "c", 2, progress=False, workers=1)
    assert list(tmp_path.iterdir()) == []
