"""Checkers of the exercises of chapter 03."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from covidlib.results.intervals import corrected_t
from covidlib.teaching.exercises import called, checker


@checker("3.1")
def map_width(answer: Callable[[int, int, int, bool], int]) -> str | None:
    """Cells of a map after a convolution."""
    for cells, window, stride, padded, wanted in (
        (32, 3, 1, False, 30),
        (16, 3, 2, True, 8),
        (15, 3, 2, True, 8),
        (16, 3, 2, False, 7),
        (224, 7, 2, True, 112),
    ):
        width = called(answer, cells, window, stride, padded)
        if width == wanted:
            continue
        case = f"{cells} cells, window {window}, stride {stride}, {'padded' if padded else 'not padded'}"
        if not padded and stride == 1 and width == cells:
            return f"{case}: the window must lie inside the map, so some of its places are lost at the rim"
        if not padded and width == wanted - 1:
            return f"{case}: the window has one place more than it has steps"
        if padded and width == wanted - 1 and cells % 2:
            return f"{case}: padding goes on until no cell is left out"
        if not math.isclose(width, round(width)):
            return f"{case}: {width} cells; a map has whole cells, so which way is it rounded?"
        return f"{case}: your map is {width} wide; draw the window's places on paper and count"
    return None


@checker("3.2")
def convolution_parameters(answer: Callable[[int, int, int], int]) -> str | None:
    """Weights and biases of a convolution: window, channels in, channels out."""
    for window, before, after in ((3, 2048, 256), (1, 512, 256)):
        count = called(answer, window, before, after)
        wanted = (window * window * before + 1) * after
        if count == wanted:
            continue
        if count == wanted - after:
            return "these are the weights of all kernels; each channel that comes out has one more number"
        if count == (window * before + 1) * after or count == window * before * after:
            return "the window is a square: it has rows and columns"
        if count in (window * window * after, (window * window + 1) * after):
            return "a kernel reaches through all channels that come in, not through one"
        if count == window * window * before + 1 or count == window * window * before:
            return "this is one kernel; there is one for each channel that comes out"
        if count == window * window * before * after + before:
            return "a bias belongs to a channel that comes out, not to one that comes in"
        return f"window {window}, {before} channels to {after}: your layer has {count} parameters"
    return None


@checker("3.3")
def receptive_field(answer: Callable[[list[tuple[int, int]]], int]) -> str | None:
    """Pixels that a cell sees behind a chain of windows with strides."""
    if called(answer, [(3, 1), (3, 1)]) == 6:
        return "two windows of 3 overlap: the second adds what it reaches beyond the first, 2 pixels"
    if called(answer, [(3, 1), (3, 1)]) != 5:
        return "two windows of 3 with stride 1, one behind the other, see 5 pixels"
    last = called(answer, [(7, 2), (3, 2)])
    if last == 15:
        return "a layer's own stride parts its own cells: its window still steps over the cells of the layer before"
    if last == 9:
        return "behind a stride of 2 neighbouring cells are 2 pixels apart, so a window reaches further in pixels"
    if last != 11:
        return f"a 7 with stride 2 and a 3 behind it see 11 pixels; yours sees {last}"
    chain = [(7, 2), (3, 2), (3, 2), (3, 1)]
    if called(answer, chain) != 35:
        return "strides multiply: behind three strides of 2 neighbouring cells are 8 pixels apart"
    return None


@checker("3.4")
def added(answer: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]) -> str | None:
    """A 1×1 convolution of two concatenated maps, written as an addition."""
    random = np.random.default_rng(3)
    for channels in ((4, 4), (5, 2)):
        fine, coarse = (random.normal(size=(6, 6, each)) for each in channels)
        kernel = random.normal(size=(sum(channels), 3))
        wanted = np.concatenate([fine, coarse], axis=-1) @ kernel
        try:
            found = np.asarray(called(answer, fine, coarse, kernel))
        except ValueError:
            if channels == (4, 4):
                raise
            return "it works for maps with equally many channels only: the kernel is cut where the first map ends"
        if found.shape == wanted.shape and np.allclose(found, wanted):
            continue
        swapped = coarse @ kernel[: channels[1]] + fine @ kernel[channels[1] :] if channels == (4, 4) else wanted
        if found.shape == wanted.shape and np.allclose(found, swapped):
            return "the first rows of the kernel belong to the map that was laid down first"
        if found.shape == wanted.shape and channels == (4, 4) and np.allclose(found, (fine + coarse) @ kernel[:4]):
            return "here both maps share one kernel; in a concatenation each has its own"
        return f"the sum should equal the convolution of the concatenated maps, of shape {wanted.shape}"
    return None


@checker("3.5")
def silent_units(answer: Callable[[np.ndarray], np.ndarray]) -> str | None:
    """Units whose sum before the ReLU is above zero on no slice."""
    sums = np.array([[-1.0, -2.0, 0.5, -0.1], [-3.0, 4.0, 0.2, 0.0], [-0.5, -1.0, 0.9, -2.0]])
    silent = np.asarray(called(answer, sums))
    if silent.shape == (3,):
        return "your answer has one entry a slice; one a unit is asked for: which axis are the slices?"
    if silent.shape != (4,) or silent.dtype != bool:
        return "one True or False a unit is asked for, as an array"
    if silent.tolist() == [True, True, False, True]:
        return "the second unit is below zero on some slices and speaks on one: silent means on every slice"
    if silent.tolist() == [True, False, False, False]:
        return "the fourth unit reaches exactly 0 once: does a ReLU pass anything there?"
    if silent.tolist() == [False, True, True, False] or silent.tolist() == [False, False, True, False]:
        return "these are the units that speak"
    if silent.tolist() != [True, False, False, True]:
        return f"of four units the first and the fourth are silent on all three slices; yours: {silent.tolist()}"
    return None


@checker("3.6")
def corrected_interval(answer: Callable[[np.ndarray, float], tuple[float, float]]) -> str | None:
    """95% interval of a mean difference over folds that share training patients."""
    differences, ratio = np.array([0.02, 0.05, -0.01, 0.04, 0.03]), 0.25
    low, high = called(answer, differences, ratio)
    wanted = corrected_t(list(differences), ratio)
    middle, reach, right = (low + high) / 2, (high - low) / 2, (wanted.high - wanted.low) / 2
    if not math.isclose(middle, differences.mean(), abs_tol=1e-9):
        return f"the interval lies around the mean difference, {differences.mean():.3f}; yours around {middle:.3f}"
    if math.isclose(reach, right, rel_tol=1e-4):
        return None
    folds = len(differences)
    corrected, plain = math.sqrt(1 / folds + ratio), math.sqrt(1 / folds)
    narrower = math.sqrt((folds - 1) / folds)
    normal = 1.96 * differences.std(ddof=1)
    if math.isclose(reach, right * plain / corrected, rel_tol=1e-4):
        return "this is the ordinary interval: it takes the folds for independent, and leaves the ratio out"
    if math.isclose(reach, right * narrower, rel_tol=1e-4):
        return "the variance of a sample divides by one less than the number of folds: ddof"
    if any(math.isclose(reach, normal * factor, rel_tol=1e-3) for factor in (corrected, plain)):
        return "1.96 is for many folds: with five, t has four degrees of freedom"
    if math.isclose(reach, right / corrected, rel_tol=1e-4):
        return "this is the spread of single differences; how uncertain is their mean?"
    return f"the interval should reach {'further' if reach < right else 'less far'} than {reach:.4f} to each side"
