"""Untrained networks with varied outputs, for measuring speed and rounding errors without trained weights.

Random weights alone are not enough: without fitted batch-norm averages every slice gets a probability near one half,
and rounding errors cannot be compared. Taught in chapter 06.
"""

from __future__ import annotations

import numpy as np

from covidlib.networks import models
from covidlib.utils.quiet_tensorflow import keras, layers

SEED = 2020
SPREAD = 2.0
"""Standard deviation of the scores: most probabilities then lie between 0.02 and 0.98."""


def untrained(name: str, input_shape: tuple[int, int, int], size: models.Size, images: np.ndarray) -> keras.Model:
    """Build a network with random weights, batch-norm averages of `images`, and scores spread about zero.

    Parameters
    ----------
    images : float32 array, shape (slices, side, side, 1)
        A few different slices, scaled.

    Returns
    -------
    keras.Model
        Its probabilities have no meaning; they only differ between slices.

    Raises
    ------
    ValueError
        If it gives all slices the same score.
    """
    model = models.build(name, input_shape, size)
    draw_weights(model, SEED)
    averages = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    momentum = [layer.momentum for layer in averages]
    for layer in averages:
        layer.momentum = 0.0
    model(images, training=True)
    for layer, original in zip(averages, momentum, strict=True):
        layer.momentum = original
    last = model.get_layer("predictions")
    features = keras.Model(model.inputs, last.input).predict_on_batch(images)
    kernel, bias = last.get_weights()
    scores = features @ (kernel[:, 0] - kernel[:, 1])
    if scores.std() == 0:
        raise ValueError("this network gives all slices the same score: pass other slices")
    # Both columns of the kernel are scaled alike, so that the difference of the classes gets the mean and the spread.
    bias[0] = bias[1] - SPREAD * scores.mean() / scores.std()
    last.set_weights([kernel * SPREAD / scores.std(), bias])
    return model


RANDOM_WEIGHTS = (
    ("kernel_initializer", "kernel"),
    ("depthwise_initializer", "depthwise_kernel"),
    ("pointwise_initializer", "pointwise_kernel"),
)


def draw_weights(model: keras.Model, seed: int) -> None:
    """Draw every random weight, and the state of every dropout layer, from a seed per layer.

    Keras draws them from Python's global random numbers, which other threads of a program (a cluster worker's,
    a notebook's) use too: the same seed would then not always give the same network.
    """
    for number, layer in enumerate(model.layers):
        for place, (initializer, weight) in enumerate(RANDOM_WEIGHTS):
            if hasattr(layer, initializer) and getattr(layer, weight, None) is not None:
                original = getattr(layer, initializer)
                config = {**original.get_config(), "seed": (seed * 1_000 + number) * 10 + place}
                variable = getattr(layer, weight)
                variable.assign(type(original).from_config(config)(variable.shape))
        if isinstance(layer, layers.Dropout):
            layer.seed_generator.state.assign([seed, number])
