"""Score the heat maps of all runs: tables of slices, lesions and sanity checks, stored beside the runs (section 3.3).

The network of each fold makes maps of its test slices, on which it was not trained. Taught in chapter 07.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import pandas as pd

from covidlib.errors import InputError
from covidlib.heatmaps import lesion_scores, sanity_checks
from covidlib.heatmaps.chosen_slices import explainer_of, main_map, maps_of, middle_slices
from covidlib.heatmaps.grad_cam import Explainer, HeatMap
from covidlib.heatmaps.infection_areas import dense_lung, dice
from covidlib.names import LABELS, SLICE_SIDE
from covidlib.networks.inputs import load_images
from covidlib.networks.models import Size
from covidlib.networks.weights import WeightsNote, load_weights
from covidlib.phantom.cohort import read_lesion_mask
from covidlib.scans.lung_masks import body_mask, lung_mask
from covidlib.scans.slices import read_slice
from covidlib.training.runs import Run
from covidlib.utils.folders import source_hash
from covidlib.utils.locks import one_at_a_time
from covidlib.utils.quiet_tensorflow import keras

SIDE = 256
"""Maps and masks are compared on every second pixel of every second row."""
SEED = 2020
CODE_OF_THE_SCORES = ("heatmaps", "scans/lung_masks")
"""Packages and modules that decide the tables, which are made again when one of them changes."""


class MapScores(NamedTuple):
    """Scores of the maps of all runs.

    `slices` has one row per test slice, network, layer and class: path, patient, fold, label (of the slice), network,
    layer, explained ("covid" or "normal"), p_covid, the scores of `lesion_scores.score_map`, diameter_mm (the slice's
    largest lesion), hit_others (`lesion_scores.hits_of_other_slices`), dice_dense and dice_lungs (rules without a
    network); normal slices have no score that needs a lesion. `lesions` has one row per lesion, network and layer:
    path, patient, fold, network, layer, diameter_mm, lit, chance. `cascade` has one row per slice, network and
    randomised part: path, patient, fold, network, step, part, likeness, hit, mapped. `curves` has one row per slice,
    network, way, order and share: path, patient, fold, network, way, order, share, p_covid.
    """

    slices: pd.DataFrame
    lesions: pd.DataFrame
    cascade: pd.DataFrame
    curves: pd.DataFrame


def map_scores(runs: Sequence[Run], data: Path) -> MapScores:
    """Compute all tables for these runs, or read them if they are stored beside the runs.

    Parameters
    ----------
    runs : list of Run
        Runs of the same protocol and dataset.
    data : path
        The cohort, with lesion masks.

    Raises
    ------
    InputError
        If the cohort has no lesion masks.
    """
    if not (data / "lesions").is_dir():
        raise InputError(
            data, "no lesion masks in this dataset", "Leave DATA empty to use the synthetic cohort, which has them"
        )
    folder = runs[0].folder.parents[1] / f"maps-{_stamp(runs)}"
    places = {name: folder / f"{name}.csv" for name in MapScores._fields}
    # Reading takes no lock: runs that were copied for a course may be in a read-only folder.
    if not folder.is_dir():
        with one_at_a_time(folder):
            if not folder.is_dir():
                _write(_score(runs, data), folder)
    return MapScores(**{name: pd.read_csv(place) for name, place in places.items()})


def _write(made: MapScores, folder: Path) -> None:
    # Files of a process that was killed are overwritten.
    part = folder.with_name(f".{folder.name}")
    part.mkdir(exist_ok=True)
    for name, table in made._asdict().items():
        table.to_csv(part / f"{name}.csv", index=False, lineterminator="\n", float_format="%.6g")
    os.replace(part, folder)


def _stamp(runs: Sequence[Run]) -> str:
    text = source_hash(CODE_OF_THE_SCORES)
    text += " ".join(f"{run.folder.parent.name}/{run.folder.name}" for run in runs)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


# Slices and their masks -----------------------------------------------------------------------------------------------


class Truth(NamedTuple):
    """One slice with its masks of lesions, lungs and body, on every second pixel."""

    pixels: np.ndarray
    lesions: np.ndarray
    lungs: np.ndarray
    body: np.ndarray


def truth_of(data: Path, path: str) -> Truth:
    """Read a slice and its lesion mask, and segment lungs and body."""
    pixels = read_slice(data / path)
    step = len(pixels) // SIDE
    pixels, lesions = pixels[::step, ::step], read_lesion_mask(data, path)[::step, ::step]
    body = body_mask(pixels)
    return Truth(pixels, lesions, lung_mask(pixels, body), body)


# The tables -----------------------------------------------------------------------------------------------------------


def _score(runs: Sequence[Run], data: Path) -> MapScores:
    truths: dict[str, Truth] = {}
    spacing = pd.read_csv(data / "patients.csv").set_index("patient")["pixel_mm"]
    collected: dict[str, list[pd.DataFrame]] = {name: [] for name in MapScores._fields}
    ready: dict[str, tuple[keras.Model, WeightsNote, Explainer]] = {}
    for run in runs:
        network = str(run.record()["network"])
        if network not in ready:
            model, note = load_weights(run.weights)
            ready[network] = model, note, explainer_of(model)
        model, note, explainer = ready[network]
        # The first fold's model is used for all: the weights are another fold's, what is compiled is the same.
        model.load_weights(run.weights)
        tested = run.predictions()
        tested = tested[tested["label"].isin(LABELS)]
        for path in tested["path"]:
            if path not in truths:
                truths[path] = truth_of(data, path)
        slices, lesions = score_run(explainer, note, tested, truths, data, spacing)
        cascade, curves = check_run(model, note, explainer, tested, truths, data)
        made = (slices, lesions, cascade, curves)
        for name, table in zip(MapScores._fields, made, strict=True):
            collected[name].append(table.assign(network=network))
    tables = {name: pd.concat(many, ignore_index=True) for name, many in collected.items()}
    tables["slices"]["hit_others"] = np.nan
    infected = tables["slices"][tables["slices"]["label"] == "covid"]
    for _, maps in infected.groupby(["network", "layer", "explained"]):
        masks = [truths[path].lesions for path in maps["path"]]
        peaks = maps[["row", "column"]].to_numpy()
        others = lesion_scores.hits_of_other_slices(peaks, masks, maps["patient"].to_numpy())
        tables["slices"].loc[maps.index, "hit_others"] = others
    return MapScores(**tables)


def score_run(
    explainer: Explainer, note: WeightsNote, tested: pd.DataFrame, truths: dict[str, Truth], data: Path,
    spacing: pd.Series,
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """Make the tables of slices and lesions for one run's labelled test slices."""
    rows, areas = [], []
    for label, explained in (("covid", "covid"), ("normal", "normal"), ("normal", "covid")):
        of_class = tested[tested["label"] == label]
        if of_class.empty:
            continue
        images = load_images([data / path for path in of_class["path"]], note.input_shape[0], note.scaling)
        identities = list(of_class[["path", "patient", "fold"]].itertuples(index=False))
        for layer, heat in maps_of(explainer, images, explained, SIDE).items():
            for number, (path, patient, fold) in enumerate(identities):
                truth = truths[path]
                row = {"path": path, "patient": patient, "fold": fold, "label": label, "layer": layer}
                row |= {"explained": explained, "p_covid": float(heat.probabilities[number, 0])}
                row |= lesion_scores.score_map(heat.maps[number], truth.lesions, truth.lungs, truth.body)
                if label == "covid":
                    scored = lesion_scores.score_lesions(
                        heat.maps[number], truth.lesions, truth.lungs, spacing[patient] * SLICE_SIDE / SIDE
                    )
                    areas.append(scored.assign(path=path, patient=patient, fold=fold, layer=layer))
                    whole = truth.lungs | truth.lesions
                    row["diameter_mm"] = scored["diameter_mm"].max()
                    row["dice_dense"] = dice(dense_lung(truth.pixels, whole), truth.lesions)
                    row["dice_lungs"] = dice(whole, truth.lesions)
                rows.append(row)
    return pd.DataFrame(rows), pd.concat(areas, ignore_index=True)


