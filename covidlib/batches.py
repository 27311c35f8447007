"""Slices to batches: read, average down, scale, augment, read ahead (paper, section 2.4). Taught in chapter 04."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import get_args

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from covidlib.augmentation import random_maps, resample
from covidlib.errors import InputError
from covidlib.protocols import Protocol, Scaling
from covidlib.series import read_slice
from covidlib.slicecache import DiskCache, MemoryCache

HIGHEST_STORED_VALUE = 4095.0
LUNG_WINDOW_TOP = 1174.0
"""Stored value of 150 HU, the upper end of the window −600 ± 750 HU."""
CACHE_AT_MOST_BYTES = 1_000_000_000


def shrink(pixels: np.ndarray, side: int) -> np.ndarray:
    """Average a square slice down to `side` pixels; every pixel counts once. Taught in chapter 04.

    Parameters
    ----------
    pixels : array, shape (..., n·side, n·side)

    Returns
    -------
    float32 array, shape (..., side, side)

    Raises
    ------
    ValueError
        If the slice is not square or its side no multiple of `side`.
    """
    rows, columns = pixels.shape[-2:]
    if rows != columns or rows % side:
        raise ValueError(f"{rows}×{columns} pixels do not average down to {side}×{side}")
    if rows == side:
        return pixels.astype(np.float32)
    block = rows // side
    blocks = pixels.reshape(*pixels.shape[:-2], side, block, side, block)
    return blocks.mean(axis=(-3, -1), dtype=np.float32)


def scale(images: np.ndarray | tf.Tensor, scaling: Scaling) -> tf.Tensor:
    """Stored values to network input (paper, section 2.4). Taught in chapter 04.

    The paper divides each image by its own maximum to show it to people, and does not say what the network sees; its
    code feeds the values as they are. Both are here. The other three give one grey level one meaning: "fixed-4095"
    divides by the largest 12-bit value, "lung-window" by the top of the lung window, where everything denser than lung
    and lesion becomes 1. "imagenet" is the lung window from −1 to 1, the range of Keras' ResNet50V2 and Xception (mode
    "tf" of `keras.applications`).

    Parameters
    ----------
    images : float array or tensor, shape (batch, rows, columns, 1)
        HU + 1024.
    scaling : "raw", "slice-max", "fixed-4095", "lung-window" or "imagenet"

    Returns
    -------
    float32 tensor of the same shape

    Raises
    ------
    ValueError
        If there is no such scaling.
    """
    values = tf.convert_to_tensor(images, tf.float32)
    if scaling == "raw":
        return values
    if scaling == "slice-max":
        return values / tf.maximum(tf.reduce_max(values, axis=(1, 2, 3), keepdims=True), 1.0)
    if scaling == "lung-window":
        return tf.minimum(values / LUNG_WINDOW_TOP, 1.0)
    if scaling == "imagenet":
        return 2 * tf.minimum(values / LUNG_WINDOW_TOP, 1.0) - 1
    if scaling == "fixed-4095":
        return values / HIGHEST_STORED_VALUE
    raise ValueError(f"{scaling!r} is no scaling: choose one of {', '.join(get_args(Scaling))}")


def load_images(paths: Sequence[str | os.PathLike[str]], side: int, scaling: Scaling) -> np.ndarray:
    """Slices from disk as one batch for a network. Taught in chapters 04 and 06.

    Returns
    -------
    float32 array, shape (slices, side, side, 1)

    Raises
    ------
    InputError
        If a slice cannot be read, or does not average down to `side`.
    """
    return scale(np.stack([_load(path, side) for path in paths]), scaling).numpy()


def _load(path: str | os.PathLike[str], side: int) -> np.ndarray:
    pixels = read_slice(os.fspath(path))
    try:
        return shrink(pixels, side)[..., np.newaxis]
    except ValueError as error:
        raise InputError(os.fspath(path), str(error), "Export the series at its original 512×512 pixels") from error


# Pipelines --------------------------------------------------------------------------------------------------------


def training_batches(
    paths: Sequence[str], labels: Sequence[int], protocol: Protocol, seed: int, first_epoch: int = 0
) -> tf.data.Dataset:
    """Shuffled, augmented batches of epoch after epoch, without end (paper, section 2.4). Taught in chapter 04.

    Order and augmentation are a function of seed and epoch alone, whatever the parallelism: a run that starts again
    at some epoch sees what it would have seen. An epoch has `steps_per_epoch` batches.

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
    """Batches of one epoch; the last may be smaller. Taught in chapter 04."""
    return -(-slices // protocol.batch_size)


def evaluation_batches(paths: Sequence[str], labels: Sequence[int], protocol: Protocol) -> tf.data.Dataset:
    """The slices in order, unchanged but for size and scale. Taught in chapter 04."""
    reader = _Reader(paths, protocol.image_side)
    read = reader.read(labels)

    def scaled(indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images, one_hot = read(indices)
        return scale(images, protocol.scaling), one_hot

    order = tf.data.Dataset.range(len(paths)).batch(protocol.batch_size)
    return _holding(order.map(scaled, tf.data.AUTOTUNE, deterministic=True).prefetch(2), reader)


class _Reader:
    """Slices by number, each decoded once, then kept: in memory if all fit, else on disk."""

    def __init__(self, paths: Sequence[str | os.PathLike[str]], side: int) -> None:
        self.names, self.side = [os.fspath(path) for path in paths], side
        fits = len(self.names) * side * side * 4 <= CACHE_AT_MOST_BYTES
        self.kept = MemoryCache(len(self.names)) if fits else DiskCache(len(self.names), (side, side, 1))
        # Two epochs meet in the batches that are read ahead, and must not decode one slice at the same time.
        self.locks = [threading.Lock() for _ in self.names]

    def slice(self, index: int) -> np.ndarray:
        with self.locks[index]:
            return self.kept.get(index, lambda: _load(self.names[index], self.side))

    def batch(self, indices: np.ndarray) -> np.ndarray:
        return np.stack([self.slice(index) for index in indices.tolist()])

    def read(self, labels: Sequence[int]) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
        """The function of a pipeline from indices to images and one-hot labels."""
        one_hot, side = tf.one_hot(np.asarray(labels, np.int32), 2), self.side
        # TensorFlow keeps every Python function of a graph for good: one that held the reader would hold the slices of
        # every run. So the pipeline's own object does (`_holding`), and this one only knows where it is.
        weak = weakref.ref(self)

        def load(indices: np.ndarray) -> np.ndarray:
            reader = weak()
            if reader is None:
                raise RuntimeError("the pipeline of these slices is gone")
            return reader.batch(indices)

        def images_and_labels(indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            images = tf.numpy_function(load, [indices], tf.float32, stateful=False)
            return tf.ensure_shape(images, (None, side, side, 1)), tf.gather(one_hot, indices)

        return images_and_labels


def _holding(pipeline: tf.data.Dataset, reader: _Reader) -> tf.data.Dataset:
    """The pipeline, with which the slices live and go."""
    pipeline.reader = reader
    return pipeline
