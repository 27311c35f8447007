"""Measure how much errors cluster within patients: intraclass correlation and design effect.

The paper counts every slice as independent evidence (section 3.1) and a patient as infected if one selected slice in
ten is called COVID-19 (section 3.2). Whether false alarms are spread over patients or concentrated in a few determines
both how wide an interval must be and how many normal patients a threshold diagnoses correctly. Taught in chapter 06.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd


class Clustering(NamedTuple):
    """Intraclass correlation and design effect of slice errors.

    `icc` is the intraclass correlation: 0 if errors are independent, 1 if a patient's slices are all right or all
    wrong. `design_effect` is the number of slices that carry as much information as one independent slice,
    `effective_slices` the number of independent slices with the same information.
    """

    patients: int
    slices: int
    icc: float
    design_effect: float
    effective_slices: float


def clustering(errors: pd.Series | np.ndarray, patients: pd.Series | np.ndarray) -> Clustering:
    """Compute the intraclass correlation and the design effect of slice errors within patients.

    The correlation is the one of a one-way analysis of variance with unequal groups (Donner 1986), not below 0; the
    design effect is Kish's, 1 + (m − 1)·ICC, where m is the size of the patient that an average slice belongs to.

    Parameters
    ----------
    errors : bool, one per slice
    patients : names, one per slice

    Raises
    ------
    ValueError
        If the lengths differ, there are fewer than two patients, or no patient has a second slice.
    """
    wrong, names = np.asarray(errors, dtype=float), np.asarray(patients)
    if wrong.shape != names.shape:
        raise ValueError(f"{wrong.shape} errors for {names.shape} patients")
    codes = pd.factorize(names)[0]
    sizes = np.bincount(codes)
    slices, groups = len(wrong), len(sizes)
    if groups < 2 or slices == groups:
        raise ValueError(f"{slices} slices of {groups} patients: correlation needs two patients, one with two slices")
    means = np.bincount(codes, wrong) / sizes
    between = (sizes * (means - wrong.mean()) ** 2).sum() / (groups - 1)
    inside = ((wrong - means[codes]) ** 2).sum() / (slices - groups)
    usual_size = (slices - (sizes**2).sum() / slices) / (groups - 1)
    spread = between + (usual_size - 1) * inside
    icc = max(0.0, float((between - inside) / spread)) if spread > 0 else 0.0
    effect = 1 + ((sizes**2).sum() / slices - 1) * icc
    return Clustering(groups, slices, icc, float(effect), float(slices / effect))


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
