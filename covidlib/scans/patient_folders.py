"""Whose slices are whose: the patients under a folder, told apart by folders, by published names or by DICOM.

The system answers for a patient, so it must not mix two of them, and must not let one spoil the others: a folder is
split into patients from names alone, and nothing is decoded before a patient's turn. Taught in chapter 06.
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
from covidlib.scans.series import Series, find_series, walk
from covidlib.utils.files import file_hash

PATIENT_FOLDER = re.compile(r"patient[ _-]?\d+", re.IGNORECASE)
SERIES_FOLDER = re.compile(r"SR_\d+", re.IGNORECASE)


@dataclass(frozen=True)
class Patient:
    """One patient's folders, before anything in them was opened.

    Attributes
    ----------
    name : str
        Path of the folder, from the folder that was given on; only printable characters.
    folders : tuple of Path
        Where the patient's series lie; mostly one folder.
    files : tuple of Path
        Every visible file in them, slices or not.
    listed : tuple of Series
        The patient's series where one folder holds those of many, told apart by published names; else empty.
    """

    name: str
    folders: tuple[Path, ...]
    files: tuple[Path, ...]
    listed: tuple[Series, ...] = ()

    def series(self) -> list[Series]:
        """The patient's series, ready to be read.

        Raises
        ------
        InputError
            If there is no slice, a file cannot be read, or DICOM headers name more than one patient.
        """
        found = list(self.listed) or [one for folder in self.folders for one in find_series(folder)]
        # Each file: a series UID that was blanked, or copied, joins the slices of two people.
        people = {person_of(path) for one in found if one.kind == "dicom" for path in one.files} - {""}
        if len(people) > 1:
            raise InputError(
                self.folders[0],
                f"holds DICOM slices of {len(people)} patients",
                "Put each patient in a folder of its own; `covidlib import-dicom` does that",
            )
        return found

    def stamp(self) -> str:
        """SHA-256 over path, size and time of every file: changes when a file does, without reading it."""
        digest = hashlib.sha256()
        for path in self.files:
            state = path.stat()
            digest.update(f"{os.fspath(path)!r} {state.st_size} {state.st_mtime_ns}\n".encode())
        return digest.hexdigest()


def find_patients(folders: Sequence[str | Path], one_each: bool = False) -> list[Patient]:
    """The patients under one or more folders, in natural order of their names.

    A patient is, from the given folder down: a folder named patient1, patient2 and so on (COVID-CTset and
    `covidlib import-dicom`); else a folder that holds slices, or series folders named SR_2, SR_3 and so on, with all
    that lies below it. Slices with COVID-CTset's flat names belong to the patient in the name. Folders whose DICOM
    files share a PatientID are one patient. An empty folder is a patient without slices, so that it is reported; a
    folder that holds files but no slice is passed over.

    Parameters
    ----------
    one_each : bool
        Each given folder is one patient, whatever its layout.

    Raises
    ------
    InputError
        If a given folder does not exist, or there is no slice under any of them.
    """
    found: list[Patient] = []
    for given in folders:
        root = Path(given)
        if not root.is_dir():
            raise InputError(root, "there is no such folder", "Name a folder that holds slices of one or more patients")
        root = root.resolve()
        places = [root] if one_each else _patient_folders(root)
        patients = [one for place in places for one in _patients_at(place, root, one_each)]
        found += patients if one_each else _joined_by_person(patients, root)
    if not any(_holds_slices(one.files) for one in found):
        raise InputError(
            Path(folders[0]),
            "no TIFF or DICOM slice found",
            "Name a folder that holds 16-bit TIFF or DICOM slices of chest CT",
        )
    return sorted(_without_repeats(found), key=lambda one: natural_key(one.name))


def _patient_folders(folder: Path) -> list[Path]:
    try:
        entries = [entry for entry in os.scandir(folder) if not entry.name.startswith(".")]
    except OSError:
        # A patient that cannot be opened is reported when its turn comes; the others are not its hostages.
        return [folder]
    inner = [Path(entry.path) for entry in entries if entry.is_dir()]
    # A link to a folder above would be followed for ever.
    inner = [one for one in inner if not (one.is_symlink() and folder.resolve().is_relative_to(one.resolve()))]
    files = [Path(entry.path) for entry in entries if entry.is_file()]
    named = PATIENT_FOLDER.fullmatch(folder.name) is not None
    if named or _holds_slices(files) or any(SERIES_FOLDER.fullmatch(one.name) for one in inner):
        return [folder]
    if not entries:
        return [folder]
    return [patient for one in sorted(inner) for patient in _patient_folders(one)]


def _patients_at(place: Path, root: Path, one_each: bool) -> list[Patient]:
    """One patient, or several where flat published names tell several apart in one folder."""
    try:
        files = tuple(sorted(folder / name for folder, names in walk(place) for name in names))
    except InputError:
        files = ()
    name = _shown(place.relative_to(root.parent))
    if not one_each and any(identify(path.name) for path in files):
        try:
            by_patient: dict[str, list[Series]] = defaultdict(list)
            for series in find_series(place):
                told = identify(series.files[0].name)
                by_patient[told.patient if told else ""].append(series)
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
    """Folders of one PatientID become one patient; the id itself is used for nothing else and kept nowhere."""
    groups: dict[object, list[Patient]] = defaultdict(list)
    for one in patients:
        first = next((path for path in one.files if _is_dicom(path)), None)
        # Two folders may look alike once their names are fit to be shown.
        groups[(person_of(first) if first else "") or (one.folders, one.name)].append(one)
    joined = []
    for members in groups.values():
        folders = tuple(folder for one in members for folder in one.folders)
        name = members[0].name
        if len(members) > 1:
            common = Path(os.path.commonpath(folders))
            alone = all(one in members or not one.folders[0].is_relative_to(common) for one in patients)
            name = _shown(common.relative_to(root.parent)) if alone else " + ".join(one.name for one in members)
        files = tuple(path for one in members for path in one.files)
        joined.append(Patient(name, folders, files, tuple(series for one in members for series in one.listed)))
    return joined


def person_of(path: Path) -> str:
    """The PatientID of a DICOM file, to compare and never to show; empty if there is none or it cannot be read."""
    try:
        header = dicom.read_header(path, stop_before_pixels=True, specific_tags=["PatientID"])
    except InputError:
        return ""
    return str(header.get("PatientID") or "")


def _holds_slices(files: Sequence[Path]) -> bool:
    return any(path.name.lower().endswith(TIFF_SUFFIXES) for path in files) or any(map(_is_dicom, files))


def _is_dicom(path: Path) -> bool:
    try:
        return not path.name.lower().endswith(TIFF_SUFFIXES) and dicom.looks_like_dicom(path)
    except InputError:
        return False


def _without_repeats(patients: list[Patient]) -> list[Patient]:
    """Each patient once; patients of one name, from different given folders, by their whole path.

    Answers are kept by name, so that no two patients may share one.
    """
    different = list({(one.folders, one.files): one for one in patients}.values())
    given = Counter(one.name for one in different)
    names = [one.name if given[one.name] == 1 else _whole_name(one) for one in different]
    alike = [names[:place].count(name) for place, name in enumerate(names)]
    return [
        replace(one, name=f"{name} ({before + 1})" if before else name)
        for one, name, before in zip(different, names, alike, strict=True)
    ]


def _whole_name(patient: Patient) -> str:
    place = _shown(patient.folders[0])
    return f"{place}/{patient.name.rpartition('/')[2]}" if patient.listed else place


def _shown(path: Path) -> str:
    """A path for the eye: what no terminal or page should print becomes a replacement character."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in path.as_posix())


def content_hash(series: Sequence[Series]) -> str:
    """SHA-256 over the content of all slices, which `sha256sum` can compute again.

    It is the hash of the lines "hash, two blanks, path" of all files, sorted by path below their common folder.
    """
    paths = [path for one in series for path in one.files]
    root = os.path.commonpath([path.parent for path in paths])
    named = sorted((os.fsencode(os.path.relpath(path, root)), path) for path in paths)
    lines = [file_hash(path).encode() + b"  " + name + b"\n" for name, path in named]
    return hashlib.sha256(b"".join(lines)).hexdigest()
