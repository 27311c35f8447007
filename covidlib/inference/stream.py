"""Classify series as a stream: slices are read in the background while the engine works (paper, Table 7).

The selection rule of section 2.2 needs the counts of a whole series before it can keep a slice. So a series is counted
first, from the rows of the region only; then its selected slices are read in full, a few batches ahead of the engine,
while the next series is counted. Memory does not grow with the number of slices. Taught in chapter 06.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from covidlib.errors import InputError
from covidlib.inference.engine import Engine
from covidlib.scans.series import Series
from covidlib.scans.slices import read_slice
from covidlib.selection import Selection, select_series

BATCHES_AHEAD = 3
"""Batches that are read ahead while the engine works."""
READERS = 2


def probabilities(paths: Sequence[str | Path], engine: Engine) -> np.ndarray:
    """Read and classify slices on disk: p(COVID-19) of each, in order.

    Parameters
    ----------
    paths : sequence of path
        Selected slices of one series or several.

    Returns
    -------
    float32 array, shape (slices,)

    Raises
    ------
    InputError
        If a slice cannot be read, cannot be averaged down to the network's input size, or the network returns NaN for
        it.
    """
    return np.concatenate([np.zeros(0, np.float32), *classified_batches(paths, engine)])


def classified_batches(
    paths: Sequence[str | Path], engine: Engine, read: Callable[[Path], np.ndarray] = read_slice
) -> Iterator[np.ndarray]:
    """As `probabilities`, but one batch at a time, for a progress bar; slices are read by `read`."""
    with _readers() as pool:
        yield from _batches(paths, engine, pool, read)


def classified_series(series: Iterable[Series], engine: Engine) -> Iterator[tuple[Selection, np.ndarray]]:
    """Select and classify several series: while one is classified, the next is counted.

    Yields
    ------
    selection : Selection
        The selection rule's result for the series.
    p_covid : float32 array, shape (selected slices,)

    Raises
    ------
    InputError
        If a slice cannot be read, or the rule cannot be applied to a series.
    """
    with _readers() as pool:
        remaining = iter(series)
        counted: Future[Selection] | None = _next_selection(remaining, pool)
        while counted is not None:
            selection = counted.result()
            counted = _next_selection(remaining, pool)
            yield (
                selection,
                np.concatenate(
                    [np.zeros(0, np.float32), *_batches(selected_paths(selection), engine, pool, selection.series.read)]
                ),
            )


def selected_paths(selection: Selection) -> list[Path]:
    """Files of the selected slices, in slice order."""
    return [path for path, kept in zip(selection.series.files, selection.keep, strict=True) if kept]


def _next_selection(series: Iterator[Series], pool: ThreadPoolExecutor) -> Future[Selection] | None:
    following = next(series, None)
    return None if following is None else pool.submit(select_series, following)


def _batches(
    paths: Sequence[str | Path],
    engine: Engine,
    pool: ThreadPoolExecutor,
    read: Callable[[Path], np.ndarray] = read_slice,
) -> Iterator[np.ndarray]:
    from covidlib.networks.inputs import load_images

    side, scaling = engine.note.input_shape[0], engine.note.scaling
    starts = iter(range(0, len(paths), engine.batch_size))
    waiting: deque[tuple[int, Future[np.ndarray]]] = deque()

    def read_ahead() -> None:
        for start in starts:
            reading = pool.submit(load_images, paths[start : start + engine.batch_size], side, scaling, read)
            waiting.append((start, reading))
            if len(waiting) >= BATCHES_AHEAD:
                return

    read_ahead()
    while waiting:
        start, reading = waiting.popleft()
        images = reading.result()
        read_ahead()
        p_covid = engine.predict(images)
        # NaN is not above one half, so the patient would be called normal.
        if np.isnan(p_covid).any():
            path = Path(paths[start + int(np.isnan(p_covid).argmax())])
            problem = f"{engine.note.network} returns NaN instead of a probability for this slice"
            raise InputError(path, problem, "Use other weights: these probably come from a training that diverged")
        yield p_covid


@contextmanager
def _readers() -> Iterator[ThreadPoolExecutor]:
    """Threads that read slices; waiting jobs are cancelled after an error or when the caller stops."""
    pool = ThreadPoolExecutor(min(READERS, os.cpu_count() or 1), thread_name_prefix="reader")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
