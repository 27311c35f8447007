"""Read DICOM series: recognise files, group them by series, order the slices, read HU + 1024 (paper, section 2.1).

Slope, intercept, sign and padding differ between scanner makers; the stored values of COVID-CTset do not. All pixels
that this module returns are HU + 1024 in 16 unsigned bits. pydicom is imported only when a DICOM file is read.
Taught in chapter 01.
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from covidlib.errors import InputError

if TYPE_CHECKING:
    from pydicom import Dataset

DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
FIELDS = (
    "BurnedInAnnotation", "Columns", "ConversionType", "ConvolutionKernel", "ImageOrientationPatient",
    "ImagePositionPatient", "ImageType", "InstanceNumber", "KVP", "LossyImageCompression", "Manufacturer", "Modality",
    "NumberOfFrames", "PatientID", "PhotometricInterpretation", "PixelPaddingRangeLimit", "PixelPaddingValue",
    "PixelSpacing", "RescaleIntercept", "RescaleSlope", "RescaleType", "Rows", "SOPClassUID", "SeriesInstanceUID",
    "SliceThickness",
)  # fmt: skip
"""The header fields that covidlib reads, here and in other modules; all others are ignored."""
DICOMDIR = "1.2.840.10008.1.3.10"
"""SOP class of the file list of an export (Media Storage Directory Storage)."""
HOUNSFIELD_OFFSET = 1024
"""Stored value of 0 HU (water): COVID-CTset keeps its scanner's stored values, HU + 1024."""
LARGEST_SIDE = 8192
"""Largest side of a slice in pixels, four times that of real scanners: a damaged header could ask for all memory."""
LOWEST_CT_VALUE, HIGHEST_CT_VALUE = -1000, 3071
"""Air, and the largest HU of a 12-bit scanner: a padding value outside this range cannot be tissue."""


@dataclass(frozen=True)
class DicomSeries:
    """The files of one series UID in slice order, with remarks about irregularities."""

    name: str
    files: tuple[Path, ...]
    remarks: tuple[str, ...]


def looks_like_dicom(path: Path) -> bool:
    """Whether a file is DICOM, by its suffix or by the four letters at byte 128; exports often have no suffix.

    Raises
    ------
    InputError
        If the file cannot be opened.
    """
    if path.suffix.lower() in DICOM_SUFFIXES:
        return True
    try:
        with path.open("rb") as stream:
            return stream.read(132)[128:] == b"DICM"
    except OSError as error:
        raise InputError(path, f"cannot be opened ({error.strerror})", "Grant read permission and try again") from error


def read_header(path: Path, **options: object) -> Dataset:
    """Read one DICOM file with pydicom; options as for `pydicom.dcmread`.

    Raises
    ------
    InputError
        If pydicom is missing, or the file cannot be read.
    """
    try:
        import pydicom
    except ImportError as error:
        raise InputError(
            path, "this is a DICOM file, and pydicom is not installed", "Install it: pip install 'covidlib[dicom]'"
        ) from error
    # pydicom's warnings quote field values, and a value may identify the patient.
    warnings.filterwarnings("ignore", module=r"pydicom\.")
    try:
        header = pydicom.dcmread(path, **options)  # type: ignore[arg-type]
        # pydicom parses a field when it is accessed: a damaged field must fail here, where the error names the file.
        for field in FIELDS:
            header.get(field)
        for field in ("MediaStorageSOPClassUID", "TransferSyntaxUID"):
            header.file_meta.get(field)
        return header
    except PermissionError as error:
        raise InputError(path, "cannot be read (no permission)", "Grant read permission and try again") from error
    except Exception as error:  # pydicom raises many kinds of errors for damaged files: name the file in every case
        raise InputError(
            path, f"cannot be read as DICOM ({type(error).__name__})", "Export or copy the file again"
        ) from error


def refuse_cut(path: Path, header: Dataset) -> None:
    """Refuse a file that was cut off before its image: otherwise a slice would silently be missing from the series.

    Raises
    ------
    InputError
        Naming the file.
    """
    if "Rows" in header:
        if any(np.isnan(_numbers(header, field, 1)).any() for field in ("Rows", "Columns")):
            raise InputError(path, "the header does not contain the size of the image", "Export or copy the file again")
        return
    kind, announced = header.get("SOPClassUID"), header.file_meta.get("MediaStorageSOPClassUID")
    # Reports and makers' private records repeat the class announced at the start of the file; only a DICOMDIR does not.
    is_whole = kind is not None and announced in (None, kind)
    if announced != DICOMDIR and (not is_whole or "Image Storage" in kind.name):
        raise InputError(path, "the file ends before its image", "Export or copy the file again")


