"""Figures of results: ROC and other curves with bands, thresholds, forest plots, confusion matrices.

Networks have the colours and marks of `covidlib.plotting.style`; lines that differ in colour also differ in their mark
or dashes. Taught in chapters 05, 06 and 09.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from covidlib.plotting.style import (
    COVID_COLOUR,
    MARK_COLOUR,
    NETWORK_COLOURS,
    NETWORK_MARKS,
    NORMAL_COLOUR,
    THIRD_COLOUR,
)
from covidlib.results.intervals import Interval
from covidlib.results.metrics import DECISION

QUIET = "#7a8794"
OTHER_COLOURS = (COVID_COLOUR, NORMAL_COLOUR, THIRD_COLOUR, MARK_COLOUR)
OTHER_MARKS = ("^", "o", "s", "D")


def _look(name: str, place: int) -> tuple[str, str]:
    """Choose colour and mark: those of the network, or those of the place in the list."""
    other = place % len(OTHER_COLOURS)
    return NETWORK_COLOURS.get(name, OTHER_COLOURS[other]), NETWORK_MARKS.get(name, OTHER_MARKS[other])


def _with_band(
    axes: Axes, table: pd.DataFrame, across: str, up: str, ends: tuple[str, str], name: str, place: int
) -> None:
    colour, mark = _look(name, place)
    every = max(1, len(table) // 10)
    axes.plot(table[across], table[up], color=colour, marker=mark, markevery=(place, every), ms=4, label=name)
    axes.fill_between(table[across], table[ends[0]], table[ends[1]], color=colour, alpha=0.15, linewidth=0)


def roc_bands(bands: Mapping[str, pd.DataFrame]) -> Figure:
    """Plot ROC curves with bands over patients.

    Parameters
    ----------
    bands : dict of DataFrame
        Network → table from `covidlib.results.curves.roc_band`.
    """
    figure, axes = plt.subplots(figsize=(4.6, 4.4))
    for place, (name, table) in enumerate(bands.items()):
        _with_band(axes, table, "false_positive_rate", "sensitivity", ("low", "high"), name, place)
    axes.plot([0, 1], [0, 1], color=QUIET, linestyle=":", linewidth=1)
    axes.set(xlabel="1 − specificity", ylabel="sensitivity", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.legend(loc="lower right")
    return figure


def precision_recall_bands(bands: Mapping[str, pd.DataFrame], prevalence: float) -> Figure:
    """Plot precision-recall curves with bands over patients; the chance level is the prevalence.

    Parameters
    ----------
    bands : dict of DataFrame
        Network → table from `covidlib.results.curves.precision_recall_band`.
    prevalence : float
        Share of infected slices.
    """
    figure, axes = plt.subplots(figsize=(4.6, 4.4))
    for place, (name, table) in enumerate(bands.items()):
        _with_band(axes, table, "sensitivity", "ppv", ("low", "high"), name, place)
    axes.axhline(prevalence, color=QUIET, linestyle=":", linewidth=1)
    axes.set(xlabel="sensitivity (recall)", ylabel="PPV (precision)", xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
    axes.legend(loc="lower left")
    return figure


def reliability_diagram(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Plot the share of infected slices against the predicted probability, with intervals over patients.

    Parameters
    ----------
    tables : dict of DataFrame
        Network → table from `covidlib.results.calibration.reliability`.
    """
    figure, panels = plt.subplots(
        1, len(tables), figsize=(3 * len(tables), 3.3), squeeze=False, sharey=True, sharex=True
    )
    for place, (axes, (name, table)) in enumerate(zip(panels.flat, tables.items(), strict=True)):
        colour, mark = _look(name, place)
        reach = [table["share_covid"] - table["low"], table["high"] - table["share_covid"]]
        axes.errorbar(table["p_covid"], table["share_covid"], np.clip(reach, 0, None), color=colour, marker=mark, ms=5)
        axes.plot([0, 1], [0, 1], color=QUIET, linestyle=":", linewidth=1)
        axes.set(title=name, xlabel="predicted p(COVID-19)", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    panels[0, 0].set_ylabel("share that is infected")
    return figure


def threshold_sweep(table: pd.DataFrame, marked: Sequence[float]) -> Figure:
    """Plot sensitivity and specificity for patients at every threshold (paper, Table 5).

    Parameters
    ----------
    table : DataFrame
        From `covidlib.patients.threshold_sweep.sweep_thresholds`.
    marked : sequence of float
        Thresholds to mark: `covidlib.patients.threshold_sweep.MARKED_THRESHOLDS`.
    """
    figure, panels = plt.subplots(1, 2, figsize=(8.4, 3.4), sharey=True)
    titles = {"sensitivity": "infected patients found", "specificity": "normal patients called normal"}
    for axes, (rate, title) in zip(panels, titles.items(), strict=True):
        for place, (name, rows) in enumerate(table.groupby("network")):
            _with_band(axes, rows, "threshold", rate, (f"{rate}_low", f"{rate}_high"), str(name), place)
        for threshold in marked:
            axes.axvline(threshold, color=QUIET, linestyle=":", linewidth=1)
        axes.set(title=title, xlabel="threshold: share of selected slices", ylim=(-0.02, 1.02))
    panels[0].set_ylabel("share of patients")
    panels[0].legend(loc="lower left")
    return figure


def patient_roc(table: pd.DataFrame, marked: Sequence[float]) -> Figure:
    """Plot an ROC curve of patients over the decision thresholds, with some thresholds marked.

    Parameters
    ----------
    table : DataFrame
        From `covidlib.patients.threshold_sweep.sweep_thresholds`.
    marked : sequence of float
        Thresholds to mark: `covidlib.patients.threshold_sweep.MARKED_THRESHOLDS`.
    """
    figure, axes = plt.subplots(figsize=(4.8, 4.6))
    for place, (name, rows) in enumerate(table.groupby("network")):
        colour, mark = _look(str(name), place)
        axes.plot(1 - rows["specificity"], rows["sensitivity"], color=colour, linewidth=1)
        named = rows[rows["threshold"].isin(marked)]
        axes.plot(1 - named["specificity"], named["sensitivity"], mark, color=colour, ms=7, label=str(name))
        # Thresholds with the same decisions share a point, and so a label.
        for _, alike in named.groupby(["specificity", "sensitivity"]):
            place_of_text = (1 - alike["specificity"].iloc[0], alike["sensitivity"].iloc[0])
            text = ", ".join(f"{threshold:g}" for threshold in alike["threshold"])
            axes.annotate(text, place_of_text, xytext=(5, -11), textcoords="offset points", fontsize=8)
    axes.plot([0, 1], [0, 1], color=QUIET, linestyle=":", linewidth=1)
    axes.set(xlabel="1 − specificity (patients)", ylabel="sensitivity (patients)", aspect="equal")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.legend(loc="lower right")
    return figure


def clustering_curves(chances: pd.DataFrame, observed: float | None = None) -> Figure:
    """Plot how often a normal patient is called infected, by how strongly slice errors are clustered.

    Parameters
    ----------
    chances : DataFrame
        From `covidlib.patients.false_alarms.chances_by_clustering`.
    observed : float, optional
        A printed share of normal patients called infected, drawn as a horizontal line.
    """
    figure, axes = plt.subplots(figsize=(5.6, 3.4))
    for place, threshold in enumerate(chances.columns):
        colour, mark = _look("", place)
        label = "at least one slice" if threshold == 0 else f"{threshold:.0%} of the slices"
        every = max(1, len(chances) // 10)
        axes.plot(chances.index, chances[threshold], color=colour, marker=mark, markevery=every, ms=4, label=label)
    if observed is not None:
        axes.axhline(observed, color=QUIET, linestyle="--", linewidth=1, label="printed")
    axes.set(xlabel="intraclass correlation of slice errors", ylabel="called infected", ylim=(0, None), xlim=(0, 1))
    axes.legend(loc="upper right")
    return figure


def along_series(numbers: np.ndarray, probabilities: np.ndarray) -> Figure:
    """Plot p(COVID-19) of each selected slice along a series, from top to bottom.

    Parameters
    ----------
    numbers : int array
        Which slices of the series were selected, from 1.
    probabilities : float array, same length
        p(COVID-19) of each.
    """
    figure, axes = plt.subplots(figsize=(7, 2.6))
    called = probabilities > DECISION
    looks = ((called, "^", COVID_COLOUR, "called COVID-19"), (~called, "o", NORMAL_COLOUR, "called normal"))
    for chosen, mark, colour, name in looks:
        axes.scatter(numbers[chosen], probabilities[chosen], marker=mark, color=colour, label=name)
    axes.axhline(DECISION, color=QUIET, linestyle="--", linewidth=1)
    axes.set(xlabel="slice", ylabel="p(COVID-19)", ylim=(-0.02, 1.02))
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def forest_plot(table: pd.DataFrame, names: Sequence[str], xlabel: str, reference: float | None = None) -> Figure:
    """Plot estimates with their intervals, one below the other.

    Parameters
    ----------
    table : DataFrame
        Columns value, low, high and those of `names`; drawn from the first row down.
    names : columns
        Columns that label the rows; if several rows share the first, it has a separate colour and mark.
    reference : float, optional
        A value to compare with, such as 0.5 for an AUC.
    """
    figure, axes = plt.subplots(figsize=(6.4, 0.6 + 0.32 * len(table)))
    groups = list(dict.fromkeys(table[names[0]]))
    alone = len(groups) == len(table)
    for height, (_, row) in enumerate(table.iterrows()):
        colour, mark = _look(str(row[names[0]]), 1 if alone else groups.index(row[names[0]]))
        axes.plot([row["low"], row["high"]], [-height, -height], color=colour, linewidth=1.5)
        axes.plot(row["value"], -height, mark, color=colour, ms=6)
    if reference is not None:
        axes.axvline(reference, color=QUIET, linestyle=":", linewidth=1)
    labels = [", ".join(str(row[name]) for name in names) for _, row in table.iterrows()]
    axes.set(yticks=-np.arange(len(table)), yticklabels=labels, xlabel=xlabel, ylim=(0.6 - len(table), 0.6))
    return figure


def learning_curves(histories: dict[str, list[pd.DataFrame]]) -> Figure:
    """Plot training and validation accuracy per epoch: mean and range over folds (paper, Figure 11)."""
    figure, panels = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True)
    for panel, column, title in zip(panels, ("accuracy", "val_accuracy"), ("training", "validation"), strict=True):
        for network, runs in histories.items():
            curves = np.stack([run[column] for run in runs])
            epochs = np.arange(1, curves.shape[1] + 1)
            colour = NETWORK_COLOURS[network]
            panel.plot(epochs, curves.mean(axis=0), color=colour, marker=NETWORK_MARKS[network], ms=4, label=network)
            panel.fill_between(epochs, curves.min(axis=0), curves.max(axis=0), color=colour, alpha=0.15, linewidth=0)
        panel.set(title=title, xlabel="epoch", ylim=(0, 1.02))
    panels[0].set_ylabel("accuracy")
    panels[0].legend(loc="lower right")
    return figure


def confusion_matrices(
    matrices: Mapping[str, np.ndarray], rates: Mapping[str, Mapping[str, Interval]] | None = None
) -> Figure:
    """Draw confusion matrices side by side: rows are the truth, columns the answer (paper, Figure 10).

    Parameters
    ----------
    matrices : dict of float arrays, shape (2, 2)
        Rows and columns in the order COVID-19, normal.
    rates : dict of dict of Interval, optional
        For each network sensitivity and specificity (`covidlib.results.tables.rate_intervals`), written in the cells of
        right answers.
    """
    figure, panels = plt.subplots(1, len(matrices), figsize=(2.9 * len(matrices), 2.9), squeeze=False)
    for axes, (name, matrix) in zip(panels.flat, matrices.items(), strict=True):
        axes.imshow(matrix / matrix.sum(axis=1, keepdims=True), cmap="Blues", vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(matrix):
            dark = count > 0.5 * matrix[row].sum()
            text = f"{count:g}"
            if rates and row == column:
                rate = rates[name][("sensitivity", "specificity")[row]]
                text += f"\n{rate.value:.1%}\n({100 * rate.low:.1f}–{100 * rate.high:.1f})"
            axes.text(column, row, text, ha="center", va="center", color="white" if dark else "#1b2733")
        axes.set(xticks=[0, 1], xticklabels=["COVID-19", "normal"], yticks=[0, 1], title=name, xlabel="answer")
        axes.set_yticklabels(["COVID-19", "normal"], rotation=90, va="center")
    panels[0, 0].set_ylabel("truth")
    return figure
