"""Judge what a slice shows where: air beside the body, lung inside it, several slices side by side (section 2.1).

The values of a series taken together do not tell everything. Air lies beside the body and has one value, 24; lung lies
inside it, and is never all on one value; and a picture whose parts repeat is several slices. Taught in chapter 01.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from covidlib.scans.findings import Finding
from covidlib.scans.value_scale import AGAIN, BODY_ABOVE, DARKEST_CUT, OFFSET, Histogram, darkest, histogram, pooled

EDGE = 32
"""One column of so many, at each side, is looked at for air beside the body."""
AIR, AIR_AT_MOST = 24, 100
"""Stored value of air, and what it may be: blankets and noise lift it a little."""
SPREAD, SAME_AIR = 30, 0.75
"""Air varies by no more than this, and so much of it lies so close to its median; lung varies more."""
LEAST_AIR = 200
"""Pixels of air from which its value can be told."""
MUCH_LOST = 0.03
"""Share of the pixels that are lung on the lowest value; air in the windpipe is less."""
PARTS = (2, 3, 4)
ALIKE, ALIKE_APART, SMALLEST = 0.8, 0.4, 128
"""Correlation of neighbouring slices in one picture, also if air is between them, and the least width to compare: the
parts of a chest have 0.6 at most, and no air at the same places."""
MOSTLY = 0.9
"""So much of what lies between two pictures is air."""
MOST = 0.5
"""If so many slices of a series are several, the series is refused; otherwise they are left out."""


@dataclass(frozen=True)
class Picture:
    """What the middle rows of one slice show.

    Attributes
    ----------
    edge : Histogram
        Values at the left and right edge that are darker than the body, without padding.
    lost, dark, seen : int
        Pixels inside the body that are 0 or less; that are dark; and all pixels.
    parts : int
        Number of pictures side by side; 1 for a slice.
    """

    edge: Histogram
    lost: int
    dark: int
    seen: int
    parts: int


def look_at(pixels: np.ndarray) -> Picture:
    """Look at the middle rows of a slice.

    Parameters
    ----------
    pixels : integer array, shape (rows, columns)
        HU + 1024, as read.
    """
    rows = pixels[::2]
    wide = max(rows.shape[1] // EDGE, 1)
    edge = np.concatenate([rows[:, :wide], rows[:, -wide:]], axis=1)
    edge = edge[(edge > 0) & (edge < BODY_ABOVE)]
    body = rows >= BODY_ABOVE
    inside = np.logical_or.accumulate(body, 1) & np.logical_or.accumulate(body[:, ::-1], 1)[:, ::-1]
    lost = int((inside & (rows <= 0)).sum())
    dark = int((inside & (rows < DARKEST_CUT)).sum()) - lost
    return Picture(histogram(edge) if edge.size else _nothing(), lost, dark, rows.size, _parts(pixels[::4]))


def _nothing() -> Histogram:
    return np.zeros(0, int), np.zeros(0, int)


def _parts(pixels: np.ndarray) -> int:
    """Number of pictures side by side: each looks like its neighbour. Two of four are alike too, so try two first."""
    if pixels.shape[0] < max(PARTS) or pixels.shape[1] < SMALLEST:
        return 1
    shown = pixels.astype(np.float32)
    for count in PARTS:
        wide = shown.shape[1] // count
        parts = [shown[:, place * wide : (place + 1) * wide : 4].ravel() for place in range(count)]
        if min(part.std() for part in parts) == 0:
            continue
        least = min(np.corrcoef(one, other)[0, 1] for one, other in zip(parts[:-1], parts[1:], strict=True))
        between = shown[:, [place * wide + side for place in range(1, count) for side in (-2, 0, 2)]]
        apart = np.quantile(between, MOSTLY) <= AIR_AT_MOST  # lung that lies there is brighter in part
        if least > (ALIKE_APART if apart else ALIKE):
            return count
    return 1


def montages(name: str, files: Sequence[tuple[str, str]], pictures: Sequence[Picture]) -> list[Finding]:
    """Find pictures that hold several slices side by side: one refusal if most do, otherwise each is left out.

    Parameters
    ----------
    files : sequence of (path, file name)
    """
    several = [place for place, picture in enumerate(pictures) if picture.parts > 1]
    if not several:
        return []
    if len(several) > MOST * len(pictures):
        parts = pictures[several[0]].parts
        which = "its slices are" if len(several) == len(pictures) else f"{len(several)} of its slices are"
        sentence = f"{which} several pictures side by side ({parts} or more in a row)"
        return [Finding("montage", "refused", name, sentence, "Export each slice as a picture of its own")]
    sentence = "shows several pictures side by side"
    return [
        Finding("montage", "left out", files[place][0], sentence, "Export each slice alone", (files[place][1],))
        for place in several
    ]


def moved_scale(seen: Histogram, pictures: Sequence[Picture]) -> str:
    """How air and lung contradict HU + 1024, though the values of the body fit; empty if they do not.

    Parameters
    ----------
    seen : Histogram
        All pixels of the series.
    """
    values, counts = pooled([picture.edge for picture in pictures])
    if counts.sum() >= LEAST_AIR:
        air = int(values[np.searchsorted(np.cumsum(counts), counts.sum() / 2)])
        close = counts[np.abs(values - air) <= SPREAD].sum() / counts.sum()
        # Where lung touches the edge, darker air is seen elsewhere.
        if air > AIR_AT_MOST and close >= SAME_AIR and darkest(seen) > air - 2 * SPREAD:
            return f"air beside the body has the value {air}, expected {AIR}: {air - AIR} was added, or HU were scaled"
    lost, dark, all_ = (sum(getattr(picture, name) for picture in pictures) for name in ("lost", "dark", "seen"))
    if lost > MUCH_LOST * all_ and lost > dark:
        share = lost / (lost + dark)
        return f"{share:.0%} of the dark pixels inside the body are 0 or less: HU were scaled, or lung was cut off"
    return ""


def moved(name: str, seen: Histogram, pictures: Sequence[Picture]) -> list[Finding]:
    """A refusal if air and lung contradict the scale of the body (`moved_scale`)."""
    sentence = moved_scale(seen, pictures)
    expected = f"; expected HU + 1024, with muscle near {OFFSET + 50}"
    return [Finding("unknown-scale", "refused", name, sentence + expected, AGAIN)] if sentence else []
