"""Decoded slices on disk, for training data that memory does not hold (paper, section 2.4). Taught in chapter 04."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np


class DiskCache:
    """Arrays of one shape in a nameless temporary file: loaded once, read back from then on. Taught in chapter 04.

    Each run has a file of its own, so that two runs never meet; the operating system removes it when the run ends,
    even if the run is killed.

    Parameters
    ----------
    count : int
        How many arrays.
    shape : tuple of int
        Of each array, float32.
    folder : path, optional
        On the disk to use; without it, the system's folder for temporary files.
    """

    def __init__(self, count: int, shape: tuple[int, ...], folder: Path | None = None) -> None:
        self._shape = shape
        self._bytes_each = 4 * int(np.prod(shape))
        self._there = np.zeros(count, bool)
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed with the last pipeline that uses it
        self._one_at_a_time = threading.Lock()

    def get(self, index: int, load: Callable[[], np.ndarray]) -> np.ndarray:
        """Array number `index`, from `load` the first time. Taught in chapter 04.

        Returns
        -------
        float32 array
        """
        if self._there[index]:
            with self._one_at_a_time:
                self._file.seek(index * self._bytes_each)
                return np.frombuffer(self._file.read(self._bytes_each), np.float32).reshape(self._shape)
        array = load()
        try:
            with self._one_at_a_time:
                self._file.seek(index * self._bytes_each)
                self._file.write(array.astype(np.float32, copy=False).tobytes())
                self._file.flush()
                self._there[index] = True
        except OSError:
            pass  # a full disk costs time, not the run: the slice is loaded again in the next epoch
        return array
