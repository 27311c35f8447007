"""Small series, cohorts and the real files, for all tests."""

from __future__ import annotations

import os
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest
from support.made import body_slice, write_series

from covidlib.scans.tiff import write_slice

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that starts the tests in the background lets them, and the processes they start, ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def series_folder(tmp_path: Path) -> Path:
    """Five slices of one series: closed, open, open, open, closed."""
    return write_series(tmp_path / "covid1" / "patient1" / "SR_2", [30, 2500, 3000, 2100, 40])


@pytest.fixture(scope="session")
def small_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten patients of each class with three slices; infected ones have a grey square that a network can see."""
    root = tmp_path_factory.mktemp("dataset")
    generator = np.random.default_rng(1)
    for index in range(20):
        covid = index < 10
        name = f"covid1/patient{index + 1}/SR_2" if covid else f"normal1/patient{146 + index}/SR_2"
        folder = root / name
        folder.mkdir(parents=True)
        for number, dark in enumerate([20, 2500, 2600], start=1):
            pixels = body_slice(dark, 100 * index + number)
            if covid:
                row, column = generator.integers(350, 400, 2)
                pixels[row : row + 80, column - 100 : column] = 300
            write_slice(folder / f"IM{number:05d}.tif", pixels)
    return root


@pytest.fixture
def untraced() -> Iterator[None]:
    """TensorFlow computes step by step: tracing a network costs as much as dozens of the few steps of a small run.

    For tests of what is done with a run. Those of training itself trace, as users' runs do.
    """
    import tensorflow as tf

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not apply to tf.data functions")
        tf.config.run_functions_eagerly(True)
        yield
        tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder of real public files, where the machine has one."""
    named = os.environ.get("COVIDLIB_MIRROR")
    if not named or not Path(named).is_dir():
        pytest.skip("COVIDLIB_MIRROR names no folder with the real public files")
    return Path(named)


@pytest.fixture(scope="session")
def real_series_folder(mirror: Path) -> Path:
    """The 64 DICOM slices of a lung-cancer patient."""
    folders = {path.parent for path in (mirror / "huyenbui117").rglob("*.dcm")}
    if len(folders) != 1:
        pytest.skip("the mirror does not hold the real CT series")
    return folders.pop()


@pytest.fixture(scope="session")
def untrained_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights file of the small pyramid network, as it is before training."""
    from covidlib.networks import models
    from covidlib.networks.weights import WeightsNote, save_weights

    path = tmp_path_factory.mktemp("weights") / "fpn.weights.h5"
    note = WeightsNote("resnet50v2-fpn", "quick", (128, 128, 1), "fixed-4095", "quick", 1, "made for a test")
    save_weights(models.build("resnet50v2-fpn", (128, 128, 1), "quick"), path, note)
    return path
