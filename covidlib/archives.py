"""Zip files from strangers, unpacked whole or not at all, and never outside their folder.

Everything is judged by the zip's table of contents before a byte is written. The files go to a hidden folder beside the
wanted one, which gets its name at the end, with a note in it: a folder that has the note is complete. Taught in
chapter 01.
"""

from __future__ import annotations

import json
import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from covidlib.errors import InputError
from covidlib.locks import one_at_a_time

NOTE = ".unpacked.json"
LIMIT_BYTES = 100 * 10**9
"""Three times COVID-CTset, the largest dataset here (63,849 slices of 0.5 MB): nothing honest is larger."""
SPARE_BYTES = 100 * 10**6
CHUNK_BYTES = 1 << 20
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeDecodeError)
"""What Python's zip reader raises on a damaged file."""


def is_unpacked(folder: Path, label: str) -> bool:
    """Whether a folder was unpacked to its end and holds what the label says. Taught in chapter 01.

    Raises
    ------
    InputError
        If the folder holds anything else: it is somebody's, and is left alone.
    """
    note = folder / NOTE
    if note.is_file():
        try:
            found = json.loads(note.read_text(encoding="utf-8"))["label"]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(note, "is damaged", "Delete the folder and fetch it again") from error
        if found != label:
            raise InputError(folder, f"holds {found}, not {label}", "Name another folder with --to")
        return True
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(
            folder, "holds something that was not unpacked here", "Move it away, or name another folder with --to"
        )
    return False


def unpack(
    archives: Sequence[Path],
    folder: Path,
    label: str,
    *,
    wanted: Callable[[str], bool] = bool,
    limit: int = LIMIT_BYTES,
    progress: bool = False,
) -> Path:
    """Unpack zips into one new folder, each under its own name; a finished folder is left as it is.

    A zip inside a zip stays a file. Taught in chapter 01.

    Parameters
    ----------
    label : str
        What the zips hold; kept in the folder's note.
    wanted : function of a name
        At least one name in the zips must pass it, or they are the wrong zips.
    limit : int
        Bytes that all files together may have.

    Raises
    ------
    InputError
        If the folder holds something else, a zip is the wrong one, damaged or encrypted, a name in it leads out of the
        folder or is no plain file, or the files are more than `limit` or the disk allow. Nothing is left then.
    """
    if is_unpacked(folder, label):
        return folder
    contents = {archive: _checked_contents(archive) for archive in archives}
    if not any(wanted(entry.filename) for entries in contents.values() for entry in entries):
        named = ", ".join(str(archive) for archive in archives)
        raise InputError(
            named, "holds no file of the kind that is wanted", "Name another zip, or unpack its zips first"
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            folder.parent, f"cannot be made ({error.strerror})", "Name another folder with --to"
        ) from error
    with one_at_a_time(folder):
        if not is_unpacked(folder, label):
            _unpack(contents, folder, label, limit, progress)
    return folder


def _unpack(contents: dict[Path, list[zipfile.ZipInfo]], folder: Path, label: str, limit: int, progress: bool) -> None:
    _check_room(folder, sum(entry.file_size for entries in contents.values() for entry in entries), limit)
    unfinished = folder.with_name(f".{folder.name}.unpacking")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        for archive, entries in contents.items():
            _unpack_one(archive, entries, unfinished / archive.stem, progress)
        files = {archive.name: len(entries) for archive, entries in contents.items()}
        note = {"label": label, "files": files}
        (unfinished / NOTE).write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")
        if folder.exists():
            folder.rmdir()
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _checked_contents(archive: Path) -> list[zipfile.ZipInfo]:
    """The files that a zip lists, if every one of them may be unpacked."""
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = opened.infolist()
    except FileNotFoundError as error:
        raise InputError(archive, "there is no such file", "Check the path of the zip") from error
    except (*DAMAGED, OSError) as error:
        raise InputError(archive, f"cannot be opened as a zip ({error})", "Download it again") from error
    for entry in entries:
        if problem := _problem(entry):
            raise InputError(
                archive, f"lists {entry.orig_filename!r}, {problem}", "Do not use it: get the zip from its authors"
            )
    return [entry for entry in entries if not entry.is_dir()]


def _problem(entry: zipfile.ZipInfo) -> str:
    name = entry.orig_filename.replace("\\", "/")
    if "\0" in name or not name.strip("/"):
        return "which is no file name"
    if name.startswith("/") or re.match(r"[A-Za-z]:", name):
        return "an absolute path"
    if ".." in PurePosixPath(name).parts:
        return "which leads out of the folder"
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "a link or device where a plain file is expected"
    if entry.flag_bits & 1:
        return "which is encrypted"
    # Of these two the reader never unpacks more than the table of contents says, whatever the data hold.
    return "" if entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) else "packed by an unusual method"


def _check_room(folder: Path, needed: int, limit: int) -> None:
    if needed > limit:
        raise InputError(
            folder, f"would hold {needed:,} bytes, at most {limit:,} are plausible", "Check where the zip comes from"
        )
    free = shutil.disk_usage(folder.parent).free
    if needed + SPARE_BYTES > free:
        raise InputError(
            folder,
            f"needs {needed + SPARE_BYTES:,} bytes, {free:,} are free",
            "Make room, or choose another disk: --to",
        )


def _unpack_one(archive: Path, entries: list[zipfile.ZipInfo], folder: Path, progress: bool) -> None:
    with zipfile.ZipFile(archive) as opened:
        for entry in tqdm(entries, desc=archive.name, unit="file", disable=not progress):
            target = folder / entry.orig_filename.replace("\\", "/")
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                with opened.open(entry) as source, target.open("xb") as stream:
                    shutil.copyfileobj(source, stream, CHUNK_BYTES)
            except DAMAGED as error:
                raise InputError(
                    archive, f"{entry.filename} cannot be unpacked ({error})", "Download the zip again"
                ) from error
            except OSError as error:
                raise InputError(
                    target, f"cannot be written ({error.strerror})", "Make room, or get a zip without such names"
                ) from error
