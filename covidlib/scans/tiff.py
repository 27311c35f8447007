"""Write slices as 16-bit TIFF files, and check that TIFF files are 16-bit slices (paper, section 2.1).

A slice is stored as in COVID-CTset: unsigned 16 bits, value = Hounsfield units + 1024, 0 outside the reconstruction
field. A silently converted image (8 bits, float, colour) would still look right but give another result. Taught in
chapter 01.
"""

from __future__ import annotations

import enum
import logging
import os
import re
from math import prod
from pathlib import Path
from typing import BinaryIO, Literal, cast

import numpy as np
import tifffile

from covidlib.errors import InputError
from covidlib.scans import dicom
from covidlib.scans.file_kinds import HEAD, other_kind
from covidlib.utils.files import replacing

BYTE_ORDERS: dict[bytes, Literal["little", "big"]] = {b"II": "little", b"MM": "big"}
"""Byte order of a TIFF file by its first two bytes."""
VERSIONS = {42: (4, 4, 2, 12), 43: (8, 8, 8, 20)}
"""Of TIFF and BigTIFF: where the offset of the list of fields stands; bytes of an offset, of a count, of a field."""
PHOTOMETRIC, ORIENTATION, PLANES_OF_STK = 262, 274, 33629
"""Numbers of TIFF tags; the last one has one entry per image of a MetaMorph stack."""
NEARLY = 0.9
"""So much of an image may be one that no list of fields names."""
FEWEST_BITS = 12
"""A CT scanner's 12 bits hold HU -1024 to 3071; in fewer bits the values were scaled or cut."""

COPY_AGAIN = "Copy or download the file again"
EXPORT = "Export 16-bit grey slices (HU + 1024) again from the source"
LOST = f"{EXPORT}; converting back does not restore them"
ONE_PER_FILE = "Write one slice per file (ImageJ: File > Save As > Image Sequence), numbered in the order of the slices"
ADD_1024 = (
    f"{EXPORT}; or, if the values are Hounsfield units (air near -1000), add 1024, round, set what is still negative "
    "to 0, and store the sums as uint16 with covidlib.scans.tiff.write_slice"
)
SAME_VALUES = (
    f"{EXPORT}; or, if the values are HU + 1024 and none is above 65535, store the same values as uint16 with "
    "covidlib.scans.tiff.write_slice"
)
RECOVER = (
    "If each slice was divided by its own maximum, recover the stored integers: covidlib recover FOLDER NEW; "
    f"otherwise {ADD_1024[0].lower()}{ADD_1024[1:]}"
)
REMEDIES = dict.fromkeys(("int16", "int32", "int64"), ADD_1024)
REMEDIES |= dict.fromkeys(("float32", "float64"), RECOVER)
REMEDIES |= dict.fromkeys(("uint32", "uint64"), SAME_VALUES)
"""What to do about a type of pixels that can hold a slice without loss."""


# tifffile logs damaged fields, one line per file, on stderr: the error of this module says it once, with a remedy.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


class Truncated(InputError):
    """Error for a file that is shorter than its header announces."""


class Unreadable(InputError):
    """Error for a file that is no TIFF, or whose pixels cannot be decoded."""


class EightBit(InputError):
    """Error for a picture of 8 bits, in which most Hounsfield units are lost."""


class FloatPixels(InputError):
    """Error for a slice of floating-point numbers, whose stored integers can perhaps be recovered."""


def open_tiff(path: Path, stream: BinaryIO) -> tifffile.TiffFile:
    """Open a TIFF file whose list of fields is complete.

    Raises
    ------
    Truncated
        If the file is empty, or ends inside its header or list of fields, which some programs write at the very end.
    Unreadable
        If its first bytes are not those of a TIFF file.
    """
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    head = stream.read(HEAD)
    if not head:
        raise Truncated(path, "is empty (0 bytes)", COPY_AGAIN)
    order = BYTE_ORDERS.get(head[:2])
    version = int.from_bytes(head[2:4], order) if order else 0
    if order is None or (version not in VERSIONS and size >= 4):
        kind, remedy = other_kind(head)
        raise Unreadable(path, f"is not a TIFF file but {kind}", remedy)
    at, wide, count, field = VERSIONS.get(version, VERSIONS[42])
    start = int.from_bytes(head[at : at + wide], order)
    stream.seek(min(start, size))
    end = start + count + field * int.from_bytes(stream.read(count), order) + wide
    if start < at + wide or end > size:
        raise Truncated(path, f"is truncated: {size} bytes, its list of fields is cut off", COPY_AGAIN)
    stream.seek(0)
    return tifffile.TiffFile(stream)


