"""Facts about this machine and installation: versions, commit, processor, memory, installed and required packages.

Read with the standard library where possible, because it must also work if packages are missing. Nothing here
identifies the machine's owner: no user, no host name, no path. Used by `covidlib doctor` and by the book's status page.
Taught in chapter 06.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

# The root of the repository, if the package runs from a clone; with a docstring the reference would show a path.
ROOT = Path(__file__).parents[2]
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Package:
    """A required package and its installed version.

    Attributes
    ----------
    name : str
    wanted : str
        Accepted versions, such as ">=2.20"; empty if any version is accepted.
    found : str or None
        The installed version; None if the package is not installed.
    """

    name: str
    wanted: str
    found: str | None

    @property
    def good(self) -> bool:
        """Whether the package is installed in an accepted version."""
        from packaging.specifiers import SpecifierSet

        return self.found is not None and SpecifierSet(self.wanted).contains(self.found, prereleases=True)


# This installation --------------------------------------------------------------------------------------------------


def in_clone(root: Path = ROOT) -> bool:
    """Whether the package runs from a clone of its repository, not from an installed copy."""
    return (root / "pyproject.toml").is_file() and (root / ".git").exists()


def commit(root: Path = ROOT, whole: bool = False) -> str | None:
    """The commit of a clone, marked if files were changed since; None without a clone or without git.

    Parameters
    ----------
    whole : bool
        All 40 digits and the mark "-dirty", for records; otherwise as few digits as are unique, for readers.
    """
    if not in_clone(root):  # an installed copy may lie inside the repository of another project
        return None
    form = ["--abbrev=40", "--dirty"] if whole else ["--dirty=, changed since"]
    command = ["git", "-C", str(root), "describe", "--always", "--exclude=*", *form]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def requirements(root: Path = ROOT) -> dict[str, list[str]]:
    """The requirements of the package (key "") and of each extra, read from the clone or from the installation.

    An extra that includes others ("covidlib[dicom]") also has their requirements.
    """
    if (root / "pyproject.toml").is_file():
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        asked = {"": project["dependencies"], **project["optional-dependencies"]}
    else:
        asked = _from_metadata()
    return {extra: list(dict.fromkeys(_with_included(extra, asked))) for extra in asked}


def repository() -> str:
    """The address of the repository, from the metadata of the installation."""
    try:
        stated = metadata.metadata("covidlib").get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        return UNKNOWN
    labelled = dict(line.split(", ", maxsplit=1) for line in stated)
    return labelled.get("Repository", UNKNOWN)


def _from_metadata() -> dict[str, list[str]]:
    from packaging.requirements import Requirement

    about = metadata.metadata("covidlib")
    asked: dict[str, list[str]] = {extra: [] for extra in ("", *(about.get_all("Provides-Extra") or []))}
    for line in metadata.requires("covidlib") or []:
        requirement = Requirement(line)
        marker = requirement.marker
        # The marker names one extra: the first for which it is true has this requirement.
        extra = next(name for name in asked if marker is None or marker.evaluate({"extra": name}))
        included = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
        asked[extra].append(f"{requirement.name}{included}{requirement.specifier}")
    return asked


def _with_included(extra: str, asked: dict[str, list[str]]) -> Iterator[str]:
    from packaging.requirements import Requirement

    for line in asked[extra]:
        requirement = Requirement(line)
        if requirement.name == "covidlib":
            for included in sorted(requirement.extras):
                yield from _with_included(included, asked)
        else:
            yield line


def packages(asked: list[str]) -> list[Package]:
    """Each required package, with its installed version."""
    from packaging.requirements import Requirement

    required = []
    for line in asked:
        requirement = Requirement(line)
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError:
            version = None
        required.append(Package(requirement.name, str(requirement.specifier), version))
    return required


# This machine -------------------------------------------------------------------------------------------------------


def python() -> str:
    """Version and implementation of Python, and whether it runs in a virtual or conda environment."""
    kind = "virtual environment" if sys.prefix != sys.base_prefix else "no virtual environment"
    if (Path(sys.prefix) / "conda-meta").is_dir():
        kind = "conda"
    return f"{platform.python_version()} ({platform.python_implementation()}, {kind})"


def system() -> str:
    """Operating system and processor architecture, without the name of the machine."""
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
    """The processor's name and its features from `FEATURES`, as one line."""

    name, features = processor()
    return ", ".join([name, *features])


def cores() -> str:
    """Number of logical cores of the processor."""
    return str(os.cpu_count() or UNKNOWN)


def memory() -> str:
    """Total memory of the machine in GB (10⁹ bytes)."""
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.1f} GB"
    except (AttributeError, ValueError, OSError):
        return UNKNOWN


BFLOAT16_FLAGS = ("avx512_bf16", "amx_bf16")
FEATURES = ("avx2", "avx512f", "avx512_vnni", *BFLOAT16_FLAGS, "amx_int8")


@cache
def processor() -> tuple[str, tuple[str, ...]]:
    """The processor's name and its features from `FEATURES`.

    Only Linux lists the features of a processor in a file; on other systems none are reported.

    Returns
    -------
    name : str
    features : tuple of str
        The elements of `FEATURES` that it has.
    """
    description = Path("/proc/cpuinfo")
    if not description.is_file():
        return platform.processor() or platform.machine(), ()
    # Every core has a block of lines: use the first one.
    lines = [line.partition(":") for line in reversed(description.read_text().splitlines())]
    fields = {key.strip(): value.strip() for key, _, value in lines}
    flags = set(fields.get("flags", "").split())
    return fields.get("model name", platform.machine()), tuple(name for name in FEATURES if name in flags)


def has_bfloat16() -> bool:
    """Whether the processor has hardware for bfloat16 products."""
    return any(flag in processor()[1] for flag in BFLOAT16_FLAGS)


def installed(package: str) -> bool:
    """Whether a package is installed, without importing it."""
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
