"""What a web server answers, judged before it is believed: status, kind, size, place, hash. Taught in chapter 01."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

import requests

from covidlib.errors import Unavailable

TIMEOUT_SECONDS = 20.0
PAGE_STARTS = (b"<!doctype html", b"<html")
ELSEWHERE = "Try again later, or get the file from elsewhere"


class Interrupted(Exception):
    """A transfer that broke off or stalled: worth another attempt from where it stopped."""


class Misplaced(Interrupted):
    """A rest that does not begin where the earlier part ends, or has nothing to begin with."""


def read_json(url: str) -> Any:
    """What a web interface answers. Taught in chapter 01.

    Raises
    ------
    Unavailable
        If there is no answer, or one that is not JSON.
    """
    try:
        answer = requests.get(url, timeout=TIMEOUT_SECONDS)
        refuse(url, answer)
        return answer.json()
    except (requests.RequestException, Interrupted) as error:
        raise Unavailable(url, f"gives no usable answer ({type(error).__name__})", ELSEWHERE) from error


def refuse(url: str, answer: requests.Response) -> None:
    """Raise unless an answer is the file that was asked for. Taught in chapter 01.

    Raises
    ------
    Interrupted
        If the server is overworked or ill: another attempt may help.
    Unavailable
        If it does not have the file, is still preparing it (202), or gives a web page.
    """
    status = answer.status_code
    if status >= 500 or status == 429:
        raise Interrupted(f"the server answers {status}")
    if status not in (200, 206):
        raise Unavailable(url, f"the server answers {status} {answer.reason}, not the file", ELSEWHERE)
    if "text/html" in answer.headers.get("Content-Type", ""):
        refuse_page(url, PAGE_STARTS[0])


def refuse_page(url: str, start: bytes) -> None:
    """Raise if what begins like this is a web page. Taught in chapter 01.

    Raises
    ------
    Unavailable
        If it is.
    """
    # Storage that has run out of its daily quota, or wants a login, says so in a page with status 200.
    if start.lstrip()[:16].lower().startswith(PAGE_STARTS):
        raise Unavailable(url, "gives a web page where a file is expected (a quota, or a login)", ELSEWHERE)


def total_bytes(headers: Mapping[str, str], start: int) -> int | None:
    """Size of the whole file that an answer continues from byte `start`, if it says so. Taught in chapter 01.

    Raises
    ------
    Misplaced
        If it continues from another byte.
    """
    if not start:
        length = headers.get("Content-Length")
        return int(length) if length else None
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", headers.get("Content-Range", ""))
    if found is None or int(found[1]) != start:
        raise Misplaced(f"the server continues at another byte than {start}")
    return None if found[2] == "*" else int(found[2])


def validator_of(headers: Mapping[str, str]) -> str:
    """What If-Range may name: a strong entity tag, or else the date. Weak tags (W/…) do not promise equal bytes.

    Taught in chapter 01.
    """
    tag = headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified", "")


def promised_hash(headers: Mapping[str, str]) -> str:
    """The hash that Google's storage (Kaggle) sends along with a file, or "". Taught in chapter 01."""
    found = re.search(r"md5=([A-Za-z0-9+/]{22}==)", headers.get("X-Goog-Hash", ""))
    return f"md5:{base64.b64decode(found[1]).hex()}" if found else ""
