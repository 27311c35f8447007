"""Selection bias: how good the best of many chance-level models looks (paper, section 2.4).

The paper keeps the epoch with the best accuracy on images of the test set. Even if all epochs were equally good, the
best of many would look better than a single one. Taught in chapter 09.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import binom

SEED = 2020


def expected_best(epochs: int, images: int, accuracy: float = 0.5) -> float:
    """Expected best accuracy of several networks with the same true accuracy.

    Exact for independent epochs and images: the mean of the largest of `epochs` binomial counts. Epochs of one training
    are similar, so for them it is an upper limit. Images of one patient are similar too, which has the opposite effect:
    give the effective number of independent images (`covidlib.results.design_effects`).

    Raises
    ------
    ValueError
        If there is no epoch or no image, or the accuracy is not between 0 and 1.
    """
    if epochs < 1 or images < 1 or not 0 <= accuracy <= 1:
        raise ValueError(
            f"{epochs} epochs, {images} images, accuracy {accuracy}: "
            "there must be at least one epoch and one image, and an accuracy between 0 and 1"
        )
    # The mean of a count is the sum of the chances that it is larger than 0, 1, 2, ...
    return float((1 - binom.cdf(np.arange(images), images, accuracy) ** epochs).sum() / images)


def coin_networks(epochs: int, picked_on: int, tested_on: int, draws: int = 2000) -> pd.DataFrame:
    """Simulate trainings in which every epoch guesses at random and the best epoch is kept.

    Parameters
    ----------
    picked_on : int
        Number of images on which the epoch is chosen.
    tested_on : int
        Number of images in the test set, which includes those, as in the paper.
    draws : int
        Number of trainings.

    Returns
    -------
    DataFrame
        One row per training: picked (accuracy on the images on which the epoch was chosen), reported (on the whole test
        set), fresh (of the same epoch on as many new images).

    Raises
    ------
    ValueError
        If `picked_on` is not between 1 and `tested_on`, or there is no epoch.
    """
    if not 1 <= picked_on <= tested_on or epochs < 1:
        raise ValueError(
            f"{epochs} epochs, {picked_on} of {tested_on} images: there must be at least one epoch, "
            "and between one and all images to choose on"
        )
    rng = np.random.default_rng(SEED)
    best = rng.binomial(picked_on, 0.5, (draws, epochs)).max(axis=1)
    rest = rng.binomial(tested_on - picked_on, 0.5, draws)
    fresh = rng.binomial(tested_on, 0.5, draws)
    return pd.DataFrame({"picked": best / picked_on, "reported": (best + rest) / tested_on, "fresh": fresh / tested_on})
