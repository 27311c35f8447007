"""Convert DICOM series to de-identified 16-bit TIFF series: pixels and a short list of scanner settings only.

Nothing needs to be removed from a header, because no header is copied: the new files have new names and contain only
pixels, and a separate table contains the header fields of an explicit list. Pixels can still identify a person (a face,
burned-in text that no flag announces): this is a teaching tool, not a certified de-identification. Taught in chapter
01.
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
from covidlib.scans.kernels import KERNEL
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
"""The only header fields that are copied, and their columns in series.csv. No date, id or UID is among them."""
UNNAMED = "series "
"""Prefix of the series UID for files without a PatientID: their patient is identified by the series."""
UNKNOWN_KERNEL = (
    "its kernel is not among the names of kernels that covidlib knows, and was dropped: free text may hold a name"
)
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
NOTICE = (
    "Pixels can still identify a person (a face, text burned into the picture): look at the slices before you "
    "share them. This is not a certified de-identification."
)


@dataclass(frozen=True)
class Imported:
    """The result of an import: the written series, the skipped files, and remarks about irregularities.

    Attributes
    ----------
    folder : Path
        The folder with the written series.
    table : DataFrame
        One row per series: patient, series, slices, rows, columns, slice_spacing_mm, and the allowed settings.
    skipped : tuple of (path, reason)
        Files that are not axial slices. For the screen only: these are the original names.
    remarks : tuple of str
        Irregularities of a series, each preceded by its new name.
    """

    folder: Path
    table: pd.DataFrame
    skipped: tuple[tuple[Path, str], ...]
    remarks: tuple[str, ...]


def import_dicom(source: str | Path, target: str | Path, progress: bool = False) -> Imported:
    """Write every CT series under a folder as de-identified TIFF: `patient001/SR_1/IM00001.tif`, and series.csv.

    Patients are numbered by a hash of their pixels, so that the numbers depend neither on ids, names nor dates. Files
    with the same PatientID are one patient. `target` appears complete or not at all.

    Raises
    ------
    InputError
        If a file may identify a person (burned-in text, a secondary capture), is not a CT slice in HU, or cannot be
        decoded; if a series has slices of several patients; or if the target is not empty, or its name contains a
        class.
    """
    source, target = Path(source), Path(target)
    _check_target(source, target)
    people, skipped = _survey(source)
    series = dicom.group_series(source, list(people))
    for single in series:
        _refuse_several_people(single, people)
    with replacing_folder(target) as part:
        hashes: dict[str, list[str]] = {}
        for number, single in enumerate(tqdm(series, unit="series", disable=not progress)):
            digest = _write_series(single, part / f"series{number}")
            hashes.setdefault(people[single.files[0]], []).append(digest)
        rows, remarks = _rename(series, people, hashes, part)
        table = pd.DataFrame(rows)
        table.to_csv(part / "series.csv", index=False, lineterminator="\n")
    return Imported(target, table, tuple(skipped), tuple(remarks))


def _check_target(source: Path, target: Path) -> None:
    if not source.is_dir():
        raise InputError(source, "there is no such folder", "Name a folder with DICOM files")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(target, "already exists and is not an empty folder", "Name a new or an empty folder")
    # COVID-CTset's names are recognised by "covid" or "normal" in the folder above the patient.
    if re.search("covid|normal", target.name, re.IGNORECASE):
        raise InputError(
            target,
            "the folder's name contains covid or normal, and would label the patients",
            "Choose another name for the folder",
        )


def _survey(source: Path) -> tuple[dict[Path, str], list[tuple[Path, str]]]:
    """The patient of each slice, and the skipped files; unsafe files are refused before anything is written."""
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
        raise InputError(source, f"no CT slice found ({len(skipped)} DICOM files skipped)", "Name another folder")
    return people, skipped


def _refuse_several_people(series: dicom.DicomSeries, people: dict[Path, str]) -> None:
    """Refuse a series with several patients: files without a series UID, or with a wrong one, are grouped together."""
    # One file of each person; a file without a PatientID cannot contradict.
    named = {people[path]: path for path in series.files if not people[path].startswith(UNNAMED)}
    if len(named) > 1:
        first, other, *_ = named.values()
        raise InputError(
            other, f"in the same series as {first}, which belongs to another patient", "Import each patient separately"
        )


def reason_to_skip(header: Dataset) -> str:
    """The reason why a file is not a slice of a series; empty if it is one.

    "DERIVED" in the image type mostly means a reformatted, averaged or projected image. Archives also set it for
    original slices that were compressed with loss: these declare the compression, are PRIMARY, and are kept.
    """
    if "Rows" not in header:
        return "contains no image"
    kinds = dicom.image_kinds(header)
    if "LOCALIZER" in kinds:
        return "is a localiser"
    is_compressed = str(header.get("LossyImageCompression") or "") == "01" and "PRIMARY" in kinds
    if "SECONDARY" in kinds or ("DERIVED" in kinds and not is_compressed):
        return f"is a derived image ({'SECONDARY' if 'SECONDARY' in kinds else 'DERIVED'})"
    return ""


def refuse_unsafe(path: Path, header: Dataset) -> None:
    """Refuse a file whose pixels may identify a person.

    Raises
    ------
    InputError
        For burned-in text and secondary captures.
    """
    if str(header.get("BurnedInAnnotation") or "").upper() == "YES":
        raise InputError(
            path, "has text burned into its pixels (BurnedInAnnotation)", "Remove the file: the text may be a name"
        )
    if str(header.get("SOPClassUID") or "").startswith(SECONDARY_CAPTURE) or "ConversionType" in header:
        raise InputError(
            path, "is a secondary capture (a screenshot or a scan of paper)", "Remove the file: it may show a name"
        )


def refuse_other_images(path: Path, header: Dataset) -> None:
    """Refuse a file that is not a CT slice.

    Raises
    ------
    InputError
        For another modality, and for several frames in one file.
    """
    modality = str(header.get("Modality") or "missing")
    if modality != "CT":
        raise InputError(path, f"its modality is {modality}, expected CT", "Import CT series only")
    if int(header.get("NumberOfFrames") or 1) > 1:
        raise InputError(path, "contains several frames", "Export the series with one file per slice (classic CT)")


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
    """Move the written series to their patient's folder; returns their rows of series.csv, and remarks."""
    ordered = sorted(hashes, key=lambda person: min(hashes[person]))
    names = {person: f"patient{number:03d}" for number, person in enumerate(ordered, start=1)}
    rows, remarks = [], []
    series_count = dict.fromkeys(ordered, 0)
    for number, single in enumerate(series):
        person = people[single.files[0]]
        series_count[person] += 1
        patient, name = names[person], f"SR_{series_count[person]}"
        (part / patient).mkdir(exist_ok=True)
        os.rename(part / f"series{number}", part / patient / name)
        settings, odd = allowed_settings([dicom.read_header(path, stop_before_pixels=True) for path in single.files])
        rows.append({"patient": patient, "series": name, "slices": len(single.files), **settings})
        remarks += [f"{patient}/{name}: {remark}" for remark in (*odd, *single.remarks)]
    order = np.argsort([f"{row['patient']}/{row['series']}" for row in rows], kind="stable")
    return [rows[place] for place in order], sorted(remarks)


