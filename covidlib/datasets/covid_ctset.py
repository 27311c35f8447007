"""Download COVID-CTset from the first source that provides it.

The authors share a train-validation part (12,058 slices, flat names) and the full scans (63,849 slices, one folder per
series). According to their page Kaggle has the first, figshare "the whole dataset" in three articles, and Google Drive
both. The names of the files in figshare's articles show which part each contains. Taught in chapter 01.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from covidlib.errors import InputError, Unavailable
from covidlib.scans.filenames import identify, is_slice
from covidlib.utils import folders, unzip
from covidlib.utils.download import download, read_json
from covidlib.utils.folders import home

PARTS = ("train-validation", "full")
AUTHORS_PAGE = "https://github.com/mr7495/COVID-CTset"
DRIVE_FOLDER = "https://drive.google.com/drive/folders/1xdk-mCkxCDNwsMAk2SGv203rY1mrbnPB"
KAGGLE = "https://www.kaggle.com/api/v1/datasets/download"
KAGGLE_OWNER, KAGGLE_NAME = "mohammadrahimzadeh", "covidctset-a-large-covid19-ct-scans-dataset"
FIGSHARE = "https://api.figshare.com/v2"
FIGSHARE_ARTICLES = (13668596, 13669969, 14174606)
ARCHIVE = re.compile(r"\.(zip|rar|7z|tar|gz|z?\d+)$", re.IGNORECASE)
MIRROR_FOLDER = "covid-ctset"


class FigshareFile(NamedTuple):
    """One entry of figshare's list of files."""

    id: int
    name: str
    size: int
    digest: str


def fetch(
    part: str = "train-validation", place: str | None = None, archive: Path | None = None, folder: Path | None = None
) -> Path:
    """Download and unpack one part of COVID-CTset, unless that is already done, and return its folder.

    Parameters
    ----------
    part : "train-validation" or "full"
        Which part.
    place : "zip", "kaggle", "figshare" or "drive", optional
        The source; default: the first of these that provides the part. "zip" means zip files downloaded by hand. With
        COVIDLIB_MIRROR set, only `covid-ctset/*.zip` in the mirror are used.
    archive : path, optional
        A zip downloaded by hand.
    folder : path, optional
        A new folder; default: below data/ in the workspace.

    Raises
    ------
    Unavailable
        If the part is not found in any source. The error lists the answer of each, and where to put a zip.
    InputError
        If a zip is damaged or contains no slice of COVID-CTset.
    """
    if archive is not None and place not in (None, "zip"):
        raise InputError(archive, f"both a zip and the source {place} are given", "Leave out --zip or --from")
    folder = folder or home() / "data" / "covid-ctset" / part
    label = f"COVID-CTset, {part}"
    if unzip.is_unpacked(folder, label):
        return folder
    zips = [archive] if archive is not None else _find(part, place)
    return unzip.unpack(zips, folder, label, lambda name: is_slice(name) and identify(name) is not None)


def part_of(name: str) -> str | None:
    """The part that a zip contains, judged by its name; None if the name does not show it."""
    name = name.lower()
    if KAGGLE_NAME in name or "train" in name or "validation" in name:
        return "train-validation"
    return "full" if "ctset" in name else None


def _find(part: str, place: str | None) -> list[Path]:
    """Find the zips of a part, in the first source that has them."""
    mirror = os.environ.get(folders.MIRROR_VARIABLE)
    if mirror:
        return _zips_in(Path(mirror) / MIRROR_FOLDER, part)
    places = {"zip": _from_downloads, "kaggle": _from_kaggle, "figshare": _from_figshare, "drive": _from_drive}
    answers = []
    for name in (place,) if place else places:
        try:
            return places[name](part)
        except InputError as error:
            answers.append(f"{name}: {str(error).rstrip('.')}")
    raise Unavailable(
        f"COVID-CTset, {part}",
        f"not found ({'; '.join(answers)})",
        f"Download its zip by hand ({AUTHORS_PAGE}), put it into {_downloads()}, or name it: "
        f"covidlib fetch covid-ctset --part {part} --zip PATH",
    )


def _downloads() -> Path:
    return home() / "data" / "downloads"


def _kept(place: str, name: str) -> Path:
    # In a separate folder: if only some of several zips are here, they must not look like a complete manual download.
    return _downloads() / "covid-ctset" / place / name


def _zips_in(folder: Path, part: str) -> list[Path]:
    zips = sorted(folder.glob("*.zip"))
    of_part = [path for path in zips if part_of(path.name) == part]
    if not of_part:
        names = ", ".join(path.name for path in zips) or "none"
        problem = f"no zip named like the {part} part of COVID-CTset found (zips: {names})"
        raise Unavailable(folder, problem, "Name it: --zip PATH")
    return of_part


def _from_downloads(part: str) -> list[Path]:
    return _zips_in(_downloads(), part)


def _from_kaggle(part: str) -> list[Path]:
    if part != "train-validation":
        raise Unavailable("Kaggle", "has only the train-validation part", "Use figshare or Drive for the full scans")
    return [download(f"{KAGGLE}/{KAGGLE_OWNER}/{KAGGLE_NAME}", _kept("kaggle", f"{KAGGLE_NAME}.zip"))]


def _from_figshare(part: str) -> list[Path]:
    listed = [file for article in FIGSHARE_ARTICLES for file in _figshare_files(article)]
    wanted = [file for file in listed if ARCHIVE.search(file.name) and (part_of(file.name) or "full") == part]
    # An archive of another type among them means that the zips are not the complete part.
    if not wanted or not all(file.name.lower().endswith(".zip") for file in wanted):
        names = ", ".join(file.name for file in listed) or "nothing"
        raise Unavailable("figshare", f"lists {names}; expected the {part} part in zips", f"See {AUTHORS_PAGE}")
    return [
        download(
            f"{FIGSHARE}/file/download/{file.id}",
            _kept(f"figshare/{file.id}", file.name),
            digest=file.digest,
            size=file.size,
        )
        for file in wanted
    ]


def _figshare_files(article: int) -> list[FigshareFile]:
    url = f"{FIGSHARE}/articles/{article}"
    answer = read_json(url)
    try:
        return [
            FigshareFile(
                int(file["id"]),
                # Only the last part of a name, because it becomes a file name on this disk.
                Path(file["name"]).name,
                int(file["size"]),
                f"md5:{file['computed_md5']}" if file.get("computed_md5") else "",
            )
            for file in answer["files"]
            if not file.get("is_link_only")
        ]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Unavailable(url, f"its list of files has an unknown form ({error!r})", "Use another source") from error


def _from_drive(part: str) -> list[Path]:
    # The authors' page gives the folder, not the ids of its files, and only a browser can list a folder.
    raise Unavailable(
        "Google Drive", "this folder can only be downloaded with a browser", f"Open {DRIVE_FOLDER} and download it"
    )
