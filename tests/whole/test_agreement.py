"""The engines agree with 32 bits in Keras: every network, small and full, on synthetic and on real slices."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from covidlib import workspace
from covidlib.datasets.slice_table import load_dataset
from covidlib.inference import choose_engine
from covidlib.inference.half_precision import TOLERANCE, check_images
from covidlib.inference.stream import selected_paths
from covidlib.networks import models
from covidlib.networks.inputs import load_images, scale, shrink
from covidlib.networks.random_weights import untrained
from covidlib.networks.weights import WeightsNote, load_weights, save_weights
from covidlib.phantom.cohort import make_patient
from covidlib.protocols import QUICK
from covidlib.scans.gate import find_series
from covidlib.selection import count_dark_pixels, select_series, select_slices
from covidlib.training.runs import RECORD, WEIGHTS, runs_folder
from covidlib.utils import folders, machine

NAMES = ("tensorflow", *(["openvino"] if machine.installed("openvino") else []))


@dataclass(frozen=True)
class Network:
    """Weights on disk and what Keras says of some slices."""

    weights: Path
    note: WeightsNote
    images: np.ndarray

    @property
    def expected(self) -> np.ndarray:
        return load_weights(self.weights)[0].predict(self.images, batch_size=4, verbose=0)[:, 0]


def cohort_images(note: WeightsNote) -> np.ndarray:
    """Selected slices of two of the book's own patients, one of each class."""
    slices = [
        make_patient(workspace.COHORT_SEED, number, covid, 10).slices for number, covid in ((2, True), (147, False))
    ]
    kept = np.concatenate([one[select_slices(count_dark_pixels(one))] for one in slices])
    return scale(shrink(kept, note.input_shape[0])[..., np.newaxis], note.scaling).numpy()


def agree(network: Network, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COVIDLIB_HOME", str(home))
    expected = network.expected
    assert np.ptp(expected) > 2 * TOLERANCE, "slices that all get one probability would agree about anything"
    for name in NAMES:
        for precision in ("auto", "float32"):
            engine = choose_engine.open_engine(network.weights, engine=name, precision=precision)
            difference = np.abs(engine.predict(network.images) - expected).max()
            print(f"{engine.describe()}; here {difference:.1g}")
            assert difference <= (TOLERANCE if engine.precision == "bfloat16" else 1e-4), engine.describe()


@pytest.mark.parametrize("name", models.NAMES)
def test_small_networks_on_synthetic_slices(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note = WeightsNote(name, "quick", (128, 128, 1), "lung-window", "none", 0, "nothing")
    weights = tmp_path / "random.weights.h5"
    save_weights(untrained(name, note.input_shape, note.size, check_images(note)), weights, note)
    agree(Network(weights, note, cohort_images(note)), tmp_path, monkeypatch)


@pytest.mark.slow
def test_the_full_network_on_synthetic_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note = WeightsNote("resnet50v2-fpn", "paper", (512, 512, 1), "lung-window", "none", 0, "nothing")
    weights = tmp_path / "random.weights.h5"
    save_weights(untrained(note.network, note.input_shape, note.size, check_images(note)[::2]), weights, note)
    agree(Network(weights, note, cohort_images(note)[::2]), tmp_path, monkeypatch)


@pytest.mark.parametrize("name", models.NAMES)
def test_trained_networks_on_cohort_and_real_slices(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    cohort = workspace.cohort_folder()
    if not cohort.is_dir():
        pytest.skip("the book's cohort is not drawn on this machine yet: make book")
    folder = runs_folder(QUICK, folders.home() / "runs", load_dataset(cohort).fingerprint) / name
    finished = sorted(record.parent for record in folder.glob(f"fold*/{RECORD}"))
    if not finished:
        pytest.skip("the book's networks are not trained on this machine yet: make book")
    # The pyramid's heads fall silent in some folds (chapter 04): such a network says the same of every slice.
    for fold in finished:
        weights = fold / WEIGHTS
        note = load_weights(weights)[1]
        network = Network(weights, note, cohort_images(note))
        if np.ptp(network.expected) > 2 * TOLERANCE:
            break
    else:
        pytest.skip(f"no trained {name} tells slices apart")
    agree(network, tmp_path, monkeypatch)
    (series,) = find_series(request.getfixturevalue("real_series_folder"))
    paths = selected_paths(select_series(series))
    assert len(paths) > 10
    agree(Network(weights, note, load_images(paths, note.input_shape[0], note.scaling)), tmp_path, monkeypatch)
