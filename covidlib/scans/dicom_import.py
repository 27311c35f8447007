"""DICOM series to de-identified 16-bit TIFF series: pixels, and a short list of scanner settings, nothing else.

Nothing is removed from a header, because no header is copied: new files get new names and hold pixels only, and a side
table takes from the header what an explicit list allows. Pixels can still show who somebody is (a face, burned-in
text that no flag announces): this is a teaching tool, not a certified de-identification. Taught in chapter 01.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from covidlib.errors import InputError
from covidlib.scans import dicom
from covidlib.scans.series import walk
from covidlib.scans.slices import check_same_shape
from covidlib.scans.tiff import write_slice
from covidlib.utils.files import replacing_folder

if TYPE_CHECKING:
    from pydicom import Dataset

ALLOWED = {
    "ConvolutionKernel": "kernel",
    "SliceThickness": "thickness_mm",
    "PixelSpacing": "pixel_mm",
    "KVP": "kvp",
}
"""The only header fields that are carried over, and their column in series.csv. No date, id or UID is among them."""
KERNEL = re.compile(
    r"[A-Z]{1,2}|[A-Z]{1,3}\d{2}[a-z]?|STANDARD|STND|LUNG|BONE|BONEPLUS|SOFT|DETAIL|EDGE|CHST", re.ASCII
)
"""What makers call their kernels. Other text is dropped: a free-text field may hold a name."""
UNNAMED = "series "
"""Stands before the series UID of a file without a PatientID: its patient is known by the series."""
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
NOTICE = (
    "Pixels can still show who somebody is (a face, text burned into the picture): look at the slices before you "
    "share them. This is no certified de-identification."
)


@dataclass(frozen=True)
class Imported:
    """What an import wrote, left out, and found odd.

    Attributes
    ----------
    folder : Path
        Where it was written.
    table : DataFrame
        One row a series: patient, series, slices, rows, columns, slice_spacing_mm, and the allowed settings.
    skipped : tuple of (path, reason)
        Files that are no axial slice. For the screen only: their names are the source's.
    remarks : tuple of str
        What is odd about a series, each with its new name in front.
    """

    folder: Path
    table: pd.DataFrame
    skipped: tuple[tuple[Path, str], ...]
    remarks: tuple[str, ...]


def import_dicom(source: str | Path, target: str | Path, progress: bool = False) -> Imported:
    """Write every CT series under a folder as de-identified TIFF: `patient001/SR_1/IM00001.tif`, and series.csv.

    Patients are numbered by a hash of their pixels, so that the numbers follow neither ids, names nor dates. Files of
    one PatientID are one patient. `target` appears whole or not at all.

    Raises
    ------
    InputError
        If a file may show who somebody is (burned-in text, a secondary capture), is no CT slice in HU, or cannot be
        decoded; if a series has slices of several patients; or if the target holds something, or its path would give
        the series a class.
    """
    source, target = Path(source), Path(target)
    _check_target(source, target)
    people, skipped = _survey(source)
    series = dicom.group_series(source, list(people))
    for one in series:
        _refuse_several_people(one, people)
    with replacing_folder(target) as part:
        hashes: dict[str, list[str]] = {}
        for number, one in enumerate(tqdm(series, unit="series", disable=not progress)):
            digest = _write_series(one, part / f"series{number}")
            hashes.setdefault(people[one.files[0]], []).append(digest)
        rows, remarks = _rename(series, people, hashes, part)
        table = pd.DataFrame(rows)
        table.to_csv(part / "series.csv", index=False, lineterminator="\n")
    return Imported(target, table, tuple(skipped), tuple(remarks))


def _check_target(source: Path, target: Path) -> None:
    if not source.is_dir():
        raise InputError(source, "there is no such folder", "Name a folder that holds DICOM files")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(target, "holds something already", "Name a new or an empty folder")
    # COVID-CTset's names are told by "covid" or "normal" in the folder above the patient.
    if re.search("covid|normal", target.name, re.IGNORECASE):
        raise InputError(target, "says a class, which the import does not know", "Choose another name for the folder")


def _survey(source: Path) -> tuple[dict[Path, str], list[tuple[Path, str]]]:
    """Whose slice each file is, and what is left out; refuses before anything is written."""
    people: dict[Path, str] = {}
    skipped = []
    for folder, names in walk(source):
        for path in sorted(folder / name for name in names):
            if not dicom.looks_like_dicom(path):
                continue
            header = dicom.read_header(path, stop_before_pixels=True)
            if "Rows" in header:
                refuse_unsafe(path, header)
            dicom.refuse_cut(path, header)
            reason = reason_to_skip(header)
            if reason:
                skipped.append((path, reason))
                continue
            refuse_other_images(path, header)
            people[path] = str(header.get("PatientID") or "") or UNNAMED + str(header.get("SeriesInstanceUID", ""))
    if not people:
        raise InputError(source, f"holds no CT slice ({len(skipped)} DICOM files left out)", "Name another folder")
    return people, skipped


def _refuse_several_people(series: dicom.DicomSeries, people: dict[Path, str]) -> None:
    """Files without a series UID, or with a wrong one, come as one series, whoever's they are."""
    # One file of each person; a file without a PatientID contradicts nobody.
    named = {people[path]: path for path in series.files if not people[path].startswith(UNNAMED)}
    if len(named) > 1:
        first, other, *_ = named.values()
        raise InputError(other, f"is in one series with {first}, of another patient", "Import each patient by itself")


