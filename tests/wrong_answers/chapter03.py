"""Typical wrong answers to the exercises of chapter 03."""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import t


def chain_with_own_stride(chain: list[tuple[int, int]]) -> int:
    """Each layer's own stride applied to its own window."""
    field, stride = 1, 1
    for window, step in chain:
        stride *= step
        field += (window - 1) * stride if field > 1 else window - 1
    return field


def strides_not_multiplied(chain: list[tuple[int, int]]) -> int:
    """The stride of the layer before, and not of all before."""
    field, before = 1, 1
    for window, step in chain:
        field += (window - 1) * before
        before = step
    return field


def interval(differences: np.ndarray, factor: float, ddof: int = 1, times: float | None = None) -> tuple[float, float]:
    """Around the mean, with a chosen error."""
    times = times or float(t.ppf(0.975, len(differences) - 1))
    reach = times * factor * differences.std(ddof=ddof)
    return differences.mean() - reach, differences.mean() + reach


WRONG: dict[str, list[tuple[object, str]]] = {
    "3.1": [
        (lambda cells, window, stride, padded: math.ceil(cells / stride), "lost at the rim"),
        (lambda cells, window, stride, padded: (cells - window + padded) // stride + padded, "one place more"),
        (
            lambda cells, window, stride, padded: cells // stride if padded else (cells - window) // stride + 1,
            "no cell is left out",
        ),
        (
            lambda cells, window, stride, padded: cells / stride if padded else (cells - window) // stride + 1,
            "whole cells",
        ),
    ],
    "3.2": [
        (lambda window, before, after: window**2 * before * after, "one more number"),
        (lambda window, before, after: (window * before + 1) * after, "rows and columns"),
        (lambda window, before, after: (window**2 + 1) * after, "all channels that come in"),
        (lambda window, before, after: window**2 * before + 1, "this is one kernel"),
        (lambda window, before, after: window**2 * before * after + before, "a bias belongs"),
    ],
    "3.3": [
        (lambda chain: sum(window for window, _ in chain), "two windows of 3 overlap"),
        (lambda chain: 1 + sum(window - 1 for window, _ in chain), "2 pixels apart"),
        (chain_with_own_stride, "its own cells"),
        (strides_not_multiplied, "strides multiply"),
    ],
    "3.4": [
        (lambda fine, coarse, kernel: (fine + coarse) @ kernel[: fine.shape[-1]], "share one kernel"),
        (
            lambda fine, coarse, kernel: fine @ kernel[: len(kernel) // 2] + coarse @ kernel[len(kernel) // 2 :],
            "cut where the first map ends",
        ),
        (
            lambda fine, coarse, kernel: coarse @ kernel[: coarse.shape[-1]] + fine @ kernel[coarse.shape[-1] :],
            "laid down first",
        ),
    ],
    "3.5": [
        (lambda sums: (sums < 0).any(axis=0), "silent means on every slice"),
        (lambda sums: (sums <= 0).all(axis=1), "which axis"),
        (lambda sums: (sums < 0).all(axis=0), "reaches exactly 0"),
        (lambda sums: (sums > 0).any(axis=0), "the units that speak"),
    ],
    "3.6": [
        (lambda differences, ratio: interval(differences, math.sqrt(1 / 5)), "takes the folds for independent"),
        (lambda differences, ratio: interval(differences, math.sqrt(1 / 5 + ratio), ddof=0), "one less"),
        (lambda differences, ratio: interval(differences, math.sqrt(1 / 5 + ratio), times=1.96), "many folds"),
        (lambda differences, ratio: interval(differences, 1.0), "how uncertain is their mean"),
        (lambda differences, ratio: (differences.min(), differences.max()), "around the mean difference"),
    ],
}
