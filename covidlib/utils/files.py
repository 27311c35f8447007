"""Files and folders that appear whole or not at all: written under another name beside their place, then renamed.

Whoever reads meanwhile finds the earlier file or the new one, and a kill or a full disk leaves no half of one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path, suffix: str = "") -> Iterator[Path]:
    """A place beside a file to write it anew: the new file takes the old one's place at the end of the block.

    If the block fails, an earlier file stays as it was, and nothing is left beside it.

    Parameters
    ----------
    suffix : str
        How the name of the place must end, for a library that tells the format by it. Else it ends as no file does
        that is looked for.

    Raises
    ------
    OSError
        If the file cannot be put there.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part{suffix}")
    part.unlink(missing_ok=True)  # what a killed process of the same number left must not pass for the new file
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """A place beside a folder to fill it: at the end it becomes the folder, which is empty or not there before.

    If the block fails, nothing is left.

    Raises
    ------
    OSError
        If the folder cannot be put there.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield part
        if folder.is_dir():
            folder.rmdir()
        part.chmod(0o755)
        os.rename(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, as `replacing`.

    Raises
    ------
    OSError
        If it cannot be written there.
    """
    with replacing(path) as part:
        part.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write a file in UTF-8, as `replacing`.

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
