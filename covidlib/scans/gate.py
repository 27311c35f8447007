"""The gate: every series passes it before anything counts, and comes out usable, without strays, or refused.

A file can be whole and still not be what the paper's rule and networks were made for: values on another scale, a mask
beside the slices, a coronal series. The gate reads the middle rows of every slice once, judges the series, and reports
what it found; all commands and all notebooks open series through it (paper, section 2.1). Taught in chapter 01.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from covidlib.errors import InputError
from covidlib.names import SLICE_SIDE
from covidlib.scans.copies import content, repeated_series
from covidlib.scans.filenames import slice_key
from covidlib.scans.findings import Finding, listed, refusal, strictly, warn
from covidlib.scans.pictures import Picture, look_at, montages, moved
from covidlib.scans.series import Series, list_series, raise_same_number, stray_names
from covidlib.scans.slices import RowReader, check_same_shape
from covidlib.scans.tiff import FloatPixels
from covidlib.scans.value_scale import (
    Histogram,
    Scale,
    below_air,
    cut_above,
    darkest,
    has_body,
    histogram,
    is_like_tissue,
    is_stored_scale,
    judge,
    pooled,
    share,
)

MIDDLE = (240 / SLICE_SIDE, 340 / SLICE_SIDE)
"""The part of the height that is looked at: the rows of the selection rule's region."""
MASK_VALUES = 4
"""So few values has a mask of lesions, lungs and body."""
MOST = 0.75
"""If so many slices of a series agree, the others are unlike it; otherwise the series itself is in question."""

DARKEST = 200
"""Air is stored near 24, lung near 150: of a chest, the darkest hundredth is darker than this."""
DARK_BELOW, LEAST_REACH, CLOSED, OPEN = 300, 0.1, 0.2, 0.6
"""A dark pixel; by how much the dark share of the slices must differ; when a slice is surely closed, surely open."""


@dataclass(frozen=True)
class Opened:
    """The series that may be used, and everything that was found.

    Attributes
    ----------
    series : list of Series
        Each with its own findings.
    findings : list of Finding
        All of them, also of refused series and of files that belong to none.
    contents : dict
        Name of a usable series → hash of its slices, whatever their names: equal for copies.
    """

    series: list[Series]
    findings: list[Finding]
    contents: dict[str, str] = field(default_factory=dict)

    @property
    def refused(self) -> list[Finding]:
        """Why series are refused."""
        return [finding for finding in self.findings if finding.severity == "refused"]

    def or_error(self) -> Opened:
        """The same, if at least one series may be used.

        Raises
        ------
        NoneUsable
            The first refusal, if no series may be used.
        """
        if not self.series:
            raise NoneUsable(self)
        return self


class NoneUsable(InputError):
    """Error for a folder of which no series may be used: the first refusal, with everything that was found."""

    def __init__(self, opened: Opened) -> None:
        first = opened.refused[0].error()
        super().__init__(first.where, first.problem, first.remedy)
        self.findings = opened.findings


def find_series(root: str | Path) -> list[Series]:
    """Find the usable CT series under a folder, in natural order of their paths (paper, section 2.1).

    What was found is in `Series.findings`, and each finding is a Python warning.

    Raises
    ------
    InputError
        If the folder does not exist or has no slice, or no series may be used.
    """
    opened = open_folder(root)
    warn(opened.findings)
    return opened.series


def open_folder(root: str | Path, rescale: bool = False, strict: bool = False) -> Opened:
    """Find all CT series under a folder, and judge each.

    Parameters
    ----------
    rescale : bool
        Whether values on a known other scale are converted when they are read, if they tell the scale beyond doubt.
    strict : bool
        Whether every finding refuses its series.

    Raises
    ------
    InputError
        If the folder does not exist or has no slice, or no series may be used.
    """
    return survey_folder(root, rescale, strict).or_error()


def survey_folder(root: str | Path, rescale: bool = False, strict: bool = False) -> Opened:
    """As `open_folder`, also if no series may be used: the findings say why."""
    listing = list_series(root)
    return judge_all(listing.series, listing.findings, rescale, strict)


