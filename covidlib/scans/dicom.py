"""Read DICOM files: recognise them, read their headers, turn their pixels, read HU + 1024 (paper, section 2.1).

Slope, intercept, sign, padding and orientation differ between scanner makers; the stored values of COVID-CTset do not.
All pixels that this module returns are HU + 1024, with the patient on the back. pydicom is imported only when a DICOM
file is read. Taught in chapter 01.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from covidlib.errors import InputError
from covidlib.scans.orientation import Turn, turn_of

if TYPE_CHECKING:
    from pydicom import Dataset

DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
FIELDS = (
    "AcquisitionNumber", "BitsAllocated", "BitsStored", "BurnedInAnnotation", "Columns", "ConversionType",
    "ConvolutionKernel", "FrameOfReferenceUID", "FrameType", "HighBit", "ImageOrientationPatient",
    "ImagePositionPatient", "ImageType", "InstanceNumber", "KVP", "LossyImageCompression", "Manufacturer",
    "Modality", "NumberOfFrames", "PatientBirthDate", "PatientID", "PatientName", "PatientSex",
    "PhotometricInterpretation",
    "PixelPaddingRangeLimit", "PixelPaddingValue", "PixelRepresentation", "PixelSpacing", "RescaleIntercept",
    "RescaleSlope", "RescaleType", "Rows", "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "SliceThickness",
    "StackID", "StudyInstanceUID", "TemporalPositionIdentifier",
)  # fmt: skip
"""The header fields that covidlib reads, here and in other modules; all others are ignored."""
DICOMDIR = "1.2.840.10008.1.3.10"
"""SOP class of the file list of an export (Media Storage Directory Storage)."""
HOUNSFIELD_OFFSET = 1024
"""Stored value of 0 HU (water): COVID-CTset keeps its scanner's stored values, HU + 1024."""
_BARE_START = re.compile(
    rb"[\x02\x08]\x00[\x00-\x18]\x00(UL|CS|UI|SH|DA|..\x00\x00)|\x00\x08\x00[\x00-\x18](UL|CS|UI|SH|DA)", re.DOTALL
)
"""First bytes of a file without preamble: a field (0002,00xx) or (0008,00xx), whose kind or length follows."""
WIDEST = 2**17
"""Values beyond this are cut: more than twice what 16 bits hold, in any scale that is known."""
LARGEST_SIDE = 8192
"""Largest side of a slice in pixels, four times that of real scanners: a damaged header could ask for all memory."""
UNIT = re.compile(r"HU|H\.?U\.?|houn?d?sfields?( units?)?|US", re.IGNORECASE)
"""RescaleType as scanners write it, misspelled too; US is "unspecified"."""
LOWEST_CT_VALUE, HIGHEST_CT_VALUE = -1000, 3071
"""Air, and the largest HU of a 12-bit scanner: a padding value that is not between them cannot be tissue."""


def looks_like_dicom(path: Path) -> bool:
    """Whether a file is DICOM: by its suffix, by the four letters at byte 128, or by its first field.

    Exports often have no suffix, and old ones neither the letters: such a file begins with a field of group 8.

    Raises
    ------
    InputError
        If the file cannot be opened.
    """
    if path.suffix.lower() in DICOM_SUFFIXES:
        return True
    if path.exists() and not path.is_file():  # a pipe would be waited for
        return False
    try:
        with path.open("rb") as stream:
            start = stream.read(132)
    except OSError as error:
        raise InputError(path, f"cannot be opened ({error.strerror})", "Grant read permission and try again") from error
    return start[128:] == b"DICM" or _BARE_START.match(start) is not None


def read_header(path: Path, **options: object) -> Dataset:
    """Read one DICOM file with pydicom; options as for `pydicom.dcmread`.

    Raises
    ------
    InputError
        If pydicom is missing, or the file cannot be read.
    """
    try:
        import pydicom
        from pydicom.uid import UID
    except ImportError as error:
        raise InputError(
            path, "this is a DICOM file, and pydicom is not installed", "Install it: pip install 'covidlib[dicom]'"
        ) from error
    # pydicom's warnings quote field values, and a value may identify the patient.
    warnings.filterwarnings("ignore", module=r"pydicom\.")
    try:
        with path.open("rb") as stream:
            start = stream.read(132)
        is_bare = start[128:] != b"DICM" and _BARE_START.match(start) is not None
        header = pydicom.dcmread(path, force=is_bare, **options)  # type: ignore[arg-type]
        if is_bare and "TransferSyntaxUID" not in header.file_meta:
            implicit, little = header.original_encoding
            ending = "" if implicit else (".1" if little else ".2")
            header.file_meta.TransferSyntaxUID = UID(f"1.2.840.10008.1.2{ending}")
        _flatten(header)
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


