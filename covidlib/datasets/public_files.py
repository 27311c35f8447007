"""Find public files in a mirror folder, in the cache of earlier downloads, or online, and verify them.

A file is identified by its path on GitHub: `<owner>/<repository>/<commit>/<path>`. Its hash is stored with the package:
wherever a file comes from, it is the same file that the book was written with. Taught in chapter 01.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from covidlib.errors import InputError, Unavailable
from covidlib.utils.download import download, hash_of, is_downloaded
from covidlib.utils.files import check_place, write_bytes
from covidlib.utils.folders import MIRROR_VARIABLE, home

WEB = "https://raw.githubusercontent.com"
ATTEMPTS = 2
"""Few, because the files are small, and a user without a network should not have to wait."""

REAL_SERIES = "huyenbui117/lung_CT/"
"""One chest CT series of a lung-cancer patient: Lung-PET-CT-Dx, patient A0001, 64 slices of 5 mm, CC BY 4.0."""
REAL_SERIES_CREDIT = (
    "Li P. et al. (2020) A Large-Scale CT and PET/CT Dataset for Lung Cancer Diagnosis (Lung-PET-CT-Dx), "
    "The Cancer Imaging Archive, doi:10.7937/TCIA.2020.NNC2-0461, CC BY 4.0"
)
FLOAT_SLICES = "irfanrob/Classification-CT-Scan-of-Covid-19/"
"""Five slices of COVID-CTset, each divided by its own maximum and stored as float. CC BY-NC 4.0: never shipped."""
FLOAT_SLICES_CREDIT = (
    "Rahimzadeh M., Attar A., Sakhaei S. M. (2021) A fully automated deep learning-based network for detecting "
    "COVID-19 from a new and large lung CT scan dataset, doi:10.1016/j.bspc.2021.102588, CC BY-NC 4.0"
)
SLICES = {
    "lung-pet-ct-dx": (REAL_SERIES, REAL_SERIES_CREDIT),
    "covid-ctset-float": (FLOAT_SLICES, FLOAT_SLICES_CREDIT),
}
"""By the name that `covidlib fetch` knows: where the files stand, and the credit that is printed with them."""

_is_offline = ContextVar("_is_offline", default=False)


@contextmanager
def offline() -> Iterator[None]:
    """Inside this context, `fetch` only uses files that are already on this machine, and does not go online."""
    before = _is_offline.set(True)
    try:
        yield
    finally:
        _is_offline.reset(before)


def known_files() -> dict[str, str]:
    """List every public file that covidlib uses, with its SHA-256."""
    listed = (files("covidlib") / "data" / "sources.sha256").read_text(encoding="utf-8")
    pairs = (line.split(maxsplit=1) for line in listed.splitlines())
    return {name: digest for digest, name in pairs}


def fetch(name: str) -> Path:
    """Find or download a known file, verify it, and return its path.

    Raises
    ------
    InputError
        If the file is unknown, or its content differs from the one that the book was written with.
    Unavailable
        If the file is not found in the mirror, the cache or online.
    """
    digest = known_files().get(name)
    if digest is None:
        raise InputError(name, "unknown public file", "Choose one of covidlib.datasets.public_files.known_files()")
    return obtain(f"{WEB}/{quote(name)}", name, f"sha256:{digest}")


def obtain(url: str, name: str, digest: str) -> Path:
    """Find or download a public file, verify it, and return its path.

    With COVIDLIB_MIRROR set, the file comes from that folder only; otherwise from the cache or from `url`.

    Parameters
    ----------
    name : str
        Path in the mirror and in the cache.
    digest : str
        "md5:…" or "sha256:…", in hexadecimal.

    Raises
    ------
    InputError
        If the file has another hash.
    Unavailable
        If the file is not found in the mirror, the cache or online.
    """
    mirror = os.environ.get(MIRROR_VARIABLE)
    if mirror:
        return _from_mirror(Path(mirror) / name, digest)
    target = home() / "data" / "downloads" / name
    if not _is_offline.get():
        return download(url, target, digest=digest, attempts=ATTEMPTS)
    if not is_downloaded(target, digest):
        raise Unavailable(name, "not found on this machine", "Run `covidlib fetch lists` once")
    return target


def _from_mirror(path: Path, digest: str) -> Path:
    if not path.is_file():
        raise Unavailable(path, "not in the mirror", f"Add the file to the mirror, or unset {MIRROR_VARIABLE}")
    actual = hash_of(path, digest)
    if actual != digest:
        raise InputError(path, f"has the hash {actual}, expected {digest}", "Copy the file into the mirror again")
    return path


def fetch_folder(prefix: str) -> Path:
    """Find or download all known files under a prefix, and return their folder.

    Raises
    ------
    InputError
        If no known file has the prefix, or the content of a file differs from the one that the book was written with.
    Unavailable
        If a file is not found in the mirror, the cache or online.
    """
    return _common_folder(_fetch_all(prefix))


def copy_folder(prefix: str, folder: Path) -> Path:
    """Copy all known files under a prefix into a folder.

    Raises
    ------
    InputError
        As `fetch_folder`, or if the folder has other files or cannot be made.
    Unavailable
        If a file is not found in the mirror, the cache or online; then nothing is copied.
    """
    paths = _fetch_all(prefix)
    origin = _common_folder(paths)
    copies = {folder / path.relative_to(origin): path for path in paths}
    check_place(folder, "Name a new or an empty folder")
    # An interrupted copy goes on; but slices of another series beside these would be taken for theirs.
    for there in folder.rglob("[!.]*"):
        if there.is_file() and there not in copies:
            problem = f"contains other files, such as {there.relative_to(folder)}"
            raise InputError(folder, problem, "Name a new or an empty folder")
    for target, path in copies.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(target, path.read_bytes())
    return folder


def _fetch_all(prefix: str) -> list[Path]:
    names = [name for name in known_files() if name.startswith(prefix)]
    if not names:
        raise InputError(
            prefix, "no known public file has this prefix", "See covidlib.datasets.public_files.known_files()"
        )
    return [fetch(name) for name in names]


def _common_folder(paths: list[Path]) -> Path:
    return Path(os.path.commonpath([path.parent for path in paths]))
