"""Safe extraction of untrusted zip files: completely or not at all, and never outside their folder.

The table of contents of a zip is checked before anything is written. The files go to a hidden folder beside the target
folder, which is renamed at the end and contains a note: a folder with the note is complete. Taught in chapter 01.
"""

from __future__ import annotations

import json
import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path, PureWindowsPath

from tqdm import tqdm

from covidlib.errors import InputError
from covidlib.utils.file_kinds import ZIP_PART, file_kind
from covidlib.utils.files import A_FOLDER, check_file, check_place
from covidlib.utils.locks import one_at_a_time

NOTE = ".unpacked.json"
LIMIT_BYTES = 100 * 10**9
"""Three times the size of COVID-CTset, the largest dataset here (63,849 slices of 0.5 MB): no valid zip is larger."""
SPARE_BYTES = 100 * 10**6
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeDecodeError)
"""Exceptions that Python's zip reader raises for a damaged file."""
METHODS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "xz", 98: "PPMd"}
PART = re.compile(r"\.(z\d\d|\d{3})", re.IGNORECASE)
LONGEST_END = 22 + 0xFFFF
"""Largest size of the record at the end of a zip: it may contain a comment."""
NAME_ANOTHER = "Name another folder with --to"
USE_FOLDER = "name the folder where a dataset is wanted: covidlib check-data FOLDER, covidlib train --data FOLDER"
UNPACK_IT = f"Unpack it with 7-Zip or another program, and {USE_FOLDER}"


def is_unpacked(folder: Path, label: str) -> bool:
    """Whether a folder contains the completely unpacked files that the label describes.

    Raises
    ------
    InputError
        If the folder contains anything else (covidlib did not make it, and does not change it), or is a file.
    """
    check_place(folder, NAME_ANOTHER)
    note = folder / NOTE
    if note.is_file():
        try:
            unpacked = json.loads(note.read_text(encoding="utf-8"))["label"]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(note, "this file is damaged", "Delete its folder and fetch the data again") from error
        if unpacked != label:
            raise InputError(folder, f"contains {unpacked}, not {label}", NAME_ANOTHER)
        return True
    if folder.is_dir() and any(folder.iterdir()):
        remedy = "Move it to another place, or name another folder with --to"
        raise InputError(folder, "contains files that covidlib did not unpack", remedy)
    return False


def unpack(archives: Sequence[Path], folder: Path, label: str, wanted: Callable[[str], bool] = bool) -> Path:
    """Unpack zip files into a new folder, each into a subfolder with its name, unless that is already done.

    A zip inside a zip is not unpacked.

    Parameters
    ----------
    label : str
        Describes the contents of the zips; stored in the folder's note.
    wanted : function of a name
        Must be true for at least one name in the zips, otherwise they are the wrong zips.

    Raises
    ------
    InputError
        If the folder contains something else, a zip is the wrong one, damaged or encrypted, a name in it leads out of
        the folder or is not a regular file, or the files need more than `LIMIT_BYTES` or the free space. No file is
        left behind.
    """
    check_place(folder, NAME_ANOTHER)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"cannot be created ({error.strerror})"
        raise InputError(folder.parent, problem, NAME_ANOTHER) from error
    with one_at_a_time(folder):
        if not is_unpacked(folder, label):
            contents = {archive: _contents(archive) for archive in archives}
            entries = [entry for listed in contents.values() for entry in listed]
            if not any(wanted(entry.filename) for entry in entries):
                named = ", ".join(str(archive) for archive in archives)
                remedy = "Name another zip, or unpack the zips inside it first"
                raise InputError(named, "contains no file of the expected kind", remedy)
            _check_room(folder, sum(entry.file_size for entry in entries))
            _unpack(contents, folder, label)
    return folder


