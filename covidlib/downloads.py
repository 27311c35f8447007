"""One file from the web, whole or not at all: resumed after a broken connection, checked before it gets its name.

The bytes go to `NAME.part` first. What has arrived is kept when a connection breaks or stalls, and only the rest is
asked for (HTTP Range), on the condition that the file on the server is still the same (If-Range). Taught in chapter 01.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
from tqdm import tqdm

from covidlib.errors import InputError, Unavailable

ATTEMPTS = 5
PAUSE_SECONDS = 1.0
TIMEOUT_SECONDS = 20.0
CHUNK_BYTES = 1 << 20
PAGE_STARTS = (b"<!doctype html", b"<html")
ELSEWHERE = "Try again later, or get the file from elsewhere"


class Interrupted(Exception):
    """A transfer that broke off or stalled: worth another attempt from where it stopped."""


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
    if target.is_file() and size in (None, target.stat().st_size) and _has_digest(target, digest):
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    failures, longest = 0, _length(part)
    while True:
        try:
            promised = _transfer(url, part, size, digest, timeout, progress)
            break
        except Interrupted as error:
            # Only bytes that no earlier attempt had count as progress: a server may break off at the same place always.
            failures = 0 if _length(part) > longest else failures + 1
            longest = max(longest, _length(part))
            if failures >= attempts:
                raise Unavailable(
                    url,
                    f"cannot be downloaded to {target} ({error})",
                    f"Go online and try again: {_length(part)} bytes are kept",
                ) from error
            time.sleep(pause * 2**failures)
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
    return target


def read_json(url: str, timeout: float = TIMEOUT_SECONDS) -> Any:
    """What a web interface answers. Taught in chapter 01.

    Raises
    ------
    Unavailable
        If there is no answer, or one that is not JSON.
    """
    try:
        answer = requests.get(url, timeout=timeout)
        _refuse(url, answer)
        return answer.json()
    except (requests.RequestException, Interrupted) as error:
        raise Unavailable(url, f"gives no usable answer ({type(error).__name__})", ELSEWHERE) from error


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
                part.unlink(missing_ok=True)
                raise Interrupted("the earlier part is longer than the file")
            _refuse(url, answer)
            start = start if answer.status_code == 206 else 0
            total = _total(answer.headers, start, part)
            if 0 in (total, size) or (size is not None and total not in (None, size)):
                raise Unavailable(url, f"offers {total} bytes, expected {size or 'some'}", ELSEWHERE)
            # The mark first: a part without the mark of its own bytes might be continued with those of another file.
            mark.unlink(missing_ok=True)
            with part.open("r+b" if start else "wb") as stream:
                stream.seek(start)
                if validator := _validator(answer.headers):
                    mark.write_text(validator, encoding="utf-8")
                with tqdm(
                    desc=part.stem, total=total, initial=start, unit="B", unit_scale=True, disable=not progress
                ) as bar:
                    for chunk in answer.iter_content(CHUNK_BYTES):
                        if stream.tell() == 0:
                            _refuse_page(url, chunk)
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
    return _promised(answer.headers)


def _refuse(url: str, answer: requests.Response) -> None:
    status = answer.status_code
    if status >= 500 or status == 429:
        raise Interrupted(f"the server answers {status}")
    if status not in (200, 206):
        raise Unavailable(url, f"the server answers {status} {answer.reason}, not the file", ELSEWHERE)
    if "text/html" in answer.headers.get("Content-Type", ""):
        _refuse_page(url, PAGE_STARTS[0])


def _refuse_page(url: str, start: bytes) -> None:
    # Storage that has run out of its daily quota, or wants a login, says so in a page with status 200.
    if start.lstrip()[:16].lower().startswith(PAGE_STARTS):
        raise Unavailable(url, "gives a web page where a file is expected (a quota, or a login)", ELSEWHERE)


def _total(headers: Mapping[str, str], start: int, part: Path) -> int | None:
    """Size of the whole file, as far as the server says it."""
    if not start:
        length = headers.get("Content-Length")
        return int(length) if length else None
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", headers.get("Content-Range", ""))
    if found is None or int(found[1]) != start:
        part.unlink()
        raise Interrupted(f"the server continues at another byte than {start}")
    return None if found[2] == "*" else int(found[2])


def _validator(headers: Mapping[str, str]) -> str:
    """What If-Range may name: a strong entity tag, or else the date. Weak tags (W/…) do not promise equal bytes."""
    tag = headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", "")


def _promised(headers: Mapping[str, str]) -> str:
    """The hash that Google's storage (Kaggle) sends along with a file."""
    found = re.search(r"md5=([A-Za-z0-9+/]{22}==)", headers.get("X-Goog-Hash", ""))
    return f"md5:{base64.b64decode(found[1]).hex()}" if found else ""


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
