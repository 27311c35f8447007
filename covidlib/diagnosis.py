"""From slices to a patient: the paper's automated system, folder in, answer out (section 3.2, Tables 4 to 7).

A patient is called infected when enough of the selected slices are called COVID-19. Nothing here is a diagnosis: it
is the paper's rule, applied so that it can be studied. Taught in chapter 06.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from covidlib.errors import InputError
from covidlib.metrics import DECISION
from covidlib.selection import Selection, select_series
from covidlib.series import find_series

if TYPE_CHECKING:
    import keras

    from covidlib.weights import WeightsNote

THRESHOLD_1 = 0.0
"""One slice called COVID-19 is enough (Table 5, threshold 1)."""
THRESHOLD_2 = 0.1
"""A tenth of the selected slices (Table 5, threshold 2; Table 6)."""

Decision = Literal["infected", "normal", "undetermined"]


def decide(covid_slices: int, selected_slices: int, threshold: float = THRESHOLD_2) -> Decision:
    """The paper's decision about a patient (section 3.2). Taught in chapter 06.

    Infected if at least one selected slice, and at least the share `threshold` of them, is called COVID-19. The
    published code compares 0 ≥ 0 when nothing was selected and calls that patient infected; here it is undetermined.

    Parameters
    ----------
    threshold : float
        0 for threshold 1, 0.1 for threshold 2.

    Raises
    ------
    ValueError
        If the counts contradict each other or the threshold is no share.
    """
    if not 0 <= covid_slices <= selected_slices:
        raise ValueError(f"{covid_slices} COVID-19 slices of {selected_slices} selected")
    if not 0 <= threshold <= 1:
        raise ValueError(f"a threshold is a share from 0 to 1, not {threshold}")
    if selected_slices == 0:
        return "undetermined"
    # An exact share: in floating point 0.07 · 100 is a little more than 7, and 7 of 100 would not be 7%.
    needed = Fraction(str(threshold)) * selected_slices
    return "infected" if covid_slices >= 1 and covid_slices >= needed else "normal"


def decide_patients(predictions: pd.DataFrame, threshold: float = THRESHOLD_2) -> pd.DataFrame:
    """Decisions from predictions: one row a patient and network (paper, section 3.2). Taught in chapter 06.

    Parameters
    ----------
    predictions : DataFrame
        Columns network, fold, patient, patient_label, p_covid: one row a selected slice.

    Returns
    -------
    DataFrame
        Columns network, fold, patient, patient_label, selected, covid_slices, decision.
    """
    called = predictions.assign(covid=predictions["p_covid"] > DECISION)
    patients = (
        called.groupby(["network", "fold", "patient", "patient_label"], sort=True)["covid"]
        .agg(selected="size", covid_slices="sum")
        .reset_index()
    )
    counts = zip(patients["covid_slices"], patients["selected"], strict=True)
    return patients.assign(decision=[decide(int(covid), int(selected), threshold) for covid, selected in counts])


def table6(decisions: pd.DataFrame) -> pd.DataFrame:
    """Table 6 from decisions: patients right and wrong by fold and network, and the mean over folds.

    An undetermined patient is identified neither way and counts as wrong. Taught in chapter 06.
    """
    covid = decisions["patient_label"] == "covid"
    infected, normal = decisions["decision"] == "infected", decisions["decision"] == "normal"
    marked = decisions.assign(
        **{
            "COVID correct identified": covid & infected,
            "Wrong identified as normal": covid & ~infected,
            "Normal correct identified": ~covid & normal,
            "Wrong identified as COVID": ~covid & ~normal,
        }
    )
    columns = list(marked.columns[-4:])
    counts = marked.groupby(["fold", "network"])[columns].sum().reset_index()
    counts.insert(2, "Correct identified patients", counts[columns[0]] + counts[columns[2]])
    counts.insert(3, "Wrong identified patients", counts[columns[1]] + counts[columns[3]])
    counts = counts.rename(columns={"fold": "Fold", "network": "Network"}).astype({"Fold": str})
    means = counts.drop(columns="Fold").groupby("Network", as_index=False).mean()
    means.insert(0, "Fold", "Avg")
    return pd.concat([counts, means], ignore_index=True)


@dataclass(frozen=True)
class Diagnosis:
    """What the system answers about one patient.

    Attributes
    ----------
    selections : tuple of Selection
        The rule's result for each series of the patient.
    probabilities : float array, shape (selected slices,)
        p(COVID-19) of the selected slices, series after series, in slice order.
    remarks : tuple of str
        What a reader must know before believing the answer.
    """

    patient: str
    network: str
    threshold: float
    selections: tuple[Selection, ...]
    probabilities: np.ndarray
    decision: Decision
    remarks: tuple[str, ...]

    @property
    def covid_slices(self) -> int:
        """Selected slices called COVID-19."""
        return int((self.probabilities > DECISION).sum())

    def to_dict(self) -> dict[str, object]:
        """The diagnosis as plain types, for JSON."""
        return {
            "patient": self.patient,
            "network": self.network,
            "threshold": self.threshold,
            "series": [selection.to_dict() for selection in self.selections],
            "selected_slices": len(self.probabilities),
            "covid_slices": self.covid_slices,
            "probabilities": [round(float(probability), 6) for probability in self.probabilities],
            "decision": self.decision,
            "remarks": list(self.remarks),
            "notice": NOTICE,
        }


NOTICE = "For teaching and research. Not a medical device: it must not be used for the care of a patient."


def diagnose_folder(
    folder: str | Path, weights: str | Path, network: str | None = None, threshold: float = THRESHOLD_2
) -> Diagnosis:
    """Select, classify, decide: one patient's folder in, an answer out (paper, section 3.2). Taught in chapter 06.

    Parameters
    ----------
    folder : path
        One patient: one series or several. Selection is done for each series; the decision counts all their slices.
    weights : path
        A covidlib weights file, or one of the authors' with `network` named.

    Raises
    ------
    InputError
        If the folder, a slice or the weights are not usable.
    """
    if not 0 <= threshold <= 1:
        raise InputError(
            "threshold", f"{threshold} is no share", "Give 0 (one slice is enough) to 1; the paper's are 0 and 0.1"
        )
    from covidlib.weights import load_weights

    return diagnose_with(folder, *load_weights(weights, network), threshold)


def diagnose_with(
    folder: str | Path, model: keras.Model, note: WeightsNote, threshold: float = THRESHOLD_2
) -> Diagnosis:
    """`diagnose_folder` with the network at hand: for many patients one after the other. Taught in chapter 06.

    Parameters
    ----------
    folder : path
        One patient.
    model, note
        What `covidlib.weights.load_weights` returns.

    Raises
    ------
    InputError
        If the folder or a slice is not usable.
    """
    from covidlib.batches import load_images

    selections = tuple(select_series(series) for series in find_series(folder))
    paths = [
        path
        for selection in selections
        for path, kept in zip(selection.series.files, selection.keep, strict=True)
        if kept
    ]
    probabilities = [
        model.predict_on_batch(load_images(paths[start : start + 8], note.input_shape[0], note.scaling))[:, 0]
        for start in range(0, len(paths), 8)
    ]
    p_covid = np.concatenate(probabilities) if probabilities else np.zeros(0)
    decision = decide(int((p_covid > DECISION).sum()), len(p_covid), threshold)
    return Diagnosis(
        str(folder), note.network, threshold, selections, p_covid, decision, _remarks(selections, note.size)
    )


def _remarks(selections: tuple[Selection, ...], size: str) -> tuple[str, ...]:
    remarks = [f"{one.series.name}: {remark}" for one in selections for remark in one.series.remarks]
    remarks += [f"{one.series.name}: the rule selects no slice" for one in selections if not one.keep.any()]
    if size == "quick":
        remarks.append("a teaching network trained on synthetic slices: its answer says nothing about a real patient")
    return tuple(remarks)