def judge_all(
    listed_series: Sequence[Series], findings: Sequence[Finding] = (), rescale: bool = False, strict: bool = False
) -> Opened:
    """Judge series that were listed; see `open_folder`."""
    looked = [_judged(series, rescale) for series in listed_series]
    digests = {series.name: {look.path: look.digest for look in looks} for series, looks in looked}
    judged = [series for series, _ in looked]
    repeated = repeated_series([(series, digests[series.name]) for series in judged if not series.is_refused])
    judged = [series.with_findings(repeated[series.name]) if series.name in repeated else series for series in judged]
    if strict:
        findings = strictly(findings)
        judged = [replace(series, findings=strictly(series.findings)) for series in judged]
    again = {name for name, finding in repeated.items() if finding.severity == "left out"}
    usable = [series for series in judged if not series.is_refused and series.name not in again]
    if strict:
        usable = [series for series in usable if not any(_concerns(finding, series) for finding in findings)]
    # What concerns several stacks of one folder is with each of them.
    found = dict.fromkeys([*findings, *(finding for series in judged for finding in series.findings)])
    return Opened(usable, list(found), {series.name: content(digests[series.name]) for series in usable})


def _concerns(finding: Finding, series: Series) -> bool:
    """Whether a finding is about a file or folder beside the files of a series, or about a folder above them."""
    place = Path(finding.where)
    return any(path.parent in (place, place.parent) or path.is_relative_to(place) for path in series.files)


# One series -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Look:
    """What is seen of one slice: its size, and of its middle rows the values, a hash, and what they show."""

    path: Path
    shape: tuple[int, int]
    histogram: Histogram
    digest: bytes
    picture: Picture


def _judged(series: Series, rescale: bool) -> tuple[Series, list[_Look]]:
    """The series with its findings, and what was seen of its slices; nothing if it is refused."""
    if series.is_refused:
        return series, []
    strays = stray_names(list(series.files)) if series.kind == "tiff" else []
    try:
        looks, unread = _looks(series, strays)
        series = series.with_findings(*unread)
        series, looks = _without(series, looks, _strays(looks, strays))
        for look in looks:
            check_same_shape(look.path, look.shape, looks[0].path, looks[0].shape)
        _refuse_versions(series, strays)
        series, looks = _without(series, looks, _unlike(looks))
    except InputError as error:
        code = "float-pixels" if isinstance(error, FloatPixels) else "unreadable"
        return series.with_findings(refusal(code, error)), []
    if mixed := _mixed(series, looks):
        return series.with_findings(mixed), []
    if used := tuple(path.name for path in strays if path in series.files):
        series = replace(series, files=tuple(sorted(series.files, key=lambda path: slice_key(path.stem))))
        sentence = f"used as slices though their names have another form: {listed(used)}"
        series = series.with_findings(Finding("odd-name", "note", series.name, sentence, "Rename or remove them", used))
    series = _scaled(series, looks, rescale)
    if series.is_refused:
        return series, []
    files = [(str(look.path), look.path.name) for look in looks]
    series, looks = _without(series, looks, montages(series.name, files, [look.picture for look in looks]))
    if series.scale is None:
        series = series.with_findings(*_values(series, looks))
    if series.is_refused:
        return series, []
    if series.scale is not None:
        looks = [replace(look, histogram=_converted(look.histogram, series.scale)) for look in looks]
        series, looks = _without(series, looks, _unlike(looks))
    series = series.with_findings(*_size(series, looks), *_darkness(series, looks))
    return series.with_findings(*_same_pixels(series, looks), *_opens_twice(series, looks)), looks


def _converted(seen: Histogram, scale: Scale) -> Histogram:
    values, counts = seen
    return pooled([(scale.to_stored(values), counts)])


def _refuse_versions(series: Series, strays: Sequence[Path]) -> None:
    """Refuse a second version of a slice: IM00006_v2.tif beside IM00006.tif."""
    members = {path.stem.lower(): path for path in series.files if path not in strays}
    for path in (path for path in strays if path in series.files):
        for stem, member in members.items():
            rest = path.stem.lower().removeprefix(stem)
            if rest != path.stem.lower() and not rest[:1].isdigit():
                raise_same_number(path, member)


