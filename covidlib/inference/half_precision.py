"""Compare half precision with 32 bits: how much the rounding changes a network's probabilities (paper, Table 8).

bfloat16 keeps the range of a 32-bit number and eight of its 24 significant bits; some processors have units that
compute more bfloat16 products per second. Whether a network tolerates the rounding is measured, not assumed: both
precisions classify the same batch of synthetic slices. Taught in chapter 06.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from covidlib.results.metrics import DECISION

if TYPE_CHECKING:
    from covidlib.networks.weights import WeightsNote

TOLERANCE = 0.02
"""Largest accepted difference of a probability from 32 bits.

Set before any result was seen: one step of bfloat16 near one half is 0.004, and five steps are allowed for about fifty
layers. A slice can then change its class only if its 32-bit probability is within 0.02 of one half, where the network
is undecided anyway.
"""
CHECKED_WITHIN = TOLERANCE / 4
"""Largest accepted difference on the test batch.

A dozen slices do not contain the worst case. With a small random network the largest difference was 0.01 on them and
0.04 on another slice: the full tolerance would have accepted it.
"""
CHECK_SEED = 2021
"""The test batch has a separate seed: none of its slices is in the book's cohort (seed 2020)."""
CHECK_PATIENTS = ((1, True), (146, False))
CHECK_SLICES_OF_A_PATIENT = 8


@dataclass(frozen=True)
class Agreement:
    """Agreement of an engine's probabilities with Keras (32-bit).

    Attributes
    ----------
    largest_difference : float
        Of p(COVID-19), over the test batch.
    changed : int
        Number of slices that one calls COVID-19 and the other normal.
    """

    largest_difference: float
    changed: int

    @property
    def good(self) -> bool:
        """Whether the difference is within `CHECKED_WITHIN` and no slice changes its class."""
        return self.largest_difference <= CHECKED_WITHIN and self.changed == 0


def compare(reference: np.ndarray, other: np.ndarray) -> Agreement:
    """Compare an engine's probabilities with those of Keras (32-bit).

    Parameters
    ----------
    reference, other : float arrays, shape (slices,)
        p(COVID-19).

    Raises
    ------
    ValueError
        If the shapes differ or the batch is empty: an empty batch would always agree.
    """
    if reference.shape != other.shape or reference.size == 0:
        raise ValueError(f"probabilities of shapes {reference.shape} and {other.shape} cannot be compared")
    changed = int(((reference > DECISION) != (other > DECISION)).sum())
    # A NaN agrees with nothing; a comparison with it must not pass.
    difference = np.abs(reference.astype(np.float64) - other)
    return Agreement(float("inf") if np.isnan(difference).any() else float(difference.max()), changed)


def check_images(note: WeightsNote) -> np.ndarray:
    """Make the test batch: selected slices of two synthetic patients, scaled for the network.

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
