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
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from covidlib.errors import InputError
from covidlib.scans import dicom
from covidlib.scans.findings import Finding
from covidlib.scans.gate import NoneUsable, open_folder
from covidlib.scans.kernels import KERNEL
from covidlib.scans.people import contradiction, person_of
from covidlib.scans.series import Series
from covidlib.scans.spacing import is_uniform
from covidlib.scans.tiff import write_slice
from covidlib.utils.files import check_folder, check_new_folder, replacing_folder

if TYPE_CHECKING:
    from pydicom import Dataset

ALLOWED = {
    "ConvolutionKernel": "kernel",
    "SliceThickness": "thickness_mm",
    "PixelSpacing": "pixel_mm",
    "KVP": "kvp",
}
"""The only header fields that are copied, and their columns in series.csv. No date, id or UID is among them."""
UNKNOWN_KERNEL = (
    "its kernel is not among the names of kernels that covidlib knows, and was dropped: free text may hold a name"
)
NOTICE = (
    "Pixels can still identify a person (a face, text burned into the picture): look at the slices before you "
    "share them. This is not a certified de-identification."
)


@dataclass(frozen=True)
class Imported:
    """The result of an import: the written series, and what was found.

    Attributes
    ----------
    folder : Path
        The folder with the written series.
    table : DataFrame
        One row per series: patient, series, slices, rows, columns, slice_spacing_mm, and the allowed settings.
    findings : tuple of Finding
        What was left out, refused or unusual. For the screen only: they contain original names.
    """

    folder: Path
    table: pd.DataFrame
    findings: tuple[Finding, ...]

    @property
    def refused(self) -> list[Finding]:
        """Why series were not imported."""
        return [finding for finding in self.findings if finding.severity == "refused"]


def import_dicom(
    source: str | Path, target: str | Path, progress: bool = False, rescale: bool = False, strict: bool = False
) -> Imported:
    """Write every CT series under a folder as de-identified TIFF: `patient001/SR_1/IM00001.tif`, and series.csv.

    Patients are numbered by a hash of their pixels, so that the numbers depend neither on ids, names nor dates. Files
    that name the same person are one patient. `target` appears complete or not at all.

    Parameters
    ----------
    rescale, strict : bool
        As for `covidlib.scans.gate.open_folder`.

    Raises
    ------
    NoneUsable
        If every series is refused.
    InputError
        If there is no CT slice; if a slice has burned-in text or cannot be decoded; if a series has slices of several
        patients; or if the target is not empty, or its name contains a class.
    """
    source, target = Path(source), Path(target)
    _check_target(source, target)
    opened = open_folder(source, rescale, strict)
    series = [single for single in opened.series if single.kind == "dicom"]
    if not series and opened.refused:
        raise NoneUsable(opened)
    if not series:
        raise InputError(source, "no CT slice found in DICOM files", "Name a folder with DICOM files")
    people = _people(series)
    with replacing_folder(target) as part:
        hashes: dict[object, list[str]] = {}
        for number, single in enumerate(tqdm(series, unit="series", disable=not progress)):
            digest = _write_series(single, part / f"series{number}")
            hashes.setdefault(people[single.name], []).append(digest)
        rows, findings = _rename(series, people, hashes, part)
        table = pd.DataFrame(rows)
        table.to_csv(part / "series.csv", index=False, lineterminator="\n")
    inside = {finding for single in series for finding in single.findings}
    others = [finding for finding in opened.findings if finding not in inside]
    return Imported(target, table, (*others, *findings))


def _check_target(source: Path, target: Path) -> None:
    check_folder(source, "Name a folder with DICOM files")
    check_new_folder(target)
    # COVID-CTset's names are recognised by "covid" or "normal" in the folder above the patient.
    if re.search("covid|normal", target.name, re.IGNORECASE):
        raise InputError(
            target,
            "the folder's name contains covid or normal, and would label the patients",
            "Choose another name for the folder",
        )


