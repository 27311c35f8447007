"""Turn slices into network input: average down, scale the values (paper, section 2.4). Taught in chapter 04."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

import numpy as np

from covidlib.errors import InputError
from covidlib.protocols import Scaling
from covidlib.scans.slices import read_slice
from covidlib.utils.quiet_tensorflow import tf

HIGHEST_STORED_VALUE = 4095.0
LUNG_WINDOW_TOP = 1174.0
"""Stored value of 150 HU, the upper end of the window −600 ± 750 HU."""


def shrink(pixels: np.ndarray, side: int) -> np.ndarray:
    """Average a square slice down to `side` × `side` pixels; every pixel counts once.

    Parameters
    ----------
    pixels : array, shape (..., n·side, n·side)

    Returns
    -------
    float32 array, shape (..., side, side)

    Raises
    ------
    ValueError
        If the slice is not square or its side is not a multiple of `side`.
    """
    rows, columns = pixels.shape[-2:]
    if rows != columns or rows % side:
        raise ValueError(f"cannot average {rows}×{columns} pixels down to {side}×{side}")
    if rows == side:
        return pixels.astype(np.float32)
    block = rows // side
    blocks = pixels.reshape(*pixels.shape[:-2], side, block, side, block)
    return blocks.mean(axis=(-3, -1), dtype=np.float32)


def scale(images: np.ndarray | tf.Tensor, scaling: Scaling) -> tf.Tensor:
    """Scale stored values to network input (paper, section 2.4).

    The paper divides each image by its own maximum for display, and does not say what the network receives; its code
    passes the values on unchanged. Both are here. With the other three, the same grey level has the same meaning in
    every slice: "fixed-4095" divides by the largest 12-bit value, "lung-window" by the top of the lung window, so that
    everything denser than lung and lesion becomes 1. "imagenet" is the lung window from −1 to 1, the range of Keras'
    ResNet50V2 and Xception (mode "tf" of `keras.applications`).

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
        If the scaling is unknown.
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
    raise ValueError(f"unknown scaling {scaling!r}: choose one of {', '.join(get_args(Scaling))}")


def load_images(
    paths: Sequence[str | os.PathLike[str]],
    side: int,
    scaling: Scaling,
    read: Callable[[Path], np.ndarray] = read_slice,
) -> np.ndarray:
    """Load slices from disk as one batch for a network; `read` reads a slice as HU + 1024.

    Returns
    -------
    float32 array, shape (slices, side, side, 1)

    Raises
    ------
    InputError
        If a slice cannot be read, or cannot be averaged down to `side`.
    """
    return scale(np.stack([load_slice(path, side, read) for path in paths]), scaling).numpy()


def load_slice(path: str | os.PathLike[str], side: int, read: Callable[[Path], np.ndarray] = read_slice) -> np.ndarray:
    """Read one slice, averaged down to `side` pixels and not yet scaled.

    Returns
    -------
    float32 array, shape (side, side, 1)

    Raises
    ------
    InputError
        If the slice cannot be read, or does not average down to `side`.
    """
    pixels = read(Path(path))
    try:
        return shrink(pixels, side)[..., np.newaxis]
    except ValueError as error:
        raise InputError(os.fspath(path), str(error), "Export the series at its original 512×512 pixels") from error
