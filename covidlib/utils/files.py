"""Write files and folders atomically: first under a temporary name in the same folder, then renamed.

Other processes see either the old or the new file, and a killed process or a full disk leaves no incomplete file.
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
    """Give a temporary path to write to, which replaces the file at the end of the block.

    If the block fails, an existing file stays unchanged, and the temporary file is deleted.

    Parameters
    ----------
    suffix : str
        Ending of the temporary name, for libraries that recognise the format by it. By default it has an ending that
        no search for files matches.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part{suffix}")
    part.unlink(missing_ok=True)  # a file left by a killed process with the same id must not become the new file
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
    """Write bytes to a file atomically (see `replacing`).

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    with replacing(path) as part:
        part.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write text to a file in UTF-8, atomically (see `replacing`).

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    # A file name that is not valid Unicode must not prevent the page that shows it from being written.
    write_bytes(path, text.encode("utf-8", errors="replace"))


def file_hash(path: Path) -> str:
    """Compute the SHA-256 of a file, as `sha256sum` prints it."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
