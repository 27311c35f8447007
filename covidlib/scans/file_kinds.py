"""Tell by its first bytes what a file is that should have been a TIFF slice.

A suffix is only a name: `.tif` on a PNG image, a web page or an archive is a common slip, and each has its own remedy.
"""

from __future__ import annotations

HEAD = 132
"""Bytes that `other_kind` looks at: a DICOM file has its mark in the last four of them."""
_EXPORT = "Export the slice again as 16-bit TIFF (HU + 1024); a new name does not convert a file"
_UNPACK = "Unpack it first, then name the folder with the slices"
_DOWNLOAD = "Download the file again; what was saved is not the slice"
_PULL = "Run `git lfs pull` in the repository, which fetches the slices"
_LOAD = "Read it with numpy.load, and write each slice with covidlib.scans.tiff.write_slice"
_STARTS = (
    (b"\x89PNG", "a PNG image", _EXPORT),
    (b"\xff\xd8\xff", "a JPEG image", _EXPORT),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 image", _EXPORT),
    (b"GIF8", "a GIF image", _EXPORT),
    (b"BM", "a BMP image", _EXPORT),
    (b"%PDF", "a PDF document", _EXPORT),
    (b"\x93NUMPY", "a NumPy array", _LOAD),
    (b"\x1f\x8b", "a gzip archive", _UNPACK),
    (b"PK\x03\x04", "a zip archive", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"Rar!", "a RAR archive", _UNPACK),
    (b"version https://git-lfs", "a pointer of Git LFS", _PULL),
    (b"<!doctype html", "a web page (HTML)", _DOWNLOAD),
    (b"<html", "a web page (HTML)", _DOWNLOAD),
)


def other_kind(head: bytes) -> tuple[str, str]:
    """What a file is that is no TIFF, and what to do about it.

    Parameters
    ----------
    head : bytes
        The first `HEAD` bytes of the file, or all if it is shorter.

    Returns
    -------
    kind : str
        Such as "a PNG image"; the first four bytes if they are not known.
    remedy : str
        A sentence for `covidlib.errors.InputError`.
    """
    if head[128:132] == b"DICM":
        return "a DICOM file", "Let the names of the series' files end in .dcm instead"
    for start, kind, remedy in _STARTS:
        if head.lower().startswith(start.lower()):
            return kind, remedy
    if not any(head):
        return "a file of zero bytes, as an interrupted copy leaves it", _DOWNLOAD
    if all(32 <= byte < 127 or byte in b"\t\n\r" for byte in head):
        return "text", _DOWNLOAD
    remedy = "Copy or download the file again; if it is in another format, export the slice as 16-bit TIFF (HU + 1024)"
    return f"of an unknown format (its first bytes are {head[:4].hex(' ')})", remedy
