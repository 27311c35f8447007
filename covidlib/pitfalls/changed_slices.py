"""Change slices on purpose: without lungs, without surroundings, mirrored, with equal kernels (paper, section 3.3).

A network that looks at the lungs must lose its answer when the lungs are blanked, and keep it when the table is. Body
and lungs are found by two thresholds (`covidlib.scans.lung_masks`), so that no network judges a network. Taught in
chapter 09.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage

from covidlib.errors import InputError
from covidlib.scans.lung_masks import body_mask, lung_mask
from covidlib.scans.slices import read_slice

AIR, LUNG, TISSUE = 1024 - 1000, 1024 - 850, 1024 + 40
"""Stored values of air, of healthy lung and of muscle, with which the masks are filled: the same in every slice."""
FIELD_CLOSED, FIELD_GROWN = 1 / 12, 1 / 100
"""Shares of the slice's side: gaps of the lungs up to twice the first (about 60 mm) are lung too, because a dense
lesion at the chest wall is none by its values; the second is the blurred edge of the lung."""
ZOOM = 0.9
"""Size of the rescaled chest."""
BLUR_PIXELS = 2.0
"""Standard deviation of the blur that equalises kernels. It removes what a sharp kernel adds: on synthetic slices the
noise in muscle differs by a factor of about four between the kernels before, and by a fifth after it."""
AS_THEY_ARE = "as they are"
NO_LUNGS, NO_OUTSIDE, NO_BODY = "lungs blanked", "outside set to air", "body blanked"
MIRRORED, RESCALED, EQUAL_KERNELS = "mirrored", "rescaled", "kernels equalised"
CHANGES = (AS_THEY_ARE, NO_LUNGS, NO_BODY, NO_OUTSIDE, MIRRORED, RESCALED, EQUAL_KERNELS)
"""All changes, in the order of `changed`."""
WITHOUT_LUNGS = (NO_LUNGS, NO_BODY)
"""Changes after which no lung is left: a network that still tells the classes looks at something else."""
AT_ONCE = 16
"""Slices that are changed and classified at a time."""

Classify = Callable[[np.ndarray], np.ndarray]
"""Stored values, float32, shape (slices, side, side), to p(COVID-19), shape (slices,)."""


def lung_field(lungs: np.ndarray, body: np.ndarray) -> np.ndarray:
    """The area of the lungs with what closes them in part: lesions at the chest wall, vessels, the edge.

    Parameters
    ----------
    lungs, body : bool arrays, shape (rows, columns)
        From `covidlib.scans.lung_masks`.

    Returns
    -------
    bool array of the same shape
        All False if there is no lung.
    """
    if not lungs.any():
        return lungs
    # Every second pixel is precise enough, and takes a quarter of the time.
    small = lungs[::2, ::2]
    middle = round(float(np.flatnonzero(body.any(axis=0)).mean())) // 2
    reach, edge = FIELD_CLOSED * len(small), FIELD_GROWN * len(small)
    field = np.zeros_like(small)
    # Each lung alone: closed together, they would take heart and spine with them.
    for side in (np.s_[:, :middle], np.s_[:, middle:]):
        lung = np.zeros_like(small)
        lung[side] = small[side]
        if lung.any():
            # Beyond the border of the picture there is no lung either.
            near = np.pad(ndimage.distance_transform_edt(~lung) <= reach, 1)
            field |= ndimage.distance_transform_edt(near)[1:-1, 1:-1] > reach - edge
    enlarged = field.repeat(2, axis=0).repeat(2, axis=1)[: lungs.shape[0], : lungs.shape[1]]
    return (enlarged | lungs) & body


def blank(pixels: np.ndarray, where: np.ndarray, value: int) -> np.ndarray:
    """A copy of a slice with one value in a mask."""
    return np.where(where, value, pixels).astype(pixels.dtype)


def rescaled(pixels: np.ndarray, zoom: float = ZOOM) -> np.ndarray:
    """A slice with a smaller (or larger) chest in the middle of a picture of the same size, air around it.

    Parameters
    ----------
    pixels : uint16 array, shape (rows, columns)
        HU + 1024.
    """
    middle = (np.array(pixels.shape) - 1) / 2
    moved = ndimage.affine_transform(
        pixels.astype(np.float32), np.full(2, 1 / zoom), middle - middle / zoom, order=1, cval=AIR
    )
    return np.rint(moved).astype(pixels.dtype)


def equalised(pixels: np.ndarray, blur: float = BLUR_PIXELS) -> np.ndarray:
    """A slice blurred so much that sharp and smooth kernels look alike; float32."""
    return ndimage.gaussian_filter(pixels.astype(np.float32), blur)


def changed(pixels: np.ndarray) -> tuple[list[np.ndarray], bool]:
    """All changes of one slice, in the order of `CHANGES`.

    Parameters
    ----------
    pixels : uint16 array, shape (rows, columns)
        HU + 1024.

    Returns
    -------
    list of arrays of the same shape
    bool
        Whether lungs were found; if not, "lungs blanked" is the slice as it is.
    """
    body = body_mask(pixels)
    lungs = lung_mask(pixels, body)
    by_name = {
        AS_THEY_ARE: pixels,
        NO_LUNGS: blank(pixels, lung_field(lungs, body), LUNG),
        NO_BODY: blank(pixels, body, TISSUE),
        NO_OUTSIDE: blank(pixels, ~body, AIR),
        MIRRORED: pixels[:, ::-1],
        RESCALED: rescaled(pixels),
        EQUAL_KERNELS: equalised(pixels),
    }
    return [by_name[name] for name in CHANGES], bool(lungs.any())


@dataclass(frozen=True)
class ChangedSlices:
    """Slices with all their changes, averaged down to the side of a network.

    Attributes
    ----------
    table : DataFrame
        One row per slice: the columns that were given, and has_lungs.
    images : float32 array, shape (slices, changes, side, side)
        Stored values (HU + 1024), in the order of `CHANGES`.
    """

    table: pd.DataFrame
    images: np.ndarray

    def rows(self, chosen: np.ndarray | pd.Series) -> ChangedSlices:
        """The slices of a mask."""
        mask = np.asarray(chosen, bool)
        return ChangedSlices(self.table[mask].reset_index(drop=True), self.images[mask])


def change_slices(
    table: pd.DataFrame, root: str | Path, side: int, read: Callable[[Path], np.ndarray] = read_slice
) -> ChangedSlices:
    """Read slices, change each in all ways, and average them down to the side of a network.

    Parameters
    ----------
    table : DataFrame
        Column path (below `root`), one row per slice.
    side : int
        Of the network's input, in pixels.
    read : function
        Path to uint16 array, HU + 1024.

    Raises
    ------
    InputError
        If a slice cannot be read, or does not average down to `side`.
    """
    from covidlib.networks.inputs import shrink

    images, found = [], []
    for path in table["path"]:
        pictures, has_lungs = changed(read(Path(root) / path))
        try:
            images.append(np.stack([shrink(picture, side) for picture in pictures]))
        except ValueError as error:
            remedy = "Export the series at its original 512×512 pixels"
            raise InputError(Path(root) / path, str(error), remedy) from error
        found.append(has_lungs)
    stacked = np.stack(images) if images else np.zeros((0, len(CHANGES), side, side), np.float32)
    return ChangedSlices(table.reset_index(drop=True).assign(has_lungs=found), stacked)


def answers_to_changes(slices: ChangedSlices, classify: Classify) -> pd.DataFrame:
    """Ask a network about every slice in every change.

    Returns
    -------
    DataFrame
        The table of the slices, once per change, with the columns change and p_covid.
    """
    parts = []
    for place, name in enumerate(CHANGES):
        parts.append(slices.table.assign(change=name, p_covid=classify(slices.images[:, place])))
    return pd.concat(parts, ignore_index=True)


def answers_in_portions(
    table: pd.DataFrame, root: str | Path, side: int, classify: Classify, read: Callable[[Path], np.ndarray]
) -> Iterator[pd.DataFrame]:
    """As `change_slices` and `answers_to_changes`, a few slices at a time, whatever memory holds."""
    for start in range(0, len(table), AT_ONCE):
        yield answers_to_changes(change_slices(table.iloc[start : start + AT_ONCE], root, side, read), classify)


def classifier(weights: str | Path, network: str | None = None) -> tuple[Classify, int]:
    """Open a trained network as a function of stored values, and the side of its input.

    Parameters
    ----------
    weights : path
        A covidlib weights file, or one of the authors' with `network` named.

    Raises
    ------
    InputError
        If the weights cannot be used. The function raises it if the network returns NaN.
    """
    from covidlib.networks.inputs import scale
    from covidlib.networks.weights import load_weights

    model, note = load_weights(weights, network)

    def classify(values: np.ndarray) -> np.ndarray:
        p_covid = model.predict(scale(values[..., np.newaxis], note.scaling), batch_size=AT_ONCE, verbose=0)[:, 0]
        # NaN is not above any other value, so that it would rank as normal.
        if np.isnan(p_covid).any():
            problem = f"{note.network} returns NaN instead of a probability"
            raise InputError(weights, problem, "Use other weights: these probably come from a training that diverged")
        return p_covid.astype(float)

    return classify, note.input_shape[0]
