"""Slices to batches: read, average down, scale, augment with one resample (paper, section 2.4, Table 3).

The five changes of Table 3 are one affine map and two flips, so each image is interpolated once instead of four times.
Taught in chapter 04.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from covidlib.errors import InputError
from covidlib.protocols import Augmentation, Protocol, Scaling
from covidlib.series import read_slice
from covidlib.slicecache import DiskCache

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
    code feeds the values as they are. Both are here. The
    other three give one grey level one meaning: "fixed-4095" divides by the largest 12-bit value, "lung-window" by the
    top of the lung window, where everything denser than lung and lesion becomes 1. "imagenet" is the lung window from
    −1 to 1, the range of Keras' ResNet50V2 and Xception (mode "tf" of `keras.applications`).

    Parameters
    ----------
    images : float array or tensor, shape (batch, rows, columns, 1)
        HU + 1024.
    scaling : "raw", "slice-max", "fixed-4095", "lung-window" or "imagenet"

    Returns
    -------
    float32 tensor of the same shape
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
    return values / HIGHEST_STORED_VALUE


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


# Augmentation -----------------------------------------------------------------------------------------------------


def random_maps(augmentation: Augmentation, batch: int, side: int, seed: tf.Tensor) -> tf.Tensor:
    """One random affine map an image, output pixel to input pixel (paper, Table 3). Taught in chapter 04.

    Rotation, shift, shear, zoom and flips in the order of Keras' ImageDataGenerator, about the image's centre.

    Parameters
    ----------
    seed : int tensor, shape (2,)
        The same seed gives the same maps.

    Returns
    -------
    float32 tensor, shape (batch, 8)
        In the form of tf.raw_ops.ImageProjectiveTransformV3: x' = a0·x + a1·y + a2, y' = a3·x + a4·y + a5.
    """
    draws = tf.cast(tf.random.stateless_uniform((8, batch), seed, -1.0, 1.0), tf.float64)
    angle = draws[0] * math.radians(augmentation.rotation_degrees)
    shift_x, shift_y = draws[1] * augmentation.shift_fraction * side, draws[2] * augmentation.shift_fraction * side
    shear = draws[3] * math.radians(augmentation.shear_degrees)
    zoom_x, zoom_y = 1 + draws[4] * augmentation.zoom_fraction, 1 + draws[5] * augmentation.zoom_fraction
    flips = tf.where(draws[6:] < 0, -tf.ones_like(draws[6:]), 1) if augmentation.flip else tf.ones_like(draws[6:])
    return affine_map(side, angle, shift_x, shift_y, shear, zoom_x, zoom_y, flips[0], flips[1])


def affine_map(
    side: int,
    angle: tf.Tensor,
    shift_x: tf.Tensor,
    shift_y: tf.Tensor,
    shear: tf.Tensor,
    zoom_x: tf.Tensor,
    zoom_y: tf.Tensor,
    flip_x: tf.Tensor,
    flip_y: tf.Tensor,
) -> tf.Tensor:
    """The product rotation · shift · shear · zoom · flip about the centre, as eight numbers. Taught in chapter 04.

    x runs along the columns and y along the rows, as in Keras' ImageDataGenerator.

    Parameters
    ----------
    angle, shear : float tensors, shape (batch,)
        Radians.
    shift_x, shift_y : float tensors, shape (batch,)
        Pixels.
    zoom_x, zoom_y, flip_x, flip_y : float tensors, shape (batch,)
        Factors; a flip is −1.

    Returns
    -------
    float32 tensor, shape (batch, 8)
    """
    # The offsets are small differences of large products: rounded before the last step, they would shift the picture.
    angle, shift_x, shift_y, shear, zoom_x, zoom_y, flip_x, flip_y = (
        tf.cast(value, tf.float64) for value in (angle, shift_x, shift_y, shear, zoom_x, zoom_y, flip_x, flip_y)
    )
    cos, sin = tf.cos(angle), tf.sin(angle)
    cos_shear, sin_shear = tf.cos(shear), tf.sin(shear)
    xx = cos * zoom_x * flip_x
    xy = (-cos * sin_shear - sin * cos_shear) * zoom_y * flip_y
    yx = sin * zoom_x * flip_x
    yy = (-sin * sin_shear + cos * cos_shear) * zoom_y * flip_y
    centre = side / 2 - 0.5
    x_offset = cos * shift_x - sin * shift_y + centre - (xx + xy) * centre
    y_offset = sin * shift_x + cos * shift_y + centre - (yx + yy) * centre
    zero = tf.zeros_like(angle)
    return tf.cast(tf.stack([xx, xy, x_offset, yx, yy, y_offset, zero, zero], axis=1), tf.float32)


def resample(images: tf.Tensor, maps: tf.Tensor) -> tf.Tensor:
    """Apply one affine map an image: bilinear, edges repeated as in the paper's code. Taught in chapter 04.

    Parameters
    ----------
    images : float32 tensor, shape (batch, side, side, 1)
    maps : float32 tensor, shape (batch, 8)
    """
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=maps,
        output_shape=tf.shape(images)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )


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
    side, augmentation = protocol.image_side, protocol.augmentation
    slices = _slices(paths, labels, side)

    def one_epoch(epoch: tf.Tensor) -> tf.data.Dataset:
        # Far apart, so that seed 1 in epoch 2 is not seed 2 in epoch 1.
        draw = tf.constant(seed, tf.int64) * 1_000_003 + epoch
        shuffled = slices.shuffle(len(paths), seed=draw, reshuffle_each_iteration=False)
        numbered = shuffled.batch(protocol.batch_size).enumerate()
        return numbered.map(lambda step, batch: (tf.stack([draw, step]), batch))

    def augment(draw: tf.Tensor, batch: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        images, one_hot = batch
        maps = random_maps(augmentation, tf.shape(images)[0], side, draw)
        changed = tf.ensure_shape(resample(images, maps), (None, side, side, 1))
        return scale(changed, protocol.scaling), one_hot

    epochs = tf.data.Dataset.counter(start=first_epoch, dtype=tf.int64)
    return epochs.flat_map(one_epoch).map(augment, tf.data.AUTOTUNE, deterministic=True).prefetch(2)


def steps_per_epoch(slices: int, protocol: Protocol) -> int:
    """Batches of one epoch; the last may be smaller. Taught in chapter 04."""
    return -(-slices // protocol.batch_size)


def evaluation_batches(paths: Sequence[str], labels: Sequence[int], protocol: Protocol) -> tf.data.Dataset:
    """The slices in order, unchanged but for size and scale. Taught in chapter 04."""

    def scaled(images: tf.Tensor, one_hot: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return scale(images, protocol.scaling), one_hot

    slices = _slices(paths, labels, protocol.image_side).batch(protocol.batch_size)
    return slices.map(scaled, tf.data.AUTOTUNE, deterministic=True).prefetch(2)


def _slices(paths: Sequence[str], labels: Sequence[int], side: int) -> tf.data.Dataset:
    """Decoded once, then kept: in memory if they fit, else on disk."""
    fits = len(paths) * side * side * 4 <= CACHE_AT_MOST_BYTES
    on_disk = None if fits else DiskCache(len(paths), (side, side, 1))
    names = list(map(os.fspath, paths))

    def load(index: int) -> np.ndarray:
        if on_disk is None:
            return _load(names[index], side)
        return on_disk.get(index, lambda: _load(names[index], side))

    def read(index: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        image = tf.numpy_function(load, [index], tf.float32, stateful=False)
        return tf.ensure_shape(image, (side, side, 1)), tf.one_hot(label, 2)

    pairs = tf.data.Dataset.from_tensor_slices((np.arange(len(names)), list(labels)))
    slices = pairs.map(read, tf.data.AUTOTUNE, deterministic=True)
    return slices.cache() if fits else slices
