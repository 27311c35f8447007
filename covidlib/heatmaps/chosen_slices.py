"""Choose the slices that are shown with heat maps, and make their maps (paper, section 3.3).

Slices are chosen by rules that do not depend on any map: the middle slice of a patient, patients in the order of their
numbers. Taught in chapter 07.
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
"""The main map of each network."""


def maps_by_name(runs: Sequence[Run]) -> dict[tuple[str, int], Run]:
    """Index runs by network and fold."""
    records = [run.record() for run in runs]
    return {(str(record["network"]), int(str(record["fold"]))): run for record, run in zip(records, runs, strict=True)}


# Which slices ---------------------------------------------------------------------------------------------------------


def lesion_outlines(data: Path, paths: Sequence[str]) -> list[np.ndarray]:
    """Read lesion masks, 512×512; masks are empty for data without lesion masks."""
    known = (data / "lesions").is_dir()
    return [read_lesion_mask(data, path) if known else np.zeros((SLICE_SIDE, SLICE_SIDE), bool) for path in paths]


def middle_slices(tested: pd.DataFrame, label: str = "covid") -> pd.Series:
    """Choose one slice of a class per patient, the middle one of the series."""
    of_class = tested[tested["label"] == label].sort_values("path")
    return of_class.groupby("patient")["path"].agg(lambda paths: paths.iloc[len(paths) // 2])


def first_patients(runs: Sequence[Run], network: str, counts: Mapping[str, int]) -> pd.DataFrame:
    """Choose the middle slices of the first patients of each class, in the order of their numbers.

    Parameters
    ----------
    counts : dict
        Class → number of patients.

    Returns
    -------
    DataFrame
        Columns path, patient, network, fold, label, p_covid.
    """
    tested = all_predictions([run for run in runs if run.record()["network"] == network])
    parts = []
    for label, count in counts.items():
        middle = tested[tested["path"].isin(middle_slices(tested, label))]
        number = middle["patient"].str.extract(r"(\d+)", expand=False).astype(int)
        # Published folds test most normal patients several times.
        parts.append(middle.loc[number.sort_values(kind="stable").index].drop_duplicates("patient").head(count))
    return pd.concat(parts, ignore_index=True)[["path", "patient", "network", "fold", "label", "p_covid"]]


# Their maps -----------------------------------------------------------------------------------------------------------


def maps_of(explainer: Explainer, images: np.ndarray, label: str, side: int) -> dict[str, HeatMap]:
    """Make maps of a batch by name: the last map, and for a pyramid its levels and all levels combined."""
    maps = explainer(images, label, side=side)
    levels = {name: heat for name, heat in maps.items() if name in LEVELS}
    last = next(heat for name, heat in maps.items() if name not in LEVELS)
    return {LAST: last} | levels | ({COMBINED: combined(levels)} if levels else {})


def explainer_of(model: keras.Model) -> Explainer:
    """Make an explainer for the backbone's last map and, if there is a pyramid, for its levels."""
    levels = LEVELS if set(LEVELS) <= {layer.name for layer in model.layers} else ()
    return Explainer(model, (LAST_MAP[model.name], *levels))


def main_map(found: Mapping[str, HeatMap]) -> HeatMap:
    """The main map of a network: all levels combined if there is a pyramid, otherwise the last map."""
    return found.get(COMBINED, found[LAST])


def explain_rows(runs: Sequence[Run], rows: pd.DataFrame, data: Path, side: int) -> list[np.ndarray]:
    """Make the main map of each slice for its true class, with a network that was not trained on the patient.

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
        for (fold, label), group in of_network.groupby(["fold", "label"]):
            model.load_weights(named[str(network), int(str(fold))].weights)
            images = load_images([data / path for path in group["path"]], note.input_shape[0], note.scaling)
            heat = main_map(maps_of(explainer, images, str(label), side))
            maps |= dict(zip(group.index, heat.maps, strict=True))
    return [maps[index] for index in rows.index]


def for_explorer(models: Sequence[keras.Model], images: np.ndarray, side: int) -> dict[str, tuple[HeatMap, HeatMap]]:
    """Make maps of several networks for both classes, for `covidlib.teaching.explorers.heatmap_explorer`."""
    shown: dict[str, tuple[HeatMap, HeatMap]] = {}
    for model in models:
        explainer = explainer_of(model)
        covid, normal = (maps_of(explainer, images, label, side) for label in ("covid", "normal"))
        shown |= {f"{model.name}, {name}": (covid[name], normal[name]) for name in covid}
    return shown
