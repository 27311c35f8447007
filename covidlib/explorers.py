"""Interactive pieces that live in the static book: plain HTML and a few lines of script, no network, no kernel.

They work the same in JupyterLab, on Colab and on a printed-to-disk page; a range input is moved by mouse, touch and
keyboard. Taught in chapter 01.
"""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Sequence

import numpy as np
from IPython.display import HTML
from matplotlib.image import imsave

from covidlib.figures import grey_levels

SIDE = 256


def slice_browser(slices: np.ndarray, labels: Sequence[str], name: str, window: str = "lung") -> HTML:
    """A series that the reader leafs through.

    Parameters
    ----------
    slices : uint16 array, shape (slices, 512, 512)
    labels : one a slice
        Shown under the picture, and read out as its alternative text.
    name : str
        Unique on the page; letters, digits and hyphens.
    """
    pictures = [_picture(grey_levels(pixels, window)) for pixels in slices]
    start = len(pictures) // 2
    data = json.dumps({"pictures": pictures, "labels": list(labels)}).replace("</", "<\\/")
    return HTML(
        f"""<div class="slice-browser" id="{name}">
<img src="{pictures[start]}" width="{2 * SIDE}" height="{2 * SIDE}" alt="{html.escape(labels[start])}">
<input type="range" min="0" max="{len(pictures) - 1}" value="{start}" aria-label="slice">
<output>{html.escape(labels[start])}</output>
<script>(() => {{
  const box = document.getElementById({json.dumps(name)}), data = {data};
  box.querySelector("input").addEventListener("input", event => {{
    const image = box.querySelector("img"), index = Number(event.target.value);
    image.src = data.pictures[index];
    image.alt = box.querySelector("output").textContent = data.labels[index];
  }});
}})();</script></div>"""
    )


def _picture(grey: np.ndarray) -> str:
    small = grey.reshape(SIDE, grey.shape[0] // SIDE, SIDE, grey.shape[1] // SIDE).mean(axis=(1, 3)).astype(np.uint8)
    stream = io.BytesIO()
    imsave(stream, small, cmap="gray", vmin=0, vmax=255, format="png", pil_kwargs={"optimize": True})
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
