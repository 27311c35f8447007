"""Predict the class of single images from kernel and thickness alone, without any pixels.

`covidlib.pitfalls.metadata_model` uses the settings of all series of a patient. A network sees one image at a time, and
only the images that the authors listed for training and testing (section 2.4); which series they chose differs between
the classes. Taught in chapter 09.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, cast

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import OneHotEncoder
from threadpoolctl import threadpool_limits

from covidlib.errors import InputError
from covidlib.pitfalls.metadata_model import FOLDS, REPEATS, Line, Shortcut, auc_within_folds
from covidlib.results.intervals import RESAMPLES, SEED, Metric, bootstrap_interval, on_all

COUNTS = "patients_by_images"
PATIENT = ["patient", "patient_label", "label"]


def expand_images(counts: list[Line]) -> pd.DataFrame:
    """Expand grouped counts to one row per patient and acquisition setting.

    Parameters
    ----------
    counts : list
        From `covidlib.datasets.published_lists.aggregates`, key `patients_by_images`: label, images (texts such
        as "12 B70s 6.0 mm"), patients.

    Returns
    -------
    DataFrame
        Columns patient (a running number), patient_label, label (the same), made ("B70s 6.0 mm"), images.
    """
    rows: list[tuple[int, str, str, str, int]] = []
    patient = 0
    for line in sorted(counts, key=lambda line: (str(line["label"]), str(line["images"]))):
        label = str(line["label"])
        for _ in range(cast(int, line["patients"])):
            for text in cast(list[str], line["images"]):
                number, made = text.split(" ", 1)
                rows.append((patient, label, label, made, int(number)))
            patient += 1
    return pd.DataFrame(rows, columns=[*PATIENT, "made", "images"])


def left_out_image_scores(rows: pd.DataFrame, repeats: int = REPEATS) -> tuple[np.ndarray, np.ndarray]:
    """Cross-validate a model: score each row by a model fitted on other patients' images.

    The model is a logistic regression on the pair of kernel and thickness; every image counts once. Folds of patients
    are as in `covidlib.pitfalls.metadata_model.left_out_scores`.

    Parameters
    ----------
    rows : DataFrame
        From `expand_images`.

    Returns
    -------
    float array, shape (repeats, rows)
        Scores.
    int array, shape (repeats, rows)
        The fold in which each row's patient was left out.
    """
    table = OneHotEncoder(sparse_output=False).fit_transform(rows[["made"]])
    infected, weight = (rows["label"] == "covid").to_numpy(), rows["images"].to_numpy()
    patients = rows.drop_duplicates("patient")
    scores, folds = np.empty((repeats, len(rows))), np.empty((repeats, len(rows)), int)
    for repeat in range(repeats):
        splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED + repeat)
        for fold, (_, left_out) in enumerate(splitter.split(patients, patients["label"])):
            test = rows["patient"].isin(patients["patient"].iloc[left_out]).to_numpy()
            # Several threads would take longer for such a small problem.
            with threadpool_limits(1):
                model = LogisticRegression(max_iter=1000).fit(table[~test], infected[~test], weight[~test])
            scores[repeat, test], folds[repeat, test] = model.predict_proba(table[test])[:, 1], fold
    return scores, folds


def image_shortcut(
    aggregates: Mapping[str, object],
    unit: Literal["image", "patient"] = "image",
    repeats: int = REPEATS,
    resamples: int = RESAMPLES,
) -> Shortcut:
    """Measure how well kernel and thickness separate infected from normal images, or patients by their mean image.

    Cross-validated by patient, with an interval over resampled patients. The paper's system decides about patients in a
    similar way, from the share of their slices (section 3.2).

    Parameters
    ----------
    aggregates : dict
        From `covidlib.datasets.published_lists.aggregates`, or the stored ones.
    unit : "image" or "patient"
        What is classified.
    repeats : int
        Number of times patients are split into folds.
    resamples : int
        Number of bootstrap resamples for the interval.

    Raises
    ------
    InputError
        If the aggregates lack the counts.
    """
    if COUNTS not in aggregates:
        raise InputError(
            "aggregates of the published lists", f"missing counts {COUNTS!r}", "Compute them from the lists"
        )
    rows = expand_images(cast(list[Line], aggregates[COUNTS]))
    scores, folds = left_out_image_scores(rows, repeats)
    if unit == "patient":
        rows, scores, folds = _means_of_patients(rows, scores, folds)
    spread = [on_all(rows, _of_images(auc_within_folds(scores[[n]], folds[[n]]))) for n in range(repeats)]
    interval = bootstrap_interval(
        rows, _of_images(auc_within_folds(scores, folds)), ("patient_label",), resamples=resamples
    )
    return Shortcut(interval, np.array(spread), rows["patient"].nunique())


def _of_images(metric: Metric) -> Metric:
    """Weight each row of a metric by its number of images."""

    def weighted(rows: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
        return metric(rows, weights * rows["images"].to_numpy())

    return weighted


def _means_of_patients(
    rows: pd.DataFrame, scores: np.ndarray, folds: np.ndarray
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    patients = rows.drop_duplicates("patient").reset_index(drop=True)
    codes = pd.factorize(rows["patient"])[0]
    images = np.bincount(codes, rows["images"])
    means = np.stack([np.bincount(codes, score * rows["images"]) / images for score in scores])
    first = np.unique(codes, return_index=True)[1]
    return patients.assign(images=1), means, folds[:, first]
