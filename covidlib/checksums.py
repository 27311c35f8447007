"""Whether slices of COVID-CTset are the published ones, byte by byte.

Somebody who had all 12,058 slices of the train-validation part published the BLAKE2b hash of each (64 bytes, of the
whole TIFF file). Taught in chapter 01.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from covidlib import sources
from covidlib.errors import InputError, Unavailable
from covidlib.series import TIFF_SUFFIXES, identify

CHECKSUMS = "rickerju/CovidCT/4c3605512f1ddf076b07966706da0fe70ecb11a0/checksums.csv"

SliceIdentity = tuple[str, str, str, int] | None
"""Class, patient, series, number."""


@dataclass(frozen=True)
class Comparison:
    """Slices of a folder beside the published checksums.

    Attributes
    ----------
    matching, differing : int, tuple of str
        Slices with the published bytes, and the paths of those with others.
    missing : int
        Published checksums without a slice here: no error, parts differ.
    unlisted : int
        Slices here for which no checksum is published.
    """

    matching: int
    differing: tuple[str, ...]
    missing: int
    unlisted: int


def compare(folder: Path, progress: bool = False) -> Comparison:
    """Compare every slice of a folder with the published BLAKE2b checksums. Taught in chapter 01.

    The list has the flat names of the train-validation part, whose prefixes (`137covid`) are not the folders of the
    full part (`covid1`). Class, patient, series and slice number name a slice in both; where the list has them twice,
    under two prefixes, the checksums are equal.

    Raises
    ------
    Unavailable
        If the list is not found in the mirror, the cache or online.
    """
    published = _published()
    alike: dict[SliceIdentity, list[str]] = defaultdict(list)
    for name in published:
        alike[_identity(name)].append(name)
    matching, unlisted, seen, differing = 0, 0, set(), []
    for path in tqdm(_slices(folder), desc="checksums", unit="slice", disable=not progress):
        relative = path.relative_to(folder).as_posix()
        names = [path.name] if path.name in published else alike.get(_identity(relative), [])
        if not names:
            unlisted += 1
            continue
        seen.update(names)
        with path.open("rb") as stream:
            same = hashlib.file_digest(stream, "blake2b").hexdigest() == published[names[0]]
        matching += same
        if not same:
            differing.append(relative)
    return Comparison(matching, tuple(differing), len(published.keys() - seen), unlisted)


def report(folder: Path, progress: bool = False) -> str:
    """One sentence on the comparison of a folder with the published checksums. Taught in chapter 01.

    Raises
    ------
    InputError
        If a slice differs from the published one.
    """
    try:
        found = compare(folder, progress)
    except Unavailable as error:
        return f"checksums not compared: {error}"
    if found.differing:
        raise InputError(
            folder,
            f"{len(found.differing)} slices differ from the published checksums, {found.matching} match; "
            f"the first is {found.differing[0]}",
            "Delete the folder and the zip that it came from, and fetch again from another place (--from)",
        )
    return (
        f"checksums: {found.matching} slices match, 0 differ, {found.missing} of the list are not in this part, "
        f"{found.unlisted} slices are not in the list"
    )


def _published() -> dict[str, str]:
    # The list ends its lines with CR alone: splitting at LF would find one line.
    lines = sources.fetch(CHECKSUMS).read_bytes().decode().splitlines()
    return dict(line.split(",") for line in lines[1:] if line)


def _slices(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if is_slice(path.relative_to(folder).as_posix())]


def is_slice(name: str) -> bool:
    """Whether a name is that of a TIFF slice. Taught in chapter 01."""
    # macOS leaves a ._IM00001.tif beside each IM00001.tif, also in zips: no slice.
    return PurePosixPath(name).suffix.lower() in TIFF_SUFFIXES and not PurePosixPath(name).name.startswith(".")


def _identity(name: str) -> SliceIdentity:
    found = identify(name)
    return (found.label, found.patient, found.series, found.number) if found else None
