"""Score heat maps against lesion masks: the measurement that the paper's Figure 12 lacks (section 3.3).

Everything here is arithmetic on arrays and tables; the maps come from `covidlib.heatmaps.grad_cam`, the tables of all
runs from `covidlib.heatmaps.score_runs`. Taught in chapter 07.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import ndimage

from covidlib.heatmaps.infection_areas import HALF, dice, infection_area
from covidlib.phantom.lesion_sizes import disc_diameters, numbered_areas
from covidlib.results.intervals import Interval, Metric, bootstrap_interval

GREYS = 256
"""Number of thresholds that `best_overlap` tries."""
DIAMETERS_MM = (0.0, 5.0, 10.0, 20.0, math.inf)
"""Classes of lesion size, set before any result: below 5 mm is what a radiologist calls tiny."""


# One map --------------------------------------------------------------------------------------------------------------


def peak(heat: np.ndarray) -> tuple[int, int]:
    """Find row and column of a map's highest point; on a plateau, the pixel nearest to its centre."""
    highest = np.argwhere(heat >= heat.max() * (1 - 1e-6))
    row, column = highest[((highest - highest.mean(axis=0)) ** 2).sum(axis=1).argmin()]
    return int(row), int(column)


def energy_inside(heat: np.ndarray, mask: np.ndarray) -> float:
    """Share of a map's sum that lies on a mask; NaN for an empty map."""
    total = float(heat.sum(dtype=float))
    return float(heat[mask].sum(dtype=float)) / total if total > 0 else float("nan")


def best_overlap(heat: np.ndarray, mask: np.ndarray) -> tuple[float, float]:
    """Intersection over union at the best threshold for this map, and the threshold.

    The threshold is chosen with the true mask, so the overlap is an upper bound.

    Returns
    -------
    overlap, threshold : float
        NaN for an empty map.
    """
    if not heat.any():
        return float("nan"), float("nan")
    levels = np.minimum((heat * GREYS).astype(int), GREYS - 1)
    # How many pixels lie at or above each level, on the mask and in all.
    inside = np.bincount(levels[mask], minlength=GREYS)[::-1].cumsum()[::-1]
    lit = np.bincount(levels.ravel(), minlength=GREYS)[::-1].cumsum()[::-1]
    overlap = inside / (lit + int(mask.sum()) - inside)
    return float(overlap.max()), float(overlap.argmax()) / GREYS


def score_map(heat: np.ndarray, lesions: np.ndarray, lungs: np.ndarray, body: np.ndarray) -> dict[str, float]:
    """Compute all scores of one map of one slice.

    Parameters
    ----------
    heat : float array, shape (rows, columns)
        0 to 1; all 0 if there is no map.
    lesions, lungs, body : bool arrays of the same shape
        Lesions count as lung, even outside the lung mask.

    Returns
    -------
    dict
        mapped (1 if there is a map), row, column (highest point), hit (it lies on a lesion), in_lungs, outside (it lies
        outside the body), energy_lesions, energy_lungs, overlap, threshold (`best_overlap`), dice
        (`infection_areas.infection_area`), chance (the lesions' share of the lungs). Without a map, hit is 0 and the
        other scores are left out; without a lesion, scores that need one are left out.
    """
    whole = lungs | lesions
    chance = float(lesions.sum() / whole.sum()) if whole.any() else float("nan")
    if not heat.any():
        return {"mapped": 0.0, "hit": 0.0, "chance": chance}
    row, column = peak(heat)
    scores = {
        "mapped": 1.0,
        "row": row,
        "column": column,
        "hit": float(lesions[row, column]),
        "in_lungs": float(whole[row, column]),
        "outside": float(not body[row, column]),
        "energy_lungs": energy_inside(heat, whole),
        "chance": chance,
    }
    if lesions.any():
        scores["energy_lesions"] = energy_inside(heat, lesions)
        scores["overlap"], scores["threshold"] = best_overlap(heat, lesions)
        scores["dice"] = dice(infection_area(heat, whole), lesions)
    return scores