def _mixed(series: Series, looks: list[_Look]) -> Finding | None:
    """A refusal if many slices, but not most, have values unlike tissue."""
    unlike = [look.path.name for look in looks if has_body(look.histogram) and not is_like_tissue(look.histogram)]
    like = sum(is_like_tissue(look.histogram) for look in looks)
    if not unlike or not like or len(unlike) > like:
        return None
    sentence = f"{len(unlike)} of its {len(looks)} slices have values on another scale: {listed(unlike)}"
    remedy = "Export the series again, or put what belongs together in a separate folder"
    return Finding("unknown-scale", "refused", series.name, sentence, remedy, tuple(unlike))


def _size(series: Series, looks: list[_Look]) -> list[Finding]:
    """A note if the slices do not have the size for which the rule was made."""
    if not looks or looks[0].shape == (SLICE_SIDE, SLICE_SIDE):
        return []
    rows, columns = looks[0].shape
    sentence = f"its slices have {rows}×{columns} pixels; the rule's region and the networks are for 512×512"
    return [Finding("not-512", "note", series.name, sentence, "Export the series at its original 512×512 pixels")]


def _darkness(series: Series, looks: list[_Look]) -> list[Finding]:
    """A note if nothing in the series is as dark as lung and air."""
    value = darkest(pooled([look.histogram for look in looks])) if looks else 0
    if value <= DARKEST:
        return []
    sentence = f"nothing in it is as dark as air: 99% of its pixels are above {value}; no lung, or shifted values"
    return [Finding("no-air", "note", series.name, sentence, "Compare the values of air (24) and muscle (1074)")]


def _looks(series: Series, strays: Sequence[Path]) -> tuple[list[_Look], list[Finding]]:
    """Look at every slice; a file with a strange name that cannot be read as a slice is left out."""
    reader = RowReader()
    looks, unread, turned = [], [], []
    rows = None
    for path in series.files:
        try:
            if rows is None:
                height = reader.read(path, slice(0))[1][0]
                rows = slice(int(MIDDLE[0] * height), max(int(MIDDLE[1] * height), int(MIDDLE[0] * height) + 1))
            pixels, shape = reader.read_values(path, rows)
        except InputError as error:
            if path not in strays:
                raise
            unread.append(replace(refusal("unlike", error), severity="left out", remedy=""))
            continue
        if reader.orientation != 1:
            turned.append(path.name)
        seen = histogram(pixels) if pixels.size else (np.zeros(1, int), np.zeros(1, int))
        digest = hashlib.blake2b(pixels.tobytes(), digest_size=16).digest()
        looks.append(_Look(path, shape, seen, digest, look_at(pixels)))
    if turned:
        sentence = f"the pixels of {len(turned)} slices were turned, as the Orientation tag asks: {listed(turned)}"
        unread.append(Finding("turned", "note", series.name, sentence, "", tuple(turned)))
    return looks, unread


def _without(series: Series, looks: list[_Look], findings: list[Finding]) -> tuple[Series, list[_Look]]:
    """The series without the files of some findings."""
    gone = {finding.where for finding in findings}
    looks = [look for look in looks if str(look.path) not in gone]
    return replace(series.with_findings(*findings), files=tuple(look.path for look in looks)), looks


def _strays(looks: list[_Look], strays: Sequence[Path]) -> list[Finding]:
    """Files with another form of name whose size or values are unlike those of the others."""
    others = [look for look in looks if look.path not in strays]
    if not others:
        return []
    shape = Counter(look.shape for look in others).most_common(1)[0][0]
    is_varied = np.median([len(look.histogram[0]) for look in others]) > 4 * MASK_VALUES
    findings = []
    for look in (look for look in looks if look.path in strays):
        reasons = []
        if look.shape != shape:
            reasons.append(f"{look.shape[0]}×{look.shape[1]} pixels, its series has {shape[0]}×{shape[1]}")
        if _is_mask(look.histogram) or (len(look.histogram[0]) <= MASK_VALUES and is_varied):
            reasons.append(f"only the values {listed([str(value) for value in look.histogram[0]])}")
        elif has_body(look.histogram) and not is_like_tissue(look.histogram):
            reasons.append("values on another scale")
        if reasons:
            sentence = f"is named and looks unlike its series: {' and '.join(reasons)}"
            findings.append(Finding("unlike", "left out", str(look.path), sentence, "", (look.path.name,)))
    return findings


def _is_mask(seen: Histogram) -> bool:
    """Whether a slice has two values at most, of which the higher is no tissue."""
    return len(seen[0]) <= 2 and not is_stored_scale(seen)


