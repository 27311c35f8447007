"""Batch normalisation in short runs: a network can be well trained and still be wrong at test time.

In training, a layer normalises by the mean and variance of the current batch; at test time, by moving averages that
start at 0 and 1 and need many batches to adapt. Taught in chapter 04.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from covidlib.names import LABELS
from covidlib.utils.quiet_tensorflow import keras, layers


def memory_of_the_start(momentum: float, steps: int) -> float:
    """Share of its initial value that a moving average retains after a number of batches."""
    return momentum**steps


def catching_up(
    model: keras.Model,
    images: np.ndarray,
    labels: Sequence[str],
    momentum: float,
    measured_at: Sequence[int],
    batch_size: int,
    seed: int,
) -> pd.DataFrame:
    """Reset the moving averages of a TRAINED network, feed it batches again, and measure its accuracy.

    Its kernels are not changed, so only the averages can change the answers; the original averages are restored at the
    end.

    Parameters
    ----------
    images : float32 array, shape (slices, side, side, 1)
    labels : "covid" or "normal", one per slice
    momentum : float
        0.99 is the default of Keras, `models.BATCH_NORM_MOMENTUM` that of the quick networks.
    measured_at : int
        Numbers of batches after which to measure; 0 is the start.

    Returns
    -------
    DataFrame
        Columns batches, momentum, accuracy.
    """
    averages = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    kept = [(layer.momentum, layer.moving_mean.numpy(), layer.moving_variance.numpy()) for layer in averages]
    covid = np.asarray(labels) == LABELS[0]
    rng, rows = np.random.default_rng(seed), []
    try:
        for layer in averages:
            layer.momentum = momentum
            layer.moving_mean.assign(np.zeros(layer.moving_mean.shape))
            layer.moving_variance.assign(np.ones(layer.moving_variance.shape))
        for batches in range(max(measured_at) + 1):
            if batches:
                model(images[rng.choice(len(images), batch_size, replace=False)], training=True)
            if batches in measured_at:
                called = model.predict_on_batch(images)[:, 0] > 0.5
                rows.append((batches, momentum, float((called == covid).mean())))
    finally:
        for layer, (original, mean, variance) in zip(averages, kept, strict=True):
            layer.momentum = original
            layer.moving_mean.assign(mean)
            layer.moving_variance.assign(variance)
    return pd.DataFrame(rows, columns=["batches", "momentum", "accuracy"])
