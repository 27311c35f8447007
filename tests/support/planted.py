"""Networks whose answer is known to depend on one bright patch, made by setting weights, for tests of heat maps."""

from __future__ import annotations

import keras
import numpy as np

from covidlib.networks import models, pyramid

SIDE, PATCH = 256, 48
BRIGHT = 0.75


def slices_with_a_patch(corners: list[tuple[int, int]], seed: int = 0) -> np.ndarray:
    """Noise between 0 and 1 with a smooth patch of 1 whose first row and column are given."""
    images = np.random.default_rng(seed).random((len(corners), SIDE, SIDE, 1), np.float32)
    for image, (row, column) in zip(images, corners, strict=True):
        image[row : row + PATCH, column : column + PATCH] = 1
    return images


def planted(name: str) -> keras.Model:
    """A quick network that calls COVID-19 what is bright for longer than noise is: channel 0 carries it, all else is 0.

    The first convolution takes a mean, its normalisation or the next one cuts off what a mean of noise can reach.
    """
    model = models.build(name, (SIDE, SIDE, 1), "quick")
    for layer in model.layers:
        for variable in layer.trainable_variables:
            if not variable.path.endswith(("gamma", "beta")):
                variable.assign(np.zeros(variable.shape))
    if name == "xception":
        _mean(model, "block1_conv1", 0)
        _mean(model, "block1_conv2", 0)
        for block in (2, 3):
            _centre(model.get_layer(f"block{block}_shortcut"), 0)
        for number in (1, 2):
            separable = model.get_layer(f"block14_sepconv{number}")
            depthwise, pointwise = (
                np.zeros(separable.depthwise_kernel.shape),
                np.zeros(separable.pointwise_kernel.shape),
            )
            depthwise[1, 1, 0, 0] = pointwise[0, 0, 0, 0] = 1
            separable.set_weights([depthwise, pointwise])
        _cut(model.get_layer("block1_conv2_bn"))
    else:
        _mean(model, "conv1_conv", 0)
        for stack in (2, 3, 4, 5):
            _centre(model.get_layer(f"conv{stack}_block1_0_conv"), 0)
        _cut(model.get_layer("conv2_block1_preact_bn"))
    if name == "resnet50v2-fpn":
        _plant_pyramid(model)
    else:
        answer = model.get_layer("predictions")
        kernel = np.zeros(answer.kernel.shape)
        kernel[0] = [400, -400]
        answer.set_weights([kernel, np.zeros(2)])
    return model


def _plant_pyramid(model: keras.Model) -> None:
    for layer in ("C5_reduced", "C4_reduced", "C3_reduced", "P5"):
        _centre(model.get_layer(layer), 0)
    for layer in ("P6", "P7"):  # they take every second cell: with a mean none is overlooked
        _mean(model, layer, 0)
    for layer in ("P4", "P3"):  # what comes from above lies in front of the level's own channels
        own = model.get_layer(f"C{layer[1]}_reduced").filters
        _centre(model.get_layer(layer), model.get_layer(layer).kernel.shape[2] - own)
    for level in pyramid.LEVELS:
        head, shape = model.get_layer(f"{level}_head"), model.get_layer(level).output.shape[1:]
        kernel = np.zeros((*shape, 2))
        kernel[:, :, 0, 0] = 1
        head.set_weights([kernel.reshape(-1, 2), np.zeros(2)])
    kernel = np.zeros((10, 2))
    kernel[::2] = [1, -1]
    model.get_layer("predictions").set_weights([kernel, np.zeros(2)])


def _mean(model: keras.Model, name: str, channel: int) -> None:
    layer = model.get_layer(name)
    kernel = np.zeros(layer.kernel.shape)
    kernel[:, :, channel, 0] = 1 / (kernel.shape[0] * kernel.shape[1])
    layer.set_weights([kernel, *[np.zeros(one.shape) for one in layer.weights[1:]]])


def _centre(layer: keras.Layer, channel: int) -> None:
    kernel = np.zeros(layer.kernel.shape)
    kernel[kernel.shape[0] // 2, kernel.shape[1] // 2, channel, 0] = 1
    layer.set_weights([kernel, *[np.zeros(one.shape) for one in layer.weights[1:]]])


def _cut(layer: keras.Layer) -> None:
    layer.beta.assign(np.full(layer.beta.shape, -BRIGHT))
