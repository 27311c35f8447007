"""Find slices of different patients that are copies of each other after scaling, cropping, compression or mirroring.

Checksums find only exact copies. Public collections were put together from others, and hold the same slice in several
sizes and qualities: on two sides of a split it is a leak. Slices of one patient are not compared, because neighbours
resemble each other as they should. Not part of the paper. Taught in chapters 01 and 09.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from covidlib.datasets.check_slices import findings_table
from covidlib.datasets.picture_hash import (
    DETAIL_SIDE,
    FRAMES,
    MIRRORED,
    SIGNS,
    Box,
    find_frames,
    frame_detail,
    hash_frames,
    mirrored_frame,
)
from covidlib.scans.slices import read_slice

MOST_DIFFERENT = 0.2
"""Share of signs that may differ; the pairs that remain are compared in detail."""
NEAREST = 2
"""So many of the most similar slices of other patients are compared with each slice in detail."""
LEAST_AGREEMENT = 0.65
"""Correlation of detail of a copy. Measured: copies that were not cut 0.75 and more, the most similar slices of two
synthetic patients 0.61 at most, neighbouring slices of one real patient, 5 mm apart, up to 0.82."""
GROWN, SHIFT = (0.96, 0.98, 1.0, 1.02, 1.04), 16
"""Sizes and shifts (pixels of `DETAIL_SIDE`) that are tried: two frames of one picture do not match exactly."""
ROWS_AT_ONCE = 512

Pair = tuple[int, int, int, bool]
"""Two slices, the frame in which they look alike, and whether one is mirrored."""


@dataclass(frozen=True)
class Hashed:
    """Frames and signs of slices, in their order; for a slice that cannot be read, no frame and signs of 0."""

    frames: list[tuple[Box | None, ...]]
    signs: np.ndarray
    """int8 array, shape (slices, frames, SIGNS)."""


def hash_slices(paths: Sequence[Path], workers: int = 1, progress: bool = False) -> Hashed:
    """Read slices, and compute the frames and signs of each."""
    with ThreadPoolExecutor(workers) as pool:
        hashed = list(tqdm(pool.map(_hashed, paths), "hashes", len(paths), unit="slice", disable=not progress))
    signs = np.stack([signs for _, signs in hashed]) if hashed else np.zeros((0, len(FRAMES), SIGNS), np.int8)
    return Hashed([frames for frames, _ in hashed], signs)


def _hashed(path: Path) -> tuple[tuple[Box | None, ...], np.ndarray]:
    pixels = read_slice(path)
    frames = find_frames(pixels)
    return frames, hash_frames(pixels, frames)


def similar_pairs(signs: np.ndarray, owners: Sequence[object]) -> list[Pair]:
    """For each slice the most similar slices of other patients, if few enough of their signs differ.

    Parameters
    ----------
    signs : int8 array, shape (slices, frames, SIGNS)
    owners : sequence
        Whose slice it is; slices of one owner are not compared.

    Returns
    -------
    list of Pair
        Each pair once, the slice that comes first in front.
    """
    owner = pd.factorize(pd.Series(list(owners), dtype=object))[0]
    found: dict[tuple[int, int], tuple[int, bool]] = {}
    columns = [np.ascontiguousarray(signs[:, frame].T, np.float32) for frame in range(signs.shape[1])]
    for start in range(0, len(signs), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        best = np.full((len(signs[part]), len(signs)), -np.inf, np.float32)
        which = np.zeros(best.shape, np.int8)
        for number, (frame, mirrored) in enumerate((f, m) for f in range(len(columns)) for m in (False, True)):
            rows = signs[part, frame].astype(np.float32) * (MIRRORED if mirrored else 1)
            alike = rows @ columns[frame]
            better = alike > best
            best[better], which[better] = alike[better], number
        best[owner[part][:, None] == owner[None]] = -np.inf
        count = min(NEAREST, len(signs))
        nearest = np.argpartition(-best, count - 1, axis=1)[:, :count]
        for row, candidates in enumerate(nearest):
            for other in candidates:
                # Of SIGNS products of signs, 1 stands for equal, -1 for different.
                if best[row, other] > SIGNS * (1 - 2 * MOST_DIFFERENT):
                    how = divmod(int(which[row, other]), 2)
                    pair = (min(start + row, int(other)), max(start + row, int(other)))
                    found.setdefault(pair, (how[0], how[1] == 1))
    return [(*pair, *how) for pair, how in sorted(found.items())]


def agreement(one: np.ndarray, frame: Box, other: np.ndarray, other_frame: Box, mirrored: bool) -> float:
    """How well the detail in two frames agrees, at the best shift and size: 1 for the same picture, about 0 by chance.

    Parameters
    ----------
    one, other : arrays, shape (rows, columns), of any size
    mirrored : bool
        Whether `other` is mirrored first.
    """
    if mirrored:
        other, other_frame = other[:, ::-1], mirrored_frame(other_frame)
    waves = np.conj(np.fft.rfft2(frame_detail(one, frame)))
    best = 0.0
    for grown in GROWN:
        product = waves * np.fft.rfft2(frame_detail(other, other_frame, grown))
        shifted = np.fft.irfft2(product, (DETAIL_SIDE, DETAIL_SIDE))
        near = np.roll(shifted, (SHIFT, SHIFT), (0, 1))[: 2 * SHIFT + 1, : 2 * SHIFT + 1]
        best = max(best, float(near.max()))
    return best


def find_near_duplicates(
    root: Path, slices: pd.DataFrame, splits: pd.DataFrame | None = None, workers: int = 1, progress: bool = False
) -> pd.DataFrame:
    """Find slices of different patients that show the same.

    Exact copies are left out, `covidlib.datasets.check_folder.find_duplicates` reports them.

    Parameters
    ----------
    slices : DataFrame
        As `covidlib.datasets.check_slices.scan` returns it; a slice without a patient in its name belongs to its
        folder.
    splits : DataFrame, optional
        As `covidlib.datasets.check_splits.read_splits` returns it: sides of a split are then named.

    Returns
    -------
    DataFrame
        Columns severity, kind, path, detail.
    """
    readable = slices[slices["pixel_digest"] != ""].drop_duplicates("pixel_digest").reset_index(drop=True)
    paths = [root / path for path in readable["path"]]
    folders = readable["path"].map(lambda path: Path(path).parent.as_posix())
    hashed = hash_slices(paths, workers, progress)
    owners = readable["patient"].fillna(folders)
    pairs = similar_pairs(hashed.signs, list(owners))
    agreements = []
    for first, second, frame, mirrored in tqdm(pairs, "similar pairs", unit="pair", disable=not progress):
        boxes = hashed.frames[first][frame], hashed.frames[second][frame]
        assert boxes[0] is not None and boxes[1] is not None  # the signs of a missing frame are never similar
        agrees = agreement(read_slice(paths[first]), boxes[0], read_slice(paths[second]), boxes[1], mirrored)
        agreements.append((first, second, mirrored, agrees))
    sides = _sides(splits)
    rows = []
    for first, second, mirrored, agrees in best_of_patients(agreements, list(owners)):
        names = readable["path"][first], readable["path"][second]
        crossed = sorted(_crossed(*(sides.get(Path(name).name, set()) for name in names)))
        kind = "near-duplicate across sides" if crossed else "near-duplicate across patients"
        detail = f"shows the same as {names[1]}{' mirrored' if mirrored else ''} (detail agrees to {agrees:.2f})"
        rows.append(("problem", kind, names[0], detail + (f": {', '.join(crossed)}" if crossed else "")))
    return findings_table(rows)


def best_of_patients(
    agreements: Sequence[tuple[int, int, bool, float]], owners: Sequence[object]
) -> list[tuple[int, int, bool, float]]:
    """The pairs that agree, and of those between one slice and one patient the best: neighbours of a copy agree too.

    Parameters
    ----------
    agreements : sequence of (slice, slice, mirrored, agreement)
    owners : sequence
        Whose each slice is.
    """
    agreeing = [pair for pair in agreements if pair[3] >= LEAST_AGREEMENT]
    best: dict[tuple[int, object], float] = {}
    for first, second, _, agrees in agreeing:
        for key in ((first, owners[second]), (second, owners[first])):
            best[key] = max(best.get(key, 0.0), agrees)
    return [
        (first, second, mirrored, agrees)
        for first, second, mirrored, agrees in agreeing
        if agrees == best[first, owners[second]] == best[second, owners[first]]
    ]


def _sides(splits: pd.DataFrame | None) -> dict[str, set[tuple[int, str]]]:
    """Fold and side of each listed file."""
    if splits is None:
        return {}
    groups = splits.groupby("filename")[["fold", "side"]]
    return {str(name): set(rows.itertuples(index=False, name=None)) for name, rows in groups}


def _crossed(one: set[tuple[int, str]], other: set[tuple[int, str]]) -> set[str]:
    """The folds in which two files are on different sides, in words."""
    return {
        f"{side} and {opposite} of fold {fold}"
        for fold, side in one
        for again, opposite in other
        if fold == again and side != opposite
    }
