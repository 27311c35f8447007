"""covidlib.datasets.near_duplicates: copies of a slice are found in other sizes, qualities and cuts, others are not."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from covidlib.cli.main import main
from covidlib.datasets.check_folder import check_data
from covidlib.datasets.near_duplicates import (
    LEAST_AGREEMENT,
    Hashed,
    agreement,
    best_of_patients,
    hash_slices,
    similar_pairs,
)
from covidlib.datasets.picture_hash import MIRRORED, find_frames, hash_frames, mirrored_frame
from covidlib.phantom.cohort import make_cohort
from covidlib.scans.slices import read_slice
from covidlib.scans.tiff import write_slice

RNG = np.random.default_rng(6)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two synthetic patients."""
    return make_cohort(tmp_path_factory.mktemp("cohort") / "data", 2, seed=6)


@pytest.fixture(scope="module")
def lung(cohort: Path) -> np.ndarray:
    """A slice in the middle of a chest."""
    paths = sorted(min(cohort.rglob("patient*")).rglob("*.tif"))
    return read_slice(paths[len(paths) // 2])


def scaled(pixels: np.ndarray, share: float = 0.6) -> np.ndarray:
    side = int(share * len(pixels))
    small = Image.fromarray(pixels.astype(np.float32)).resize((side, side), Image.Resampling.BILINEAR)
    return np.asarray(small).round().astype(np.uint16)


def eight_bits(pixels: np.ndarray) -> np.ndarray:
    return (pixels // 16 * 16).astype(np.uint16)


def jpeg(pixels: np.ndarray) -> np.ndarray:
    """Lung window, 8 bits, strong compression, and back to 16 bits on another scale."""
    window = (np.clip((pixels.astype(float) + 326) / 1500, 0, 1) * 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(window).save(stream, "JPEG", quality=50)
    return np.asarray(Image.open(stream)).astype(np.uint16) * 16


def cropped(pixels: np.ndarray) -> np.ndarray:
    """Other shares of each border are cut off; the lungs stay whole."""
    return pixels[20:490, 30:485]


def mirrored(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(pixels[:, ::-1])


COPIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "the same": lambda pixels: pixels,
    "scaled": scaled,
    "8 bits": eight_bits,
    "JPEG": jpeg,
    "cropped": cropped,
    "mirrored": mirrored,
    "mirrored, JPEG, scaled": lambda pixels: scaled(jpeg(mirrored(pixels)), 0.5),
}


def hashed(*slices: np.ndarray) -> Hashed:
    frames = [find_frames(pixels) for pixels in slices]
    return Hashed(frames, np.stack([hash_frames(*pair) for pair in zip(slices, frames, strict=True)]))


@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_is_similar_and_agrees(lung: np.ndarray, kind: str) -> None:
    copy = COPIES[kind](lung)
    found = hashed(lung, copy)
    ((first, second, frame, is_mirrored),) = similar_pairs(found.signs, ["patient1", "patient2"])
    assert (first, second, is_mirrored) == (0, 1, "mirrored" in kind)
    boxes = found.frames[0][frame], found.frames[1][frame]
    assert boxes[0] is not None and boxes[1] is not None
    assert agreement(lung, boxes[0], copy, boxes[1], is_mirrored) > LEAST_AGREEMENT
    assert similar_pairs(found.signs, ["patient1", "patient1"]) == []


def test_a_mirrored_picture_has_the_signs_that_are_foretold(lung: np.ndarray) -> None:
    whole = [(0.0, 0.0, 1.0, 1.0)]
    signs, turned = (hash_frames(pixels, tuple(whole))[0] for pixels in (lung, mirrored(lung)))
    assert np.mean(signs * MIRRORED == turned) > 0.98
    assert mirrored_frame((0.1, 0.2, 0.5, 0.9)) == pytest.approx((0.5, 0.2, 0.9, 0.9))


def test_frames_follow_the_lungs_into_a_cut(lung: np.ndarray) -> None:
    _, body, lungs = find_frames(lung)
    assert body is not None and lungs is not None
    assert body[0] < lungs[0] < lungs[2] < body[2] and body[1] < lungs[1] < lungs[3] < body[3]
    edges = [(512 * lungs[0] - 30) / 455, (512 * lungs[1] - 20) / 470]
    edges += [(512 * lungs[2] - 30) / 455, (512 * lungs[3] - 20) / 470]
    assert find_frames(cropped(lung))[2] == pytest.approx(edges, abs=0.02)
    assert find_frames(np.full((64, 64), 7, np.uint16))[2] is None


def test_a_constant_slice_is_like_nothing() -> None:
    signs = hashed(np.full((64, 64), 7, np.uint16), np.full((64, 64), 7, np.uint16)).signs
    assert not signs.any() and similar_pairs(signs, [1, 2]) == []


def test_noise_agrees_with_nothing(lung: np.ndarray) -> None:
    noise = RNG.normal(1000, 50, (512, 512)).clip(0).astype(np.uint16)
    assert agreement(lung, (0, 0, 1, 1), noise, (0, 0, 1, 1), False) < 0.1
    assert agreement(noise, (0, 0, 1, 1), noise, (0, 0, 1, 1), False) == pytest.approx(1)


def test_of_one_slice_and_one_patient_only_the_best_pair_stays() -> None:
    owners = ["one", "one", "two", "three"]
    pairs = [(0, 2, False, 0.97), (1, 2, False, 0.9), (0, 3, True, 0.7), (1, 3, False, 0.6)]
    assert best_of_patients(pairs, owners) == [(0, 2, False, 0.97), (0, 3, True, 0.7)]


def copy_to_another_patient(cohort: Path, kind: str) -> tuple[str, str]:
    """Put a copy of a middle slice of the first patient among the slices of the last; paths of both."""
    patients = sorted({path.parent for path in cohort.rglob("IM*.tif")})
    paths = sorted(patients[0].glob("*.tif"))
    source, target = paths[len(paths) // 2], patients[-1] / "IM00099.tif"
    write_slice(target, COPIES[kind](read_slice(source)))
    return source.relative_to(cohort).as_posix(), target.relative_to(cohort).as_posix()


def near(report_root: Path, **options: object) -> list[tuple[str, str, str]]:
    problems = check_data(report_root, near_duplicates=True, **options).problems  # type: ignore[arg-type]
    return [(row.kind, row.path, row.detail) for row in problems.itertuples() if row.kind.startswith("near-")]


@pytest.fixture
def changed(cohort: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(cohort, tmp_path / "data"))


def test_a_clean_cohort_gives_no_alarm(cohort: Path) -> None:
    assert near(cohort) == []


@pytest.mark.parametrize("kind", ["JPEG", "mirrored, JPEG, scaled"])
def test_a_planted_copy_is_reported_once(changed: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = copy_to_another_patient(changed, kind)
    first, second = sorted((source, target))
    ((found, where, detail),) = near(changed)
    assert (found, where) == ("near-duplicate across patients", first)
    assert f"shows the same as {second}{' mirrored' if 'mirrored' in kind else ''} (detail agrees to 0." in detail
    capsys.readouterr()
    assert main(["check-data", str(changed), "--near-duplicates", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert [one["path"] for one in report["problems"] if one["kind"] == found] == [first]
    assert main(["check-data", str(changed), "--json"]) in (0, 1)
    assert "near-duplicate" not in capsys.readouterr().out


def test_a_copy_on_another_side_of_a_split_is_named_with_its_sides(changed: Path, tmp_path: Path) -> None:
    flat = tmp_path / "flat"
    flat.mkdir()
    source, target = copy_to_another_patient(changed, "scaled")
    names = {}
    for path in changed.rglob("IM*.tif"):
        relative = path.relative_to(changed).as_posix()
        names[relative] = relative.replace("/", "_")
        path.rename(flat / names[relative])
    lists = tmp_path / "CSV"
    lists.mkdir()
    patient = target.rsplit("/", 1)[0].replace("/", "_")
    for side, is_test in (("train", False), ("test", True)):
        chosen = [name for name in names.values() if name.startswith(patient) == is_test]
        rows = [f"{name},{name.split('_')[0].rstrip('1')}" for name in chosen]
        (lists / f"{side}1.csv").write_text("\n".join(["filename,class", *rows]) + "\n")
    ((kind, _, detail),) = near(flat, splits=lists)
    assert kind == "near-duplicate across sides" and detail.endswith("of fold 1")
    assert "test and train" in detail or "train and test" in detail


def test_neighbours_of_a_real_series_are_no_duplicates(real_series_folder: Path) -> None:
    paths = sorted(real_series_folder.glob("*.dcm"))[::4]
    found = hash_slices(paths)
    assert similar_pairs(found.signs, ["patient"] * len(paths)) == []
