"""Checkers of the exercises of chapter 01."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd

from covidlib.scans.windows import WINDOWS
from covidlib.teaching.exercises import called, checker

Rates = tuple[float, float]


@checker("1.1")
def stored_range(answer: Callable[[float, float], Rates]) -> str | None:
    """The stored values at the two ends of a window."""
    for centre, width in (WINDOWS["soft tissue"], WINDOWS["lung"], (300, 1)):
        low, high = called(answer, centre, width)
        wanted = (1024 + centre - width / 2, 1024 + centre + width / 2)
        if _near((low, high), wanted):
            continue
        if _near((low + 1024, high + 1024), wanted):
            return "these ends are Hounsfield units; what does the file hold instead?"
        if _near((low, high), (1024 + centre - width, 1024 + centre + width)):
            return "your window is twice as wide as it should be: the width reaches from one end to the other"
        if _near((high, low), wanted):
            return "the black end comes first"
        return f"centre {centre} HU, width {width} HU: the ends lie half a width below and above the stored centre"
    return None


@checker("1.2")
def hounsfield(answer: Callable[[np.ndarray], np.ndarray]) -> str | None:
    """Stored values to Hounsfield units, below zero too."""
    stored = np.array([[1024, 1064], [24, 4095]], dtype=np.uint16)
    units = np.asarray(called(answer, stored.copy()))
    if units.shape != stored.shape:
        return "one value for each pixel is asked for, in the same shape"
    wanted = stored.astype(int) - 1024
    if np.array_equal(units, wanted):
        return None
    if np.issubdtype(units.dtype, np.unsignedinteger) or units[1, 0] > 60000:
        return f"air, stored as 24, became {units[1, 0]}: unsigned integers have no values below zero"
    if units[1, 0] == 0:
        return "air became 0: values below zero are cut off, and all of the lung is there"
    if np.array_equal(units, stored.astype(int) + 1024):
        return "the file holds Hounsfield units plus 1024: which way leads back?"
    if units.dtype.itemsize == 1:
        return "eight bits hold 256 values, Hounsfield units span about 4000"
    if units[0, 0] != 0:
        return f"water is stored as 1024 and has 0 HU; yours became {units[0, 0]}"
    row, column = np.argwhere(units != wanted)[0]
    return f"{stored[row, column]} stored are {wanted[row, column]} HU; yours became {units[row, column]}"


@checker("1.3")
def shared_patients(answer: Callable[[list[str], list[str]], set[str]]) -> str | None:
    """Patients that occur in both lists, whatever layout, series or slice."""
    train = ["covid1/patient1/SR_2/IM00010.tif", "normal1/patient150/SR_2/IM00001.tif"]
    test = ["137covid_patient1_SR_3_IM00002.tif", "normalcd3_patient434_SR_2_IM00034.tif"]
    found = called(answer, train, test)
    if isinstance(found, bool | int):
        return "the names of the patients are asked for, as a set"
    # An array or an index is neither true nor false.
    found = set(found)
    if found == {"patient1"}:
        if set(called(answer, ["covid1/patient1/SR_2/IM00010.tif"], ["covid1/patient12/SR_2/IM00010.tif"])):
            return "patient1 and patient12 are two people: compare whole names, not their beginnings"
        return None
    if not found:
        return "patient1 stands in both, in two layouts and two series: compare patients, not files or folders"
    if len(found) > 1:
        return "only those patients are asked for that stand on both sides"
    return f"patients are asked for, as series.identify names them; yours: {sorted(map(str, found))}"


@checker("1.4")
def metadata_rule(answer: Callable[[pd.DataFrame], Rates]) -> str | None:
    """Sensitivity and specificity of calling every pair that no normal image has."""
    images = _images("B30s 6 covid 3, B30s 6 normal 4, B70s 1.5 covid 1, B31s 6 covid 1, B70s 5 normal 2")
    sensitivity, specificity = called(answer, images)
    if math.isclose(sensitivity, 1) and specificity < 1:
        return "this calls every pair that a COVID-19 image has; called are those that no normal image has"
    if math.isclose(sensitivity, 0):
        return (
            "a pair is new if no normal image has both together: its kernel alone, or its thickness alone, may be known"
        )
    if math.isclose(sensitivity, 1 / 5):
        return "kernel and thickness count together: B70s with 1.5 mm is a pair that no normal image has"
    if math.isclose(sensitivity, 2 / 3):
        return "you count pairs; sensitivity counts images, and one pair can be that of many images"
    if math.isclose(sensitivity, 2 / 11):
        return "you divide by all images; sensitivity is a share of the COVID-19 images"
    if not math.isclose(sensitivity, 2 / 5):
        return f"2 of 5 COVID-19 images have a pair that no normal image has; your sensitivity is {sensitivity:.3f}"
    if not math.isclose(specificity, 1):
        return "by its making the rule calls no normal image: what is its specificity on the images it was made from?"
    return None


@checker("1.5")
def rule_on_others(answer: Callable[[pd.DataFrame, pd.DataFrame], Rates]) -> str | None:
    """The same rule made on some patients and tried on others."""
    made_on = _images("B30s 6 covid 2, B70s 1.5 covid 2, B31s 6 covid 1, B30s 6 normal 5")
    tried_on = _images("B30s 6 covid 2, B70s 1.5 covid 1, B35s 5 covid 1, B70s 1.5 normal 1, B30s 6 normal 3")
    sensitivity, specificity = called(answer, made_on, tried_on)
    if math.isclose(specificity, 1) and math.isclose(sensitivity, 1 / 4):
        return (
            "the pairs were chosen on the images that the rule is tried on: the first table makes it, the second tries"
        )
    if math.isclose(sensitivity, 3 / 5):
        return "these are the rates on the images that made the rule: try it on the second table"
    if math.isclose(sensitivity, 2 / 4):
        return "a pair that the first table does not have is no reason to call: it is not known to be COVID-19"
    if not math.isclose(sensitivity, 1 / 4):
        return f"1 of 4 COVID-19 images of the second table has a called pair; your sensitivity is {sensitivity:.3f}"
    if not math.isclose(specificity, 3 / 4):
        return "1 of 4 normal images of the second table has a called pair: specificity is the share that has not"
    return None


def _images(groups: str) -> pd.DataFrame:
    """A table of images from "kernel thickness label count, …"."""
    rows = []
    for group in groups.split(", "):
        kernel, thickness, label, count = group.split()
        rows += [{"kernel": kernel, "thickness": float(thickness), "label": label}] * int(count)
    return pd.DataFrame(rows)


def _near(found: Rates, wanted: Rates) -> bool:
    return all(math.isclose(one, other, abs_tol=1e-9) for one, other in zip(found, wanted, strict=True))
