"""The whole pipeline as one picture: each step, and what flows from it to the next (paper, Figure 1).

The picture stands in the introduction as `notebooks/images/pipeline.svg`; `python -m covidlib.pipelinepicture FILE`
draws it. Dark words on light boxes read on light and dark pages, and one column of boxes reads on a phone.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

from covidlib.wholefiles import write_text

INK, GROUND, EDGE, ACCENT = "#1b2733", "#dbe4ee", "#7a8794", "#b34d06"
WIDTH, HEIGHT, GAP = 640, 106, 26


class Step(NamedTuple):
    """One box of the picture."""

    name: str
    does: str
    gives: str
    icon: str


CHEST = (
    '<ellipse cx="32" cy="32" rx="28" ry="21" fill="#ffffff"/>'
    '<ellipse cx="21" cy="32" rx="8" ry="13" fill="{ink}"/><ellipse cx="43" cy="32" rx="8" ry="13" fill="{ink}"/>'
)
STEPS = (
    Step(
        "Scan",
        "a series of CT slices, top to bottom",
        "512×512 stored values a slice",
        CHEST,
    ),
    Step(
        "Dark-pixel counts",
        "how open is the lung in each slice?",
        "one count a slice",
        '<path d="M8 56V48h8v8zM20 56V26h8v30zM32 56V14h8v42zM44 56V36h8v20z" fill="{ink}"/>',
    ),
    Step(
        "Selected slices",
        "counts above one threshold a series",
        "slices with an open lung",
        '<path d="M6 44l26-12 26 12-26 12zM6 32l26-12 26 12-26 12zM6 20L32 8l26 12-26 12z" fill="#ffffff"'
        ' stroke="{ink}" stroke-width="2.5"/>',
    ),
    Step(
        "Network",
        "Xception, ResNet50V2, or with a pyramid",
        "one probability a slice",
        '<path d="M8 8l14 8v32l-14 8zM28 18l12 6v16l-12 6zM46 26l10 4v4l-10 4z" fill="{ink}"/>',
    ),
    Step(
        "Slices called COVID-19",
        "probabilities above one half",
        "a count a patient",
        '<path d="M6 32h52" stroke="{ink}" stroke-width="2" stroke-dasharray="5 4"/><circle cx="14" cy="48" r="5"'
        ' fill="{ink}"/><circle cx="26" cy="42" r="5" fill="{ink}"/><path d="M33 23l7-13 7 13zM46 19l7-13 7 13z"'
        ' fill="{accent}"/>',
    ),
    Step(
        "Decision",
        "enough of the selected slices?",
        "infected, normal or undetermined",
        '<path d="M32 6l26 26-26 26L6 32z" fill="#ffffff" stroke="{ink}" stroke-width="2.5"/><path d="M27 26q0-7 6-7t6'
        ' 6q0 4-6 8v5M33 43v4" fill="none" stroke="{ink}" stroke-width="3.5"/>',
    ),
    Step(
        "Heat map",
        "network and one slice again",
        "which places moved the answer",
        CHEST + '<circle cx="44" cy="40" r="11" fill="{accent}" opacity="0.85"/>',
    ),
)
"""In the order in which data flow."""
ALT = (
    "Seven boxes under each other, joined by arrows: "
    + "; ".join(f"{step.name.lower()} ({step.does}) gives {step.gives}" for step in STEPS)
    + "."
)
"""What the picture says, for those who do not see it."""


def pipeline_svg() -> str:
    """The picture as SVG text."""
    height = len(STEPS) * (HEIGHT + GAP) - GAP + 4
    parts = [_box(step, 2 + place * (HEIGHT + GAP)) for place, step in enumerate(STEPS)]
    arrows = [_arrow(place * (HEIGHT + GAP)) for place in range(1, len(STEPS))]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
        f' font-family="sans-serif" fill="{INK}">\n'
    )
    return head + "\n".join([*parts, *arrows]) + "\n</svg>\n"


def _box(step: Step, top: int) -> str:
    icon = step.icon.format(ink=INK, accent=ACCENT)
    return (
        f'<rect x="2" y="{top}" width="{WIDTH - 4}" height="{HEIGHT}" rx="8" fill="{GROUND}" stroke="{EDGE}"/>'
        f'<g transform="translate(12 {top + 21})">{icon}</g>'
        f'<text x="92" y="{top + 33}" font-size="27" font-weight="700">{step.name}</text>'
        f'<text x="92" y="{top + 63}" font-size="24">{step.does}</text>'
        f'<text x="92" y="{top + 93}" font-size="24" fill="{ACCENT}" font-weight="700">→ {step.gives}</text>'
    )


def _arrow(top: int) -> str:
    middle, low = 44, top + 1
    return (
        f'<path d="M{middle} {low - GAP + 4}V{low - 3}m-7 -8l7 8l7 -8" fill="none" stroke="{EDGE}" stroke-width="3"/>'
    )


def main(argv: list[str] | None = None) -> int:
    """`python -m covidlib.pipelinepicture FILE`; returns the exit code."""
    names = sys.argv[1:] if argv is None else argv
    if len(names) != 1:
        print("usage: python -m covidlib.pipelinepicture FILE", file=sys.stderr)
        return 2
    write_text(Path(names[0]), pipeline_svg())
    return 0


if __name__ == "__main__":
    sys.exit(main())
