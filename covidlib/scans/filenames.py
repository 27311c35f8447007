"""Parse file names: class, patient, series and slice number of COVID-CTset's (paper, section 2.1), and any others.

Other sources name slices as they like, and folders hold copies and previews beside them. Taught in chapter 01.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

TIFF_SUFFIXES = (".tif", ".tiff")
PUBLISHED_NAME = re.compile(
    r"(?P<prefix>[^/]*?(?P<label>covid|normal)[^/_]*)[/_](?P<patient>patient\d+)[/_](?P<series>SR_\d+)[/_]"
    r"IM(?P<number>\d+)\.tiff?$",
    re.IGNORECASE,
)
SUFFIX = re.compile(r"\.[^\W\d_]\w*$")
"""A suffix begins with a letter: the last number of `CT.1.2.840.17`, a name without suffix, is none."""
_WORD = r"(?:copy|copie|copia|cópia|kopie|kopia)"
COPY_MARKS = (
    re.compile(rf"(?P<original>.+?)[\s_.-]+\(?{_WORD}(?:[\s_]*\(?\d+\)?)?\)?", re.IGNORECASE),
    re.compile(rf"{_WORD}(?: \(\d+\))? (?:of|von|de|di) (?P<original>.+)", re.IGNORECASE),
    re.compile(r"(?P<original>.+?)\s?\(\d+\)"),
    re.compile(r"(?P<original>.+?)(?:~|\.bak|\.orig)", re.IGNORECASE),
)
"""How Windows, macOS, Linux desktops, browsers and editors mark a copy, in English and some other languages."""


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


def name_template(name: str) -> str:
    """A file name without its suffix, with every run of digits replaced by `#`: siblings have the same one.

    `IM00005.tif` and `IM00012.tif` give `IM#`; `preview.tif` and `IM00005_mask.tif` do not.
    """
    return re.sub(r"\d+", "#", SUFFIX.sub("", name))


def slice_numbers(names: Sequence[str]) -> list[int | None]:
    """The number of each slice among the files of one series.

    Names that are equal but for their digits belong together, and the number is the field of digits that differs: `2`
    in `slice 2 of 12.tif`, `17` in `CT.1.2.840.5.17.tif`. If several fields differ, it is one that differs in every
    name; among those, the one with the fewest gaps, since slices are counted and times or positions are not; and among
    equals the last. If no field differs in every name, it is the last one that differs at all, so that two slices with
    the same number show. A name that has no sibling, or only siblings with the same numbers, has the digits at its end.

    Parameters
    ----------
    names : sequence of str
        File names without folder, with or without suffix.

    Returns
    -------
    list of int or None
        In the order of `names`; None for a name without such a number.
    """
    groups: dict[tuple[str, int], list[int]] = defaultdict(list)
    for index, name in enumerate(names):
        # The number of fields as well, for names in which `#` stands already.
        fields = len(re.findall(r"\d+", SUFFIX.sub("", name)))
        groups[name_template(name).casefold(), fields].append(index)
    numbers: list[int | None] = [None] * len(names)
    for members in groups.values():
        for index, number in zip(members, _numbers_of_siblings([names[index] for index in members]), strict=True):
            numbers[index] = number
    return numbers


def _numbers_of_siblings(names: Sequence[str]) -> Sequence[int | None]:
    stems = [SUFFIX.sub("", name) for name in names]
    counted = ([int(digits) for digits in re.findall(r"\d+", stem)] for stem in stems)
    fields: list[tuple[int, ...]] = list(zip(*counted, strict=True))
    varying = [field for field in fields if len(set(field)) > 1]
    if not varying:
        trailing = [re.search(r"\d+$", stem) for stem in stems]
        return [int(digits[0]) if digits else None for digits in trailing]
    unique = [field for field in varying if len(set(field)) == len(names)]
    if not unique:
        return varying[-1]
    # `min` takes the first of equals: reversed, that is the last field.
    fewest_gaps: tuple[int, ...] = min(reversed(unique), key=lambda field: max(field) - min(field))
    return fewest_gaps


def copy_of(name: str) -> str | None:
    """The name of the original, if a file is named like a copy of another; None otherwise.

    The name alone proves nothing: Windows also numbers a whole series as `slice (1).tif` to `slice (12).tif`. So ask
    whether the original exists beside the file before calling it a copy.

    Parameters
    ----------
    name : str
        File name without folder, with or without suffix.
    """
    suffix = SUFFIX.search(name)
    stem, ending = (name[: suffix.start()], suffix[0]) if suffix else (name, "")
    for mark in COPY_MARKS:
        if match := mark.fullmatch(stem):
            return match["original"] + ending
    return stem if stem and ending.lower() in (".bak", ".orig", ".copy") else None
