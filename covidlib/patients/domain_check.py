"""Check whether a series is similar to the training data; others are not classified (paper, section 2.1).

A network gives an answer for any image. So a series is first compared with COVID-CTset, of which the headers of all
series were published (`covidlib.datasets.published_lists.series_metadata`): size, values, spacing. How much lung and
soft tissue a slice shows is not in the headers and is compared with the book's synthetic cohort. The limits are the
extremes of those data, not fitted to any result; a series within them may still differ in ways that are not checked.
Taught in chapter 06.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from covidlib.errors import InputError
from covidlib.names import SLICE_SIDE
from covidlib.scans import dicom
from covidlib.scans.dicom_import import allowed_settings
from covidlib.scans.lung_masks import lung_areas
from covidlib.scans.series import Series
from covidlib.utils.csv_files import OtherTable, read_table

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
MAKERS = (
    "Siemens", "GE", "Philips", "Toshiba", "Canon", "Hitachi", "Fujifilm", "UIH", "United Imaging", "Neusoft", "Picker",
)  # fmt: skip
"""Words of a header that name a maker; other text of that field is not shown, because free text may contain a name."""
NUMBERS = ("pixel_mm", "thickness_mm", "kvp")
"""Columns of series.csv with numbers."""
MAKER, TUBE_KV = "SIEMENS", 110.0
"""All 1,119 published series are from one scanner of this maker, at this tube voltage."""


@dataclass(frozen=True)
class Settings:
    """The acquisition settings of a series from its headers; None or "" if a header is missing.

    Attributes
    ----------
    pixel_mm, thickness_mm, kv : float or None
        Pixel spacing, slice thickness, tube voltage.
    maker, kernel : str
        Maker of the scanner, kernel of the reconstruction.
    """

    pixel_mm: float | None = None
    thickness_mm: float | None = None
    kv: float | None = None
    maker: str = ""
    kernel: str = ""


def settings_of(series: Series) -> Settings:
    """Read the acquisition settings of a series: from its first DICOM header, or from the table of `import-dicom`.

    `covidlib import-dicom` writes the table beside its TIFF series; of other TIFF series nothing is known.

    Raises
    ------
    InputError
        If the header or the table cannot be read.
    """
    if series.kind == "tiff":
        return _imported_settings(series.files[0].parent)
    header = dicom.read_header(series.files[0], stop_before_pixels=True)
    allowed, _ = allowed_settings([header])
    pixel, thickness, kv = (_known(allowed[column]) for column in NUMBERS)
    return Settings(pixel, thickness, kv, _maker(str(header.get("Manufacturer") or "")), str(allowed["kernel"]))


def _maker(text: str) -> str:
    """The maker's usual name; "an unknown maker" for any other text."""
    known = (maker for maker in MAKERS if re.search(rf"\b{maker}\b", text, re.IGNORECASE))
    return next(known, "an unknown maker" if text.strip() else "")


def _imported_settings(folder: Path) -> Settings:
    """Settings of an imported series from series.csv, two folders above; empty if there is no such row.

    Raises
    ------
    InputError
        If the table cannot be read, has different rows for the series, or a setting in it is not a number.
    """
    path, remedy = folder.parent.parent / "series.csv", "Correct it, or import the series again"
    if not path.exists():
        return Settings()
    try:
        table = read_table(path, remedy, ("patient", "series", "kernel", *NUMBERS))
    except OtherTable:  # of the same name: `cautions` reports the missing settings
        return Settings()
    rows = table[(table["patient"] == folder.parent.name) & (table["series"] == folder.name)].drop_duplicates()
    if len(rows) > 1:
        raise InputError(path, f"has {len(rows)} different rows for {folder.parent.name}/{folder.name}", remedy)
    if rows.empty:
        return Settings()
    row = rows.iloc[0]
    try:
        pixel, thickness, kv = (_known(row[column] or "nan") for column in NUMBERS)
    except ValueError as error:
        raise InputError(path, f"{folder.parent.name}/{folder.name}: {error}", "Write numbers as in 0.7") from error
    return Settings(pixel, thickness, kv, kernel=row["kernel"])


def _known(value: object) -> float | None:
    number = float(str(value))
    return None if math.isnan(number) else number


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
