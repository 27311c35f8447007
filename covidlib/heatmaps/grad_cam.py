"""Grad-CAM heat maps: where in a slice a network finds evidence for a class (paper, section 3.3, Figure 12).

The gradient is that of the logit, not of the softmax: with two classes the softmax's gradients mirror each other and
vanish when the network is certain. A pyramid level with a dead ReLU head has no gradient; its map is marked as
empty. Taught in chapter 07.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from covidlib.errors import InputError
from covidlib.heatmaps.cam_methods import METHODS
from covidlib.heatmaps.cell_grid import Grid, enlarge, grids
from covidlib.heatmaps.lesion_scores import peak
from covidlib.names import LABELS
from covidlib.networks.models import LAST_MAP
from covidlib.networks.pyramid import LEVELS
from covidlib.utils.quiet_tensorflow import keras, tf

COMBINED = "combined"
"""Name of the map that combines all levels of the pyramid."""


@dataclass(frozen=True)
class HeatMap:
    """The maps of a batch at one layer.

    Attributes
    ----------
    layer : str
        The layer whose feature maps were weighted.
    maps : float32 array, shape (batch, side, side)
        The highest value of each map is 1, or all are 0.
    has_gradient : bool array, shape (batch,)
        False if the class does not depend on the layer, so that the map is empty.
    probabilities : float32 array, shape (batch, 2)
        The network's probabilities for the same images.
    adds : float32 array, shape (batch,)
        The layer's contribution to the class's logit: for a level, through its two numbers; for another layer, all
        except the bias.
    heads : float32 array, shape (batch, 2), or None
        The two numbers of a pyramid level; None for other layers.
    """

    layer: str
    maps: np.ndarray
    has_gradient: np.ndarray
    probabilities: np.ndarray
    adds: np.ndarray
    heads: np.ndarray | None = None

    def note(self, index: int) -> str:
        """Title of one map: its layer, and the reason if the map is empty."""
        numbers = "" if self.heads is None else f" (head {self.heads[index, 0]:.2g}, {self.heads[index, 1]:.2g})"
        if not self.has_gradient[index]:
            return f"{self.layer}: no gradient{numbers}"
        if not self.maps[index].any():
            return f"{self.layer}: no evidence for the class{numbers}"
        return f"{self.layer}{numbers}"


# Maps of a network ----------------------------------------------------------------------------------------------------


def layers_to_explain(model: keras.Model) -> tuple[str, ...]:
    """The layers that are explained by default: the pyramid's levels, or the backbone's last map."""
    names = {layer.name for layer in model.layers}
    if set(LEVELS) <= names:
        return LEVELS
    return tuple(name for name in dict.fromkeys(LAST_MAP.values()) if name in names)


class Explainer:
    """Make heat maps of a network at several layers in one pass, batch by batch.

    Making an explainer takes as long as several batches of maps, so make one per network. If the model's weights change
    later, the new ones are used.

    Parameters
    ----------
    model : keras.Model
        Its last layer is Dense with a softmax.
    layers : names, optional
        Default: the pyramid's levels, or the backbone's last map.
    batch_size : int
        Number of slices per pass.

    Raises
    ------
    InputError
        If the network has no such layer.
    """

    def __init__(self, model: keras.Model, layers: Sequence[str] | None = None, batch_size: int = 32) -> None:
        self.layers = tuple(layers or layers_to_explain(model))
        for name in self.layers:
            if name not in {layer.name for layer in model.layers}:
                known = ", ".join(layers_to_explain(model))
                raise InputError(model.name, f"no layer {name!r}", f"Choose one of {known}")
        self.side = int(model.input_shape[1])
        self.batch_size = batch_size
        self.grids = grids(model)
        last = model.layers[-1]
        heads = dict(zip(LEVELS, range(0, 10, 2), strict=True)) if set(LEVELS) <= set(self.grids) else {}
        self.units = {name: slice(heads[name], heads[name] + 2) for name in self.layers if name in heads}
        outputs = [model.get_layer(name).output for name in self.layers]
        inner = keras.Model(model.inputs, [*outputs, last.input, model.outputs[0]])
        self._last = last

        # As a graph, not step by step: a graph leaves out the gradients of filters, which are not needed here.
        # Computed eagerly they cost time, and TensorFlow 2.21 was seen to corrupt memory in them.
        def run(
            inputs: tf.Tensor, class_index: tf.Tensor
        ) -> tuple[list[tf.Tensor], list[tf.Tensor], tf.Tensor, tf.Tensor]:
            with tf.GradientTape(persistent=True) as tape:
                # Without this, a network with frozen layers leaves no trace on the tape.
                tape.watch(inputs)
                *features, evidence, probabilities = inner(inputs, training=False)
                # The last layer is Dense with softmax: its logit is what goes into the softmax. A sum over the batch
                # gives the gradient of each image's logit by its own features; the bias has none. A level answers for
                # its own two numbers only: P6 also feeds P7, and would show what P7 adds.
                evidence, kernel = tf.cast(evidence, tf.float32), tf.gather(last.kernel, [class_index], axis=1)
                parts = [self.units.get(name, slice(None)) for name in self.layers]
                totals = [tf.reduce_sum(evidence[:, units] @ kernel[units]) for units in parts]
            none = tf.UnconnectedGradients.ZERO
            gradients = [
                tape.gradient(total, feature, unconnected_gradients=none)
                for total, feature in zip(totals, features, strict=True)
            ]
            features, gradients = (
                [tf.cast(tensor, tf.float32) for tensor in tensors] for tensors in (features, gradients)
            )
            return features, gradients, evidence, probabilities

        images = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
        # Traced here, once: tf.function warns on stderr when a program makes several of these.
        self._run = tf.function(run).get_concrete_function(images, tf.TensorSpec((), tf.int32))

    def gradients(
        self, images: np.ndarray, label: str = "covid"
    ) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray, np.ndarray]:
        """Compute feature maps, the logit's gradients with respect to them, the last layer's input and probabilities.

        Returns
        -------
        features, gradients : lists of float32 arrays, shape (batch, cells, cells, channels)
            One per layer.
        evidence : float32 array, shape (batch, numbers)
        probabilities : float32 array, shape (batch, 2)

        Raises
        ------
        InputError
            If the class is unknown.
        """
        if label not in LABELS:
            raise InputError("class", f"unknown class {label!r}", f"Choose {' or '.join(LABELS)}")
        tensors = self._run(tf.convert_to_tensor(images, tf.float32), tf.constant(LABELS.index(label)))
        return tf.nest.map_structure(lambda tensor: tensor.numpy(), tensors)

    def __call__(
        self, images: np.ndarray, label: str = "covid", method: str = "grad-cam", side: int | None = None
    ) -> dict[str, HeatMap]:
        """Make the maps of a batch at every layer.

        Parameters
        ----------
        images : float32 array, shape (batch, rows, columns, 1)
            Scaled as the network was trained.
        label : "covid" or "normal"
        method : "grad-cam", "grad-cam++" or "hirescam"
        side : int, optional
            Pixels of the maps; default: those of the network's input.

        Returns
        -------
        dict of HeatMap
        """
        if method not in METHODS:
            raise InputError("method", f"unknown method {method!r}", f"Choose one of {', '.join(METHODS)}")
        parts = [
            self._maps_of(images[start : start + self.batch_size], label, method, side or self.side)
            for start in range(0, len(images), self.batch_size)
        ]
        return {name: _joined([part[name] for part in parts]) for name in self.layers}

    def _maps_of(self, images: np.ndarray, label: str, method: str, side: int) -> dict[str, HeatMap]:
        features, gradients, evidence, probabilities = self.gradients(images, label)
        towards = np.array(self._last.kernel)[:, LABELS.index(label)]
        maps = {}
        for name, feature, gradient in zip(self.layers, features, gradients, strict=True):
            units = self.units.get(name, slice(None))
            coarse = METHODS[method](feature, gradient)
            maps[name] = HeatMap(
                name,
                normalised(enlarge(coarse, side, self.grid_at(name, side))),
                np.abs(gradient).max(axis=(1, 2, 3)) > 0,
                probabilities,
                evidence[:, units] @ towards[units],
                evidence[:, units] if name in self.units else None,
            )
        return maps

    def grid_at(self, layer: str, side: int) -> Grid:
        """Positions of a layer's cells on a slice of this side in pixels."""
        return self.grids[layer].at_side(self.side, side)