def reason_to_skip(header: Dataset) -> str:
    """Why a file is no slice of a series, or nothing.

    "DERIVED" in the image type mostly means a reformatted, averaged or projected picture. Archives also write it on
    original slices that were compressed with loss: those say so, stay PRIMARY, and are kept.
    """
    if "Rows" not in header:
        return "holds no image"
    kinds = dicom.image_kinds(header)
    if "LOCALIZER" in kinds:
        return "is a localiser"
    is_compressed = str(header.get("LossyImageCompression") or "") == "01" and "PRIMARY" in kinds
    if "SECONDARY" in kinds or ("DERIVED" in kinds and not is_compressed):
        return f"is a derived image ({'SECONDARY' if 'SECONDARY' in kinds else 'DERIVED'})"
    return ""


def refuse_unsafe(path: Path, header: Dataset) -> None:
    """Refuse what may show in its pixels who somebody is.

    Raises
    ------
    InputError
        For burned-in text and secondary captures.
    """
    if str(header.get("BurnedInAnnotation") or "").upper() == "YES":
        raise InputError(path, "has text burned into its pixels (BurnedInAnnotation)", "Leave it out: it may be a name")
    if str(header.get("SOPClassUID") or "").startswith(SECONDARY_CAPTURE) or "ConversionType" in header:
        raise InputError(
            path, "is a secondary capture (a screen shot or a scan of paper)", "Leave it out: it may show a name"
        )


def refuse_other_images(path: Path, header: Dataset) -> None:
    """Refuse what is no CT slice.

    Raises
    ------
    InputError
        For another modality, and for several frames in one file.
    """
    modality = str(header.get("Modality") or "nothing")
    if modality != "CT":
        raise InputError(path, f"is {modality}, expected CT", "Import CT series only")
    if int(header.get("NumberOfFrames") or 1) > 1:
        raise InputError(path, "holds several frames", "Export the series as one file a slice (classic CT)")


def _write_series(series: dicom.DicomSeries, folder: Path) -> str:
    """Write the slices; returns a hash of their pixels."""
    folder.mkdir()
    digest = hashlib.blake2b()
    expected: tuple[int, ...] = ()
    for number, path in enumerate(series.files, start=1):
        pixels = dicom.read_dicom(path)
        expected = expected or pixels.shape
        check_same_shape(path, pixels.shape, series.files[0], expected)
        digest.update(pixels.tobytes())
        write_slice(folder / f"IM{number:05d}.tif", pixels)
    return digest.hexdigest()


def _rename(
    series: list[dicom.DicomSeries], people: dict[Path, str], hashes: dict[str, list[str]], part: Path
) -> tuple[list[dict[str, object]], list[str]]:
    """Give the written series their patient's number; returns their rows of the side table, and remarks."""
    ordered = sorted(hashes, key=lambda person: min(hashes[person]))
    names = {person: f"patient{number:03d}" for number, person in enumerate(ordered, start=1)}
    rows, remarks = [], []
    found = dict.fromkeys(ordered, 0)
    for number, one in enumerate(series):
        person = people[one.files[0]]
        found[person] += 1
        patient, name = names[person], f"SR_{found[person]}"
        (part / patient).mkdir(exist_ok=True)
        os.rename(part / f"series{number}", part / patient / name)
        settings, odd = allowed_settings([dicom.read_header(path, stop_before_pixels=True) for path in one.files])
        rows.append({"patient": patient, "series": name, "slices": len(one.files), **settings})
        remarks += [f"{patient}/{name}: {remark}" for remark in (*odd, *one.remarks)]
    order = np.argsort([f"{row['patient']}/{row['series']}" for row in rows], kind="stable")
    return [rows[place] for place in order], sorted(remarks)


def allowed_settings(headers: list[Dataset]) -> tuple[dict[str, object], list[str]]:
    """How a series was made, from the allowed fields only, each checked for its kind.

    Returns
    -------
    dict
        rows, columns, slice_spacing_mm (from the positions, NaN where they lack), kernel, thickness_mm, pixel_mm, kvp.
    list of str
        What was dropped, and lossy compression.
    """
    first = headers[0]
    found: dict[str, Any] = {"rows": int(first.Rows), "columns": int(first.Columns)}
    places = np.array([dicom.position_mm(header) for header in headers])
    found["slice_spacing_mm"] = round(float(np.median(np.abs(np.diff(places)))), 3) if len(places) > 1 else np.nan
    remarks = []
    for field, column in ALLOWED.items():
        value = first.get(field)
        value = value[0] if value is not None and not isinstance(value, str) and hasattr(value, "__len__") else value
        if field == "ConvolutionKernel":
            text = str(value or "")
            found[column] = text if KERNEL.fullmatch(text) else ""
            if text and not found[column]:
                remarks.append("its kernel's text is none that scanners use, and was dropped")
        else:
            found[column] = _finite(value)
            if value not in (None, "") and np.isnan(found[column]):
                remarks.append(f"its {field} is no number, and was dropped")
    if str(first.get("LossyImageCompression") or "") == "01":
        remarks.append("was compressed with loss before it came here")
    return found, remarks


def _finite(value: object) -> float:
    """A header's number; NaN where it holds none."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return np.nan
    return number if np.isfinite(number) else np.nan
