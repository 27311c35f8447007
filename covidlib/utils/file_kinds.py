"""Recognise what kind of file was given instead of the one that is wanted, by its first bytes.

An ending proves nothing: a download that needs a login is often a web page with the name of the file.
"""

from __future__ import annotations

import re
from pathlib import Path

ZIP_PART = "one part of a zip in several parts"
SIGNATURES = {
    b"PK\x03\x04": "a zip file",
    b"PK\x05\x06": "an empty zip file",
    b"PK\x07\x08": ZIP_PART,
    b"Rar!\x1a\x07": "a RAR archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an Excel workbook",
    b"\x80\x02": "a Python pickle",
    b"%PDF": "a PDF",
    b"version https://git-lfs": "a pointer of Git LFS, not the file itself",
}
WEB_PAGE = re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype html|html|head)", re.IGNORECASE)
TAR_MARK = slice(257, 262)
"""Where a tar archive has its name of the format."""


def file_kind(path: Path) -> str:
    """What a file is, in words that follow "is"; empty if it has none of the known forms.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as stream:
        start = stream.read(512)
    if not start:
        return "empty"
    if WEB_PAGE.match(start):
        return "a web page, perhaps that of a login or an error"
    if start[TAR_MARK] == b"ustar":
        return "a tar archive"
    return next((kind for signature, kind in SIGNATURES.items() if start.startswith(signature)), "")
