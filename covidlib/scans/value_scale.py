"""Judge the scale of a series' values from air, lung and soft tissue; convert known other scales (section 2.1).

A slice is stored as HU + 1024. Files of other programs look right in a viewer, which stretches any values, and give
another result: the rule's 300 and the networks' input mean HU + 1024. Chest CT shows its scale: most of the body is
soft tissue, -200 to 200 HU; hardly any is bone; lung and air are darker. Taught in chapter 01.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

OFFSET = 1024
"""Stored value of 0 HU."""
BODY_ABOVE = 524
"""Stored value of -500 HU: lung and air are below, the body above."""
TISSUE = (824, 1224)
"""-200 to 200 HU: fat, muscle, organs, vessels with contrast agent."""
BONE_ABOVE = 1424
"""400 HU."""
LEAST_TISSUE, MOST_BONE, MOST_BONE_WITHOUT_AIR = 0.4, 0.35, 0.1
"""Shares of the body in a series: generous, as an obese patient, metal or consolidated lungs change them."""
MOST_BETWEEN = 0.3
"""Share of the body between lung and tissue: where no lung is seen, so much of it is lung on another scale."""
LEAST_BODY, LEAST_DARK = 0.005, 0.005
LOWEST = -1024 - 40
"""HU below which nothing but padding lies: air is -1000, with noise."""
BELOW_AIR, BELOW_SHARE = -1124, 0.0005
"""Darker than air by more than noise; dark streaks beside metal are rarer than this."""
EIGHT_BITS = 256
FEW = 16
"""So few different values are a drawing; a grid cannot be judged from them."""
DARKEST_CUT, CUT_SHARE = 300, 0.2
"""Lung is darker than 300 (the rule's limit); a cut puts all of lung and air on one value."""
COARSE = 8
"""A scanner's values have steps of 1, rarely of 2 or 4."""

CUT_BELOW, CUT_TIMES, LEAST_CUT = 3000, 20, 5e-4
"""Brighter than this saturates in a scanner too; below, so many times its neighbours is a pile, of such a share."""

AGAIN = "Export 16-bit slices (HU + 1024) again from the source"
CONVERT = "Add --rescale (select, diagnose, import-dicom), or write a converted copy: covidlib rescale FOLDER NEW"

Histogram = tuple[np.ndarray, np.ndarray]
"""Different values in ascending order, and how often each occurs."""


@dataclass(frozen=True)
class Scale:
    """A known scale of values.

    Attributes
    ----------
    words : str
        What the values are.
    to_stored : function of int array
        Converts values to HU + 1024.
    remedy : str
        What to do, if nothing but the values tells the scale; empty if it is certain, and `--rescale` may convert.
    """

    words: str
    to_stored: Callable[[np.ndarray], np.ndarray]
    remedy: str = ""

    @property
    def certain(self) -> bool:
        """Whether the values tell the scale beyond doubt."""
        return not self.remedy


@dataclass(frozen=True)
class Verdict:
    """The judgement of a series' values.

    Attributes
    ----------
    code : str
        Empty if the values are HU + 1024; otherwise other-scale, unknown-scale or eight-bit.
    sentence, remedy : str
        What the values are, and what to do.
    scale : Scale or None
        The scale, if it is known.
    """

    code: str = ""
    sentence: str = ""
    remedy: str = ""
    scale: Scale | None = None


def histogram(pixels: np.ndarray) -> Histogram:
    """Count the values of an integer array."""
    flat = pixels.ravel()
    lowest = int(flat.min())
    counts = np.bincount(flat if lowest == 0 else flat.astype(np.int64) - lowest)
    present = np.flatnonzero(counts)
    return present + lowest, counts[present]


def pooled(parts: list[Histogram]) -> Histogram:
    """The histogram of all slices together."""
    values, where = np.unique(np.concatenate([values for values, _ in parts]), return_inverse=True)
    return values, np.bincount(where, np.concatenate([counts for _, counts in parts])).astype(np.int64)


def share(histogram: Histogram, low: float, high: float) -> float:
    """The share of pixels from `low` to `high`, both included."""
    values, counts = histogram
    total = counts.sum()
    return float(counts[(values >= low) & (values <= high)].sum() / total) if total else 0.0


def has_body(histogram: Histogram) -> bool:
    """Whether a slice shows more than air and lung."""
    return share(histogram, BODY_ABOVE, np.inf) >= LEAST_BODY


def is_stored_scale(histogram: Histogram) -> bool:
    """Whether values of a series can be HU + 1024: a body of soft tissue, little bone, and air or lung."""
    return _is_stored_scale(histogram, LEAST_TISSUE, MOST_BONE, MOST_BONE_WITHOUT_AIR)


def _is_stored_scale(histogram: Histogram, least_tissue: float, most_bone: float, most_bone_without_air: float) -> bool:
    values, counts = histogram
    if not has_body(histogram):
        return False
    body = values >= BODY_ABOVE
    tissue = share((values[body], counts[body]), *TISSUE)
    bone = share((values[body], counts[body]), BONE_ABOVE, np.inf)
    # Padding is one value, mostly 0: it is no evidence of air.
    darkness = share(histogram, 1, BODY_ABOVE)
    between = share((values[body], counts[body]), BODY_ABOVE, TISSUE[0] - 1)
    if darkness < LEAST_DARK and between > MOST_BETWEEN:
        return False
    return tissue >= least_tissue and bone <= (most_bone if darkness >= LEAST_DARK else most_bone_without_air)


def is_like_tissue(histogram: Histogram) -> bool:
    """Whether the body of ONE slice can be tissue; at the shoulders more of it is bone than in a series."""
    return _is_stored_scale(histogram, LEAST_TISSUE / 2, 2 * MOST_BONE, 2 * MOST_BONE_WITHOUT_AIR)


# Scales ---------------------------------------------------------------------------------------------------------------


def _wrapped(modulus: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda values: np.where(values >= modulus // 2, values - modulus, values) + OFFSET


def _offset(offset: int) -> Callable[[np.ndarray], np.ndarray]:
    # 0 stays 0: padding is written as 0 whatever the offset.
    return lambda values: np.where(values == 0, 0, values - offset + OFFSET) if offset else values + OFFSET


def _divided(factor: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda values: values // factor


def _inverted(highest: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda values: highest - values


def _candidates(histogram: Histogram) -> list[Scale]:
    values, counts = histogram
    lowest, highest = int(values[0]), int(values[-1])
    # A few saturated pixels (metal) do not lie on the grid of the others.
    step = int(np.gcd.reduce(values[(values != 0) & (values != np.iinfo(np.uint16).max)])) if highest > 0 else 0
    scales = []
    if highest > 2**15:
        scales.append(Scale("HU without an offset, with negative values wrapped to 65,536 + HU", _wrapped(2**16)))
        scales.append(Scale("HU + 32768 (ImageJ's calibration for signed data)", _offset(2**15)))
    if lowest >= 0 and 2**11 <= highest < 2**12:
        scales.append(Scale("HU without an offset, with negative values wrapped to 4,096 + HU", _wrapped(2**12)))
    if len(values) > FEW or step & (step - 1) == 0:
        scales += [Scale(f"HU + 1024, multiplied by {step}", _divided(step))] if step > 1 else []
    for offset in (2**13, 2**12, 2**11):
        remedy = f"Export the series again as HU + 1024, or subtract {offset - OFFSET} if you know that this is right"
        scales.append(Scale(f"HU + {offset}", _offset(offset), remedy))
    if lowest < 0:
        remedy = "Export the series again: its RescaleIntercept is 1024 too low"
        scales.append(Scale("HU without an offset", _offset(0), remedy))
    for highest_of in (2**12 - 1, 2**16 - 1):
        if highest <= highest_of:
            remedy = "Export the series again, with dark air and bright bone"
            scales.append(Scale(f"inverted: {highest_of} − (HU + 1024)", _inverted(highest_of), remedy))
    return scales + _moved_up(values)


def _moved_up(values: np.ndarray) -> list[Scale]:
    """HU + 1024 in the upper bits, with something in the lower ones: the same in all pixels, or not."""
    seen = values[(values > 0) & (values != np.iinfo(np.uint16).max)]
    if len(seen) <= EIGHT_BITS:
        return []
    step = int(np.gcd.reduce(np.diff(seen)))
    if step > 1 and seen[0] % step:
        return [Scale(f"HU + 1024, multiplied by {step}, with {seen[0] % step} added", _divided(step))]
    # Values that were stretched to all 16 bits end at the last one.
    if len(seen) < (values > 0).sum() or seen[-1] <= 2**12:
        return []
    remedy = f"{AGAIN}; or divide the values by {{}} and round down, if you know that the lower bits mean nothing"
    words = "HU + 1024 in the upper bits, moved up by {}, with other bits below"
    return [Scale(words.format(bits), _divided(2**bits), remedy.format(2**bits)) for bits in (4, 3, 2)]


def _fits(scale: Scale, histogram: Histogram) -> bool:
    values, counts = histogram
    converted = scale.to_stored(values)
    order = np.argsort(converted, kind="stable")
    converted, counts = converted[order], counts[order]
    # The commonest of the lowest values may be padding; anything else below air contradicts the scale.
    below = converted < LOWEST + OFFSET
    strange = counts[below].sum() - (counts[below].max() if below.any() else 0)
    return bool(strange <= LEAST_DARK * counts.sum()) and is_stored_scale((converted, counts))


def _cut_at(histogram: Histogram) -> tuple[int, float] | None:
    """The value, with its share of pixels, at which the dark end was cut off; None if it was not."""
    values, counts = histogram
    low = values[values > 0]
    if len(low) <= FEW or low[0] < DARKEST_CUT:
        return None
    # Noise that was added after the cut spreads it over a few values.
    cut = share(histogram, low[0], low[0] + FEW)
    return (int(low[0]), cut) if cut > CUT_SHARE else None


def cut_above(histogram: Histogram) -> tuple[int, float] | None:
    """The value, with its share of pixels, on which everything brighter was put; None if there is none."""
    values, counts = histogram
    highest, pile = int(values[-1]), int(counts[-1])
    if len(values) <= FEW or highest >= CUT_BELOW or pile < LEAST_CUT * counts.sum():
        return None
    beside = counts[(values >= highest - FEW) & (values < highest)].sum() / FEW
    return (highest, float(pile / counts.sum())) if pile > CUT_TIMES * beside else None


def below_air(histogram: Histogram) -> float:
    """The share of pixels that are darker than air and no padding (many different values); 0 if there are few."""
    values, counts = histogram
    below = values < BELOW_AIR + OFFSET
    dark = float(counts[below].sum() / counts.sum())
    return dark if below.sum() > FEW and dark > BELOW_SHARE else 0.0


def darkest(histogram: Histogram) -> int:
    """The value below which 1% of the pixels lie, padding (0 or less) left aside."""
    values, counts = histogram
    seen = values > 0
    return int(values[seen][np.searchsorted(np.cumsum(counts[seen]), 0.01 * counts[seen].sum())]) if seen.any() else 0


def judge(histogram: Histogram) -> Verdict:
    """Judge the scale of a series from the histogram of all its slices.

    Parameters
    ----------
    histogram : (values, counts)
        Pixels of the middle of all slices, as read: HU + 1024, if the file is as covidlib expects.
    """
    values, counts = histogram
    step = int(np.gcd.reduce(values[values != 0])) if (values != 0).any() else 0
    cut = _cut_at(histogram)
    if cut:
        sentence = f"{cut[1]:.0%} of its pixels have the value {cut[0]} and none lies below: what was darker is cut off"
        return Verdict("unknown-scale", sentence, AGAIN)
    is_right = is_stored_scale(histogram)
    if is_right and not (FEW < len(values) <= EIGHT_BITS and step >= COARSE):
        return Verdict()
    fitting = [] if is_right else [scale for scale in _candidates(histogram) if _fits(scale, histogram)]
    if fitting:
        known = fitting[0]
        if known.certain and len(fitting) > 1 and len(values) <= FEW:  # a drawing may fit several
            other = f"{AGAIN}; they could also be {fitting[1].words}"
            known = replace(known, remedy=other)
        remedy = known.remedy or CONVERT
        return Verdict("other-scale", f"its values are {known.words}; expected HU + 1024", remedy, known)
    if FEW < len(values) <= EIGHT_BITS:
        sentence = f"it holds only {len(values)} different values up to {values[-1]}: stretched from an 8-bit picture"
        return Verdict("eight-bit", sentence, f"{AGAIN}; stretching does not restore HU")
    zeros, rest = share(histogram, 0, 0), values > 0
    if zeros > 0.2 and share((values[rest], counts[rest]), 1, TISSUE[1] - OFFSET) >= LEAST_TISSUE:
        sentence = f"{zeros:.0%} of its pixels are 0 and most others 1 to 200: HU with negative values cut off, no lung"
        return Verdict("unknown-scale", sentence, AGAIN)
    modes = values[np.sort(np.argsort(counts, kind="stable")[-2:])]
    shown = " and ".join(str(mode) for mode in modes)
    sentence = (
        f"its values, {values[0]} to {values[-1]} and mostly {shown}, are not those of a chest in HU + 1024: "
        f"soft tissue is expected at {TISSUE[0]} to {TISSUE[1]}, lung and air below {BODY_ABOVE}"
    )
    return Verdict("unknown-scale", sentence, AGAIN)
