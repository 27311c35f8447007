"""Typical wrong answers to the exercises of chapter 01."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from covidlib.scans import filenames

Rates = tuple[float, float]


def rates(images: pd.DataFrame, called: Any) -> Rates:
    """Sensitivity and specificity of a call."""
    covid = (images["label"] == "covid").to_numpy()
    called = np.asarray(called, dtype=bool)
    return float(called[covid].mean()), float((~called)[~covid].mean())


def pairs(images: pd.DataFrame, label: str) -> set[tuple[str, float]]:
    """Kernel and thickness of one class."""
    chosen = images[images["label"] == label]
    return set(zip(chosen["kernel"], chosen["thickness"], strict=True))


def called_of(made_on: pd.DataFrame, tried_on: pd.DataFrame, unknown: bool = False) -> list[bool]:
    """The rule, or the one that calls unknown pairs too."""
    normal, covid = pairs(made_on, "normal"), pairs(made_on, "covid")
    tried = zip(tried_on["kernel"], tried_on["thickness"], strict=True)
    return [pair not in normal and (unknown or pair in covid) for pair in tried]


def every_covid_pair(images: pd.DataFrame) -> Rates:
    """What a COVID-19 image has, instead of what no normal image has."""
    covid = pairs(images, "covid")
    return rates(images, [pair in covid for pair in zip(images["kernel"], images["thickness"], strict=True)])


def kernel_alone(images: pd.DataFrame) -> Rates:
    """Kernels that no normal image has."""
    return rates(images, ~images["kernel"].isin(images.loc[images["label"] == "normal", "kernel"]))


def both_new(images: pd.DataFrame) -> Rates:
    """Kernel and thickness each unknown among the normal images."""
    normal = images[images["label"] == "normal"]
    new = ~images["kernel"].isin(normal["kernel"]) & ~images["thickness"].isin(normal["thickness"])
    return rates(images, new)


def pairs_counted(images: pd.DataFrame) -> Rates:
    """Each pair once."""
    covid = pairs(images, "covid")
    return len(covid - pairs(images, "normal")) / len(covid), 1.0


def of_all_images(images: pd.DataFrame) -> Rates:
    """Divided by all images."""
    return float(np.mean(called_of(images, images))), 1.0


def share_of_called(images: pd.DataFrame) -> Rates:
    """Specificity taken for the share of normal images among all that are not called."""
    called = np.array(called_of(images, images))
    return rates(images, called)[0], float((images["label"] == "normal")[~called].mean())


WRONG: dict[str, list[tuple[object, str]]] = {
    "1.1": [
        (lambda centre, width: (centre - width / 2, centre + width / 2), "Hounsfield units; what does the file hold"),
        (lambda centre, width: (1024 + centre - width, 1024 + centre + width), "twice as wide"),
        (lambda centre, width: (1024 + centre + width / 2, 1024 + centre - width / 2), "the black end comes first"),
        (lambda centre, width: (centre - 1024 - width / 2, centre - 1024 + width / 2), "half a width below and above"),
    ],
    "1.2": [
        # It wraps around: uint16 has no values below zero.
        (lambda stored: stored - np.uint16(1024), "no values below zero"),
        (lambda stored: (stored - np.uint16(1024)).astype(int), "no values below zero"),
        (lambda stored: np.clip(stored.astype(int) - 1024, 0, None), "cut off"),
        (lambda stored: stored.astype(int) + 1024, "which way leads back"),
        (lambda stored: stored.astype(int) - 1000, "water is stored as 1024"),
        (lambda stored: stored.astype(np.float16) - 1024, "4095 stored are 3071 HU; yours became 3072"),
    ],
    "1.3": [
        (lambda train, test: set(train) & set(test), "compare patients, not files"),
        (lambda train, test: any(a in b for a in train for b in test), "as a set"),
        (lambda train, test: np.intersect1d(train, test), "compare patients, not files"),
        (
            lambda train, test: {filenames.identify(name).patient for name in train + test},  # type: ignore[union-attr]
            "on both sides",
        ),
        (
            lambda train, test: {"patient1"} if "patient1" in train[0] and "patient1" in test[0] else set(),
            "two people",
        ),
    ],
    "1.4": [
        (every_covid_pair, "every pair that a COVID-19 image has"),
        (kernel_alone, "count together"),
        (both_new, "both together"),
        (pairs_counted, "you count pairs"),
        (of_all_images, "divide by all images"),
        (share_of_called, "calls no normal image"),
    ],
    "1.5": [
        (lambda made_on, tried_on: rates(tried_on, called_of(tried_on, tried_on)), "chosen on the images"),
        (lambda made_on, tried_on: rates(made_on, called_of(made_on, made_on)), "try it on the second table"),
        (lambda made_on, tried_on: rates(tried_on, called_of(made_on, tried_on, unknown=True)), "no reason to call"),
        (
            lambda made_on, tried_on: (rates(tried_on, called_of(made_on, tried_on))[0], 1 / 4),
            "the share that has not",
        ),
    ],
}
