"""Make the package's folder of real slices again, from the public DICOM files: `python book/_ext real-slices FOLDER`.

The table in the package says which slices; the library's own import takes everything from the files but pixels and a
few scanner settings. The result is the folder in the package, byte for byte if the same zlib compresses it.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile
from tqdm import tqdm

from covidlib.datasets.public_files import fetch
from covidlib.datasets.real_slices import list_real_slices, real_slices_folder, values_hash
from covidlib.errors import InputError
from covidlib.scans.dicom import read_header
from covidlib.scans.dicom_import import import_dicom
from covidlib.scans.slices import read_slice
from covidlib.utils.files import check_new_folder, replacing_folder

MAKERS = {"Philips": "Philips", "GE MEDICAL SYSTEMS": "GE", "TOSHIBA": "Toshiba"}
"""Manufacturer as in the headers, and as the table names it; free text is never copied."""
SETTINGS = ("kernel", "thickness_mm", "pixel_mm", "kvp")
WRITTEN = ("README.md", "LICENSE.txt")
"""What was written by hand, and is copied."""


def make_folder(folder: str | Path) -> Path:
    """Write the slices, their table, credits and licence into a new folder.

    Raises
    ------
    InputError
        If the folder has files, or a source is not the file that the book was written with.
    Unavailable
        If a source is not found in the mirror, the cache or online.
    """
    folder = Path(folder)
    check_new_folder(folder)
    listed = list_real_slices().drop(columns="credit")
    sources = {str(name): fetch(source) for name, source in listed["source"].items()}
    rows = []
    with replacing_folder(folder) as part:
        for name, row in tqdm(listed.iterrows(), total=len(listed), unit="slice"):
            pixels, settings = imported(sources[str(name)])
            path = part / row["file"]
            path.parent.mkdir(exist_ok=True)
            write_compressed(path, pixels)
            rows.append({**row, **settings, "sha256": values_hash(pixels)})
        table = pd.DataFrame(rows, index=listed.index)[list(listed.columns)]
        table.to_csv(part / "slices.csv", lineterminator="\n")
        for written in WRITTEN:
            shutil.copyfile(real_slices_folder() / written, part / written)
    return folder


def imported(source: Path) -> tuple[np.ndarray, dict[str, object]]:
    """Pixels and settings of one DICOM file after `covidlib import-dicom`.

    Returns
    -------
    uint16 array, shape (rows, columns)
        HU + 1024.
    dict
        maker, kernel, thickness_mm, pixel_mm, kvp.
    """
    with tempfile.TemporaryDirectory() as temporary:
        alone = Path(temporary) / "one"
        alone.mkdir()
        shutil.copyfile(source, alone / source.name)
        result = import_dicom(alone, Path(temporary) / "imported")
        (path,) = result.folder.rglob("*.tif")
        header = read_header(source, stop_before_pixels=True, specific_tags=["Manufacturer"])
        settings = {"maker": MAKERS[str(header.Manufacturer)]}
        return read_slice(path), settings | {name: result.table.loc[0, name] for name in SETTINGS}


def write_compressed(path: Path, pixels: np.ndarray) -> None:
    """Write a slice as `covidlib.scans.tiff.write_slice` does, but with deflate and horizontal differences: no loss."""
    tifffile.imwrite(
        path,
        pixels,
        photometric="minisblack",
        metadata=None,
        software=False,
        compression="zlib",
        predictor=True,
        compressionargs={"level": 9},
    )


def main(argv: list[str]) -> int:
    """Write the folder; returns 0, or 2 with a line on stderr if that is not possible."""
    parser = argparse.ArgumentParser(prog="python book/_ext real-slices", description="Make the real slices again.")
    parser.add_argument("folder", type=Path, help="a new folder; then compare it with covidlib/data/real_slices")
    arguments = parser.parse_args(argv)
    try:
        print(f"{make_folder(arguments.folder)}: {len(list_real_slices())} slices")
    except InputError as error:
        print(f"covidlib: {error}", file=sys.stderr)
        return 2
    return 0
