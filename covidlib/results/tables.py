"""Make result tables: Table 9 as printed, recomputed and ours, and the three networks ranked, with intervals.

"Recomputed" values follow from the printed counts of the folds; "ours" follow from the predictions of our networks.
Taught in chapters 05 and 06.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from covidlib.paper.tables import AVERAGE, network_name, table_numbers
from covidlib.results.design_effects import clustering
from covidlib.results.intervals import RESAMPLES, Interval, bootstrap_interval, wilson_interval
from covidlib.results.metrics import Counts, called_covid, confusion_counts, labelled, table9, table9_columns
from covidlib.results.printed_counts import printed_fold_counts
from covidlib.results.scores import SCORES, balanced_accuracy, of_counts, sensitivity, specificity

MEAN, POOLED = "mean of folds", "pooled"
RANKED = ("sensitivity", "specificity", "balanced accuracy")


def pooled(folds: Sequence[Counts]) -> Counts:
    """Sum the counts of several folds.

    In the paper a normal image is tested in about four folds, by as many trained networks, and is counted each time.
    """
    return Counts(*np.sum([list(vars(counts).values()) for counts in folds], axis=0).tolist())


def pooled_predictions(predictions: pd.DataFrame) -> dict[str, Counts]:
    """Count right and wrong slices of each network over all folds, from predictions."""
    return {
        str(network): confusion_counts(rows["label"], rows["p_covid"])
        for network, rows in labelled(predictions).groupby("network")
    }


def three_columns(predictions: pd.DataFrame | None = None) -> pd.DataFrame:
    """Compare three versions of Table 9's averages: as printed, recomputed from the printed counts, and ours.

    Parameters
    ----------
    predictions : DataFrame, optional
        In the form of `covidlib.results.metrics.table9`; without it the column ours is empty.

    Returns
    -------
    DataFrame
        Index network, average ("mean of folds" or "pooled") and column (Table 9's); columns printed, recomputed,
        ours. The paper prints no pooled values.
    """
    printed = {(network_name(str(name)), MEAN): row for name, row in _averages(table_numbers(9)).iterrows()}
    recomputed, ours = {}, {}
    for network, folds in printed_fold_counts().items():
        recomputed[network, MEAN] = pd.DataFrame([table9_columns(counts) for counts in folds]).mean()
        recomputed[network, POOLED] = pd.Series(table9_columns(pooled(folds)))
    if predictions is not None:
        ours = {(str(name), MEAN): row for name, row in _averages(table9(predictions)).iterrows()} | {
            (name, POOLED): pd.Series(table9_columns(counts))
            for name, counts in pooled_predictions(predictions).items()
        }
    index = pd.MultiIndex.from_tuples(
        [(*key, column) for key, columns in recomputed.items() for column in columns.index],
        names=["network", "average", "column"],
    )
    sides = {"printed": printed, "recomputed": recomputed, "ours": ours}
    return pd.DataFrame(
        {
            side: pd.Series(
                {(*key, column): float(value) for key, row in rows.items() for column, value in row.items()}
            )
            for side, rows in sides.items()
        },
        index=index,
    )


def three_columns_in_words(predictions: pd.DataFrame) -> pd.DataFrame:
    """Format `three_columns` as text; what is missing has its reason.

    Returns
    -------
    DataFrame
        Index and columns of `three_columns`.
    """
    three = three_columns(predictions)
    folds = table9(predictions)
    folds = folds[folds["Fold"] != AVERAGE]
    text = three.map(lambda value: f"{value:.4f}")
    text.loc[three["printed"].isna(), "printed"] = "not printed"
    for place in np.flatnonzero(three["ours"].isna()).tolist():
        network, average, column = map(str, three.index[place])
        of_folds = folds.loc[folds["Network"] == network, column]
        text.iloc[place, text.columns.get_loc("ours")] = _undefined(of_folds, average)  # type: ignore[index]
    return text


def _undefined(of_folds: pd.Series, average: str) -> str:
    if of_folds.empty:
        return "not trained"
    return f"undefined in {of_folds.isna().sum()} of {len(of_folds)} folds" if average == MEAN else "undefined"


def _averages(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["Fold"] == AVERAGE].set_index("Network").drop(columns="Fold")


def rate_intervals(counts: Counts, design_effects: tuple[float, float] = (1.0, 1.0)) -> dict[str, Interval]:
    """Compute sensitivity, specificity and balanced accuracy with intervals, from counts alone.

    Wilson's intervals for the two shares, and from them the interval of their mean (Newcombe's method of combining
    intervals of independent shares).

    Parameters
    ----------
    design_effects : (infected, normal)
        Design effects of the slices of each class; with 1 they are assumed to be independent.
    """
    infected = (counts.true_covid, counts.true_covid + counts.false_normal)
    normal = (counts.true_normal, counts.true_normal + counts.false_covid)
    both = [
        Interval(float(score(counts)), *wilson_interval(*share, design_effect=effect))
        for score, share, effect in zip((sensitivity, specificity), (infected, normal), design_effects, strict=True)
    ]
    middle = float(balanced_accuracy(counts))
    down, up = (
        math.hypot(*reach) / 2 for reach in zip(*((i.value - i.low, i.high - i.value) for i in both), strict=True)
    )
    return dict(zip(RANKED, (*both, Interval(middle, middle - down, middle + up)), strict=True))


def ranking(counts: Mapping[str, Counts], by: str = "sensitivity") -> pd.DataFrame:
    """Rank the networks by a score, from counts of slices or of patients.

    Parameters
    ----------
    counts : dict of Counts
        By network: pooled printed counts, or ours.
    by : "sensitivity", "specificity" or "balanced accuracy"

    Returns
    -------
    DataFrame
        Index network, best first; for each of the three scores its value and the ends of its interval (`…_low`,
        `…_high`), and its `…_rank`.
    """
    return _ranked({network: rate_intervals(of_network) for network, of_network in counts.items()}, by)


def ranking_by_patients(predictions: pd.DataFrame, by: str = "sensitivity", resamples: int = RESAMPLES) -> pd.DataFrame:
    """Rank the networks from predictions of slices, with intervals over resampled patients.

    Returns
    -------
    DataFrame
        See `ranking`.
    """
    long = score_intervals(predictions, RANKED, resamples=resamples)
    return _ranked(
        {
            str(network): {
                score: Interval(*map(float, ends))
                for score, ends in zip(rows["score"], rows[["value", "low", "high"]].to_numpy(), strict=True)
            }
            for network, rows in long.groupby("network")
        },
        by,
    )


def _ranked(intervals: Mapping[str, Mapping[str, Interval]], by: str) -> pd.DataFrame:
    columns: dict[str, dict[str, float]] = {}
    for score in RANKED:
        columns[score] = {network: scores[score].value for network, scores in intervals.items()}
        columns[f"{score}_low"] = {network: scores[score].low for network, scores in intervals.items()}
        columns[f"{score}_high"] = {network: scores[score].high for network, scores in intervals.items()}
    table = pd.DataFrame(columns).rename_axis("network")
    for score in RANKED:
        table[f"{score}_rank"] = table[score].rank(ascending=False, method="min").astype(int)
    return table.sort_values(by, ascending=False)


def format_interval(table: pd.DataFrame, name: str) -> pd.Series:
    """Format a value and its interval as text, from the columns `name`, `name_low`, `name_high`."""
    ends = table[[name, f"{name}_low", f"{name}_high"]].to_numpy()
    return pd.Series([str(Interval(*map(float, row))) for row in ends], index=table.index)


def readable(ranked: pd.DataFrame) -> pd.DataFrame:
    """Format a ranking as text, score after score, with the networks in the order of the ranking.

    Parameters
    ----------
    ranked : DataFrame
        From `ranking` or `ranking_by_patients`.

    Returns
    -------
    DataFrame
        Index score, network; columns value (with its interval) and rank.
    """
    return pd.concat(
        {
            score: pd.DataFrame({"value": format_interval(ranked, score), "rank": ranked[f"{score}_rank"]})
            for score in RANKED
        },
        names=["score"],
    )


def score_intervals(
    predictions: pd.DataFrame,
    scores: Sequence[str] = tuple(SCORES),
    unit: Literal["patient", "slice"] = "patient",
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """Compute scores of each network, all folds pooled, with intervals over patients resampled within folds.

    Parameters
    ----------
    predictions : DataFrame
        Columns network, fold, patient, patient_label, label, p_covid.
    scores : names
        Of `covidlib.results.scores.SCORES`.
    unit : "patient" or "slice"
        See `covidlib.results.intervals.bootstrap`.

    Returns
    -------
    DataFrame
        Columns network, score, value, low, high.
    """
    rows = []
    for network, of_network in labelled(predictions).groupby("network"):
        for score in scores:
            interval = bootstrap_interval(of_network, of_counts(SCORES[score]), unit=unit, resamples=resamples)
            rows.append({"network": network, "score": score, **interval._asdict()})
    return pd.DataFrame(rows)


def clustering_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """Compute the intraclass correlation and design effect of slice errors, by network and class, within folds.

    Parameters
    ----------
    predictions : DataFrame
        Columns network, fold, patient, label, p_covid.

    Returns
    -------
    DataFrame
        Columns network, label, patients, slices, icc, design_effect, effective_slices, fold_part
        (`covidlib.results.design_effects.Clustering`).
    """
    rows = []
    for (network, label), slices in labelled(predictions).groupby(["network", "label"]):
        wrong = called_covid(slices["p_covid"]) != (label == "covid")
        found = clustering(wrong, slices["patient"], slices["fold"])
        rows.append({"network": network, "label": label, **found._asdict()})
    return pd.DataFrame(rows)
