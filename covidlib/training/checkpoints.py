"""Save and restore the state of a training run after each epoch, so that an interrupted run can resume.

The checkpoint holds every variable of network and optimizer (including the random state of the dropout layers), the
history so far and the seconds spent. Batches depend on seed and epoch alone (`covidlib.training.batches`), so a resumed
run ends with the same result as an uninterrupted one. Only one process may train a run. Taught in chapter 04.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from filelock import FileLock, Timeout

from covidlib.errors import InputError
from covidlib.utils.files import replacing
from covidlib.utils.quiet_tensorflow import keras

CHECKPOINT, LOCK = "checkpoint.npz", "lock"


@dataclass(frozen=True)
class Progress:
    """The progress of a training run: the history of its finished epochs.

    Attributes
    ----------
    history : list of dict
        One entry per finished epoch: loss and accuracy on training and validation slices.
    seconds : float
        Training time so far, summed over all starts of the run.
    accumulation : int
        Number of steps whose gradients make one update; above 1 if a whole batch did not fit into memory.
    """

    history: list[dict[str, float]]
    seconds: float = 0.0
    accumulation: int = 1

    @property
    def best(self) -> float:
        """The best validation accuracy so far; −1 before the first epoch."""
        return max((epoch["val_accuracy"] for epoch in self.history), default=-1.0)


def save_checkpoint(folder: Path, model: keras.Model, progress: Progress) -> None:
    """Save the state after an epoch; it replaces the previous checkpoint only once it is complete."""
    arrays = {f"v{index:05d}": np.array(variable) for index, variable in enumerate(_state(model))}
    note = {"history": progress.history, "seconds": progress.seconds, "accumulation": progress.accumulation}
    with replacing(folder / CHECKPOINT) as part, part.open("wb") as stream:
        np.savez(stream, progress=np.array(json.dumps(note)), **arrays)  # type: ignore[arg-type]
        stream.flush()
        os.fsync(stream.fileno())


def read_progress(folder: Path) -> Progress:
    """Read the progress of the run in a folder; empty if there is no checkpoint.

    Raises
    ------
    InputError
        If the checkpoint is damaged.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        return Progress([])
    try:
        with np.load(path, allow_pickle=False) as stored:
            return Progress(**json.loads(str(stored["progress"])))
    except (OSError, ValueError, KeyError, TypeError, BadZipFile) as error:
        raise InputError(path, f"damaged checkpoint ({error})", f"Delete {folder} and train again") from error


def restore(folder: Path, model: keras.Model) -> None:
    """Restore every variable of network and optimizer from the checkpoint.

    Raises
    ------
    InputError
        If the checkpoint belongs to another network.
    """
    path, variables = folder / CHECKPOINT, _state(model)
    with np.load(path, allow_pickle=False) as stored:
        names = [name for name in stored.files if name != "progress"]
        shapes = [stored[name].shape for name in names]
        if shapes != [tuple(variable.shape) for variable in variables]:
            raise InputError(path, "this checkpoint belongs to another network", f"Delete {folder} and train again")
        for variable, name in zip(variables, names, strict=True):
            variable.assign(stored[name])


def _state(model: keras.Model) -> list[keras.Variable]:
    """Weights, moving averages, random states of the dropout layers, and the optimizer's variables."""
    return [*model.variables, *model.optimizer.variables]


@contextmanager
def exclusive_run(folder: Path) -> Iterator[None]:
    """Lock the run in a folder for this process; the lock ends with the process, however it ends.

    Raises
    ------
    InputError
        If another process is training the run.
    """
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise InputError(
            folder, "another process is training this run", "Wait for it, or start another network or fold"
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def report_full_disk(folder: Path) -> Iterator[None]:
    """Report a full disk as an InputError; finished epochs are kept.

    Raises
    ------
    InputError
        If the disk is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise InputError(
            folder,
            f"cannot write: {os.strerror(error.errno)}",
            "Free some disk space and start the same command again: it resumes after the last finished epoch",
        ) from error
