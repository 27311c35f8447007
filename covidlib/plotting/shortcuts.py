"""Figures of the shortcut test: the AUC after each change of the slices, and patients by class and kernel.

Taught in chapter 09.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from covidlib.plotting.results import QUIET
from covidlib.plotting.style import COVID_COLOUR, MARK_COLOUR, NORMAL_COLOUR, PAGE_WIDTH, THIRD_COLOUR

LOOKS = ((THIRD_COLOUR, "s"), (MARK_COLOUR, "D"), (NORMAL_COLOUR, "o"), (COVID_COLOUR, "^"))
CLASSES = (("covid", "infected", COVID_COLOUR, "^"), ("normal", "normal", NORMAL_COLOUR, "o"))
JITTER = 0.12
"""Half the width over which patients of one kernel are spread, so that equal answers do not hide each other."""


def shortcut_figure(changes: Mapping[str, pd.DataFrame], patients: Mapping[str, pd.DataFrame]) -> Figure:
    """Plot the AUC of each network after each change, and, one panel per network, its patients' answers by kernel.

    Parameters
    ----------
    changes : dict of DataFrame
        Network → columns change, value, low, high (`covidlib.pitfalls.shortcut_verdict.changes_table`).
    patients : dict of DataFrame
        Network → columns patient_label, kernel, p_covid (`covidlib.pitfalls.scanner_strata.patient_answers`).
    """
    first = next(iter(changes.values()))
    height = 1.2 + 0.28 * len(first) * max(1, 0.7 * len(changes))
    figure = plt.figure(figsize=(0.75 * PAGE_WIDTH, height + 2.6))
    above, below = cast(Sequence[SubFigure], figure.subfigures(2, 1, height_ratios=(height, 2.6)))
    _changes(above.subplots(), changes)
    panels = below.subplots(1, len(patients), squeeze=False, sharey=True)[0]
    for axes, (name, table) in zip(panels, patients.items(), strict=True):
        _by_kernel(axes, table)
        axes.set_title(name)
    panels[0].set_ylabel("mean p(COVID-19)")
    panels[0].legend(loc="best")
    return figure


def _changes(axes: Axes, changes: Mapping[str, pd.DataFrame]) -> None:
    """Draw intervals of the AUC, one row per change, the networks of a row below each other."""
    names: list[str] = next(iter(changes.values()))["change"].tolist()
    step = 0.8 / len(changes)
    for place, (name, table) in enumerate(changes.items()):
        colour, mark = LOOKS[place % len(LOOKS)]
        rows = table.set_index("change").loc[names]
        heights = -np.arange(len(names)) + 0.4 - step * (place + 0.5)
        axes.hlines(heights, rows["low"], rows["high"], color=colour, linewidth=1.5)
        axes.plot(rows["value"], heights, mark, color=colour, ms=6, label=name)
    axes.axvline(0.5, color=QUIET, linestyle=":", linewidth=1)
    axes.set(yticks=-np.arange(len(names)), yticklabels=names, xlabel="AUC of slices", xlim=(-0.02, 1.02))
    axes.set_ylim(0.5 - len(names), 0.5)
    if len(changes) > 1:
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)


def _by_kernel(axes: Axes, table: pd.DataFrame) -> None:
    """Draw each patient's mean answer over its kernel."""
    kernels = sorted(table["kernel"].unique())
    for side, (label, name, colour, mark) in zip((-1, 1), CLASSES, strict=True):
        for place, kernel in enumerate(kernels):
            answers = table.loc[(table["patient_label"] == label) & (table["kernel"] == kernel), "p_covid"]
            spread = np.linspace(-JITTER, JITTER, len(answers)) if len(answers) > 1 else np.zeros(len(answers))
            shown = name if place == 0 else None
            axes.plot(place + 0.2 * side + spread, answers, mark, color=colour, ms=5, alpha=0.7, label=shown)
    axes.set(xticks=range(len(kernels)), xticklabels=[kernel or "unknown" for kernel in kernels], xlabel="kernel")
    axes.set(xlim=(-0.5, len(kernels) - 0.5), ylim=(-0.05, 1.05))
