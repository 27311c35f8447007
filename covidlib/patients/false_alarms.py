"""How false positive slices add up to false alarms about patients (paper, section 3.2).

How many normal patients are called infected depends on whether false positive slices are spread over all patients or
clustered in a few. Taught in chapter 06.
"""

from __future__ import annotations

import pandas as pd
from scipy.optimize import brentq
from scipy.stats import betabinom, binom

from covidlib.patients.decision import THRESHOLD_1, slices_needed


def infected_chance(slice_rate: float, selected: int, threshold: float = THRESHOLD_1, icc: float = 0.0) -> float:
    """Probability that a patient is called infected, given the rate at which slices are called COVID-19.

    Each patient's rate is drawn from a beta distribution with mean `slice_rate`, so the number of slices called
    COVID-19 is beta-binomial and two slices of a patient correlate by `icc`. At 0 every patient has the same rate and
    slices are independent; at 1 a patient's slices are all called the same. For normal patients and the false
    positive rate of slices this is the rate of false alarms.

    Parameters
    ----------
    slice_rate : float
        Share of slices called COVID-19, 0 to 1.
    selected : int
        Selected slices of the patient.
    threshold : float
        As `covidlib.patients.decision.decide`.
    icc : float
        Intraclass correlation of a patient's slices, 0 to 1.

    Raises
    ------
    ValueError
        If the rate, the correlation or the threshold is not between 0 and 1, or no slice is selected.
    """
    if not (0 <= slice_rate <= 1 and 0 <= icc <= 1):
        raise ValueError(f"rate {slice_rate} and correlation {icc} must be between 0 and 1")
    if selected < 1:
        raise ValueError(f"selected is {selected}, must be at least 1: there is no decision without a selected slice")
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
    """Probability that a patient is called infected, for several thresholds and degrees of clustering.

    Returns
    -------
    DataFrame
        One row per correlation, one column per threshold.
    """
    table = [
        [infected_chance(slice_rate, selected, threshold, icc) for threshold in thresholds] for icc in correlations
    ]
    return pd.DataFrame(table, index=pd.Index(correlations, name="ICC"), columns=pd.Index(thresholds, name="threshold"))


def implied_icc(patient_rate: float, slice_rate: float, selected: int) -> float:
    """Find the clustering at which a slice rate gives the patient rate observed at threshold 1 (Table 5).

    At threshold 1 one slice is enough. So the more the same number of false positive slices is concentrated in a few
    patients, the fewer patients are called infected: from 1 − (1 − rate)ⁿ for independent slices down to the slice
    rate itself.

    Returns
    -------
    float
        Intraclass correlation; NaN if the patient rate is outside this range.

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
