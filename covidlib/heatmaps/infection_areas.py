"""Infection areas on a slice: from a heat map, and from simple rules without a network (paper, section 3.3).

A Dice of 0.3 means little by itself: it has to be compared with the Dice of a rule of one line. Taught in chapter 07.
"""

from __future__ import annotations

import numpy as np

HALF = 0.5
"""A map counts as lit at half of its highest value and above: a convention, chosen before any result was seen."""
DENSE_ABOVE = 1024 - 700
"""Stored value from which a lung is denser than healthy lung; vessels are too."""


def infection_area(heat: np.ndarray, lungs: np.ndarray, threshold: float = HALF) -> np.ndarray:
    """Infection area of a heat map: lung where the map is lit (paper, section 3.3).

    Parameters
    ----------
    heat : float array, shape (rows, columns)
        0 to 1.
    lungs : bool array of the same shape
    """
    return (heat >= threshold) & lungs


def dense_lung(pixels: np.ndarray, lungs: np.ndarray) -> np.ndarray:
    """Infection area by a rule without a network: lung that is denser than healthy lung.

    Parameters
    ----------
    pixels : uint16 array, shape (rows, columns)
        HU + 1024.
    """
    return (pixels >= DENSE_ABOVE) & lungs


def dice(found: np.ndarray, truth: np.ndarray) -> float:
    """Dice: twice the overlap, divided by the sum of both areas; 1 is the same area, 0 no common pixel.

    NaN if both areas are empty.
    """
    both = int(found.sum()) + int(truth.sum())
    return 2 * int((found & truth).sum()) / both if both else float("nan")
