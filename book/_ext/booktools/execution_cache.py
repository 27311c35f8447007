"""Name the cache of executed pages after everything that decides their numbers, so that no old number stays.

By default the cache depends on code cells only, and a change in the library would leave old numbers on the pages.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import covidlib

KEPT_CACHES = 3
"""Number of caches kept: this many versions of the library can be built again without executing the chapters."""


def fingerprint() -> str:
    """Hash of everything except its cells that decides a page's numbers: library, data, versions, mirror."""
    package = Path(covidlib.__file__).parent
    digest = hashlib.sha256(platform.python_version().encode())
    for root in (package, Path(__file__).parent):
        for path in sorted(path for path in root.rglob("*") if path.is_file() and path.suffix != ".pyc"):
            name = f"{root.name}/{path.relative_to(root).as_posix()}"
            digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    for path in package.parent.glob("constraints.txt"):
        digest.update(path.read_bytes())
    for name in ("tensorflow", "keras", "numpy", "pandas", "matplotlib", "scikit-learn", "scipy", "tifffile"):
        try:
            digest.update(f"{name} {version(name)}".encode())
        except PackageNotFoundError:
            digest.update(f"{name} absent".encode())
    mirror = os.environ.get("COVIDLIB_MIRROR", "")
    sums = Path(mirror) / "SHA256SUMS"
    digest.update(sums.read_bytes() if mirror and sums.is_file() else b"no mirror")
    return digest.hexdigest()[:16]


def name_cache(app: Any, config: Any) -> None:
    """Choose the cache of this fingerprint, and delete the caches that were unused for longest."""
    caches = Path(app.srcdir).resolve() / "_build" / ".execution"
    current = caches / config.covidlib_fingerprint
    config.nb_execution_cache_path = str(current)
    # Every change of the library makes a new cache: those unused for longest are deleted.
    current.mkdir(parents=True, exist_ok=True)
    os.utime(current)
    # The current one stays even if the clock was set back and the others seem newer.
    others = sorted((cache for cache in caches.iterdir() if cache != current), key=lambda cache: cache.stat().st_mtime)
    for old in others[: 1 - KEPT_CACHES]:
        shutil.rmtree(old)
