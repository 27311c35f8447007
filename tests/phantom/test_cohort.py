"""covidlib.phantom.cohort: the same bytes from the same seed, anatomy in range, lesions where the table says."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.made import ROOT

from covidlib.errors import InputError
from covidlib.phantom import cohort as phantom
from covidlib.phantom import disease, lungs, scanner
from covidlib.phantom.body import choose_body
from covidlib.phantom.cohort import make_cohort, make_patient, read_lesion_mask
from covidlib.scans.gate import find_series
from covidlib.scans.series import read_series
from covidlib.scans.slices import read_slice
from covidlib.selection import count_dark_pixels, select_slices

PATIENT_1_OF_SEED_7 = "94d23991120e377620e0e25bfa9083fc1af01405a50c11d24a09781aae9ec09a"
"""SHA-256 of the slices of patient 1, seed 7: another machine must draw the same bytes."""


SEED = 7


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_cohort(
        tmp_path_factory.mktemp("cohort") / "c", patients=3, seed=SEED, progress=False, workers=2, most_slices=9
    )


def digests(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_the_same_seed_gives_the_same_bytes_whatever_the_workers(cohort: Path, tmp_path: Path) -> None:
    again = make_cohort(tmp_path / "again", patients=3, seed=SEED, progress=False, workers=1, most_slices=9)
    assert digests(again) == digests(cohort)
    other = make_cohort(tmp_path / "other", patients=2, seed=SEED + 1, progress=False, workers=1, most_slices=4)
    first = "covid1/patient1/SR_2/IM00001.tif"
    assert digests(other)[first] != digests(cohort)[first]


@pytest.mark.parametrize("way", ["a script", "standard input"])
def test_a_script_needs_no_guard_and_leaves_no_process(way: str, cohort: Path, tmp_path: Path) -> None:
    call = f"make_cohort('c', 3, {SEED}, False, 2, most_slices=9)"
    code = f"from covidlib.phantom.cohort import make_cohort\nprint({call})\n"
    script = tmp_path / "draw.py"
    script.write_text(code)
    ended = subprocess.run(
        [sys.executable, "-" if way == "standard input" else script], input=code, cwd=tmp_path, capture_output=True,
        text=True, timeout=300, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    # Whoever reads its output to the end has waited for the workers too: they hold the pipe.
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "c\n", "")
    assert digests(tmp_path / "c") == digests(cohort)


def test_a_patient_is_the_same_on_any_machine() -> None:
    drawn = make_patient(7, 1, covid=True).slices
    assert hashlib.sha256(drawn.tobytes()).hexdigest() == PATIENT_1_OF_SEED_7


def test_layout_and_tables(cohort: Path) -> None:
    names = [Path(series.name).relative_to(cohort).as_posix() for series in find_series(cohort)]
    assert names == [
        "covid1/patient1/SR_2",
        "normal1/patient146/SR_2",
        "normal1/patient147/SR_2",
    ]
    slices, patients = pd.read_csv(cohort / "slices.csv"), pd.read_csv(cohort / "patients.csv")
    assert all((cohort / path).is_file() for path in slices["path"])
    assert len(slices) == sum(len(series) for series in find_series(cohort)) == patients["slices"].sum()
    assert list(patients["label"]) == ["covid"] + ["normal"] * 2
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
    with pytest.raises(InputError, match="no such slice in this cohort"):
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


@pytest.mark.parametrize(("seed", "number"), [(seed, number) for seed in range(3) for number in (2, 150)])
def test_the_rule_keeps_one_block_and_drops_apex_and_abdomen(seed: int, number: int) -> None:
    keep = select_slices(count_dark_pixels(make_patient(seed, number, covid=number < 146).slices))
    if number >= 146:  # heavy disease may darken a slice in the middle; a healthy chest is one block
        assert np.count_nonzero(np.diff(keep.astype(int))) == 2
    assert not keep[:2].any() and not keep[-2:].any()
    assert 0.4 < keep.mean() < 0.9


def test_lesions_lie_inside_the_lungs() -> None:
    ill, healthy = (make_patient(3, 1, covid, most_slices=8) for covid in (True, False))
    assert not healthy.lesions.any() and ill.lesions.sum() > 3000
    # The same chest without disease has air or a vessel where the lesions are.
    assert (healthy.slices[ill.lesions] < 400).mean() > 0.9
    assert (ill.slices[ill.lesions] > 300).mean() > 0.9
    assert (ill.slices[ill.lesions] > 1200).mean() < 0.01
    tissue = (healthy.slices > 1000) & (healthy.slices < 1150) & ~ill.lesions
    assert (ill.slices[tissue] == healthy.slices[tissue]).mean() > 0.99


def test_slices_lie_closer_when_more_are_asked_for() -> None:
    assert len(make_patient(3, 150, covid=False, most_slices=6).slices) == 6


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="is not an empty folder"):
        make_cohort(tmp_path, 2, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    for path in (tmp_path / "mine.txt", tmp_path / "mine.txt" / "below"):
        with pytest.raises(InputError, match="mine.txt: is a file, not a folder"):
            make_cohort(path, 2, progress=False)


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"patients": 1}, "patients=1: is below 2. Give 2 to 291"),
        ({"patients": -2}, "patients=-2: is below 2"),
        ({"patients": 292}, "patients=292: is above 291"),
        ({"patients": 2.5}, "patients=2.5: is not a whole number"),
        ({"seed": -1}, "seed=-1: is below 0. Give 0 or more"),
        ({"seed": np.int64(-1)}, "seed=-1: is below 0"),
        ({"seed": 2.0}, "seed=2.0: is not a whole number"),
        ({"seed": "a"}, "seed='a': is not a whole number"),
        ({"seed": None}, "seed=None: is not a whole number"),
        ({"most_slices": 0}, "most_slices=0: is below 1"),
        ({"workers": 0}, "workers=0: is below 1"),
    ],
)
def test_a_number_that_makes_no_cohort_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: dict[str, object], words: str
) -> None:
    monkeypatch.setattr(phantom, "_write_patient", lambda *_: pytest.fail("it was drawn"))
    with pytest.raises(InputError, match=words):
        make_cohort(tmp_path / "new", **{"patients": 2, "progress": False, **chosen})  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_the_largest_cohort_gives_no_number_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers: list[int] = []

    def drawn(root: Path, seed: int, number: int, *_: object) -> tuple[pd.DataFrame, dict[str, object]]:
        numbers.append(number)
        return pd.DataFrame({"path": ["a"]}), {"patient": number}

    monkeypatch.setattr(phantom, "_write_patient", drawn)
    make_cohort(tmp_path / "large", phantom.MOST_PATIENTS, progress=False, workers=1)
    assert len(set(numbers)) == len(numbers) == 291


def test_a_patient_is_drawn_from_numbers_of_numpy_but_not_below_zero() -> None:
    one, other = make_patient(np.int64(3), np.int64(150), False, 2), make_patient(3, 150, False, 2)
    assert np.array_equal(one.slices, other.slices)
    for chosen in ((-1, 150, False), (3, -1, False), (3, 150, False, 0)):
        with pytest.raises(InputError, match="is below"):
            make_patient(*chosen)


def test_an_interrupted_cohort_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(root: Path, *_: object) -> object:
        (root / "half").write_text("half")
        raise KeyboardInterrupt

    monkeypatch.setattr(phantom, "_write_patient", broken)
    with pytest.raises(KeyboardInterrupt):
        make_cohort(tmp_path / "c", 2, progress=False, workers=1)
    assert list(tmp_path.iterdir()) == []


def scans(covid: bool, shortcut: bool) -> list[scanner.Scan]:
    return [scanner.choose_scan(np.random.default_rng(number), covid, shortcut) for number in range(200)]


def test_the_scanner_knows_the_class_only_with_the_shortcut() -> None:
    assert scans(True, False) == scans(False, False)
    thickness = {scan.thickness_mm for scan in scans(True, False)}
    assert min(thickness) == 1.5 and max(thickness) == 8.0
    ill, healthy = scans(True, True), scans(False, True)
    assert 0.8 < np.mean([scan.kernel == "sharp" for scan in ill]) < 0.97
    assert 0.8 < np.mean([scan.kernel == "smooth" for scan in healthy]) < 0.97
    assert np.mean([scan.thickness_mm for scan in healthy]) > 2 * np.mean([scan.thickness_mm for scan in ill])


def test_thin_and_sharp_slices_are_noisier() -> None:
    by_kernel = {
        kernel: [scan for scan in scans(True, False) if scan.kernel == kernel] for kernel in ("sharp", "smooth")
    }
    for found in by_kernel.values():
        thin = np.mean([scan.noise for scan in found if scan.thickness_mm <= 2])
        assert thin > 1.5 * np.mean([scan.noise for scan in found if scan.thickness_mm >= 6])
    assert min(scan.noise for scan in by_kernel["sharp"]) > 15


def test_lesions_have_many_scales_and_sit_at_the_rim_of_the_bases() -> None:
    body = choose_body(np.random.default_rng(1))
    found = [lesion for seed in range(60) for lesion in disease.choose_lesions(np.random.default_rng(seed), body)]
    widths = np.array([2 * max(lesion.axes) for lesion in found])
    assert widths.min() < 4 and 50 < widths.max() <= 60
    assert {lesion.crazy_paving for lesion in found} == {True, False}
    values = np.array([lesion.value for lesion in found])
    assert (values < 700).mean() > 0.5 and (values > 800).mean() > 0.15  # ground glass, consolidation
    low = np.array([lesion.centre[2] for lesion in found]) > (body.apex + body.dome_right) / 2
    behind = np.array([lesion.centre[1] for lesion in found]) > 0
    assert low.mean() > 0.6 and behind.mean() > 0.6


def test_healthy_lungs_have_confounders_that_no_mask_marks() -> None:
    found = [disease.choose_atelectasis(np.random.default_rng(seed), choose_body(np.random.default_rng(seed)))
             for seed in range(80)]  # fmt: skip
    assert 0.4 < np.mean([one is not None for one in found]) < 0.8
    number = next(n for n in range(146, 200) if _patient_has_atelectasis(3, n))
    with_it = make_patient(3, number, covid=False, most_slices=12)
    lower = with_it.slices[6:10]
    assert not with_it.lesions.any()
    veiled = (lower > 320) & (lower < 700)
    assert veiled[:, 256:].sum() > 1.5 * veiled[:, :256].sum()  # at the back, where the patient lies


def _patient_has_atelectasis(seed: int, number: int) -> bool:
    chest = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, number, 0])))
    body = choose_body(chest)
    for side in (-1, 1):
        for kind in (0, 1):
            lungs.vessel_tree(chest, body, side, kind)
    return disease.choose_atelectasis(chest, body) is not None


def test_lung_values_overlap_with_the_real_series(real_series_folder: Path) -> None:
    def lung_histogram(slices: np.ndarray) -> np.ndarray:
        region = slices[select_slices(count_dark_pixels(slices))][:, 240:340, 120:370]
        counts = np.histogram(region, bins=range(0, 701, 20))[0]
        return counts / counts.sum()

    real = lung_histogram(read_series(find_series(real_series_folder)[0]))
    # The real series was made with a sharp kernel (Philips L): compare it with its like.
    drawn = [make_patient(SEED, number, False, most_slices=10) for number in range(146, 158)]
    sharp = [lung_histogram(volume.slices) for volume in drawn if volume.kernel == "sharp"]
    assert len(sharp) >= 3 and np.minimum(real, np.mean(sharp, 0)).sum() > 0.7
