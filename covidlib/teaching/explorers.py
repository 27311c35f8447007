"""Interactive explorers for the notebooks: plain HTML with a short script, and ipywidgets for a live kernel.

The HTML explorers work the same in JupyterLab, on Colab and on a page on disk, without a network or a kernel, and can
be used by mouse, touch and keyboard. They contain reduced slices, to keep pages small. The ipywidgets work on the full
slices. Taught in chapters 01, 02, 03 and 07.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import HTML

from covidlib.plotting.slices import show_slice
from covidlib.scans.windows import grey_levels
from covidlib.selection import DARK_BELOW, DIVISOR, REGION_COLUMNS, REGION_ROWS, rule_with

if TYPE_CHECKING:
    import pandas as pd
    from ipywidgets import interactive

    from covidlib.heatmaps.grad_cam import HeatMap

SIDE = 256
HEAT_SIDE = 64
"""Side in pixels of a stored heat map; each of its pixels covers eight pixels of a slice, less than a cell of a map."""


def window_explorer(slices: np.ndarray, labels: Sequence[str], name: str) -> HTML:
    """Show a series to scroll through, at a CT window that the reader can change.

    Parameters
    ----------
    slices : uint16 array, shape (slices, 512, 512)
        HU + 1024; shown as means of 2×2 pixels.
    labels : strings, one per slice
        Shown under the picture, and read out as its alternative text.
    name : str
        Unique on the page; letters, digits and hyphens.
    """
    step = slices.shape[-1] // SIDE
    small = np.rint(slices.reshape(len(slices), SIDE, step, SIDE, step).mean(axis=(2, 4))).astype("<u2")
    return _filled("window", small, labels, name)


def selection_explorer(slices: np.ndarray, labels: Sequence[str], name: str) -> HTML:
    """Show the selection rule with adjustable constants: region, dark level, divisor (paper, section 2.2, Figure 6).

    It counts on every second row and column and multiplies by four, so counts differ slightly from those of the rule.

    Parameters
    ----------
    slices : uint16 array, shape (slices, 512, 512)
        One series, in slice order.
    """
    step = slices.shape[-1] // SIDE
    # A quarter of the stored value fits into a byte as far as the rule looks: up to 1020, or −4 HU.
    small = np.minimum(slices[:, ::step, ::step] // 4, 255).astype(np.uint8)
    return _filled("selection", small, labels, name)


def cell_explorer(pixels: np.ndarray, lesion: np.ndarray, cells: pd.DataFrame, name: str) -> HTML:
    """Show a slice with the cells of each map of a network, and the receptive field of one cell (section 2.3).

    The receptive field is drawn in its theoretical size around the centre of the cell; a shift of a few pixels that the
    layers may add is left out.

    Parameters
    ----------
    pixels : uint16 array, shape (512, 512)
        HU + 1024; shown at lung window, every second pixel.
    lesion : bool array of the same shape
        Outlined, and counted on every second pixel.
    cells : DataFrame
        One row per map: level, cells (in a row), first (centre of the first, in pixels), stride, receptive_field.
    name : str
        Unique on the page; letters, digits and hyphens.
    """
    step = pixels.shape[-1] // SIDE
    facts = cells[["cells", "first", "stride"]].assign(field=cells["receptive_field"]).astype(int)
    return _substituted(
        "cells",
        list(cells["level"]),
        name,
        facts=_json(facts.to_dict("records")),
        greys=_base64(grey_levels(pixels[::step, ::step])),
        lesions=_base64(np.packbits(lesion[::step, ::step], axis=-1)),
    )


def heatmap_explorer(
    slices: np.ndarray,
    lesions: np.ndarray,
    maps: Mapping[str, tuple[HeatMap, HeatMap]],
    labels: Sequence[str],
    name: str,
) -> HTML:
    """Show a series to scroll through with its heat maps: slices, layers, classes (paper, Figure 12).

    Parameters
    ----------
    slices : uint16 array, shape (slices, 512, 512)
        HU + 1024; shown at lung window, every second pixel.
    lesions : bool array of the same shape
        Outlined.
    maps : dict of pairs of HeatMap
        For each layer the evidence for COVID-19 and for normal, made with `side=HEAT_SIDE`.
    labels : strings, one per slice
    name : str
        Unique on the page; letters, digits and hyphens.
    """
    step = slices.shape[-1] // SIDE
    pairs = list(maps.values())
    heats = np.stack([[heat.maps for heat in pair] for pair in pairs]).transpose(2, 0, 1, 3, 4)
    notes = [[[heat.note(index) for heat in pair] for pair in pairs] for index in range(len(slices))]
    return _substituted(
        "heatmaps",
        labels,
        name,
        small=HEAT_SIDE,
        layers=_json(list(maps)),
        last_layer=len(pairs) - 1,
        notes=_json(notes),
        greys=_base64(grey_levels(slices[:, ::step, ::step])),
        heats=_base64(np.rint(heats * 255).astype(np.uint8)),
        lesions=_base64(np.packbits(lesions[:, ::step, ::step], axis=-1)),
        colours=_base64((plt.get_cmap("inferno")(np.arange(256))[:, :3] * 255).round().astype(np.uint8)),
    )


def _filled(kind: str, values: np.ndarray, labels: Sequence[str], name: str) -> HTML:
    return _substituted(kind, labels, name, values=_base64(values))


def _substituted(kind: str, labels: Sequence[str], name: str, **more: object) -> HTML:
    template = (files("covidlib") / "data" / "explorers" / f"{kind}.html").read_text(encoding="utf-8")
    start = len(labels) // 2
    return HTML(
        Template(template).substitute(
            name=name,
            name_json=json.dumps(name),
            labels=_json(list(labels)),
            side=SIDE,
            last=len(labels) - 1,
            start=start,
            first=html.escape(labels[start]),
            **more,
        )
    )


def _json(value: object) -> str:
    return json.dumps(value).replace("</", "<\\/")


def _base64(values: np.ndarray) -> str:
    return base64.b64encode(values.tobytes()).decode()


def selection_controls(slices: np.ndarray) -> interactive:
    """As `selection_explorer`, with exact counts: an ipywidget for a live kernel.

    Parameters
    ----------
    slices : uint16 array, shape (slices, 512, 512)
        One series, in slice order.
    """
    from ipywidgets import FloatSlider, IntSlider, interactive

    def draw(index: int, row: int, column: int, dark_below: int, divisor: float) -> None:
        counts, threshold = rule_with(slices, row, column, dark_below, divisor)
        figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2))
        show_slice(left, slices[index], "lung", f"slice {index + 1}: {counts[index]} dark pixels")
        size = (REGION_COLUMNS.stop - REGION_COLUMNS.start, REGION_ROWS.stop - REGION_ROWS.start)
        left.add_patch(plt.Rectangle((column, row), *size, fill=False, edgecolor="#ff9d2e"))
        right.plot(np.arange(1, len(counts) + 1), counts, "o")
        right.axhline(threshold, color="#1b2733", linestyle="--")
        right.set(xlabel="slice", title=f"kept {(counts > threshold).sum()} of {len(counts)}")
        plt.show(figure)

    return interactive(
        draw,
        index=IntSlider(len(slices) // 2, 0, len(slices) - 1, description="slice"),
        row=IntSlider(REGION_ROWS.start, 0, slices.shape[1] - 100, description="first row"),
        column=IntSlider(REGION_COLUMNS.start, 0, slices.shape[2] - 250, description="first column"),
        dark_below=IntSlider(DARK_BELOW, 100, 800, step=20, description="dark below"),
        divisor=FloatSlider(value=DIVISOR, min=1, max=5, step=0.1, description="divisor"),
    )
