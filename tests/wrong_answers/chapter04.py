"""Typical wrong answers to the exercises of chapter 04."""

from __future__ import annotations

import math

import numpy as np

from covidlib.pitfalls import best_of_many
from covidlib.training import costs


def by_patients(train: np.ndarray, test: np.ndarray) -> float:
    return float(np.isin(np.unique(test), np.unique(train)).mean())


def deal_slices(patients: np.ndarray, folds: int, generator: np.random.Generator) -> np.ndarray:
    return generator.permutation(np.arange(len(patients)) % folds) + 1


def drawn_for_each(patients: np.ndarray, folds: int, generator: np.random.Generator) -> np.ndarray:
    names, number = np.unique(patients, return_inverse=True)
    return generator.integers(1, folds + 1, len(names))[number]


def in_order(patients: np.ndarray, folds: int, generator: np.random.Generator) -> np.ndarray:
    return np.unique(patients, return_inverse=True)[1] % folds + 1


def from_zero(patients: np.ndarray, folds: int, generator: np.random.Generator) -> np.ndarray:
    return in_order(patients, folds, generator) - 1


WRONG: dict[str, list[tuple[object, str]]] = {
    "4.1": [
        (lambda images, batch, epochs: math.ceil(images / batch), "one epoch"),
        (lambda images, batch, epochs: images // batch * epochs, "last batch of an epoch is smaller"),
        (lambda images, batch, epochs: math.ceil(images * epochs / batch), "round up in each"),
        (lambda images, batch, epochs: images * epochs, "one batch"),
        (lambda images, batch, epochs: (images // batch + 1) * epochs, "no rest"),
    ],
    "4.2": [
        (by_patients, "share of the test patients"),
        (lambda train, test: float(np.isin(train, test).mean()), "training slices"),
        (lambda train, test: np.isin(test, train).sum(), "how many"),
        (lambda train, test: 1 - np.isin(test, train).mean(), "for each test slice"),
    ],
    "4.3": [
        (deal_slices, "several folds"),
        (drawn_for_each, "as equal as possible"),
        (in_order, "use the generator"),
        (from_zero, "from 1 to"),
    ],
    "4.4": [
        (lambda momentum, share: math.floor(math.log(share) / math.log(momentum)), "too few"),
        (lambda momentum, share: math.ceil((1 - share) / (1 - momentum)), "of what is left"),
        (lambda momentum, share: math.log(share) / math.log(momentum), "whole"),
        (lambda momentum, share: 1000, "at most the share"),
    ],
    "4.5": [
        (lambda gflops, images, seconds, peak: gflops * 1e9 * images / seconds / peak, "backward"),
        (lambda gflops, images, seconds, peak: 3 * gflops * images / seconds / peak, "10⁹"),
        (lambda *case: 1 / costs.share_of_peak(*case), "turn it round"),
        (lambda gflops, images, seconds, peak: 3 * gflops * 1e9 * images / peak, "rate"),
        (lambda *case: 0.25, "divided by the peak"),
    ],
    "4.6": [
        (lambda epochs, images: 0.5, "best of many"),
        (lambda epochs, images: 1.0, "without an error"),
        (lambda epochs, images: best_of_many.expected_best(epochs, images) * images, "which share"),
        (lambda epochs, images: 1 - best_of_many.expected_best(epochs, images), "worst"),
        (lambda epochs, images: 0.5 + 0.5 / math.sqrt(images), "many trainings"),
    ],
}
