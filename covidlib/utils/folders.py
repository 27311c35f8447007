"""Find the folder for data and training runs, and compute a hash of the code that made them.

In a clone of the repository they are stored under `data/` and `runs/`; elsewhere (Colab) in the user's cache;
`COVIDLIB_HOME` sets another folder.
"""

from __future__ import annotations

import hashlib
import os
from importlib.resources import files
from pathlib import Path

from covidlib.errors import InputError

HOME_VARIABLE = "COVIDLIB_HOME"
MIRROR_VARIABLE = "COVIDLIB_MIRROR"
"""Environment variable for a folder with copies of the public files, for machines without a network."""


def home() -> Path:
    """The folder in which data and runs are stored.

    Raises
    ------
    InputError
        If `COVIDLIB_HOME` is not set and the user has no home folder (as on some clusters and in some containers).
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
    """The default folder of `home`, used outside a clone if `COVIDLIB_HOME` is not set."""
    try:
        return Path.home() / ".cache" / "covidlib"
    except RuntimeError as error:
        remedy = f"Set {HOME_VARIABLE} to a folder that you can write to"
        raise InputError("~", "this user has no home folder", remedy) from error


def source_hash(places: tuple[str, ...]) -> str:
    """A short hash of parts of covidlib's code, for detecting data and runs made by other versions of it.

    Parameters
    ----------
    places : tuple of str
        Packages ("phantom", with all of its modules) and modules ("scans/tiff"). A package's `__init__.py` does not
        count: it only names what notebooks use.

    Raises
    ------
    FileNotFoundError
        If there is no such package or module.
    """
    package = Path(str(files("covidlib")))
    digest = hashlib.sha256()
    for place in places:
        folder = package / place
        modules = sorted(path for path in folder.rglob("*.py") if path.name != "__init__.py")
        for path in modules if folder.is_dir() else [folder.with_suffix(".py")]:
            digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]