def _flatten(header: Dataset) -> None:
    """Copy the fields of an Enhanced CT object with one frame to the level where classic CT has them."""
    if int(header.get("NumberOfFrames") or 1) > 1:
        return
    for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        macros = [macro for group in header.get(groups) or () for macro in group if macro.VR == "SQ" and macro.value]
        for element in (element for macro in macros for element in macro.value[0]):
            if element.keyword in FIELDS and element.keyword not in header:
                header.add(element)


def refuse_cut(path: Path, header: Dataset) -> None:
    """Refuse a file that was cut off before its image: otherwise a slice would silently be missing from the series.

    Raises
    ------
    InputError
        Naming the file.
    """
    if "Rows" in header:
        if any(np.isnan(numbers(header, field, 1)).any() for field in ("Rows", "Columns")):
            raise InputError(path, "the header does not contain the size of the image", "Export or copy the file again")
        return
    kind, announced = header.get("SOPClassUID"), header.file_meta.get("MediaStorageSOPClassUID")
    # Reports and makers' private records repeat the class announced at the start of the file; only a DICOMDIR does not.
    is_whole = kind is not None and announced in (None, kind)
    if announced != DICOMDIR and (not is_whole or "Image Storage" in kind.name):
        raise InputError(path, "the file ends before its image", "Export or copy the file again")


def image_kinds(header: Dataset) -> list[str]:
    """The words of a header's ImageType in capitals: ORIGINAL, PRIMARY, LOCALIZER and so on."""
    words = header.get("ImageType") or []
    # pydicom returns a single word as a string, which must not be split into letters.
    return [str(word).upper() for word in ([words] if isinstance(words, str) else words)]


def number(header: Dataset) -> float:
    (number,) = numbers(header, "InstanceNumber", 1)
    return float(number)


def numbers(header: Dataset, field: str, count: int) -> np.ndarray:
    """The `count` finite numbers of a field; all NaN if it contains anything else."""
    value = header.get(field)
    try:
        numbers = np.atleast_1d(np.asarray(value, dtype=float))
    except (TypeError, ValueError):
        numbers = np.array([])
    if numbers.shape != (count,) or not np.isfinite(numbers).all():
        return np.full(count, np.nan)
    return numbers


def directions(header: Dataset) -> np.ndarray:
    """ImageOrientationPatient: float array, shape (6,); NaN if the header does not have it."""
    return numbers(header, "ImageOrientationPatient", 6)


def position_mm(header: Dataset) -> float:
    """Position of a slice in millimetres along the slice normal, upwards; NaN if the header has no geometry."""
    place, axes = numbers(header, "ImagePositionPatient", 3), directions(header)
    normal = np.cross(axes[:3], axes[3:])
    # A mirrored slice has a normal towards the feet: turned slices must not come in reversed order.
    return float((-normal if normal[2] < 0 else normal) @ place)


def turn_in(header: Dataset) -> Turn:
    """The turn that the header asks for; none if the header has no orientation, or the slice is not axial."""
    axes = directions(header)
    return Turn() if np.isnan(axes).any() else turn_of(axes) or Turn()


def read_dicom(path: str | Path) -> np.ndarray:
    """Read one DICOM slice, with its values and orientation as COVID-CTset stores them (paper, section 2.1).

    Returns
    -------
    uint16 array, shape (rows, columns)
        HU + 1024, with slope and intercept applied; padding and values below −1024 HU become 0.

    Raises
    ------
    InputError
        If the file cannot be decoded or is not a single grey image.
    """
    return clipped(read_dicom_values(path))


def clipped(values: np.ndarray) -> np.ndarray:
    """Cut values to 16 unsigned bits."""
    return np.clip(values, 0, np.iinfo(np.uint16).max).astype(np.uint16)


