"""How far synthetic chests are from real ones: five measures on both, side by side.

Lung values, noise, the course of dark pixels along a series, size of the body, likeness between patients. Real slices
are those that come with the package. A good match says that a slice resembles real ones in these five ways, not that
anything learned on it holds for patients. Taught in the page behind chapter 01.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from covidlib.datasets import slice_measures as measures
from covidlib.datasets.real_slices import INFECTED, SERIES, list_real_slices, read_real_slice
from covidlib.scans.gate import find_series
from covidlib.scans.lung_masks import body_mask, lung_mask
from covidlib.scans.slices import read_slice
from covidlib.selection import count_dark_pixels, select_series, select_slices
from covidlib.utils.csv_files import read_table

LEVELS = (0.4, 0.5, 0.6, 0.7, 0.8)
"""Levels among the slices that the selection rule keeps, 0 the uppermost, 1 the lowest: patients take turns.

The real single slices are at such levels, from the roots of the lungs to the dome of the diaphragm."""
SERIES_LEVELS = ("A0001-28", "A0001-37", "A0001-46")
"""The slices of the real series that are measured beside the single ones."""
PROFILE = np.linspace(0, 1, 41)
"""Places along a series at which its dark pixels are compared, 0 the first slice, 1 the last."""
FREQUENCIES = np.arange(0.06, 0.6, 0.02)
"""Spatial frequencies in 1/mm at which the noise power is compared."""
ROWS = {
    "lung 5%": ("lung, 5% quantile (HU)", 0),
    "lung 25%": ("lung, 25% quantile (HU)", 0),
    "lung 50%": ("lung, median (HU)", 0),
    "lung 75%": ("lung, 75% quantile (HU)", 0),
    "lung 95%": ("lung, 95% quantile (HU)", 0),
    "noise_hu": ("noise, standard deviation (HU)", 1),
    "noise_frequency": ("noise, mean frequency (1/mm)", 3),
    "kept_share": ("share of slices that the rule keeps", 2),
    "area_cm2": ("body, area (cm²)", 0),
    "width_mm": ("body, width (mm)", 0),
    "depth_mm": ("body, depth (mm)", 0),
    "field_share": ("share of the field that the body fills", 2),
    "likeness": ("likeness of two patients", 2),
    "likeness_cropped": ("likeness of two patients, cropped", 2),
}
"""Rows of the comparison: name and decimals. A share of cut bodies is added below them."""


@dataclass(frozen=True)
class Measured:
    """Five measures on a set of slices.

    Attributes
    ----------
    slices : DataFrame
        One row per slice: name, patient, group, quantiles of the lungs, noise, size of the body. A name is a path in
        the cohort, or the name of a real slice.
    histograms : float array, shape (slices, bins)
        Shares of lung pixels per bin of `covidlib.datasets.slice_measures.LUNG_BINS`.
    noise : float array, shape (slices, frequencies)
        Noise power at `FREQUENCIES`, divided by the mean over them: its shape, whatever its height.
    profiles : float array, shape (series, places)
        Dark pixels at `PROFILE`, divided by the largest count of the series.
    kept_shares : float array, shape (series,)
        Share of slices that the selection rule keeps.
    thumbnails, cropped : float arrays, shape (slices, 64, 64)
        For the likeness, without and with cropping to the body.
    """

    slices: pd.DataFrame
    histograms: np.ndarray
    noise: np.ndarray
    profiles: np.ndarray
    kept_shares: np.ndarray
    thumbnails: np.ndarray
    cropped: np.ndarray

    def likeness(self, cropped: bool = False) -> np.ndarray:
        """Likeness of all pairs of slices of different patients: float array, shape (pairs,)."""
        pictures = self.cropped if cropped else self.thumbnails
        return measures.likeness_of_pairs(pictures, self.slices["patient"].to_numpy())

    def values(self, row: str) -> np.ndarray:
        """All values of one row of `compare`: of slices, of series, or of pairs of patients."""
        if row == "kept_share":
            return self.kept_shares
        if row.startswith("likeness"):
            return self.likeness(row.endswith("cropped"))
        return self.slices[row].to_numpy(float)


def dark_profile(counts: np.ndarray) -> np.ndarray:
    """Dark pixels along ONE series, divided by the largest count, at the places of `PROFILE`.

    Parameters
    ----------
    counts : int array, shape (slices,)
        From `covidlib.selection.count_dark_pixels`, from above down.

    Raises
    ------
    ValueError
        If no slice has a dark pixel.
    """
    if not counts.size or not counts.max():
        raise ValueError("a profile needs a slice with dark pixels")
    return np.interp(PROFILE, np.linspace(0, 1, len(counts)), counts / counts.max())


def slice_at(level: float, counts: np.ndarray) -> int:
    """Index of the slice at a level among those that the selection rule keeps: 0 the first of them, 1 the last."""
    kept = np.flatnonzero(select_slices(counts))
    return int(kept[round(level * (len(kept) - 1))])


def measure_slice(pixels: np.ndarray, pixel_mm: float) -> dict[str, object]:
    """The measures of one slice; those of a table by name, and the arrays histogram, noise, thumbnail, cropped.

    Parameters
    ----------
    pixels : uint16 array, shape (rows, columns)
        HU + 1024.
    pixel_mm : float
        Distance between pixels in millimetres; NaN if it is unknown, then everything in millimetres is NaN.
    """
    body = body_mask(pixels)
    lungs = lung_mask(pixels, body)
    values = measures.lung_values(pixels, lungs)
    quantiles = np.quantile(values, measures.QUANTILES) if values.size else np.full(len(measures.QUANTILES), np.nan)
    noise = measures.noise_of(measures.uniform_patches(pixels, body, lungs), pixel_mm)
    power = np.interp(FREQUENCIES, noise.frequency, noise.power, right=np.nan)
    return {
        **{f"lung {share:.0%}": value for share, value in zip(measures.QUANTILES, quantiles, strict=True)},
        "noise_hu": noise.deviation,
        "noise_frequency": noise.mean_frequency,
        **measures.body_size(pixels, pixel_mm, body),
        "histogram": measures.lung_histogram(values),
        "noise": power / np.nanmean(power) if noise.patches else power,
        "thumbnail": measures.thumbnail(pixels, body),
        "cropped": measures.thumbnail(pixels, body, cropped=True),
    }


def measure_slices(slices: Iterable[tuple[str, str, str, np.ndarray, float]], counts: list[np.ndarray]) -> Measured:
    """Measure slices, given as (name, patient, group, pixels, pixel_mm), and the dark pixels of whole series."""
    rows = [
        {"name": name, "patient": patient, "group": group, **measure_slice(pixels, pixel_mm)}
        for name, patient, group, pixels, pixel_mm in slices
    ]
    arrays = {key: np.array([row.pop(key) for row in rows]) for key in ("histogram", "noise", "thumbnail", "cropped")}
    return Measured(
        pd.DataFrame(rows),
        arrays["histogram"],
        arrays["noise"],
        np.array([dark_profile(series) for series in counts]),
        np.array([select_slices(series).mean() for series in counts]),
        arrays["thumbnail"],
        arrays["cropped"],
    )


def measure_cohort(folder: str | Path) -> Measured:
    """Measure a synthetic cohort: one slice per patient, and the dark pixels of each whole series.

    Parameters
    ----------
    folder : path
        From `covidlib.phantom.cohort.make_cohort`; `patients.csv` has the size of pixels.

    Raises
    ------
    InputError
        If the folder is no such cohort.
    """
    folder = Path(folder)
    table = read_table(folder / "patients.csv", "Name a folder that covidlib phantom made", ("patient", "pixel_mm"))
    pixel_mm = dict(zip(table["patient"], table["pixel_mm"].astype(float), strict=True))
    chosen, counts = [], []
    for number, series in enumerate(find_series(folder)):
        selection = select_series(series)
        counts.append(selection.counts)
        path = series.files[slice_at(LEVELS[number % len(LEVELS)], selection.counts)]
        patient, kind = path.parents[1].name, path.parents[2].name
        group = "infected" if kind.startswith("covid") else "normal"
        name = path.relative_to(folder).as_posix()
        chosen.append((name, patient, group, read_slice(path), pixel_mm[patient]))
    return measure_slices(chosen, counts)


def measure_real() -> Measured:
    """Measure the real slices that come with the package: eight infected ones, and the series at three levels."""
    listed = list_real_slices()
    names = [*SERIES_LEVELS, *listed.index[listed["collection"] == INFECTED]]
    groups = {SERIES: "no COVID-19", INFECTED: "infected"}
    rows = listed.loc[names]
    slices = (
        (str(name), row["patient"], groups[row["collection"]], read_real_slice(str(name)), row["pixel_mm"])
        for name, row in rows.iterrows()
    )
    series = listed.index[listed["collection"] == SERIES]
    return measure_slices(slices, [count_dark_pixels(np.stack([read_real_slice(name) for name in series]))])


def compare(synthetic: Measured, real: Measured) -> pd.DataFrame:
    """Medians and 5% to 95% quantiles of all measures, synthetic beside real.

    Returns
    -------
    DataFrame
        One row per measure: texts in the columns synthetic and real, and in inside the share of synthetic values
        between the smallest and the largest real value (NaN with one real value). The last row counts slices.
    """
    rows = {}
    for key, (name, decimals) in ROWS.items():
        drawn, scanned = (one.values(key)[~np.isnan(one.values(key))] for one in (synthetic, real))
        inside = (drawn >= scanned.min()) & (drawn <= scanned.max()) if scanned.size > 1 else np.array([np.nan])
        rows[name] = {
            "synthetic": _spread(drawn, decimals),
            "real": _spread(scanned, decimals),
            "inside": inside.mean(),
        }
    cut = (f"{int(one.slices['cut'].sum())} of {len(one.slices)}" for one in (synthetic, real))
    rows["bodies cut by the edge of the field"] = dict(
        zip(("synthetic", "real", "inside"), (*cut, np.nan), strict=True)
    )
    return pd.DataFrame.from_dict(rows, orient="index")


def _spread(values: np.ndarray, decimals: int) -> str:
    if values.size < 2:
        return f"{values[0]:.{decimals}f}" if values.size else "not measured"
    low, middle, high = (f"{value:.{decimals}f}" for value in np.quantile(values, (0.05, 0.5, 0.95)))
    return f"{middle} ({low} to {high})".replace("-", "−")
