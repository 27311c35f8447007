"""Grad-CAM: where in a slice the evidence for a class comes from (paper, section 3.3, Figure 12).

The gradient is taken of the logit, not of the softmax: with two classes the softmax's gradients mirror each other and
vanish when the network is sure. A level whose ReLU head is dead has no gradient, and says so. Taught in chapter 07.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from covidlib.errors import InputError
from covidlib.heatmaps.cam_methods import METHODS
from covidlib.heatmaps.cell_grid import Grid, enlarge, grids
from covidlib.names import LABELS
from covidlib.networks.models import LAST_MAP
from covidlib.networks.pyramid import LEVELS
from covidlib.utils.quiet_tensorflow import keras, tf

COMBINED = "combined"
"""The name of the map that is put together from all levels of the pyramid."""


@dataclass(frozen=True)
class HeatMap:
    """The maps of a batch at one layer.

    Attributes
    ----------
    layer : str
        The layer whose maps were weighted.
    maps : float32 array, shape (batch, side, side)
        The highest value of each map is 1, or all are 0.
    has_gradient : bool array, shape (batch,)
        False where the class does not depend on the layer: the map is empty because there is nothing to show.
    probabilities : float32 array, shape (batch, 2)
        The network's answer on the same images.
    adds : float32 array, shape (batch,)
        What the layer adds to the class's logit: a level through its own two numbers, another layer all but the bias.
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
        """What to write over one map: its layer, and why it is empty if it is."""
        numbers = "" if self.heads is None else f" (head {self.heads[index, 0]:.2g}, {self.heads[index, 1]:.2g})"
        if not self.has_gradient[index]:
            return f"{self.layer}: no gradient{numbers}"
        if not self.maps[index].any():
            return f"{self.layer}: nothing speaks for the class{numbers}"
        return f"{self.layer}{numbers}"


# Maps of a network ----------------------------------------------------------------------------------------------------


def layers_to_explain(model: keras.Model) -> tuple[str, ...]:
    """The layers that have maps of interest: the pyramid's levels, or the backbone's last."""
    names = {layer.name for layer in model.layers}
    if set(LEVELS) <= names:
        return LEVELS
    return tuple(name for name in dict.fromkeys(LAST_MAP.values()) if name in names)