def allowed_settings(headers: list[Dataset]) -> tuple[dict[str, object], list[str]]:
    """The scanner settings of a series, from the allowed fields only, each checked for its type.

    Returns
    -------
    dict
        rows, columns, slice_spacing_mm (from the positions, NaN without them), kernel, thickness_mm, pixel_mm, kvp.
    list of str
        Remarks about dropped values and lossy compression.
    """
    first = headers[0]
    settings: dict[str, Any] = {"rows": int(first.Rows), "columns": int(first.Columns)}
    places = np.array([dicom.position_mm(header) for header in headers])
    settings["slice_spacing_mm"] = round(float(np.median(np.abs(np.diff(places)))), 3) if len(places) > 1 else np.nan
    remarks = []
    for field, column in ALLOWED.items():
        value = first.get(field)
        value = value[0] if value is not None and not isinstance(value, str) and hasattr(value, "__len__") else value
        if field == "ConvolutionKernel":
            text = str(value or "").strip()
            settings[column] = text if KERNEL.fullmatch(text) else ""
            if text and not settings[column]:
                remarks.append(UNKNOWN_KERNEL)
        else:
            settings[column] = _finite(value)
            if value not in (None, "") and np.isnan(settings[column]):
                remarks.append(f"its {field} is not a number and was dropped")
    if str(first.get("LossyImageCompression") or "") == "01":
        remarks.append("was compressed with loss before the import")
    return settings, remarks


def _finite(value: object) -> float:
    """The number in a header field; NaN if it is not a finite number."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return np.nan
    return number if np.isfinite(number) else np.nan
