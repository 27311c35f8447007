"""The style of all figures: colours that are safe for colour-blind readers, marks, and sizes.

Blue with circles is normal, orange with triangles is COVID-19, in every figure. Taught in chapter 01.
"""

from __future__ import annotations

import matplotlib.pyplot as plt

COVID_COLOUR, NORMAL_COLOUR, THIRD_COLOUR, MARK_COLOUR = "#d1660f", "#2b6ca3", "#404040", "#b3126d"
LABEL_COLOUR = "#38d9ff"
"""Rings and numbers on slices: lighter than tissue, and of no hue that tissue has."""
NETWORK_COLOURS = {"xception": THIRD_COLOUR, "resnet50v2": NORMAL_COLOUR, "resnet50v2-fpn": COVID_COLOUR}
NETWORK_MARKS = {"xception": "s", "resnet50v2": "o", "resnet50v2-fpn": "^"}
PAGE_WIDTH = 9
"""Largest width of a figure in inches: in a wider one, titles would be too small in the book."""


def style() -> None:
    """Set the style of all figures: white background (also in dark mode), readable sizes, few axis lines."""
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
