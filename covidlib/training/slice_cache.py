"""Cache decoded slices in memory, or on disk if memory is too small (section 2.4). Taught in chapter 04."""

from __future__ import annotations

import errno
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np


class MemoryCache:
    """A cache of arrays in memory: each is loaded once.

    Parameters
    ----------
    count : int
        Number of arrays.
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
    """A cache of arrays with the same shape in an unnamed temporary file: each is loaded once, then read back.

    Each run has a separate file, so that two runs never share one; the operating system removes it when the run ends,
    even if the run is killed.

    Parameters
    ----------
    count : int
        Number of arrays.
    shape : tuple of int
        Shape of each array; the type is float32.
    folder : path, optional
        A folder on the disk to use; default: the system's folder for temporary files.
    """

    def __init__(self, count: int, shape: tuple[int, ...], folder: Path | None = None) -> None:
        self._shape = shape
        self._bytes_each = 4 * int(np.prod(shape))
        self._there = np.zeros(count, bool)
        # Without a buffer: an array that does not fit fails when it is written, not at a later read.
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
        """Write an array; False if the disk is full. The run then goes on: uncached arrays are loaded in each epoch."""
        try:
            self._file.seek(index * self._bytes_each)
            written = self._file.write(content) == len(content)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            written = False
        self._is_full = not written
        return written
