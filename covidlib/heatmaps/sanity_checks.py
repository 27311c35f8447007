"""Sanity checks of heat maps: whether a map depends on the training, and the answer on the highlighted area.

Weights are randomised layer by layer and labels are permuted before training (Adebayo et al. 2018). The hottest parts
of a slice are blurred first (deletion) or restored first (insertion; Petsiuk et al. 2018). The paper does none of these
checks (section 3.3). Taught in chapter 07.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from scipy import ndimage
from scipy.stats import spearmanr

from covidlib.datasets.slice_table import Dataset, fingerprint
from covidlib.names import LABELS
from covidlib.networks import models, random_weights
from covidlib.utils.quiet_tensorflow import keras

BLUR_SHARE = 1 / 16
"""Width of the blur (a Gaussian's standard deviation) as a share of the slice's side."""
STEPS = 11
"""Number of shares of the slice that are blurred or restored: 0, 10%, … 100%."""
EVERY = 4
"""Maps are compared in every fourth pixel of every fourth row: cells are wider."""


# Randomised weights ---------------------------------------------------------------------------------------------------


def parts(model: keras.Model) -> list[list[str]]:
    """Group layers with weights into parts by name, from the last layer down to the first convolution."""
    by_part: dict[str, list[str]] = {}
    for layer in reversed(model.layers):
        if layer.weights:
            by_part.setdefault(layer.name.split("_")[0], []).append(layer.name)
    return list(by_part.values())


def cascade(model: keras.Model, size: models.Size, seed: int) -> Iterator[str]:
    """Replace a network's weights by random ones, part by part from the last layer down.

    The random weights are drawn as at the start of training. The model is changed in place.

    Yields
    ------
    str
        "trained" before any change, then the name of the part that was just randomised.
    """
    fresh = models.build(model.name, model.input_shape[1:], size)
    random_weights.draw_weights(fresh, seed)
    yield "trained"
    for names in parts(model):
        for name in names:
            model.get_layer(name).set_weights(fresh.get_layer(name).get_weights())
        yield names[0].split("_")[0]


def likeness(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Rank correlation of two maps of each slice: 1 is the same order of all pixels, 0 no relation.

    Parameters
    ----------
    first, second : float arrays, shape (batch, rows, columns)

    Returns
    -------
    float array, shape (batch,)
        NaN if a map is constant.
    """
    pairs = zip(first[:, ::EVERY, ::EVERY], second[:, ::EVERY, ::EVERY], strict=True)
    return np.array(
        [spearmanr(a, b, axis=None).statistic if np.ptp(a) > 0 and np.ptp(b) > 0 else np.nan for a, b in pairs]
    )


# Permuted labels ------------------------------------------------------------------------------------------------------


def with_permuted_labels(dataset: Dataset, seed: int) -> Dataset:
    """Shuffle the labels of the slices, so that nothing about lesions can be learned.

    Labels move between labelled slices; patients, folds and class sizes stay. The result is another dataset, so its
    runs get a separate folder.
    """
    table = dataset.table.copy()
    labelled = table["label"].isin(LABELS)
    table.loc[labelled, "label"] = np.random.default_rng(seed).permutation(table.loc[labelled, "label"].to_numpy())
    return Dataset(dataset.root, table, fingerprint(table))


# Deletion and insertion -----------------------------------------------------------------------------------------------


def blurred(image: np.ndarray) -> np.ndarray:
    """Blur a slice, for deletion: coarse grey levels remain, edges and spots disappear.

    Parameters
    ----------
    image : float array, shape (rows, columns)
    """
    return ndimage.gaussian_filter(image, BLUR_SHARE * len(image))


def chance_map(side: int, generator: np.random.Generator) -> np.ndarray:
    """Draw a smooth random map, as coarse as a heat map, as the chance level of deletion."""
    return ndimage.gaussian_filter(generator.random((side, side)), BLUR_SHARE * side)


def changed_slices(image: np.ndarray, heat: np.ndarray, insertion: bool = False) -> np.ndarray:
    """Blur a slice step by step, hottest part first; or restore a blurred slice in the same order.

    Parameters
    ----------
    image : float array, shape (rows, columns)
    heat : float array of the same shape
        Only the order of its values counts; among equal ones the pixels follow row by row.

    Returns
    -------
    float32 array, shape (STEPS, rows, columns, 1)
        From the original slice to the blurred one; for insertion, in reverse.
    """
    place = np.empty(heat.size)
    place[np.argsort(-heat, axis=None, kind="stable")] = np.arange(heat.size) / heat.size
    start, end = (blurred(image), image) if insertion else (image, blurred(image))
    taken = place.reshape(heat.shape) < np.linspace(0, 1, STEPS)[:, np.newaxis, np.newaxis]
    return np.where(taken, end, start)[..., np.newaxis].astype(np.float32)


def removal_curves(
    predict: Callable[[np.ndarray], np.ndarray], image: np.ndarray, heat: np.ndarray, generator: np.random.Generator
) -> pd.DataFrame:
    """p(COVID-19) while a slice is blurred or restored, in the order of its map and in a random order.

    Parameters
    ----------
    predict : function
        Images (batch, rows, columns, 1) → probabilities (batch, 2).

    Returns
    -------
    DataFrame
        Columns way ("deletion" or "insertion"), order ("map" or "random"), share (changed, 0 to 1), p_covid.
    """
    orders = {"map": heat, "random": chance_map(len(image), generator)}
    kinds = [(way, order) for way in ("deletion", "insertion") for order in orders]
    stack = np.concatenate([changed_slices(image, orders[order], way == "insertion") for way, order in kinds])
    answers = predict(stack)[:, 0].reshape(len(kinds), STEPS)
    rows = [
        (way, order, share, float(p))
        for (way, order), p_covid in zip(kinds, answers, strict=True)
        for share, p in zip(np.linspace(0, 1, STEPS), p_covid, strict=True)
    ]
    return pd.DataFrame(rows, columns=["way", "order", "share", "p_covid"])


def curve_areas(curves: pd.DataFrame) -> pd.DataFrame:
    """Area under each curve of deletion and insertion, by the trapezoidal rule over the share changed, 0 to 1.

    Parameters
    ----------
    curves : DataFrame
        As `removal_curves` returns it, with columns network, fold, patient and path.

    Returns
    -------
    DataFrame
        Columns network, way, fold, patient, path, map, random (areas), difference.
    """
    keys = ["network", "way", "fold", "patient", "path"]
    ordered = curves.sort_values("share")
    areas = ordered.groupby([*keys, "order"]).apply(lambda rows: float(np.trapezoid(rows["p_covid"], rows["share"])))
    table = areas.unstack("order").reset_index().rename_axis(columns=None)
    return table.assign(difference=table["map"] - table["random"])
