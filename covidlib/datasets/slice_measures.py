"""Measure one slice: values of the lungs, noise, size of the body, and likeness to another patient's slice.

Short functions on arrays of HU + 1024. They compare synthetic with real slices (`covidlib.datasets.realism`), and need
no labels. Taught in the page behind chapter 01.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, stats

from covidlib.scans.dicom import HOUNSFIELD_OFFSET
from covidlib.scans.lung_masks import body_mask, lung_mask

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
LUNG_BINS = np.arange(-1024, 177, 20)
"""Edges of the bins of a lung histogram, in HU."""
PATCH = 24
"""Side of a patch for the noise in pixels, about 2 cm: aorta, heart, liver or muscle."""
PATCHES = 6
"""At most so many patches per slice: the smoothest ones."""
SMOOTHED, LARGEST_SLOPE = 4, 12
"""A patch is uniform if its values, smoothed with this sigma in pixels, have at most this standard deviation in HU."""
TISSUE = (-150, 300)
"""Lowest and highest smoothed value of a patch in HU: fat, muscle, blood with contrast or without; no bone, no lung."""
FIELD_MARGIN = 3
"""A body that comes so close to the edge of the field, in pixels, is cut by it."""
THUMBNAIL = 64
"""Side of the small pictures whose likeness is measured, in pixels."""


# Lungs --------------------------------------------------------------------------------------------------------------


def lung_values(pixels: np.ndarray, lungs: np.ndarray | None = None) -> np.ndarray:
    """The values of all pixels of the lungs in HU: int array, shape (pixels of the lung mask,).

    Parameters
    ----------
    pixels : uint16 array, shape (rows, columns)
        HU + 1024.
    lungs : bool array, optional
        `covidlib.scans.lung_masks.lung_mask` of the slice, if already computed.
    """
    lungs = lung_mask(pixels) if lungs is None else lungs
    return pixels[lungs].astype(int) - HOUNSFIELD_OFFSET


def lung_histogram(values: np.ndarray) -> np.ndarray:
    """Share of lung pixels in each of `LUNG_BINS`; values beyond the bins count for the outermost ones.

    Parameters
    ----------
    values : array
        HU, from `lung_values`.

    Returns
    -------
    float array, shape (bins,)
        Its sum is 1; all NaN without a pixel.
    """
    if not values.size:
        return np.full(len(LUNG_BINS) - 1, np.nan)
    return np.histogram(np.clip(values, LUNG_BINS[0], LUNG_BINS[-1]), LUNG_BINS)[0] / values.size


# Noise --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Noise:
    """The noise in uniform patches of one slice.

    Attributes
    ----------
    frequency : float array, shape (bins,)
        Middle of each ring of spatial frequencies, in 1/mm.
    power : float array, shape (bins,)
        Noise power spectrum, averaged over ring and patches, in HU²·mm². White noise is flat, but for the two
        lowest rings, of which the plane that was taken out holds a fifth and less.
    deviation : float
        Standard deviation in HU, after a plane was taken from each patch.
    mean_frequency : float
        Mean spatial frequency in 1/mm, weighted by power: low for a smooth kernel, high for a sharp one.
    patches : int
        Number of patches; without any, the numbers are NaN.
    """

    frequency: np.ndarray
    power: np.ndarray
    deviation: float
    mean_frequency: float
    patches: int


def uniform_patches(pixels: np.ndarray, body: np.ndarray, lungs: np.ndarray) -> np.ndarray:
    """Find patches of one tissue, outside the lungs, in which what varies is noise.

    Uniformity is judged on smoothed values: judged on the values themselves, it would choose patches with little noise.

    Parameters
    ----------
    pixels : uint16 array, shape (rows, columns)
        HU + 1024.
    body, lungs : bool arrays of the same shape
        From `covidlib.scans.lung_masks`.

    Returns
    -------
    float array, shape (patches, 24, 24)
        HU; at most six patches, which do not overlap, the most uniform first.
    """
    values = pixels.astype(np.float32) - HOUNSFIELD_OFFSET
    smooth = ndimage.gaussian_filter(values, SMOOTHED)
    tissue = body & ~lungs & (smooth > TISSUE[0]) & (smooth < TISSUE[1])
    known = np.where(tissue, smooth, 0)
    mean = ndimage.uniform_filter(known, PATCH)
    spread = np.sqrt(np.maximum(ndimage.uniform_filter(known**2, PATCH) - mean**2, 0))
    spread[ndimage.minimum_filter(tissue, PATCH, mode="constant") == 0] = np.inf
    half = PATCH // 2
    found: list[np.ndarray] = []
    while len(found) < PATCHES:
        row, column = np.unravel_index(spread.argmin(), spread.shape)
        if spread[row, column] > LARGEST_SLOPE:
            break
        found.append(values[row - half : row + half, column - half : column + half])
        spread[max(row - PATCH, 0) : row + PATCH, max(column - PATCH, 0) : column + PATCH] = np.inf
    return np.array(found).reshape(-1, PATCH, PATCH)


def noise_of(patches: np.ndarray, pixel_mm: float) -> Noise:
    """Noise power spectrum of uniform patches, averaged over rings of equal frequency.

    Parameters
    ----------
    patches : float array, shape (patches, side, side)
        HU.
    pixel_mm : float
        Distance between pixels in millimetres.
    """
    side = patches.shape[-1]
    rows, columns = np.indices((side, side)) - (side - 1) / 2
    # Rows, columns and constant are orthogonal on a centred grid, so that the plane needs no solver.
    planes = [plane / np.sqrt((plane**2).sum()) for plane in (np.ones((side, side)), rows, columns)]
    rest = patches - sum((patches * plane).sum(axis=(1, 2), keepdims=True) * plane for plane in planes)
    power = np.abs(np.fft.fft2(rest)) ** 2 * (pixel_mm / side) ** 2
    along = np.fft.fftfreq(side, pixel_mm)
    radius = np.hypot(*np.meshgrid(along, along))
    ring = np.rint(radius * side * pixel_mm).astype(int)
    # The frequency 0 is taken out with the plane; rings beyond the axes' highest frequency are cut by the corners.
    kept = range(1, side // 2)
    if not len(patches):
        return Noise(np.array(kept) / (side * pixel_mm), np.full(len(kept), np.nan), np.nan, np.nan, 0)
    mean = power.mean(axis=0)
    return Noise(
        frequency=np.array([radius[ring == number].mean() for number in kept]),
        power=np.array([mean[ring == number].mean() for number in kept]),
        deviation=float(np.sqrt((rest**2).mean())),
        mean_frequency=float((mean * radius).sum() / mean.sum()),
        patches=len(patches),
    )


# Body ---------------------------------------------------------------------------------------------------------------


def field_mask(pixels: np.ndarray, margin: int = 0) -> np.ndarray:
    """The field of the scanner: the inscribed circle if the corners are padding (0), otherwise the whole slice.

    Parameters
    ----------
    margin : int
        Pixels along the edge of the field that are left out.
    """
    height, width = pixels.shape
    rows, columns = np.abs(np.arange(height) - (height - 1) / 2), np.abs(np.arange(width) - (width - 1) / 2)
    if any(pixels[row, column] for row in (0, -1) for column in (0, -1)):
        return (rows[:, None] < height / 2 - margin) & (columns < width / 2 - margin)
    return np.hypot(rows[:, None], columns) <= min(height, width) / 2 - margin


def body_size(pixels: np.ndarray, pixel_mm: float, body: np.ndarray | None = None) -> dict[str, float]:
    """Size of the body on a slice, without the table.

    Returns
    -------
    dict
        area_cm2, width_mm and depth_mm (of the part inside the field), field_share (share of the field that the body
        fills), cut (1 if the body reaches the edge of the field, else 0). Without a body, all are 0.
    """
    body = body_mask(pixels) if body is None else body
    field = field_mask(pixels)
    return {
        "area_cm2": body.sum() * pixel_mm**2 / 100,
        "width_mm": _extent(body, 1) * pixel_mm,
        "depth_mm": _extent(body, 0) * pixel_mm,
        "field_share": (body & field).sum() / field.sum(),
        "cut": float((body & ~field_mask(pixels, FIELD_MARGIN)).any()),
    }


def _extent(body: np.ndarray, axis: int) -> int:
    places = np.nonzero(body)[axis]
    return int(np.ptp(places)) + 1 if places.size else 0


# Likeness -----------------------------------------------------------------------------------------------------------


def thumbnail(pixels: np.ndarray, body: np.ndarray | None = None, cropped: bool = False) -> np.ndarray:
    """A small equalised picture of the body on a slice.

    What lies outside the body is set to 0. Each pixel becomes its rank among all pixels, so that neither scanner nor
    window matters.

    Parameters
    ----------
    pixels : array, shape (rows, columns)
        HU + 1024, or any increasing function of it.
    body : bool array, optional
        `covidlib.scans.lung_masks.body_mask` of the slice, if already computed.
    cropped : bool
        Whether to show the box around the body only: position and size then do not matter.

    Returns
    -------
    float array, shape (64, 64)
        Ranks, with mean 0 and standard deviation 1; all 0 if the slice has no body.
    """
    body = body_mask(pixels) if body is None else body
    alone = np.where(body, pixels, 0).astype(float)
    if cropped and body.any():
        rows, columns = (np.flatnonzero(body.any(axis=axis)) for axis in (1, 0))
        alone = alone[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    # Averaged over the pixels that go into one; a mere choice of every eighth pixel would keep the noise.
    sigma = [max(side / THUMBNAIL - 1, 0) / 2 for side in alone.shape]
    places = [(np.arange(THUMBNAIL) + 0.5) * side / THUMBNAIL - 0.5 for side in alone.shape]
    grid = np.meshgrid(*places, indexing="ij")
    small = ndimage.map_coordinates(ndimage.gaussian_filter(alone, sigma), grid, order=1, mode="nearest")
    ranks = stats.rankdata(small.round(3)).reshape(small.shape)
    ranks -= ranks.mean()
    return ranks / (ranks.std() or 1)


def likeness(first: np.ndarray, second: np.ndarray) -> float:
    """Correlation of two thumbnails: 1 for the same picture, about 0 for unrelated ones."""
    return float((first * second).mean())


def likeness_of_pairs(thumbnails: np.ndarray, patients: np.ndarray) -> np.ndarray:
    """Likeness of all pairs of slices that belong to different patients.

    Parameters
    ----------
    thumbnails : float array, shape (slices, 64, 64)
    patients : array of str, shape (slices,)

    Returns
    -------
    float array, shape (pairs,)
    """
    flat = thumbnails.reshape(len(thumbnails), -1)
    first, second = np.triu_indices(len(flat), 1)
    table = flat @ flat.T / flat.shape[1]
    return table[first, second][patients[first] != patients[second]]
