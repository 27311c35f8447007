"""Figures in one style: CT in grey at a stated window, classes in two colours that the colour-blind can tell apart.

Blue with circles is normal, orange with triangles is COVID-19, in every figure. Taught in chapter 01.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from covidlib.dicom import HOUNSFIELD_OFFSET
from covidlib.intervals import Interval
from covidlib.selection import REGION_COLUMNS, REGION_ROWS, Selection

WINDOWS = {"lung": (-600, 1500), "soft tissue": (40, 400), "all": (1024, 4096)}
"""Centre and width in HU."""
COVID_COLOUR, NORMAL_COLOUR, THIRD_COLOUR, MARK_COLOUR = "#d1660f", "#2b6ca3", "#404040", "#b3126d"
NETWORK_COLOURS = {"xception": THIRD_COLOUR, "resnet50v2": NORMAL_COLOUR, "resnet50v2-fpn": COVID_COLOUR}
PAGE_WIDTH = 9
"""Inches of the widest sheet: wider, its titles would be too small in the column of the book."""
NETWORK_MARKS = {"xception": "s", "resnet50v2": "o", "resnet50v2-fpn": "^"}


def style() -> None:
    """Set the look of all figures: white ground (also in dark mode), readable sizes, quiet axes."""
    plt.rcParams.update(
        {
            "figure.facecolor": "white",
            "figure.dpi": 110,
            "figure.constrained_layout.use": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": "medium",
            "font.size": 10,
            "image.cmap": "gray",
            "legend.frameon": False,
        }
    )


def grey_levels(pixels: np.ndarray, window: str = "lung") -> np.ndarray:
    """Stored values to display grey, 0 black to 255 white, through a radiologist's window. Taught in chapter 01.

    Parameters
    ----------
    pixels : uint16 array
        HU + 1024.
    window : "lung", "soft tissue" or "all"
    """
    centre, width = WINDOWS[window]
    low = HOUNSFIELD_OFFSET + centre - width / 2
    return (np.clip((pixels.astype(np.float32) - low) / width, 0, 1) * 255).astype(np.uint8)


def show_slice(axes: Axes, pixels: np.ndarray, window: str = "lung", title: str = "") -> None:
    """Draw one slice at a window. Taught in chapter 01."""
    axes.imshow(grey_levels(pixels, window), vmin=0, vmax=255)
    axes.set_title(title, fontsize=9)
    axes.axis("off")


def contact_sheet(
    slices: Sequence[np.ndarray] | np.ndarray, titles: Sequence[str], columns: int = 6, window: str = "lung"
) -> Figure:
    """Many slices in a grid, at one window (paper, Figures 2 and 8). Taught in chapters 01 and 02."""
    rows = -(-len(slices) // columns)
    # No wider than a page: a browser would shrink the titles with the rest.
    side = min(1.55, PAGE_WIDTH / columns)
    figure, grid = plt.subplots(rows, columns, figsize=(side * columns, (side + 0.2) * rows), squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, pixels, title in zip(grid.flat, slices, titles, strict=False):
        show_slice(axes, pixels, window, title)
    return figure


def draw_region(axes: Axes) -> None:
    """Outline the selection rule's region on a slice (paper, Figure 7). Taught in chapter 02."""
    width, height = REGION_COLUMNS.stop - REGION_COLUMNS.start, REGION_ROWS.stop - REGION_ROWS.start
    corner = (REGION_COLUMNS.start, REGION_ROWS.start)
    axes.add_patch(plt.Rectangle(corner, width, height, fill=False, edgecolor="#ff9d2e", linewidth=1.5))


def selection_profile(selection: Selection, title: str = "") -> Figure:
    """Dark pixels along a series, with the threshold; kept slices filled. Taught in chapter 02."""
    figure, axes = plt.subplots(figsize=(7, 3))
    number = np.arange(1, len(selection.counts) + 1)
    axes.plot(number, selection.counts, color="#7a8794", linewidth=1, zorder=1)
    for kept, mark, name in ((True, "o", "kept"), (False, "x", "dropped")):
        chosen = selection.keep == kept
        colour = NORMAL_COLOUR if kept else MARK_COLOUR
        axes.scatter(number[chosen], selection.counts[chosen], marker=mark, color=colour, s=24, label=name, zorder=2)
    axes.axhline(selection.threshold, color="#1b2733", linestyle="--", label=f"threshold {selection.threshold:.0f}")
    axes.set(xlabel="slice", ylabel="dark pixels in the region", title=title)
    # Above the axes: inside it would hide the threshold's neighbourhood.
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3)
    axes.title.set_horizontalalignment("left")
    axes.title.set_x(0)
    return figure


