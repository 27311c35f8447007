"""From maps of features and the gradient by them to one map: three rules on the same two arrays (paper, section 3.3).

The paper uses the first. They differ where each cell has a weight of its own, as behind the pyramid's flattened heads:
there a mean gradient says little about a single cell. Taught in chapter 07.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def grad_cam_map(features: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Each channel weighted by its mean gradient; what speaks against the class is cut off (Selvaraju et al. 2017).

    Parameters
    ----------
    features, gradients : float arrays, shape (batch, cells, cells, channels)

    Returns
    -------
    float array, shape (batch, cells, cells)
    """
    return np.maximum((gradients.mean(axis=(1, 2), keepdims=True) * features).sum(axis=-1), 0)


def grad_cam_plus_plus_map(features: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """As Grad-CAM, but a channel's mean counts cells with a positive gradient only, and more where it is rare.

    The closed form for the exponential of the logit (Chattopadhay et al. 2018).
    """
    square, cube = gradients**2, gradients**3
    below = 2 * square + features.sum(axis=(1, 2), keepdims=True) * cube
    shares = np.divide(square, below, out=np.zeros_like(square), where=below != 0)
    weights = (shares * np.maximum(gradients, 0)).sum(axis=(1, 2), keepdims=True)
    return np.maximum((weights * features).sum(axis=-1), 0)


def hires_cam_map(features: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Each cell weighted by its own gradient: exactly what the cell adds where only a linear head follows.

    Draelos and Carin (2020).
    """
    return np.maximum((gradients * features).sum(axis=-1), 0)


METHODS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "grad-cam": grad_cam_map,
    "grad-cam++": grad_cam_plus_plus_map,
    "hirescam": hires_cam_map,
}
