"""covidlib.scans.value_scale: HU + 1024 is accepted, other scales are named, and what is certain converts exactly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.made import body_slice
from support.odd_series import chest

from covidlib.scans.slices import read_slice
from covidlib.scans.value_scale import below_air, cut_above, has_body, histogram, is_like_tissue, judge, pooled

VOLUME = chest(12).astype(np.int64)
HU = VOLUME - 1024
CERTAIN: dict[str, np.ndarray] = {
    "wrapped to 65,536": HU % 65536,
    "wrapped to 4,096": HU % 4096,
    "HU + 32768": HU + 32768,
    "multiplied by 2": VOLUME * 2,
    "multiplied by 10": VOLUME * 10,
    "multiplied by 16": VOLUME * 16,
    "multiplied by 16, with 15 added": np.where(VOLUME > 0, VOLUME * 16 + 15, 0),
    "multiplied by 8, with 3 added": np.where(VOLUME > 0, VOLUME * 8 + 3, 0),
}
NAMED = {
    "HU + 8192": HU + 8192,
    "HU + 4096": HU + 4096,
    "HU + 2048": HU + 2048,
    "HU without an offset": HU,
    "in the upper bits, moved up by 4": VOLUME * 16 + VOLUME % 13,
    "in the upper bits, moved up by 3": VOLUME * 8 + VOLUME % 7,
    "inverted: 4095": 4095 - VOLUME,
    "inverted: 65535": 65535 - VOLUME,
}
LOST: dict[str, tuple[str, Callable[[], np.ndarray]]] = {
    "negative values cut off": ("unknown-scale", lambda: np.clip(HU, 0, None)),
    "what was darker is cut off": ("unknown-scale", lambda: np.clip(VOLUME, 1024, None)),
    "cut off": ("unknown-scale", lambda: np.clip(VOLUME, 524, None)),
    "not those of a chest": ("unknown-scale", lambda: VOLUME * 1000 // 4095),
    "are not those": ("unknown-scale", lambda: VOLUME // 2),
    "8-bit": ("eight-bit", lambda: VOLUME // 16),
    "stretched": ("eight-bit", lambda: VOLUME // 16 * 16),
    "only": ("eight-bit", lambda: np.clip((HU + 1350) * 255 // 1500, 0, 255) * 257),
}


def seen(volume: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return pooled([histogram(pixels[240:340]) for pixels in volume])


def test_hu_plus_1024_is_accepted() -> None:
    assert not judge(seen(VOLUME)).code
    assert not judge(histogram(body_slice(0))).code  # a closed slice alone: no air in sight


@pytest.mark.parametrize("words", CERTAIN)
def test_a_certain_scale_converts_to_the_very_values(words: str) -> None:
    verdict = judge(seen(CERTAIN[words]))
    assert verdict.code == "other-scale" and words in verdict.sentence and "--rescale" in verdict.remedy
    assert verdict.scale and verdict.scale.certain
    # 0 stays 0: it is padding in every scale with an offset.
    kept = (VOLUME > 0) & (CERTAIN[words] > 0)
    assert (verdict.scale.to_stored(CERTAIN[words])[kept] == VOLUME[kept]).all()


@pytest.mark.parametrize("words", NAMED)
def test_a_likely_scale_is_named_and_not_converted(words: str) -> None:
    verdict = judge(seen(NAMED[words]))
    assert verdict.code == "other-scale" and words in verdict.sentence
    assert verdict.scale and not verdict.scale.certain and "--rescale" not in verdict.remedy


@pytest.mark.parametrize("words", LOST)
def test_a_scale_that_lost_hu_is_refused(words: str) -> None:
    code, made = LOST[words]
    verdict = judge(seen(made()))
    assert verdict.code == code and words in verdict.sentence and verdict.scale is None


@pytest.mark.parametrize("highest", [1300, 1424, 2048])
def test_a_pile_at_the_bright_end_is_a_cut(highest: int) -> None:
    cut = cut_above(seen(np.minimum(VOLUME, highest)))
    assert cut is not None and cut[0] == highest
    assert cut[1] == pytest.approx((VOLUME[:, 240:340] >= highest).mean())


def test_a_series_that_ends_by_itself_or_saturates_is_not_cut() -> None:
    metal = VOLUME.copy()
    metal[:, 250:300, 200:260] = 4095
    for volume in (VOLUME, metal, VOLUME[:, :, 200:300], np.minimum(VOLUME, 3071)):
        assert cut_above(seen(volume)) is None
    assert cut_above(histogram(body_slice(0))) is None


def test_one_slice_is_told_from_its_series() -> None:
    slice_ = VOLUME[6, 240:340]
    assert is_like_tissue(histogram(slice_))
    for other in (slice_ * 2, slice_ + 1024, slice_ * 16, np.full_like(slice_, 65535)):
        assert not is_like_tissue(histogram(other))
    assert not has_body(histogram(np.full((100, 512), 24)))


def test_values_far_below_air_are_counted_unless_they_are_padding() -> None:
    assert below_air(histogram(np.where(VOLUME[6] == 0, -976, VOLUME[6]))) == 0
    noisy = VOLUME[6].copy()
    noisy[:10] = np.arange(-5120, 0).reshape(10, 512)
    assert below_air(histogram(noisy)) == pytest.approx((5120 - 100) / noisy.size, rel=1e-3)


def test_the_real_slices_are_on_the_scale(mirror: Path) -> None:
    slices = sorted(mirror.glob("SaltyJoke/Image-Registration/*/data-sample/*/axial/*.dcm"))
    assert len(slices) > 8
    for path in slices:
        assert not judge(histogram(read_slice(path)[240:340])).code, path.name
