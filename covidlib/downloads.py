"""One file from the web, whole or not at all: resumed after a broken connection, checked before it gets its name.

The bytes go to `NAME.part` first. What has arrived is kept when a connection breaks or stalls, and only the rest is
asked for (HTTP Range), on the condition that the file on the server is still the same (If-Range). Taught in chapter 01.
"""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import requests
from tqdm import tqdm

from covidlib.answers import (
    ELSEWHERE,
    TIMEOUT_SECONDS,
    Interrupted,
    Misplaced,
    promised_hash,
    refuse,
    refuse_page,
    total_bytes,
    validator_of,
)
from covidlib.errors import InputError, Unavailable
from covidlib.locks import one_at_a_time

ATTEMPTS = 5
PAUSE_SECONDS = 1.0
CHUNK_BYTES = 1 << 16
"""What a broken connection costs at most: an unfinished chunk is lost."""


def download(
    url: str,
    target: Path,
    *,
    digest: str = "",
    size: int | None = None,
    attempts: int = ATTEMPTS,
    pause: float = PAUSE_SECONDS,
    timeout: float = TIMEOUT_SECONDS,
    progress: bool = False,
) -> Path:
    """Download one file; a finished earlier download is kept and nothing is asked. Taught in chapter 01.

    Parameters
    ----------
    digest : str
        "md5:…" or "sha256:…", in hexadecimal; "" where none is known.
    size : int, optional
        Bytes of the whole file, where they are known.
    attempts : int
        So many in a row without a new byte end it; between them are pauses that double, from `pause` seconds on.
    timeout : float
        Seconds without an answer, or without a byte, after which a connection counts as broken.

    Raises
    ------
    Unavailable
        If the server does not give the file: no connection, an error, an empty answer, a web page, another size.
    InputError
        If the bytes have another hash; they are deleted, so that the next call starts afresh.
    """
    if _is_there(target, size, digest):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(target.parent, f"cannot be made ({error.strerror})", "Choose another folder") from error
    # Two processes would write the same part, each where it thinks that it ends.
    with one_at_a_time(target):
        if not _is_there(target, size, digest):
            _fetch(url, target, digest, size, attempts, pause, timeout, progress)
    return target


def _is_there(target: Path, size: int | None, digest: str) -> bool:
    return target.is_file() and size in (None, target.stat().st_size) and _has_digest(target, digest)


def _fetch(
    url: str,
    target: Path,
    digest: str,
    size: int | None,
    attempts: int,
    pause: float,
    timeout: float,
    progress: bool,
) -> None:
    """Transfer until it is whole, compare, and give it its name."""
    part = target.with_name(f"{target.name}.part")
    failures, longest = 0, _length(part)
    while True:
        try:
            promised = _transfer(url, part, size, digest, timeout, progress)
            break
        except Interrupted as error:
            if isinstance(error, Misplaced):
                part.unlink(missing_ok=True)
            # Only bytes that no earlier attempt had count as progress: a server may break off at the same place always.
            failures = 0 if _length(part) > longest else failures + 1
            longest = max(longest, _length(part))
            if failures >= attempts:
                raise Unavailable(
                    url,
                    f"cannot be downloaded to {target} ({error})",
                    f"Go online and try again: {_length(part)} bytes are kept",
                ) from error
            time.sleep(pause * 2 ** max(failures - 1, 0))
    _mark_of(part).unlink(missing_ok=True)
    expected = digest or promised
    if not _has_digest(part, expected):
        found = _hash(part, expected.partition(":")[0])
        part.unlink()
        name = expected.partition(":")[0].upper().replace("SHA256", "SHA-256")
        raise InputError(
            target, f"arrived with {name} {found}, expected {expected}", "Try again; if it stays so, report it"
        )
    os.replace(part, target)


def _transfer(url: str, part: Path, size: int | None, digest: str, timeout: float, progress: bool) -> str:
    """One attempt; returns the hash that the server promises, if it does."""
    start = _resumable(part, digest)
    mark = _mark_of(part)
    asked = {"Accept-Encoding": "identity"}
    if start:
        asked["Range"] = f"bytes={start}-"
        if mark.is_file():
            asked["If-Range"] = mark.read_text(encoding="utf-8")
    try:
        with requests.get(url, headers=asked, stream=True, timeout=timeout) as answer:
            if answer.status_code == 416:
                if answer.headers.get("Content-Range") == f"bytes */{start}":
                    return ""
                raise Misplaced("the earlier part is longer than the file")
            refuse(url, answer)
            start = start if answer.status_code == 206 else 0
            total = total_bytes(answer.headers, start)
            if 0 in (total, size) or (size is not None and total not in (None, size)):
                raise Unavailable(url, f"offers {total} bytes, expected {size or 'some'}", ELSEWHERE)
            # The mark first: a part without the mark of its own bytes might be continued with those of another file.
            mark.unlink(missing_ok=True)
            with part.open("r+b" if start else "wb") as stream:
                stream.seek(start)
                if validator := validator_of(answer.headers):
                    mark.write_text(validator, encoding="utf-8")
                with tqdm(
                    desc=part.stem, total=total, initial=start, unit="B", unit_scale=True, disable=not progress
                ) as bar:
                    for chunk in answer.iter_content(CHUNK_BYTES):
                        if stream.tell() == 0:
                            refuse_page(url, chunk)
                        stream.write(chunk)
                        bar.update(len(chunk))
    except requests.RequestException as error:
        raise Interrupted(type(error).__name__) from error
    except OSError as error:
        raise InputError(
            part, f"cannot be written ({error.strerror})", "Make room, or choose another folder"
        ) from error
    length = _length(part)
    if length == 0:
        raise Unavailable(url, "answers without a single byte", ELSEWHERE)
    if length != (total or size or length):
        raise Interrupted(f"{length} of {total or size} bytes arrived")
    return promised_hash(answer.headers)


def _resumable(part: Path, digest: str) -> int:
    # With neither a mark nor a hash nobody would notice that the rest belongs to another version of the file.
    return _length(part) if digest or _mark_of(part).is_file() else 0


def _mark_of(part: Path) -> Path:
    return part.with_name(f"{part.name}.mark")


def _length(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _hash(path: Path, algorithm: str) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def _has_digest(path: Path, digest: str) -> bool:
    algorithm, _, expected = digest.partition(":")
    return not digest or _hash(path, algorithm) == expected.lower()
