"""The pictures of UCSD's COVID-CT, with the patient of each; its splits had one patient on several sides.

COVID-CT (Yang et al. 2020, arXiv:2003.13865) has 8-bit pictures of CT slices. Those with COVID-19 were cut from
preprints. "Non-COVID" are teaching cases of web pages and of MedPix: tumours, other pneumonias, and healthy lungs, from
other scanners, cut and compressed by other people. The copyright is that of the preprints and pages: the pictures are
fetched by commit and hash, and never shipped. A public copy is used, which has thousands of other pictures without a
patient beside these. This is not part of the paper. Taught in chapter 09.
"""

from __future__ import annotations

import argparse
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Mapping
from importlib.resources import files
from io import StringIO
from pathlib import Path, PurePosixPath
from urllib.parse import quote
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from covidlib.datasets import public_files
from covidlib.errors import InputError
from covidlib.utils.files import check_file, check_folder, file_hash, write_text

STORED = "ucsd_pictures.csv"
COPY = "Coronavirus-Visualization-Team/CVT_COVID-CT-CNN/24d2b4890756bf6bdbda8236a89518ccbaf7dabd"
PICTURES = {"covid": "Data/master-data/COVID", "normal": "Data/master-data/NonCOVID"}
"""Folder of the copy by class; "normal" is the dataset's NonCOVID."""
METADATA = {"covid": "Data/Meta/COVID-CT-MetaInfo.xlsx", "normal": "Data/Meta/NonCOVID-CT-MetaInfo.csv"}
LEFT_OUT = {"covid": 2082, "normal": 1769}
"""Pictures of the copy whose patient is unknown, from other collections: they are not listed."""
WORKBOOK = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def listed_pictures() -> pd.DataFrame:
    """Read the stored list of pictures whose patient is known.

    Returns
    -------
    DataFrame
        Columns path (in the copy), label ("covid", or "normal" for NonCOVID), patient, sha256.
    """
    return pd.read_csv(StringIO((files("covidlib") / "data" / STORED).read_text(encoding="utf-8")))


def fetch_pictures(listed: pd.DataFrame) -> list[Path]:
    """Find or download the listed pictures, verified, in their order.

    Raises
    ------
    InputError
        If the content of a picture differs from the listed one.
    Unavailable
        If a picture is not found in the mirror, the cache or online.
    """
    names = [f"{COPY}/{path}" for path in listed["path"]]
    digests = [f"sha256:{digest}" for digest in listed["sha256"]]
    return [
        public_files.obtain(f"{public_files.WEB}/{quote(name)}", name, digest)
        for name, digest in zip(names, digests, strict=True)
    ]


def read_pictures(paths: Iterable[Path], side: int) -> np.ndarray:
    """Read pictures in grey and shrink them to squares; their aspect is not kept, as in the networks trained on them.

    Returns
    -------
    float32 array, shape (pictures, side, side)
        From 0 (black) to 1 (white).

    Raises
    ------
    InputError
        If a file is no picture.
    """
    from PIL import Image, UnidentifiedImageError

    grey = []
    for path in paths:
        check_file(path, "Fetch the pictures again")
        try:
            with Image.open(path) as picture:
                small = picture.convert("L").resize((side, side), Image.Resampling.BOX, reducing_gap=None)
        except (UnidentifiedImageError, OSError) as error:
            raise InputError(path, f"cannot be read as a picture ({error})", "Fetch it again") from error
        grey.append(np.asarray(small, np.float32) / 255)
    return np.stack(grey)


# The list -------------------------------------------------------------------------------------------------------------


def normalised(name: str) -> str:
    """A picture's name without its ending, white space, capitals, and other ways to write one character.

    The names come from titles of articles, and passed through zip files, spreadsheets and several file systems.
    """
    composed = unicodedata.normalize("NFC", name).strip().lower()
    return re.sub(r"\s+", "", re.sub(r"\.(png|jpe?g)$", "", composed))


def match_patients(paths: Iterable[str], patients: Mapping[str, str]) -> dict[str, str]:
    """The patient of each picture whose normalised name the metadata have; ambiguous names are left out.

    Parameters
    ----------
    paths : str
        Of the pictures of one class.
    patients : mapping
        Patient by file name, as the metadata have them.

    Returns
    -------
    dict
        Patient by path; fewer than `paths`.
    """
    known: dict[str, set[str]] = {}
    for name, patient in patients.items():
        known.setdefault(normalised(name), set()).add(re.sub(r"\s+", " ", patient).strip())
    found: dict[str, list[str]] = {}
    for path in paths:
        found.setdefault(normalised(PurePosixPath(path).name), []).append(path)
    return {
        same[0]: next(iter(known[name]))
        for name, same in found.items()
        if len(same) == 1 and len(known.get(name, ())) == 1 and next(iter(known[name]))
    }


def read_patients(path: Path) -> dict[str, str]:
    """Read a metadata file: patient by name of picture.

    Raises
    ------
    InputError
        If the file is missing.
    """
    check_file(path, f"Check out {COPY}")
    if path.suffix == ".csv":
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        return dict(zip(table["image name"], table["patient id"], strict=True))
    rows = _workbook_rows(path)
    return {row["A"]: row.get("B", "") for row in rows[1:] if row.get("A")}


def _workbook_rows(path: Path) -> list[dict[str, str]]:
    """The text of the first sheet of an Excel workbook, by letter of the column."""
    with zipfile.ZipFile(path) as workbook:
        shared = ElementTree.fromstring(workbook.read("xl/sharedStrings.xml"))
        sheet = ElementTree.fromstring(workbook.read("xl/worksheets/sheet1.xml"))
    texts = ["".join(part.text or "" for part in item.iter(f"{WORKBOOK}t")) for item in shared]
    rows = []
    for row in sheet.iter(f"{WORKBOOK}row"):
        cells = {cell.get("r", "").rstrip("0123456789"): cell for cell in row}
        values = {column: (cell.get("t"), cell.findtext(f"{WORKBOOK}v")) for column, cell in cells.items()}
        rows.append({k: texts[int(v)] if kind == "s" else v for k, (kind, v) in values.items() if v is not None})
    return rows


def make_list(checkout: str | Path) -> tuple[pd.DataFrame, dict[str, int]]:
    """Match the pictures of a checkout of the copy with the patients of its two metadata files.

    Returns
    -------
    DataFrame
        As `listed_pictures`.
    dict
        By class, number of pictures without a known patient, which are left out.

    Raises
    ------
    InputError
        If a folder or a metadata file is missing.
    """
    checkout = Path(checkout)
    rows, left_out = [], {}
    for label, folder in PICTURES.items():
        check_folder(checkout / folder, f"Check out {COPY}")
        paths = sorted(f"{folder}/{path.name}" for path in (checkout / folder).iterdir())
        patients = match_patients(paths, read_patients(checkout / METADATA[label]))
        rows += [(path, label, patient, file_hash(checkout / path)) for path, patient in patients.items()]
        left_out[label] = len(paths) - len(patients)
    return pd.DataFrame(rows, columns=["path", "label", "patient", "sha256"]), left_out


def main() -> None:
    """Store the list of the pictures of a checkout whose patient is known."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("checkout", type=Path, help="a checkout of the copy at its commit")
    listed, left_out = make_list(parser.parse_args().checkout)
    write_text(Path(str(files("covidlib") / "data" / STORED)), listed.to_csv(index=False, lineterminator="\n"))
    print(f"{len(listed)} pictures of {listed['patient'].nunique()} patients; without a known patient: {left_out}")


if __name__ == "__main__":
    main()