def _joined(parts: list[HeatMap]) -> HeatMap:
    heads = [part.heads for part in parts if part.heads is not None]
    arrays = ("maps", "has_gradient", "probabilities", "adds")
    whole = {name: np.concatenate([getattr(part, name) for part in parts]) for name in arrays}
    return HeatMap(parts[0].layer, **whole, heads=np.concatenate(heads) if heads else None)


def normalised(maps: np.ndarray) -> np.ndarray:
    """Divide each map by its highest value; empty maps stay empty."""
    highest = maps.max(axis=(1, 2), keepdims=True)
    return np.divide(maps, highest, out=np.zeros_like(maps), where=highest > 0)


def points_at(heat: HeatMap, masks: np.ndarray) -> np.ndarray:
    """The pointing game: whether the highest point of each map lies on its mask.

    The same rule as `covidlib.heatmaps.lesion_scores.score_map`: one point, on a plateau the one nearest to its middle.

    Parameters
    ----------
    masks : bool array, shape (batch, mask rows, mask columns)
        At the size of the slice, a multiple of the map's.

    Returns
    -------
    bool array, shape (batch,)
        False if there is no gradient: such a map has no highest point.
    """
    step = np.array(masks.shape[1:]) // heat.maps.shape[1:]
    hits = []
    for one, mask, shown in zip(heat.maps, masks, heat.has_gradient, strict=True):
        row, column = np.array(peak(one)) * step + step // 2
        hits.append(bool(shown and mask[row, column]))
    return np.array(hits)


