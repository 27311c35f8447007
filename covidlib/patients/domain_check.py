"""Is a series like those that the networks were made for? What is unlike them gets no answer (paper, section 2.1).

A network answers whatever it is shown. So before it is asked, a series is compared with COVID-CTset, of which the
header of every series was published (`covidlib.datasets.published_lists.series_metadata`): size, values, spacing. What
headers cannot say, how much lung and soft tissue a slice shows, is compared with the book's synthetic cohort. The
limits are the extremes of those data, not fitted to any result; inside them a series may still be unlike in ways that
nobody checks here. Taught in chapter 06.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from covidlib.names import SLICE_SIDE
from covidlib.scans import dicom
from covidlib.scans.dicom_import import allowed_settings
from covidlib.scans.lung_masks import lung_areas
from covidlib.scans.series import Series

LARGEST_VALUE = 4095
"""All 1,119 series store 12 bits, and the synthetic cohort is cut at the same value."""
FIELD_MM = (238.0, 470.0)
"""Smallest and largest reconstruction diameter of the published series; one pixel is this over 512."""
THICKNESS_MM = (1.5, 8.0)
"""Thinnest and thickest slices of the published series."""
SOFT_TISSUE = (924, 1174)
"""−100 to 150 HU, stored: fat's upper end to tissue with contrast agent; elsewhere if the scale is other."""
LEAST_SOFT_TISSUE = 0.064
"""Half of the least share of soft tissue in the most open slice of a synthetic patient (0.128)."""
LEAST_LUNG = 0.058
"""Half of the least share of lung in the most open slice of a synthetic patient (0.116): one of two lungs."""
MAKERS = (
    "Siemens", "GE", "Philips", "Toshiba", "Canon", "Hitachi", "Fujifilm", "UIH", "United Imaging", "Neusoft", "Picker",
)  # fmt: skip
"""Words of a header that name a maker; other text of that field is not shown: it is free text, and may hold a name."""
MAKER, TUBE_KV = "SIEMENS", 110.0
"""All 1,119 published series are from one scanner of this maker, at this tube voltage."""


@dataclass(frozen=True)
class Settings:
    """How a series was made, as far as its headers say; None or "" where they do not.

    Attributes
    ----------
    pixel_mm, thickness_mm, kv : float or None
        Pixel spacing, slice thickness, tube voltage.
    maker, kernel : str
        Of the scanner, and of the reconstruction.
    """

    pixel_mm: float | None = None
    thickness_mm: float | None = None
    kv: float | None = None
    maker: str = ""
    kernel: str = ""


def settings_of(series: Series) -> Settings:
    """How a series was made: from the first DICOM header, or from what `covidlib import-dicom` wrote beside its TIFF.

    Of other TIFF series nothing is known.

    Raises
    ------
    InputError
        If the header cannot be read.
    """
    if series.kind == "tiff":
        return _imported_settings(series.files[0].parent)
    header = dicom.read_header(series.files[0], stop_before_pixels=True)
    allowed, _ = allowed_settings([header])
    pixel, thickness, kv = (_known(allowed[column]) for column in ("pixel_mm", "thickness_mm", "kvp"))
    return Settings(pixel, thickness, kv, _maker(str(header.get("Manufacturer") or "")), str(allowed["kernel"]))


def _maker(text: str) -> str:
    """The maker's name as it is known; "an unknown maker" for other text."""
    known = (maker for maker in MAKERS if re.search(rf"\b{maker}\b", text, re.IGNORECASE))
    return next(known, "an unknown maker" if text.strip() else "")


def _imported_settings(folder: Path) -> Settings:
    """The row of series.csv, two folders above, that belongs to an imported series; nothing where there is none."""
    try:
        table = pd.read_csv(folder.parent.parent / "series.csv", dtype=str, keep_default_na=False)
        own = table[(table["patient"] == folder.parent.name) & (table["series"] == folder.name)]
        row = own.to_dict("records")[0]
        pixel, thickness, kv = (_known(row[column] or "nan") for column in ("pixel_mm", "thickness_mm", "kvp"))
        return Settings(pixel, thickness, kv, kernel=str(row["kernel"]))
    # Another table of that name, or none: what is not known is said beside the answer.
    except (OSError, ValueError, LookupError):
        return Settings()


def _known(value: object) -> float | None:
    number = float(str(value))
    return None if math.isnan(number) else number


def unlike_size(shape: tuple[int, int]) -> tuple[str, ...]:
    """Why slices of this size are unlike the training data, or nothing."""
    if shape == (SLICE_SIDE, SLICE_SIDE):
        return ()
    return (f"slices of {shape[0]}×{shape[1]} pixels; all training slices have {SLICE_SIDE}×{SLICE_SIDE}",)


def unlike_settings(settings: Settings) -> tuple[str, ...]:
    """Why a series made so is unlike the training data, or nothing; what is unknown passes."""
    low, high = (field / SLICE_SIDE for field in FIELD_MM)
    reasons = []
    if settings.pixel_mm is not None and not FIELD_MM[0] <= round(settings.pixel_mm * SLICE_SIDE, 1) <= FIELD_MM[1]:
        reasons.append(f"pixels of {settings.pixel_mm:.3f} mm; training data {low:.3f} to {high:.3f} mm")
    if settings.thickness_mm is not None and not THICKNESS_MM[0] <= settings.thickness_mm <= THICKNESS_MM[1]:
        reasons.append(
            f"slices {settings.thickness_mm:g} mm thick; training data {THICKNESS_MM[0]:g} to {THICKNESS_MM[1]:g} mm"
        )
    return tuple(reasons)


def unlike_pixels(pixels: np.ndarray) -> tuple[str, ...]:
    """Why the most open slice of a series is unlike the training data, or nothing.

    Parameters
    ----------
    pixels : uint16 array, shape (512, 512)
        HU + 1024; the slice with the most dark pixels.
    """
    reasons = []
    highest = int(pixels.max())
    if highest > LARGEST_VALUE:
        reasons.append(f"stored values up to {highest}; training data have 12 bits, at most {LARGEST_VALUE}")
    soft = float(((pixels >= SOFT_TISSUE[0]) & (pixels <= SOFT_TISSUE[1])).mean())
    if soft < LEAST_SOFT_TISSUE:
        reasons.append(
            f"{soft:.1%} of the most open slice has the value of soft tissue, "
            f"expected {LEAST_SOFT_TISSUE:.1%} or more: values may not be HU + 1024"
        )
    lung = float(lung_areas(pixels[np.newaxis])[0]) / pixels.size
    if lung < LEAST_LUNG:
        reasons.append(f"lung fills {lung:.1%} of the most open slice, expected {LEAST_LUNG:.1%} or more: no lungs")
    return tuple(reasons)


def cautions(settings: Settings, kind: str) -> tuple[str, ...]:
    """What else differs from COVID-CTset, or is unknown, and leaves the answer standing."""
    remarks = []
    if settings.maker and settings.maker.upper() != MAKER:
        remarks.append(f"scanner by {settings.maker}; all of COVID-CTset is from one scanner by {MAKER}")
    if settings.kv is not None and settings.kv != TUBE_KV:
        remarks.append(f"tube at {settings.kv:g} kV; all of COVID-CTset at {TUBE_KV:g} kV")
    if settings.pixel_mm is None or settings.thickness_mm is None:
        where = "no series.csv of `covidlib import-dicom` says it" if kind == "tiff" else "the headers do not say it"
        remarks.append(f"pixel spacing or slice thickness not checked: {where}")
    return tuple(remarks)
