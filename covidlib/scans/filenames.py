"""Parse COVID-CTset's file names: class, patient, series, slice number (paper, section 2.1). Taught in chapter 01."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

TIFF_SUFFIXES = (".tif", ".tiff")
PUBLISHED_NAME = re.compile(
    r"(?P<prefix>[^/]*?(?P<label>covid|normal)[^/_]*)[/_](?P<patient>patient\d+)[/_](?P<series>SR_\d+)[/_]"
    r"IM(?P<number>\d+)\.tiff?$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class SliceName:
    """The parts of a COVID-CTset name: `covid1/patient1/SR_2/IM00010.tif` or `137covid_patient1_SR_2_IM00010.tif`."""

    prefix: str
    label: Literal["covid", "normal"]
    patient: str
    series: str
    number: int


def is_slice(name: str) -> bool:
    """Whether a file name is that of a TIFF slice."""
    # macOS creates a ._IM00001.tif beside each IM00001.tif, also in zip files: not a slice.
    return PurePosixPath(name).suffix.lower() in TIFF_SUFFIXES and not PurePosixPath(name).name.startswith(".")


def identify(path: str | Path) -> SliceName | None:
    """Parse a published file name into patient, series, slice number and class; None for any other name."""
    match = PUBLISHED_NAME.search(Path(path).as_posix())
    if match is None:
        return None
    label: Literal["covid", "normal"] = "covid" if match["label"].lower() == "covid" else "normal"
    return SliceName(match["prefix"], label, match["patient"], match["series"], int(match["number"]))


def natural_key(name: str) -> tuple[tuple[int, str], ...]:
    """A sort key that puts IM2 before IM10: digits are compared as numbers, the rest as text."""
    parts = re.split(r"(\d+)", name.lower())
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts if part)
