"""What choosing alone does to a number: networks that toss coins, and the best of them (section 2.4).

The paper keeps the epoch with the best accuracy on images of the test set. If no epoch were better than another, the
best of many would still look better than one. Taught in chapter 09.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import binom

SEED = 2020


def expected_best(epochs: int, images: int, accuracy: float = 0.5) -> float:
    """The best accuracy to expect of so many networks that have one true accuracy.

    Exact for independent epochs and images: the mean of the largest of `epochs` binomial counts. Epochs of one training
    resemble each other, so there it is an upper end; images of one patient resemble each other too, which works the
    other way: give the number of independent images that they are worth (`covidlib.results.clustering`).

    Raises
    ------
    ValueError
        If there is no epoch or no image, or the accuracy is no share.
    """
    if epochs < 1 or images < 1 or not 0 <= accuracy <= 1:
        raise ValueError(f"{epochs} epochs, {images} images, accuracy {accuracy}: nothing to choose from")
    # The mean of a count is the sum of the chances that it is larger than 0, 1, 2, ...
    return float((1 - binom.cdf(np.arange(images), images, accuracy) ** epochs).sum() / images)


def coin_networks(epochs: int, picked_on: int, tested_on: int, draws: int = 2000) -> pd.DataFrame:
    """Trainings in which every epoch tosses coins, and the epoch with the best accuracy is kept.

    Parameters
    ----------
    picked_on : int
        Images that choose the epoch.
    tested_on : int
        Images of the test set; those that choose are among them, as in the paper.
    draws : int
        Trainings.

    Returns
    -------
    DataFrame
        One row a training: picked (accuracy on the images that chose), reported (on the whole test set), fresh (of the
        same epoch on as many new images).

    Raises
    ------
    ValueError
        If more images choose than are tested, or there is nothing to choose from.
    """
    if not 1 <= picked_on <= tested_on or epochs < 1:
        raise ValueError(f"{epochs} epochs, {picked_on} of {tested_on} images: nothing to choose from")
    rng = np.random.default_rng(SEED)
    best = rng.binomial(picked_on, 0.5, (draws, epochs)).max(axis=1)
    rest = rng.binomial(tested_on - picked_on, 0.5, draws)
    fresh = rng.binomial(tested_on, 0.5, draws)
    return pd.DataFrame({"picked": best / picked_on, "reported": (best + rest) / tested_on, "fresh": fresh / tested_on})
