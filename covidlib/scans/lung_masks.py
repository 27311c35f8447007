"""Body and lungs on one slice, by two thresholds on the stored 16-bit values: no network, nothing learned.

It serves to ask whether a heat map points at lung at all. It is simple, and its errors are known: the trachea and gas
in the bowel count as lung, a lung that is consolidated up to the chest wall does not. Taught in chapter 07.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

BODY_ABOVE = 1024 - 500
"""Stored value (HU + 1024) in the middle between air and water: what is denser belongs to the body."""
LUNG_BELOW = 1024 - 320
"""Stored value below which tissue inside the body holds air; ground glass is below, muscle and vessels are above."""
SMALLEST_LUNG_SHARE = 0.02
"""Air in the body counts as lung from this share of the body on; less is a bronchus or gas in the bowel."""
OPENED_SHARE, CLOSED_SHARE = 1 / 170, 1 / 50
"""Of the slice's side: what is thinner than twice the first is no body (3 pixels of 512), and gaps in a lung up to
twice the second are filled (10 pixels of 512, about 7 mm): vessels, and dense lesions that are not too large."""


def body_mask(pixels: np.ndarray) -> np.ndarray:
    """The patient without the table: the largest piece denser than air, its holes filled.

    Parameters
    ----------
    pixels : uint16 array, shape (rows, columns)
        HU + 1024.

    Returns
    -------
    bool array of the same shape
        All False on a slice without tissue.
    """
    # Opened, so that the thin line of a table or of clothes does not hang on.
    dense = ndimage.binary_opening(pixels > BODY_ABOVE, iterations=round(OPENED_SHARE * len(pixels)))
    numbered, count = ndimage.label(dense)
    if not count:
        return np.zeros(pixels.shape, bool)
    areas = np.bincount(numbered.ravel())
    return ndimage.binary_fill_holes(numbered == 1 + areas[1:].argmax())


def lung_mask(pixels: np.ndarray, body: np.ndarray | None = None) -> np.ndarray:
    """Both lungs: large areas of air inside the body, with vessels and small dense spots filled.

    Parameters
    ----------
    pixels : uint16 array, shape (rows, columns)
        HU + 1024.
    body : bool array, optional
        `body_mask` of the slice, if it is at hand.

    Returns
    -------
    bool array of the same shape
        All False where no lung is open.
    """
    body = body_mask(pixels) if body is None else body
    numbered, _ = ndimage.label((pixels < LUNG_BELOW) & body)
    areas = np.bincount(numbered.ravel())
    large = areas >= max(SMALLEST_LUNG_SHARE * body.sum(), 1)
    large[0] = False
    lungs = ndimage.binary_fill_holes(large[numbered])
    # Closed with a disc, by distances: as many small steps would take much longer.
    reach = CLOSED_SHARE * len(pixels)
    near = ndimage.distance_transform_edt(~lungs) <= reach
    closed = ndimage.distance_transform_edt(near) > reach
    return (closed | lungs) & body


def lung_areas(slices: np.ndarray) -> np.ndarray:
    """Air inside the body, in pixels a slice: a rough lung mask, to judge the rule by.

    Dark pixels (below 500) that are not connected with the edge of the picture; windpipe and bowel gas count too.

    Parameters
    ----------
    slices : uint16 array, shape (slices, rows, columns)

    Returns
    -------
    int array, shape (slices,)
    """
    areas = []
    for pixels in slices:
        parts, count = ndimage.label(pixels < 500)
        outside = np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))
        areas.append(
            np.bincount(parts.ravel(), minlength=count + 1)[1:].sum() - np.isin(parts, outside[outside > 0]).sum()
        )
    return np.array(areas)
