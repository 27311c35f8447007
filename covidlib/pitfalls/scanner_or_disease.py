"""Test whether a network recognises the disease or the scanner's kernel (paper, sections 2.1 and 3.1).

In the shortcut cohort most infected patients have sharp slices and most normal patients smooth slices. On patients with
the opposite kernel, a network's answers show which of the two it uses. Taught in chapter 09.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from covidlib.datasets.slice_table import Dataset
from covidlib.errors import InputError
from covidlib.protocols import Protocol
from covidlib.results.curves import auc
from covidlib.results.intervals import RESAMPLES, WITHIN, bootstrap_interval
from covidlib.results.metrics import called_covid, labelled
from covidlib.training.runs import Run
from covidlib.utils.csv_files import read_table

FOLLOWS, REVERSED = "as in the shortcut", "reversed"
KERNEL_OF_CLASS = {"covid": "sharp", "normal": "smooth"}
"""The kernel of nine in ten patients of a class in the shortcut cohort (`covidlib.phantom.scanner`)."""


def with_pairing(predictions: pd.DataFrame, root: str | Path) -> pd.DataFrame:
    """Add each patient's kernel to predictions, and whether it matches the class as in the shortcut cohort.

    Returns
    -------
    DataFrame
        With the columns kernel and pairing added.

    Raises
    ------
    InputError
        If the dataset has no table of patients with kernels (only synthetic cohorts do), or a patient is missing in it.
    """
    listed = Path(root) / "patients.csv"
    table = read_table(listed, "Use a synthetic cohort, which lists the kernels of its patients", ("patient", "kernel"))
    kernel = predictions["patient"].map(dict(zip(table["patient"], table["kernel"], strict=True)))
    # Without a kernel a patient would count as reversed.
    unknown = predictions["patient"][kernel.isna()].unique()
    if len(unknown):
        raise InputError(listed, f"no kernel for {', '.join(unknown)}", "Use predictions on this cohort")
    follows = kernel == predictions["patient_label"].map(KERNEL_OF_CLASS)
    return predictions.assign(kernel=kernel, pairing=np.where(follows, FOLLOWS, REVERSED))


def predict_cohort(run: Run, dataset: Dataset, protocol: Protocol) -> pd.DataFrame:
    """Predict every selected slice of another dataset, on whose patients the run's network was not trained.

    Parameters
    ----------
    protocol : Protocol
        The run's protocol, which says how slices are scaled.

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
    """Compute the AUC of slices, with an interval over patients, for several tables of predictions.

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
        within = WITHIN if "fold" in table else WITHIN[1:]  # without folds, one network answered for all
        interval = bootstrap_interval(table, auc, within, resamples=resamples)
        rows.append({"patients_of": name, **counts, **interval._asdict()})
    return pd.DataFrame(rows)


def called_by_kernel(predictions: pd.DataFrame) -> pd.DataFrame:
    """Share of slices called COVID-19, per true label and kernel.

    Parameters
    ----------
    predictions : DataFrame
        From `with_pairing`.

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
