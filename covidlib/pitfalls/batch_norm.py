"""Why batch normalisation misleads short runs: what is tested is not what was trained. Taught in chapter 04.

While it trains, a layer normalises by the mean and variance of the batch at hand; when it is tested, by moving
averages that start at 0 and 1 and take their time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from covidlib.names import LABELS
from covidlib.utils.quiet_tensorflow import keras, layers


def memory_of_the_start(momentum: float, steps: int) -> float:
    """The share of its first value that a moving average still has after so many batches."""
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
    """Accuracy of a TRAINED network whose moving averages are set back to their start and then fed batches again.

    Its kernels are not touched, so that nothing but the averages can change the answers; the model's own averages are
    put back in the end.

    Parameters
    ----------
    images : float32 array, shape (slices, side, side, 1)
    labels : "covid" or "normal", one a slice
    momentum : float
        0.99 is Keras' own, `models.BATCH_NORM_MOMENTUM` that of the quick networks.
    measured_at : int
        After how many batches to measure; 0 is the start.

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
        for layer, (own, mean, variance) in zip(averages, kept, strict=True):
            layer.momentum = own
            layer.moving_mean.assign(mean)
            layer.moving_variance.assign(variance)
    return pd.DataFrame(rows, columns=["batches", "momentum", "accuracy"])
