"""Compare slices of one scanner setting only, and test whether answers go with the scanner (paper, section 2.1).

Within one kernel and one thickness there is no scanner to be learned: what is left of the AUC there is not the
scanner's. And among patients of one class, the answers of a network that reads the disease should not depend on the
kernel. Taught in chapter 09.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from covidlib.results.curves import auc, called_counts
from covidlib.results.intervals import RESAMPLES, SEED, WITHIN, Metric, bootstrap_interval
from covidlib.results.metrics import labelled

THIN_MM = 3.0
"""Slices up to this thickness are thin."""
PERMUTATIONS = 9999
ROUNDING = 1e-12
"""Shares that differ by less count as equal."""
STRATA: dict[str, tuple[str, ...]] = {
    "kernel": ("kernel",),
    "thickness": ("thickness",),
    "kernel and thickness": ("kernel", "thickness"),
}
"""Settings that slices are grouped by."""


def with_thickness_groups(table: pd.DataFrame) -> pd.DataFrame:
    """Add the column thickness: "thin", "thick", or "" where thickness_mm is missing.

    Parameters
    ----------
    table : DataFrame
        Columns kernel ("" if unknown) and thickness_mm (NaN if unknown).
    """
    thin = np.where(table["thickness_mm"] <= THIN_MM, f"up to {THIN_MM:g} mm", f"above {THIN_MM:g} mm")
    return table.assign(thickness=np.where(table["thickness_mm"].isna(), "", thin))


def known(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The rows in which all of these settings are known."""
    return table[(table[list(columns)] != "").all(axis=1)]


def within(columns: Sequence[str]) -> Metric:
    """The AUC over pairs of an infected and a normal slice with the same settings, as a metric.

    Each pair counts once, so that large strata weigh more; a stratum with one class has no pairs.
    """

    def metric(predictions: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
        won, pairs = np.zeros(len(weights)), np.zeros(len(weights))
        for places in predictions.reset_index(drop=True).groupby(list(columns)).indices.values():
            infected, normal = called_counts(predictions.iloc[places], weights[:, places])
            won += np.trapezoid(infected, normal, axis=1)
            pairs += infected[:, -1] * normal[:, -1]
        with np.errstate(invalid="ignore"):
            return won / pairs

    return metric


def strata_table(predictions: pd.DataFrame, resamples: int = RESAMPLES) -> pd.DataFrame:
    """Compute the AUC of slices within each kernel and each thickness, and over all pairs of equal settings.

    Parameters
    ----------
    predictions : DataFrame
        Columns patient, patient_label, label, p_covid, kernel, thickness (`with_thickness_groups`).

    Returns
    -------
    DataFrame
        Columns by, stratum, infected, normal (patients), slices, value, low, high (NaN with one class only). The rows
        with the stratum "equal settings" compare only slices with the same setting.
    """
    rows = []
    for by, columns in STRATA.items():
        table = known(labelled(predictions), columns)
        for names, part in table.groupby(list(columns)):
            rows.append({"by": by, "stratum": ", ".join(map(str, names)), **_scores(part, auc, resamples)})
        if len(table):
            rows.append({"by": by, "stratum": "equal settings", **_scores(table, within(columns), resamples)})
    return pd.DataFrame(rows, columns=["by", "stratum", "infected", "normal", "slices", "value", "low", "high"])


def _scores(table: pd.DataFrame, metric: Metric, resamples: int) -> dict[str, float]:
    patients = table.groupby("label")["patient"].nunique()
    counts: dict[str, float] = {
        "infected": patients.get("covid", 0),
        "normal": patients.get("normal", 0),
        "slices": len(table),
    }
    if not counts["infected"] or not counts["normal"]:
        return counts | {"value": np.nan, "low": np.nan, "high": np.nan}
    return counts | bootstrap_interval(table, metric, WITHIN[1:], resamples=resamples)._asdict()


# Permutation test -----------------------------------------------------------------------------------------------------


def patient_answers(predictions: pd.DataFrame) -> pd.DataFrame:
    """Average the answers of each patient; a patient with series of several settings has all of them as one setting.

    Returns
    -------
    DataFrame
        One row per patient: patient, patient_label, kernel, thickness, p_covid.
    """
    settings = {
        name: (name, lambda values: " + ".join(sorted(set(map(str, values))))) for name in ("kernel", "thickness")
    }
    grouped = labelled(predictions).groupby(["patient", "patient_label"], sort=False)
    return grouped.agg(**settings, p_covid=("p_covid", "mean")).reset_index()


def explained(answers: np.ndarray, group: np.ndarray, given: np.ndarray) -> float:
    """The share of the variance of answers within each class that goes with a group (eta squared).

    Parameters
    ----------
    answers : float array, shape (patients,)
    group, given : int arrays, same shape
        The scanner setting, and the class within which it is compared.

    Returns
    -------
    float
        0 to 1; NaN if the answers do not differ within any class.
    """
    means = np.bincount(given, answers) / np.bincount(given)
    cells = group * (given.max() + 1) + given
    inside = np.bincount(cells, answers) / np.maximum(np.bincount(cells), 1)
    total = ((answers - means[given]) ** 2).sum()
    return float(((inside[cells] - means[given]) ** 2).sum() / total) if total > ROUNDING else np.nan


def permutation_test(
    answers: np.ndarray, group: np.ndarray, given: np.ndarray, permutations: int = PERMUTATIONS, seed: int = SEED
) -> tuple[float, float, float]:
    """Test whether answers go with a group, by dealing the group anew among the patients of each class.

    Returns
    -------
    share : float
        `explained`; NaN if the answers do not differ.
    by_chance : float
        The mean share after dealing: many small groups explain much by chance.
    p_value : float
        How often a dealt group explains as much (the observed deal counts as one).
    """
    rng = np.random.default_rng(seed)
    observed = explained(answers, group, given)
    if np.isnan(observed):
        return np.nan, np.nan, 1.0
    members = [np.flatnonzero(given == one) for one in np.unique(given)]
    shares = np.empty(permutations)
    dealt = group.copy()
    for place in range(permutations):
        for rows in members:
            dealt[rows] = rng.permutation(group[rows])
        shares[place] = explained(answers, dealt, given)
    return observed, float(shares.mean()), (1 + int((shares >= observed - ROUNDING).sum())) / (1 + permutations)


def scanner_table(predictions: pd.DataFrame, permutations: int = PERMUTATIONS) -> pd.DataFrame:
    """Test what the patients' answers go with: the class, and, within each class, kernel and thickness.

    Parameters
    ----------
    predictions : DataFrame
        As for `strata_table`.

    Returns
    -------
    DataFrame
        Columns answers_go_with ("class", "kernel", "thickness"), patients, settings (number of different ones),
        explained (share of the variance), by_chance, p_value. NaN where no class has patients of two settings.
    """
    rows = []
    patients = patient_answers(predictions)
    for name in ("class", "kernel", "thickness"):
        table = patients if name == "class" else known(patients, [name])
        given = pd.factorize(table["patient_label"])[0]
        group = given if name == "class" else pd.factorize(table[name])[0]
        inside = np.zeros(len(given), int) if name == "class" else given
        row: dict[str, object] = {"answers_go_with": name, "patients": len(table), "settings": len(np.unique(group))}
        differs = any(len(np.unique(group[inside == one])) > 1 for one in np.unique(inside))
        names = ("explained", "by_chance", "p_value")
        found = permutation_test(table["p_covid"].to_numpy(), group, inside, permutations) if differs else (np.nan,) * 3
        rows.append(row | dict(zip(names, found, strict=True)))
    return pd.DataFrame(rows)
