"""Checkers of the exercises of chapter 07."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from covidlib.heatmaps.cam_methods import grad_cam_map
from covidlib.heatmaps.lesion_scores import hits_of_other_slices
from covidlib.teaching.exercises import called, checker


@checker("7.1")
def points_at(answer: Callable[[np.ndarray, np.ndarray], bool]) -> str | None:
    """Pointing game: whether the highest point of a map lies on a lesion."""
    lesion = np.zeros((4, 4), bool)
    lesion[0, :2] = True
    on, beside = np.zeros((4, 4)), np.full((4, 4), 0.2)
    on[0, 1] = 1.0
    beside[0, 0], beside[3, 2] = 0.9, 1.0
    if not called(answer, on, lesion):
        return "here the only heat lies on the lesion, and it is called a miss"
    if called(answer, beside, lesion):
        return "here the lesion is warm, but the highest point lies elsewhere: one point decides"
    sideways = np.zeros((4, 4))
    sideways[1, 0] = 1.0
    if called(answer, sideways, lesion):
        return "row and column have changed places: the heat is at row 1, column 0, the lesion in row 0"
    if called(answer, np.zeros((4, 4)), lesion):
        return "an empty map points nowhere, and is a miss, wherever the lesion lies"
    return None


@checker("7.2")
def hires_cam(answer: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> str | None:
    """HiResCAM of one slice from features and gradients."""
    generator = np.random.default_rng(7)
    for shape in ((3, 4, 5), (2, 2, 1)):
        features, gradients = generator.normal(size=(2, *shape))
        added = (features * gradients).sum(axis=-1)
        given = np.asarray(called(answer, features, gradients))
        if given.shape != shape[:2]:
            return f"features of shape {shape} give a map of shape {given.shape}, wanted is one value a cell"
        if np.allclose(given, np.maximum(added, 0)):
            continue
        if np.allclose(given, grad_cam_map(features[np.newaxis], gradients[np.newaxis])[0]):
            return "this is Grad-CAM: a channel has one weight here, wanted is one for each of its cells"
        if np.allclose(given, added) or np.allclose(given, np.abs(added)):
            return "what speaks against the class is still in it"
        if np.allclose(given, np.maximum(features * gradients, 0).sum(axis=-1)):
            return "channels for and against the class cancel first: cut after the sum"
        return "multiply each feature by its own gradient, then look at the order of what is left to do"
    return None


@checker("7.3")
def hits_of_others(answer: Callable[[np.ndarray, Sequence[np.ndarray], np.ndarray], np.ndarray]) -> str | None:
    """How often the maps of other patients point at a slice's lesions."""
    peaks = np.array([[0, 0], [0, 1], [2, 2], [0, 0], [2, 0]])
    patients = np.array(["a", "a", "b", "c", "c"])
    masks = [np.zeros((3, 3), bool) for _ in peaks]
    for mask, places in zip(masks, ([(0, 0), (0, 1)], [(2, 2)], [(0, 0), (2, 0)], [(2, 2), (2, 0)], []), strict=True):
        for place in places:
            mask[place] = True
    right = hits_of_other_slices(peaks.astype(float), masks, patients)
    given = np.asarray(called(answer, peaks, masks, patients), float)
    if given.shape != right.shape:
        return f"one share for each of the {len(right)} slices is wanted, you return shape {given.shape}"
    if np.allclose(given, right):
        return None
    hits = np.array([[mask[tuple(peak)] for peak in peaks] for mask in masks], float)
    if np.allclose(given, hits.diagonal()):
        return "this is each map on its own slice: the baseline asks the maps of other patients"
    if np.allclose(given, hits.mean(axis=1)):
        return "the slice's own map, and those of its own patient, are among the others"
    if np.allclose(given, (hits.sum(axis=1) - hits.diagonal()) / (len(hits) - 1)):
        return "another slice of the same patient is no other patient: it may show the same lesion"
    return f"of slice 1 you say {given[0]:.2f}: which maps may point at it, and how many hit its lesions?"


@checker("7.4")
def in_place(answer: Callable[[np.ndarray, int, int, int], np.ndarray]) -> str | None:
    """A coarse map enlarged, each pixel with the value of the cell that looks nearest to it."""
    for cells, side, first, stride in ((4, 20, 0, 5), (3, 21, 6, 7), (4, 20, 2, 5)):
        coarse = np.arange(cells**2, dtype=float).reshape(cells, cells)
        nearest = np.rint((np.arange(side) - first) / stride).astype(int).clip(0, cells - 1)
        given = np.asarray(called(answer, coarse, side, first, stride))
        told = f"for {cells} cells, {side} pixels, first {first}, stride {stride}: "
        if given.shape != (side, side):
            return told + f"the map has shape {given.shape}"
        right = coarse[nearest][:, nearest]
        if np.allclose(given, right):
            continue
        if np.allclose(given, right.T):
            return told + "rows and columns have changed places"
        if np.allclose(given, np.kron(coarse, np.ones((side // cells, side // cells)))):
            return told + "this map is stretched over the slice: look where the middle of the first cell is"
        row = np.flatnonzero((given != right).any(axis=1))[0]
        return told + f"look at row {row} of the slice: the middle of which cell is nearest to it?"
    return None


@checker("7.5")
def gradient_of_p(answer: Callable[[np.ndarray, np.ndarray, float], np.ndarray]) -> str | None:
    """The gradient of the probability of COVID-19 from those of both logits."""
    generator = np.random.default_rng(5)
    for bias in (0.0, 3.0, -1.0):
        covid, normal = generator.normal(size=(2, 2, 2, 3))
        features = generator.normal(size=covid.shape)
        probability = _softmax(covid, normal, features, bias)
        right = _by_differences(covid, normal, features, bias)
        given = np.asarray(called(answer, covid, normal, probability))
        if given.shape == right.shape and np.allclose(given, right, rtol=1e-4, atol=1e-7):
            continue
        told = f"at p = {probability:.2f}: "
        if _parallel(given, covid - normal):
            return told + "right up to a factor: how fast does p grow with the difference of the logits, here?"
        if _parallel(given, covid):
            return told + "p rises as well when the other logit falls: its gradient is missing"
        if _parallel(given, covid + normal):
            return told + "raising both logits alike leaves p where it is: look at the sign"
        return told + "write p as a function of the difference of the logits, then use the chain rule"
    return None


def _softmax(covid: np.ndarray, normal: np.ndarray, features: np.ndarray, bias: float) -> float:
    return float(1 / (1 + np.exp(-((covid - normal) * features).sum() - bias)))


def _by_differences(covid: np.ndarray, normal: np.ndarray, features: np.ndarray, bias: float) -> np.ndarray:
    """The gradient without any rule: each feature moved a little, up and down."""
    step, slopes = 1e-5, np.zeros(features.shape)
    for place in np.ndindex(features.shape):
        moved = np.zeros(features.shape)
        moved[place] = step
        up, down = (_softmax(covid, normal, features + way * moved, bias) for way in (1, -1))
        slopes[place] = (up - down) / (2 * step)
    return slopes


def _parallel(given: np.ndarray, other: np.ndarray) -> bool:
    if given.shape != other.shape or not given.any():
        return False
    cosine = (given * other).sum() / np.sqrt((given**2).sum() * (other**2).sum())
    return bool(cosine > 1 - 1e-9)
