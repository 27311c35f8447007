"""Check every slice file of a folder for faults, and compute hashes of its content (paper, section 2.1).

Each file is read once, and only hashes are kept, so that memory does not grow with the pixels. Taught in chapter 01.
"""

from __future__ import annotations

import hashlib
import io
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from covidlib.errors import InputError
from covidlib.names import SLICE_SIDE
from covidlib.scans.filenames import TIFF_SUFFIXES, identify
from covidlib.scans.series import walk
from covidlib.scans.tiff import EightBit, FloatPixels, Truncated, Unreadable, open_tiff, strict_page
from covidlib.scans.tiff_pixels import slice_pixels
from covidlib.utils.files import check_folder

EIGHT_BIT_LARGEST = 255
CEILINGS = (4095, 65535)
"""Values at which pixels are clipped: the largest of the scanner's 12 bits and of the file's 16 bits."""
CLIPPED_SHARE = 0.01
"""A slice counts as clipped if a larger share of its pixels has such a value; bone and some metal cover far less."""
KINDS: dict[type[InputError], str] = {
    Truncated: "truncated",
    Unreadable: "unreadable",
    EightBit: "8-bit",
    FloatPixels: "float pixels",
}
"""Kind of a fault by the reader's error."""

FINDING_COLUMNS = ["severity", "kind", "path", "detail"]
SLICE_COLUMNS = ["path", "flat", "patient", "series", "number", "label", "file_digest", "pixel_digest"]


@dataclass(frozen=True)
class Inspection:
    """The check of one file: hashes of its bytes and pixels (empty if they cannot be read), and its faults."""

    file_digest: str
    pixel_digest: str
    faults: tuple[tuple[str, str], ...]
    """Kind and detail of each fault."""


def findings_table(rows: list[tuple[str, str, str, str]]) -> pd.DataFrame:
    """Make a table of findings: severity ("problem" or "note"), kind, path, detail."""
    return pd.DataFrame(rows, columns=FINDING_COLUMNS)


def tiff_files(root: Path) -> tuple[list[Path], int]:
    """Find every TIFF file under a folder, and count the other files.

    Raises
    ------
    InputError
        If the folder does not exist or has no TIFF file.
    """
    check_folder(root, "Name the folder of the dataset")
    paths = [folder / name for folder, names in walk(root) for name in names]
    tiffs = sorted(path for path in paths if path.name.lower().endswith(TIFF_SUFFIXES))
    if not tiffs:
        raise InputError(root, "no TIFF file found", "Name a folder with slices as COVID-CTset stores them")
    return tiffs, len(paths) - len(tiffs)


def inspect(path: Path) -> Inspection:
    """Read one file, find its faults, and compute the hashes of its bytes and pixels."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return Inspection("", "", (("unreadable", f"cannot be opened ({error.strerror})"),))
    file_digest = hashlib.blake2b(content).hexdigest()
    try:
        with open_tiff(path, io.BytesIO(content)) as tiff:
            pixels = slice_pixels(path, strict_page(path, tiff))
    except InputError as error:
        return Inspection(file_digest, "", ((KINDS.get(type(error), "other format"), error.problem),))
    except Exception as error:  # a damaged file can fail anywhere in the decoder: the error becomes the finding
        return Inspection(file_digest, "", (("unreadable", f"cannot be read as TIFF ({error})"),))
    # The shape is hashed as well: 256 rows of 512 and 512 rows of 256 can have the same bytes.
    pixel_digest = hashlib.blake2b(str(pixels.shape).encode(), digest_size=16)
    pixel_digest.update(np.ascontiguousarray(pixels, "<u2"))
    return Inspection(file_digest, pixel_digest.hexdigest(), tuple(_faults(pixels)))


def _faults(pixels: np.ndarray) -> list[tuple[str, str]]:
    faults = []
    if pixels.shape != (SLICE_SIDE, SLICE_SIDE):
        faults.append(("wrong size", f"{pixels.shape[0]}×{pixels.shape[1]} pixels, expected {SLICE_SIDE}×{SLICE_SIDE}"))
    smallest, largest = int(pixels.min()), int(pixels.max())
    if smallest == largest:
        return [*faults, ("constant", f"every pixel is {largest}")]
    if largest <= EIGHT_BIT_LARGEST:
        faults.append(("8-bit", f"16 bits are stored, but no value is above {largest}: converted from 8 bits"))
    for ceiling in CEILINGS:
        share = float((pixels == ceiling).mean()) if largest >= ceiling else 0.0
        if share > CLIPPED_SHARE:
            faults.append(("clipped", f"{share:.1%} of the pixels are {ceiling} (more than {CLIPPED_SHARE:.0%})"))
    return faults


def scan(root: Path, paths: list[Path], workers: int, progress: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Inspect every file once, in threads: reading, decoding and hashing all release Python's global lock.

    Returns
    -------
    slices : DataFrame
        Columns path (below `root`), flat (whether the file name alone contains the patient), patient, series, number,
        label, file_digest, pixel_digest; patient to label are None if the path does not contain them.
    findings : DataFrame
        Columns severity, kind, path, detail.
    """
    slices, findings = [], []
    with ThreadPoolExecutor(workers) as pool:
        inspections = tqdm(pool.map(inspect, paths), total=len(paths), unit="slice", disable=not progress)
        for path, inspection in zip(paths, inspections, strict=True):
            relative = path.relative_to(root).as_posix()
            name = identify(path)
            if name is None:
                findings.append(("problem", "unnamed", relative, "the file name contains no patient and class"))
            findings += [("problem", kind, relative, detail) for kind, detail in inspection.faults]
            whose = (name.patient, name.series, name.number, name.label) if name else (None, None, None, None)
            flat = identify(path.name) is not None
            slices.append((relative, flat, *whose, inspection.file_digest, inspection.pixel_digest))
    return pd.DataFrame(slices, columns=SLICE_COLUMNS), findings_table(findings)


def usual_workers() -> int:
    """Number of threads for a scan: one per processor core, at most eight; more would not make the disk faster."""
    return min(os.cpu_count() or 1, 8)
