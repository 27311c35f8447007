"""Checkers of the exercises of chapter 02."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from covidlib.exercises import called, checker
from covidlib.selection import DIVISOR


@checker("2.1")
def kept_slices(answer: Callable[[np.ndarray, float], int]) -> str | None:
    """How many slices a divisor keeps: spread of the counts over the divisor, strictly above."""
    counts = np.array([0, 100, 200, 300])
    if called(answer, counts, DIVISOR) != 1:
        return "with counts 0, 100, 200, 300 the threshold is 200: which counts are strictly above it?"
    if called(answer, counts + 60, 3.0) != 3:
        return "the minimum is not added back: the threshold is the spread over the divisor, whatever the counts are"
    return None
