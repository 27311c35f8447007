"""covidlib.scans.pictures: air beside the body, lung inside it, and pictures of several slices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.made import body_slice
from support.odd_series import chest

from covidlib.phantom.cohort import make_patient
from covidlib.scans.gate import find_series
from covidlib.scans.pictures import look_at, montages, moved_scale
from covidlib.scans.series import read_series
from covidlib.scans.value_scale import histogram, pooled

VOLUME = chest(12).astype(np.int64)


def scale_of(volume: np.ndarray) -> str:
    rows = [np.clip(pixels[240:340], 0, 65535).astype(np.uint16) for pixels in volume]
    return moved_scale(pooled([histogram(one) for one in rows]), [look_at(one) for one in rows])


def zoomed(volume: np.ndarray, top: int, left: int, times: int) -> np.ndarray:
    side = 512 // times
    return volume[:, top : top + side, left : left + side].repeat(times, 1).repeat(times, 2)


NOISE = np.random.default_rng(3).normal(0, 60, VOLUME.shape)
LEGAL = {
    "as it is": VOLUME,
    "body fills the field": zoomed(VOLUME, 128, 140, 2),
    "lung at the edges": zoomed(VOLUME, 200, 100, 4),
    "noise": VOLUME + NOISE,
    "noise of a soft kernel": VOLUME + NOISE / 3,
    "air cut at -1024 HU": np.where(VOLUME < 100, 0, VOLUME),
    "closed": VOLUME[:1],
    "everything outside the body masked": np.where((VOLUME < 60) & (VOLUME > 0), 0, VOLUME),
    "contrast agent": np.where((VOLUME > 1060) & (VOLUME < 1090), VOLUME + 250, VOLUME),
    "a body and its noise": body_slice(0)[None],
}
MOVED = {
    "was added": (VOLUME + 130, VOLUME + 200, (VOLUME - 1024) * 0.8 + 1024, (VOLUME - 1024) * 0.7 + 1024),
    "0 or less": ((VOLUME - 1024) * 2 + 1024, (VOLUME - 1024) * 1.4 + 1024, VOLUME - 250),
}


@pytest.mark.parametrize("name", LEGAL)
def test_legal_series_agree_with_the_scale(name: str) -> None:
    assert scale_of(LEGAL[name]) == ""


@pytest.mark.parametrize("words", MOVED)
def test_air_and_lung_contradict_a_scale_that_fits_the_body(words: str) -> None:
    for volume in MOVED[words]:
        assert words in scale_of(volume)


def together(side: int, slices: np.ndarray) -> np.ndarray:
    """Slices side by side and below one another."""
    wide = 512 // side
    small = slices[:, ::side, ::side][:, :wide, :wide]
    rows = [np.concatenate(list(small[first : first + side]), 1) for first in range(0, side**2, side)]
    return np.concatenate(rows)


@pytest.mark.parametrize("side", [2, 3])
def test_several_slices_in_one_picture_are_seen(side: int) -> None:
    picture = together(side, VOLUME[12 - side**2 :])
    height = len(picture)
    assert look_at(picture[height * 240 // 512 : height * 340 // 512]).parts == side
    large = picture.repeat(2, 0).repeat(2, 1)
    assert look_at(large[2 * height * 240 // 512 : 2 * height * 340 // 512]).parts == side


def test_one_slice_is_one_picture_however_it_lies() -> None:
    for volume in LEGAL.values():
        for pixels in volume:
            for lies in (pixels, pixels[::-1], pixels.T):
                assert look_at(lies[240:340].astype(int)).parts == 1
    assert look_at(np.full((100, 512), 7)).parts == 1 and look_at(np.zeros((0, 512), int)).parts == 1


def test_lungs_at_the_thirds_of_a_slice_are_no_gaps_between_pictures() -> None:
    # This one was taken for three pictures: both lungs are wide, and its thirds are alike.
    lungs = make_patient(2021, 7, True, 10, True).slices[4, 240:340]
    assert look_at(lungs.astype(np.int64)).parts == 1


def test_a_few_montages_are_left_out_and_a_series_of_them_is_refused() -> None:
    one, several = look_at(VOLUME[6, 240:340]), look_at(together(2, VOLUME[4:8])[240:340])
    files = [(f"FOLDER/{place}.tif", f"{place}.tif") for place in range(4)]
    assert montages("FOLDER", files, [one] * 4) == []
    (left,) = montages("FOLDER", files, [one, several, one, one])
    assert (left.severity, left.where, left.files) == ("left out", "FOLDER/1.tif", ("1.tif",))
    (refused,) = montages("FOLDER", files, [several, several, several, one])
    assert (refused.severity, refused.where) == ("refused", "FOLDER") and "3 of its slices" in refused.sentence


def test_the_real_series_is_legal_and_its_montage_is_not(mirror: Path) -> None:
    (folder,) = {path.parent for path in (mirror / "huyenbui117").rglob("*.dcm")}
    volume = read_series(find_series(folder)[0]).astype(np.int64)
    assert scale_of(volume) == ""
    assert all(look_at(pixels[240:340]).parts == 1 for pixels in volume)
    for side in (2, 3):
        seen = [look_at(together(side, volume[first:])[240:340]).parts for first in range(10, 50, 4)]
        assert seen.count(side) > 7
    for words in MOVED:
        assert words in scale_of(volume + 150 if words == "was added" else (volume - 1024) * 2 + 1024)