def strict_page(
    path: Path, tiff: tifffile.TiffFile, expected: tuple[type[np.generic], ...] = (np.uint16,)
) -> tifffile.TiffPage:
    """The single picture of an open TIFF file, if it is stored like the slices of COVID-CTset (paper, section 2.1).

    Besides that picture a file may hold smaller copies of it, as a viewer shows them in a list: they are passed over.

    Parameters
    ----------
    expected : tuple of NumPy types
        Types of pixels that are accepted; others than uint16 only to recover or to convert a file.

    Raises
    ------
    Truncated
        If the file is shorter than its header announces.
    EightBit
        If its pixels have 8 bits.
    FloatPixels
        If its pixels are 32-bit or 64-bit floating-point numbers.
    InputError
        If it contains anything but one unsigned grey channel of 12 to 16 bits, or several images.
    """
    page = _only_picture(path, tiff)
    if page.dtype == np.uint8:
        raise EightBit(path, "has 8-bit pixels (uint8), expected unsigned 16-bit (uint16)", LOST)
    if len(page.shape) != 2 or page.samplesperpixel != 1:
        raise InputError(path, f"has shape {page.shape}, expected one grey channel (rows, columns)", EXPORT)
    if page.dtype is None or page.dtype.type not in expected:
        kind = f"{page.bitspersample}-bit {_name(tifffile.SAMPLEFORMAT, page.sampleformat)}"
        problem = f"has {kind if page.dtype is None else page.dtype} pixels, expected unsigned 16-bit (uint16)"
        refusal = FloatPixels if str(page.dtype) in ("float32", "float64") else InputError
        raise refusal(path, problem, REMEDIES.get(str(page.dtype), LOST))
    if page.bitspersample < FEWEST_BITS:
        problem = f"has {page.bitspersample} bits a pixel, expected 16, or {FEWEST_BITS} to 15 that are packed"
        raise InputError(path, problem, LOST)
    _check_tags(path, page)
    if max(page.shape) > dicom.LARGEST_SIDE:
        raise InputError(
            path,
            f"the header announces {page.shape[0]}×{page.shape[1]} pixels, more than {dicom.LARGEST_SIDE} per side",
            COPY_AGAIN,
        )
    if not page.dataoffsets:
        raise InputError(path, "has no pixels: none of its fields says where they stand", COPY_AGAIN)
    needed = max(start + size for start, size in zip(page.dataoffsets, page.databytecounts, strict=True))
    if page.compression == 1:
        pixels = page.shape[0] * row_bytes(page.shape[1], page.bitspersample)
        needed = max(needed, min(page.dataoffsets) + pixels)
    if needed > tiff.filehandle.size:
        problem = f"is truncated: {tiff.filehandle.size} bytes, expected at least {needed}"
        raise Truncated(path, problem, COPY_AGAIN)
    return page


def row_bytes(columns: int, bits: int) -> int:
    """Bytes of one stored row: each row begins with a new byte."""
    return (columns * bits + 7) // 8


def orientation_tag(path: Path, page: tifffile.TiffPage) -> int:
    """How the stored picture lies (tag 274): 1, also if the tag is absent, if it is stored as it is shown; up to 8.

    Raises
    ------
    InputError
        If the tag has a value that TIFF does not define.
    """
    value = page.tags.valueof(ORIENTATION, 1)
    if value not in range(1, 9):
        problem = f"has the Orientation {value} (tag {ORIENTATION}), expected 1 to 8"
        raise InputError(path, problem, "Write the slice again without this tag, with its first row on top")
    return int(value)


