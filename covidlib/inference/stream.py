"""Read, select and classify as a stream: slices are read ahead while the engine works (paper, Table 7).

The rule of section 2.2 needs the counts of a whole series before it keeps one slice, so a series is counted first,
through the rows of the region alone; then only its selected slices are read whole, a few batches ahead of the engine,
while the next series is counted. Memory does not grow with the number of slices. Taught in chapter 06.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from covidlib.errors import InputError
from covidlib.inference.engine import Engine
from covidlib.scans.series import Series
from covidlib.selection import Selection, select_series

BATCHES_AHEAD = 3
"""Batches that are being read, or wait, while the engine works."""
READERS = 2


def probabilities(paths: Sequence[str | Path], engine: Engine) -> np.ndarray:
    """p(COVID-19) of slices on disk, in their order.

    Parameters
    ----------
    paths : sequence of path
        Selected slices, of one series or of several.

    Returns
    -------
    float32 array, shape (slices,)

    Raises
    ------
    InputError
        If a slice cannot be read, does not average down to the network's size, or gets no number from the network.
    """
    return np.concatenate([np.zeros(0, np.float32), *classified_batches(paths, engine)])


def classified_batches(paths: Sequence[str | Path], engine: Engine) -> Iterator[np.ndarray]:
    """The same, batch after batch, for a progress bar."""
    with _readers() as pool:
        yield from _batches(paths, engine, pool)


def classified_series(series: Iterable[Series], engine: Engine) -> Iterator[tuple[Selection, np.ndarray]]:
    """Select and classify series after series: the next is counted while one is classified.

    Yields
    ------
    selection : Selection
        What the rule made of the series.
    p_covid : float32 array, shape (selected slices,)

    Raises
    ------
    InputError
        If a slice cannot be read, or a series is not fit for the rule.
    """
    with _readers() as pool:
        remaining = iter(series)
        counted: Future[Selection] | None = _next_selection(remaining, pool)
        while counted is not None:
            selection = counted.result()
            counted = _next_selection(remaining, pool)
            yield (
                selection,
                np.concatenate([np.zeros(0, np.float32), *_batches(selected_paths(selection), engine, pool)]),
            )


def selected_paths(selection: Selection) -> list[Path]:
    """The files of the slices that the rule keeps, in slice order."""
    return [path for path, kept in zip(selection.series.files, selection.keep, strict=True) if kept]


def _next_selection(series: Iterator[Series], pool: ThreadPoolExecutor) -> Future[Selection] | None:
    one = next(series, None)
    return None if one is None else pool.submit(select_series, one)


def _batches(paths: Sequence[str | Path], engine: Engine, pool: ThreadPoolExecutor) -> Iterator[np.ndarray]:
    from covidlib.networks.inputs import load_images

    side, scaling = engine.note.input_shape[0], engine.note.scaling
    starts = iter(range(0, len(paths), engine.batch_size))
    waiting: deque[tuple[int, Future[np.ndarray]]] = deque()

    def read_ahead() -> None:
        for start in starts:
            reading = pool.submit(load_images, paths[start : start + engine.batch_size], side, scaling)
            waiting.append((start, reading))
            if len(waiting) >= BATCHES_AHEAD:
                return

    read_ahead()
    while waiting:
        start, reading = waiting.popleft()
        images = reading.result()
        read_ahead()
        found = engine.predict(images)
        # What is not a number is not above one half either: the patient would come out normal.
        if np.isnan(found).any():
            path = Path(paths[start + int(np.isnan(found).argmax())])
            problem = f"gets no probability from {engine.note.network}, but something that is not a number"
            raise InputError(path, problem, "Take other weights: a training that diverges leaves such")
        yield found


@contextmanager
def _readers() -> Iterator[ThreadPoolExecutor]:
    """Threads that read; what waits is dropped when a slice is bad or nobody asks on."""
    pool = ThreadPoolExecutor(min(READERS, os.cpu_count() or 1), thread_name_prefix="reader")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
