"""What this machine and this installation are: versions, commit, processor, memory, packages against what is asked for.

Read with the standard library wherever it can be: it has to answer where packages are missing. Nothing here says whose
machine it is: no user, no host, no path. Used by `covidlib doctor` and by the book's status page. Taught in chapter 06.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


ROOT = Path(__file__).parents[2]
"""The clone, if the package runs from one."""
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Package:
    """A package that is asked for.

    Attributes
    ----------
    name : str
    wanted : str
        Versions that will do, ">=2.20"; empty if any will.
    found : str or None
        The version that is installed; None if there is none.
    """

    name: str
    wanted: str
    found: str | None

    @property
    def good(self) -> bool:
        """Installed, in a version that will do."""
        from packaging.specifiers import SpecifierSet

        return self.found is not None and SpecifierSet(self.wanted).contains(self.found, prereleases=True)


# This installation --------------------------------------------------------------------------------------------------


def in_clone(root: Path = ROOT) -> bool:
    """Whether the package runs from a clone of its repository, and not from an installed copy."""
    return (root / "pyproject.toml").is_file() and (root / ".git").exists()


def commit(root: Path = ROOT, whole: bool = False) -> str | None:
    """The commit of a clone, marked if files were changed since; None where there is no clone or no git.

    Parameters
    ----------
    whole : bool
        All 40 digits and the mark "-dirty", as records keep them; else as few digits as will do, for readers.
    """
    if not in_clone(root):  # the repository that an installation lies in may be somebody else's
        return None
    form = ["--abbrev=40", "--dirty"] if whole else ["--dirty=, changed since"]
    command = ["git", "-C", str(root), "describe", "--always", "--exclude=*", *form]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def requirements(root: Path = ROOT) -> dict[str, list[str]]:
    """What is asked for: "" for the package itself, and each extra; read from the clone, else from the installation.

    An extra that includes others ("covidlib[dicom]") has theirs too.
    """
    if (root / "pyproject.toml").is_file():
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        asked = {"": project["dependencies"], **project["optional-dependencies"]}
    else:
        asked = _from_metadata()
    return {extra: list(dict.fromkeys(_with_included(extra, asked))) for extra in asked}


def repository() -> str:
    """The address of the repository, as the installation states it."""
    try:
        stated = metadata.metadata("covidlib").get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        return UNKNOWN
    labelled = dict(one.split(", ", maxsplit=1) for one in stated)
    return labelled.get("Repository", UNKNOWN)


def _from_metadata() -> dict[str, list[str]]:
    from packaging.requirements import Requirement

    about = metadata.metadata("covidlib")
    asked: dict[str, list[str]] = {extra: [] for extra in ("", *(about.get_all("Provides-Extra") or []))}
    for line in metadata.requires("covidlib") or []:
        one = Requirement(line)
        # The marker is written for one extra: the first for which it holds is the one that asks.
        extra = next(name for name in asked if one.marker is None or one.marker.evaluate({"extra": name}))
        included = f"[{','.join(sorted(one.extras))}]" if one.extras else ""
        asked[extra].append(f"{one.name}{included}{one.specifier}")
    return asked


def _with_included(extra: str, asked: dict[str, list[str]]) -> Iterator[str]:
    from packaging.requirements import Requirement

    for line in asked[extra]:
        one = Requirement(line)
        if one.name == "covidlib":
            for included in sorted(one.extras):
                yield from _with_included(included, asked)
        else:
            yield line


def packages(asked: list[str]) -> list[Package]:
    """Each package that is asked for, with the version that is installed."""
    from packaging.requirements import Requirement

    found = []
    for line in asked:
        one = Requirement(line)
        try:
            version = metadata.version(one.name)
        except metadata.PackageNotFoundError:
            version = None
        found.append(Package(one.name, str(one.specifier), version))
    return found


# This machine -------------------------------------------------------------------------------------------------------


def python() -> str:
    """Version and implementation of Python, and whether it is an environment of its own."""
    kind = "virtual environment" if sys.prefix != sys.base_prefix else "no virtual environment"
    if (Path(sys.prefix) / "conda-meta").is_dir():
        kind = "conda"
    return f"{platform.python_version()} ({platform.python_implementation()}, {kind})"


def system() -> str:
    """Operating system and kind of processor, without the name of the machine."""
    name = f"{platform.system()} {platform.release()}"
    if platform.system() == "Linux":
        try:
            name = f"{platform.freedesktop_os_release()['PRETTY_NAME']}, {name}"
        except (OSError, KeyError):
            return f"{name}, {platform.machine()}"
    if platform.system() == "Darwin":
        name = f"macOS {platform.mac_ver()[0]}"
    return f"{name}, {platform.machine()}"


def processor_line() -> str:
    """The processor's name and those of its features that matter here."""

    name, features = processor()
    return ", ".join([name, *features])


def cores() -> str:
    """Logical cores of the processor."""
    return str(os.cpu_count() or UNKNOWN)


def memory() -> str:
    """All memory of the machine in GB (10⁹ bytes)."""
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.1f} GB"
    except (AttributeError, ValueError, OSError):
        return UNKNOWN


BFLOAT16_FLAGS = ("avx512_bf16", "amx_bf16")


FEATURES = ("avx2", "avx512f", "avx512_vnni", *BFLOAT16_FLAGS, "amx_int8")


@cache
def processor() -> tuple[str, tuple[str, ...]]:
    """The processor's name and which of its features matter here.

    Only Linux says what a processor can do in a file; elsewhere no feature is claimed.

    Returns
    -------
    name : str
    features : tuple of str
        Those of `FEATURES` that it has.
    """
    description = Path("/proc/cpuinfo")
    if not description.is_file():
        return platform.processor() or platform.machine(), ()
    # Every core has its block of lines: the first one counts.
    lines = [line.partition(":") for line in reversed(description.read_text().splitlines())]
    fields = {key.strip(): value.strip() for key, _, value in lines}
    flags = set(fields.get("flags", "").split())
    return fields.get("model name", platform.machine()), tuple(name for name in FEATURES if name in flags)


def has_bfloat16() -> bool:
    """Whether the processor has units for products of bfloat16."""
    return any(flag in processor()[1] for flag in BFLOAT16_FLAGS)


def installed(package: str) -> bool:
    """Whether a package is there, without importing it."""
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
