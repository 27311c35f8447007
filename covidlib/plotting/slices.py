"""Figures of CT slices in grey at a stated window: one slice, or many in a grid. Taught in chapter 01."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from covidlib.plotting.style import LABEL_COLOUR, PAGE_WIDTH
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


def labelled_slices(pictures: Mapping[str, np.ndarray], labels: pd.DataFrame, columns: int = 2) -> Figure:
    """Draw slices with a numbered ring at each label, so large that the numbers can be read on a phone.

    Parameters
    ----------
    pictures : dict of uint16 array, shape (rows, columns)
        HU + 1024, by the name of the slice.
    labels : DataFrame
        Columns slice, number, window, x, y, as in `covidlib.datasets.labelled_slices`.
    """
    groups = list(labels.groupby("slice", sort=False))
    rows = -(-len(groups) // columns)
    figure, grid = plt.subplots(rows, columns, figsize=(2.9 * columns, 2.3 * rows), squeeze=False)
    edge = [patheffects.withStroke(linewidth=3, foreground="black")]
    for axes in grid.flat:
        axes.axis("off")
    for axes, (name, own) in zip(grid.flat, groups, strict=False):
        show_slice(axes, pictures[str(name)], own["window"].iloc[0])
        axes.set_title(str(name), fontsize=12)
        # The lowest label, such as the table, stays in the picture; the air above the patient does not.
        axes.set_ylim(max(own["y"].max() + 25, 470), 110)
        for label in own.itertuples():
            axes.plot(
                label.x, label.y, "o", color="none", markeredgecolor=LABEL_COLOUR, markersize=7, path_effects=edge
            )
            axes.annotate(
                str(label.number),
                (label.x, label.y),
                (6, 3),
                textcoords="offset points",
                color=LABEL_COLOUR,
                fontsize=13,
                fontweight="bold",
                path_effects=edge,
            )
    return figure
