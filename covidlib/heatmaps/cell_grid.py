"""Where the cells of a coarse map lie on the slice, and the map enlarged with each cell in its place (section 3.3).

Stretching a map over the slice puts it in a wrong place twice: P3 and P4 come from unpadded convolutions and lack a
rim, and a convolution that takes every second cell looks at the first of two, not between them. What a cell looks at
follows from the layers in front of it. Taught in chapter 07.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from covidlib.networks.describe import CONVOLUTIONS, POOLINGS, layer_table, parents_of
from covidlib.utils.quiet_tensorflow import keras, layers


class Grid(NamedTuple):
    """Where a map's cells look: the middle of cell i is at pixel `first` + i · `stride`, in rows and in columns.

    The middle of the slice's first pixel is 0. `trimmed` says that the map lacks a rim of one cell, because its last
    convolution is unpadded.
    """

    first: float
    stride: float
    trimmed: bool = False

    def at_side(self, side: int, other: int) -> Grid:
        """The same on a slice that was averaged from `other` pixels down to `side`."""
        times = other / side
        return Grid((self.first + 0.5) * times - 0.5, self.stride * times, self.trimmed)

    def pixel(self, cell: np.ndarray | float) -> np.ndarray:
        """The middle of cells, in pixels."""
        return self.first + np.asarray(cell) * self.stride


def grids(model: keras.Model) -> dict[str, Grid]:
    """Where the cells of every layer with a map look.

    Where branches meet, the one that sees least says where a cell is: the others see its surroundings too.

    Raises
    ------
    InputError
        If a layer has no rule (`covidlib.networks.describe`).
    """
    facts = layer_table(model).set_index("layer")
    strides, fields = facts["stride"].astype(float).to_dict(), facts["receptive_field"].astype(float).to_dict()
    before = parents_of(model)
    first: dict[str, float] = {}
    found = {}
    for layer in model.layers:
        stride = strides[layer.name]
        branches = before[layer.name]
        if not branches:
            first[layer.name] = 0.0
        else:
            narrowest = min(branches, key=lambda name: fields[name])
            came_with = strides[narrowest]
            first[layer.name] = first[narrowest] + came_with * _shift(layer, stride / came_with)
        padded = any(isinstance(model.get_layer(name), layers.ZeroPadding2D) for name in branches)
        found[layer.name] = Grid(first[layer.name], stride, _trims(layer) and not padded)
    return {name: grid for name, grid in found.items() if not np.isnan(grid.stride)}


def _shift(layer: keras.Layer, growth: float) -> float:
    """How far the first cell of a layer's output lies from that of its input, in cells of the input."""
    if isinstance(layer, (*CONVOLUTIONS, *POOLINGS)):
        window, stride, missing = _window(layer)
        return (window - 1) / 2 - (missing // 2 if layer.padding == "same" else 0)
    if isinstance(layer, layers.ZeroPadding2D):
        return -float(layer.padding[0][0])
    if isinstance(layer, layers.Resizing):
        return (growth - 1) / 2
    return 0.0


def _window(layer: keras.Layer) -> tuple[int, int, int]:
    """Width, stride, and how many cells padding must add so that no cell of the input is left out."""
    kernel = layer.kernel_size if isinstance(layer, CONVOLUTIONS) else layer.pool_size
    spread = layer.dilation_rate[0] if isinstance(layer, CONVOLUTIONS) else 1
    window, stride, cells = (kernel[0] - 1) * spread + 1, layer.strides[0], layer.input.shape[1]
    return window, stride, max((-(-cells // stride) - 1) * stride + window - cells, 0)


def _trims(layer: keras.Layer) -> bool:
    """Whether it gives up a rim of one cell: what is narrower or wider occurs in none of the networks."""
    return isinstance(layer, CONVOLUTIONS) and layer.padding == "valid" and _window(layer)[:2] == (3, 1)


def enlarge(coarse: np.ndarray, side: int, grid: Grid) -> np.ndarray:
    """Maps at the size of the slice: exact in the middle of each cell, straight lines between.

    Towards the border a map keeps its outermost value; a trimmed map has a rim of zeros first, because nothing is
    known there.

    Parameters
    ----------
    coarse : float array, shape (batch, cells, cells)
    side : int
        Pixels of the slice that `grid` belongs to.

    Returns
    -------
    float32 array, shape (batch, side, side)
    """
    if grid.trimmed:
        coarse = np.pad(coarse, ((0, 0), (1, 1), (1, 1)))
        grid = Grid(grid.first - grid.stride, grid.stride)
    cells = coarse.shape[-1]
    place = (np.arange(side) - grid.first) / grid.stride
    weights = np.stack([np.interp(place, np.arange(cells), one) for one in np.eye(cells)], axis=1).astype(np.float32)
    return weights @ coarse.astype(np.float32) @ weights.T
