"""Find series that have the slices of another one: a copied folder, or the same slices under another patient's name.

A series that is there twice counts twice, in training and in a patient's answer, whatever its folder is called. So
series are compared by their pixels (paper, section 2.1). Taught in chapter 01.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from covidlib.scans.filenames import copy_of, identify, natural_key
from covidlib.scans.findings import Finding
from covidlib.scans.series import Series

Digests = Mapping[Path, bytes]
"""For each slice of a series a hash of pixels that two slices of one patient do not share."""
MUCH = 0.5
"""A note says if more than this of a series is part of another one."""


def content(digests: Digests) -> str:
    """A hash of the slices of a series, which depends neither on their names nor on their order."""
    return hashlib.sha256(b"".join(sorted(digests.values()))).hexdigest()


def repeated_series(listed: Sequence[tuple[Series, Digests]]) -> dict[str, Finding]:
    """Find series all of whose slices are in another one, and series that share many.

    The longer one is kept; of two of equal length the one whose folder is not named like a copy.

    Returns
    -------
    dict
        Name of the series → finding. "left out": it has no slice of its own. "refused": the same, and the other one
        belongs to the other class. "note": it shares slices, or is one of the authors' selected images, whose lists
        name both.
    """
    found: dict[str, Finding] = {}
    kept: list[tuple[Series, Digests]] = []
    holders: dict[bytes, set[int]] = defaultdict(set)  # which of the kept series have a slice with this hash
    for series, digests in sorted((one for one in listed if one[1]), key=lambda one: _rank(*one)):
        for place in sorted(set().union(*(holders[digest] for digest in digests.values() if digest in holders))):
            other, there = kept[place]
            shared = sum((Counter(digests.values()) & Counter(there.values())).values())
            if shared > MUCH * len(digests) and _same_pixels(series, digests, other, there):
                found[series.name] = _finding(series, other, shared)
                break
        if series.name not in found or found[series.name].severity == "note":
            for digest in digests.values():
                holders[digest].add(len(kept))
            kept.append((series, digests))
    return found


def _rank(series: Series, digests: Digests) -> tuple[object, ...]:
    is_copy = any(copy_of(part) is not None for part in Path(series.name).parts)
    return -len(digests), is_copy, natural_key(series.name)


def _same_pixels(series: Series, digests: Digests, other: Series, there: Digests) -> bool:
    """Whether slices with equal hashes are equal as a whole."""
    by_digest = {digest: path for path, digest in there.items()}
    pairs = [(path, by_digest[digest]) for path, digest in digests.items() if digest in by_digest]
    return all(np.array_equal(series.read(path), other.read(twin)) for path, twin in pairs)


def _finding(series: Series, other: Series, shared: int) -> Finding:
    where = _seen_from(series.name, other.name)
    if shared < len(series):
        sentence = f"{shared} of its {len(series)} slices are also in {where}"
        return Finding("same-series", "note", series.name, sentence, "Delete one of them")
    sentence = f"all of its {len(series)} slices are also in {where}"
    mine, theirs = identify(series.files[0]), identify(other.files[0])
    if mine is not None and identify(series.files[0].name) is not None:
        return Finding("same-series", "note", series.name, sentence, "Count them once")
    if mine is not None and theirs is not None and mine.label != theirs.label:
        sentence += f", under the other class ({theirs.label})"
        return Finding("same-series", "refused", series.name, sentence, "Find out which is right, and delete the other")
    return Finding("same-series", "left out", series.name, sentence, "Delete one of them")


def _seen_from(name: str, other: str) -> str:
    """The name of another series below the folder that both lie in: a report must not tell the folders above it."""
    above = set(Path(name).parents)
    common = next((folder for folder in Path(other).parents if folder in above), Path(other).parent)
    return Path(other).relative_to(common).as_posix()
