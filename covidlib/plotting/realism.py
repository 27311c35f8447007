"""Figure of the five measures of realism, synthetic beside real. Taught in the page behind chapter 01."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from covidlib.datasets.realism import FREQUENCIES, PROFILE, Measured
from covidlib.datasets.slice_measures import LUNG_BINS
from covidlib.plotting.style import MARK_COLOUR, PAGE_WIDTH, THIRD_COLOUR

SYNTHETIC_COLOUR, REAL_COLOUR = THIRD_COLOUR, MARK_COLOUR
MARKS = {"infected": "^", "normal": "o", "no COVID-19": "o"}


def realism_panels(synthetic: Measured, real: Measured) -> Figure:
    """Draw the five measures: lung values, noise, dark pixels along a series, size of the body, likeness.

    A band covers 90% of the synthetic slices, with their median as a line; each real slice or series is a thin line.
    """
    # Narrower than a page: on a phone its text shrinks with its width.
    figure, grid = plt.subplots(3, 2, figsize=(0.75 * PAGE_WIDTH, 8.4))
    lung, noise, dark, body, alike, legend = grid.flat
    percent = 100 / (LUNG_BINS[1] - LUNG_BINS[0])
    _band_and_lines(
        lung, (LUNG_BINS[:-1] + LUNG_BINS[1:]) / 2, percent * synthetic.histograms, percent * real.histograms
    )
    lung.set(title="values of the lungs", xlabel="HU", ylabel="% of lung pixels per HU")
    _band_and_lines(noise, FREQUENCIES, synthetic.noise, real.noise)
    noise.set(title="noise", xlabel="spatial frequency (1/mm)", ylabel="power, mean = 1", ylim=(0, None))
    _band_and_lines(dark, PROFILE, synthetic.profiles, real.profiles)
    dark.set(title="dark pixels along a series", xlabel="first slice to last", ylabel="share of the largest count")
    for one, colour in ((synthetic, SYNTHETIC_COLOUR), (real, REAL_COLOUR)):
        for group, table in one.slices.groupby("group"):
            mark = MARKS.get(str(group), "o")
            body.scatter(table["width_mm"], table["depth_mm"], color=colour, marker=mark, s=26, alpha=0.7)
    body.set(title="size of the body", xlabel="width (mm)", ylabel="depth (mm)")
    rows = [(one, cropped) for cropped in (True, False) for one in (real, synthetic)]
    names = [("cropped, " if cropped else "") + ("real" if one is real else "synthetic") for one, cropped in rows]
    boxes = alike.boxplot(
        [one.likeness(cropped) for one, cropped in rows],
        vert=False,
        whis=(5, 95),
        showfliers=False,
        widths=0.6,
    )
    alike.set_yticks(range(1, len(rows) + 1), names)
    colours = [REAL_COLOUR if one is real else SYNTHETIC_COLOUR for one, _ in rows]
    for kind, each in (("boxes", 1), ("medians", 1), ("whiskers", 2), ("caps", 2)):
        for place, line in enumerate(boxes[kind]):
            line.set_color(colours[place // each])
    alike.set(title="likeness of two patients", xlabel="correlation of small pictures")
    _legend(legend)
    return figure


def _band_and_lines(axes: Axes, places: np.ndarray, synthetic: np.ndarray, real: np.ndarray) -> None:
    # A frequency beyond what a slice's pixels can show is NaN there.
    low, middle, high = np.nanquantile(synthetic, (0.05, 0.5, 0.95), axis=0)
    axes.fill_between(places, low, high, color=SYNTHETIC_COLOUR, alpha=0.2, linewidth=0)
    axes.plot(places, middle, color=SYNTHETIC_COLOUR, linewidth=2)
    axes.plot(places, real.T, color=REAL_COLOUR, linewidth=0.8, alpha=0.8)


def _legend(axes: Axes) -> None:
    entries = [
        Patch(color=SYNTHETIC_COLOUR, alpha=0.2, label="synthetic, 5% to 95%"),
        Line2D([], [], color=SYNTHETIC_COLOUR, linewidth=2, label="synthetic, median"),
        Line2D([], [], color=REAL_COLOUR, linewidth=0.8, label="real, each slice or series"),
        Line2D([], [], color="k", linestyle="", marker="^", label="infected patient"),
        Line2D([], [], color="k", linestyle="", marker="o", label="patient without COVID-19"),
    ]
    axes.axis("off")
    axes.legend(handles=entries, loc="center", title="boxes: quartiles; whiskers: 5% and 95%")
