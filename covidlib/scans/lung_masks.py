"""Segment body and lungs on a slice with two thresholds on the stored values, without a network.

The masks are used to check whether a heat map points at lung at all. The method is simple, and its errors are known:
the trachea and gas in the bowel count as lung; a lung that is consolidated up to the chest wall does not. Taught in
chapter 07.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

BODY_ABOVE = 1024 - 500
"""Stored value (HU + 1024) halfway between air and water: denser pixels belong to the body."""
LUNG_BELOW = 1024 - 320
"""Tissue inside the body with a stored value below this contains air: ground glass does, muscle and vessels do not."""
SMALLEST_LUNG_SHARE = 0.02
"""Air in the body counts as lung if it covers at least this share of the body; less is a bronchus or bowel gas."""
OPENED_SHARE, CLOSED_SHARE = 1 / 170, 1 / 50
"""Shares of the slice's side. Structures thinner than twice the first (3 pixels of 512) do not belong to the body; gaps
in a lung up to twice the second (10 pixels of 512, about 7 mm) are filled: vessels, and dense lesions of that size."""


def body_mask(pixels: np.ndarray) -> np.ndarray:
    """Mask of the patient without the table: the largest region denser than air, with its holes filled.

    Parameters
    ----------
    pixels : uint16 array, shape (rows, columns)
        HU + 1024.

    Returns
    -------
    bool array of the same shape
        All False on a slice without tissue.
    """
    # Opened, so that the thin line of a table or of clothes is not connected to the body.
    dense = ndimage.binary_opening(pixels > BODY_ABOVE, iterations=round(OPENED_SHARE * len(pixels)))
    numbered, count = ndimage.label(dense)
    if not count:
        return np.zeros(pixels.shape, bool)
    areas = np.bincount(numbered.ravel())
    return ndimage.binary_fill_holes(numbered == 1 + areas[1:].argmax())


def lung_mask(pixels: np.ndarray, body: np.ndarray | None = None) -> np.ndarray:
    """Mask of both lungs: large areas of air inside the body, with vessels and small dense spots filled.

    Parameters
    ----------
    pixels : uint16 array, shape (rows, columns)
        HU + 1024.
    body : bool array, optional
        `body_mask` of the slice, if already computed.

    Returns
    -------
    bool array of the same shape
        All False on a slice without an open lung.
    """
    body = body_mask(pixels) if body is None else body
    numbered, _ = ndimage.label((pixels < LUNG_BELOW) & body)
    areas = np.bincount(numbered.ravel())
    large = areas >= max(SMALLEST_LUNG_SHARE * body.sum(), 1)
    large[0] = False
    lungs = ndimage.binary_fill_holes(large[numbered])
    # Closed with a disc, through distances: many small steps would take much longer.
    reach = CLOSED_SHARE * len(pixels)
    near = ndimage.distance_transform_edt(~lungs) <= reach
    closed = ndimage.distance_transform_edt(near) > reach
    return (closed | lungs) & body


def lung_areas(slices: np.ndarray) -> np.ndarray:
    """Air inside the body, in pixels per slice: a rough estimate of lung area for checking the selection rule.

    Counts dark pixels (below 500) that are not connected to the edge of the slice; windpipe and bowel gas count too.

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
