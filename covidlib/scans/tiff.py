"""Write 16-bit TIFF slices, and refuse to read any other kind (paper, section 2.1).

A slice is stored as COVID-CTset stores it: unsigned 16 bits, value = Hounsfield units + 1024, 0 outside the
reconstruction field. A silent conversion (8 bits, float, colour) would still look like a picture and give another
result. Taught in chapter 01.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

from covidlib.errors import InputError
from covidlib.scans import dicom
from covidlib.utils.files import replacing


class Truncated(InputError):
    """A file that is shorter than its header says."""


def _decoded(path: Path, page: tifffile.TiffPage, shape: tuple[int, int]) -> np.ndarray:
    pixels = page.asarray()
    if pixels.shape != shape:
        raise InputError(path, f"decodes to {pixels.shape}, its header says {shape}", "Copy or download the file again")
    return pixels


def strict_page(path: Path, tiff: tifffile.TiffFile) -> tifffile.TiffPage:
    """The one page of an open TIFF file, if it is a slice as COVID-CTset stores it (paper, section 2.1).

    Raises
    ------
    Truncated
        If the file is shorter than its header says.
    InputError
        If it holds anything but one unsigned 16-bit grey channel, or several images.
    """
    if len(tiff.pages) != 1:
        raise InputError(path, f"holds {len(tiff.pages)} images, expected 1", "Write one slice a file")
    page = tiff.pages.first
    remedy = "Export 16-bit grey slices (HU + 1024) again from the source; converting back does not restore them"
    if len(page.shape) != 2 or page.samplesperpixel != 1:
        raise InputError(path, f"has shape {page.shape}, expected one grey channel (rows, columns)", remedy)
    if page.dtype != np.uint16:
        raise InputError(path, f"holds {page.dtype} pixels, expected unsigned 16-bit (uint16)", remedy)
    if page.photometric != tifffile.PHOTOMETRIC.MINISBLACK:
        raise InputError(
            path,
            f"stores grey as {tifffile.PHOTOMETRIC(page.photometric).name}, expected MINISBLACK (0 is black)",
            remedy,
        )
    if max(page.shape) > dicom.LARGEST_SIDE:
        raise InputError(
            path,
            f"says that it has {page.shape[0]}×{page.shape[1]} pixels",
            f"Slices have at most {dicom.LARGEST_SIDE} a side",
        )
    needed = max(start + size for start, size in zip(page.dataoffsets, page.databytecounts, strict=True))
    if page.compression == 1:
        needed = max(needed, page.dataoffsets[0] + 2 * page.shape[0] * page.shape[1])
    if needed > tiff.filehandle.size:
        raise Truncated(
            path,
            f"is truncated: {tiff.filehandle.size} bytes, expected at least {needed}",
            "Copy or download the file again",
        )
    return page


def write_slice(path: str | Path, pixels: np.ndarray) -> None:
    """Write one slice as COVID-CTset does: uncompressed 16-bit TIFF (paper, section 2.1).

    The same pixels give the same bytes: no date, no software name. The file appears whole or not at all.

    Parameters
    ----------
    pixels : uint16 array, shape (rows, columns)
        HU + 1024.

    Raises
    ------
    InputError
        If the pixels are not uint16 with two axes.
    """
    path = Path(path)
    if pixels.dtype != np.uint16 or pixels.ndim != 2:
        raise InputError(
            path, f"{pixels.dtype} pixels of shape {pixels.shape} are no slice", "Give uint16 (rows, columns)"
        )
    with replacing(path) as part:
        tifffile.imwrite(part, pixels, photometric="minisblack", metadata=None, software=False)