def score_lesions(heat: np.ndarray, lesions: np.ndarray, lungs: np.ndarray, pixel_mm: float) -> pd.DataFrame:
    """Score each lesion of one slice: its size, and whether the map is lit there.

    A lesion is lit if its mean heat is at least half of the map's highest value. `chance` is the share of healthy lung
    that is lit too: a map that is lit in the whole lung finds every lesion and is not informative.

    Parameters
    ----------
    heat : float array, shape (rows, columns)
    pixel_mm : float
        Side of a pixel.

    Returns
    -------
    DataFrame
        Columns diameter_mm (of a disc of the same area), lit, chance.
    """
    numbered, areas = numbered_areas(lesions)
    healthy = lungs & ~lesions
    return pd.DataFrame(
        {
            "diameter_mm": disc_diameters(areas) * pixel_mm,
            "lit": ndimage.mean(heat, numbered, np.arange(1, len(areas) + 1)) >= HALF,
            "chance": float((heat[healthy] >= HALF).mean()) if healthy.any() else np.nan,
        }
    ).astype({"lit": float})


def hits_of_other_slices(peaks: np.ndarray, masks: Sequence[np.ndarray], patients: np.ndarray) -> np.ndarray:
    """Chance level of the pointing game: how often OTHER patients' highest points lie on a slice's lesions.

    Lesions are more frequent in certain places, and so may be the highest points of maps, whatever the slice shows. A
    hit rate has to exceed this chance level.

    Parameters
    ----------
    peaks : float array, shape (slices, 2)
        Row and column; NaN if there is no map.
    masks : bool arrays, one per slice
    patients : array, shape (slices,)

    Returns
    -------
    float array, shape (slices,)
    """
    known = ~np.isnan(peaks[:, 0])
    places = np.where(known[:, np.newaxis], peaks, 0).astype(int)
    chances = np.full(len(masks), np.nan)
    for number, mask in enumerate(masks):
        others = places[known & (patients != patients[number])]
        if len(others):
            chances[number] = mask[others[:, 0], others[:, 1]].mean()
    return chances


# Many maps ------------------------------------------------------------------------------------------------------------


def mean_of(column: str, minus: str | None = None) -> Metric:
    """Make a metric for `covidlib.results.intervals`: the mean of a column, or of its difference from another.

    Rows without a number are left out.
    """

    def metric(rows: pd.DataFrame, weights: np.ndarray) -> np.ndarray:
        values = rows[column].to_numpy(float) - (rows[minus].to_numpy(float) if minus else 0.0)
        known = ~np.isnan(values)
        counted = weights[:, known]
        with np.errstate(invalid="ignore", divide="ignore"):
            return counted @ values[known] / counted.sum(axis=1)

    return metric


def lesion_summary(
    rows: pd.DataFrame, scores: Sequence[str], by: Sequence[str] = ("network", "layer"), minus: str | None = None
) -> pd.DataFrame:
    """Mean scores per group, with intervals over patients, resampled within folds.

    If every row has a 0, or every row a 1, resampling cannot vary, and the interval is the exact one (Clopper and
    Pearson) for no patient, or every patient, of so many: with none of 30 the truth may still be one in nine. One
    patient has no interval, and neither has a difference that is the same for every patient: low and high are NaN.

    Parameters
    ----------
    rows : DataFrame
        Columns patient and fold, the scores, and the columns of `by`. Without fold, all belong to one.
    minus : str, optional
        Means of the differences to this column.

    Returns
    -------
    DataFrame
        The columns of `by`, score, value, low, high, rows (with a number), patients.
    """
    summary = []
    for names, group in rows.groupby(list(by), sort=False):
        for score in scores:
            known = group[group[score].notna()]
            if known.empty:
                continue
            interval = _interval(known, mean_of(score, minus), share=minus is None)
            size = {"rows": len(known), "patients": known["patient"].nunique()}
            summary.append(dict(zip(by, names, strict=True)) | {"score": score} | interval._asdict() | size)
    return pd.DataFrame(summary)


def _interval(rows: pd.DataFrame, metric: Metric, share: bool) -> Interval:
    """An interval over patients; exact for a share of 0 or 1, NaN where nothing varies otherwise."""
    from statsmodels.stats.proportion import proportion_confint

    rows = rows if "fold" in rows else rows.assign(fold=1)
    interval = bootstrap_interval(rows, metric, within=("fold",))
    patients = rows["patient"].nunique()
    if patients > 1 and share and interval.value in (0, 1):
        low, high = proportion_confint(int(interval.value) * patients, patients, method="beta")
        return Interval(interval.value, float(low), float(high))
    if interval.low == interval.high:
        return Interval(interval.value, math.nan, math.nan)
    return interval


