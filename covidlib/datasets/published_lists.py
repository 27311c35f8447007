"""Read COVID-CTset's public lists as tables: images, folds, checksums, patients and series (sections 2.1 and 2.4).

The lists name images in the style `137covid_patient1_SR_2_IM00010.tif`; every table here adds the patient of each
image. Aggregates of the lists are stored with the package, so that a chapter can be read offline; the lists themselves
are not. `python -m covidlib.datasets.published_lists` computes the aggregates again. Taught in chapter 01.
"""

from __future__ import annotations

import json
from datetime import date
from importlib.resources import files
from pathlib import Path, PureWindowsPath

import pandas as pd

from covidlib.datasets import list_counts
from covidlib.datasets.public_files import fetch, known_files
from covidlib.errors import InputError, Unavailable
from covidlib.names import LABELS
from covidlib.scans.filenames import identify
from covidlib.utils.csv_files import check_words, read_table
from covidlib.utils.files import write_text

AUTHORS = "mr7495/COVID-CTset"
"""The authors' repository: patients, series, the list of all images."""
LISTS = "rickerju/CovidCT"
"""A student project's repository: the authors' fold lists, and a checksum of every image."""

FOLDS = range(1, 6)
SIDES = ("train", "validation", "test")
SERIES = ("SR_2", "SR_3", "SR_4")
LABEL_OF_INFECTION = {"Positive": "covid", "Negative": "normal"}
METADATA = {
    "ConvolutionKernel": "kernel",
    "SliceThickness": "thickness",
    "SmallestImagePixelValue": "smallest",
    "LargestImagePixelValue": "largest",
    "BitsStored": "bits_stored",
    "BitsAllocated": "bits_allocated",
    "Rows": "rows",
    "Columns": "columns",
    "ManufacturerModelName": "model",
    "SoftwareVersions": "software",
    "ProtocolName": "protocol",
    "ReconstructionDiameter": "field_mm",
    "Exposure": "exposure",
}
"""DICOM attributes that describe how a series was made, and their columns here; none identifies the patient."""

STORED = "published.json"


def _source(repository: str, path: str) -> str:
    known = [name for name in known_files() if name.startswith(f"{repository}/") and name.endswith(f"/{path}")]
    if len(known) != 1:
        raise InputError(path, f"matches {len(known)} known files of {repository}, expected 1", "Report this error")
    return known[0]


def commits() -> dict[str, str]:
    """The commit from which each repository's lists are read."""
    names = [_source(AUTHORS, "all.csv"), _source(LISTS, "checksums.csv")]
    return {"/".join(name.split("/")[:2]): name.split("/")[2] for name in names}


def read_list(path: Path) -> pd.DataFrame:
    """Read a list of images with their classes, in the layout of the authors' `train1.csv`.

    Returns
    -------
    DataFrame
        Columns filename, label ("covid" or "normal", as in the list), patient, series, number.

    Raises
    ------
    InputError
        If the file is not such a list, has another class, or a name in it contains no patient.
    """
    listed = read_table(path, "Write the list in the form of COVID-CTset's train1.csv", ("filename", "class"))
    check_words(path, listed, "class", LABELS)
    rows = []
    for written, label in zip(listed["filename"], listed["class"], strict=True):
        filename = PureWindowsPath(written).as_posix()
        name = identify(filename)
        if name is None:
            raise InputError(
                path,
                f"the file name {filename} in this list contains no patient",
                "Name slices as COVID-CTset does: 137covid_patient1_SR_2_IM00010.tif",
            )
        rows.append((filename, label, name.patient, name.series, name.number))
    if not rows:
        raise InputError(path, "lists no image", "Add its images, or remove the list")
    return pd.DataFrame(rows, columns=["filename", "label", "patient", "series", "number"])


def image_list() -> pd.DataFrame:
    """Read the authors' list of images for training and testing (paper, section 2.4).

    Returns
    -------
    DataFrame
        Columns filename, label, patient, series, number.

    Raises
    ------
    Unavailable
        If the list is not found in the mirror, the cache or online.
    """
    return read_list(fetch(_source(AUTHORS, "all.csv")))


