"""Is half precision good enough? What the processor can do, and how far the probabilities move (paper, Table 8).

bfloat16 keeps the range of a 32-bit number and eight of its 24 significant bits; some processors have units that
multiply more of them a second. Whether a network bears the rounding is measured, not assumed: a batch of synthetic
slices goes through both. Taught in chapter 06.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from covidlib.results.metrics import DECISION

if TYPE_CHECKING:
    from covidlib.networks.weights import WeightsNote

TOLERANCE = 0.02
"""How far a probability may move from 32 bits.

Set before any result was seen: one step of bfloat16 near one half is 0.004, and five steps are left to some fifty
layers. A slice can then change sides only where 32 bits leave it within 0.02 of one half and the network has not
decided either.
"""
CHECKED_WITHIN = TOLERANCE / 4
"""How far it may move on the check batch.

A dozen slices do not hold the worst one. With a small random network that moved by 0.01 on them, another slice moved by
0.04: the whole tolerance would have let it pass.
"""
CHECK_SEED = 2021
"""The check batch is drawn from a seed of its own: none of its slices is in the book's cohort (seed 2020)."""
CHECK_PATIENTS = ((1, True), (146, False))
CHECK_SLICES_OF_A_PATIENT = 8


@dataclass(frozen=True)
class Agreement:
    """How far probabilities of one engine lie from 32 bits in Keras.

    Attributes
    ----------
    largest_difference : float
        Of p(COVID-19), over the check batch.
    changed : int
        Slices called COVID-19 by one and normal by the other.
    """

    largest_difference: float
    changed: int

    @property
    def good(self) -> bool:
        """Within what is left to a check batch, and no decision changed."""
        return self.largest_difference <= CHECKED_WITHIN and self.changed == 0


def compare(reference: np.ndarray, other: np.ndarray) -> Agreement:
    """Hold probabilities against those of 32 bits.

    Parameters
    ----------
    reference, other : float arrays, shape (slices,)
        p(COVID-19).

    Raises
    ------
    ValueError
        If there is nothing to compare: an empty batch would agree.
    """
    if reference.shape != other.shape or reference.size == 0:
        raise ValueError(f"probabilities of {reference.shape} and {other.shape} slices cannot be compared")
    changed = int(((reference > DECISION) != (other > DECISION)).sum())
    # A NaN agrees with nothing; a comparison with it must not pass.
    difference = np.abs(reference.astype(np.float64) - other)
    return Agreement(float("inf") if np.isnan(difference).any() else float(difference.max()), changed)


def check_images(note: WeightsNote) -> np.ndarray:
    """The batch on which precisions are compared: selected slices of two synthetic patients, scaled for the network.

    Returns
    -------
    float32 array, shape (slices, side, side, 1)
    """
    from covidlib.networks.inputs import scale, shrink
    from covidlib.phantom.cohort import make_patient
    from covidlib.selection import count_dark_pixels, select_slices

    kept = []
    for number, covid in CHECK_PATIENTS:
        slices = make_patient(CHECK_SEED, number, covid, CHECK_SLICES_OF_A_PATIENT).slices
        kept.append(slices[select_slices(count_dark_pixels(slices))])
    return scale(shrink(np.concatenate(kept), note.input_shape[0])[..., np.newaxis], note.scaling).numpy()
