"""Measure how much errors cluster within patients: intraclass correlation and design effect.

The paper counts every slice as independent evidence (section 3.1) and a patient as infected if one selected slice in
ten is called COVID-19 (section 3.2). Whether false alarms are spread over patients or concentrated in a few determines
both how wide an interval must be and how many normal patients a threshold diagnoses correctly. Taught in chapters 05
and 06.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd


class Clustering(NamedTuple):
    """Intraclass correlation and design effect of slice errors.

    `icc` is the intraclass correlation within folds: 0 if errors are independent, 1 if a patient's slices are all right
    or all wrong. `design_effect` is the number of slices that carry as much information as one independent slice,
    `effective_slices` the number of independent slices with the same information. `fold_part` is the part of the
    variance that lies between folds: NaN with one fold.
    """

    patients: int
    slices: int
    icc: float
    design_effect: float
    effective_slices: float
    fold_part: float


Names = pd.Series | np.ndarray


def clustering(errors: Names, patients: Names, folds: Names | None = None) -> Clustering:
    """Compute the intraclass correlation and the design effect of slice errors within patients, fold by fold.

    Each fold has a trained network of its own, and one network calls more slices COVID-19 than another. Pooled over
    folds, that would look like a correlation of the slices of a patient. So patients are compared with patients of the
    same fold: a nested analysis of variance of folds, patients and slices with unequal groups (Searle, Casella and
    McCulloch 1992, chapter 3), whose components below 0 count as 0. With one fold it is the one-way analysis
    (Donner 1986). The design effect is Kish's, 1 + (m − 1)·ICC, where m is the size of the patient that an average
    slice belongs to.

    Parameters
    ----------
    errors : bool, one per slice
    patients : names, one per slice
    folds : numbers, one per slice, optional
        Without them all slices belong to one fold. A patient tested in two folds counts as two.

    Raises
    ------
    ValueError
        If the lengths differ, no fold has two patients, or no patient has a second slice.
    """
    wrong, names = np.asarray(errors, dtype=float), np.asarray(patients)
    groups = np.zeros(len(wrong), int) if folds is None else np.asarray(folds)
    if not wrong.shape == names.shape == groups.shape:
        raise ValueError(f"{wrong.shape} errors for {names.shape} patients and {groups.shape} folds")
    fold = pd.factorize(groups)[0]
    patient, first = pd.factorize(pd.MultiIndex.from_arrays([fold, names]))
    fold_of = first.get_level_values(0).to_numpy()
    sizes, fold_sizes = np.bincount(patient), np.bincount(fold)
    slices, number = len(wrong), len(sizes)
    if number <= len(fold_sizes) or slices == number:
        raise ValueError(
            f"{slices} slices of {number} patients in {len(fold_sizes)} folds: correlation needs two patients in a "
            f"fold, and one with two slices"
        )
    means, fold_means = np.bincount(patient, wrong) / sizes, np.bincount(fold, wrong) / fold_sizes
    inside = ((wrong - means[patient]) ** 2).sum() / (slices - number)
    between = (sizes * (means - fold_means[fold_of]) ** 2).sum() / (number - len(fold_sizes))
    # Expected slices of a patient's share in the mean squares between patients, and between folds.
    of_fold = np.bincount(fold_of, sizes**2) / fold_sizes
    usual_size = (slices - of_fold.sum()) / (number - len(fold_sizes))
    of_patients = max(0.0, float((between - inside) / usual_size))
    within = of_patients + float(inside)
    icc = of_patients / within if within > 0 else 0.0
    effect = float(1 + ((sizes**2).sum() / slices - 1) * icc)
    of_folds = _between_folds(wrong, fold_means, fold_sizes, inside, of_patients, of_fold, sizes)
    all_parts = of_folds + within
    fold_part = of_folds / all_parts if all_parts > 0 else of_folds
    return Clustering(number, slices, icc, effect, float(slices / effect), fold_part)


def _between_folds(
    wrong: np.ndarray,
    means: np.ndarray,
    fold_sizes: np.ndarray,
    inside: float,
    of_patients: float,
    of_fold: np.ndarray,
    sizes: np.ndarray,
) -> float:
    """The variance between folds, from the mean squares between them; NaN with one fold."""
    slices, folds = len(wrong), len(fold_sizes)
    if folds < 2:
        return float("nan")
    squares = (fold_sizes * (means - wrong.mean()) ** 2).sum() / (folds - 1)
    patient_weight = (of_fold.sum() - (sizes**2).sum() / slices) / (folds - 1)
    fold_weight = (slices - (fold_sizes**2).sum() / slices) / (folds - 1)
    return max(0.0, float((squares - inside - patient_weight * of_patients) / fold_weight))


def copies_effect(images: int, unique: int) -> float:
    """The design effect of images that are listed twice: both copies are always right or wrong together.

    Kish's effect with a correlation of 1 within a pair and 0 outside: (singles + 4 · pairs) / images. It is the number
    of listed images that carry as much information as one independent image.

    Parameters
    ----------
    images, unique : int
        Number of listed images, and of different ones among them; none is listed more than twice.

    Raises
    ------
    ValueError
        If the numbers contradict each other.
    """
    pairs = images - unique
    if not 0 <= pairs <= unique or unique == 0:
        raise ValueError(f"{images} images, {unique} different: none may be listed more than twice")
    return (unique - pairs + 4 * pairs) / images
