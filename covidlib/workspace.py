"""Data and runs for the notebooks: the synthetic cohort, the training runs, and the first cell's line.

Each is made once and reused. In a clone of the repository they are stored under `data/` and `runs/`;
elsewhere (Colab) in the user's cache; `COVIDLIB_HOME` sets another folder. Taught in the introduction.
"""

from __future__ import annotations

import dataclasses
import platform
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from covidlib import __version__
from covidlib.utils.files import check_folder
from covidlib.utils.folders import home, source_hash
from covidlib.utils.locks import one_at_a_time

if TYPE_CHECKING:
    from covidlib.protocols import Protocol
    from covidlib.training.runs import Run

CODE_OF_THE_COHORT = ("phantom", "scans/tiff")
COHORT_PATIENTS = 50
COHORT_SEED = 2020
SHORTCUT_PATIENTS, SHORTCUT_SLICES = 40, 10
"""What counts is the number of patients: more patients with fewer slices each are drawn in the same time."""
SHORTCUT_SEED = 2021
"""Differs from the cohort's seed: the chest depends on seed and patient number, so these are other patients."""
SHORTCUT_EPOCHS = 2
"""Factor for the protocol's epochs: with about half as many slices per epoch, a run takes about as many steps."""


def cohort(data: str = "", progress: bool = False) -> Path:
    """The dataset folder for a chapter: the given one, or the book's synthetic cohort, which is made if missing.

    Raises
    ------
    InputError
        If the given folder does not exist or is a file.
    """
    if data:
        check_folder(data, 'Name a dataset folder, or leave it out ("") for the synthetic cohort')
        return Path(data)
    from covidlib.phantom.cohort import make_cohort

    folder = cohort_folder()
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with one_at_a_time(folder):
            if not folder.is_dir():
                make_cohort(folder, COHORT_PATIENTS, COHORT_SEED, progress)
    return folder


def cohort_folder() -> Path:
    """The folder of the book's synthetic cohort, whether or not it exists yet."""
    return home() / "data" / f"synthetic-{source_hash(CODE_OF_THE_COHORT)}"


def shortcut_cohort() -> Path:
    """The folder of the synthetic cohort in which the scanner depends on the class; it is made if missing."""
    from covidlib.phantom.cohort import make_cohort

    made = f"{SHORTCUT_PATIENTS}-{SHORTCUT_SLICES}-{SHORTCUT_SEED}-{source_hash(CODE_OF_THE_COHORT)}"
    folder = home() / "data" / f"shortcut-{made}"
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with one_at_a_time(folder):
            if not folder.is_dir():
                make_cohort(
                    folder, SHORTCUT_PATIENTS, SHORTCUT_SEED, progress=False, most_slices=SHORTCUT_SLICES, shortcut=True
                )
    return folder


def shortcut_run(protocol: Protocol, network: str = "xception") -> Run:
    """Train a network on fold 1 of the shortcut cohort, or return the finished run."""
    from covidlib.datasets.slice_table import load_dataset
    from covidlib.training.train import train_fold

    longer = dataclasses.replace(protocol, epochs=SHORTCUT_EPOCHS * protocol.epochs, folds_from="patients")
    return train_fold(load_dataset(shortcut_cohort()), network, 1, longer, home() / "runs", progress=False)


def runs(protocol: Protocol, data: str | Path, progress: bool = False) -> list[Run]:
    """The fifteen runs of a protocol on a dataset; missing ones are trained, by one process at a time."""
    from covidlib.datasets.slice_table import load_dataset
    from covidlib.training import progress as overview
    from covidlib.training import train

    # The paper's protocol validates on test images: choosing it means accepting that leak.
    leak_accepted = protocol.validation == "test-subset"
    dataset, folder = load_dataset(data), home() / "runs"
    all_there = overview.overview(protocol, folder, dataset.fingerprint)["state"].eq(overview.FINISHED).all()
    if not all_there:
        folder.mkdir(parents=True, exist_ok=True)
    # Finished runs are read without a lock: they may have been copied to a read-only place for a class.
    with nullcontext() if all_there else one_at_a_time(folder / protocol.name):
        return train.train_all(dataset, protocol, folder, progress=progress, allow_leak=leak_accepted)


def begin(protocol: str) -> None:
    """Start a notebook: set the figure style, and print one line with protocol, device and versions."""
    from covidlib.plotting.style import style

    style()
    print(_versions_line(protocol))


def _versions_line(protocol: str) -> str:
    from covidlib.utils.quiet_tensorflow import tf

    gpus = tf.config.list_physical_devices("GPU")
    device = f"{len(gpus)} GPU" if gpus else "CPU"
    names = ("tensorflow", "keras", "numpy")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    return (
        f"protocol {protocol.upper()}, {device}, covidlib {__version__}, Python {platform.python_version()}, {versions}"
    )