def scores_of_weights(weights: Path, tested: pd.DataFrame, data: Path) -> pd.DataFrame:
    """Make the table of slices for one weights file, such as that of a control, on labelled slices.

    Parameters
    ----------
    tested : DataFrame
        Predictions of a run on the same slices, with their true labels.
    """
    model, note = load_weights(weights)
    tested = tested[tested["label"].isin(LABELS)]
    truths = {path: truth_of(data, path) for path in tested["path"]}
    spacing = pd.read_csv(data / "patients.csv").set_index("patient")["pixel_mm"]
    slices, _ = score_run(explainer_of(model), note, tested, truths, data, spacing)
    return slices.assign(network=note.network)


def check_run(
    model: keras.Model, note: WeightsNote, explainer: Explainer, tested: pd.DataFrame, truths: dict[str, Truth],
    data: Path,
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """Make the tables of randomised weights and of deletion, for one infected slice per test patient.

    Afterwards the model's weights are random.
    """
    chosen = middle_slices(tested)
    images = load_images([data / path for path in chosen], note.input_shape[0], note.scaling)
    paths = pd.DataFrame({"path": chosen.to_numpy(), "patient": chosen.index, "fold": note.fold})

    def shown(side: int) -> HeatMap:
        return main_map(maps_of(explainer, images, "covid", side))

    small = shown(explainer.side).maps
    curves = [
        sanity_checks.removal_curves(
            model.predict_on_batch, image[..., 0], heat, np.random.default_rng([SEED, number])
        ).assign(path=path, patient=patient, fold=fold)
        for number, (image, heat, (path, patient, fold)) in enumerate(
            zip(images, small, paths.itertuples(index=False), strict=True)
        )
        if heat.any()
    ]
    trained = shown(SIDE)
    steps = []
    for step, part in enumerate(sanity_checks.cascade(model, cast(Size, note.size), SEED)):
        now = shown(SIDE)
        hits = [
            float(heat.any() and truths[path].lesions[lesion_scores.peak(heat)])
            for heat, path in zip(now.maps, paths["path"], strict=True)
        ]
        step_table = paths.assign(step=step, part=part, mapped=now.maps.any(axis=(1, 2)).astype(float), hit=hits)
        steps.append(step_table.assign(likeness=sanity_checks.likeness(trained.maps, now.maps)))
    return pd.concat(steps), pd.concat(curves) if curves else pd.DataFrame()
