"""Averages set back to their start catch up at the pace of their momentum, and are put back."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from covidlib.pitfalls import batch_norm


def threshold_network() -> keras.Model:
    """Answers COVID-19 above the mean, once its averages know the mean and the spread."""
    image = layers.Input((1, 1, 1))
    normal = layers.BatchNormalization(name="bn", epsilon=1e-3)(image)
    logits = layers.Dense(2, name="logits")(layers.Flatten()(normal))
    model = keras.Model(image, layers.Softmax()(logits))
    model.get_layer("logits").set_weights([np.array([[1.0, -1.0]]), np.zeros(2)])
    model.get_layer("bn").set_weights([np.ones(1), np.zeros(1), np.array([100.0]), np.array([1.0])])
    return model


def test_slow_averages_are_wrong_for_longer() -> None:
    rng = np.random.default_rng(0)
    images = rng.normal(100, 1, (200, 1, 1, 1)).astype("float32")
    labels = np.where(images.ravel() > 100, "covid", "normal")
    model = threshold_network()
    before = [weight.copy() for weight in model.get_weights()]
    tables = {
        momentum: batch_norm.catching_up(model, images, labels, momentum, (0, 30, 2_000), 50, seed=1)
        for momentum in (0.8, 0.99)
    }
    accuracy = {momentum: table.set_index("batches")["accuracy"] for momentum, table in tables.items()}
    # At the start every slice lies far above an average of 0, so all are called COVID-19.
    assert accuracy[0.8][0] == accuracy[0.99][0] == pytest.approx((labels == "covid").mean())
    assert accuracy[0.8][30] > 0.9 and accuracy[0.99][30] == accuracy[0.99][0]
    assert accuracy[0.99][2_000] > 0.9
    assert all(map(np.array_equal, before, model.get_weights()))
    assert model.get_layer("bn").momentum == 0.99
    assert batch_norm.memory_of_the_start(0.99, 69) == pytest.approx(0.5, abs=0.001)