class Explainer:
    """A network made ready to be explained: all its layers of interest in one pass, batch after batch.

    Making one costs as much as some batches of maps, so make it once a network. Weights that change later are used as
    they then are.

    Parameters
    ----------
    model : keras.Model
        Its last layer is Dense with a softmax.
    layers : names, optional
        Default: the pyramid's levels, or the backbone's last map.
    batch_size : int
        Slices that are worked on at a time.

    Raises
    ------
    InputError
        If the network has no such layer.
    """

    def __init__(self, model: keras.Model, layers: Sequence[str] | None = None, batch_size: int = 32) -> None:
        self.layers = tuple(layers or layers_to_explain(model))
        for name in self.layers:
            if name not in {one.name for one in model.layers}:
                known = ", ".join(layers_to_explain(model))
                raise InputError(name, f"is no layer of {model.name}", f"Choose one of {known}")
        self.side = int(model.input_shape[1])
        self.batch_size = batch_size
        self.grids = grids(model)
        last = model.layers[-1]
        heads = dict(zip(LEVELS, range(0, 10, 2), strict=True)) if set(LEVELS) <= set(self.grids) else {}
        self.units = {name: slice(heads[name], heads[name] + 2) for name in self.layers if name in heads}
        outputs = [model.get_layer(name).output for name in self.layers]
        inner = keras.Model(model.inputs, [*outputs, last.input, model.outputs[0]])
        self._last = last

        # As a graph, not step by step: a graph leaves out the gradients of filters, which nobody asked for here.
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
            features, gradients = ([tf.cast(one, tf.float32) for one in many] for many in (features, gradients))
            return features, gradients, evidence, probabilities

        images = tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)
        # Traced here, once: tf.function warns on stderr when a program makes several of these.
        self._run = tf.function(run).get_concrete_function(images, tf.TensorSpec((), tf.int32))

    def gradients(
        self, images: np.ndarray, label: str = "covid"
    ) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray, np.ndarray]:
        """Maps of the layers, the gradient of the class's logit by them, the last layer's input, and the answers.

        Returns
        -------
        features, gradients : lists of float32 arrays, shape (batch, cells, cells, channels)
            One a layer.
        evidence : float32 array, shape (batch, numbers)
        probabilities : float32 array, shape (batch, 2)

        Raises
        ------
        InputError
            If there is no such class.
        """
        if label not in LABELS:
            raise InputError(label, "is no class", f"Choose {' or '.join(LABELS)}")
        found = self._run(tf.convert_to_tensor(images, tf.float32), tf.constant(LABELS.index(label)))
        return tf.nest.map_structure(lambda one: one.numpy(), found)

    def __call__(
        self, images: np.ndarray, label: str = "covid", method: str = "grad-cam", side: int | None = None
    ) -> dict[str, HeatMap]:
        """The maps of a batch at every layer.

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
            raise InputError(method, "is no method", f"Choose one of {', '.join(METHODS)}")
        parts = [
            self._maps_of(images[start : start + self.batch_size], label, method, side or self.side)
            for start in range(0, len(images), self.batch_size)
        ]
        return {name: _joined([part[name] for part in parts]) for name in self.layers}

    def _maps_of(self, images: np.ndarray, label: str, method: str, side: int) -> dict[str, HeatMap]:
        features, gradients, evidence, probabilities = self.gradients(images, label)
        towards = np.array(self._last.kernel)[:, LABELS.index(label)]
        found = {}
        for name, feature, gradient in zip(self.layers, features, gradients, strict=True):
            units = self.units.get(name, slice(None))
            coarse = METHODS[method](feature, gradient)
            found[name] = HeatMap(
                name,
                normalised(enlarge(coarse, side, self.grid_at(name, side))),
                np.abs(gradient).max(axis=(1, 2, 3)) > 0,
                probabilities,
                evidence[:, units] @ towards[units],
                evidence[:, units] if name in self.units else None,
            )
        return found

    def grid_at(self, layer: str, side: int) -> Grid:
        """Where the cells of a layer lie on a slice of so many pixels."""
        return self.grids[layer].at_side(self.side, side)


def _joined(parts: list[HeatMap]) -> HeatMap:
    heads = [part.heads for part in parts if part.heads is not None]
    arrays = ("maps", "has_gradient", "probabilities", "adds")
    whole = {name: np.concatenate([getattr(part, name) for part in parts]) for name in arrays}
    return HeatMap(parts[0].layer, **whole, heads=np.concatenate(heads) if heads else None)


def normalised(maps: np.ndarray) -> np.ndarray:
    """Maps divided by their own highest value; an empty one stays empty."""
    highest = maps.max(axis=(1, 2), keepdims=True)
    return np.divide(maps, highest, out=np.zeros_like(maps), where=highest > 0)


def points_at(heat: HeatMap, masks: np.ndarray) -> np.ndarray:
    """Whether the highest point of each map lies on its mask: the pointing game.

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


def combined(levels: Mapping[str, HeatMap]) -> HeatMap:
    """One map of all levels, each weighted by what it adds to the class's logit.

    Levels that speak against the class, and levels without a map, have no weight.
    """
    maps = list(levels.values())
    weights = np.stack([np.maximum(one.adds, 0) * one.maps.any(axis=(1, 2)) for one in maps])
    whole = np.einsum("li,lirc->irc", weights, np.stack([one.maps for one in maps])).astype(np.float32)
    return HeatMap(
        COMBINED,
        normalised(whole),
        np.any([one.has_gradient for one in maps], axis=0),
        maps[0].probabilities,
        np.sum([one.adds for one in maps], axis=0),
    )


# In one call ----------------------------------------------------------------------------------------------------------


def explain_slices(
    model: keras.Model,
    images: np.ndarray,
    label: str = "covid",
    layer: str | None = None,
    method: str = "grad-cam",
) -> HeatMap:
    """Grad-CAM of a batch at one layer (paper, section 3.3).

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
        If the network has no such layer, or there is no such class or method.
    """
    name = layer or LAST_MAP[model.name]
    return Explainer(model, (name,))(images, label, method)[name]


def head_activations(model: keras.Model, images: np.ndarray) -> np.ndarray:
    """The ten numbers that reach the last layer, two a level: zero on every slice is a dead head.

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
