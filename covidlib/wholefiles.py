"""Text files that appear whole or not at all: whoever reads one never meets half of it."""

from __future__ import annotations

import os
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8 under another name first, which becomes its own when all is on the disk.

    Raises
    ------
    OSError
        If it cannot be written; an earlier file of the name stays as it was.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        # A name that is no Unicode must not cost a report.
        part.write_bytes(text.encode("utf-8", errors="replace"))
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