def side_by_side(long: pd.DataFrame, by: Sequence[str] = ("network", "layer")) -> pd.DataFrame:
    """Format a summary as text, one column per score, each value with its interval.

    Parameters
    ----------
    by : names
        The columns by which the summary was grouped.
    """
    table = long.assign(text=[_in_words(row) for row in long.itertuples()]).pivot_table(
        index=list(by), columns="score", values="text", aggfunc="first", sort=False
    )
    return table[list(dict.fromkeys(long["score"]))].fillna("–").rename_axis(columns=None)


def _in_words(row: Any) -> str:
    if math.isnan(row.low):
        return f"{row.value:.2f} ({'one patient' if row.patients == 1 else 'no interval'})"
    return f"{row.value:.2f} ({row.low:.2f} to {row.high:.2f})"


def paired_difference(rows: pd.DataFrame, score: str, first: Sequence[str], second: Sequence[str]) -> pd.Series:
    """Mean difference of a score between two maps on the same slices, with an interval over patients.

    Parameters
    ----------
    rows : DataFrame
        Columns patient, path, network, layer, the score, and fold unless all belong to one.
    first, second : (network, layer)

    Returns
    -------
    Series
        value, low, high; low and high are NaN where nothing varies.
    """
    rows = rows if "fold" in rows else rows.assign(fold=1)
    wide = rows.pivot_table(index=["fold", "patient", "path"], columns=["network", "layer"], values=score)
    pair = pd.DataFrame({"first": wide[tuple(first)], "second": wide[tuple(second)]}).dropna().reset_index()
    return pd.Series(_interval(pair, mean_of("first", minus="second"), share=False)._asdict())


def compared(difference: pd.Series) -> str:
    """Describe a difference: "more", "less", or "not told apart" if its interval contains zero or is missing."""
    word = "more" if difference["low"] > 0 else "less" if difference["high"] < 0 else "not told apart"
    value, low, high = difference["value"], difference["low"], difference["high"]
    ends = "no interval" if math.isnan(low) else f"{low:+.3f} to {high:+.3f}"
    return f"{value:+.3f} ({ends}): {word}"


def against_baselines(
    rows: pd.DataFrame, score: str, baselines: Sequence[str], by: Sequence[str] = ("network", "layer")
) -> pd.DataFrame:
    """Compare a score with several baselines of the same rows; it is "more" only if it is more than each.

    Since each comparison must succeed, no correction for their number is needed (an intersection-union test).

    Returns
    -------
    DataFrame
        The columns of `by`, one column per baseline (`compared`), and verdict: "more", "less" (than each), or
        "not told apart".
    """
    lines = []
    for names, group in rows.groupby(list(by), sort=False):
        differences = {one: lesion_summary(group, [score], by, minus=one) for one in baselines}
        texts = {one: compared(table.iloc[0]) for one, table in differences.items()}
        words = {text.rpartition(": ")[2] for text in texts.values()}
        verdict = words.pop() if len(words) == 1 else "not told apart"
        lines.append(dict(zip(by, names, strict=True)) | texts | {"verdict": verdict})
    return pd.DataFrame(lines)


def by_diameter(rows: pd.DataFrame, scores: Sequence[str], by: Sequence[str] = ("network", "layer")) -> pd.DataFrame:
    """Summarise scores by lesion diameter (paper, abstract: the claim about tiny infections).

    Parameters
    ----------
    rows : DataFrame
        With column diameter_mm.

    Returns
    -------
    DataFrame
        As `lesion_summary`, with column size ("5 to 10 mm") and mid_mm, the median diameter of the class.
    """
    edges = DIAMETERS_MM
    names = [f"{low:g} to {high:g} mm" for low, high in zip(edges[:-1], edges[1:], strict=True)]
    names[0], names[-1] = f"below {edges[1]:g} mm", f"{edges[-2]:g} mm and more"
    size = pd.cut(rows["diameter_mm"], edges, labels=names, right=False)
    summary = lesion_summary(rows.assign(size=size.astype(str)), scores, (*by, "size"))
    summary["mid_mm"] = summary["size"].map(rows["diameter_mm"].groupby(size.astype(str)).median())
    return summary.sort_values("mid_mm", kind="stable").reset_index(drop=True)
