"""Small slices and series with a known number of dark pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from covidlib.scans.tiff import write_slice

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
"""The tour, and the chapters in their order."""
MORE_PAGES = sorted((ROOT / "notebooks").glob("[0-9][0-9][a-z]_*.ipynb"))
"""Pages behind a chapter that go further into its subject: no exercises, and not the parts of a chapter."""
CHAPTERS = [path for path in NOTEBOOKS if path.name[:2] != "00"]


AIR = 16
"""Columns of air beside the body: every CT slice shows some."""


def body_slice(dark_pixels: int = 0, seed: int = 0) -> np.ndarray:
    """Soft tissue with so many dark pixels at the start of the rule's region, air at the left; uint16, 512×512."""
    pixels = np.random.default_rng(seed).integers(1000, 1100, (512, 512)).astype(np.uint16)
    pixels[:, :AIR] -= 976
    region = pixels[240:340, 120:370].reshape(-1).copy()
    region[:dark_pixels] = 150
    pixels[240:340, 120:370] = region.reshape(100, 250)
    return pixels


OPEN = 20000
"""Dark pixels of a slice that passes for an open lung: more than `domain_check.LEAST_LUNG` of the picture."""


def write_series(folder: Path, dark_counts: list[int], seed: int = 0) -> Path:
    """A TIFF series whose slices have the given numbers of dark pixels."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, dark in enumerate(dark_counts, start=1):
        write_slice(folder / f"IM{number:05d}.tif", body_slice(dark, seed + number))
    return folder
