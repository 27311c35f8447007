"""Where data and runs are kept on this machine, and a hash of the code that made them.

In a clone of the repository they live beside it, under `data/` and `runs/`; elsewhere (Colab) under the user's cache;
`COVIDLIB_HOME` names another place.
"""

from __future__ import annotations

import hashlib
import os
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from covidlib.errors import InputError

if TYPE_CHECKING:
    pass


HOME_VARIABLE = "COVIDLIB_HOME"


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


def source_hash(modules: tuple[str, ...]) -> str:
    """A short hash of the source of some of covidlib's modules: what they made is stale when they change."""
    package = files("covidlib")
    sources = [package / f"{module}.py" for module in modules]
    text = "".join(source.read_text(encoding="utf-8") for source in sources if source.is_file())
    return hashlib.sha256(text.encode()).hexdigest()[:12]


MIRROR_VARIABLE = "COVIDLIB_MIRROR"
