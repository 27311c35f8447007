"""Decoded slices, kept in memory or, where that does not hold them, on disk (section 2.4). Taught in chapter 04."""

from __future__ import annotations

import errno
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np


class MemoryCache:
    """Arrays, loaded once and kept.

    Parameters
    ----------
    count : int
        How many arrays.
    """

    def __init__(self, count: int) -> None:
        self._arrays: list[np.ndarray | None] = [None] * count

    def get(self, index: int, load: Callable[[], np.ndarray]) -> np.ndarray:
        """Array number `index`, from `load` the first time."""
        array = self._arrays[index]
        if array is None:
            array = self._arrays[index] = load()
        return array


class DiskCache:
    """Arrays of one shape in a nameless temporary file: loaded once, read back from then on.

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
        # Without a buffer: what does not fit fails here and now, not at a later read.
        self._file = tempfile.TemporaryFile(buffering=0, dir=folder)  # noqa: SIM115 - lives as long as its pipeline
        self._is_full = False
        self._one_at_a_time = threading.Lock()

    def get(self, index: int, load: Callable[[], np.ndarray]) -> np.ndarray:
        """Array number `index`, from `load` the first time.

        Returns
        -------
        float32 array
        """
        if self._there[index]:
            with self._one_at_a_time:
                self._file.seek(index * self._bytes_each)
                return np.frombuffer(self._file.read(self._bytes_each), np.float32).reshape(self._shape)
        array = load()
        if not self._is_full:
            with self._one_at_a_time:
                self._there[index] = self._write(index, array.astype(np.float32, copy=False).tobytes())
        return array

    def _write(self, index: int, content: bytes) -> bool:
        """Whether it is on disk now. A full disk costs time, not the run: the rest is loaded again in each epoch."""
        try:
            self._file.seek(index * self._bytes_each)
            written = self._file.write(content) == len(content)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            written = False
        self._is_full = not written
        return written