def _unlike(looks: list[_Look]) -> list[Finding]:
    """Slices without tissue, and slices whose values are unlike those of most others."""
    bodies = [has_body(look.histogram) for look in looks]
    likes = [is_like_tissue(look.histogram) for look in looks]
    findings = []
    if sum(like and body for like, body in zip(likes, bodies, strict=True)) < MOST * max(1, sum(bodies)):
        return []
    constant = [len(look.histogram[0]) == 1 for look in looks]
    are_varied = constant.count(False) >= MOST * len(looks)
    for look, body, like, flat in zip(looks, bodies, likes, constant, strict=True):
        if flat and are_varied:
            sentence = f"is blank: every pixel that was looked at is {look.histogram[0][0]}"
            findings.append(Finding("blank", "left out", str(look.path), sentence, "", (look.path.name,)))
        elif not body and any(bodies):
            sentence = "shows no tissue: blank, a mask, or outside the patient; the rule would take it for an open lung"
            findings.append(Finding("blank", "left out", str(look.path), sentence, "", (look.path.name,)))
        elif body and not like:
            sentence = f"its values, up to {look.histogram[0][-1]}, are unlike those of its series"
            findings.append(Finding("unlike", "left out", str(look.path), sentence, "", (look.path.name,)))
    return findings


def _scaled(series: Series, looks: list[_Look], rescale: bool) -> Series:
    """The series with the judgement of its scale."""
    seen = pooled([look.histogram for look in looks])
    verdict = judge(seen)
    if not verdict.code:
        return series
    if rescale and verdict.scale is not None and verdict.scale.certain:
        sentence = f"its values were converted to HU + 1024; they were {verdict.scale.words}"
        return replace(series, scale=verdict.scale).with_findings(Finding("rescaled", "note", series.name, sentence))
    return series.with_findings(Finding(verdict.code, "refused", series.name, verdict.sentence, verdict.remedy))


def _values(series: Series, looks: list[_Look]) -> list[Finding]:
    """What is unusual in values on the right scale: air or lung that contradict it, values too low, bright ones cut."""
    seen = pooled([look.histogram for look in looks])
    findings = moved(series.name, seen, [look.picture for look in looks])
    if dark := below_air(seen):
        sentence = f"{dark:.1%} of its pixels are far darker than air and were set to 0: noise, or a wrong sign"
        findings.append(Finding("below-air", "note", series.name, sentence))
    if cut := cut_above(seen):
        sentence = f"{cut[1]:.1%} of its pixels have the value {cut[0]} and none lies above: brighter was cut off"
        remedy = "Export the series again with all values, if the networks are to see bone"
        findings.append(Finding("cut-above", "note", series.name, sentence, remedy))
    return findings


def _same_pixels(series: Series, looks: list[_Look]) -> list[Finding]:
    """A note if slices have the same pixels as others."""
    first: dict[bytes, Path] = {}
    pairs = [(look.path, first.setdefault(look.digest, look.path)) for look in looks]
    repeated = [
        f"{path.name} and {other.name}"
        for path, other in pairs
        if path != other and np.array_equal(series.read(path), series.read(other))
    ]
    if not repeated:
        return []
    sentence = f"slices with the same pixels: {listed(repeated)}"
    return [Finding("same-pixels", "note", series.name, sentence, "Delete what is a copy")]


def _opens_twice(series: Series, looks: list[_Look]) -> list[Finding]:
    """A note if the dark share rises, falls and rises again: a chest opens once from end to end."""
    if series.scale is not None:
        return []
    order = {path: place for place, path in enumerate(series.files)}
    looks = sorted(looks, key=lambda look: order[look.path])
    dark = np.array([share(look.histogram, 0, DARK_BELOW) for look in looks])
    reach = np.ptp(dark)
    if reach < LEAST_REACH:
        return []
    level = (dark - dark.min()) / reach
    states = ["open" if one > OPEN else "closed" for one in level if not CLOSED < one <= OPEN]
    openings = sum(
        state == "open" and (not place or states[place - 1] == "closed") for place, state in enumerate(states)
    )
    if openings < 2:
        return []
    sentence = f"the lung opens {openings} times from the first slice to the last: two series in one, or out of order"
    return [Finding("opens-twice", "note", series.name, sentence, "Look at the slices, and separate or rename them")]
