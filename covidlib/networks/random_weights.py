"""A network that nobody trained, but that tells slices apart: to measure speed and rounding where no weights are.

Random weights alone will not do: without averages every layer drifts, every slice gets one half, and a comparison of
roundings compares nothing. Taught in chapter 06.
"""

from __future__ import annotations

import numpy as np

from covidlib.networks import models
from covidlib.utils.quiet_tensorflow import keras, layers

SEED = 2020
SPREAD = 2.0
"""Standard deviation of the scores: most probabilities then lie between 0.02 and 0.98."""


def untrained(name: str, input_shape: tuple[int, int, int], size: models.Size, images: np.ndarray) -> keras.Model:
    """Random weights, averages as after training on `images`, and scores spread about zero.

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
    model = models.build(name, input_shape, size)
    draw_weights(model, SEED)
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


RANDOM_WEIGHTS = (
    ("kernel_initializer", "kernel"),
    ("depthwise_initializer", "depthwise_kernel"),
    ("pointwise_initializer", "pointwise_kernel"),
)


def draw_weights(model: keras.Model, seed: int) -> None:
    """Draw every random weight, and the dropouts' states, from a seed of the layer's own.

    Keras draws them from Python's global random numbers, from which other threads of a program (a cluster worker's,
    a notebook's) draw too: then one seed would not give one network.
    """
    for number, layer in enumerate(model.layers):
        for place, (initializer, weight) in enumerate(RANDOM_WEIGHTS):
            if hasattr(layer, initializer) and getattr(layer, weight, None) is not None:
                drawn = getattr(layer, initializer)
                own = {**drawn.get_config(), "seed": (seed * 1_000 + number) * 10 + place}
                variable = getattr(layer, weight)
                variable.assign(type(drawn).from_config(own)(variable.shape))
        if isinstance(layer, layers.Dropout):
            layer.seed_generator.state.assign([seed, number])
