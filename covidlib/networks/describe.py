"""Describe a built network layer by layer: receptive fields, strides, parameters and FLOPs (section 2.3).

One multiply-add is two FLOPs. Convolutions and dense layers are counted, for one image; normalisation, activations,
biases, pooling and additions are not: they are less than 0.5% of the total at the paper size and 2 to 4% at the quick
size. A receptive field is the side of a square in pixels, in theory: near the border, part of the square lies outside
the image.
Taught in chapter 03.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import pandas as pd

from covidlib.errors import InputError
from covidlib.networks import models
from covidlib.networks import pyramid as pyramid_module
from covidlib.networks.pyramid import PLANS
from covidlib.protocols import COLAB, QUICK
from covidlib.utils.quiet_tensorflow import keras, layers

CONVOLUTIONS = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D)
POOLINGS = (layers.MaxPooling2D, layers.AveragePooling2D)
WHOLE_MAP = (layers.Flatten, layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D)
CELL_BY_CELL = (
    layers.Activation,
    layers.Add,
    layers.BatchNormalization,
    layers.Concatenate,
    layers.Dense,
    layers.Dropout,
    layers.ReLU,
    layers.ZeroPadding2D,
)
OF_THE_PART = "Parameters and GFLOPs: of the part that ends at this level and is not counted in a row above."
CONVENTION = "One multiply-add is two FLOPs; only convolutions and dense layers count. Fields and strides in pixels."
SIDES = {"paper": COLAB.image_side, "quick": QUICK.image_side}
"""The image side at which each size of network is trained."""


def layer_table(model: keras.Model) -> pd.DataFrame:
    """Every layer of a model with its receptive field, stride, parameters and FLOPs (paper, section 2.3).

    Parameters
    ----------
    model : keras.Model
        Built only of layers that this module has a rule for: convolutions, pooling, nearest-neighbour resizing, dense
        layers, and layers that work cell by cell.

    Returns
    -------
    DataFrame
        One row per layer, inputs first. Columns layer, kind, shape (without the batch), stride (pixels between
        neighbouring cells; 1 at the input, NaN behind a flattened map), receptive_field (pixels), parameters, flops.

    Raises
    ------
    InputError
        If there is no rule for a layer: every row after it would be wrong.
    """
    fields: dict[str, tuple[float, float]] = {}
    rows = []
    before = parents_of(model)
    for layer in model.layers:
        fields[layer.name] = _field(layer, [fields[name] for name in before[layer.name]])
        receptive_field, stride = fields[layer.name]
        rows.append(
            {
                "layer": layer.name,
                "kind": type(layer).__name__,
                "shape": _shape(layer),
                "stride": stride,
                "receptive_field": round(receptive_field),
                "parameters": layer.count_params(),
                "flops": flops(layer),
            }
        )
    return pd.DataFrame(rows)


def parents_of(model: keras.Model) -> dict[str, list[str]]:
    """The layers that feed each layer, by name."""
    maker = {id(layer.output): layer.name for layer in model.layers}
    return {
        layer.name: [] if isinstance(layer, layers.InputLayer) else [maker[id(tensor)] for tensor in _inputs(layer)]
        for layer in model.layers
    }


def _inputs(layer: keras.Layer) -> Sequence[keras.KerasTensor]:
    return layer.input if isinstance(layer.input, list) else [layer.input]


def _shape(layer: keras.Layer) -> tuple[int, ...]:
    return tuple(layer.output.shape[1:])


def _field(layer: keras.Layer, before: list[tuple[float, float]]) -> tuple[float, float]:
    """Receptive field and stride of a layer's output, from those of its inputs.

    A window of k cells covers k − 1 strides more than one cell; its stride counts in strides of the map it slides over.
    """
    if isinstance(layer, layers.InputLayer):
        return 1.0, 1.0
    # Branches that meet lie over the same place, so the larger square holds the smaller one.
    field, stride = max(before)
    if isinstance(layer, CONVOLUTIONS):
        window = (layer.kernel_size[0] - 1) * layer.dilation_rate[0]
        return field + window * stride, stride * layer.strides[0]
    if isinstance(layer, POOLINGS):
        return field + (layer.pool_size[0] - 1) * stride, stride * layer.strides[0]
    if isinstance(layer, layers.Resizing) and layer.interpolation == "nearest":
        # A copied cell has the receptive field of its original; only the distance to its neighbour is smaller.
        return field, stride * layer.input.shape[1] / layer.output.shape[1]
    if isinstance(layer, WHOLE_MAP):
        return field + (layer.input.shape[1] - 1) * stride, math.nan
    if isinstance(layer, CELL_BY_CELL):
        return field, stride
    raise InputError(
        layer.name, f"no receptive-field rule for layers of type {type(layer).__name__}", "Add a rule to describe.py"
    )


def flops(layer: keras.Layer) -> int:
    """FLOPs of a layer for one image: two per multiply-add of a convolution or dense layer, 0 for all others."""
    if not isinstance(layer, (*CONVOLUTIONS, layers.Dense)):
        return 0
    cells = math.prod(_shape(layer)[:-1])
    if isinstance(layer, layers.SeparableConv2D):
        # Both kernels run at every cell of the output: a stride is taken by the first of them.
        return 2 * cells * (math.prod(layer.depthwise_kernel.shape) + math.prod(layer.pointwise_kernel.shape))
    # A kernel holds one number for each multiply-add at one cell, with groups and without.
    return 2 * cells * math.prod(layer.kernel.shape)


# Levels of interest ---------------------------------------------------------------------------------------------------


def levels(model: keras.Model) -> dict[str, str]:
    """The levels of a network that `level_table` lists, each with its last layer, in the order of computation.

    Raises
    ------
    InputError
        If the model's name is not in `models.ALL_NAMES`.
    """
    if model.name in PLANS:
        backbone = dict(zip(("C3", "C4", "C5"), PLANS[model.name].sources, strict=True))
        # From the coarsest map down: P4 is made of the map that P5 is made of, and P3 of P4's.
        pyramid = {level: level for level in ("P5", "P4", "P3", "P6", "P7")}
        heads = {f"{level} head": f"{level}_head" for level in pyramid_module.LEVELS}
        return backbone | pyramid | heads | {"answer": "predictions"}
    if model.name == "resnet50v2":
        ends = (re.fullmatch(r"(conv\d)_block\d+_out", layer.name) for layer in model.layers)
        stacks = {end[1]: end[0] for end in ends if end}
    elif model.name == "xception":
        # Keras leaves the additions that end Xception's blocks 2 to 13 without names of their own.
        additions = [layer.name for layer in model.layers if isinstance(layer, layers.Add)]
        stacks = {"block1": "block1_conv2_act"} | {f"block{n}": name for n, name in enumerate(additions, start=2)}
    else:
        raise InputError(model.name, "not a network of the paper", f"Choose one of {', '.join(models.ALL_NAMES)}")
    return stacks | {"last map": models.LAST_MAP[model.name], "answer": "predictions"}


def level_table(model: keras.Model) -> pd.DataFrame:
    """A network's levels, one per row, with receptive field and the cost of the part that ends there (section 2.3).

    A part is every layer that the level needs and that no row above needs, so that the parts add up to the network.

    Returns
    -------
    DataFrame
        Columns level, layer, stride, shape, receptive_field, parameters, gflops; the last row is the total.

    Raises
    ------
    InputError
        If the model's name is not in `models.ALL_NAMES`, or there is no rule for one of its layers.
    """
    facts = layer_table(model).set_index("layer")
    before = parents_of(model)
    counted: set[str] = set()
    rows = []
    for level, name in levels(model).items():
        part = needed_by(name, before) - counted
        counted |= part
        costs = facts.loc[sorted(part), ["parameters", "flops"]].sum()
        end = facts.loc[name, ["stride", "shape", "receptive_field"]].to_dict()
        rows.append(
            {"level": level, "layer": name} | end | {"parameters": costs["parameters"], "gflops": costs["flops"] / 1e9}
        )
    total = {"level": "total", "parameters": facts["parameters"].sum(), "gflops": facts["flops"].sum() / 1e9}
    return pd.DataFrame([*rows, total]).astype({"parameters": int})


def needed_by(name: str, before: dict[str, list[str]]) -> set[str]:
    """A layer and all layers that it depends on, by name."""
    needed: set[str] = set()
    waiting = [name]
    while waiting:
        layer = waiting.pop()
        if layer not in needed:
            needed.add(layer)
            waiting += before[layer]
    return needed


def network_summary(size: models.Size = "paper", side: int = 512) -> pd.DataFrame:
    """Compare the paper's three networks: last map, receptive field, parameters and operations (section 2.3).

    Returns
    -------
    DataFrame
        Columns network, last_map (shape), receptive_field (of its cells), parameters, gflops (one image).
    """
    rows = []
    for name in models.NAMES:
        facts = layer_table(models.build(name, (side, side, 1), size)).set_index("layer")
        last = facts.loc[models.LAST_MAP[name]]
        rows.append(
            {
                "network": name,
                "last_map": last["shape"],
                "receptive_field": last["receptive_field"],
                "parameters": facts["parameters"].sum(),
                "gflops": facts["flops"].sum() / 1e9,
            }
        )
    return pd.DataFrame(rows)


def report(name: str | None = None, size: models.Size = "paper", side: int | None = None) -> str:
    """The text that `covidlib networks describe` prints: the levels of one network, or all three networks."""
    side = SIDES[size] if side is None else side
    if name is None:
        return f"{network_text(network_summary(size, side))}\n{size} size, one {side}×{side} image. {CONVENTION}"
    table = level_table(models.build(name, (side, side, 1), size))
    return f"{network_text(table)}\n{name}, {size} size, one {side}×{side} image. {OF_THE_PART}\n{CONVENTION}"


def network_text(table: pd.DataFrame) -> str:
    """Format a table of this module for a terminal."""
    shown = table.copy()
    for column in ("shape", "last_map"):
        if column in shown:
            shown[column] = ["×".join(map(str, shape)) if isinstance(shape, tuple) else "" for shape in shown[column]]
    formats = {"stride": "{:.0f}", "receptive_field": "{:.0f}", "parameters": "{:,}", "gflops": "{:.3f}"}
    for column, form in formats.items():
        if column in shown:
            shown[column] = ["" if pd.isna(value) else form.format(value) for value in shown[column]]
    return shown.fillna("").to_string(index=False)
