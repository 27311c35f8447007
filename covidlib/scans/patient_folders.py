"""Find the patients under a folder: by subfolder, by published file name, or by DICOM PatientID.

A diagnosis is made per patient, so slices of two patients must not be mixed, and one patient's damaged file must not
stop the others: patients are separated by names alone, and no slice is decoded before its patient is processed. Taught
in chapter 06.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from covidlib.errors import InputError
from covidlib.scans import dicom
from covidlib.scans.filenames import TIFF_SUFFIXES, identify, natural_key
from covidlib.scans.findings import Finding
from covidlib.scans.gate import Opened, judge_all
from covidlib.scans.people import contradiction, person_of
from covidlib.scans.series import Listing, Series, list_series, walk
from covidlib.utils.files import check_folder, file_hash

PATIENT_FOLDER = re.compile(r"patient[ _-]?\d+", re.IGNORECASE)
SERIES_FOLDER = re.compile(r"SR_\d+", re.IGNORECASE)


@dataclass(frozen=True)
class Patient:
    """One patient's folders and files, before any of them is read.

    Attributes
    ----------
    name : str
        Path of the folder, starting at the given folder; only printable characters.
    folders : tuple of Path
        The folders with the patient's series; mostly one.
    files : tuple of Path
        Every visible file in them, slices or not.
    listed : tuple of Series
        The patient's series if one folder contains those of several patients, separated by published names; otherwise
        empty.
    findings : tuple of Finding
        Folders that were joined into this patient.
    """

    name: str
    folders: tuple[Path, ...]
    files: tuple[Path, ...]
    listed: tuple[Series, ...] = ()
    findings: tuple[Finding, ...] = ()

    def open(self, rescale: bool = False, strict: bool = False) -> Opened:
        """Find and judge the patient's series (`covidlib.scans.gate`).

        Raises
        ------
        InputError
            If there is no usable series, or DICOM headers name more than one person.
        """
        listing = Listing(list(self.listed)) if self.listed else list_series(*self.folders)
        opened = judge_all(listing.series, [*self.findings, *listing.findings], rescale, strict).or_error()
        # Check each file: a blanked or copied series UID joins the slices of two people.
        # A series that was left out as a copy may be filed under another person.
        again = {finding.where for finding in opened.findings if finding.code == "same-series"}
        seen = [*opened.series, *(series for series in listing.series if series.name in again)]
        people = {person_of(path) for series in seen if series.kind == "dicom" for path in series.files}
        ids = {person.id for person in people} - {""}
        differing = contradiction(people)
        if len(ids) > 1 or differing:
            who = f"{len(ids)} patients" if len(ids) > 1 else f"people of one PatientID who differ in {differing}"
            remedy = "Put each patient in a separate folder; `covidlib import-dicom` does that"
            raise InputError(self.folders[0], f"contains DICOM slices of {who}", remedy)
        return opened

    def stamp(self) -> str:
        """SHA-256 of the path, size and time of every file: detects changed files without reading them."""
        digest = hashlib.sha256()
        for path in self.files:
            state = path.stat()
            digest.update(f"{os.fspath(path)!r} {state.st_size} {state.st_mtime_ns}\n".encode())
        return digest.hexdigest()


def find_patients(folders: Sequence[str | Path], one_each: bool = False) -> list[Patient]:
    """Find the patients under one or more folders, in natural order of their names.

    A patient is, from the given folder down: a folder named patient1, patient2 and so on (COVID-CTset and
    `covidlib import-dicom`); otherwise a folder that contains slices, or series folders named SR_2, SR_3 and so on,
    with everything below it. Slices with COVID-CTset's flat names belong to the patient in the name. Folders whose
    DICOM files name the same person are one patient. An empty folder counts as a patient without slices, so that it
    is reported; a folder with files but without slices is skipped.

    Parameters
    ----------
    one_each : bool
        Treat each given folder as one patient, whatever its layout.

    Raises
    ------
    InputError
        If a given folder does not exist, or there is no slice under any of them.
    """
    all_patients: list[Patient] = []
    for given in folders:
        root = Path(given)
        check_folder(root, "Name a folder with slices of one or more patients")
        root = root.resolve()
        places = [root] if one_each else _patient_folders(root)
        patients = [patient for place in places for patient in _patients_at(place, root, one_each)]
        all_patients += patients if one_each else _joined_by_person(patients, root)
    if not any(_holds_slices(patient.files) for patient in all_patients):
        raise InputError(
            Path(folders[0]),
            "no TIFF or DICOM slice found",
            "Name a folder with 16-bit TIFF or DICOM slices of chest CT",
        )
    return sorted(_without_repeats(all_patients), key=lambda patient: natural_key(patient.name))


def _patient_folders(folder: Path) -> list[Path]:
    try:
        entries = [entry for entry in os.scandir(folder) if not entry.name.startswith(".")]
    except OSError:
        # A folder that cannot be opened is reported when its patient is processed; the others are not affected.
        return [folder]
    inner = [Path(entry.path) for entry in entries if entry.is_dir()]
    # A link to a folder above would be followed for ever; others lead to patients too.
    inner = [path for path in inner if not (path.is_symlink() and folder.resolve().is_relative_to(path.resolve()))]
    files = [Path(entry.path) for entry in entries if entry.is_file()]
    named = PATIENT_FOLDER.fullmatch(folder.name) is not None
    if named or _holds_slices(files) or any(SERIES_FOLDER.fullmatch(path.name) for path in inner):
        return [folder]
    if not entries:
        return [folder]
    return [patient for path in sorted(inner) for patient in _patient_folders(path)]


def _patients_at(place: Path, root: Path, one_each: bool) -> list[Patient]:
    """The patient in a folder, or several if its flat published names belong to several."""
    try:
        files = tuple(sorted(folder / name for folder, names in walk(place) for name in names))
    except InputError:
        files = ()
    name = _shown(place.relative_to(root.parent))
    if not one_each and any(identify(path.name) for path in files):
        try:
            by_patient: dict[str, list[Series]] = defaultdict(list)
            for series in list_series(place).series:
                published = identify(series.files[0].name)
                by_patient[published.patient if published else ""].append(series)
        except InputError:
            return [Patient(name, (place,), files)]
        return [
            Patient(
                f"{name}/{patient}".rstrip("/"),
                (place,),
                tuple(path for series in listed for path in series.files),
                tuple(listed),
            )
            for patient, listed in by_patient.items()
        ]
    return [Patient(name, (place,), files)]


def _joined_by_person(patients: list[Patient], root: Path) -> list[Patient]:
    """Join folders of one person into one patient, and say so; ids are compared and not stored."""
    groups: dict[object, list[Patient]] = defaultdict(list)
    for patient in patients:
        first = next((path for path in patient.files if _is_dicom(path)), None)
        # Two folders may have the same name once unprintable characters are replaced.
        groups[(person_of(first).key if first else ()) or (patient.folders, patient.name)].append(patient)
    joined = []
    for members in groups.values():
        folders = tuple(folder for member in members for folder in member.folders)
        name = members[0].name
        if len(members) > 1:
            common = Path(os.path.commonpath(folders))
            alone = all(patient in members or not patient.folders[0].is_relative_to(common) for patient in patients)
            name = _shown(common.relative_to(root.parent)) if alone else " + ".join(member.name for member in members)
        files = tuple(path for member in members for path in member.files)
        listed = tuple(series for member in members for series in member.listed)
        findings: tuple[Finding, ...] = ()
        if len(members) > 1:
            sentence = f"{len(members)} folders were joined into one patient, as their DICOM files name one person"
            findings = (Finding("joined", "note", name, sentence, "", tuple(map(str, folders))),)
        joined.append(Patient(name, folders, files, listed, findings))
    return joined


def _holds_slices(files: Sequence[Path]) -> bool:
    return any(path.name.lower().endswith(TIFF_SUFFIXES) for path in files) or any(map(_is_dicom, files))


def _is_dicom(path: Path) -> bool:
    try:
        return not path.name.lower().endswith(TIFF_SUFFIXES) and dicom.looks_like_dicom(path)
    except InputError:
        return False


def _without_repeats(patients: list[Patient]) -> list[Patient]:
    """Each patient once; patients with the same name, from different given folders, get their whole path as a name.

    Results are stored by name, so names must be unique.
    """
    different = list({(patient.folders, patient.files): patient for patient in patients}.values())
    name_count = Counter(patient.name for patient in different)
    names = [patient.name if name_count[patient.name] == 1 else _whole_name(patient) for patient in different]
    repeats = [names[:place].count(name) for place, name in enumerate(names)]
    return [
        replace(patient, name=f"{name} ({before + 1})" if before else name)
        for patient, name, before in zip(different, names, repeats, strict=True)
    ]


def _whole_name(patient: Patient) -> str:
    place = _shown(patient.folders[0])
    return f"{place}/{patient.name.rpartition('/')[2]}" if patient.listed else place


def _shown(path: Path) -> str:
    """A path for display: unprintable characters become replacement characters."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in path.as_posix())


def content_hash(series: Sequence[Series]) -> str:
    """SHA-256 of the content of all slices, which can be recomputed with `sha256sum`.

    It is the hash of the lines "hash, two spaces, path" of all files, sorted by path below their common folder.
    """
    paths = [path for single in series for path in single.files]
    root = os.path.commonpath([path.parent for path in paths])
    named = sorted((os.fsencode(os.path.relpath(path, root)), path) for path in paths)
    lines = [file_hash(path).encode() + b"  " + name + b"\n" for name, path in named]
    return hashlib.sha256(b"".join(lines)).hexdigest()
