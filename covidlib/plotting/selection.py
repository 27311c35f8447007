"""Figures of the slice selection: region, profile along a series, flow chart (paper, Figures 6 and 7).

Taught in chapter 02.
"""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from covidlib.plotting.style import MARK_COLOUR, NORMAL_COLOUR
from covidlib.selection import REGION_COLUMNS, REGION_ROWS, Selection


def draw_region(axes: Axes) -> None:
    """Outline the selection rule's region on a slice (paper, Figure 7)."""
    width, height = REGION_COLUMNS.stop - REGION_COLUMNS.start, REGION_ROWS.stop - REGION_ROWS.start
    corner = (REGION_COLUMNS.start, REGION_ROWS.start)
    axes.add_patch(plt.Rectangle(corner, width, height, fill=False, edgecolor="#ff9d2e", linewidth=1.5))


def selection_profile(selection: Selection, title: str = "") -> Figure:
    """Plot the dark pixels along a series, with the threshold; kept and dropped slices have different marks."""
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
    """Draw steps below each other, joined by arrows (paper, Figure 6)."""
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
