"""Slices of one patient err together: how much, what it costs, and what it does to a patient's decision.

The paper counts every slice as one piece of evidence (section 3.1) and a patient as infected if one selected slice in
ten is called COVID-19 (section 3.2). Whether false alarms are spread over patients or come in heaps decides both how
wide an interval must be and how many normal patients a threshold lets through. Taught in chapter 06.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import betabinom, binom

from covidlib.diagnosis import THRESHOLD_1, slices_needed


class Clustering(NamedTuple):
    """How alike the slices of a patient are, and what that costs.

    `icc` is the intraclass correlation: 0 if slices err independently, 1 if a patient's slices are all right or all
    wrong. `design_effect` says how many slices are worth one independent slice, `effective_slices` how many
    independent ones would say as much.
    """

    patients: int
    slices: int
    icc: float
    design_effect: float
    effective_slices: float


def clustering(errors: pd.Series | np.ndarray, patients: pd.Series | np.ndarray) -> Clustering:
    """How much slice errors cluster within patients: intraclass correlation and design effect. Taught in chapter 06.

    The correlation is the one of a one-way analysis of variance with unequal groups (Donner 1986), not below 0; the
    design effect is Kish's, 1 + (m − 1)·ICC, where m is the size of the patient that an average slice belongs to.

    Parameters
    ----------
    errors : bool, one a slice
    patients : names, one a slice

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
    """The design effect of images listed twice, all else equal: copies are right or wrong together for certain.

    Kish's effect with a correlation of 1 within a pair and 0 outside: (singles + 4 · pairs) / images. It says how many
    listed images are worth one. Taught in chapter 09.

    Parameters
    ----------
    images, unique : int
        Listed images, and different ones among them; none is listed more than twice.

    Raises
    ------
    ValueError
        If so many images cannot come from so many different ones.
    """
    pairs = images - unique
    if not 0 <= pairs <= unique or unique == 0:
        raise ValueError(f"{images} images, {unique} different: none may be listed more than twice")
    return (unique - pairs + 4 * pairs) / images


def infected_chance(slice_rate: float, selected: int, threshold: float = THRESHOLD_1, icc: float = 0.0) -> float:
    """The chance that a patient is called infected, from the rate at which slices are called COVID-19.

    A patient's own rate is drawn from a beta distribution with mean `slice_rate`, so the number of slices called
    COVID-19 is beta-binomial and two slices of a patient correlate by `icc`. At 0 every patient has the same rate and
    slices are independent; at 1 a patient's slices are all called the same. For normal patients and the false
    positive rate of slices this is the rate of false alarms. Taught in chapter 06.

    Parameters
    ----------
    slice_rate : float
        Share of slices called COVID-19, 0 to 1.
    selected : int
        Selected slices of the patient.
    threshold : float
        As `covidlib.diagnosis.decide`.
    icc : float
        Intraclass correlation of a patient's slices, 0 to 1.

    Raises
    ------
    ValueError
        If a rate, the correlation or the threshold is no share, or nothing is selected.
    """
    if not (0 <= slice_rate <= 1 and 0 <= icc <= 1):
        raise ValueError(f"rate {slice_rate}, correlation {icc}: both are shares from 0 to 1")
    if selected < 1:
        raise ValueError("with nothing selected no number of slices decides")
    not_enough = slices_needed(selected, threshold) - 1
    if icc == 1 or slice_rate in (0, 1):
        return float(slice_rate)
    if icc == 0:
        return float(binom.sf(not_enough, selected, slice_rate))
    strength = (1 - icc) / icc
    return float(betabinom.sf(not_enough, selected, slice_rate * strength, (1 - slice_rate) * strength))


def chances_by_clustering(
    slice_rate: float, selected: int, thresholds: tuple[float, ...], correlations: tuple[float, ...]
) -> pd.DataFrame:
    """How often a patient is called infected, for thresholds and clusterings. Taught in chapter 06.

    Returns
    -------
    DataFrame
        One row a correlation, one column a threshold.
    """
    table = [
        [infected_chance(slice_rate, selected, threshold, icc) for threshold in thresholds] for icc in correlations
    ]
    return pd.DataFrame(table, index=pd.Index(correlations, name="ICC"), columns=pd.Index(thresholds, name="threshold"))


def implied_icc(patient_rate: float, slice_rate: float, selected: int) -> float:
    """The clustering at which a slice rate gives the patient rate seen at threshold 1 (Table 5). Taught in chapter 06.

    One slice is enough there, so the more the same number of false alarms heaps in few patients, the fewer patients
    are called infected: from 1 − (1 − rate)ⁿ of independent slices down to the slice rate itself.

    Returns
    -------
    float
        Intraclass correlation; not a number if the patient rate lies outside these ends.

    Raises
    ------
    ValueError
        As `infected_chance`.
    """

    def excess(icc: float) -> float:
        return infected_chance(slice_rate, selected, THRESHOLD_1, icc) - patient_rate

    if excess(0) < 0 or excess(1) > 0:
        return float("nan")
    return float(brentq(excess, 0, 1))