def announced_images(description: str, pixels: int) -> int:
    """Number of images that ImageJ or tifffile announces in the description of a file; 1 if it announces none.

    Both can store a stack with a single list of fields, as if it were the first image alone.

    Parameters
    ----------
    pixels : int
        Pixels of one image.
    """
    if description.startswith(("ImageJ=", "SCIFIO=")):
        counts = {name: int(count) for name, count in re.findall(r"^(\w+)=(\d{1,9})\s*$", description, re.MULTILINE)}
        return max(counts.get("images", 1), prod(counts.get(name, 1) for name in ("channels", "slices", "frames")))
    shape = re.search(r'"shape": ?\[([\d, ]+)\]', description)
    return max(prod(int(side) for side in re.findall(r"\d{1,9}", shape[1])) // pixels, 1) if shape else 1


def _only_picture(path: Path, tiff: tifffile.TiffFile) -> tifffile.TiffPage:
    pages = cast("list[tifffile.TiffPage]", list(tiff.pages))
    inner = _inner_pages(pages)
    largest = max((prod(page.shape) for page in pages), default=0)
    pictures = [page for page in pages if not page.is_reduced or prod(page.shape) == largest]
    if pictures and pictures[0].is_reduced and pictures[0].subifds:
        problem = "lists a smaller copy of the picture (a thumbnail) first, and the picture itself as its SubIFD"
        raise InputError(path, problem, EXPORT)
    # A smaller picture inside another one is a copy of it, whatever its fields say.
    size = max((prod(page.shape) for page in pictures), default=0)
    count = len(pictures) + sum(prod(page.shape) >= size for page in inner)
    images = _images_of(pictures[0], tiff.filehandle.size) if count == 1 else count
    if images != 1:
        raise InputError(path, f"holds {images} images, expected 1", ONE_PER_FILE)
    unnamed = _unnamed_bytes(tiff, [*pages, *inner])
    if unnamed > NEARLY * pictures[0].nbytes > 0:
        more = max(round(unnamed / pictures[0].nbytes), 1)
        what = "one more image has" if more == 1 else f"{more} more images have"
        problem = f"holds {unnamed} bytes that no field names, as many as {what}"
        raise InputError(path, problem, ONE_PER_FILE)
    return pictures[0]


def _inner_pages(pages: list[tifffile.TiffPage]) -> list[tifffile.TiffPage]:
    """The pictures that stand inside others (SubIFDs), at any depth, each once."""
    seen, found, waiting = {page.offset for page in pages}, [], list(pages)
    while waiting:
        page = waiting.pop()
        if not page.subifds:
            continue
        assert page.pages is not None
        for one in cast("list[tifffile.TiffPage]", list(page.pages)):
            if one.offset not in seen:
                seen.add(one.offset)
                found.append(one)
                waiting.append(one)
    return found


def _unnamed_bytes(tiff: tifffile.TiffFile, pages: list[tifffile.TiffPage]) -> int:
    """Bytes of a file that belong neither to a list of fields nor to anything that a field names."""
    named = tiff.tiff.offsetsize * 2
    for page in pages:
        named += len(page.tags) * tiff.tiff.tagsize + tiff.tiff.tagnosize + tiff.tiff.offsetsize
        named += sum(tag.valuebytecount for tag in page.tags if tag.valuebytecount > tiff.tiff.offsetsize)
        # What an uncompressed picture says of its bytes may be wrong; its shape is not.
        named += min(sum(page.databytecounts), page.nbytes) if _is_plain(page) else sum(page.databytecounts)
    return int(tiff.filehandle.size) - named


def _is_plain(page: tifffile.TiffPage) -> bool:
    return page.compression == 1 and not page.is_tiled and page.dtype is not None


def _images_of(page: tifffile.TiffPage, file_size: int) -> int:
    """Number of images behind one list of fields."""
    if page.samplesperpixel == 1 and len(page.shape) == 3:
        return page.shape[0]
    if PLANES_OF_STK in page.tags:
        return page.tags[PLANES_OF_STK].count
    if not page.is_contiguous:
        return 1
    # A program may keep the description of the stack from which it cut a slice: then nothing follows the one image.
    end = page.offset if page.offset > page.dataoffsets[0] else file_size
    if end - page.dataoffsets[0] <= page.nbytes:
        return 1
    return max(announced_images(text, prod(page.shape)) for text in (page.description, page.description1))


def _check_tags(path: Path, page: tifffile.TiffPage) -> None:
    if PHOTOMETRIC not in page.tags:
        raise InputError(
            path,
            f"has no PhotometricInterpretation (tag {PHOTOMETRIC}), which says whether 0 is black",
            "If its smallest values are air, write the slice again with covidlib.scans.tiff.write_slice, which adds it",
        )
    if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
        raise InputError(
            path,
            "stores grey as MINISWHITE (0 is white), expected MINISBLACK (0 is black)",
            "Export the slice with 0 as black; if only the tag is wrong (air is stored near 24 as it should be), write "
            "the slice again with covidlib.scans.tiff.write_slice",
        )
    if page.photometric != tifffile.PHOTOMETRIC.MINISBLACK:
        kind = _name(tifffile.PHOTOMETRIC, page.photometric)
        problem = f"has the PhotometricInterpretation {kind}, expected MINISBLACK (grey, 0 is black)"
        raise InputError(path, problem, EXPORT)
    if _name(tifffile.COMPRESSION, page.compression).isdecimal():
        problem = f"is compressed with method {page.compression}, which tifffile does not know"
        raise Unreadable(path, problem, "Write the slice uncompressed, or copy the file again if it was")
    orientation_tag(path, page)


def _name(kinds: type[enum.IntEnum], value: int) -> str:
    return next((kind.name for kind in kinds if kind == value), str(value))


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