def group_series(folder: Path, paths: list[Path]) -> list[DicomSeries]:
    """Group the DICOM files of one folder into CT series, each in slice order.

    Files without an image (DICOMDIR, reports) are skipped; so are localisers, which are not slices.

    Raises
    ------
    InputError
        If a file cannot be read or was cut off, or two slices of a series have the same number or position, or slices
        have neither.
    """
    groups: dict[str, list[tuple[Path, Dataset]]] = defaultdict(list)
    for path in sorted(paths):
        header = read_header(path, stop_before_pixels=True)
        refuse_cut(path, header)
        if "Rows" in header and "LOCALIZER" not in image_kinds(header):
            groups[str(header.get("SeriesInstanceUID", ""))].append((path, header))
    several = len(groups) > 1
    all_series = []
    # Numbers, not UIDs: names are shown and written to files, and a UID could identify the patient.
    for number, members in enumerate(groups.values(), start=1):
        files, remarks = _in_slice_order(members)
        all_series.append(DicomSeries(str(folder / f"series{number}") if several else str(folder), files, remarks))
    return all_series


def image_kinds(header: Dataset) -> list[str]:
    """The words of a header's ImageType in capitals: ORIGINAL, PRIMARY, LOCALIZER and so on."""
    words = header.get("ImageType") or []
    # pydicom returns a single word as a string, which must not be split into letters.
    return [str(word).upper() for word in ([words] if isinstance(words, str) else words)]


def _in_slice_order(members: list[tuple[Path, Dataset]]) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    _refuse_equal_numbers(members)
    numbers = np.array([_number(header) for _, header in members], dtype=float)
    positions = np.array([position_mm(header) for _, header in members], dtype=float)
    if np.isnan(positions).any():
        if np.isnan(numbers).any() and len(members) > 1:
            raise InputError(
                members[0][0],
                "its series contains slices with neither a position nor an instance number",
                "Export the series again with its geometry (ImagePositionPatient)",
            )
        order = np.argsort(numbers, kind="stable")
        return tuple(members[i][0] for i in order), ("slices have no position: ordered by InstanceNumber",)
    order = np.argsort(positions, kind="stable")
    for before, after in zip(order[:-1], order[1:], strict=True):
        if positions[after] - positions[before] < 1e-3:
            raise InputError(
                members[after][0],
                f"this slice has the same position as {members[before][0].name}",
                "Put each reconstruction or time point in a separate folder",
            )
    if np.isnan(numbers).any():
        return tuple(members[i][0] for i in order), ("slices have no InstanceNumber: ordered by position alone",)
    steps = np.diff(numbers[order])
    # Which end comes first is a convention: follow the scanner's numbers, as COVID-CTset's file names do.
    if (steps < 0).sum() > (steps > 0).sum():
        order, steps = order[::-1], -steps[::-1]
    odd = int((steps < 0).sum())
    remarks = (f"InstanceNumber contradicts the position at {odd} places: ordered by position",) if odd else ()
    return tuple(members[i][0] for i in order), remarks


def _refuse_equal_numbers(members: list[tuple[Path, Dataset]]) -> None:
    seen: dict[float, Path] = {}
    for path, header in members:
        number = _number(header)
        if number in seen:
            raise InputError(
                path,
                f"this slice has the same InstanceNumber ({number:.0f}) as {seen[number].name}",
                "Keep one file per slice; put each reconstruction in a separate folder",
            )
        if not np.isnan(number):
            seen[number] = path


def _number(header: Dataset) -> float:
    (number,) = _numbers(header, "InstanceNumber", 1)
    return float(number)


def _numbers(header: Dataset, field: str, count: int) -> np.ndarray:
    """The `count` finite numbers of a field; all NaN if it contains anything else."""
    value = header.get(field)
    try:
        numbers = np.atleast_1d(np.asarray(value, dtype=float))
    except (TypeError, ValueError):
        numbers = np.array([])
    if numbers.shape != (count,) or not np.isfinite(numbers).all():
        return np.full(count, np.nan)
    return numbers


