"""Which slices are shown and scored, and their maps under the names of the tables. Taught in chapter 07.

Slices are chosen by rules that have not seen a map: the middle slice of a patient, patients in the order of their
numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from covidlib.heatmaps.grad_cam import COMBINED, Explainer, HeatMap, combined
from covidlib.names import SLICE_SIDE
from covidlib.networks.inputs import load_images
from covidlib.networks.models import LAST_MAP
from covidlib.networks.pyramid import LEVELS
from covidlib.networks.weights import load_weights
from covidlib.phantom.cohort import read_lesion_mask
from covidlib.training.runs import Run, all_predictions
from covidlib.utils.quiet_tensorflow import keras

LAST = "last map"
MAIN_MAPS = [("xception", LAST), ("resnet50v2", LAST), ("resnet50v2-fpn", COMBINED)]
"""The one map that stands for each network."""


def maps_by_name(runs: Sequence[Run]) -> dict[tuple[str, int], Run]:
    """Runs by network and fold."""
    records = [run.record() for run in runs]
    return {(str(one["network"]), int(str(one["fold"]))): run for one, run in zip(records, runs, strict=True)}


# Which slices ---------------------------------------------------------------------------------------------------------


def lesion_outlines(data: Path, paths: Sequence[str]) -> list[np.ndarray]:
    """Lesion masks to draw, 512×512; empty ones for data that has none."""
    known = (data / "lesions").is_dir()
    return [read_lesion_mask(data, path) if known else np.zeros((SLICE_SIDE, SLICE_SIDE), bool) for path in paths]


def middle_slices(tested: pd.DataFrame, label: str = "covid") -> pd.Series:
    """Paths of one slice of a class a patient, the middle one in the series."""
    own = tested[tested["label"] == label].sort_values("path")
    return own.groupby("patient")["path"].agg(lambda paths: paths.iloc[len(paths) // 2])


def first_patients(runs: Sequence[Run], network: str, counts: Mapping[str, int]) -> pd.DataFrame:
    """The middle slices of the first patients of each class, in the order of their numbers.

    Parameters
    ----------
    counts : dict
        Class → how many patients.

    Returns
    -------
    DataFrame
        Columns path, patient, network, fold, label, p_covid.
    """
    own_runs = [run for run in runs if run.record()["network"] == network]
    tested = all_predictions(own_runs)
    parts = []
    for label, count in counts.items():
        own = tested[tested["path"].isin(middle_slices(tested, label))]
        number = own["patient"].str.extract(r"(\d+)", expand=False).astype(int)
        # Published folds test most normal patients several times.
        parts.append(own.loc[number.sort_values(kind="stable").index].drop_duplicates("patient").head(count))
    return pd.concat(parts, ignore_index=True)[["path", "patient", "network", "fold", "label", "p_covid"]]


# Their maps -----------------------------------------------------------------------------------------------------------


def maps_of(explainer: Explainer, images: np.ndarray, label: str, side: int) -> dict[str, HeatMap]:
    """Maps under the names of the tables: the last map, and for a pyramid its levels and all combined."""
    found = explainer(images, label, side=side)
    levels = {name: one for name, one in found.items() if name in LEVELS}
    last = next(one for name, one in found.items() if name not in LEVELS)
    return {LAST: last} | levels | ({COMBINED: combined(levels)} if levels else {})


def explainer_of(model: keras.Model) -> Explainer:
    """An explainer of the backbone's last map and, where there is a pyramid, of its levels."""
    levels = LEVELS if set(LEVELS) <= {layer.name for layer in model.layers} else ()
    return Explainer(model, (LAST_MAP[model.name], *levels))


def main_map(found: Mapping[str, HeatMap]) -> HeatMap:
    """The map that stands for a network: all levels combined where there are levels."""
    return found.get(COMBINED, found[LAST])


def explain_rows(runs: Sequence[Run], rows: pd.DataFrame, data: Path, side: int) -> list[np.ndarray]:
    """The main map of each slice for its own class, by a network that has not seen the patient.

    Parameters
    ----------
    rows : DataFrame
        Columns path, network, fold, label.

    Returns
    -------
    list of float32 arrays, shape (side, side)
        In the order of the rows.
    """
    maps: dict[object, np.ndarray] = {}
    named = maps_by_name(runs)
    for network, of_network in rows.groupby("network"):
        model, note = load_weights(named[str(network), int(of_network["fold"].iloc[0])].weights)
        explainer = explainer_of(model)
        for (fold, label), own in of_network.groupby(["fold", "label"]):
            model.load_weights(named[str(network), int(str(fold))].weights)
            images = load_images([data / path for path in own["path"]], note.input_shape[0], note.scaling)
            found = main_map(maps_of(explainer, images, str(label), side))
            maps |= dict(zip(own.index, found.maps, strict=True))
    return [maps[index] for index in rows.index]


def for_explorer(models: Sequence[keras.Model], images: np.ndarray, side: int) -> dict[str, tuple[HeatMap, HeatMap]]:
    """Maps of several networks for both classes, as `covidlib.teaching.explorers.heatmap_explorer` wants them."""
    shown: dict[str, tuple[HeatMap, HeatMap]] = {}
    for model in models:
        explainer = explainer_of(model)
        covid, normal = (maps_of(explainer, images, label, side) for label in ("covid", "normal"))
        shown |= {f"{model.name}, {name}": (covid[name], normal[name]) for name in covid}
    return shown
