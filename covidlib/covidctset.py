"""COVID-CTset: where its two parts are, and how they get here.

The authors share a train-validation part (12,058 slices, flat names) and the full scans (63,849 slices, one folder a
series). By their page Kaggle has the first, figshare "the whole dataset" in three articles, Google Drive both. What is
what in figshare's articles is read off the names of their files. Taught in chapter 01.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from covidlib import archives, sources
from covidlib.answers import read_json
from covidlib.downloads import download
from covidlib.errors import InputError, Unavailable
from covidlib.series import identify, is_slice
from covidlib.workspace import home

PARTS = ("train-validation", "full")
PLACES = ("zip", "kaggle", "figshare", "drive")
"""In the order in which they are tried; a zip is one that somebody downloaded by hand."""
AUTHORS_PAGE = "https://github.com/mr7495/COVID-CTset"
DRIVE_FOLDER = "https://drive.google.com/drive/folders/1xdk-mCkxCDNwsMAk2SGv203rY1mrbnPB"
KAGGLE = "https://www.kaggle.com/api/v1/datasets/download"
KAGGLE_OWNER, KAGGLE_NAME = "mohammadrahimzadeh", "covidctset-a-large-covid19-ct-scans-dataset"
FIGSHARE = "https://api.figshare.com/v2"
FIGSHARE_ARTICLES = (13668596, 13669969, 14174606)
MIRROR_FOLDER = "covid-ctset"


@dataclass(frozen=True)
class FigshareFile:
    """One file as figshare's interface lists it."""

    id: int
    name: str
    size: int
    md5: str


def fetch(
    part: str = "train-validation",
    place: str | None = None,
    archive: Path | None = None,
    folder: Path | None = None,
    progress: bool = False,
) -> Path:
    """The folder with one part of COVID-CTset, downloaded and unpacked if it is not there. Taught in chapter 01.

    Without `place`: zips that are there already, then Kaggle, figshare, Drive. With COVIDLIB_MIRROR set, only
    `covid-ctset/*.zip` in the mirror.

    Raises
    ------
    Unavailable
        If the part can be had from nowhere just now; says what each place answered and where to put a zip.
    InputError
        If a zip is damaged or holds no slice of COVID-CTset.
    """
    if archive is not None and place not in (None, "zip"):
        raise InputError(archive, f"a zip is named, and so is {place}", "Leave out --zip or --from")
    folder = folder or home() / "data" / "covid-ctset" / part
    label = f"COVID-CTset, {part}"
    if archives.is_unpacked(folder, label):
        return folder
    zips = [archive] if archive is not None else _find(part, place, progress)
    return archives.unpack(zips, folder, label, wanted=_is_named_slice, progress=progress)


def part_of(name: str) -> str | None:
    """Which part a zip holds, by its name; None if the name does not tell. Taught in chapter 01."""
    name = name.lower()
    if KAGGLE_NAME in name or "train" in name or "validation" in name:
        return "train-validation"
    return "full" if "ctset" in name else None


def _is_named_slice(name: str) -> bool:
    return is_slice(name) and identify(name) is not None


def _find(part: str, place: str | None, progress: bool) -> list[Path]:
    """The zips of a part, from the first place that has them."""
    mirror = os.environ.get(sources.MIRROR_VARIABLE)
    if mirror:
        return _zips_in(Path(mirror) / MIRROR_FOLDER, part)
    ways: dict[str, Callable[[], list[Path]]] = {
        "zip": lambda: _zips_in(_downloads(), part),
        "kaggle": lambda: _from_kaggle(part, progress),
        "figshare": lambda: _from_figshare(part, progress),
        "drive": _from_drive,
    }
    answers = []
    for name in (place,) if place else PLACES:
        try:
            return ways[name]()
        except InputError as error:
            answers.append(f"{name}: {str(error).rstrip('.')}")
    raise Unavailable(
        f"COVID-CTset, {part}",
        f"cannot be had just now ({'; '.join(answers)})",
        f"Download its zip by hand ({AUTHORS_PAGE}), put it into {_downloads()}, or name it: "
        f"covidlib fetch covid-ctset --part {part} --zip PATH",
    )


def _downloads() -> Path:
    return home() / "data" / "downloads"


def _zips_in(folder: Path, part: str) -> list[Path]:
    """Zips that a person put there."""
    zips = sorted(folder.glob("*.zip"))
    found = [path for path in zips if part_of(path.name) == part]
    if not found:
        there = ", ".join(path.name for path in zips) or "none"
        raise Unavailable(
            folder, f"holds no zip named like the {part} part of COVID-CTset (zips: {there})", "Name it: --zip PATH"
        )
    return found


def _from_kaggle(part: str, progress: bool) -> list[Path]:
    if part != "train-validation":
        raise Unavailable("Kaggle", "holds the train-validation part only", "Ask figshare or Drive for the full scans")
    url = f"{KAGGLE}/{KAGGLE_OWNER}/{KAGGLE_NAME}"
    return [download(url, _kept("kaggle", f"{KAGGLE_NAME}.zip"), progress=progress)]


def _from_figshare(part: str, progress: bool) -> list[Path]:
    listed = [one for article in FIGSHARE_ARTICLES for one in _figshare_files(article)]
    packed = [one for one in listed if re.search(r"\.(zip|rar|7z|tar|gz|z?\d+)$", one.name, re.IGNORECASE)]
    wanted = [one for one in packed if (part_of(one.name) or "full") == part]
    names = ", ".join(one.name for one in listed) or "nothing"
    if not wanted:
        raise Unavailable("figshare", f"lists {names}: no zip named like the {part} part", "Take another place")
    for one in wanted:
        if not one.name.lower().endswith(".zip"):
            raise Unavailable("figshare", f"lists {one.name}, which is no zip", f"Unpack it by hand: {AUTHORS_PAGE}")
    return [
        download(
            f"{FIGSHARE}/file/download/{one.id}",
            _kept(f"figshare/{one.id}", one.name),
            size=one.size,
            digest=f"md5:{one.md5}" if one.md5 else "",
            progress=progress,
        )
        for one in wanted
    ]


def _figshare_files(article: int) -> list[FigshareFile]:
    url = f"{FIGSHARE}/articles/{article}"
    try:
        # Only the last part of a name: it becomes a name on this disk.
        return [
            FigshareFile(int(one["id"]), Path(one["name"]).name, int(one["size"]), one.get("computed_md5") or "")
            for one in read_json(url)["files"]
            if not one.get("is_link_only")
        ]
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise Unavailable(url, f"lists its files in an unknown way ({error!r})", "Take another place") from error


def _from_drive() -> list[Path]:
    # The authors' page gives the folder, not the ids of its files, and only a browser can list a folder.
    raise Unavailable("Google Drive", "gives this folder to a browser only", f"Open {DRIVE_FOLDER} and download it")


def _kept(place: str, name: str) -> Path:
    # In a folder of their own: some of several zips must not pass for all that somebody put into the downloads.
    return _downloads() / "covid-ctset" / place / name