def position_mm(header: Dataset) -> float:
    """Position of a slice in millimetres along the slice normal; NaN if the header has no geometry."""
    place, axes = _numbers(header, "ImagePositionPatient", 3), _numbers(header, "ImageOrientationPatient", 6)
    return float(np.cross(axes[:3], axes[3:]) @ place)


def read_dicom(path: str | Path) -> np.ndarray:
    """Read one DICOM slice, with its values as COVID-CTset stores them (paper, section 2.1).

    Returns
    -------
    uint16 array, shape (rows, columns)
        HU + 1024, with slope and intercept applied; padding and values below −1024 HU become 0.

    Raises
    ------
    InputError
        If the file cannot be decoded or is not a single grey image.
    """
    path = Path(path)
    header = read_header(path)
    sides = np.concatenate([_numbers(header, field, 1) for field in ("Rows", "Columns")])
    if not (sides <= LARGEST_SIDE).all():
        raise InputError(
            path,
            f"the header announces {sides[0]:g}×{sides[1]:g} pixels, more than {LARGEST_SIDE} per side",
            "Export or copy the file again",
        )
    try:
        stored = header.pixel_array
    except Exception as error:  # pydicom's decoders raise many kinds of errors; each means that there is no image
        remedy = "Copy the file again"
        if compression := _compression(header):
            remedy += f"; {compression} needs a decoder: pip install pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg"
        raise InputError(path, f"its pixels cannot be decoded ({type(error).__name__})", remedy) from error
    if stored.ndim != 2:
        raise InputError(path, f"has shape {stored.shape}, expected one grey image", "Export single grey CT slices")
    if header.get("PhotometricInterpretation", "MONOCHROME2") != "MONOCHROME2":
        raise InputError(
            path,
            f"stores grey as {header.PhotometricInterpretation}, expected MONOCHROME2",
            "Export original CT slices",
        )
    if "RescaleIntercept" not in header:
        raise InputError(path, "has no RescaleIntercept, so its values are not HU", "Export original CT slices")
    unit = str(header.get("RescaleType") or "HU")
    if unit.upper() != "HU":
        raise InputError(path, f"stores values in {unit}, expected HU", "Export original CT slices")
    slope = float(_numbers(header, "RescaleSlope", 1)[0]) if "RescaleSlope" in header else 1.0
    intercept = float(_numbers(header, "RescaleIntercept", 1)[0])
    if np.isnan(slope) or np.isnan(intercept):
        raise InputError(path, "its RescaleSlope or RescaleIntercept is not a number", "Export original CT slices")
    return to_stored_values(stored, slope, intercept, _padding(header))


def _compression(header: Dataset) -> str:
    """The name of the compression of a file's pixels; empty if there is none or it is unknown."""
    try:
        syntax = header.file_meta.TransferSyntaxUID
        return str(syntax.name) if syntax.is_compressed else ""
    except (AttributeError, ValueError):
        return ""


def _padding(header: Dataset) -> tuple[int, int] | None:
    """Lowest and highest stored value that mark pixels outside the reconstruction field."""
    value = header.get("PixelPaddingValue")
    if not isinstance(value, int):
        return None
    limit = header.get("PixelPaddingRangeLimit")
    limit = limit if isinstance(limit, int) else value
    return min(value, limit), max(value, limit)


def to_stored_values(
    stored: np.ndarray, slope: float, intercept: float, padding: tuple[int, int] | None = None
) -> np.ndarray:
    """Convert a scanner's stored values to COVID-CTset's: slope·value + intercept + 1024 in 16 unsigned bits.

    Parameters
    ----------
    stored : int array
        The values in the file.
    padding : (lowest, highest), optional
        The values that mark pixels outside the reconstruction field; they become 0 if they cannot be tissue.
    """
    hounsfield = stored.astype(np.float64) * slope + intercept
    values = np.clip(np.rint(hounsfield + HOUNSFIELD_OFFSET), 0, np.iinfo(np.uint16).max)
    if padding is not None:
        marked = (stored >= padding[0]) & (stored <= padding[1])
        values[marked & ((hounsfield > HIGHEST_CT_VALUE) | (hounsfield < LOWEST_CT_VALUE))] = 0
    return values.astype(np.uint16)
