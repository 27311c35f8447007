"""Predict infection from acquisition settings alone (kernel, thickness, protocol), without any pixels.

In COVID-CTset the acquisition settings of a series correlate with the class. So a network can learn the settings
instead of the disease, and a test set from the same source would not reveal it (section 2.1 and Table 9 leave this
open). The settings in the public lists are stored as counts of patients, so that the model can be fitted offline.
Taught in chapter 09.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, cast

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import MultiLabelBinarizer
from threadpoolctl import threadpool_limits

from covidlib.datasets.patient_groups import count_kinds, kinds_of_patients
from covidlib.datasets.published_lists import patient_details, series_metadata
from covidlib.errors import InputError
from covidlib.results.curves import auc
from covidlib.results.intervals import RESAMPLES, SEED, Interval, Metric, bootstrap_interval, on_all

FOLDS, REPEATS = 5, 20
Line = Mapping[str, object]
"""One kind of patient: label, acquisition settings (or decade of age and sex), and number of patients."""


def _series(line: Line) -> list[list[str]]:
    """Name, kernel and thickness of each series."""
    return [name.split(" ", 2) for name in cast(list[str], line["series"])]


def kernels(line: Line) -> set[str]:
    """Kernels of the patient's series."""
    return {kernel for _, kernel, _ in _series(line)}


def thicknesses(line: Line) -> set[str]:
    """Slice thicknesses of the patient's series."""
    return {thickness for _, _, thickness in _series(line)}


def acquisition(line: Line) -> set[str]:
    """Pairs of kernel and thickness in any of the patient's series, and the number of series."""
    return {f"{kernel} {thickness}" for _, kernel, thickness in _series(line)} | {f"{len(_series(line))} series"}


def acquisition_by_series(line: Line) -> set[str]:
    """Pair of kernel and thickness for each of the three series."""
    return {" ".join(parts) for parts in _series(line)}


def protocols(line: Line) -> set[str]:
    """The scanner's protocols, some of which contain the name of the disease."""
    return set(cast(list[str], line["protocols"]))


def person(line: Line) -> set[str]:
    """Decade of age and sex, which describe the patient and not the acquisition."""
    return {f"{line['decade']} years", f"sex {line['sex']}"}


HEADLINE = "kernel, thickness, number of series"
FEATURES: dict[str, tuple[str, Callable[[Line], set[str]]]] = {
    "kernel": ("patients_by_acquisition", kernels),
    "thickness": ("patients_by_acquisition", thicknesses),
    HEADLINE: ("patients_by_acquisition", acquisition),
    "kernel and thickness of each series": ("patients_by_acquisition", acquisition_by_series),
    "kernel and thickness of each series, protocols": (
        "patients_by_acquisition",
        lambda line: acquisition_by_series(line) | protocols(line),
    ),
    "age and sex": ("patients_by_person", person),
    "all of these": (
        "patients_by_everything",
        lambda line: acquisition_by_series(line) | protocols(line) | person(line),
    ),
}
"""Features of each model, and the counts they come from: all except the last are stored in the package."""


def patients_by_everything() -> dict[str, object]:
    """Count patients by age, sex and acquisition settings together, from the public lists.

    These counts are too close to single people to be stored in the package: add them to the aggregates if the lists are
    available.

    Raises
    ------
    Unavailable
        If a list is not found in the mirror, the cache or online.
    """
    kinds = kinds_of_patients(patient_details(), series_metadata())
    return {"patients_by_everything": count_kinds(kinds, list(kinds.columns))}


class Shortcut(NamedTuple):
    """Result of a model without pixels.

    `auc` is the mean over folds and repeats, with an interval over resampled patients; `repeats` has the mean over the
    folds of each repeat, which shows how much the splits alone change it.
    """

    auc: Interval
    repeats: np.ndarray
    patients: int


def expand(counts: list[Line], features: Callable[[Line], set[str]]) -> tuple[np.ndarray, np.ndarray]:
    """Expand grouped counts to one row per patient, in an order that depends only on the counts.

    Returns
    -------
    bool array, shape (patients, features)
        Which of all features each patient has.
    bool array, shape (patients,)
        Whether the patient is infected.

    Raises
    ------
    InputError
        If a line's label is neither covid nor normal.
    """
    rows: list[set[str]] = []
    infected: list[bool] = []
    for line in sorted(counts, key=lambda line: sorted((name, str(value)) for name, value in line.items())):
        if line["label"] not in ("covid", "normal"):
            raise InputError("counts of patients", f"unknown label {line['label']!r}", "Use covid or normal")
        repeated = cast(int, line["patients"])
        rows += [features(line)] * repeated
        infected += [line["label"] == "covid"] * repeated
    return MultiLabelBinarizer().fit_transform(rows).astype(bool), np.array(infected)


