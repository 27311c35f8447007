"""Well-formed series that are not what they seem: each oddity alone, or two or three at random.

`ODDITIES` names them all. `write_clean` makes the series that an oddity is applied to, and `outcome_of` says what the
package makes of the folder then.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from covidlib.errors import InputError
from covidlib.scans.series import read_series
from covidlib.selection import count_dark_pixels, select_series
from support import odd_company, odd_geometry, odd_images, odd_order, odd_storage, odd_values  # noqa: F401 - registers the oddities
from support.odd_base import ODDITIES, Answer, Made, Oddity, chest, write_clean

GROUPS = ("values", "geometry", "order", "contents", "litter", "storage", "place")
"""Groups of oddities, in the order in which a mixture applies them: at most one of each, and none of "alone"."""
LOUDNESS = {"right": 0, "note": 1, "left-out": 2, "refused": 3}
"""What may be said of a series, from nothing to a refusal."""


@dataclass(frozen=True)
class Outcome:
    """What became of a folder.

    Attributes
    ----------
    name : str
        "right": read as it should be, without a finding. "note": the same, with a finding. "left-out": the same, and
        every finding of a file that was left out names it. "refused": an error, or a series less with a finding.
        "stated": read in another way, but with a finding. "silent wrong": read in another way, without one.
    words : str
        Findings or error.
    """

    name: str
    words: str = ""


def outcome_of(folder: Path, made: Made, **options: object) -> Outcome:
    """Open a folder as the commands do, read all its series, and compare with what is right.

    Both ways of reading are used, rows alone and whole slices; they have to agree.
    """
    from covidlib.scans.gate import open_folder

    try:
        opened = open_folder(folder, **options)
        volumes = []
        for series in opened.series:
            volumes.append(read_series(series))
            counts = select_series(series).counts
            assert np.array_equal(counts, count_dark_pixels(volumes[-1])), "rows and whole slices differ"
    except InputError as error:
        assert str(folder) in str(error), error
        return Outcome("refused", str(error))
    findings = list(opened.findings)
    words = "; ".join(f"{one.severity}: {one.where}: {one.sentence}" for one in findings)
    severities = {one.severity for one in findings}
    as_it_should = any(_same(volumes, answer) for answer in (*made.answers, *(made.stated if findings else ())))
    if "refused" in severities:
        # What else the folder holds is used, so it must be right.
        possible = {_hash(volume) for answer in (*made.answers, *made.stated) for volume in answer}
        return Outcome("refused" if {_hash(volume) for volume in volumes} <= possible else "stated", words)
    if not as_it_should:
        return Outcome("stated" if findings else "silent wrong", words)
    if "left out" in severities:
        named = " ".join(f"{one.where} {' '.join(map(str, one.files))} {one.sentence}" for one in findings)
        is_named = not made.strays or any(Path(name).stem in named for name in made.strays)
        return Outcome("left-out" if is_named else "stated", words)
    return Outcome("note" if findings else "right", words)


def _hash(volume: np.ndarray) -> tuple[tuple[int, ...], int]:
    return volume.shape, zlib.crc32(np.ascontiguousarray(volume))


def _same(volumes: list[np.ndarray], answer: Answer) -> bool:
    return sorted(map(_hash, volumes)) == sorted(map(_hash, answer))


def accepted(expect: frozenset[str]) -> frozenset[str]:
    """A right reading may come with a note."""
    return expect | {"note"} if "right" in expect else expect


@dataclass(frozen=True)
class Mixed:
    """A series with several oddities.

    Attributes
    ----------
    names : tuple of str
        The oddities, in the order in which they were applied.
    allowed : set of str
        Outcomes that are no mistake.
    counts : int array, shape (slices,)
        Dark pixels of the clean series.
    made : Made
        What is right for the folder.
    """

    names: tuple[str, ...]
    allowed: frozenset[str]
    counts: np.ndarray
    made: Made


def mixed(seed: int, folder: Path) -> Mixed:
    """Make a series with two or three compatible oddities, which depend on the seed alone.

    The loudest of them sets what may be said: what must be refused alone must be refused in company.
    """
    rng = np.random.default_rng(seed)
    kind = str(rng.choice(["tiff", "dicom"]))
    possible = {name: one for name, one in ODDITIES.items() if kind in one.formats() and one.group in GROUPS}
    present = sorted({one.group for one in possible.values()})
    groups = rng.choice(present, size=rng.integers(2, 4), replace=False)
    chosen = {}
    for group in sorted(groups, key=GROUPS.index):
        name = str(rng.choice([name for name, one in possible.items() if one.group == group]))
        chosen[name] = possible[name]
    volume = chest(seed=seed % 4)
    write_clean(folder, volume, kind)
    clean, made = volume, Made(((volume,),))
    for oddity in chosen.values():
        result = oddity.make(folder, volume, rng)
        if oddity.group == "contents":
            made = result
        elif result.stated:  # what has changed the pixels themselves
            made, volume = result, result.stated[0][0]
    return Mixed(tuple(chosen), allowed(list(chosen.values())), count_dark_pixels(clean), made)


def allowed(oddities: list[Oddity]) -> frozenset[str]:
    """The outcomes allowed for oddities together: none quieter than what each of them asks for."""
    least = max((min(LOUDNESS[name] for name in one.expect) for one in oddities), default=0)
    each = frozenset().union(*(accepted(one.expect) for one in oddities), {"right"} if not oddities else set())
    return frozenset(name for name in each if LOUDNESS[name] >= least)