def _contents(archive: Path) -> list[zipfile.ZipInfo]:
    """List the files of a zip, if it is safe to unpack all of them."""
    _refuse_other_archives(archive)
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = opened.infolist()
    except (*DAMAGED, OSError) as error:
        raise InputError(archive, f"cannot be opened as a zip ({error})", "Download it again") from error
    for entry in entries:
        # Old Windows tools write backslashes.
        entry.filename = entry.filename.replace("\\", "/")
        if problem := _unsafe(entry):
            remedy = "Do not use it: download the zip from its authors"
            raise InputError(archive, f"contains {entry.orig_filename!r}, {problem}", remedy)
        if problem := _unreadable(entry):
            raise InputError(archive, f"contains {entry.filename!r}, {problem}", UNPACK_IT)
    return [entry for entry in entries if not entry.is_dir()]


def _refuse_other_archives(archive: Path) -> None:
    if archive.is_dir():
        raise InputError(archive, A_FOLDER, f"It needs no unpacking: {USE_FOLDER}")
    check_file(archive, "Check the path of the zip")
    kind = file_kind(archive)
    if kind == ZIP_PART or PART.fullmatch(archive.suffix) or _is_last_part(archive):
        problem = "is one part of an archive in several parts"
        raise InputError(archive, problem, f"Put all parts into one folder. {UNPACK_IT}")
    if kind.endswith("archive"):
        raise InputError(archive, f"is {kind}, not a zip", UNPACK_IT)
    if kind and not kind.endswith("zip file"):
        raise InputError(archive, f"is {kind}", "Download it again")


def _is_last_part(archive: Path) -> bool:
    """Whether the table of contents at the end of a zip says that it is not on the first of several disks."""
    with archive.open("rb") as stream:
        stream.seek(max(archive.stat().st_size - LONGEST_END, 0))
        end = stream.read()
    start = end.rfind(b"PK\x05\x06")
    # Very large zips have this number in another place.
    return start >= 0 and end[start + 4 : start + 6] not in (b"\0\0", b"\xff\xff")


def _unsafe(entry: zipfile.ZipInfo) -> str:
    # By the rules of Windows, which also have drives.
    path = PureWindowsPath(entry.filename)
    if path.anchor or ".." in path.parts or not path.parts:
        return "which is not a path inside the folder"
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "a link or device instead of a regular file"
    return ""


def _unreadable(entry: zipfile.ZipInfo) -> str:
    if entry.flag_bits & 1:
        return "which is encrypted"
    # With these two methods the reader never unpacks more bytes than the table of contents announces.
    if entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return ""
    return f"packed by {METHODS.get(entry.compress_type, f'method {entry.compress_type}')}, expected Deflate"


def _check_room(folder: Path, needed: int) -> None:
    if needed > LIMIT_BYTES:
        problem = f"would contain {needed:,} bytes, more than the limit of {LIMIT_BYTES:,}"
        raise InputError(folder, problem, "Check where the zip comes from")
    free = shutil.disk_usage(folder.parent).free
    if needed + SPARE_BYTES > free:
        problem = f"needs {needed + SPARE_BYTES:,} bytes, but {free:,} are free"
        raise InputError(folder, problem, "Free some disk space, or choose another disk with --to")


def _unpack(contents: dict[Path, list[zipfile.ZipInfo]], folder: Path, label: str) -> None:
    unfinished = folder.with_name(f".{folder.name}.unpacking")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        for archive, entries in contents.items():
            _unpack_one(archive, entries, unfinished / archive.stem)
        (unfinished / NOTE).write_text(json.dumps({"label": label}), encoding="utf-8")
        if folder.exists():
            folder.rmdir()
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _unpack_one(archive: Path, entries: list[zipfile.ZipInfo], folder: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        for entry in tqdm(entries, desc=archive.name, unit="file", disable=None):
            target = folder / entry.filename
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                # Not extract(), which lets the second of two files with one name replace the first.
                with opened.open(entry) as source, target.open("xb") as stream:
                    shutil.copyfileobj(source, stream)
            except DAMAGED as error:
                problem = f"{entry.filename} cannot be unpacked ({error})"
                raise InputError(archive, problem, "Download the zip again") from error
            except OSError as error:
                remedy = "Free some disk space, or use a zip without such names"
                raise InputError(target, f"cannot be written ({error.strerror})", remedy) from error
