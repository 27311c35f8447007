"""Read how a series was scanned: kernel, slice thickness, pixel spacing, tube voltage, maker (paper, section 2.1).

The settings come from the first DICOM header, or from the table that `covidlib import-dicom` writes beside its TIFF
series. Taught in chapters 06 and 09.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from covidlib.errors import InputError
from covidlib.scans import dicom
from covidlib.scans.dicom_import import allowed_settings
from covidlib.scans.series import Series
from covidlib.utils.csv_files import OtherTable, read_table

MAKERS = (
    "Siemens", "GE", "Philips", "Toshiba", "Canon", "Hitachi", "Fujifilm", "UIH", "United Imaging", "Neusoft", "Picker",
)  # fmt: skip
"""Words of a header that name a maker; other text of that field is not shown, because free text may contain a name."""
NUMBERS = ("pixel_mm", "thickness_mm", "kvp")
"""Columns of series.csv with numbers."""


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
