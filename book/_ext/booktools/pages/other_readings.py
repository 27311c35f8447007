"""Tables of the replication diary: results of the readings of the paper that were not chosen.

Where the paper can be read in more than one way, the kit follows one reading; here the others are carried out far
enough to see what hangs on the choice. Shown in book/diary.md. Synthetic patients wherever slices are needed.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd

from covidlib.datasets.published_lists import stored_aggregates
from covidlib.datasets.slice_table import load_table
from covidlib.names import LABELS
from covidlib.paper import tables as paper
from covidlib.patients.decision import THRESHOLD_2, decide, decide_patients
from covidlib.pitfalls.best_of_many import expected_best
from covidlib.protocols import COLAB, PAPER
from covidlib.results import printed_counts, scores, tables
from covidlib.scans.gate import find_series
from covidlib.scans.series import read_series
from covidlib.selection import (
    DARK_BELOW,
    DIVISOR,
    REGION_COLUMNS,
    REGION_ROWS,
    count_dark_pixels,
    select_slices,
    selection_threshold,
)
from covidlib.training.costs import printed_slices

CHOSEN = "as chosen"

# Selection ------------------------------------------------------------------------------------------------------------


def kept_by_reading(slices: np.ndarray) -> dict[str, np.ndarray]:
    """Slices of one series that each reading of the rule keeps (paper, section 2.2 and Fig. 6).

    Parameters
    ----------
    slices : uint16 array, shape (slices, rows, columns)
        HU + 1024.

    Returns
    -------
    dict of bool arrays, shape (slices,)
        The first is the reading that the kit follows.
    """
    counts = count_dark_pixels(slices)
    threshold = selection_threshold(counts)
    # The region as Figure 6 writes it, x first, taken as rows and columns.
    swapped = np.count_nonzero(slices[:, REGION_COLUMNS, REGION_ROWS] < DARK_BELOW, axis=(1, 2))
    return {
        CHOSEN: select_slices(counts),
        "smallest count added back": counts > counts.min() + threshold,
        "largest count alone is divided": counts > counts.max() / DIVISOR,
        "a count equal to the threshold passes": counts >= threshold,
        "x and y of the region as rows and columns": select_slices(swapped),
    }


def selection_readings(cohort: Path) -> pd.DataFrame:
    """Apply each reading of the selection rule to a cohort (paper, section 2.2).

    Returns
    -------
    DataFrame
        Index reading; shares of all slices that are kept and that get another answer than the chosen reading's, and
        share of the slices labelled COVID-19 that are dropped.
    """
    lesion = (load_table(cohort)["label"] == "covid").to_numpy()
    series = [kept_by_reading(read_series(found)) for found in find_series(cohort)]
    kept = {name: np.concatenate([one[name] for one in series]) for name in series[0]}
    return pd.DataFrame(
        {
            "slices kept": {name: keep.mean() for name, keep in kept.items()},
            "other answers": {name: (keep != kept[CHOSEN]).mean() for name, keep in kept.items()},
            "lesion slices dropped": {name: (~keep[lesion]).mean() for name, keep in kept.items()},
        }
    ).rename_axis("reading")


def example_readings(most: int, least: int) -> pd.Series:
    """The threshold of the paper's worked example under each reading of the rule (section 2.2)."""
    spread = selection_threshold(np.array([most, least]))
    return pd.Series(
        {
            CHOSEN: spread,
            "smallest count added back": spread + least,
            "largest count alone is divided": most / DIVISOR,
        },
        name="threshold",
    ).rename_axis("reading")


# Networks -------------------------------------------------------------------------------------------------------------


def structure_readings() -> pd.DataFrame:
    """Parameters that each other reading of Figure 9 would add to the paper's network (section 2.3).

    Returns
    -------
    DataFrame
        Index reading; column parameters (difference to the network as chosen).
    """
    from covidlib.networks import models

    chosen = models.build("resnet50v2-fpn")

    def channels(layer: str) -> int:
        return int(chosen.get_layer(layer).output.shape[-1])

    later, padded = 0, 0
    for level, below, source in (("P4", "P5", "C4_reduced"), ("P3", "P4", "C3_reduced")):
        rows, columns, coming, going = chosen.get_layer(level).kernel.shape
        later += rows * columns * going * (channels(below) + channels(source) - coming)
        cells = {name: int(np.prod(chosen.get_layer(name).output.shape[1:3])) for name in (source, level)}
        padded += (cells[source] - cells[level]) * going * chosen.get_layer(f"{level}_head").units
    ten = channels("heads")
    built = {
        name: models.build(f"resnet50v2-fpn-{name}").count_params() - chosen.count_params()
        for name in ("strides", "add")
    }
    return _differences(
        {
            "a map is passed on after its 3×3 convolution": later,
            "P3 and P4 padded like the others": padded,
            "a dense layer with the ten neurons": ten * ten + ten,
            "maps added, as in the pyramid that is cited": built["add"],
            "strides 8, 16 and 32": built["strides"],
        }
    )


def _differences(parameters: dict[str, int]) -> pd.DataFrame:
    shown = {name: f"{number:+,}" for name, number in parameters.items()}
    return pd.Series(shown, name="parameters").rename_axis("reading").to_frame()


def head_readings() -> pd.DataFrame:
    """Parameters of a baseline's head, with the map averaged or flattened (section 2.3)."""
    from covidlib.networks import models

    rows = {}
    for name in ("xception", "resnet50v2"):
        _, height, width, depth = models.build(name).get_layer(models.LAST_MAP[name]).output.shape
        averaged, flattened = (inputs * len(LABELS) + len(LABELS) for inputs in (depth, height * width * depth))
        rows[name] = {"averaged": f"{averaged:,}", "flattened": f"{flattened:,}"}
    return pd.DataFrame(rows).T.rename_axis("network")


