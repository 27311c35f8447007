"""Write slices as 16-bit TIFF files, and check that TIFF files are 16-bit slices (paper, section 2.1).

A slice is stored as in COVID-CTset: unsigned 16 bits, value = Hounsfield units + 1024, 0 outside the reconstruction
field. A silently converted image (8 bits, float, colour) would still look right but give another result. Taught in
chapter 01.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

from covidlib.errors import InputError
from covidlib.scans import dicom
from covidlib.utils.files import replacing


class Truncated(InputError):
    """Error for a file that is shorter than its header announces."""


def decoded_pixels(path: Path, page: tifffile.TiffPage, shape: tuple[int, int]) -> np.ndarray:
    """Decode the pixels of a page that `strict_page` accepted.

    Returns
    -------
    uint16 array, shape (rows, columns)

    Raises
    ------
    InputError
        If the decoded pixels do not have the shape that the header announces.
    """
    pixels = page.asarray()
    if pixels.shape != shape:
        problem = f"decodes to shape {pixels.shape}, but its header announces {shape}"
        raise InputError(path, problem, "Copy or download the file again")
    return pixels


def strict_page(path: Path, tiff: tifffile.TiffFile) -> tifffile.TiffPage:
    """The single page of an open TIFF file, if it is stored like the slices of COVID-CTset (paper, section 2.1).

    Raises
    ------
    Truncated
        If the file is shorter than its header announces.
    InputError
        If it contains anything but one unsigned 16-bit grey channel, or several images.
    """
    if len(tiff.pages) != 1:
        raise InputError(path, f"contains {len(tiff.pages)} images, expected 1", "Write one slice per file")
    page = tiff.pages.first
    remedy = "Export 16-bit grey slices (HU + 1024) again from the source; converting back does not restore them"
    if len(page.shape) != 2 or page.samplesperpixel != 1:
        raise InputError(path, f"has shape {page.shape}, expected one grey channel (rows, columns)", remedy)
    if page.dtype != np.uint16:
        raise InputError(path, f"has {page.dtype} pixels, expected unsigned 16-bit (uint16)", remedy)
    if page.photometric != tifffile.PHOTOMETRIC.MINISBLACK:
        raise InputError(
            path,
            f"stores grey as {tifffile.PHOTOMETRIC(page.photometric).name}, expected MINISBLACK (0 is black)",
            remedy,
        )
    if max(page.shape) > dicom.LARGEST_SIDE:
        raise InputError(
            path,
            f"the header announces {page.shape[0]}×{page.shape[1]} pixels, more than {dicom.LARGEST_SIDE} per side",
            "Copy or download the file again",
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
    """Write one slice like those of COVID-CTset: uncompressed 16-bit TIFF (paper, section 2.1).

    The same pixels give the same bytes: no date, no software name. The file appears complete or not at all.

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
            path,
            f"{pixels.dtype} pixels of shape {pixels.shape} are not a slice",
            "Pass a uint16 array (rows, columns)",
        )
    with replacing(path) as part:
        tifffile.imwrite(part, pixels, photometric="minisblack", metadata=None, software=False)
