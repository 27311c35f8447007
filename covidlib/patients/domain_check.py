"""Check whether a series is similar to the training data; others are not classified (paper, section 2.1).

A network gives an answer for any image. So a series is first compared with COVID-CTset, of which the headers of all
series were published (`covidlib.datasets.published_lists.series_metadata`): size, values, spacing. How much lung and
soft tissue a slice shows is not in the headers and is compared with the book's synthetic cohort. The limits are the
extremes of those data, not fitted to any result; a series within them may still differ in ways that are not checked.
Taught in chapter 06.
"""

from __future__ import annotations

import numpy as np

from covidlib.names import SLICE_SIDE
from covidlib.scans.lung_masks import lung_areas
from covidlib.scans.settings import Settings

LARGEST_VALUE = 4095
"""All 1,119 series store 12 bits, and the synthetic cohort is cut at the same value."""
FIELD_MM = (238.0, 470.0)
"""Smallest and largest reconstruction diameter of the published series; divided by 512 it is the pixel spacing."""
THICKNESS_MM = (1.5, 8.0)
"""Thinnest and thickest slices of the published series."""
SOFT_TISSUE = (924, 1174)
"""Stored values of −100 to 150 HU, from fat to tissue with contrast agent."""
LEAST_SOFT_TISSUE = 0.064
"""Half of the smallest share of soft tissue in the most open slice of a synthetic patient (0.128)."""
LEAST_LUNG = 0.058
"""Half of the smallest share of lung in the most open slice of a synthetic patient (0.116): one of two lungs."""
MAKER, TUBE_KV = "SIEMENS", 110.0
"""All 1,119 published series are from one scanner of this maker, at this tube voltage."""


def unlike_size(shape: tuple[int, int]) -> tuple[str, ...]:
    """How slices of this size differ from the training data; empty if they do not."""
    if shape == (SLICE_SIDE, SLICE_SIDE):
        return ()
    return (f"slices of {shape[0]}×{shape[1]} pixels; all training slices have {SLICE_SIDE}×{SLICE_SIDE}",)


def unlike_settings(settings: Settings) -> tuple[str, ...]:
    """How a series with these settings differs from the training data; unknown settings are accepted."""
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
    """How the most open slice of a series differs from the training data; empty if it does not.

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
    """Remarks on differences from COVID-CTset, and unknown settings, that do not prevent an answer."""
    remarks = []
    if settings.maker and settings.maker.upper() != MAKER:
        remarks.append(f"scanner by {settings.maker}; all of COVID-CTset is from one scanner by {MAKER}")
    if settings.kv is not None and settings.kv != TUBE_KV:
        remarks.append(f"tube at {settings.kv:g} kV; all of COVID-CTset at {TUBE_KV:g} kV")
    if settings.pixel_mm is None or settings.thickness_mm is None:
        reason = "no series.csv from `covidlib import-dicom` lists it" if kind == "tiff" else "not in the headers"
        remarks.append(f"pixel spacing or slice thickness not checked: {reason}")
    return tuple(remarks)
