"""The decision rule: from classified slices to a patient (paper, section 3.2, Tables 4 to 6).

A patient is called infected when enough of the selected slices are called COVID-19. This is the
paper's rule, applied so that it can be studied; it is not a diagnosis. `covidlib.patients.pipeline` is the system that
uses it. Taught in chapter 06.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Literal

import pandas as pd

from covidlib.paper.tables import count_heads
from covidlib.results.fold_results import count_by_fold
from covidlib.results.metrics import Counts, called_covid, with_averages

THRESHOLD_1 = 0.0
"""One slice called COVID-19 is enough (Table 5, threshold 1)."""
THRESHOLD_2 = 0.1
"""A tenth of the selected slices (Table 5, threshold 2; Table 6)."""

Decision = Literal["infected", "normal", "undetermined"]


def decide(covid_slices: int, selected_slices: int, threshold: float = THRESHOLD_2) -> Decision:
    """Apply the paper's decision rule to the counts of one patient (section 3.2).

    Infected if at least one selected slice, and at least the share `threshold` of them, is called COVID-19. The
    published code compares 0 ≥ 0 when nothing was selected and calls that patient infected; here it is undetermined.

    Parameters
    ----------
    threshold : float
        0 for threshold 1, 0.1 for threshold 2.

    Raises
    ------
    ValueError
        If the counts contradict each other or the threshold is not between 0 and 1.
    """
    if not 0 <= covid_slices <= selected_slices:
        raise ValueError(f"{covid_slices} COVID-19 slices of {selected_slices} selected: must be between 0 and all")
    needed = slices_needed(selected_slices, threshold)
    if selected_slices == 0:
        return "undetermined"
    return "infected" if covid_slices >= needed else "normal"


def slices_needed(selected_slices: int, threshold: float = THRESHOLD_2) -> int:
    """Number of slices that must be called COVID-19 for "infected", at least one (section 3.2).

    Raises
    ------
    ValueError
        If the threshold is not between 0 and 1.
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold {threshold} must be between 0 and 1, a share of the selected slices")
    # An exact share: in floating point 0.07 · 100 is a little more than 7, and 7 of 100 would not be 7%.
    return max(1, math.ceil(Fraction(str(threshold)) * selected_slices))


def decide_patients(predictions: pd.DataFrame, threshold: float = THRESHOLD_2) -> pd.DataFrame:
    """Decide about every patient in a table of predictions: one row per patient and network (paper, section 3.2).

    Parameters
    ----------
    predictions : DataFrame
        Columns network, fold, patient, patient_label, p_covid: one row per selected slice.

    Returns
    -------
    DataFrame
        Columns network, fold, patient, patient_label, selected, covid_slices, decision.

    Raises
    ------
    ValueError
        If a probability is missing: it would count as normal.
    """
    called = predictions.assign(covid=called_covid(predictions["p_covid"]))
    patients = (
        called.groupby(["network", "fold", "patient", "patient_label"], sort=True)["covid"]
        .agg(selected="size", covid_slices="sum")
        .reset_index()
    )
    counts = zip(patients["covid_slices"], patients["selected"], strict=True)
    return patients.assign(decision=[decide(int(covid), int(selected), threshold) for covid, selected in counts])


def patient_counts(decisions: pd.DataFrame) -> Counts:
    """Count right and wrong patients of both classes over all folds; undetermined counts as wrong (Table 6).

    Parameters
    ----------
    decisions : DataFrame
        As `decide_patients` returns it, for one network.
    """
    covid = decisions["patient_label"] == "covid"
    infected, normal = decisions["decision"] == "infected", decisions["decision"] == "normal"
    return Counts(
        true_covid=int((covid & infected).sum()),
        false_normal=int((covid & ~infected).sum()),
        true_normal=int((~covid & normal).sum()),
        false_covid=int((~covid & ~normal).sum()),
    )


def patient_fold_counts(predictions: pd.DataFrame, threshold: float) -> dict[str, list[Counts]]:
    """Count right and wrong patients per network and fold, decided at a threshold.

    Parameters
    ----------
    predictions : DataFrame
        As `decide_patients` takes it.

    Raises
    ------
    InputError
        If a network lacks a fold that another has.
    """
    return count_by_fold(decide_patients(predictions, threshold), patient_counts)


def table6(decisions: pd.DataFrame) -> pd.DataFrame:
    """Make Table 6 from decisions: right and wrong patients per fold and network, and the mean over folds.

    An undetermined patient counts as wrong.
    """
    rows = []
    for (fold, network), decided in decisions.groupby(["fold", "network"]):
        counts = patient_counts(decided)
        rows.append(
            {
                "Fold": str(fold),
                "Network": network,
                "Correct identified patients": counts.true_covid + counts.true_normal,
                "Wrong identified patients": counts.false_normal + counts.false_covid,
                **dict(zip(count_heads(6), vars(counts).values(), strict=True)),
            }
        )
    return with_averages(pd.DataFrame(rows))
