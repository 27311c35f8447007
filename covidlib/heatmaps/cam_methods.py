"""Combine feature maps and their gradients into one heat map: Grad-CAM, Grad-CAM++ and HiResCAM (paper, section 3.3).

The paper uses Grad-CAM. The methods differ if each cell has a separate weight, as after the pyramid's flattened heads:
there the mean gradient says little about a single cell. Taught in chapter 07.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def grad_cam_map(features: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Grad-CAM: weight each channel by its mean gradient and set negative values to 0 (Selvaraju et al. 2017).

    Parameters
    ----------
    features, gradients : float arrays, shape (batch, cells, cells, channels)

    Returns
    -------
    float array, shape (batch, cells, cells)
    """
    return np.maximum((gradients.mean(axis=(1, 2), keepdims=True) * features).sum(axis=-1), 0)


def grad_cam_plus_plus_map(features: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Grad-CAM++: as Grad-CAM, but only cells with a positive gradient count, and more where these are rare.

    This is the closed form for the exponential of the logit (Chattopadhay et al. 2018).
    """
    square, cube = gradients**2, gradients**3
    below = 2 * square + features.sum(axis=(1, 2), keepdims=True) * cube
    shares = np.divide(square, below, out=np.zeros_like(square), where=below != 0)
    weights = (shares * np.maximum(gradients, 0)).sum(axis=(1, 2), keepdims=True)
    return np.maximum((weights * features).sum(axis=-1), 0)


def hires_cam_map(features: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """HiResCAM: weight each cell by its gradient, which is exactly the cell's contribution if a linear head follows.

    See Draelos and Carin (2020).
    """
    return np.maximum((gradients * features).sum(axis=-1), 0)


METHODS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "grad-cam": grad_cam_map,
    "grad-cam++": grad_cam_plus_plus_map,
    "hirescam": hires_cam_map,
}
