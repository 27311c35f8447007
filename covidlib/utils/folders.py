"""Where data and runs are kept on this machine, and a hash of the code that made them.

In a clone of the repository they live beside it, under `data/` and `runs/`; elsewhere (Colab) under the user's cache;
`COVIDLIB_HOME` names another place.
"""

from __future__ import annotations

import hashlib
import os
from importlib.resources import files
from pathlib import Path

from covidlib.errors import InputError

HOME_VARIABLE = "COVIDLIB_HOME"
MIRROR_VARIABLE = "COVIDLIB_MIRROR"
"""Names a folder with copies of the public files, for machines without a network."""


def home() -> Path:
    """The folder under which data and runs are kept.

    Raises
    ------
    InputError
        If none is named and the user has no home, like one whom a cluster or a container knows by a number only.
    """
    named = os.environ.get(HOME_VARIABLE)
    if named:
        return Path(named)
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "covidlib").is_dir() and (folder / "pyproject.toml").is_file():
            return folder
    return cache()


def cache() -> Path:
    """The folder of `home` where neither a variable nor a clone gives one."""
    try:
        return Path.home() / ".cache" / "covidlib"
    except RuntimeError as error:
        remedy = f"Give {HOME_VARIABLE} a folder that you may write to"
        raise InputError("~", "this user has no home folder", remedy) from error


def source_hash(places: tuple[str, ...]) -> str:
    """A short hash of some of covidlib's code: what it made is stale when the code changes.

    Parameters
    ----------
    places : tuple of str
        Packages ("phantom", with all of its modules) and modules ("scans/tiff").

    Raises
    ------
    FileNotFoundError
        If there is no such package or module.
    """
    package = Path(str(files("covidlib")))
    digest = hashlib.sha256()
    for place in places:
        folder = package / place
        for path in sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]:
            digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]
