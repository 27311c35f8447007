"""Group DICOM slices into series: which files are CT slices, which stack each belongs to, in which order (section 2.1).

A series UID should name one stack of axial slices. Exports contain more: localisers, reformats and reports beside the
slices, two stacks under one UID, one stack under many. Taught in chapter 01.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from covidlib.errors import InputError
from covidlib.scans import dicom
from covidlib.scans.filenames import copy_of
from covidlib.scans.findings import Finding, listed, refusal
from covidlib.scans.orientation import turn_of
from covidlib.scans.people import contradiction, person_in
from covidlib.scans.spacing import UNEVEN, spacing_findings

if TYPE_CHECKING:
    from pydicom import Dataset

CT_OBJECTS = ("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2")
"""SOP classes of CT, Enhanced CT and legacy converted CT images."""
NOT_SCANNED = {
    "MPR", "MIP", "MINIP", "MIN IP", "MIN_IP", "AVERAGE", "REFORMATTED", "PROJECTION IMAGE", "VRT", "SSD", "3D",
}  # fmt: skip
"""Words of ImageType for images that a program computed from the slices."""
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
SAME_PLACE_MM = 1e-3
FEW_SLICES = 3
"""Three series or more of so few slices, which fit together, are one series that an export tore apart."""
SPLIT_BY = (
    "StudyInstanceUID", "FrameOfReferenceUID", "PixelSpacing", "ImageOrientationPatient", "ConvolutionKernel",
    "AcquisitionNumber", "TemporalPositionIdentifier", "StackID", "SliceThickness", "ImageType",
)  # fmt: skip
"""Header fields that tell two stacks under one UID apart, the first that does so is used."""

SAME_IN_A_SERIES = (
    "StudyInstanceUID", "FrameOfReferenceUID", "PixelSpacing", "ConvolutionKernel", "SliceThickness",
)  # fmt: skip
WIDE_GAP = 10
"""Distance, in multiples of the usual one, that separates two stacks."""
VECTORS = {"PixelSpacing": 2, "ImageOrientationPatient": 6}
TOLERANCE = 0.02
"""Millimetres, or the sine of a degree: headers are rounded."""

Member = tuple[Path, "Dataset"]


@dataclass(frozen=True)
class DicomSeries:
    """The files of one stack in slice order, with what is unusual; no files if the series is refused."""

    name: str
    files: tuple[Path, ...]
    findings: tuple[Finding, ...]


def group_series(paths: Iterable[Path]) -> tuple[list[DicomSeries], list[Finding]]:
    """Group DICOM files into CT series, each in slice order.

    Slices with the same series UID are one series, in whatever folders; slices without one are grouped by folder.

    Returns
    -------
    series : list of DicomSeries
        Named after their folder; numbered if the folder has several.
    findings : list of Finding
        Files that are not slices of a series.

    """
    groups: dict[object, list[Member]] = defaultdict(list)
    findings = []
    damaged: dict[Path, Finding] = {}
    # A file with the name of a copy comes after its original.
    for path in sorted(paths, key=lambda path: (copy_of(path.name) is not None, path)):
        try:
            header = dicom.read_header(path, stop_before_pixels=True)
            reason = reason_to_leave_out(path, header)
        except InputError as error:
            damaged.setdefault(path.parent, refusal("unreadable", error))
            continue
        if header.file_meta.get("MediaStorageSOPClassUID") == dicom.DICOMDIR:
            continue  # every export has one, and nobody takes it for a slice
        if reason:
            code, sentence = reason
            findings.append(Finding(code, "left out", str(path), sentence, files=(path.name,)))
            continue
        # UIDs are compared, never shown: they can identify the patient.
        groups[str(header.get("SeriesInstanceUID") or "") or path.parent].append((path, header))
    stacks = [stack for members in _one_uid_a_slice(groups) for stack in _stacks(members)]
    series = []
    for name, (members, found) in zip(_names(stacks), stacks, strict=True):
        # A slice that cannot be read is missing from one of the series of its folder.
        beside = [damaged[folder] for folder in damaged if any(path.parent == folder for path, _ in members)]
        beside += _continued(name, members, [other for other, _ in stacks if other is not members])
        series.append(DicomSeries(name, tuple(path for path, _ in members), (*beside, *found)))
    used = {path.parent for members, _ in stacks for path, _ in members}
    return series, findings + [finding for folder, finding in damaged.items() if folder not in used]


def is_slice_of_ct(path: Path) -> bool:
    """Whether a DICOM file can be read and is a CT slice."""
    try:
        return reason_to_leave_out(path, dicom.read_header(path, stop_before_pixels=True)) is None
    except InputError:
        return False


def reason_to_leave_out(path: Path, header: Dataset) -> tuple[str, str] | None:
    """Why a file is not a slice of a CT series: the code and the sentence of a finding; None if it is one.

    "DERIVED" in the image type mostly means a reformatted, averaged or projected image. Archives also set it for
    original slices that were compressed with loss: these declare the compression, are PRIMARY, and are kept.

    Raises
    ------
    InputError
        If the file was cut off.
    """
    modality = str(header.get("Modality") or "")
    if "Rows" not in header:
        dicom.refuse_cut(path, header)
        return "no-image", f"contains no image{f' (modality {modality})' if modality else ''}"
    kinds = dicom.image_kinds(header)
    if str(header.get("SOPClassUID") or "").startswith(SECONDARY_CAPTURE) or "ConversionType" in header:
        return "not-primary", "is a secondary capture (a screenshot or a scan of paper), which may show a name"
    if {"LOCALIZER", "SCOUT", "TOPOGRAM"} & set(kinds):
        return "not-primary", "is a localiser"
    if modality != "CT":
        return "not-ct", f"is {modality or 'of no stated modality'}, expected CT"
    kind = header.get("SOPClassUID")
    if kind and str(kind) not in CT_OBJECTS:
        return "not-ct", f"is of the class {kind.name}, expected a CT image"
    if made := NOT_SCANNED & set(kinds):
        return "not-primary", f"is a derived image ({', '.join(sorted(made))})"
    dicom.refuse_cut(path, header)
    is_compressed = str(header.get("LossyImageCompression") or "") == "01" and "PRIMARY" in kinds
    if "SECONDARY" in kinds or ("DERIVED" in kinds and not is_compressed):
        return "not-primary", f"is a derived image ({'SECONDARY' if 'SECONDARY' in kinds else 'DERIVED'})"
    if int(header.get("NumberOfFrames") or 1) > 1:
        return "several-images", f"holds {header.NumberOfFrames} images; export one file per slice (classic CT)"
    return None


def _one_uid_a_slice(groups: dict[object, list[Member]]) -> list[list[Member]]:
    """The groups; stacks of few slices that differ in nothing but UID and place are put together, to be refused."""
    small: dict[object, list[list[Member]]] = defaultdict(list)
    for members in groups.values():
        if len(members) <= FEW_SLICES:
            same = ("StudyInstanceUID", "Rows", "Columns", "PixelSpacing", "PatientID")
            small[tuple(str(members[0][1].get(field)) for field in same)].append(members)
    strewn = [[one for members in parts for one in members] for parts in small.values() if _is_one_stack(parts)]
    inside = {path for members in strewn for path, _ in members}
    return [members for members in groups.values() if members[0][0] not in inside] + strewn


def _is_one_stack(parts: list[list[Member]]) -> bool:
    """Whether several small series fit together into one: each place, or each number, is there once."""
    headers = [header for members in parts for _, header in members]
    places = np.sort([dicom.position_mm(header) for header in headers])
    if np.isnan(places).all():
        places = np.sort([dicom.number(header) for header in headers])
    return len(parts) > 2 and not np.isnan(places).any() and bool((np.diff(places) > SAME_PLACE_MM).all())


def _continued(name: str, members: list[Member], others: list[list[Member]]) -> list[Finding]:
    """A note if another series, with the same settings, begins where this one ends."""
    same = ("StudyInstanceUID", "Rows", "Columns", "ConvolutionKernel", "SliceThickness", "PatientID")
    places = np.sort([dicom.position_mm(header) for _, header in members])
    if len(places) < 2 or np.isnan(places).any():
        return []
    usual = float(np.median(np.diff(places)))
    for other in others:
        distance = min((dicom.position_mm(header) for _, header in other), default=np.nan) - places[-1]
        if abs(distance - usual) < UNEVEN * usual and all(
            _value(members[0][1], field) == _value(other[0][1], field) for field in same
        ):
            sentence = f"another series of {len(other)} slices begins where it ends: one series in two?"
            return [Finding("continued", "note", name, sentence, "Export the series again, if it should be one")]
    return []


def _names(stacks: list[tuple[list[Member], tuple[Finding, ...]]]) -> list[str]:
    folders = [Path(os.path.commonpath([path.parent for path, _ in members])) for members, _ in stacks]
    names = []
    seen: Counter[Path] = Counter()
    for folder in folders:
        seen[folder] += 1
        # Numbers, not UIDs: names are shown and written to files.
        names.append(str(folder / f"series{seen[folder]}") if folders.count(folder) > 1 else str(folder))
    return names


# One series UID -------------------------------------------------------------------------------------------------------


def _stacks(members: list[Member]) -> list[tuple[list[Member], tuple[Finding, ...]]]:
    """The stacks of one series UID, each with its slices in order and its findings."""
    where = str(os.path.commonpath([path.parent for path, _ in members]))
    uids = {str(header.get("SeriesInstanceUID") or "") for _, header in members}
    if len(uids) > 1:
        sentence = f"its {len(members)} slices have {len(uids)} series UIDs, so they may not be one series"
        remedy = "Export the series again, or import it with a program that writes one UID per series"
        return [(members, (Finding("several-stacks", "refused", where, sentence, remedy),))]
    people = {person_in(header) for _, header in members}
    ids = {person.id for person in people} - {""}
    if len(ids) > 1 or contradiction(people, with_name=True):
        how = f"{len(ids)} patients" if len(ids) > 1 else f"people who differ in {contradiction(people, True)}"
        remedy = "Put each patient in a separate folder; the series UID was copied or blanked"
        return [(members, (Finding("several-people", "refused", where, f"one series with slices of {how}", remedy),))]
    members, findings = _without_copies(members)
    members, others = _axial(members, where)
    findings += others
    if any(finding.severity == "refused" for finding in findings):
        return [(members, tuple(findings))]
    if folders := sorted({str(path.parent) for path, _ in members})[1:]:
        sentence = f"its slices lie in {len(folders) + 1} folders; they have one series UID and are one series"
        findings.append(Finding("joined", "note", where, sentence))
    parts = [one for part in _parts(members) for one in _apart(part)]
    if len(parts) > 1:
        field, sizes = _telling_field(members) or "a wide gap", ", ".join(str(len(part)) for part in parts)
        sentence = (
            f"one series UID holds {len(parts)} stacks of {sizes} slices, told apart by {field}; each is a series"
        )
        findings.append(Finding("split", "note", where, sentence))
    stacks = []
    for part in parts:
        try:
            ordered, found = _in_slice_order(part, where)
        except InputError as error:
            stacks.append((part, (*findings, refusal("several-stacks", error))))
            continue
        stacks.append((ordered, (*findings, *found, *_settings_findings(ordered, where))))
    return stacks


def _without_copies(members: list[Member]) -> tuple[list[Member], list[Finding]]:
    """Each slice once: two files with the same object UID and the same bytes are one slice."""
    kept: dict[str, Member] = {}
    copies, different = [], []
    for path, header in members:
        uid = str(header.get("SOPInstanceUID") or path)
        if uid in kept and kept[uid][0].read_bytes() == path.read_bytes():
            copies.append(
                Finding("copy", "left out", str(path), f"is a copy of {kept[uid][0].name}", "Delete it", (path.name,))
            )
        elif uid in kept:
            different.append((path, header))
        else:
            kept[uid] = (path, header)
    return [*kept.values(), *different], copies


def _axial(members: list[Member], where: str) -> tuple[list[Member], list[Finding]]:
    """The axial slices; a few others among them are left out, a series of others is refused."""
    axes = [dicom.directions(header) for _, header in members]
    others = [
        path for (path, _), six in zip(members, axes, strict=True) if not np.isnan(six).any() and turn_of(six) is None
    ]
    if not others:
        return members, []
    names = tuple(path.name for path in others)
    if len(others) * 2 >= len(members):
        which = "its slices" if len(others) == len(members) else f"{len(others)} of its {len(members)} slices"
        sentence = f"{which} are not axial but coronal, sagittal or oblique"
        remedy = "Export the axial series; the rule and the networks know no other"
        return members, [Finding("not-axial", "refused", where, sentence, remedy, names)]
    return [member for member in members if member[0] not in others], [
        Finding("other-orientation", "left out", str(path), "is not axial, unlike its series", files=(path.name,))
        for path in others
    ]


def _by(members: list[Member], field: str) -> list[list[Member]]:
    """The slices, divided by the value of a field; numbers are equal within a tolerance."""
    parts: list[tuple[object, list[Member]]] = []
    for path, header in members:
        value = _value(header, field)
        part = next((part for other, part in parts if _equal(value, other)), None)
        if part is None:
            parts.append((value, part := []))
        part.append((path, header))
    return [part for _, part in parts]


def _value(header: Dataset, field: str) -> object:
    if field in VECTORS:
        return dicom.numbers(header, field, VECTORS[field])
    return str(header.get(field) or "")


def _equal(one: object, other: object) -> bool:
    if isinstance(one, np.ndarray):
        return bool(np.allclose(one, other, atol=TOLERANCE, equal_nan=True))  # type: ignore[arg-type]
    return one == other


def _parts(members: list[Member]) -> list[list[Member]]:
    field = _telling_field(members)
    return [members] if field is None else [one for part in _by(members, field) for one in _parts(part)]


def _telling_field(members: list[Member]) -> str | None:
    """The header field that tells two stacks apart, of which each has its own place or settings; None if it is one."""
    if np.isnan([dicom.position_mm(header) for _, header in members]).any():
        return None
    for field in SPLIT_BY:
        parts = _by(members, field)
        # A field that differs in single slices only (an acquisition a slice) does not tell stacks apart.
        if len(parts) < 2 or min(map(len, parts)) < 2:
            continue
        if SPLIT_BY.index(field) < 4 or _overlap(parts):
            return field
    return None


def _apart(members: list[Member]) -> list[list[Member]]:
    """The stacks on both sides of each wide gap."""
    places = np.array([dicom.position_mm(header) for _, header in members])
    order = np.argsort(places, kind="stable")
    steps = np.diff(places[order])
    if np.isnan(places).any() or len(steps) < 2:
        return [members]
    wide = np.flatnonzero(steps > WIDE_GAP * np.median(steps)) + 1
    parts = np.split(order, wide)
    return [[members[i] for i in part] for part in parts] if min(map(len, parts)) > 2 else [members]


def _overlap(parts: list[list[Member]]) -> bool:
    """Whether the stretches of two stacks overlap: one scan in several acquisitions has them one after the other."""
    ends = sorted(
        (min(places), max(places)) for places in ([dicom.position_mm(header) for _, header in part] for part in parts)
    )
    return any(low < high - SAME_PLACE_MM for (_, high), (low, _) in zip(ends[:-1], ends[1:], strict=True))


def _in_slice_order(members: list[Member], where: str) -> tuple[list[Member], list[Finding]]:
    numbers = np.array([dicom.number(header) for _, header in members], dtype=float)
    positions = np.array([dicom.position_mm(header) for _, header in members], dtype=float)
    several = "Put each reconstruction or time point in a separate folder"
    if np.isnan(positions).any():
        if np.isnan(numbers).any() and len(members) > 1:
            raise InputError(
                members[0][0],
                "its series contains slices with neither a position nor an instance number",
                "Export the series again with its geometry (ImagePositionPatient)",
            )
        order = np.argsort(numbers, kind="stable")
        for before, after in zip(order[:-1], order[1:], strict=True):
            if numbers[before] == numbers[after]:
                first, second = members[before][0], members[after][0]
                problem = f"this slice has the same InstanceNumber ({numbers[after]:.0f}) as {first.name}"
                raise InputError(second, f"{problem}, and no position", several)
        sentence = "slices have no position: ordered by InstanceNumber, and neither gaps nor orientation were checked"
        return [members[i] for i in order], [Finding("order", "note", where, sentence)]
    order = np.argsort(positions, kind="stable")
    for before, after in zip(order[:-1], order[1:], strict=True):
        if positions[after] - positions[before] < SAME_PLACE_MM:
            problem = f"this slice has the same position as {members[before][0].name}"
            raise InputError(members[after][0], problem, several)
    if np.isnan(numbers).any():
        sentence = "slices have no InstanceNumber: ordered by position alone"
        found = [Finding("order", "note", where, sentence)]
    else:
        steps = np.diff(numbers[order])
        # Which end comes first is a convention: follow the scanner's numbers, as COVID-CTset's file names do.
        if (steps < 0).sum() > (steps > 0).sum():
            order, steps = order[::-1], -steps[::-1]
        odd = int((steps <= 0).sum())
        sentence = f"InstanceNumber contradicts the position at {odd} places: ordered by position"
        found = [Finding("order", "note", where, sentence)] if odd else []
    names = [members[i][0].name for i in order]
    thickness = [dicom.numbers(members[i][1], "SliceThickness", 1)[0] for i in order]
    found += spacing_findings(where, names, np.abs(np.diff(positions[order])), float(np.median(thickness)))
    return [members[i] for i in order], found


def _settings_findings(members: list[Member], where: str) -> list[Finding]:
    """What the headers say about turned pixels and misplaced bits."""
    findings = []
    units = {str(header.get("RescaleType") or "HU") for _, header in members} - {"HU"}
    if units and all(map(dicom.UNIT.fullmatch, units)):
        sentence = f"RescaleType is {', '.join(sorted(units))}, not HU; the values were judged to be HU"
        findings.append(Finding("unit", "note", where, sentence))
    for field in SAME_IN_A_SERIES:
        parts = sorted(_by(members, field), key=len)
        if len(parts) > 1:
            names = tuple(path.name for part in parts[:-1] for path, _ in part)
            sentence = f"{field} differs in {len(names)} of its {len(members)} slices: {listed(names)}"
            findings.append(Finding("odd-header", "note", where, sentence, "", names))
    turned = [(path.name, turn) for path, header in members if (turn := dicom.turn_in(header))]
    if turned:
        words = ", ".join(sorted({turn.words() for _, turn in turned}))
        sentence = f"the pixels of {len(turned)} slices were {words}, as ImageOrientationPatient asks"
        findings.append(Finding("turned", "note", where, sentence, files=tuple(name for name, _ in turned)))
    shifted = [path.name for path, header in members if dicom.misplaced_bits(header)]
    if shifted:
        sentence = (
            f"HighBit of {listed(shifted)} says that the pixels stand in the upper bits: they were shifted down, "
            "except in files that use the lower bits too"
        )
        findings.append(Finding("misplaced-bits", "note", where, sentence, files=tuple(shifted)))
    return findings
