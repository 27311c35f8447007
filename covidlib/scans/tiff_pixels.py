"""Decode the pixels of a TIFF slice, and turn them the way the file says (paper, section 2.1).

Most slices are plain 16-bit numbers. Some scanners' software packs 12 bits a pixel, compresses, or stores the picture
lying on its side with a tag that says so: all of it is legal TIFF.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import tifffile

from covidlib.errors import InputError
from covidlib.scans.tiff import Unreadable, orientation_tag, row_bytes

OWN_COMPRESSIONS = (1, 8, 32773, 32946, 34925)
"""What tifffile decodes without a further package: none, deflate (two numbers), PackBits, LZMA."""


def slice_pixels(path: Path, page: tifffile.TiffPage) -> np.ndarray:
    """Decode a page that `covidlib.scans.tiff.strict_page` accepted, and turn it as its Orientation tag says.

    Returns
    -------
    array, shape (rows, columns)
        uint16, HU + 1024, as a viewer shows it; of another type if `strict_page` was told to accept it.

    Raises
    ------
    InputError
        If the pixels cannot be decoded, or do not have the shape that the header announces.
    """
    pixels, announced = _decoded(path, page), tuple(page.shape)
    if pixels.shape != announced:
        problem = f"decodes to shape {pixels.shape}, but its header announces {announced}"
        raise InputError(path, problem, "Copy or download the file again")
    return turned(pixels, orientation_tag(path, page))


def turned(stored: np.ndarray, orientation: int) -> np.ndarray:
    """Turn or mirror a stored picture so that it is shown upright (TIFF 6.0, section 8, tag 274).

    Parameters
    ----------
    stored : array, shape (rows, columns)
        As the file has it.
    orientation : int
        1: first row is the top, first column the left; 2 to 4: mirrored or upside down; 5 to 8: rows are columns.

    Returns
    -------
    array, shape (rows, columns), with both exchanged from 5 on
        A view of `stored`.
    """
    shown = stored.T if orientation > 4 else stored
    mirrored, upside_down = orientation in (2, 3, 6, 7), orientation in (3, 4, 7, 8)
    return shown[:: -1 if upside_down else 1, :: -1 if mirrored else 1]


def unpacked(stored: bytes, columns: int, bits: int) -> np.ndarray:
    """Unpack pixels of fewer than 16 bits, which stand without a gap (TIFF 6.0, FillOrder 1).

    Each row begins with a new byte; of a pixel, the highest bit comes first, whatever the byte order of the file.

    Parameters
    ----------
    stored : bytes
        Whole rows.

    Returns
    -------
    uint16 array, shape (rows, columns)
    """
    rows = np.frombuffer(stored, np.uint8).reshape(-1, row_bytes(columns, bits))
    single = np.unpackbits(rows, axis=1, count=columns * bits).reshape(-1, columns, bits)
    sixteen = np.pad(single, ((0, 0), (0, 0), (16 - bits, 0)))
    return np.packbits(sixteen, axis=2).view(">u2")[..., 0].astype(np.uint16)


def _decoded(path: Path, page: tifffile.TiffPage) -> np.ndarray:
    columns, bits = page.shape[1], page.bitspersample
    whole_rows = page.compression == 1 and page.fillorder == 1 and not page.is_tiled
    if bits < 16 and whole_rows and sum(page.databytecounts) == page.shape[0] * row_bytes(columns, bits):
        file, parts = page.parent.filehandle, []
        for start, size in zip(page.dataoffsets, page.databytecounts, strict=True):
            file.seek(start)
            parts.append(file.read(size))
        return unpacked(b"".join(parts), columns, bits)
    try:
        return page.asarray()
    except Exception as error:  # each decoder has its own errors; only those of a missing package are explained here
        own = page.compression in OWN_COMPRESSIONS and bits >= 16
        if own or find_spec("imagecodecs"):
            raise
        packed = f"packs {bits} bits a pixel in an unusual way"
        compressed = f"is compressed with {tifffile.COMPRESSION(page.compression).name}"
        problem = f"{packed if page.compression == 1 else compressed}, which only the package imagecodecs can decode"
        remedy = "Run `pip install imagecodecs` and try again, or write the slice uncompressed with 16 bits a pixel"
        raise Unreadable(path, problem, remedy) from error
