"""An explorer of labelled slices, with a quiz that hides the names: plain HTML with a short script.

It works the same in JupyterLab, on Colab and on a page on disk, without a network or a kernel, by mouse, touch and
keyboard. The pictures are 8-bit PNG files of a range that holds the lung and the soft-tissue window.
Taught in the page behind chapter 01 on anatomy.
"""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Mapping
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

import numpy as np
from IPython.display import HTML
from PIL import Image

from covidlib.scans.dicom import HOUNSFIELD_OFFSET
from covidlib.scans.windows import WINDOWS

if TYPE_CHECKING:
    import pandas as pd

WIDTH, HEIGHT = 472, 354
"""Part of a slice that is shown, in pixels: nearly its width, and the height of a chest with the table."""
LOWEST, HIGHEST = -1350, 250
"""Range of the pictures in HU; a step is 6 HU."""
BODY = 700
"""Stored value above which a pixel is taken for body or table; their middle row is the middle of the part shown."""


def label_explorer(pictures: Mapping[str, np.ndarray], labels: pd.DataFrame, name: str) -> HTML:
    """Show labelled slices to move through; a quiz hides the names, and says whether an answer is right.

    Parameters
    ----------
    pictures : dict of uint16 array, shape (512, 512)
        HU + 1024, by the name of the slice.
    labels : DataFrame
        Columns slice, window, x, y, name, look, and kind where answers differ from names, as in
        `covidlib.datasets.labelled_slices`. The order of slices is that of their first labels.
    name : str
        Unique on the page; letters, digits and hyphens.

    Raises
    ------
    ValueError
        If a label lies outside the part of its slice that is shown.
    """
    kinds = labels["kind"] if "kind" in labels else labels["name"]
    table = labels.assign(kind=kinds)
    slices = [_shown(str(one), pictures[str(one)], rows) for one, rows in table.groupby("slice", sort=False)]
    template = (files("covidlib") / "data" / "explorers" / "labels.html").read_text(encoding="utf-8")
    return HTML(
        Template(template).substitute(
            name=name,
            name_json=json.dumps(name),
            slices=json.dumps(slices).replace("</", "<\\/"),
            width=WIDTH,
            height=HEIGHT,
            lowest=LOWEST,
            highest=HIGHEST,
            last=len(slices) - 1,
            first=html.escape(f"Real CT slice {slices[0]['name']}"),
        )
    )


def _shown(name: str, pixels: np.ndarray, rows: pd.DataFrame) -> dict[str, object]:
    top, left = corner(pixels)
    shown = pixels[top : top + HEIGHT, left : left + WIDTH]
    places = rows.assign(x=rows["x"] - left, y=rows["y"] - top)
    outside = places[~places["x"].between(0, WIDTH - 1) | ~places["y"].between(0, HEIGHT - 1)]
    if len(outside):
        raise ValueError(f"{name}: {', '.join(outside['name'])} lies outside the part that is shown")
    return {
        "name": name,
        "window": list(WINDOWS[rows["window"].iloc[0]]),
        "png": base64.b64encode(_png(shown)).decode(),
        "labels": places[["x", "y", "name", "kind", "look"]].to_dict("records"),
    }


def corner(pixels: np.ndarray) -> tuple[int, int]:
    """First row and first column of the part of a slice that is shown.

    Parameters
    ----------
    pixels : uint16 array, shape (rows, columns)
        HU + 1024.
    """
    rows = np.nonzero(pixels > BODY)[0]
    middle = int(np.median(rows)) if rows.size else pixels.shape[0] // 2
    top = int(np.clip(middle - HEIGHT // 2, 0, pixels.shape[0] - HEIGHT))
    return top, (pixels.shape[1] - WIDTH) // 2


def _png(pixels: np.ndarray) -> bytes:
    hounsfield = pixels.astype(float) - HOUNSFIELD_OFFSET
    codes = np.rint(np.clip((hounsfield - LOWEST) / (HIGHEST - LOWEST), 0, 1) * 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(codes).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
