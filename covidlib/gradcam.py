"""Grad-CAM: where in a slice the evidence for a class comes from (paper, section 3.3, Figure 12).

The gradient is taken of the logit, not of the softmax: with two classes the softmax's gradients mirror each other and
vanish when the network is sure. A level whose ReLU head is dead has no gradient, and says so. Taught in chapter 07.
"""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from covidlib.dataset import LABELS
from covidlib.errors import InputError
from covidlib.networks import LAST_MAP, LEVELS

UNPADDED_LEVELS = ("P3", "P4")
"""Levels made by an unpadded 3×3 convolution: their map lacks one cell on each side."""


@dataclass(frozen=True)
class HeatMap:
    """Grad-CAM of a batch at one layer.

    Attributes
    ----------
    layer : str
        The layer whose maps were weighted.
    maps : float32 array, shape (batch, rows, columns)
        At the size of the network's input; the highest value of each map is 1, or all are 0.
    has_gradient : bool array, shape (batch,)
        False where the class does not depend on the layer: the map is empty because there is nothing to show.
    probabilities : float32 array, shape (batch, 2)
        The network's answer on the same images.
    """

    layer: str
    maps: np.ndarray
    has_gradient: np.ndarray
    probabilities: np.ndarray


def layers_to_explain(model: keras.Model) -> tuple[str, ...]:
    """The layers that have maps of interest: the pyramid's levels, or the backbone's last. Taught in chapter 07."""
    names = {layer.name for layer in model.layers}
    if set(LEVELS) <= names:
        return LEVELS
    return tuple(name for name in dict.fromkeys(LAST_MAP.values()) if name in names)


def grad_cam(model: keras.Model, images: np.ndarray, label: str = "covid", layer: str | None = None) -> HeatMap:
    """Grad-CAM of a batch (paper, section 3.3; Selvaraju et al.). Taught in chapter 07.

    Each channel of the layer is weighted by the mean gradient of the class's logit; what speaks against the class is
    cut off. Maps of unpadded levels are put back in their place before they are enlarged.

    Parameters
    ----------
    images : float32 array, shape (batch, rows, columns, 1)
        Scaled as the network was trained.
    label : "covid" or "normal"
    layer : str, optional
        Default: the only layer there is to explain, or the backbone's last.

    Raises
    ------
    InputError
        If the network has no such layer, or there is no such class.
    """
    if label not in LABELS:
        raise InputError(label, "is no class", f"Choose {' or '.join(LABELS)}")
    name = layer or LAST_MAP[model.name]
    if name not in {one.name for one in model.layers}:
        raise InputError(name, f"is no layer of {model.name}", f"Choose one of {', '.join(layers_to_explain(model))}")
    features, gradients, probabilities = features_and_gradients(model, images, LABELS.index(label), name)
    weights = gradients.mean(axis=(1, 2), keepdims=True)
    coarse = np.maximum((weights * features).sum(axis=-1), 0)
    size = (images.shape[1], images.shape[2])
    maps = _normalised(enlarge(coarse, size, unpadded=name in UNPADDED_LEVELS))
    return HeatMap(name, maps, np.abs(gradients).max(axis=(1, 2, 3)) > 0, probabilities)


def features_and_gradients(
    model: keras.Model, images: np.ndarray, class_index: int, layer: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Maps of a layer, the gradient of the class's logit with respect to them, and the answers. Taught in chapter 07.

    Returns
    -------
    features, gradients : float32 arrays, shape (batch, map rows, map columns, channels)
    probabilities : float32 array, shape (batch, 2)
    """
    last = model.layers[-1]
    inner = keras.Model(model.inputs, [model.get_layer(layer).output, last.input, model.outputs[0]])

    # As a graph, not step by step: a graph leaves out the gradients of filters, which nobody asked for here. Computed
    # eagerly they cost time, and TensorFlow 2.21 was seen to corrupt memory in them (conv2d_backprop_filter).
    def run(inputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            # Without this, a network with frozen layers leaves no trace on the tape.
            tape.watch(inputs)
            features, evidence, probabilities = inner(inputs, training=False)
            # The last layer is Dense with softmax: its logit is what goes into the softmax.
            logit = tf.linalg.matvec(evidence, last.kernel[:, class_index]) + last.bias[class_index]
            # A sum over the batch: the gradient of each image's logit by its own features.
            total = tf.reduce_sum(logit)
        gradients = tape.gradient(total, features, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return features, gradients, probabilities

    inputs = tf.convert_to_tensor(images)
    graph = tf.function(run).get_concrete_function(tf.TensorSpec(inputs.shape, inputs.dtype))
    features, gradients, probabilities = graph(inputs)
    return features.numpy(), gradients.numpy(), probabilities.numpy()


def enlarge(coarse: np.ndarray, size: tuple[int, int], unpadded: bool) -> np.ndarray:
    """Maps at the size of the slice; an unpadded level's first cell lies one cell inside. Taught in chapter 07.

    Parameters
    ----------
    coarse : float array, shape (batch, map rows, map columns)
    size : (rows, columns) of the slice
    """
    if unpadded:
        coarse = np.pad(coarse, ((0, 0), (1, 1), (1, 1)))
    return tf.image.resize(coarse[..., np.newaxis], size, method="bilinear").numpy()[..., 0]


def _normalised(maps: np.ndarray) -> np.ndarray:
    highest = maps.max(axis=(1, 2), keepdims=True)
    return np.divide(maps, highest, out=np.zeros_like(maps), where=highest > 0)


def points_at(heat: HeatMap, masks: np.ndarray) -> np.ndarray:
    """Whether the highest point of each map lies on its mask: the pointing game. Taught in chapters 07 and 09.

    Parameters
    ----------
    masks : bool array, shape (batch, mask rows, mask columns)
        At the size of the slice, a multiple of the map's; a cell of the map hits if it touches the mask.

    Returns
    -------
    bool array, shape (batch,)
        False where there is no gradient: such a map points nowhere.
    """
    images, rows, columns = heat.maps.shape
    cells = masks.reshape(images, rows, masks.shape[1] // rows, columns, masks.shape[2] // columns).any(axis=(2, 4))
    highest = heat.maps.reshape(images, -1).argmax(axis=1)
    return cells.reshape(images, -1)[np.arange(images), highest] & heat.has_gradient


def pyramid_maps(model: keras.Model, images: np.ndarray, label: str = "covid") -> dict[str, HeatMap]:
    """Grad-CAM at every level of the pyramid. Taught in chapter 07.

    Raises
    ------
    InputError
        If the network has no pyramid.
    """
    if layers_to_explain(model) != LEVELS:
        raise InputError(model.name, "has no pyramid", "Use resnet50v2-fpn")
    return {level: grad_cam(model, images, label, level) for level in LEVELS}


def head_activations(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """The ten numbers that reach the last layer, two a level: zero on every slice is a dead head.

    Taught in chapters 03 and 07.

    Returns
    -------
    float32 array, shape (batch, 10)
        In the order P3 to P7.

    Raises
    ------
    InputError
        If the network has no pyramid.
    """
    if layers_to_explain(model) != LEVELS:
        raise InputError(model.name, "has no pyramid", "Use resnet50v2-fpn")
    inner = keras.Model(model.inputs, model.layers[-1].input)
    return inner(tf.convert_to_tensor(images), training=False).numpy()
