"""Figures of heat maps: maps over slices, hit rates by lesion size, deletion curves, randomised weights.

Taught in chapter 07.
"""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from covidlib.plotting.results import QUIET
from covidlib.plotting.slices import show_slice
from covidlib.plotting.style import NETWORK_COLOURS, NETWORK_MARKS
from covidlib.scans.windows import grey_levels


def heat_pairs(
    slices: Sequence[np.ndarray], maps: Sequence[np.ndarray], masks: Sequence[np.ndarray], titles: Sequence[str],
    columns: int = 3,
) -> Figure:  # fmt: skip
    """Draw each slice beside its heat map (paper, Figure 12), with true lesions outlined.

    Parameters
    ----------
    slices : uint16 arrays, shape (512, 512)
    maps : float arrays, 0 to 1
    masks : bool arrays, shape (512, 512)
    columns : int
        Pairs in a row.
    """
    rows = -(-len(slices) // columns)
    figure, grid = plt.subplots(rows, 2 * columns, figsize=(3.3 * columns, 1.85 * rows), squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for number, (pixels, heat, mask, title) in enumerate(zip(slices, maps, masks, titles, strict=True)):
        left, right = grid[number // columns, 2 * (number % columns) : 2 * (number % columns) + 2]
        show_slice(left, pixels, "lung")
        outline(left, mask)
        heat_overlay(right, pixels, heat, title)
    return figure


def heat_overlays(
    slices: Sequence[np.ndarray], maps: Sequence[np.ndarray], masks: Sequence[np.ndarray], titles: Sequence[str],
    columns: int = 4,
) -> Figure:  # fmt: skip
    """Draw heat maps over their slices in a grid, with true lesions outlined."""
    rows = -(-len(slices) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(2.3 * columns, 2.5 * rows), squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, pixels, heat, mask, title in zip(grid.flat, slices, maps, masks, titles, strict=False):
        heat_overlay(axes, pixels, heat, title)
        outline(axes, mask)
    return figure


def rates_by_size(table: pd.DataFrame, score: str, chance: str, ylabel: str) -> Figure:
    """Plot a rate against lesion diameter, one panel per map, with the chance level.

    Parameters
    ----------
    table : DataFrame
        From `covidlib.heatmaps.lesion_scores.by_diameter`, with both scores.
    """
    names = list(table[["network", "layer"]].drop_duplicates().itertuples(index=False, name=None))
    figure, panels = plt.subplots(1, len(names), figsize=(2.3 * len(names), 2.9), sharey=True, squeeze=False)
    for axes, (network, layer) in zip(panels.flat, names, strict=True):
        of_map = table[(table["network"] == network) & (table["layer"] == layer)]
        looks = ((score, NETWORK_COLOURS[network], NETWORK_MARKS[network], "-"), (chance, QUIET, "x", ":"))
        for name, colour, mark, line in looks:
            rows = of_map[of_map["score"] == name].sort_values("mid_mm")
            axes.fill_between(rows["mid_mm"], rows["low"], rows["high"], color=colour, alpha=0.15, linewidth=0)
            label = "lesions" if name == score else "by chance"
            axes.plot(rows["mid_mm"], rows["value"], color=colour, marker=mark, linestyle=line, ms=5, label=label)
        axes.set(title=f"{network}\n{layer}", xlabel="diameter, mm", xscale="log", ylim=(-0.02, 1.02))
        axes.set_xticks([2, 5, 10, 20, 40], [2, 5, 10, 20, 40])
        axes.xaxis.set_minor_locator(plt.NullLocator())
    panels[0, 0].set_ylabel(ylabel)
    panels[0, 0].legend(loc="upper left", fontsize=8)
    return figure


def removal_curves(curves: pd.DataFrame) -> Figure:
    """Plot p(COVID-19) while slices are blurred (solid) or restored (dashed), by map and in random order.

    Parameters
    ----------
    curves : DataFrame
        From `covidlib.heatmaps.score_runs`.
    """
    networks = list(curves["network"].unique())
    figure, panels = plt.subplots(1, len(networks), figsize=(3 * len(networks), 2.9), sharey=True, squeeze=False)
    for axes, network in zip(panels.flat, networks, strict=True):
        means = curves[curves["network"] == network].groupby(["way", "order", "share"])["p_covid"].mean()
        for way, line in (("deletion", "-"), ("insertion", "--")):
            for order, colour, mark in (
                ("map", NETWORK_COLOURS[network], NETWORK_MARKS[network]),
                ("random", QUIET, "x"),
            ):
                curve = means[way, order]
                axes.plot(curve.index, curve, line, color=colour, marker=mark, ms=4, label=f"{way}, {order}")
        axes.set(title=network, xlabel="share blurred, or put back", ylim=(-0.02, 1.02))
    panels[0, 0].set_ylabel("mean p(COVID-19)")
    panels[0, 0].legend(fontsize=7, loc="lower left")
    return figure


def randomised_maps(cascade: pd.DataFrame) -> Figure:
    """Plot the similarity of maps to those of the trained network while its weights are randomised layer by layer.

    Parameters
    ----------
    cascade : DataFrame
        From `covidlib.heatmaps.score_runs`.
    """
    networks = list(cascade["network"].unique())
    figure, panels = plt.subplots(1, len(networks), figsize=(3.2 * len(networks), 3), sharey=True, squeeze=False)
    for axes, network in zip(panels.flat, networks, strict=True):
        of_network = cascade[cascade["network"] == network]
        grouped = of_network.groupby("step")["likeness"]
        middle, low, high = grouped.median(), grouped.quantile(0.25), grouped.quantile(0.75)
        axes.fill_between(middle.index, low, high, color=NETWORK_COLOURS[network], alpha=0.15, linewidth=0)
        axes.plot(middle.index, middle, color=NETWORK_COLOURS[network], marker=NETWORK_MARKS[network], ms=5)
        axes.axhline(0, color=QUIET, linestyle=":", linewidth=1)
        parts = of_network.drop_duplicates("step").sort_values("step")
        axes.set(title=network, ylim=(-1.02, 1.05))
        axes.set_xticks(parts["step"], parts["part"], rotation=90, fontsize=8)
    panels[0, 0].set_ylabel("rank correlation with the trained map")
    return figure


def heat_overlay(axes: Axes, pixels: np.ndarray, heat: np.ndarray, title: str = "") -> None:
    """Draw a heat map over its slice at lung window; where the map is low, the slice stays visible.

    Parameters
    ----------
    pixels : uint16 array, shape (512, 512)
    heat : float array, shape (rows, columns)
        0 to 1, enlarged to the slice.
    """
    axes.imshow(grey_levels(pixels), vmin=0, vmax=255)
    extent = (-0.5, pixels.shape[1] - 0.5, pixels.shape[0] - 0.5, -0.5)
    axes.imshow(heat, cmap="inferno", vmin=0, vmax=1, alpha=np.clip(heat, 0, 0.65), extent=extent)
    axes.set_title(title, fontsize=9)
    axes.axis("off")


def outline(axes: Axes, mask: np.ndarray) -> None:
    """Draw the outline of a lesion mask as a thin line."""
    if mask.any():
        axes.contour(mask, levels=[0.5], colors="#38d9ff", linewidths=0.9)
