"""Pictures of a patient's report, as self-contained HTML (paper, sections 2.2 and 3.3).

Slices are PNG at lung window, without loss; the curve along a series is SVG with the colours of the page. Every picture
has alternative text. Taught in chapter 06.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterator, Sequence

import matplotlib
import numpy as np
from PIL import Image

from covidlib.patients.answers import SeriesAnswer
from covidlib.results.metrics import DECISION
from covidlib.scans.windows import grey_levels

THUMBNAIL = 64
OVERLAY = 256
"""Side of a picture with a heat map in pixels: the maps themselves are coarser."""
MOST_HEAT = 0.65
"""As in `covidlib.plotting.heatmaps.heat_overlay`: the slice stays visible under the map."""
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 480, 180, 40, 10, 42


def picture(levels: np.ndarray, alt: str) -> str:
    """Make an image element with the pixels embedded as PNG.

    Parameters
    ----------
    levels : uint8 array, shape (rows, columns) or (rows, columns, 3)
    """
    stream = io.BytesIO()
    Image.fromarray(levels).save(stream, "PNG", optimize=True)
    data = base64.b64encode(stream.getvalue()).decode()
    return f'<img src="data:image/png;base64,{data}" alt="{html.escape(alt)}">'


def thumbnail(pixels: np.ndarray, side: int = THUMBNAIL) -> np.ndarray:
    """Shrink a slice at lung window by averaging; sizes that are no multiple of `side` lose a margin.

    The window is applied before averaging, so that a small picture looks like the large one.

    Parameters
    ----------
    pixels : uint16 array, shape (rows, columns)

    Returns
    -------
    uint8 array, shape (side, side) or a little larger
    """
    step = max(1, min(pixels.shape) // side)
    rows, columns = (length // step for length in pixels.shape)
    grey = grey_levels(pixels)[: rows * step, : columns * step]
    return np.rint(grey.reshape(rows, step, columns, step).mean(axis=(1, 3))).astype(np.uint8)


def with_heat(pixels: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Draw a heat map over a slice at lung window (paper, Figure 12).

    Parameters
    ----------
    pixels : uint16 array, shape (512, 512)
    heat : float array, shape (256, 256)
        0 to 1.

    Returns
    -------
    uint8 array, shape (256, 256, 3)
    """
    grey = thumbnail(pixels, OVERLAY).astype(float)[..., np.newaxis]
    colour = matplotlib.colormaps["inferno"](heat)[..., :3] * 255
    share = np.clip(heat, 0, MOST_HEAT)[..., np.newaxis]
    return np.rint(grey * (1 - share) + colour * share).astype(np.uint8)


def strip(answer: SeriesAnswer, most: int) -> str:
    """Show a series as a strip of small pictures: selected slices framed, discarded ones dashed (paper, Figure 8).

    Parameters
    ----------
    most : int
        Longer series are shown by this many slices, evenly spaced, including the first and the last.
    """
    count = len(answer.series)
    shown = np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))
    classified = dict(numbered(answer))
    keep = answer.selection.keep if answer.selection else np.zeros(count, bool)
    items = []
    for index in shown:
        p = classified.get(index)
        kind = "dropped" if not keep[index] else "called" if p is not None and p > DECISION else "kept"
        text = {"dropped": "discarded", "kept": "selected", "called": "selected, called COVID-19"}[kind]
        alt = f"Slice {index + 1}, {text}" + ("" if p is None else f", p {p:.2f}")
        mark = " ▲" if kind == "called" else ""
        small = picture(thumbnail(answer.series.read(answer.series.files[index])), alt)
        items.append(f'<li class="{kind}">{small}<span>{index + 1}</span>{mark}</li>')
    return f'<ol class="strip">{"".join(items)}</ol>'


def numbered(answer: SeriesAnswer) -> Iterator[tuple[int, float]]:
    """Index in the series and p(COVID-19) of each classified slice."""
    if answer.selection is None or not len(answer.probabilities):
        return iter(())
    return zip(np.flatnonzero(answer.selection.keep).tolist(), answer.probabilities.tolist(), strict=True)


def along_z(answer: SeriesAnswer) -> str:
    """Draw p(COVID-19) along a series as SVG: triangles above one half, circles below, ticks for discarded slices."""
    count = len(answer.series)
    inner, floor = WIDTH - LEFT - 12, HEIGHT - BOTTOM

    def x(index: int) -> float:
        return LEFT + 6 + (inner - 12) * (index / (count - 1) if count > 1 else 0.5)

    def y(p: float) -> float:
        return floor - (floor - TOP) * p

    classified = dict(numbered(answer))
    called = sum(p > DECISION for p in classified.values())
    alt = (
        f"Probability of COVID-19 along the {count} slices of the series: {called} of {len(classified)} "
        f"classified slices above {DECISION:g}, the highest {max(classified.values(), default=0):.2f}"
    )
    parts = [f'<path class="axis" d="M{LEFT} {TOP}V{floor}H{LEFT + inner}"/>']
    for p in (0, 0.5, 1):
        parts.append(f'<text x="{LEFT - 6}" y="{y(p) + 4:.0f}" text-anchor="end">{p:g}</text>')
    parts.append(f'<path class="cut" d="M{LEFT} {y(DECISION):.1f}H{LEFT + inner}"/>')
    for index in dict.fromkeys((0, count // 2, count - 1)):
        parts.append(f'<text x="{x(index):.1f}" y="{floor + 19}" text-anchor="middle">{index + 1}</text>')
    parts.append(f'<text x="{LEFT + inner / 2}" y="{HEIGHT - 6}" text-anchor="middle">slice</text>')
    for index in range(count):
        at = x(index)
        if index not in classified:
            parts.append(f'<path class="dropped" d="M{at:.1f} {floor - 4}v8"/>')
        elif classified[index] > DECISION:
            parts.append(f'<path class="covid" d="M{at:.1f} {y(classified[index]) - 5:.1f}l4.5 8h-9z"/>')
        else:
            parts.append(f'<circle class="normal" cx="{at:.1f}" cy="{y(classified[index]):.1f}" r="3"/>')
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(alt)}">'
        f"<title>{html.escape(alt)}</title>{''.join(parts)}</svg>"
    )


def pair(pixels: np.ndarray, heat: np.ndarray | None, name: str, caption: str, no_map: str = "") -> str:
    """Show a slice in full size beside the same slice with its heat map, or the reason why there is no map."""
    plain = picture(grey_levels(pixels), f"{name} at lung window")
    if heat is not None:
        beside = picture(with_heat(pixels, heat), f"{name} with its Grad-CAM map for COVID-19 over it")
    else:
        beside = f"<p>{html.escape(no_map)}</p>" if no_map else ""
    kind = "pair" if beside else "pair alone"
    text = html.escape(caption)
    return f'<figure><div class="{kind}">{plain}{beside}</div><figcaption>{text}</figcaption></figure>'


def highest(answers: Sequence[SeriesAnswer], most: int) -> list[tuple[SeriesAnswer, int, float]]:
    """Find the slices with the highest p(COVID-19) of all series, highest first: series, index in it, p."""
    classified = [(answer, index, p) for answer in answers for index, p in numbered(answer)]
    return sorted(classified, key=lambda entry: -entry[2])[:most]