def _people(series: Sequence[Series]) -> dict[str, object]:
    """Whose each series is; a slice that may show a name stops the import."""
    for path in (path for single in series for path in single.files):
        refuse_burned_in(path, dicom.read_header(path, stop_before_pixels=True, specific_tags=["BurnedInAnnotation"]))
    # Without an id, the series stands for its patient.
    people = {single.name: person_of(single.files[0]) for single in series}
    whose: dict[str, object] = {name: person.key or name for name, person in people.items()}
    for key in set(whose.values()):
        same = {name: people[name] for name in people if whose[name] == key}
        if differing := contradiction(same.values()):
            problem = f"its PatientID is also that of {' and '.join(list(same)[1:])}, where the {differing} differs"
            raise InputError(next(iter(same)), problem, "Import each patient separately")
    return whose


def refuse_burned_in(path: Path, header: Dataset) -> None:
    """Refuse a slice whose pixels may show a name.

    Raises
    ------
    InputError
        For burned-in text.
    """
    if str(header.get("BurnedInAnnotation") or "").upper() == "YES":
        raise InputError(
            path, "has text burned into its pixels (BurnedInAnnotation)", "Remove the file: the text may be a name"
        )


def _write_series(series: Series, folder: Path) -> str:
    """Write the slices; returns a hash of their pixels."""
    folder.mkdir()
    digest = hashlib.blake2b()
    for number, path in enumerate(series.files, start=1):
        pixels = series.read(path)
        digest.update(pixels.tobytes())
        write_slice(folder / f"IM{number:05d}.tif", pixels)
    return digest.hexdigest()


def _rename(
    series: Sequence[Series], people: dict[str, object], hashes: dict[object, list[str]], part: Path
) -> tuple[list[dict[str, object]], list[Finding]]:
    """Move the written series to their patient's folder; returns their rows of series.csv, and their findings."""
    ordered = sorted(hashes, key=lambda person: min(hashes[person]))
    names = {person: f"patient{number:03d}" for number, person in enumerate(ordered, start=1)}
    rows, findings = [], []
    series_count = dict.fromkeys(ordered, 0)
    for number, single in enumerate(series):
        person = people[single.name]
        series_count[person] += 1
        patient, name = names[person], f"SR_{series_count[person]}"
        (part / patient).mkdir(exist_ok=True)
        os.rename(part / f"series{number}", part / patient / name)
        settings, odd = allowed_settings([dicom.read_header(path, stop_before_pixels=True) for path in single.files])
        rows.append({"patient": patient, "series": name, "slices": len(single.files), **settings})
        findings += [replace(finding, where=f"{patient}/{name}") for finding in (*odd, *single.findings)]
    order = np.argsort([f"{row['patient']}/{row['series']}" for row in rows], kind="stable")
    return [rows[place] for place in order], sorted(findings, key=lambda finding: finding.where)


def allowed_settings(headers: list[Dataset]) -> tuple[dict[str, object], list[Finding]]:
    """The scanner settings of a series, from the allowed fields only, each checked for its type.

    Returns
    -------
    dict
        rows, columns, slice_spacing_mm (median, from the positions; NaN without them), slice_spacing_uniform, kernel,
        thickness_mm, pixel_mm, kvp.
    list of Finding
        Dropped values and lossy compression.
    """
    first = headers[0]
    settings: dict[str, Any] = {"rows": int(first.Rows), "columns": int(first.Columns)}
    steps = np.abs(np.diff([dicom.position_mm(header) for header in headers]))
    known = len(steps) > 0 and not np.isnan(steps).any()
    settings["slice_spacing_mm"] = round(float(np.median(steps)), 3) if known else np.nan
    settings["slice_spacing_uniform"] = ("yes" if is_uniform(steps) else "no") if known else ""
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
    findings = [Finding("dropped-setting", "note", "", remark) for remark in remarks]
    if str(first.get("LossyImageCompression") or "") == "01":
        findings.append(Finding("lossy", "note", "", "was compressed with loss before the import"))
    return settings, findings


def _finite(value: object) -> float:
    """The number in a header field; NaN if it is not a finite number."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return np.nan
    return number if np.isfinite(number) else np.nan
