"""A network that nobody trained, but that tells slices apart: to measure speed and rounding where no weights are.

Random weights alone will not do: without averages every layer drifts, every slice gets one half, and a comparison of
roundings compares nothing. Taught in chapter 06.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers

from covidlib import networks

SEED = 2020
SPREAD = 2.0
"""Standard deviation of the scores: most probabilities then lie between 0.02 and 0.98."""


def untrained(name: str, input_shape: tuple[int, int, int], size: networks.Size, images: np.ndarray) -> keras.Model:
    """Random weights, averages as after training on `images`, and scores spread about zero. Taught in chapter 06.

    Parameters
    ----------
    images : float32 array, shape (slices, side, side, 1)
        Scaled slices, a few that differ.

    Returns
    -------
    keras.Model
        What it answers means nothing; that it answers each slice differently is all.

    Raises
    ------
    ValueError
        If the slices all look alike to it.
    """
    model = networks.build(name, input_shape, size)
    networks.draw_weights(model, SEED)
    averages = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    momentum = [layer.momentum for layer in averages]
    for layer in averages:
        layer.momentum = 0.0
    model(images, training=True)
    for layer, own in zip(averages, momentum, strict=True):
        layer.momentum = own
    last = model.get_layer("predictions")
    features = keras.Model(model.inputs, last.input).predict_on_batch(images)
    kernel, bias = last.get_weights()
    scores = features @ (kernel[:, 0] - kernel[:, 1])
    if scores.std() == 0:
        raise ValueError("the slices all look alike to this network: give others")
    # Both classes' columns move alike, so that the difference is what gets the mean and the spread.
    bias[0] = bias[1] - SPREAD * scores.mean() / scores.std()
    last.set_weights([kernel * SPREAD / scores.std(), bias])
    return model
