"""Typical wrong answers to the exercises of chapter 05."""

from __future__ import annotations

import numpy as np

from covidlib.results import network_pairs, scores
from covidlib.results.metrics import Counts


def accuracies_of_printed(counts: Counts) -> tuple[float, float]:
    return scores.accuracy(counts), scores.balanced_accuracy(counts)


def only_its_own_normals(counts: Counts) -> tuple[float, float]:
    total = counts.true_covid + counts.false_normal + counts.true_normal + counts.false_covid
    return counts.true_normal / total, 0.5


def normals(counts: Counts) -> float:
    normal = counts.true_normal + counts.false_covid
    return normal / (normal + counts.true_covid + counts.false_normal)


def split(total: int, factor: float = 1) -> int:
    return next(a for a in range(total // 2, total + 1) if factor * network_pairs.mcnemar_p(a, total - a) < 0.05)


def slices(patients: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    return generator.integers(0, len(patients), len(patients))


def of_patients(patients: np.ndarray, names: np.ndarray) -> np.ndarray:
    return np.concatenate([np.flatnonzero(patients == name) for name in names])


def shuffled(patients: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    return of_patients(patients, generator.permutation(np.unique(patients)))


def once_only(patients: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    names = np.unique(patients)
    return np.flatnonzero(np.isin(patients, generator.choice(names, len(names))))


def by_slices(patients: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    return of_patients(patients, generator.choice(patients, len(np.unique(patients))))


def by_shuffled_slices(patients: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The same with the slices in another order: other random numbers."""
    return of_patients(patients, generator.choice(generator.permutation(patients), 5))


def one_seed(patients: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    names = np.unique(patients)
    return of_patients(patients, np.random.default_rng(1).choice(names, len(names)))


def too_many(patients: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    return of_patients(patients, generator.choice(np.unique(patients), len(patients)))


WRONG: dict[str, list[tuple[object, str]]] = {
    "5.1": [
        (lambda tp, fn, tn, fp: (tp / (tp + fp), tn / (tn + fp), tp / (tp + fp)), "asks about the infected"),
        (lambda tp, fn, tn, fp: (tp / (tp + fn), fp / (tn + fp), tp / (tp + fp)), "false alarm"),
        (lambda tp, fn, tn, fp: (tp / (tp + fn), tn / (tn + fn), tp / (tp + fp)), "called normal"),
        (lambda tp, fn, tn, fp: (tp / (tp + fn), tn / (tn + fp), tn / (tn + fn)), "are infected"),
        (lambda tp, fn, tn, fp: (tp / (tp + tn), tn / (tn + fp), tp / (tp + fp)), "share of the infected"),
        (lambda tp, fn, tn, fp: tp / (tp + fn), "three rates"),
    ],
    "5.2": [
        (accuracies_of_printed, "was printed"),
        (only_its_own_normals, "also those"),
        (lambda counts: (1 - normals(counts), 0.5), "does this network get right"),
        (lambda counts: (normals(counts), normals(counts)), "what are they here"),
        (lambda counts: normals(counts), "two numbers"),
    ],
    "5.3": [
        (lambda sensitivity, specificity: (1 - specificity) / sensitivity, "odds"),
        (lambda sensitivity, specificity: sensitivity / (sensitivity + 1 - specificity), "where the PPV is one half"),
        (lambda sensitivity, specificity: 0.5, "when are they equal"),
    ],
    "5.4": [
        (lambda total: total - split(total), "better network"),
        (lambda total: 2 * split(total) - total, "difference"),
        (lambda total: split(total, 0.5), "two-sided"),
        (lambda total: total, "how p falls"),
    ],
    "5.5": [
        (slices, "draw patients"),
        (shuffled, "with replacement"),
        (once_only, "with replacement"),
        (too_many, "as many patients"),
        (one_seed, "another one"),
        (by_slices, "more slices"),
        (by_shuffled_slices, "more slices"),
        (lambda patients, generator: generator.choice(np.unique(patients), 5), "positions"),
    ],
}
