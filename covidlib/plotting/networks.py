"""Draw a network's architecture from the model object: connections and map sizes (paper, Figure 9).

Unlike a drawing by hand, it cannot differ from the model. Taught in chapter 03.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from covidlib.names import SLICE_SIDE
from covidlib.networks.describe import layer_table, levels, parents_of
from covidlib.networks.pyramid import LEVELS, PLANS
from covidlib.plotting.style import COVID_COLOUR, NORMAL_COLOUR
from covidlib.utils.quiet_tensorflow import keras

COLUMNS = ("backbone", "1×1", "merged", "level", "two numbers", "ten numbers", "answer")
IN_A_ROW = 6
LINE, GROUND = "#1b2733", "#eef3f8"


def links(parents: dict[str, list[str]], shown: list[str]) -> list[tuple[str, str]]:
    """Find the connections between the shown layers, also through layers that are not shown.

    Parameters
    ----------
    parents : dict
        Layer → layers that feed it (`describe.parents_of`).
    shown : list of str
        Layers to draw.

    Returns
    -------
    list of (from, to)
    """
    connections = []
    for name in shown:
        seen: set[str] = set()
        waiting = list(parents[name])
        while waiting:
            layer = waiting.pop()
            if layer in seen:
                continue
            seen.add(layer)
            if layer in shown:
                connections.append((layer, name))
            else:
                waiting += parents[layer]
    return sorted(connections, key=lambda link: (shown.index(link[0]), shown.index(link[1])))


def places(model: keras.Model) -> dict[str, tuple[float, float]]:
    """Choose the column and row of each layer's box; a pyramid as in the paper's Figure 9, finest level on top."""
    if model.name not in PLANS:
        # Rows alternate in direction, so that each box is beside the one before it.
        return {
            name: (float(number % IN_A_ROW if number // IN_A_ROW % 2 == 0 else IN_A_ROW - 1 - number % IN_A_ROW),
                   float(-(number // IN_A_ROW)))
            for number, name in enumerate(levels(model).values())
        }  # fmt: skip
    rows = {level: float(-number) for number, level in enumerate(LEVELS)}
    c3, c4, c5 = PLANS[model.name].sources
    positions = {c3: (0.0, rows["P3"]), c4: (0.0, rows["P4"]), c5: (0.0, rows["P5"])}
    positions |= {f"C{number}_reduced": (1.0, rows[f"P{number}"]) for number in (3, 4, 5)}
    positions |= {f"P{number}_merged": (2.0, rows[f"P{number}"]) for number in (3, 4)}
    positions |= {level: (3.0, row) for level, row in rows.items()}
    positions |= {f"{level}_head": (4.0, row) for level, row in rows.items()}
    return positions | {"heads": (5.0, -2.0), "predictions": (6.0, -2.0)}


def architecture(model: keras.Model) -> Figure:
    """Draw the main layers as boxes with the shape of their maps, connected as in the model (Figure 9).

    Maps of the same width have the same colour.
    """
    where, facts = places(model), layer_table(model).set_index("layer")
    shapes: dict[str, tuple[int, ...]] = {name: tuple(facts["shape"][name]) for name in where}
    widths = sorted({shape[0] for shape in shapes.values() if len(shape) == 3}, reverse=True)
    colours = dict(zip(widths, plt.get_cmap("viridis")(np.linspace(0, 1, len(widths))), strict=True))
    columns = 1 + max(column for column, _ in where.values())
    rows = 1 - min(row for _, row in where.values())
    figure, axes = plt.subplots(figsize=(1.25 * columns, 0.8 * rows + (0.4 if rows > 1 else 0.5)))
    titles = {name: level for level, name in levels(model).items()} if model.name not in PLANS else {}
    if model.name in PLANS:
        titles |= {f"P{number}_merged": PLANS[model.name].merge for number in (3, 4)}
        titles |= dict(zip(PLANS[model.name].sources, ("C3", "C4", "C5"), strict=True))
    boxes = {}
    for name, (column, row) in where.items():
        shape = shapes[name]
        size = "×".join(map(str, shape))
        boxes[name] = axes.text(
            column, row, f"{titles.get(name, name.replace('_', ' '))}\n{size}", ha="center", va="center", fontsize=8,
            bbox={"boxstyle": "round,pad=0.35", "facecolor": GROUND, "linewidth": 2.2,
                  "edgecolor": colours.get(shape[0], LINE) if len(shape) == 3 else LINE},
        )  # fmt: skip
    for start, end in links(parents_of(model), list(where)):
        edges = {"patchA": boxes[start].get_bbox_patch(), "patchB": boxes[end].get_bbox_patch()}
        arrow = {"arrowstyle": "->", "color": LINE, "shrinkA": 1, "shrinkB": 2, "linewidth": 0.9}
        axes.annotate("", where[end], where[start], arrowprops=arrow | edges)
    if model.name in PLANS:
        for column, title in enumerate(COLUMNS):
            axes.text(column, 0.62, title, ha="center", fontsize=9, color="#4c5a67")
    axes.set(xlim=(-0.55, columns - 0.45), ylim=(0.45 - rows, 0.8 if rows > 1 else 0.5))
    axes.axis("off")
    return figure


def sizes_and_fields(levels: pd.DataFrame, diameters: pd.Series) -> Figure:
    """Plot stride and receptive field of each level below a histogram of lesion sizes, in pixels.

    Parameters
    ----------
    levels : DataFrame
        From `describe.level_table`, rows with a map only.
    diameters : Series
        Pixels.
    """
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(7, 4.6), sharex=True, height_ratios=(1, 1.6))
    edges = np.geomspace(1, 1100, 40)
    top.hist(diameters, bins=edges, color=COVID_COLOUR)
    top.set(ylabel="lesion areas")
    rows = np.arange(len(levels))
    fields, strides = levels["receptive_field"].to_numpy(float), levels["stride"].to_numpy(float)
    bottom.hlines(rows, strides, fields, color="#b7c2cc", linewidth=5)
    bottom.scatter(strides, rows, marker="|", s=180, color=NORMAL_COLOUR, label="stride: distance of its cells")
    bottom.scatter(fields, rows, marker="o", s=30, color=NORMAL_COLOUR, label="receptive field: what one cell sees")
    bottom.axvline(SLICE_SIDE, color="#1b2733", linestyle=":", linewidth=1)
    side = (SLICE_SIDE, -0.75)
    bottom.annotate("side of the slice", side, (-4, 0), textcoords="offset points", ha="right", fontsize=8)
    bottom.set(
        xscale="log", xlim=(1, 1400), yticks=rows, yticklabels=levels["level"], ylim=(len(rows) - 0.4, -1.1),
        xlabel=f"pixels of a {SLICE_SIDE}×{SLICE_SIDE} slice",
    )  # fmt: skip
    powers = [2**power for power in range(11)]
    bottom.set_xticks(powers, powers)
    bottom.legend(loc="lower left", fontsize=8)
    return figure