def read_dicom_values(path: str | Path) -> np.ndarray:
    """As `read_dicom`, but with values that 16 unsigned bits cannot hold: int32 array, shape (rows, columns)."""
    path = Path(path)
    header = read_header(path)
    sides = np.concatenate([numbers(header, field, 1) for field in ("Rows", "Columns")])
    if not (sides <= LARGEST_SIDE).all():
        raise InputError(
            path,
            f"the header announces {sides[0]:g}×{sides[1]:g} pixels, more than {LARGEST_SIDE} per side",
            "Export or copy the file again",
        )
    slope, intercept = _rescale(path, header)
    # Files from before DICOM 3 lack these; `covidlib.scans.value_scale` would see an inverted image.
    for field, usual in (("PhotometricInterpretation", "MONOCHROME2"), ("SamplesPerPixel", 1)):
        if field not in header:
            setattr(header, field, usual)
    try:
        stored = _decoded(header)
    except Exception as error:  # pydicom's decoders raise many kinds of errors; each means that there is no image
        remedy = "Copy the file again"
        if compression := _compression(header):
            remedy += f"; {compression} needs a decoder: pip install pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg"
        raise InputError(path, f"its pixels cannot be decoded ({type(error).__name__})", remedy) from error
    if stored.ndim != 2:
        raise InputError(path, f"has shape {stored.shape}, expected one grey image", "Export single grey CT slices")
    padding = _padding(header)
    return turn_in(header).apply(_values(stored, slope, intercept, padding))


def _decoded(header: Dataset) -> np.ndarray:
    """The stored values; of pixels in the upper bits, which pydicom would mask away, those bits shifted down."""
    shift = misplaced_bits(header)
    if not shift:
        return header.pixel_array
    said = header.BitsStored, header.HighBit
    header.BitsStored, header.HighBit = header.BitsAllocated, header.BitsAllocated - 1
    stored = header.pixel_array
    if not (stored & ((1 << shift) - 1)).any():
        return stored >> shift
    # A pixel that uses the lower bits contradicts the header: then HighBit is wrong.
    header.BitsStored, header.HighBit = said[0], said[0] - 1
    return header.pixel_array


def misplaced_bits(header: Dataset) -> int:
    """By how many bits the header says that the pixels stand above the lowest ones; 0 as a rule."""
    bits = [numbers(header, field, 1)[0] for field in ("HighBit", "BitsStored")]
    return 0 if np.isnan(bits).any() else max(0, int(bits[0] - bits[1] + 1))


def _rescale(path: Path, header: Dataset) -> tuple[float, float]:
    """Slope and intercept to HU, of a header whose other fields are those of a CT slice."""
    remedy = "Export original CT slices"
    if header.get("PhotometricInterpretation", "MONOCHROME2") != "MONOCHROME2":
        raise InputError(path, f"stores grey as {header.PhotometricInterpretation}, expected MONOCHROME2", remedy)
    if header.get("BitsAllocated") == 8:
        raise InputError(path, "stores 8 bits a pixel, which cannot hold HU; CT has 16", remedy)
    if "RescaleIntercept" not in header:
        raise InputError(path, "has no RescaleIntercept, so its values are not HU", remedy)
    unit = str(header.get("RescaleType") or "HU")
    if not UNIT.fullmatch(unit):
        raise InputError(path, f"stores values in {unit}, expected HU", remedy)
    slope = float(numbers(header, "RescaleSlope", 1)[0]) if "RescaleSlope" in header else 1.0
    intercept = float(numbers(header, "RescaleIntercept", 1)[0])
    if np.isnan(slope) or np.isnan(intercept):
        raise InputError(path, "its RescaleSlope or RescaleIntercept is not a number", remedy)
    if slope == 0:
        raise InputError(path, "its RescaleSlope is 0, so every pixel would have the same HU", remedy)
    return slope, intercept


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
    return clipped(_values(stored, slope, intercept, padding))


def _values(stored: np.ndarray, slope: float, intercept: float, padding: tuple[int, int] | None) -> np.ndarray:
    hounsfield = stored.astype(np.float64) * slope + intercept
    values = np.clip(np.rint(hounsfield + HOUNSFIELD_OFFSET), -WIDEST, WIDEST).astype(np.int32)
    if padding is not None:
        marked = (stored >= padding[0]) & (stored <= padding[1])
        values[marked & ((hounsfield >= HIGHEST_CT_VALUE) | (hounsfield < LOWEST_CT_VALUE))] = 0
    return values
