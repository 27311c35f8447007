"""Check that a path is the file or folder that is wanted, and write files and folders atomically.

What is written is first written under a temporary name in the same folder, then renamed: other processes see either the
old or the new file, and a killed process or a full disk leaves no incomplete file.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from covidlib.errors import InputError

NO_FOLDER, A_FILE, A_FOLDER = "there is no such folder", "is a file, not a folder", "is a folder, not a file"


def check_folder(path: str | Path, remedy: str) -> None:
    """Refuse a path that is not a folder to read from.

    Raises
    ------
    InputError
        If nothing is there, it is a file, or it may not be opened.
    """
    try:
        os.scandir(path).close()
    except FileNotFoundError as error:
        raise InputError(path, NO_FOLDER, remedy) from error
    except NotADirectoryError as error:
        # Also if a folder above it is a file.
        raise InputError(path, A_FILE if os.path.lexists(path) else NO_FOLDER, remedy) from error
    except OSError as error:
        problem = f"cannot be opened ({error.strerror})"
        raise InputError(path, problem, "Grant read permission and try again") from error


def check_file(path: str | Path, remedy: str) -> None:
    """Refuse a path that is not a file to read from.

    Raises
    ------
    InputError
        If nothing is there, it is a folder, or it may not be read.
    """
    if os.path.isdir(path):
        raise InputError(path, A_FOLDER, remedy)
    if not os.path.exists(path):
        raise InputError(path, "there is no such file", remedy)
    if not os.access(path, os.R_OK):
        raise InputError(path, "may not be read", "Grant read permission and try again")


def check_place(path: str | Path, remedy: str) -> None:
    """Refuse a path at which there is no folder and none can be made.

    Raises
    ------
    InputError
        If it is a file, or is below a file.
    """
    existing = next(place for place in (Path(path), *Path(path).absolute().parents) if os.path.lexists(place))
    if not existing.is_dir():
        raise InputError(existing, A_FILE, remedy)


def check_new_folder(path: str | Path, remedy: str = "Name a new or an empty folder") -> None:
    """Refuse a path at which no new folder can be made.

    Raises
    ------
    InputError
        If it is a folder that is not empty, or a file, or is below a file.
    """
    check_place(path, remedy)
    if os.path.isdir(path) and any(Path(path).iterdir()):
        raise InputError(path, "already exists and is not an empty folder", remedy)


def check_output(path: str | Path, remedy: str = "Choose a file in an existing folder") -> None:
    """Refuse a path at which no file can be written.

    Raises
    ------
    InputError
        If it is a folder, or the folder that it is to be written to is missing or is a file.
    """
    if os.path.isdir(path):
        raise InputError(path, A_FOLDER, remedy)
    check_folder(Path(path).absolute().parent, remedy)


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
