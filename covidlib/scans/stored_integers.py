"""Recover the stored integers of a slice that was divided by its own maximum and saved as float (section 2.1).

The paper's section 2.1 describes such a copy: each slice divided by its largest value, saved as 32-bit float. The
division hides the largest value K, and with it HU, but keeps every integer: for the right whole number K,
`round(a * K) / K` is the file, bit for bit. So K is searched for. Taught in chapter 01.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from covidlib.errors import InputError
from covidlib.scans.filenames import TIFF_SUFFIXES
from covidlib.scans.series import walk
from covidlib.scans.slices import named
from covidlib.scans.tiff import open_tiff, strict_page, write_slice
from covidlib.scans.tiff_pixels import slice_pixels
from covidlib.utils.files import check_file, check_folder, check_new_folder, check_output, replacing_folder

SMALLEST, LARGEST_12_BIT, LARGEST = 256, 2**12 - 1, 2**16 - 1
"""Whole numbers that are tried: above those of 8 bits, first in the 12 bits of a scanner, then in the 16 of a file."""
SAMPLE = 16
"""Values that sort out most whole numbers, before all values are compared."""

EXPORT = "Export 16-bit slices (HU + 1024) again from the source"
LOST = f"Its stored integers cannot be recovered. {EXPORT}"


@dataclass(frozen=True)
class StoredIntegers:
    """The integers of a slice that was divided by its own maximum.

    Attributes
    ----------
    pixels : uint16 array, shape (rows, columns)
        Divided by `largest`, they are the float image, bit for bit.
    largest : int
        The whole number K by which they were divided: their largest value.
    others : tuple of int
        Other whole numbers that reproduce the image, within the bits (12 or 16) in which K was found. With integers as
        varied as those of a CT slice they are multiples of K: multiplying all integers by 2 gives the same quotients.
    """

    pixels: np.ndarray
    largest: int
    others: tuple[int, ...] = ()


def recover(image: np.ndarray, where: str | Path = "image") -> StoredIntegers:
    """Find the integers of a slice that was divided by its own maximum (paper, section 2.1).

    Float32 and float64 both work: rounding a quotient of two 16-bit numbers to double precision first, and then to
    single, gives the same as rounding it once (Figueroa 1995), so that it does not matter which program divided.

    Parameters
    ----------
    image : float32 or float64 array, shape (rows, columns)
    where : str or Path
        What an error names.

    Returns
    -------
    StoredIntegers
        With the smallest whole number that reproduces the image, whose integers have no common factor.

    Raises
    ------
    InputError
        If the values are not float32 or float64, do not reach from 0 to exactly 1, stem from an 8-bit picture, are too
        few to tell one whole number, or no whole number up to 65,535 reproduces them: the slice was resampled,
        filtered, noisy, or divided by another number.
    """
    native = image.dtype.newbyteorder("=")
    if native not in (np.float32, np.float64) or image.ndim != 2 or not image.size:
        problem = f"{image.dtype} pixels of shape {image.shape}, expected one float32 or float64 slice (rows, columns)"
        raise InputError(where, problem, EXPORT)
    image = image.astype(native, copy=False)
    values = np.unique(image)
    _check_range(values, where)
    for highest in (LARGEST_12_BIT, LARGEST):
        found = _reproducing(values, 1, highest)
        if not found:
            continue
        if found[0] < SMALLEST:
            problem = f"is a picture of at most 8 bits: all its values are whole numbers divided by {found[0]}"
            raise InputError(where, problem, LOST)
        strange = [number for number in found if number % found[0]]
        if strange:
            problem = f"has only {len(values)} different values, which {found[0]}, {strange[0]} and others reproduce"
            raise InputError(where, problem, LOST)
        pixels = np.rint(image * np.float64(found[0])).astype(np.uint16)
        # Unique values do not tell -0.0 from 0.0, the file does.
        if quotient(pixels, found[0], image.dtype).tobytes() != image.tobytes():
            raise InputError(where, "contains negative zeros, which no quotient of integers is", LOST)
        return StoredIntegers(pixels, found[0], tuple(found[1:]))
    problem = f"is not a slice divided by its own maximum: no whole number up to {LARGEST:,} reproduces its values"
    raise InputError(where, problem, f"{LOST}; it was resampled, filtered, noisy, or divided by another number")


def quotient(pixels: np.ndarray, largest: int, dtype: np.dtype | type = np.float32) -> np.ndarray:
    """Divide stored integers by a whole number, as the float file has them.

    Parameters
    ----------
    pixels : uint16 array, shape (rows, columns)
    dtype : float32 or float64

    Returns
    -------
    float array of the same shape
    """
    return (pixels / np.float64(largest)).astype(dtype)


def _check_range(values: np.ndarray, where: str | Path) -> None:
    """Refuse values that are not those of a slice divided by its own maximum."""
    if not np.isfinite(values).all():
        raise InputError(where, "contains values that are not finite (NaN or infinity)", LOST)
    if values[0] < 0 or values[-1] != 1:
        problem = f"has values from {values[0]:.6g} to {values[-1]:.6g}, expected 0 or more to exactly 1"
        raise InputError(where, f"is not a slice divided by its own maximum: it {problem}", LOST)


def _reproducing(values: np.ndarray, lowest: int, highest: int) -> list[int]:
    """All whole numbers K from `lowest` to `highest` for which round(v·K)/K is v, exactly, for each value v."""
    sample = values[np.linspace(0, len(values) - 1, min(SAMPLE, len(values))).astype(int)]
    numbers = np.arange(lowest, highest + 1, dtype=np.float64)
    for value in sample:
        numbers = numbers[_is_reproduced(value, numbers, values.dtype)]
    return [int(number) for number in numbers if _is_reproduced(values, number, values.dtype).all()]


def _is_reproduced(values: np.ndarray, numbers: np.ndarray | np.float64, dtype: np.dtype) -> np.ndarray:
    return (np.rint(values.astype(np.float64) * numbers) / numbers).astype(dtype) == values


def read_float_slice(path: str | Path) -> np.ndarray | None:
    """Read the pixels of a float TIFF, which the strict reader refuses; None if the strict reader takes the file.

    Returns
    -------
    float32 or float64 array, shape (rows, columns), or None

    Raises
    ------
    InputError
        If the file is no TIFF, is damaged, or something other than its type of pixels is not that of a slice.
    """
    path = Path(path)
    try:
        with path.open("rb") as stream, open_tiff(path, stream) as tiff:
            page = strict_page(path, tiff, (np.uint16, np.float32, np.float64))
            return None if page.dtype == np.uint16 else slice_pixels(path, page)
    except InputError:
        raise
    except Exception as error:  # a damaged file can fail anywhere in the decoder: name the file in every case
        raise named(path, error) from error


def recover_file(source: str | Path, target: str | Path) -> StoredIntegers:
    """Write the stored integers of one float TIFF as a 16-bit slice.

    Raises
    ------
    InputError
        If the file has no float pixels, its integers cannot be recovered, or the target exists or cannot be written.
    """
    source, target = Path(source), Path(target)
    check_file(source, "Name a float TIFF, or a folder with float TIFFs")
    if target.exists():
        raise InputError(target, "already exists", "Name a new file")
    check_output(target)
    image = read_float_slice(source)
    if image is None:
        raise InputError(source, "has 16-bit pixels: there is nothing to recover", "Use the file as it is")
    found = recover(image, source)
    write_slice(target, found.pixels)
    return found


def recover_folder(source: str | Path, target: str | Path) -> dict[Path, StoredIntegers]:
    """Copy a folder; float TIFFs become 16-bit slices with their stored integers, all other files stay as they are.

    `target` appears complete or not at all.

    Returns
    -------
    dict
        For each float TIFF, in the order of their paths, what was recovered; without pixels, which are on disk.

    Raises
    ------
    InputError
        If there is no float TIFF, the integers of some cannot be recovered, or the target exists and is not an empty
        folder.
    """
    source, target = Path(source), Path(target)
    check_folder(source, "Name a float TIFF, or a folder with float TIFFs")
    check_new_folder(target)
    found: dict[Path, StoredIntegers] = {}
    failed: list[InputError] = []
    with replacing_folder(target) as part:
        for folder, names in walk(source):
            inside = part / folder.relative_to(source)
            inside.mkdir(exist_ok=True)
            for path in (folder / name for name in sorted(names)):
                try:
                    image = read_float_slice(path) if path.name.lower().endswith(TIFF_SUFFIXES) else None
                    if image is None:
                        shutil.copy2(path, inside / path.name)
                        continue
                    whole = recover(image, path)
                except InputError as error:
                    failed.append(error)
                    continue
                write_slice(inside / path.name, whole.pixels)
                found[path] = replace(whole, pixels=whole.pixels[:0])
        if failed:
            first = failed[0]
            total = len(found) + len(failed)
            rest = f" ({len(failed):,} of {total:,} files that are no 16-bit slices cannot be recovered)"
            raise InputError(first.where, first.problem + (rest if total > 1 else ""), first.remedy)
        if not found:
            raise InputError(source, "contains no float TIFF: there is nothing to recover", "Use the files as they are")
    return found
