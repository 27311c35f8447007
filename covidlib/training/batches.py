"""Make batches of slices: read, average down, scale, augment, prefetch (paper, section 2.4). Taught in chapter 04."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
import traceback
import weakref
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from covidlib.errors import InputError
from covidlib.networks.inputs import load_slice, scale
from covidlib.protocols import Protocol
from covidlib.training.augmentation import random_maps, resample
from covidlib.training.slice_cache import DiskCache, MemoryCache
from covidlib.utils.quiet_tensorflow import tf

CACHE_AT_MOST_BYTES = 1_000_000_000

Result = TypeVar("Result")


# Pipelines --------------------------------------------------------------------------------------------------------


def training_batches(
    paths: Sequence[str], labels: Sequence[int], protocol: Protocol, seed: int, first_epoch: int = 0
) -> tf.data.Dataset:
    """Endless shuffled and augmented training batches, one epoch after another (paper, section 2.4).

    Order and augmentation depend on seed and epoch alone, whatever the parallelism: a run that resumes at some epoch
    gets the batches that it would have got without the interruption. An epoch has `steps_per_epoch` batches.

    Parameters
    ----------
    labels : int
        0 is COVID-19, 1 is normal.
    first_epoch : int
        Counted from 0.

    Returns
    -------
    tf.data.Dataset
        Images (batch, side, side, 1) float32 and one-hot labels (batch, 2).
    """
    reader = _Reader(paths, protocol.image_side)
    read = reader.read(labels)

    def one_epoch(epoch: tf.Tensor) -> tf.data.Dataset:
        draw = tf.stack([tf.constant(seed, tf.int64), epoch])
        order = tf.random.experimental.stateless_shuffle(tf.range(len(paths)), draw)
        numbered = tf.data.Dataset.from_tensor_slices(order).batch(protocol.batch_size).enumerate(start=1)
        return numbered.map(lambda step, indices: (tf.random.fold_in(draw, step), indices))

    def changed(draw: tf.Tensor, indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images, one_hot = read(indices)
        maps = random_maps(protocol.augmentation, tf.shape(images)[0], protocol.image_side, draw)
        return scale(tf.ensure_shape(resample(images, maps), images.shape), protocol.scaling), one_hot

    epochs = tf.data.Dataset.counter(start=first_epoch, dtype=tf.int64)
    stream = epochs.flat_map(one_epoch).map(changed, tf.data.AUTOTUNE, deterministic=True)
    return _holding(stream.prefetch(2), reader)


def steps_per_epoch(slices: int, protocol: Protocol) -> int:
    """Number of batches per epoch; the last may be smaller."""
    return -(-slices // protocol.batch_size)


def evaluation_batches(paths: Sequence[str], labels: Sequence[int], protocol: Protocol) -> tf.data.Dataset:
    """Batches of the slices in the given order, averaged down and scaled but not augmented."""
    reader = _Reader(paths, protocol.image_side)
    read = reader.read(labels)

    def scaled(indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images, one_hot = read(indices)
        return scale(images, protocol.scaling), one_hot

    order = tf.data.Dataset.range(len(paths)).batch(protocol.batch_size)
    return _holding(order.map(scaled, tf.data.AUTOTUNE, deterministic=True).prefetch(2), reader)


def while_reading(call: Callable[[], Result], *pipelines: tf.data.Dataset) -> Result:
    """Call what reads these pipelines; a slice that cannot be read raises its own error, not one of TensorFlow.

    Parameters
    ----------
    call : function
        Without parameters, such as a `model.fit` with all its arguments.
    pipelines : tf.data.Dataset
        From `training_batches` and `evaluation_batches`.

    Raises
    ------
    InputError
        If a slice cannot be read, or cannot be averaged down to the protocol's side; the first one, if it is several.
    OSError
        If the disk of the cache fails.
    """
    try:
        return call()
    except BaseException as error:
        _end_threads_of(error)
        failures = [pipeline.reader.failure for pipeline in pipelines if pipeline.reader.failure is not None]
        if isinstance(error, tf.errors.OpError) and failures:
            raise failures[0] from None
        raise


def _end_threads_of(error: BaseException) -> None:
    """Delete the iterators that an interrupted call has left behind, and with them the threads that read ahead.

    Later, Python's collector would delete them, in any thread. One of the reading threads would wait for its own end.
    """
    was_on = gc.isenabled()
    gc.disable()  # so that no other thread collects them first
    for frame, _ in traceback.walk_tb(error.__traceback__):
        # Keras takes its own frames out of the traceback, but they are still the callers of those that stay.
        for caller, _ in traceback.walk_stack(frame):
            try:
                caller.clear()
            except RuntimeError:  # it is still running, and so are its callers
                break
    gc.collect()
    if was_on:
        gc.enable()


_readers: weakref.WeakSet[_Reader] = weakref.WeakSet()


@atexit.register
def _end_reading() -> None:
    """End the threads that read ahead, before Python ends.

    An ending Python runs no other thread, and deletes what is left: TensorFlow's iterators too, which then wait forever
    for the slices that their threads cannot read any more.
    """
    if not _readers:
        return
    traceback.clear_frames(getattr(sys, "last_traceback", None))  # of an error that nobody handled
    gc.collect()
    # By type(), because lazy modules answer isinstance() with an import.
    for iterator in [found for found in gc.get_objects() if issubclass(type(found), tf.data.Iterator)]:
        vars(iterator).clear()


class _Reader:
    """Slices by index, each decoded once, then cached: in memory if all fit, otherwise on disk.

    Attributes
    ----------
    failure : InputError or OSError or None
        What was wrong with the first slice that could not be read. TensorFlow makes an error of its own of it.
    """

    def __init__(self, paths: Sequence[str | os.PathLike[str]], side: int) -> None:
        self.names, self.side = [os.fspath(path) for path in paths], side
        fits = len(self.names) * side * side * 4 <= CACHE_AT_MOST_BYTES
        self.kept = MemoryCache(len(self.names)) if fits else DiskCache(len(self.names), (side, side, 1))
        # Prefetched batches can belong to two epochs, which must not decode the same slice at the same time.
        self.locks = [threading.Lock() for _ in self.names]
        self.failure: InputError | OSError | None = None
        _readers.add(self)

    def slice(self, index: int) -> np.ndarray:
        with self.locks[index]:
            return self.kept.get(index, lambda: load_slice(self.names[index], self.side))

    def batch(self, indices: np.ndarray) -> np.ndarray:
        return np.stack([self.slice(index) for index in indices.tolist()])

    def read(self, labels: Sequence[int]) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
        """The function that a pipeline maps over indices: to images and one-hot labels."""
        one_hot, side = tf.one_hot(np.asarray(labels, np.int32), 2), self.side
        # TensorFlow never frees the Python functions of a graph: a function with a reference to the reader would keep
        # the slices of every run in memory. So the pipeline object has it (`_holding`), and this one a weak reference.
        weak = weakref.ref(self)

        def load(indices: np.ndarray) -> np.ndarray:
            reader = weak()
            if reader is None:
                raise RuntimeError("the pipeline of these slices was deleted: keep a reference to it while it is read")
            try:
                return reader.batch(indices)
            except (InputError, OSError) as error:
                reader.failure = reader.failure or error
                raise

        def images_and_labels(indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            images = tf.numpy_function(load, [indices], tf.float32, stateful=False)
            return tf.ensure_shape(images, (None, side, side, 1)), tf.gather(one_hot, indices)

        return images_and_labels


def _holding(pipeline: tf.data.Dataset, reader: _Reader) -> tf.data.Dataset:
    """The pipeline, with a reference to its reader: the slices are freed together with it."""
    pipeline.reader = reader
    return pipeline
