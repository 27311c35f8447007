"""Enlarge a coarse map to the slice with every cell in its correct position (paper, section 3.3).

Stretching a map over the slice misplaces it for two reasons: P3 and P4 come from unpadded convolutions and lack a rim,
and a convolution with stride 2 is centred on the first of two cells, not between them. The position of a cell follows
from the layers before it. Taught in chapter 07.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from covidlib.networks.describe import CONVOLUTIONS, POOLINGS, layer_table, parents_of
from covidlib.utils.quiet_tensorflow import keras, layers


class Grid(NamedTuple):
    """Positions of a map's cells: the centre of cell i is at pixel `first` + i · `stride`, in rows and in columns.

    The centre of the slice's first pixel is 0. `trimmed` says that the map lacks a rim of one cell, because its last
    convolution is unpadded.
    """

    first: float
    stride: float
    trimmed: bool = False

    def at_side(self, side: int, other: int) -> Grid:
        """The grid in pixels of a slice with side `other`, if this one refers to side `side`."""
        times = other / side
        return Grid((self.first + 0.5) * times - 0.5, self.stride * times, self.trimmed)

    def pixel(self, cell: np.ndarray | float) -> np.ndarray:
        """Centres of cells, in pixels."""
        return self.first + np.asarray(cell) * self.stride


def grids(model: keras.Model) -> dict[str, Grid]:
    """Find the grid of every layer that has a map.

    Where branches meet, the branch with the smallest receptive field decides the position of a cell: the others see its
    surroundings too.

    Raises
    ------
    InputError
        If a layer has no rule (`covidlib.networks.describe`).
    """
    facts = layer_table(model).set_index("layer")
    strides, fields = facts["stride"].astype(float).to_dict(), facts["receptive_field"].astype(float).to_dict()
    before = parents_of(model)
    first: dict[str, float] = {}
    by_layer = {}
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
        by_layer[layer.name] = Grid(first[layer.name], stride, _trims(layer) and not padded)
    return {name: grid for name, grid in by_layer.items() if not np.isnan(grid.stride)}


def _shift(layer: keras.Layer, growth: float) -> float:
    """Distance of the first cell of a layer's output from that of its input, in cells of the input."""
    if isinstance(layer, (*CONVOLUTIONS, *POOLINGS)):
        window, stride, missing = _window(layer)
        return (window - 1) / 2 - (missing // 2 if layer.padding == "same" else 0)
    if isinstance(layer, layers.ZeroPadding2D):
        return -float(layer.padding[0][0])
    if isinstance(layer, layers.Resizing):
        return (growth - 1) / 2
    return 0.0


def _window(layer: keras.Layer) -> tuple[int, int, int]:
    """Width, stride, and number of cells that padding adds so that no cell of the input is left out."""
    kernel = layer.kernel_size if isinstance(layer, CONVOLUTIONS) else layer.pool_size
    spread = layer.dilation_rate[0] if isinstance(layer, CONVOLUTIONS) else 1
    window, stride, cells = (kernel[0] - 1) * spread + 1, layer.strides[0], layer.input.shape[1]
    return window, stride, max((-(-cells // stride) - 1) * stride + window - cells, 0)


def _trims(layer: keras.Layer) -> bool:
    """Whether a layer trims a rim of one cell; other widths do not occur in the networks."""
    return isinstance(layer, CONVOLUTIONS) and layer.padding == "valid" and _window(layer)[:2] == (3, 1)


def enlarge(coarse: np.ndarray, side: int, grid: Grid) -> np.ndarray:
    """Enlarge maps to the size of the slice: exact at the centre of each cell, linear between.

    Towards the border a map keeps its outermost value; a trimmed map first gets a rim of zeros, because nothing is
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
    weights = np.stack([np.interp(place, np.arange(cells), row) for row in np.eye(cells)], axis=1).astype(np.float32)
    return weights @ coarse.astype(np.float32) @ weights.T
