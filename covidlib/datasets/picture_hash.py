"""A short description of what a slice shows, the same for its copies after scaling, cropping, compression, mirroring.

A perceptual hash: the signs of the lowest frequencies of a small picture (the "pHash" of Zauner 2010), here of three
frames: the whole picture, the body, and the lungs. A copy that is cropped still has the same lungs. Signs do not depend
on the scale of the values, and a mirrored picture has the same signs, every second one reversed. Not part of the paper.
Taught in chapters 01 and 09.
"""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage
from scipy.fft import dctn

FRAMES = ("whole", "body", "lungs")
THUMBNAIL, SMALL, LOWEST = 128, 32, 16
"""Side of the picture in which frames are looked for; of a frame for its hash; lowest frequencies per direction."""
SIGNS = LOWEST * LOWEST - 1
"""Signs per frame: the mean of the picture is left out."""
BODY_SHARE, LUNG_SHARE, FEWEST_ROWS = 0.06, 0.01, 12
"""Least share of a row or column that is body; least share of the picture in a lung; least height and width of both."""
BRIGHTEST = 99.5
"""Percentile at which values are cut: metal would outshine everything else."""
DETAIL_SIDE, FINE, COARSE, SURROUNDINGS = 224, 1.0, 2.0, 4.0
"""Side of a frame for its detail; widths in pixels of the blurs between which detail lies, and of its surroundings."""

Box = tuple[float, float, float, float]
"""Left, top, right and bottom of a frame, as shares of the picture's sides."""

MIRRORED = np.tile((-1) ** np.arange(LOWEST), (LOWEST, 1)).reshape(-1)[1:].astype(np.float32)
"""The signs of a mirrored picture, divided by those of the picture."""


def find_frames(pixels: np.ndarray) -> tuple[Box | None, ...]:
    """Find the frames of a slice, in the order of `FRAMES`; None if it shows no body or no lung.

    Parameters
    ----------
    pixels : array, shape (rows, columns)
        On any scale on which air is dark.
    """
    thumbnail = _resized(pixels, THUMBNAIL)
    bright = thumbnail > _threshold(thumbnail)
    regions, number = ndimage.label(~bright)
    sizes = np.bincount(regions.reshape(-1), minlength=number + 1)
    # What reaches the border is air around the body.
    border = np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]])
    sizes[[0, *border]] = 0
    lungs = (sizes > LUNG_SHARE * thumbnail.size)[regions]
    least = BODY_SHARE * THUMBNAIL
    return (0.0, 0.0, 1.0, 1.0), _box(bright, least), _box(lungs, 2)


def hash_frames(pixels: np.ndarray, frames: tuple[Box | None, ...]) -> np.ndarray:
    """Compute the signs of each frame.

    Returns
    -------
    int8 array, shape (frames, SIGNS)
        -1 or 1; 0 where there is no frame.
    """
    thumbnail = Image.fromarray(_resized(pixels, THUMBNAIL))
    rows = []
    for frame in frames:
        if frame is None:
            rows.append(np.zeros(SIGNS, np.int8))
            continue
        left, top, right, bottom = (THUMBNAIL * edge for edge in frame)
        box = (left, top, right, bottom)
        small = np.asarray(thumbnail.resize((SMALL, SMALL), Image.Resampling.BILINEAR, box=box))
        waves = dctn(small - small.mean(), norm="ortho")[:LOWEST, :LOWEST].reshape(-1)[1:]
        rows.append(np.sign(waves).astype(np.int8))
    return np.stack(rows)


def frame_detail(pixels: np.ndarray, frame: Box, grown: float = 1.0) -> np.ndarray:
    """The fine detail in a frame (vessels, edges, noise), with equal strength everywhere and length 1.

    Parameters
    ----------
    grown : float
        Factor by which the frame is made larger or smaller about its centre.

    Returns
    -------
    float32 array, shape (DETAIL_SIDE, DETAIL_SIDE)
    """
    left, top, right, bottom = frame
    across, down = (right - left) * (grown - 1) / 2, (bottom - top) * (grown - 1) / 2
    box = (max(left - across, 0), max(top - down, 0), min(right + across, 1), min(bottom + down, 1))
    part = _resized(pixels, DETAIL_SIDE, box)
    detail = ndimage.gaussian_filter(part, FINE) - ndimage.gaussian_filter(part, COARSE)
    strength = np.sqrt(ndimage.gaussian_filter(detail * detail, SURROUNDINGS))
    detail /= strength + 0.002 * np.ptp(part) + np.finfo(np.float32).tiny
    detail -= detail.mean()
    length = np.linalg.norm(detail)
    return detail / length if length else detail


def mirrored_frame(frame: Box) -> Box:
    """A frame in the mirrored picture."""
    return (1 - frame[2], frame[1], 1 - frame[0], frame[3])


def _resized(pixels: np.ndarray, side: int, box: Box = (0.0, 0.0, 1.0, 1.0)) -> np.ndarray:
    """Part of a picture, shrunk by averaging or enlarged smoothly; float32 array, shape (side, side)."""
    rows, columns = pixels.shape
    bright = np.minimum(pixels, np.percentile(pixels[::4, ::4], BRIGHTEST)).astype(np.float32)
    edges = (box[0] * columns, box[1] * rows, box[2] * columns, box[3] * rows)
    way = Image.Resampling.BOX if edges[2] - edges[0] > side else Image.Resampling.BILINEAR
    return np.asarray(Image.fromarray(bright).resize((side, side), way, box=edges))


def _threshold(values: np.ndarray) -> float:
    """The value that parts dark from bright best (Otsu 1979)."""
    counts, edges = np.histogram(values, 64)
    middles = (edges[1:] + edges[:-1]) / 2
    below, sums = np.cumsum(counts)[:-1], np.cumsum(counts * middles)[:-1]
    total, mean = counts.sum(), (counts * middles).sum() / counts.sum()
    between = (mean * below - sums) ** 2 / np.maximum(below * (total - below), 1)
    return float(middles[np.argmax(between)])


def _box(mask: np.ndarray, least: float) -> Box | None:
    """The smallest frame around the rows and columns with more than `least` pixels of a mask."""
    rows, columns = (np.flatnonzero(mask.sum(axis) > least) for axis in (1, 0))
    if len(rows) < FEWEST_ROWS or len(columns) < FEWEST_ROWS:
        return None
    height, width = mask.shape
    left, top, right, bottom = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return float(left / width), float(top / height), float(right / width), float(bottom / height)
