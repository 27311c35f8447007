"""Checkers of the exercises of chapter 02."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from covidlib.selection import DIVISOR, REGION_COLUMNS, REGION_ROWS, select_slices
from covidlib.teaching.exercises import called, checker

HEIGHT, WIDTH = REGION_ROWS.stop - REGION_ROWS.start, REGION_COLUMNS.stop - REGION_COLUMNS.start


@checker("2.1")
def kept_slices(answer: Callable[[np.ndarray, float], int]) -> str | None:
    """How many slices a divisor keeps: spread of the counts over the divisor, strictly above."""
    counts = np.array([0, 100, 200, 300])
    if called(answer, counts, DIVISOR) != 1:
        return "with counts 0, 100, 200, 300 the threshold is 200: which counts are strictly above it?"
    if called(answer, counts + 60, 3.0) != 3:
        return "the minimum is not added back: the threshold is the spread over the divisor, whatever the counts are"
    return None


@checker("2.2")
def cut_region(answer: Callable[[np.ndarray], np.ndarray]) -> str | None:
    """The rule's region of a stack: rows first, the end of a Python range left out."""
    rows, columns = np.indices((512, 512))
    stack = np.stack([rows, columns])
    region = np.asarray(called(answer, stack))
    if region.shape == (2, WIDTH, HEIGHT):
        return "this region stands upright: the paper names x, the column, first, and an array is indexed by row first"
    if region.ndim != 3 or len(region) != 2:
        return f"a stack of 2 slices goes in; what came out has the shape {region.shape}"
    first = (int(region[0].min()), int(region[1].min()))
    last = (int(region[0].max()), int(region[1].max()))
    if first != (REGION_ROWS.start, REGION_COLUMNS.start):
        return f"your region begins at row {first[0]} and column {first[1]}: Python counts from 0, as the rule does"
    if last != (REGION_ROWS.stop - 1, REGION_COLUMNS.stop - 1):
        return f"your region ends at row {last[0]} and column {last[1]}: what does a Python range leave out?"
    return None


@checker("2.3")
def select_with_minimum(answer: Callable[[np.ndarray], np.ndarray]) -> str | None:
    """The rule with the minimum added to the threshold."""
    dark = np.array([4001, 7000, 10000])
    kept = np.asarray(called(answer, dark))
    if kept.shape != dark.shape or kept.dtype != bool:
        return "one True or False a slice is asked for, as an array"
    if kept.tolist() == select_slices(dark).tolist():
        return "on counts 4001, 7000, 10000 this keeps what the paper's rule keeps: where does the minimum come back?"
    if kept.tolist() != [False, False, True]:
        return "with counts 4001, 7000, 10000 the threshold should lie two thirds of the way from smallest to largest"
    edge = np.array([100, 300, 400])
    if np.asarray(called(answer, edge)).tolist() != [False, False, True]:
        return "counts 100, 300, 400: the threshold is 300; two thirds of the way up, and strictly above it"
    if np.asarray(called(answer, np.array([700, 700]))).any():
        return "two equal counts: the threshold equals both, so is either of them strictly above it?"
    return None


@checker("2.4")
def share_that_keeps_all(answer: Callable[[float], float]) -> str | None:
    """The share of the maximum above which the minimum makes the rule keep the whole series."""
    paper, other = float(called(answer, DIVISOR)), float(called(answer, 3.0))
    if math.isclose(paper, 1 / DIVISOR):
        return "the threshold is a part of the spread, not of the maximum: the minimum stands on both sides"
    if not math.isclose(paper, 1 / (1 + DIVISOR)):
        return (
            f"try it: a minimum just above {paper:.3f} of the maximum, with the paper's divisor; are all slices kept?"
        )
    if not math.isclose(other, 1 / 4):
        return (
            "right for the paper's divisor, but not for a divisor of 3: solve minimum > (maximum - minimum) / divisor"
        )
    return None


@checker("2.5")
def lesion_share_lost(answer: Callable[[np.ndarray, np.ndarray], float]) -> str | None:
    """Of the slices with a visible lesion, the share that the rule drops."""
    keep = np.array([False, False, True, True, True, False, False, False])
    lesion = np.array([False, True, True, True, True, False, False, False])
    share = float(called(answer, keep, lesion))
    if math.isclose(share, 1 / 5):
        return "that is the share of lesion slices among the dropped ones; the question is asked of the lesion slices"
    if math.isclose(share, 1 / 8):
        return "you divide by all slices of the series; of which slices is a share asked?"
    if math.isclose(share, 3 / 4):
        return "that share is kept; which is lost?"
    if not math.isclose(share, 1 / 4):
        return "4 of 8 slices show a lesion, and 1 of these 4 is dropped"
    if not math.isnan(float(called(answer, keep, np.zeros(8, dtype=bool)))):
        return "without any lesion slice there is nothing to lose a share of: return nan (not a number), not 0"
    return None


@checker("2.6")
def corner_for(answer: Callable[[np.ndarray], tuple[int, int]]) -> str | None:
    """First row and column of a region that is centred on the patient."""
    for top, left, rows, columns in ((150, 80, 200, 350), (90, 130, 240, 300)):
        row, column = called(answer, _slice_with_body(top, left, rows, columns))
        middle = (top + rows / 2, left + columns / 2)
        corner = (middle[0] - HEIGHT / 2, middle[1] - WIDTH / 2)
        if (row, column) == (REGION_ROWS.start, REGION_COLUMNS.start):
            return "that is the paper's corner, wherever the patient lies"
        if _near((row, column), middle):
            return f"that is the patient's middle; the region is {HEIGHT} rows high and {WIDTH} columns wide around it"
        if _near((column, row), corner):
            return "row first, then column"
        if not _near((row, column), corner):
            return (
                f"a body in rows {top} to {top + rows - 1} and columns {left} to {left + columns - 1}, a table below: "
                f"your region begins at {row}, {column}. Is the table still part of your patient?"
            )
    return None


def _slice_with_body(top: int, left: int, rows: int, columns: int) -> np.ndarray:
    """A body with a lung on its left only, and the table under it as a thin line that is wider than the body."""
    pixels = np.zeros((512, 512), dtype=np.uint16)
    pixels[top : top + rows, left : left + columns] = 1064
    pixels[top + 20 : top + rows - 20, left + 20 : left + columns // 2] = 150
    pixels[450:454, 10:500] = 900
    return pixels


def _near(found: tuple[float, float], wanted: tuple[float, float]) -> bool:
    return all(abs(one - other) <= 1 for one, other in zip(found, wanted, strict=True))
