"""Public files by address, commit and SHA-256: from a mirror folder, from an earlier download, or from the web.

A file is known by its place on GitHub: `<owner>/<repository>/<commit>/<path>`. Its hash is stored with the package, so
that wherever a file comes from, it is the one that the book was written with. Taught in chapter 01.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from covidlib.downloads import download
from covidlib.errors import InputError, Unavailable
from covidlib.wholefiles import write_bytes
from covidlib.workspace import home

MIRROR_VARIABLE = "COVIDLIB_MIRROR"
WEB = "https://raw.githubusercontent.com"
ATTEMPTS = 2
"""Few, because the files are small and somebody without a network should not wait."""

REAL_SERIES = "huyenbui117/lung_CT/"
"""One chest CT series of a lung-cancer patient: Lung-PET-CT-Dx, patient A0001, 64 slices of 5 mm, CC BY 4.0."""
REAL_SERIES_CREDIT = (
    "Li P. et al. (2020) A Large-Scale CT and PET/CT Dataset for Lung Cancer Diagnosis (Lung-PET-CT-Dx), "
    "The Cancer Imaging Archive, doi:10.7937/TCIA.2020.NNC2-0461, CC BY 4.0"
)


_asks_network = ContextVar("_asks_network", default=True)


@contextmanager
def at_hand() -> Iterator[None]:
    """Inside it, `fetch` gives what is on this machine already and asks no network. Taught in chapter 01."""
    before = _asks_network.set(False)
    try:
        yield
    finally:
        _asks_network.reset(before)


def known_files() -> dict[str, str]:
    """Every public file that the kit uses, with its SHA-256. Taught in chapter 01."""
    listed = (files("covidlib") / "data" / "sources.sha256").read_text(encoding="utf-8")
    pairs = (line.split(maxsplit=1) for line in listed.splitlines())
    return {name: digest for digest, name in pairs}


def fetch(name: str) -> Path:
    """A public file on this machine, verified. Taught in chapter 01.

    Looked for in the folder that COVIDLIB_MIRROR names, if it is set, and nowhere else; otherwise among earlier
    downloads, then on the web.

    Raises
    ------
    InputError
        If the kit knows no such file, or its content is not the one that the kit was written with.
    Unavailable
        If it can be had from nowhere just now.
    """
    digest = known_files().get(name)
    if digest is None:
        raise InputError(name, "is no file that the kit knows", "Choose one of covidlib.sources.known_files()")
    mirror = os.environ.get(MIRROR_VARIABLE)
    if mirror:
        return _from_mirror(Path(mirror) / name, digest)
    target = home() / "data" / "downloads" / name
    if not _asks_network.get():
        if target.is_file() and hashlib.sha256(target.read_bytes()).hexdigest() == digest:
            return target
        raise Unavailable(name, "is not on this machine", "Run `covidlib fetch lists` once")
    return download(f"{WEB}/{quote(name)}", target, digest=f"sha256:{digest}", attempts=ATTEMPTS)


def _from_mirror(path: Path, digest: str) -> Path:
    if not path.is_file():
        raise Unavailable(path, "is not in the mirror", f"Complete the mirror, or unset {MIRROR_VARIABLE}")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != digest:
        raise InputError(path, f"has SHA-256 {found}, expected {digest}", "Copy the file into the mirror again")
    return path


def fetch_folder(prefix: str) -> Path:
    """All known files under a prefix; the folder that holds them. Taught in chapter 01.

    Raises
    ------
    InputError
        If no known file has the prefix, or one is not as the kit was written with.
    Unavailable
        If one of them can be had from nowhere just now.
    """
    return _common_folder(_fetch_all(prefix))


def _fetch_all(prefix: str) -> list[Path]:
    names = [name for name in known_files() if name.startswith(prefix)]
    if not names:
        raise InputError(prefix, "is no prefix of a file that the kit knows", "See covidlib.sources.known_files()")
    return [fetch(name) for name in names]


def _common_folder(paths: list[Path]) -> Path:
    return Path(os.path.commonpath([path.parent for path in paths]))


def copy_folder(prefix: str, folder: Path) -> Path:
    """All known files under a prefix, verified, as copies in a folder of one's own. Taught in chapter 01.

    Raises
    ------
    InputError
        As `fetch_folder`.
    Unavailable
        If one of them can be had from nowhere just now; then nothing is copied.
    """
    paths = _fetch_all(prefix)
    origin = _common_folder(paths)
    for path in paths:
        target = folder / path.relative_to(origin)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(target, path.read_bytes())
    return folder
