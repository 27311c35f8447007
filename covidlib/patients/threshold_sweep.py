"""Vary the threshold of the patient decision beyond the paper's two (section 3.2, Table 5).

The position of a threshold on the curve of sensitivity against false alarms shows what its choice means. The decision
itself is `covidlib.patients.decision.decide`. Taught in chapter 06.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedShuffleSplit

from covidlib.patients.decision import THRESHOLD_1, THRESHOLD_2, decide_patients, patient_counts
from covidlib.results.intervals import wilson_interval
from covidlib.results.metrics import Counts
from covidlib.results.scores import sensitivity, specificity

EARLIER_THRESHOLD = 0.3
"""Threshold in the authors' published code until July 2020; 0.1 since then."""
EARLIER_CORRECT, EARLIER_OF = 237, 245
"""Their README's result at that time ("almost 237 patients from 245": github.com/mr7495/COVID-CT-Code at eabdf98)."""
MARKED_THRESHOLDS = (THRESHOLD_1, THRESHOLD_2, EARLIER_THRESHOLD)
THRESHOLDS = tuple(float(threshold) for threshold in np.linspace(0, 0.5, 51).round(2))
"""0 is the paper's threshold 1: at least one slice."""


def sweep_thresholds(predictions: pd.DataFrame, thresholds: Sequence[float] = THRESHOLDS) -> pd.DataFrame:
    """Count right and wrong patients at every threshold, per network (paper, section 3.2).

    Parameters
    ----------
    predictions : DataFrame
        As `covidlib.patients.decision.decide_patients` takes it.
    thresholds : floats from 0 to 1

    Returns
    -------
    DataFrame
        Columns network, threshold, true_covid, false_normal, true_normal, false_covid, sensitivity,
        sensitivity_low, sensitivity_high, specificity, specificity_low, specificity_high (Wilson; patients tested in
        several folds count each time).
    """
    rows = [
        {"network": network, "threshold": threshold, **patient_row(patient_counts(decide_patients(tested, threshold)))}
        for network, tested in predictions.groupby("network")
        for threshold in thresholds
    ]
    return pd.DataFrame(rows)


def by_threshold(swept: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Split a sweep into one small table per threshold, for a slider.

    Parameters
    ----------
    swept : DataFrame
        From `sweep_thresholds`.

    Returns
    -------
    dict of DataFrame
        Keys are thresholds in percent; index network; infected patients found, normal patients called infected, and
        balanced accuracy.
    """
    tables = {}
    for threshold, of_threshold in swept.groupby("threshold"):
        rows = of_threshold.set_index("network")
        found, missed = rows["true_covid"], rows["false_normal"]
        alarms, quiet = rows["false_covid"], rows["true_normal"]
        tables[f"{threshold:.0%}"] = pd.DataFrame(
            {
                "infected found": found.astype(str) + " of " + (found + missed).astype(str),
                "false alarms": alarms.astype(str) + " of " + (alarms + quiet).astype(str),
                "balanced accuracy": ((rows["sensitivity"] + rows["specificity"]) / 2).map("{:.3f}".format),
            }
        )
    return tables


def patient_row(counts: Counts) -> dict[str, float]:
    """The four counts of patients, both rates, and their Wilson intervals."""
    row: dict[str, float] = {**vars(counts)}
    rates = {
        "sensitivity": (sensitivity, counts.true_covid, counts.false_normal),
        "specificity": (specificity, counts.true_normal, counts.false_covid),
    }
    for name, (score, right, wrong) in rates.items():
        row[name] = float(score(counts))
        ends = wilson_interval(right, right + wrong) if right + wrong else (float("nan"), float("nan"))
        row[f"{name}_low"], row[f"{name}_high"] = ends
    return row


def tune_threshold(
    predictions: pd.DataFrame, repeats: int = 50, seed: int = 2020, thresholds: Sequence[float] = THRESHOLDS
) -> pd.DataFrame:
    """Choose a threshold on half of the patients and score it on both halves, for repeated random splits.

    Parameters
    ----------
    predictions : DataFrame
        As `covidlib.patients.decision.decide_patients` takes it, for one network.

    Returns
    -------
    DataFrame
        One row per split: threshold, tuned (balanced accuracy on the half that chose it), honest (on the other half).
    """
    decisions = [decide_patients(predictions, threshold) for threshold in thresholds]
    tested = decisions[0]
    infected = (tested["patient_label"] == "covid").to_numpy()
    answer = np.where(infected, "infected", "normal")
    right = np.stack([(table["decision"] == answer).to_numpy() for table in decisions])

    def balanced_accuracies(chosen: np.ndarray) -> np.ndarray:
        return (right[:, chosen & infected].mean(axis=1) + right[:, chosen & ~infected].mean(axis=1)) / 2

    patients = tested.drop_duplicates("patient")
    splitter = StratifiedShuffleSplit(repeats, test_size=0.5, random_state=seed)
    rows = []
    for sides in splitter.split(patients, patients["patient_label"]):
        chosen_on, other = (
            balanced_accuracies(tested["patient"].isin(patients["patient"].iloc[side]).to_numpy()) for side in sides
        )
        best = int(chosen_on.argmax())
        rows.append({"threshold": thresholds[best], "tuned": chosen_on[best], "honest": other[best]})
    return pd.DataFrame(rows)
