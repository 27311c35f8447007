"""Where the notebooks find things: the synthetic cohort, the runs, the real series; and how each of them begins.

Each is made or fetched once and reused. In a clone of the repository they live beside it, under `data/` and `runs/`;
elsewhere (Colab) under the user's cache; `COVIDLIB_HOME` names another place. Taught in the introduction.
"""

from __future__ import annotations

import dataclasses
import platform
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from covidlib import __version__
from covidlib.errors import InputError
from covidlib.utils.folders import home, source_hash
from covidlib.utils.locks import one_at_a_time

if TYPE_CHECKING:
    from covidlib.protocols import Protocol
    from covidlib.scans.series import Series
    from covidlib.training.runs import Run

CODE_OF_THE_COHORT = ("phantom", "scans/tiff")
COHORT_PATIENTS = 50
COHORT_SEED = 2020
SHORTCUT_PATIENTS, SHORTCUT_SLICES = 40, 10
"""Patients count, slices repeat them: more patients with fewer slices each are drawn in the same time."""
SHORTCUT_SEED = 2021
"""Not the book's: a patient's number and the seed make the chest, so these are other people."""
SHORTCUT_EPOCHS = 2
"""Times the protocol's epochs: with about half as many slices an epoch, a run takes about as many steps."""


def cohort(data: str = "", progress: bool = False) -> Path:
    """The dataset folder that a chapter works on: the one named, or the book's synthetic cohort, made if need be.

    Raises
    ------
    InputError
        If a folder is named and does not exist.
    """
    if data:
        if not Path(data).is_dir():
            raise InputError(data, "is no folder", 'Give DATA a dataset folder, or "" for the synthetic cohort')
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
    """Where the book's synthetic cohort is, or will be drawn."""
    return home() / "data" / f"synthetic-{source_hash(CODE_OF_THE_COHORT)}"


def shortcut_cohort() -> Path:
    """The synthetic cohort in which the scanner follows the class, made if need be."""
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
    """One network trained on fold 1 of the shortcut cohort, or the run that is there."""
    from covidlib.datasets.slice_table import load_dataset
    from covidlib.training.train import train_fold

    longer = dataclasses.replace(protocol, epochs=SHORTCUT_EPOCHS * protocol.epochs, folds_from="patients")
    return train_fold(load_dataset(shortcut_cohort()), network, 1, longer, home() / "runs", progress=False)


def runs(protocol: Protocol, data: str | Path, progress: bool = False) -> list[Run]:
    """The fifteen runs of a protocol on a dataset, trained if they are not there; of two chapters one waits."""
    from covidlib.datasets.slice_table import load_dataset
    from covidlib.training import progress as overview
    from covidlib.training import train

    # Whoever names the paper's protocol on a page that explains its validation set asks for that leak.
    asked_for = protocol.validation == "test-subset"
    dataset, folder = load_dataset(data), home() / "runs"
    all_there = overview.overview(protocol, folder, dataset.fingerprint)["state"].eq(overview.FINISHED).all()
    if not all_there:
        folder.mkdir(parents=True, exist_ok=True)
    # Who only reads takes no lock: runs that were carried to a classroom may lie where nothing can be written.
    with nullcontext() if all_there else one_at_a_time(folder / protocol.name):
        return train.train_all(dataset, protocol, folder, progress=progress, allow_leak=asked_for)


def real_series() -> Series | None:
    """The real chest CT series (Lung-PET-CT-Dx A0001, CC BY 4.0), or None where nothing serves it."""
    from covidlib import errors
    from covidlib.datasets import public_files
    from covidlib.scans.series import find_series

    try:
        folder = public_files.fetch_folder(public_files.REAL_SERIES)
    except errors.Unavailable:
        return None
    return find_series(folder)[0]


def begin(protocol: str) -> None:
    """Start a notebook: set the style of figures, and print one line of versions, device and protocol."""
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
