"""Convert stored values to grey levels for display, through a window of Hounsfield units. Taught in chapter 01."""

from __future__ import annotations

import numpy as np

from covidlib.scans.dicom import HOUNSFIELD_OFFSET

WINDOWS = {"lung": (-600, 1500), "soft tissue": (40, 400), "all": (1024, 4096)}
"""Centre and width of each window in HU."""


def grey_levels(pixels: np.ndarray, window: str = "lung") -> np.ndarray:
    """Convert stored values to grey levels for display, 0 (black) to 255 (white), through a radiologist's window.

    Parameters
    ----------
    pixels : uint16 array
        HU + 1024.
    window : "lung", "soft tissue" or "all"
    """
    centre, width = WINDOWS[window]
    low = HOUNSFIELD_OFFSET + centre - width / 2
    return (np.clip((pixels.astype(np.float32) - low) / width, 0, 1) * 255).astype(np.uint8)
