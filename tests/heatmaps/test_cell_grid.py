"""covidlib.heatmaps.cell_grid: cells lie where gradients say that they look, and unpadded maps have a rim."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from covidlib.heatmaps.cell_grid import Grid, enlarge, grids
from covidlib.networks import models, random_weights


def looked_at(model: keras.Model, layer: str) -> tuple[int, float]:
    """The middle cell of a layer, and the middle of what moves it: the mean row, weighted by squared gradients."""
    inner = keras.Model(model.inputs, model.get_layer(layer).output)
    middle = inner.output.shape[1] // 2

    @tf.function
    def gradient(images: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(images)
            total = tf.reduce_sum(inner(images, training=False)[:, middle, middle])
        return tape.gradient(total, images)

    images = np.random.default_rng(0).random((2, *model.input_shape[1:]), np.float32)
    power = (gradient(tf.constant(images)).numpy() ** 2).sum(axis=(0, 2, 3))
    return middle, float((power * np.arange(len(power))).sum() / power.sum())


def test_cells_of_the_paper_network_lie_where_gradients_say() -> None:
    model = models.build("resnet50v2-fpn", (512, 512, 1), "paper")
    random_weights.draw_weights(model, 3)
    found = grids(model)
    # Keras' ResNet50V2 takes every second cell from the first on, so a cell looks at the first pixel of its 32.
    assert found["post_relu"] == Grid(0.0, 32.0) and found["P3"] == Grid(16.0, 16.0, trimmed=True)
    for layer in ("post_relu", "P4"):
        middle, row = looked_at(model, layer)
        assert abs(row - found[layer].pixel(middle)) < 4, (layer, row)
        stretched = 32 * (middle + found[layer].trimmed) + 15.5
        assert abs(row - stretched) > 10


@pytest.mark.parametrize("name", ["xception", "resnet50v2"])
def test_cells_of_the_quick_networks_lie_where_gradients_say(name: str) -> None:
    model = models.build(name, (128, 128, 1), "quick")
    random_weights.draw_weights(model, 3)
    middle, row = looked_at(model, models.LAST_MAP[name])
    assert abs(row - grids(model)[models.LAST_MAP[name]].pixel(middle)) < 4


def test_a_chain_of_layers_by_hand() -> None:
    image = keras.layers.Input((16, 16, 1))
    x = keras.layers.ZeroPadding2D(1, name="padded")(image)
    x = keras.layers.Conv2D(1, 3, strides=2, name="valid")(x)
    x = keras.layers.AveragePooling2D(2, name="pooled")(x)
    x = keras.layers.Resizing(8, 8, interpolation="nearest", name="copied")(x)
    x = keras.layers.Conv2D(1, 3, name="trimmed")(x)
    found = grids(keras.Model(image, x))
    assert found["padded"] == Grid(-1, 1)
    assert found["valid"] == Grid(0, 2)
    assert found["pooled"] == Grid(1, 4)
    assert found["copied"] == Grid(0, 2)
    assert found["trimmed"] == Grid(2, 2, trimmed=True)


def test_maps_are_exact_in_the_middle_of_cells_and_zero_beyond_a_trimmed_rim() -> None:
    coarse = np.random.default_rng(0).random((1, 3, 3))
    placed = enlarge(coarse, 64, Grid(16, 16))
    assert np.allclose(placed[0][np.ix_([16, 32, 48], [16, 32, 48])], coarse[0])
    assert np.isclose(placed[0, 24, 16], (coarse[0, 0, 0] + coarse[0, 1, 0]) / 2)
    assert np.isclose(placed[0, 0, 63], coarse[0, 0, 2])
    trimmed = enlarge(coarse, 64, Grid(16, 16, trimmed=True))
    assert np.allclose(trimmed[0][np.ix_([16, 32, 48], [16, 32, 48])], coarse[0])
    assert trimmed[0, 0].max() == 0 and np.isclose(trimmed[0, 8, 16], coarse[0, 0, 0] / 2)


def test_a_map_of_one_cell_is_the_same_everywhere() -> None:
    assert (enlarge(np.full((1, 1, 1), 0.7), 8, Grid(3, 8)) == np.float32(0.7)).all()


def test_a_grid_on_an_averaged_slice_is_the_same_place() -> None:
    # Pixel 3 of 128 is the mean of pixels 12 to 15 of 512.
    assert Grid(3, 16).at_side(128, 512) == Grid(13.5, 64)
    assert Grid(13.5, 64).at_side(512, 128) == Grid(3, 16)
