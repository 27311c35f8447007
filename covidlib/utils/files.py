"""Files that appear whole or not at all: written under another name beside their place, then renamed.

Whoever reads meanwhile finds the earlier file or the new one, and a kill or a full disk leaves no half of one.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file; if that fails, an earlier one stays as it was, and nothing is left beside it.

    Raises
    ------
    OSError
        If it cannot be written there.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a file in UTF-8, as `write_bytes`.

    Raises
    ------
    OSError
        If it cannot be written there.
    """
    # A file's name that is no Unicode must not cost the page that it is shown on.
    write_bytes(path, text.encode("utf-8", errors="replace"))


def file_hash(path: Path) -> str:
    """SHA-256 of one file, as `sha256sum` prints it."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
