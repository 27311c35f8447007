"""A model that sees no pixel: how well do kernel, thickness and protocol alone tell who is infected?

In COVID-CTset the way a series was made goes with the class, so a network can learn the scanner's settings instead of
the disease, and a test set of the same origin would reward it (section 2.1 and Table 9 leave this open). What the
public lists say of it is stored as counts of patients, so that the model can be fitted offline. Taught in chapter 09.
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
"""One kind of patient: its label, how its series were made (or its decade and sex), and how many patients are so."""


def _series(line: Line) -> list[list[str]]:
    """Name, kernel and thickness of each series."""
    return [name.split(" ", 2) for name in cast(list[str], line["series"])]


def kernels(line: Line) -> set[str]:
    """The kernels that the patient's series have."""
    return {kernel for _, kernel, _ in _series(line)}


def thicknesses(line: Line) -> set[str]:
    """The thicknesses that the patient's series have."""
    return {thickness for _, _, thickness in _series(line)}


def acquisition(line: Line) -> set[str]:
    """The patient's pairs of kernel and thickness, in whichever series, and how many series."""
    return {f"{kernel} {thickness}" for _, kernel, thickness in _series(line)} | {f"{len(_series(line))} series"}


def acquisition_by_series(line: Line) -> set[str]:
    """The pair of kernel and thickness of each of the three series."""
    return {" ".join(parts) for parts in _series(line)}


def protocols(line: Line) -> set[str]:
    """The scanner's protocols: some bear the name of the disease."""
    return set(cast(list[str], line["protocols"]))


def person(line: Line) -> set[str]:
    """Decade of age, and sex: of the patient, not of how the slices were made."""
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
"""Each model's features, and the counts that hold them: all but the last are stored with the package."""


def patients_by_everything() -> dict[str, object]:
    """Patients by age, sex and how their series were made, together, from the public lists.

    These counts are too near to single people to be stored with the package: add them to the aggregates where the
    lists are at hand.

    Raises
    ------
    Unavailable
        If a list is not found in the mirror, the cache or online.
    """
    kinds = kinds_of_patients(patient_details(), series_metadata())
    return {"patients_by_everything": count_kinds(kinds, list(kinds.columns))}


class Shortcut(NamedTuple):
    """What a model without pixels reaches.

    `auc` is the mean over folds and repeats, its interval over resampled patients; `repeats` holds the mean over the
    folds of each repeat, which shows how much the splits alone move it.
    """

    auc: Interval
    repeats: np.ndarray
    patients: int


def expand(counts: list[Line], features: Callable[[Line], set[str]]) -> tuple[np.ndarray, np.ndarray]:
    """Grouped counts as one row a patient again, in an order that depends on the counts only.

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
    for line in sorted(counts, key=lambda one: sorted((name, str(value)) for name, value in one.items())):
        if line["label"] not in ("covid", "normal"):
            raise InputError("counts of patients", f"have the label {line['label']}", "Give covid or normal")
        repeated = cast(int, line["patients"])
        rows += [features(line)] * repeated
        infected += [line["label"] == "covid"] * repeated
    return MultiLabelBinarizer().fit_transform(rows).astype(bool), np.array(infected)


def left_out_scores(table: np.ndarray, infected: np.ndarray, repeats: int = REPEATS) -> tuple[np.ndarray, np.ndarray]:
    """Each patient's score by a model that was fitted without it, and the fold it was left out in.

    Logistic regression on one-hot features with scikit-learn's own L2 penalty; five folds of patients, both classes
    spread evenly, and that again with other folds. Nothing was chosen by looking at the result.

    Returns
    -------
    float array, shape (repeats, patients)
    int array, shape (repeats, patients)
    """
    scores, folds = np.empty((repeats, len(infected))), np.empty((repeats, len(infected)), int)
    for repeat in range(repeats):
        splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED + repeat)
        for fold, (train, test) in enumerate(splitter.split(table, infected)):
            # So small a problem is solved sooner than several threads have waited for each other.
            with threadpool_limits(1):
                model = LogisticRegression(max_iter=1000).fit(table[train], infected[train])
            scores[repeat, test], folds[repeat, test] = model.predict_proba(table[test])[:, 1], fold
    return scores, folds


def auc_within_folds(scores: np.ndarray, folds: np.ndarray) -> Metric:
    """The mean AUC of left-out patients, each fold by itself, as a metric for `bootstrap_interval`.

    Scores of different folds must not be ranked together: patients of one kind get the same score in a fold, but the
    fold that leaves out more of the infected ones scores their kind lower. Pooled, or averaged over the repeats, that
    alone would rank infected patients below normal ones of the same kind.

    Parameters
    ----------
    scores, folds : arrays, shape (repeats, patients)
    """

    def metric(patients: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
        areas = []
        for score, fold in zip(scores, folds, strict=True):
            for one in np.unique(fold):
                left_out = fold == one
                own = patients[left_out].assign(p_covid=score[left_out])
                areas.append(auc(own, weights[:, left_out]))
        return np.mean(areas, axis=0)

    return metric


def shortcut(
    aggregates: Mapping[str, object], name: str = HEADLINE, repeats: int = REPEATS, resamples: int = RESAMPLES
) -> Shortcut:
    """How well a model without pixels tells infected patients, cross-validated by patient.

    Parameters
    ----------
    aggregates : dict
        What `covidlib.datasets.published_lists.aggregates` counts, or the stored ones.
    name : str
        One of `FEATURES`.

    Raises
    ------
    InputError
        If there are no such features, or the aggregates lack their counts.
    """
    if name not in FEATURES:
        raise InputError(name, "is no set of features", f"Choose one of {'; '.join(FEATURES)}")
    key, features = FEATURES[name]
    if key not in aggregates:
        raise InputError(
            "aggregates of the published lists",
            f"lack {key}",
            "Compute them from the lists",
        )
    table, infected = expand(cast(list[Line], aggregates[key]), features)
    scores, folds = left_out_scores(table, infected, repeats)
    label = np.where(infected, "covid", "normal")
    patients = pd.DataFrame({"patient": np.arange(len(label)), "patient_label": label, "label": label})
    spread = [on_all(patients, auc_within_folds(scores[[one]], folds[[one]])) for one in range(repeats)]
    interval = bootstrap_interval(patients, auc_within_folds(scores, folds), resamples=resamples)
    return Shortcut(interval, np.array(spread), len(patients))


def shortcut_table(
    aggregates: Mapping[str, object], repeats: int = REPEATS, resamples: int = RESAMPLES
) -> pd.DataFrame:
    """Every set of features that the aggregates hold, beside each other.

    Returns
    -------
    DataFrame
        Columns features, patients, value, low, high (AUC and its interval over patients), least_of_repeats,
        most_of_repeats.
    """
    rows = []
    for name in [name for name, (key, _) in FEATURES.items() if key in aggregates]:
        found = shortcut(aggregates, name, repeats, resamples)
        spread = {"least_of_repeats": found.repeats.min(), "most_of_repeats": found.repeats.max()}
        rows.append({"features": name, "patients": found.patients, **found.auc._asdict(), **spread})
    return pd.DataFrame(rows)
