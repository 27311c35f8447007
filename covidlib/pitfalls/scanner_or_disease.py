"""Disease or scanner: what a network's answers go with, where both are known (paper, sections 2.1 and 3.1).

In the shortcut cohort infected patients get sharp slices and normal ones smooth slices. On patients whose kernel goes
the other way a network has to choose what it believes. Taught in chapter 09.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from covidlib.datasets.slice_table import Dataset
from covidlib.errors import InputError
from covidlib.protocols import Protocol
from covidlib.results.curves import auc
from covidlib.results.intervals import RESAMPLES, bootstrap_interval
from covidlib.results.metrics import called_covid, labelled
from covidlib.training.runs import Run

FOLLOWS, REVERSED = "as in the shortcut", "reversed"
KERNEL_OF_CLASS = {"covid": "sharp", "normal": "smooth"}
"""What the shortcut cohort gives to nine in ten patients of a class (`covidlib.phantom.scanner`)."""


def with_pairing(predictions: pd.DataFrame, root: str | Path) -> pd.DataFrame:
    """Predictions with each patient's kernel, and whether it goes with the class as in the shortcut cohort.

    Returns
    -------
    DataFrame
        With the columns kernel and pairing added.

    Raises
    ------
    InputError
        If the data has no table of patients with their kernels, as only synthetic cohorts do, or it lacks a patient.
    """
    listed = Path(root) / "patients.csv"
    if not listed.is_file():
        raise InputError(listed, "is not there", "Take a synthetic cohort: it knows its patients' kernels")
    kernel = predictions["patient"].map(pd.read_csv(listed).set_index("patient")["kernel"])
    # Without a kernel a patient would count as reversed.
    unknown = predictions["patient"][kernel.isna()].unique()
    if len(unknown):
        raise InputError(listed, f"lacks the kernel of {', '.join(unknown)}", "Give predictions on this very cohort")
    follows = kernel == predictions["patient_label"].map(KERNEL_OF_CLASS)
    return predictions.assign(kernel=kernel, pairing=np.where(follows, FOLLOWS, REVERSED))


def predict_cohort(run: Run, dataset: Dataset, protocol: Protocol) -> pd.DataFrame:
    """A run's network on every selected slice of another dataset, of whose patients it has seen none.

    Parameters
    ----------
    protocol : Protocol
        That of the run: it says how slices are scaled.

    Returns
    -------
    DataFrame
        As `covidlib.training.train.predict_table`.
    """
    from covidlib.networks.weights import load_weights
    from covidlib.training.train import predict_table

    model, note = load_weights(run.weights)
    selected = dataset.table[dataset.table["selected"]]
    return predict_table(model, dataset.root, selected, note.network, note.fold, protocol)


def auc_rows(named: dict[str, pd.DataFrame], resamples: int = RESAMPLES) -> pd.DataFrame:
    """The AUC of slices, with its interval over patients, of several tables of predictions.

    Returns
    -------
    DataFrame
        Columns patients_of (the name), infected, normal (patients with labelled slices), slices, value, low, high.
    """
    rows = []
    for name, predictions in named.items():
        table = labelled(predictions)
        patients = table.groupby("label")["patient"].nunique()
        counts = {"infected": patients.get("covid", 0), "normal": patients.get("normal", 0), "slices": len(table)}
        interval = bootstrap_interval(table, auc, resamples=resamples)
        rows.append({"patients_of": name, **counts, **interval._asdict()})
    return pd.DataFrame(rows)


def called_by_kernel(predictions: pd.DataFrame) -> pd.DataFrame:
    """The share of slices that is called COVID-19, by what they show and by the kernel.

    Parameters
    ----------
    predictions : DataFrame
        As `with_pairing` returns it.

    Returns
    -------
    DataFrame
        Columns label, kernel, patients, slices, called (share).
    """
    table = labelled(predictions)
    table = table.assign(called=called_covid(table["p_covid"]))
    grouped = table.groupby(["label", "kernel"])
    return grouped.agg(
        patients=("patient", "nunique"), slices=("called", "size"), called=("called", "mean")
    ).reset_index()