def left_out_scores(table: np.ndarray, infected: np.ndarray, repeats: int = REPEATS) -> tuple[np.ndarray, np.ndarray]:
    """Cross-validate a model: score each patient by a model fitted on other patients.

    The model is a logistic regression on one-hot features with scikit-learn's default L2 penalty. Patients are split
    into five stratified folds, repeatedly. No setting was chosen by looking at the result.

    Returns
    -------
    float array, shape (repeats, patients)
        Scores.
    int array, shape (repeats, patients)
        The fold in which each patient was left out.
    """
    scores, folds = np.empty((repeats, len(infected))), np.empty((repeats, len(infected)), int)
    for repeat in range(repeats):
        splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED + repeat)
        for fold, (train, test) in enumerate(splitter.split(table, infected)):
            # Several threads would take longer for such a small problem.
            with threadpool_limits(1):
                model = LogisticRegression(max_iter=1000).fit(table[train], infected[train])
            scores[repeat, test], folds[repeat, test] = model.predict_proba(table[test])[:, 1], fold
    return scores, folds


def auc_within_folds(scores: np.ndarray, folds: np.ndarray) -> Metric:
    """Make a metric for `bootstrap_interval`: the mean AUC of left-out patients within each fold.

    Scores of different folds must not be ranked together: patients of one kind get the same score in a fold, but a fold
    that leaves out more infected patients scores their kind lower. With pooled scores, or means over the repeats, this
    alone would rank infected patients below normal ones of the same kind.

    Parameters
    ----------
    scores, folds : arrays, shape (repeats, patients)
    """

    def metric(patients: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
        areas = []
        for score, fold in zip(scores, folds, strict=True):
            for number in np.unique(fold):
                left_out = fold == number
                tested = patients[left_out].assign(p_covid=score[left_out])
                areas.append(auc(tested, weights[:, left_out]))
        return np.mean(areas, axis=0)

    return metric


def shortcut(
    aggregates: Mapping[str, object], name: str = HEADLINE, repeats: int = REPEATS, resamples: int = RESAMPLES
) -> Shortcut:
    """Measure how well a model without pixels recognises infected patients, cross-validated by patient.

    Parameters
    ----------
    aggregates : dict
        From `covidlib.datasets.published_lists.aggregates`, or the stored ones.
    name : str
        One of `FEATURES`.

    Raises
    ------
    InputError
        If the set of features is unknown, or the aggregates lack its counts.
    """
    if name not in FEATURES:
        raise InputError("features", f"unknown set of features {name!r}", f"Choose one of {'; '.join(FEATURES)}")
    key, features = FEATURES[name]
    if key not in aggregates:
        raise InputError(
            "aggregates of the published lists",
            f"missing counts {key!r}",
            "Compute them from the lists",
        )
    table, infected = expand(cast(list[Line], aggregates[key]), features)
    scores, folds = left_out_scores(table, infected, repeats)
    label = np.where(infected, "covid", "normal")
    patients = pd.DataFrame({"patient": np.arange(len(label)), "patient_label": label, "label": label})
    spread = [on_all(patients, auc_within_folds(scores[[repeat]], folds[[repeat]])) for repeat in range(repeats)]
    interval = bootstrap_interval(patients, auc_within_folds(scores, folds), ("patient_label",), resamples=resamples)
    return Shortcut(interval, np.array(spread), len(patients))


def shortcut_table(
    aggregates: Mapping[str, object], repeats: int = REPEATS, resamples: int = RESAMPLES
) -> pd.DataFrame:
    """Compare all sets of features for which the aggregates have counts.

    Returns
    -------
    DataFrame
        Columns features, patients, value, low, high (AUC and its interval over patients), least_of_repeats,
        most_of_repeats.
    """
    rows = []
    for name in [name for name, (key, _) in FEATURES.items() if key in aggregates]:
        result = shortcut(aggregates, name, repeats, resamples)
        spread = {"least_of_repeats": result.repeats.min(), "most_of_repeats": result.repeats.max()}
        rows.append({"features": name, "patients": result.patients, **result.auc._asdict(), **spread})
    return pd.DataFrame(rows)
