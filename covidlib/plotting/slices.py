"""Figures of CT slices in grey at a stated window: one slice, or many in a grid. Taught in chapter 01."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from covidlib.plotting.style import PAGE_WIDTH
from covidlib.scans.windows import grey_levels


def show_slice(axes: Axes, pixels: np.ndarray, window: str = "lung", title: str = "") -> None:
    """Draw one slice at a CT window."""
    axes.imshow(grey_levels(pixels, window), vmin=0, vmax=255)
    axes.set_title(title, fontsize=9)
    axes.axis("off")


def contact_sheet(
    slices: Sequence[np.ndarray] | np.ndarray, titles: Sequence[str], columns: int = 6, window: str = "lung"
) -> Figure:
    """Draw many slices in a grid, all at the same window (paper, Figures 2 and 8)."""
    rows = -(-len(slices) // columns)
    # No wider than a page: a browser would shrink the titles with the rest.
    side = min(1.55, PAGE_WIDTH / columns)
    figure, grid = plt.subplots(rows, columns, figsize=(side * columns, (side + 0.2) * rows), squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, pixels, title in zip(grid.flat, slices, titles, strict=False):
        show_slice(axes, pixels, window, title)
    return figure
