"""Download a file, resume after interruptions, and verify its size and hash.

The bytes go to `NAME.part`, which is renamed when size and hash are correct. If a connection breaks or stalls, the
received bytes are kept, and only the rest is requested (HTTP Range), provided that the file on the server is still the
same (If-Range). Taught in chapter 01.
"""

# Not done with a library, because pooch restarts a broken download from zero and accepts a web page as the file, and
# kagglehub supports only Kaggle and resumes a file without checking whether it has changed.

from __future__ import annotations

import base64
import hashlib
import os
import re
import time
from itertools import chain
from pathlib import Path
from typing import Any

import requests
from tqdm import tqdm

from covidlib.errors import InputError, Unavailable
from covidlib.utils.locks import one_at_a_time

ATTEMPTS = 5
PAUSE_SECONDS = 1.0
TIMEOUT_SECONDS = 20.0
CHUNK_BYTES = 1 << 16
"""A broken connection loses at most one unfinished chunk."""
PAGE_STARTS = (b"<!doctype html", b"<html")
ELSEWHERE = "Try again later, or get the file from elsewhere"


class Interrupted(Exception):
    """A transfer that failed, but may succeed if it is retried."""


def download(url: str, target: Path, *, digest: str = "", size: int | None = None, attempts: int = ATTEMPTS) -> Path:
    """Download a file, unless it already exists.

    Parameters
    ----------
    digest : str
        Expected hash, "md5:…" or "sha256:…" in lower-case hexadecimal; "" if it is not known.
    size : int, optional
        Expected size in bytes.
    attempts : int
        Attempts in a row without a new byte before the download fails. The pause between two attempts doubles.

    Raises
    ------
    Unavailable
        If the server does not provide the file: no connection, an error, an empty answer, a web page, another size.
    InputError
        If the file cannot be written, or has another hash. A file with another hash is deleted.
    """
    if is_downloaded(target, digest, size):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(target.parent, f"cannot be created ({error.strerror})", "Choose another folder") from error
    # Two processes would write to the same part.
    with one_at_a_time(target):
        if not is_downloaded(target, digest, size):
            part, mark = (target.with_name(f"{target.name}.{ending}") for ending in ("part", "mark"))
            stated = _receive(url, part, mark, size, attempts)
            expected = digest or stated
            actual = hash_of(part, expected)
            if actual != expected:
                part.unlink()
                mark.unlink(missing_ok=True)
                remedy = "Try again; if it happens again, report it"
                raise InputError(target, f"arrived with {actual}, expected {expected}", remedy)
            os.replace(part, target)
            mark.unlink(missing_ok=True)
    return target


def is_downloaded(target: Path, digest: str, size: int | None = None) -> bool:
    """Whether a file exists with the expected hash and size."""
    return target.is_file() and size in (None, target.stat().st_size) and hash_of(target, digest) == digest


def hash_of(path: Path, expected: str) -> str:
    """Compute the hash of a file in the form of the expected one ("md5:…", "sha256:…"); "" if none is expected."""
    if not expected:
        return ""
    algorithm = expected.partition(":")[0]
    with path.open("rb") as stream:
        return f"{algorithm}:{hashlib.file_digest(stream, algorithm).hexdigest()}"


def read_json(url: str) -> Any:
    """Request a JSON document from a web service.

    Raises
    ------
    Unavailable
        If there is no answer, or the answer is not JSON.
    """
    try:
        answer = requests.get(url, timeout=TIMEOUT_SECONDS)
        _refuse_status(url, answer)
        return answer.json()
    except (requests.RequestException, Interrupted) as error:
        raise Unavailable(url, f"no usable answer ({type(error).__name__})", ELSEWHERE) from error