def flow_chart(steps: Sequence[str]) -> Figure:
    """Steps under each other, joined by arrows (paper, Figure 6). Taught in chapter 02."""
    figure, axes = plt.subplots(figsize=(6, 0.62 * len(steps)))
    for place, step in enumerate(steps):
        axes.annotate(
            step,
            (0, -place),
            ha="center",
            va="center",
            bbox={"boxstyle": "round,pad=0.45", "facecolor": "#eef3f8", "edgecolor": NORMAL_COLOUR},
        )
        if place:
            axes.annotate("", (0, -place + 0.3), (0, -place + 0.7), arrowprops={"arrowstyle": "->"})
    axes.set(xlim=(-1, 1), ylim=(0.5 - len(steps), 0.5))
    axes.axis("off")
    return figure


def learning_curves(histories: dict[str, list[pd.DataFrame]]) -> Figure:
    """Training and validation accuracy: mean over folds, and the range (paper, Figure 11). Taught in chapter 04."""
    figure, panels = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True)
    for panel, column, title in zip(panels, ("accuracy", "val_accuracy"), ("training", "validation"), strict=True):
        for network, runs in histories.items():
            curves = np.stack([run[column] for run in runs])
            epochs = np.arange(1, curves.shape[1] + 1)
            colour = NETWORK_COLOURS[network]
            panel.plot(epochs, curves.mean(axis=0), color=colour, marker=NETWORK_MARKS[network], ms=4, label=network)
            panel.fill_between(epochs, curves.min(axis=0), curves.max(axis=0), color=colour, alpha=0.15, linewidth=0)
        panel.set(title=title, xlabel="epoch", ylim=(0, 1.02))
    panels[0].set_ylabel("accuracy")
    panels[0].legend(loc="lower right")
    return figure


def confusion_matrices(
    matrices: Mapping[str, np.ndarray], rates: Mapping[str, Mapping[str, Interval]] | None = None
) -> Figure:
    """2×2 tables side by side: rows the truth, columns the answer (paper, Figure 10). Taught in chapter 05.

    Parameters
    ----------
    matrices : dict of float arrays, shape (2, 2)
        Rows and columns in the order COVID-19, normal.
    rates : dict of dict of Interval, optional
        For each network sensitivity and specificity (`covidlib.tables.rate_intervals`), written where the answer is
        right.
    """
    figure, panels = plt.subplots(1, len(matrices), figsize=(2.9 * len(matrices), 2.9), squeeze=False)
    for axes, (name, matrix) in zip(panels.flat, matrices.items(), strict=True):
        axes.imshow(matrix / matrix.sum(axis=1, keepdims=True), cmap="Blues", vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(matrix):
            dark = count > 0.5 * matrix[row].sum()
            text = f"{count:g}"
            if rates and row == column:
                rate = rates[name][("sensitivity", "specificity")[row]]
                text += f"\n{rate.value:.1%}\n({100 * rate.low:.1f}–{100 * rate.high:.1f})"
            axes.text(column, row, text, ha="center", va="center", color="white" if dark else "#1b2733")
        axes.set(xticks=[0, 1], xticklabels=["COVID-19", "normal"], yticks=[0, 1], title=name, xlabel="answer")
        axes.set_yticklabels(["COVID-19", "normal"], rotation=90, va="center")
    panels[0, 0].set_ylabel("truth")
    return figure


def heat_overlay(axes: Axes, pixels: np.ndarray, heat: np.ndarray, title: str = "") -> None:
    """A heat map over its slice at lung window; where the map is low the slice stays visible. Taught in chapter 07.

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
    """The outline of a lesion mask, as a thin line. Taught in chapter 07."""
    if mask.any():
        axes.contour(mask, levels=[0.5], colors="#38d9ff", linewidths=0.9)
