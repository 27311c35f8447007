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
SIGN = re.compile(
    r"(?P<before>^|[\W_]|(?<![^\W\d_])(?:z|pos|position|loc|location))(?P<sign>[-+\u2212])(?=\d)", re.IGNORECASE
)
"""A sign stands behind nothing, a separator or a word for a position: `z_-10`, `z-10`; in `slice-3` it separates."""
DECIMAL = re.compile(r"(?<![.,#])#[.,]#(?![.,]?#)")
"""In a template, two fields that may be one number with a decimal point; `1.2.840` is none."""
FARTHEST = 3
"""Positions lie at about equal distances: none farther apart than this multiple of the smallest distance."""
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


def slice_key(stem: str) -> tuple[tuple[int, str], ...]:
    """As `natural_key`, for the name of a slice, in which a number may have a sign."""
    signs = iter(_signs(stem))
    key = natural_key(SIGN.sub(r"\g<before>", stem))
    return tuple((part[0], part[1]) if part[1] else (next(signs) * part[0], "") for part in key)


def name_template(name: str) -> str:
    """A file name without its suffix, with every run of digits replaced by `#`: siblings have the same one.

    `IM00005.tif` and `IM00012.tif` give `IM#`; `preview.tif` and `IM00005_mask.tif` do not.
    A sign before a number is no part of it: `z_-5.tif` and `z_5.tif` are siblings.
    """
    return re.sub(r"\d+", "#", SIGN.sub(r"\g<before>", SUFFIX.sub("", name)))


def slice_numbers(names: Sequence[str]) -> list[float | None]:
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
    list of int, float or None
        In the order of `names`; None for a name without such a number. Numbers may be negative, and positions such as
        `z_-2.5` have a fraction.
    """
    groups: dict[tuple[str, int], list[int]] = defaultdict(list)
    for index, name in enumerate(names):
        # The number of fields as well, for names in which `#` stands already.
        fields = len(re.findall(r"\d+", SUFFIX.sub("", name)))
        groups[name_template(name).casefold(), fields].append(index)
    numbers: list[float | None] = [None] * len(names)
    for members in groups.values():
        for index, number in zip(members, _numbers_of_siblings([names[index] for index in members]), strict=True):
            numbers[index] = number
    return numbers


def _numbers_of_siblings(names: Sequence[str]) -> Sequence[float | None]:
    stems = [SUFFIX.sub("", name) for name in names]
    fields = _fields(stems)
    varying = [field for field in fields if len(set(field)) > 1]
    if not varying:
        trailing = [re.search(r"\d+$", stem) for stem in stems]
        last = fields[-1] if fields else (0,) * len(stems)
        return [number if digits else None for digits, number in zip(trailing, last, strict=True)]
    unique = [field for field in varying if len(set(field)) == len(names)]
    if not unique:
        return varying[-1]
    # `min` takes the first of equals: reversed, that is the last field.
    fewest_gaps: tuple[float, ...] = min(reversed(unique), key=lambda field: max(field) - min(field))
    return fewest_gaps


def _fields(stems: Sequence[str]) -> list[tuple[float, ...]]:
    """The numbers in names with one template, field by field, with their signs and decimals."""
    digits = [re.findall(r"\d+", stem) for stem in stems]
    signs = [_signs(stem) for stem in stems]
    count = len(digits[0])
    points = {
        name_template(stems[0])[: match.start()].count("#") for match in DECIMAL.finditer(name_template(stems[0]))
    }
    fields: list[tuple[float, ...]] = []
    place = 0
    while place < count:
        whole = tuple(sign[place] * int(number[place]) for sign, number in zip(signs, digits, strict=True))
        if place in points:
            joined = tuple(
                sign[place] * float(f"{number[place]}.{number[place + 1]}")
                for sign, number in zip(signs, digits, strict=True)
            )
            if _are_positions(joined, whole, tuple(int(number[place + 1]) for number in digits)):
                fields.append(joined)
                place += 2
                continue
        fields.append(whole)
        place += 1
    return fields


def _signs(stem: str) -> list[int]:
    """1 or -1 for each number in a name."""
    minus = {match.end() for match in SIGN.finditer(stem) if match["sign"] != "+"}
    return [-1 if match.start() in minus else 1 for match in re.finditer(r"\d+", stem)]


def _are_positions(joined: Sequence[float], whole: Sequence[float], fraction: Sequence[int]) -> bool:
    """Whether two fields with a point between them are one number: `2.5` is, patient 1 and slice 5 in `1.5` are not."""
    if len(set(joined)) < len(joined):
        return False
    if min(joined) < 0:
        return True
    ordered = sorted(joined)
    steps = [after - before for before, after in zip(ordered[:-1], ordered[1:], strict=True)]
    is_count = len(set(fraction)) == 1 or (
        len(set(fraction)) == len(joined) and max(fraction) - min(fraction) < 2 * len(joined)
    )
    return len(set(whole)) > 1 and not is_count and max(steps) <= FARTHEST * min(steps)


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