def fold_lists() -> pd.DataFrame:
    """Read the authors' fifteen lists of training, validation and test images, three per fold (paper, Table 2).

    Returns
    -------
    DataFrame
        Columns fold (1 to 5), side ("train", "validation" or "test"), filename, label, patient, series, number.

    Raises
    ------
    Unavailable
        If a list is not found in the mirror, the cache or online.
    """
    tables = []
    for fold in FOLDS:
        for side in SIDES:
            listed = read_list(fetch(_source(LISTS, f"csv/{side}{fold}.csv")))
            listed.insert(0, "fold", fold)
            listed.insert(1, "side", side)
            tables.append(listed)
    return pd.concat(tables, ignore_index=True)


def checksums() -> pd.DataFrame:
    """Read the published BLAKE2b checksums (64 bytes) of all images for training and testing (paper, section 2.4).

    Returns
    -------
    DataFrame
        Columns filename, blake2b.

    Raises
    ------
    Unavailable
        If the list is not found in the mirror, the cache or online.
    """
    listed = pd.read_csv(fetch(_source(LISTS, "checksums.csv")))
    return listed.rename(columns={"file": "filename", "checksum": "blake2b"})


def patient_details() -> pd.DataFrame:
    """Read the authors' list of patients, with sex, age and date of scan (paper, section 2.1 and Fig. 3).

    Returns
    -------
    DataFrame
        Columns patient, label, sex ("F" or "M"), age (years), date.

    Raises
    ------
    Unavailable
        If the list is not found in the mirror, the cache or online.
    """
    listed = pd.read_csv(fetch(_source(AUTHORS, "Patient_details.csv")), dtype=str)
    return pd.DataFrame(
        {
            "patient": listed["Patient ID"],
            "label": listed["COVID-19 Infection"].map(LABEL_OF_INFECTION),
            "sex": listed["SEX"],
            "age": listed["AGE"].str.removesuffix("Y").astype(int),
            "date": pd.to_datetime(listed["Date"], format="%Y%m%d"),
        }
    )


def series_metadata() -> pd.DataFrame:
    """Read the authors' list of scanner settings, from the DICOM header of each series (paper, section 2.1).

    Returns
    -------
    DataFrame
        Columns patient, series, kernel, thickness (mm), largest (stored value) and the rest of `METADATA`; one row
        for every series that exists.

    Raises
    ------
    Unavailable
        If the list is not found in the mirror, the cache or online.
    """
    wide = pd.read_csv(fetch(_source(AUTHORS, "Patients_metadata.csv")))
    tables = []
    for series in SERIES:
        wanted = wide[["Patient ID", *(f"{series} {attribute}" for attribute in METADATA)]]
        settings = wanted.set_axis(["patient", *METADATA.values()], axis=1)
        settings.insert(1, "series", series)
        tables.append(settings.dropna(subset=list(METADATA.values()), how="all"))
    return pd.concat(tables, ignore_index=True)


def aggregates() -> dict[str, object]:
    """Compute all counts of chapter 01 from the lists, compared with the paper (paper, Tables 1, 2 and 4).

    Only numbers and names of columns, ready for JSON: no patient and no image is named.

    Raises
    ------
    Unavailable
        If a list is not found in the mirror, the cache or online.
    """
    counted = list_counts.count_all(image_list(), fold_lists(), checksums(), patient_details(), series_metadata())
    return {"commits": commits(), **counted}


def stored_aggregates() -> dict[str, object]:
    """Read the aggregates stored with the package, with the date on which they were computed."""
    text = (files("covidlib") / "data" / STORED).read_text(encoding="utf-8")
    stored: dict[str, object] = json.loads(text)
    return stored


def aggregates_or_stored() -> tuple[dict[str, object], str]:
    """Aggregates computed from the lists if these are available, otherwise the stored ones, and a note saying which.

    Raises
    ------
    InputError
        If the content of a list differs from the one that the book was written with.
    """
    try:
        return aggregates(), "Counted just now in the published lists."
    except Unavailable as error:
        stored = stored_aggregates()
        return stored, f"Counted in the published lists on {stored['date']} and stored; just now {error}"


def main() -> None:
    """Compute the aggregates again and store them in the package."""
    target = Path(str(files("covidlib") / "data" / STORED))
    write_text(target, json.dumps({"date": date.today().isoformat(), **aggregates()}, indent=1) + "\n")
    print(target)


if __name__ == "__main__":
    main()