def start_readings() -> pd.DataFrame:
    """Share of each network that stays random if the first convolution is skipped (section 2.4).

    Returns
    -------
    DataFrame
        Index network; columns first layer, its weights, weights of the network.
    """
    from covidlib.networks import models
    from covidlib.networks.imagenet import BACKBONES

    rows = {}
    for name in models.NAMES:
        model, first = models.build(name), BACKBONES[name].first
        own = model.get_layer(first).count_params()
        rows[name] = {
            "first layer": first,
            "its weights": f"{own:,}",
            "weights of the network": f"{model.count_params():,}",
        }
    return pd.DataFrame(rows).T.rename_axis("network")


def map_readings() -> pd.DataFrame:
    """Position of the first cell of each layer's map, and its position after stretching (section 3.3).

    Returns
    -------
    DataFrame
        Index layer; columns cells, first cell in truth, first cell stretched (pixels of a 512×512 slice).
    """
    from covidlib.heatmaps import cell_grid
    from covidlib.networks import models, pyramid

    model = models.build("resnet50v2-fpn")
    grids, side = cell_grid.grids(model), model.input_shape[1]
    rows = {}
    for layer in (models.LAST_MAP["resnet50v2"], *pyramid.LEVELS):
        cells = int(model.get_layer(layer).output.shape[1])
        rows[layer] = {
            "cells": f"{cells}×{cells}",
            "first cell in truth": f"{grids[layer].first:.1f}",
            "first cell stretched": f"{(side / cells - 1) / 2:.1f}",
        }
    return pd.DataFrame(rows).T.rename_axis("layer")


# Training -------------------------------------------------------------------------------------------------------------


def shift_range_readings(side: int = PAPER.image_side) -> pd.Series:
    """Largest shift of the outermost pixel under each reading of "shift range 5%" (Table 3)."""
    half, amount = side / 2, PAPER.augmentation.shear_degrees
    return pd.Series(
        {
            "shear of 0.05 degrees, as in the code": half * np.tan(np.radians(amount)),
            "shear by 5% of the distance": half * amount,
            "one more shift by 5% of the side": side * amount,
        },
        name="pixels",
    ).rename_axis("reading")


def balance() -> pd.DataFrame:
    """Normal images per infected image in training and testing, per fold (Table 2, printed)."""
    table = paper.table_numbers(2)
    ratios = {
        f"normal for each infected, {side}": table[f"{side} Normal images"] / table[f"{side} COVID-19 images"]
        for side in ("train", "test")
    }
    share = table["test COVID-19 patients"] / paper.table_numbers(1)["COVID-19 patients"].iloc[0]
    return (
        pd.DataFrame(ratios)
        .assign(**{"share of infected patients tested": share})
        .set_index(pd.RangeIndex(1, len(table) + 1, name="fold"))
    )


def epoch_readings() -> pd.DataFrame:
    """Effect of each number of epochs: steps of a run, and accuracy gained by choosing the best of random guesses.

    Returns
    -------
    DataFrame
        Index epochs; columns steps, best of as many coins (expected accuracy on fold 1's validation images).
    """
    images = stored_aggregates()["splits"][0]["validation_images"]  # type: ignore[index]
    rows = {
        epochs: {
            "steps": -(-printed_slices() // PAPER.batch_size) * epochs,
            "best of as many coins": expected_best(epochs, images),
        }
        for epochs in (PAPER.epochs, COLAB.epochs)
    }
    return pd.DataFrame(rows).T.astype({"steps": int}).rename_axis("epochs")


# Results --------------------------------------------------------------------------------------------------------------


def average_readings() -> pd.DataFrame:
    """The printed average precision of each network, as the mean of folds and pooled (Table 9).

    Returns
    -------
    DataFrame
        Index network; columns printed, mean of folds, pooled.
    """
    printed = paper.table(9).set_index(["Fold", "Network"])["COVID precision"][paper.AVERAGE]
    by_name = {paper.network_name(name): value for name, value in printed.items()}
    rows = {
        name: {
            "printed": by_name[name],
            "mean of folds": np.mean([float(scores.ppv(one)) for one in folds]),
            "pooled": float(scores.ppv(tables.pooled(folds))),
        }
        for name, folds in printed_counts.printed_fold_counts().items()
    }
    return pd.DataFrame(rows).T.rename_axis("network")


def more_than(covid_slices: int, selected_slices: int, threshold: float = THRESHOLD_2) -> str:
    """The decision with "more than" in place of "at least" (paper, section 3.2)."""
    if selected_slices == 0:
        return decide(covid_slices, selected_slices, threshold)
    return "infected" if covid_slices > Fraction(str(threshold)) * selected_slices else "normal"


def decision_readings(predictions: pd.DataFrame) -> pd.DataFrame:
    """Patients called infected at threshold 2 by "at least" and by "more than" (paper, section 3.2).

    Parameters
    ----------
    predictions : DataFrame
        As `covidlib.patients.decision.decide_patients` takes it.

    Returns
    -------
    DataFrame
        Index network; columns patients, at least, more than.
    """
    decided = decide_patients(predictions)
    pairs = zip(decided["covid_slices"], decided["selected"], strict=True)
    decided["other"] = [more_than(int(covid), int(selected)) for covid, selected in pairs]
    table = pd.DataFrame(
        {
            "network": decided["network"],
            "patients": True,
            "at least": decided["decision"] == "infected",
            "more than": decided["other"] == "infected",
        }
    )
    return table.groupby("network", sort=False).sum()
