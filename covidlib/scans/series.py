"""Find the CT series under a folder, order their slices, and read them (paper, section 2.1).

A slice is stored as in COVID-CTset: unsigned 16 bits, value = Hounsfield units + 1024, 0 outside the reconstruction
field. Here files are only listed; `covidlib.scans.gate` looks at their pixels. Taught in chapter 01.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from covidlib.errors import InputError
from covidlib.scans import dicom
from covidlib.scans.dicom_series import group_series, is_slice_of_ct
from covidlib.scans.filenames import (
    TIFF_SUFFIXES,
    copy_of,
    identify,
    name_template,
    natural_key,
    slice_key,
    slice_numbers,
)
from covidlib.scans.findings import Finding, listed, refusal
from covidlib.scans.slices import check_same_shape, read_slice
from covidlib.scans.spacing import spacing_findings
from covidlib.scans.value_scale import Scale
from covidlib.utils.files import check_folder

PLAIN = (".csv", ".txt", ".json", ".md", ".xml", ".html", ".pdf", ".xlsx", ".tsv", ".yml", ".yaml", ".log", ".ini",
         ".db", ".inf", ".exe", ".py", ".sha256")  # fmt: skip
"""Suffixes of files that nobody takes for slices: they are not mentioned."""
PLAIN_NAMES = ("license", "licence", "readme", "copying", "notice", "authors", "changelog", "citation", "version",
               "manifest", "md5sums", "sha256sums", "checksums", "makefile")  # fmt: skip
"""Names without a suffix of such files."""
COMPRESSED = (".gz", ".bz2", ".xz", ".zip", ".7z", ".rar", ".tar", ".tgz", ".zst")
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".nii", ".nrrd", ".mha", ".mhd", ".img", ".raw", ".part")
"""Suffixes of files that may be slices in another format: they are mentioned wherever they lie."""
FEWEST = 3
"""So many files with names of one form can be a series."""
USUAL_SHARE = 2 / 3
"""If so many files of a folder have names of one form, the others are looked at more closely."""


@dataclass(frozen=True)
class Series:
    """One CT series: its files in slice order.

    Attributes
    ----------
    name : str
        The folder; for flat names the path up to the slice number, so that every series has a different name.
    files : tuple of Path
        One file per slice, in the order in which the table moved.
    kind : "tiff" or "dicom"
        File format of the slices.
    findings : tuple of Finding
        What is unusual: gaps, files left out, turned pixels.
    scale : Scale or None
        The scale of the values, if they are converted when they are read (`--rescale`).
    """

    name: str
    files: tuple[Path, ...]
    kind: Literal["tiff", "dicom"]
    findings: tuple[Finding, ...] = ()
    scale: Scale | None = None

    def __len__(self) -> int:
        return len(self.files)

    @property
    def is_refused(self) -> bool:
        """Whether a finding says that it may not be used."""
        return any(finding.severity == "refused" for finding in self.findings)

    def read(self, path: Path) -> np.ndarray:
        """Read one of its slices: uint16 array, shape (rows, columns), HU + 1024."""
        return read_slice(path, self.scale)

    def with_findings(self, *findings: Finding) -> Series:
        """The same series with further findings."""
        return replace(self, findings=(*self.findings, *findings))


@dataclass(frozen=True)
class Listing:
    """The series under a folder, before any pixel was read, and the findings about files that belong to none."""

    series: list[Series] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def list_series(*roots: str | Path) -> Listing:
    """List all CT series under a folder, or under several of one patient, in natural order of their paths.

    Both of COVID-CTset's layouts are recognised; other TIFF files in the same folder are one series. DICOM files are
    grouped by series UID, across folders. A file that is no slice is named in a finding, unless it is plain text.

    Raises
    ------
    InputError
        If the folder does not exist or has no slice, or a DICOM file cannot be read.
    """
    for root in map(Path, roots):
        check_folder(root, "Name a folder with the slices of one or more series")
    series: list[Series] = []
    findings: list[Finding] = []
    dicoms: list[Path] = []
    for folder, names in (pair for root in roots for pair in walk(Path(root), findings)):
        special = [name for name in names if (folder / name).exists() and not (folder / name).is_file()]
        if special:
            sentence = f"no regular file: {listed(special)}"
            findings.append(Finding("other-file", "left out", str(folder), sentence, "", tuple(special)))
        names = [name for name in names if name not in special]
        tiffs = [folder / name for name in names if name.lower().endswith(TIFF_SUFFIXES)]
        others = [folder / name for name in names if not name.lower().endswith(TIFF_SUFFIXES)]
        found = [path for path in others if path.exists() and dicom.looks_like_dicom(path)]
        strange = [path for path in others if path not in found]
        findings += _strange_files(folder, strange, among_slices=bool(tiffs or found))
        slices = [path for path in found if tiffs and is_slice_of_ct(path)]
        if slices:
            problem = f"mixes {len(tiffs)} TIFF and {len(slices)} DICOM files"
            remedy = "Put the slices of each series, in one format, in a separate folder"
            findings.append(Finding("mixed-formats", "refused", str(folder), problem, remedy))
            continue
        dicoms += found
        try:
            series += _tiff_series(folder, tiffs)
        except InputError as error:  # two files for one slice: the series of other folders are not affected
            findings.append(refusal("same-number", error))
    groups, left_out = group_series(dicoms)
    findings += left_out
    series += [Series(group.name, group.files, "dicom", group.findings) for group in groups]
    if not series and not any(finding.severity == "refused" for finding in findings):
        raise InputError(roots[0], *_nothing(findings))
    return Listing(sorted(series, key=lambda one: natural_key(one.name)), findings)


def _nothing(findings: list[Finding]) -> tuple[str, str]:
    """Why there is no slice: what the files are that were left out."""
    remedy = "Name a folder with 16-bit TIFF or DICOM slices of chest CT"
    if not findings:
        return "no TIFF or DICOM slice found", remedy
    reasons = Counter(finding.sentence for finding in findings).most_common()
    shown = "; ".join(f"{count} × {reason}" if count > 1 else reason for reason, count in reasons[:3])
    return f"no CT slice found; left out: {shown}{' and others' if len(reasons) > 3 else ''}", remedy


def walk(root: Path, findings: list[Finding] | None = None) -> Iterator[tuple[Path, list[str]]]:
    """Walk through every folder from `root` down, links too, with the names of its files, without hidden ones.

    Parameters
    ----------
    findings : list of Finding, optional
        Receives a finding for each link to a folder that was met before.

    Raises
    ------
    InputError
        If a folder cannot be opened.
    """

    def refuse(error: OSError) -> None:
        raise InputError(error.filename, f"cannot be opened ({error.strerror})", "Grant read permission and try again")

    # A link may lead to a folder above, or two links to one folder: each folder is read once, where it really is.
    top = root.resolve()
    real = {Path(folder).resolve() for folder, _, _ in os.walk(root)}
    for folder, folders, names in os.walk(root, onerror=refuse, followlinks=True):
        here = Path(folder).resolve()
        is_direct = here == top / Path(folder).relative_to(root)
        if not is_direct and (here in real or top.is_relative_to(here)):
            if findings is not None:
                sentence = "is a link to a folder that is read elsewhere, or lies above"
                findings.append(Finding("linked-twice", "note", folder, sentence))
            folders[:] = []
            continue
        real.add(here)
        # Hidden entries are never slices (macOS creates a ._IM00001.tif beside each IM00001.tif).
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield Path(folder), [name for name in names if not name.startswith(".")]


def _strange_files(folder: Path, paths: list[Path], among_slices: bool) -> list[Finding]:
    """One finding for each kind of file that could have been meant as a slice and is none."""
    reasons: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        suffix = path.suffix.lower()
        if not path.exists():
            reasons["a link that leads nowhere"].append(path.name)
        elif path.stat().st_size == 0:
            reasons["empty"].append(path.name)
        elif _is_tiff(path):
            reasons["TIFF, without .tif at the end of the name; rename"].append(path.name)
        elif suffix in COMPRESSED:
            reasons["compressed; unpack first"].append(path.name)
        elif path.name.lower() in PLAIN_NAMES:
            continue
        elif suffix in PICTURES or (suffix not in PLAIN and (among_slices or not suffix)):
            reasons["neither TIFF nor DICOM"].append(path.name)
    return [
        Finding("other-file", "left out", str(folder), f"{_files(names)} {reason}: {listed(names)}", "", tuple(names))
        for reason, names in reasons.items()
    ]


def _is_tiff(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4) in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def _files(names: list[str]) -> str:
    return "a file is" if len(names) == 1 else f"{len(names)} files are"


def _tiff_series(folder: Path, tiffs: list[Path]) -> list[Series]:
    groups: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(tiffs):
        published = identify(path.name)
        key = folder / f"{published.prefix}_{published.patient}_{published.series}" if published else folder
        groups[str(key)].append(path)
    series = []
    for name, paths in groups.items():
        # The part for training holds only the slices that the authors selected: their numbers have gaps.
        is_chosen = identify(paths[0].name) is not None
        forms = [paths] if is_chosen else _forms(paths)
        if len(forms) == 1:
            series.append(_tiff_stack(name, paths, check_gaps=not is_chosen))
            continue
        shown = listed([name_template(form[0].name) for form in forms])
        sentence = f"the names of its files have {len(forms)} forms ({shown}); each became a series"
        for number, form in enumerate(forms, start=1):
            one = _tiff_stack(f"{name}/series{number}", form, check_gaps=True)
            series.append(one.with_findings(Finding("split", "note", name, sentence)))
    return series


def _forms(paths: list[Path]) -> list[list[Path]]:
    """The files by the form of their names, if several forms have the files of a series; otherwise all together."""
    forms: dict[str, list[Path]] = defaultdict(list)
    for path in paths:
        forms[name_template(path.name)].append(path)
    is_mixed = len(forms) > 1 and min(map(len, forms.values())) >= FEWEST and not stray_names(paths)
    return list(forms.values()) if is_mixed else [paths]


def _tiff_stack(name: str, paths: list[Path], check_gaps: bool) -> Series:
    findings = []
    by_stem = {path.stem.lower(): path for path in paths}
    kept = []
    for path in paths:
        original = by_stem.get(Path(copy_of(path.name) or "").stem.lower())
        if original is not None and original.read_bytes() == path.read_bytes():
            sentence = f"is a copy of {original.name}"
            findings.append(Finding("copy", "left out", str(path), sentence, "Delete it", (path.name,)))
        elif original is not None:
            raise_same_number(path, original)
        else:
            kept.append(path)
    strays = stray_names(kept)
    members = [path for path in kept if path not in strays]
    numbers = slice_numbers([path.name for path in members])
    seen: dict[object, Path] = {}
    for path, number in zip(members, numbers, strict=True):
        key: object = number if number is not None else natural_key(path.stem)
        if key in seen:
            raise_same_number(path, seen[key])
        seen[key] = path
    numbered = {number: path for path, number in zip(members, numbers, strict=True) if number is not None}
    if len(numbered) == len(members):
        members = [numbered[number] for number in sorted(numbered)]
        if check_gaps:
            findings += _number_gaps(name, {number: path.name for number, path in numbered.items()}, strays)
    else:
        members.sort(key=lambda path: slice_key(path.stem))
    # Strays come last; whether they are slices is seen from their pixels.
    return Series(name, (*members, *sorted(strays)), "tiff", tuple(findings))


def _number_gaps(name: str, numbered: dict[float, str], strays: list[Path]) -> list[Finding]:
    """A note for numbers that are missing; the number of a stray, which may be a slice, is there."""
    first, last = min(numbered), max(numbered)
    others: dict[float, str] = {
        int(digits): path.name for path in strays for digits in re.findall(r"\d{1,9}", path.stem)
    }
    there = {number: name for number, name in (others | numbered).items() if first <= number <= last}
    known = sorted(there)
    steps = np.diff(known).astype(float)
    found = spacing_findings(name, [there[number] for number in known], steps, unit=" in numbers")
    return [finding for finding in found if finding.code == "gap"]


def raise_same_number(path: Path, other: Path) -> None:
    """Refuse two files for one slice."""
    raise InputError(
        path,
        f"has the same slice number as {other.name}",
        "Keep one file per slice; put each series in a separate folder",
    )


def stray_names(paths: list[Path]) -> list[Path]:
    """The files whose names have another form than most: a preview or a mask, or slices named in another way."""
    templates = Counter(name_template(path.name).lower() for path in paths)
    (usual, count), *others = templates.most_common()
    if not others or count < USUAL_SHARE * len(paths) or count < FEWEST:
        return []
    return [path for path in paths if name_template(path.name).lower() != usual]


def read_series(series: Series) -> np.ndarray:
    """Read all slices of a series, in slice order.

    Returns
    -------
    uint16 array, shape (slices, rows, columns)
        HU + 1024.

    Raises
    ------
    InputError
        If a slice cannot be read, or the slices differ in size.
    """
    slices = [series.read(path) for path in series.files]
    for path, pixels in zip(series.files, slices, strict=True):
        check_same_shape(path, pixels.shape, series.files[0], slices[0].shape)
    return np.stack(slices)