def _receive(url: str, part: Path, mark: Path, size: int | None, attempts: int) -> str:
    """Repeat the transfer until it is complete; return the hash that the server reports, or ""."""
    failures, longest = 0, _length(part)
    while True:
        try:
            return _transfer(url, part, mark, size)
        except Interrupted as error:
            # Only bytes that no earlier attempt received are progress: a server may fail at the same byte each time.
            failures = 0 if _length(part) > longest else failures + 1
            longest = max(longest, _length(part))
            if failures >= attempts:
                # Without the path: pages show this sentence, and a path names the machine's user.
                kept = f"; {_length(part)} bytes are kept" if _length(part) else ""
                remedy = f"Go online and try again{kept}"
                raise Unavailable(url, f"cannot be downloaded ({error})", remedy) from error
            time.sleep(PAUSE_SECONDS * 2 ** max(failures - 1, 0))


def _transfer(url: str, part: Path, mark: Path, size: int | None) -> str:
    """Make one attempt; return the hash that the server reports, or ""."""
    validator = mark.read_text(encoding="utf-8") if mark.is_file() else ""
    # Without a validator, nobody would notice that the rest belongs to another version of the file.
    start = _length(part) if validator else 0
    headers = {"Accept-Encoding": "identity"}
    if start:
        headers |= {"Range": f"bytes={start}-", "If-Range": validator}
    try:
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS) as answer:
            status = answer.status_code
            place, _, length = answer.headers.get("Content-Range", "").partition("/")
            if status == 416 and (place, length) == ("bytes *", str(start)) and size in (None, start):
                return _stated_hash(answer)
            if status == 416 or (status == 206 and not place.startswith(f"bytes {start}-")):
                part.unlink(missing_ok=True)
                raise Interrupted(f"the server does not continue at byte {start}")
            _refuse_status(url, answer)
            if status == 200:
                start, length = 0, answer.headers.get("Content-Length", "")
            total = int(length) if length.isdigit() else size
            if size not in (None, total):
                raise Unavailable(url, f"offers {total} bytes, expected {size}", ELSEWHERE)
            chunks = answer.iter_content(CHUNK_BYTES)
            first = next(chunks, b"")
            if start == 0:
                _refuse_content(url, answer, first)
                # In this order: a part must not exist beside the mark of another version.
                part.unlink(missing_ok=True)
                mark.write_text(_validator(answer), encoding="utf-8")
            # The bar is shown only in a terminal, and only for a file that takes longer than a second.
            bar = tqdm(desc=part.stem, total=total, initial=start, unit="B", unit_scale=True, disable=None, delay=1)
            with part.open("ab") as stream, bar:
                for chunk in chain([first], chunks):
                    stream.write(chunk)
                    bar.update(len(chunk))
    except requests.RequestException as error:
        raise Interrupted(type(error).__name__) from error
    except OSError as error:
        remedy = "Free some disk space, or choose another folder"
        raise InputError(part, f"cannot be written ({error.strerror})", remedy) from error
    if total not in (None, _length(part)):
        raise Interrupted(f"{_length(part)} of {total} bytes arrived")
    return _stated_hash(answer)


def _refuse_status(url: str, answer: requests.Response) -> None:
    status = answer.status_code
    if status >= 500 or status == 429:
        raise Interrupted(f"the server answers {status}")
    # 202 means that the server is still preparing the file.
    if status not in (200, 206):
        raise Unavailable(url, f"the server answers {status} {answer.reason}, not the file", ELSEWHERE)


def _refuse_content(url: str, answer: requests.Response, first: bytes) -> None:
    if not first:
        raise Unavailable(url, "the answer is empty", ELSEWHERE)
    # A server with an exceeded quota, or one that requires a login, sends a web page with status 200.
    if "text/html" in answer.headers.get("Content-Type", "") or first.lstrip()[:16].lower().startswith(PAGE_STARTS):
        raise Unavailable(url, "the answer is a web page, not the file (a quota, or a login)", ELSEWHERE)


def _validator(answer: requests.Response) -> str:
    """The value for If-Range: a strong entity tag, or the date. Weak tags (W/…) do not guarantee equal bytes."""
    tag = answer.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified", "")


def _stated_hash(answer: requests.Response) -> str:
    """The hash that Google's storage, which Kaggle uses, sends with a file, or ""."""
    match = re.search(r"md5=([A-Za-z0-9+/]{22}==)", answer.headers.get("X-Goog-Hash", ""))
    return f"md5:{base64.b64decode(match[1]).hex()}" if match else ""


def _length(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
