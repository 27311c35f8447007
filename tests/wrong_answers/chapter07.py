"""Typical wrong answers to the exercises of chapter 07."""

from __future__ import annotations

import numpy as np


def share_of_hits(chosen: str) -> object:
    """Hits of the maps that a wrong reading takes for other patients'."""

    def hits(peaks: np.ndarray, masks: list[np.ndarray], patients: np.ndarray) -> np.ndarray:
        shares = []
        for number, mask in enumerate(masks):
            taken = {"all": patients != "", "own": np.arange(len(masks)) == number}
            taken["but own"] = ~taken["own"]
            shares.append(mask[tuple(peaks[taken[chosen]].T)].mean())
        return np.array(shares)

    return hits


def nearest(coarse: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Cells by their numbers, rounded and kept inside."""
    cells = np.rint(places).astype(int).clip(0, len(coarse) - 1)
    return coarse[cells][:, cells]


WRONG: dict[str, list[tuple[object, str]]] = {
    "7.1": [
        # Any heat on the lesion.
        (lambda heat, lesion: bool(heat[lesion].any()), "one point decides"),
        # The first pixel of an empty map.
        (lambda heat, lesion: bool(lesion.ravel()[heat.argmax()]), "an empty map"),
        (lambda heat, lesion: bool(lesion.T.ravel()[heat.argmax()]), "called a miss"),
        (
            lambda heat, lesion: bool(lesion[np.unravel_index(heat.argmax(), heat.shape)] or heat[1, 0] == 1),
            "changed places",
        ),
    ],
    "7.2": [
        (
            lambda features, gradients: np.maximum((gradients.mean(axis=(0, 1)) * features).sum(axis=-1), 0),
            "this is Grad-CAM",
        ),
        (lambda features, gradients: (gradients * features).sum(axis=-1), "still in it"),
        (lambda features, gradients: np.maximum(gradients * features, 0).sum(axis=-1), "cut after the sum"),
        (lambda features, gradients: np.maximum((gradients * features).sum(axis=0), 0), "one value a cell"),
    ],
    "7.3": [
        (share_of_hits("own"), "its own slice"),
        (share_of_hits("all"), "among the others"),
        (share_of_hits("but own"), "no other patient"),
        (lambda peaks, masks, patients: 0.5, "one share for each"),
    ],
    "7.4": [
        # Stretched over the slice.
        (
            lambda coarse, side, first, stride: np.kron(coarse, np.ones((side // len(coarse),) * 2)),
            "stretched over the slice",
        ),
        # The offset added instead of taken away.
        (lambda coarse, side, first, stride: nearest(coarse, (np.arange(side) + first) / stride), "nearest to it"),
        # Rounded down.
        (
            lambda coarse, side, first, stride: nearest(coarse, (np.arange(side) - first) // stride),
            "stretched over the slice",
        ),
        (
            lambda coarse, side, first, stride: nearest(coarse.T, (np.arange(side) - first) / stride),
            "changed places",
        ),
    ],
    "7.5": [
        (lambda covid, normal, p: p * (1 - p) * covid, "its gradient is missing"),
        (lambda covid, normal, p: covid - normal, "up to a factor"),
        (lambda covid, normal, p: p * (covid - normal), "up to a factor"),
        (lambda covid, normal, p: p * (1 - p) * (covid + normal), "look at the sign"),
        (lambda covid, normal, p: p * covid - (1 - p) * normal, "chain rule"),
    ],
}