def combined(levels: Mapping[str, HeatMap]) -> HeatMap:
    """Combine the maps of all levels, each weighted by its contribution to the class's logit.

    Levels with a negative contribution, and levels without a map, have weight 0.
    """
    maps = list(levels.values())
    weights = np.stack([np.maximum(level.adds, 0) * level.maps.any(axis=(1, 2)) for level in maps])
    whole = np.einsum("li,lirc->irc", weights, np.stack([level.maps for level in maps])).astype(np.float32)
    return HeatMap(
        COMBINED,
        normalised(whole),
        np.any([level.has_gradient for level in maps], axis=0),
        maps[0].probabilities,
        np.sum([level.adds for level in maps], axis=0),
    )


# In one call ----------------------------------------------------------------------------------------------------------


def explain_slices(
    model: keras.Model,
    images: np.ndarray,
    label: str = "covid",
    layer: str | None = None,
    method: str = "grad-cam",
) -> HeatMap:
    """Make Grad-CAM maps of a batch at one layer (paper, section 3.3).

    Parameters
    ----------
    images : float32 array, shape (batch, rows, columns, 1)
        Scaled as the network was trained.
    label : "covid" or "normal"
    layer : str, optional
        Default: the backbone's last map.

    Raises
    ------
    InputError
        If the network has no such layer, or the class or method is unknown.
    """
    name = layer or LAST_MAP[model.name]
    return Explainer(model, (name,))(images, label, method)[name]


def head_activations(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """Compute the ten inputs of the last layer, two per level; one that is zero on every slice is a dead head.

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
        raise InputError(model.name, "this network has no pyramid", "Use resnet50v2-fpn")
    inner = keras.Model(model.inputs, model.layers[-1].input)
    return inner(tf.convert_to_tensor(images), training=False).numpy()
