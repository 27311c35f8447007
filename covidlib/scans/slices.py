"""Read a slice from a TIFF or DICOM file, or only some of its rows (paper, section 2.1).

Taught in chapters 01 and 02.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from covidlib.errors import InputError
from covidlib.scans import dicom
from covidlib.scans.filenames import TIFF_SUFFIXES
from covidlib.scans.tiff import open_tiff, orientation_tag, strict_page
from covidlib.scans.tiff_pixels import slice_pixels
from covidlib.scans.value_scale import Scale


@dataclass(frozen=True)
class _Header:
    """The bytes before the pixels of an uncompressed TIFF whose pixels come last, and their meaning."""

    start: bytes
    file_size: int
    shape: tuple[int, int]
    byteorder: str


class RowReader:
    """Reads some rows of slices; the header that slices of a series share is parsed once, then only compared.

    A slice whose Orientation tag says that it lies on its side is turned first: its rows are those that a viewer shows.

    Parameters
    ----------
    scale : Scale, optional
        The scale of the values in the files, if it is not HU + 1024.

    Attributes
    ----------
    orientation : int
        The Orientation tag of the slice that was read last; 1 if it lies as a viewer shows it.
    """

    def __init__(self, scale: Scale | None = None) -> None:
        self.scale, self.orientation = scale, 1
        self._last: _Header | None = None

    def read(self, path: str | Path, rows: slice = slice(None)) -> tuple[np.ndarray, tuple[int, int]]:
        """Read some rows of one slice, and the shape of the whole slice.

        From an uncompressed TIFF only the header and the requested rows are read.

        Returns
        -------
        pixels : uint16 array, shape (requested rows, columns)
            HU + 1024.
        shape : (rows, columns) of the whole slice.

        Raises
        ------
        InputError
            If the file is not an unsigned 16-bit, one-channel slice, is damaged, or cannot be opened.
        """
        values, shape = self.read_values(path, rows)
        if self.scale is not None:
            return dicom.clipped(self.scale.to_stored(values.astype(np.int32))), shape
        return values if values.dtype == np.uint16 else dicom.clipped(values), shape

    def read_values(self, path: str | Path, rows: slice = slice(None)) -> tuple[np.ndarray, tuple[int, int]]:
        """As `read`, with the values of the file: not converted, of a DICOM file not cut to 16 unsigned bits."""
        path, self.orientation = Path(path), 1
        if not path.name.lower().endswith(TIFF_SUFFIXES):
            pixels = dicom.read_dicom_values(path)
            return pixels[rows], (pixels.shape[0], pixels.shape[1])
        # Not a context manager: this runs once a slice, and a good one shall pass through as fast as it can.
        try:
            with path.open("rb") as stream:
                return self._read_tiff(path, stream, rows)
        except InputError:
            raise
        except Exception as error:  # a damaged file can fail anywhere in the decoder: name the file in every case
            raise named(path, error) from error

    def _read_tiff(self, path: Path, stream: BinaryIO, rows: slice) -> tuple[np.ndarray, tuple[int, int]]:
        header, size = self._last, os.fstat(stream.fileno()).st_size
        if header is None or size != header.file_size or stream.read(len(header.start)) != header.start:
            with open_tiff(path, stream) as tiff:
                page = strict_page(path, tiff)
                shape = (page.shape[0], page.shape[1])
                start, count = page.dataoffsets[0], 2 * shape[0] * shape[1]
                plain = page.is_contiguous and page.compression == 1 and page.fillorder == 1
                self.orientation = orientation_tag(path, page)
                if not plain or start + count != size or self.orientation != 1:
                    pixels = slice_pixels(path, page)
                    return pixels[rows].astype(np.uint16, order="C"), (pixels.shape[0], pixels.shape[1])
                stream.seek(0)
                header = self._last = _Header(stream.read(start), size, shape, tiff.byteorder)
        wanted = range(header.shape[0])[rows]
        first, end = (min(wanted), max(wanted) + 1) if wanted else (0, 0)
        columns = header.shape[1]
        stream.seek(len(header.start) + 2 * columns * first)
        stored = np.fromfile(stream, f"{header.byteorder}u2", (end - first) * columns).reshape(-1, columns)
        return stored[:: wanted.step].astype(np.uint16, copy=False), header.shape


def named(path: Path, error: Exception) -> InputError:
    """An error that names the file, whatever went wrong while it was read."""
    if isinstance(error, PermissionError):
        return InputError(path, "cannot be read (no permission)", "Grant read permission and try again")
    if isinstance(error, FileNotFoundError):
        return InputError(path, "no such file", "Check the path, and that the folder was not moved while it was read")
    remedy = "Copy or download the file again; it may be an incomplete copy"
    return InputError(path, f"cannot be read as TIFF ({error})", remedy)


def read_rows(path: str | Path, rows: slice = slice(None)) -> tuple[np.ndarray, tuple[int, int]]:
    """Read some rows of one slice, and the shape of the whole slice; see `RowReader`."""
    return RowReader().read(path, rows)


def read_slice(path: str | Path, scale: Scale | None = None) -> np.ndarray:
    """Read one slice, TIFF or DICOM, as input for the network and the selection rule (paper, section 2.1).

    Returns
    -------
    uint16 array, shape (rows, columns)
        HU + 1024.

    Raises
    ------
    InputError
        If the file is not an unsigned 16-bit, one-channel slice, is damaged, or cannot be opened.
    """
    return RowReader(scale).read(path)[0]


def check_same_shape(path: Path, shape: tuple[int, ...], first: Path, expected: tuple[int, ...]) -> None:
    """Refuse a series whose slices differ in size.

    Raises
    ------
    InputError
        If `shape` differs from `expected`, the shape of the series' first slice.
    """
    if shape != expected:
        raise InputError(
            path,
            f"has {shape[0]}×{shape[1]} pixels, but {first.name} has {expected[0]}×{expected[1]}",
            "All slices of a series have the same size: put slices of another size in a separate folder",
        )
