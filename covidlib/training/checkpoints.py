"""What a training run needs to go on after any interruption: one file an epoch, whole or not at all; one process a run.

The file holds every variable of network and optimizer (the state of the random numbers for dropout too), the history so
far and the seconds spent. Batches are a function of seed and epoch (`covidlib.training.batches`), so a run that is
taken up again ends as if it had never stopped. Taught in chapter 04.
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
    """How far a run has come.

    Attributes
    ----------
    history : list of dict
        One entry a finished epoch: loss and accuracy on training and validation slices.
    seconds : float
        Spent on training so far, in all sittings.
    accumulation : int
        Steps whose gradients make one update; above 1 where memory did not hold a whole batch.
    """

    history: list[dict[str, float]]
    seconds: float = 0.0
    accumulation: int = 1

    @property
    def best(self) -> float:
        """The best validation accuracy so far; −1 before the first epoch."""
        return max((epoch["val_accuracy"] for epoch in self.history), default=-1.0)


def save_checkpoint(folder: Path, model: keras.Model, progress: Progress) -> None:
    """Write the state after an epoch; the file before stays whole until the new one is."""
    arrays = {f"v{index:05d}": np.array(variable) for index, variable in enumerate(_state(model))}
    note = {"history": progress.history, "seconds": progress.seconds, "accumulation": progress.accumulation}
    with replacing(folder / CHECKPOINT) as part, part.open("wb") as stream:
        np.savez(stream, progress=np.array(json.dumps(note)), **arrays)  # type: ignore[arg-type]
        stream.flush()
        os.fsync(stream.fileno())


def read_progress(folder: Path) -> Progress:
    """How far the run in a folder has come; nothing done yet if there is no checkpoint.

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
        raise InputError(path, f"is damaged ({error})", f"Delete {folder} and train again") from error


def restore(folder: Path, model: keras.Model) -> None:
    """Set every variable of network and optimizer as the checkpoint has it.

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
            raise InputError(path, "belongs to another network", f"Delete {folder} and train again")
        for variable, name in zip(variables, names, strict=True):
            variable.assign(stored[name])


def _state(model: keras.Model) -> list[keras.Variable]:
    """Weights, moving averages, the dropouts' random states, and what the optimizer keeps."""
    return [*model.variables, *model.optimizer.variables]


@contextmanager
def exclusive_run(folder: Path) -> Iterator[None]:
    """Hold the run in a folder; the lock ends with the process, however it ends.

    Raises
    ------
    InputError
        If another process holds it.
    """
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise InputError(
            folder, "is being trained by another process", "Wait for it, or start another network or fold"
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def report_full_disk(folder: Path) -> Iterator[None]:
    """Turn a full disk into one sentence; what was finished before stays.

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
            f"cannot be written: {os.strerror(error.errno)}",
            "Free space and start the same command again: it goes on after the last finished epoch",
        ) from error
