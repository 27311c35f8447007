"""covidlib.datasets.slice_measures: each measure on a made slice whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from covidlib.datasets import slice_measures as measures

ROWS, COLUMNS = np.indices((512, 512))


def chest(lung_value: int = -860, radius: float = 150, centre: tuple[int, int] = (256, 256)) -> np.ndarray:
    """A disc of muscle in air with two round lungs, without noise; uint16, 512×512."""
    row, column = centre
    pixels = np.full((512, 512), 24)
    pixels[np.hypot(ROWS - row, COLUMNS - column) <= radius] = 1064
    for side in (-1, 1):
        lung = np.hypot(ROWS - row, COLUMNS - column - side * radius / 2) <= radius / 3
        pixels[lung] = 1024 + lung_value
    return pixels.astype(np.uint16)


def noise(deviation: float, count: int = 400, side: int = measures.PATCH) -> np.ndarray:
    return np.random.default_rng(1).normal(40, deviation, (count, side, side))


def test_the_lungs_have_the_value_that_was_drawn() -> None:
    pixels = chest(lung_value=-860)
    values = measures.lung_values(pixels)
    assert np.median(values) == -860 and np.mean(values == -860) > 0.95
    histogram = measures.lung_histogram(values)
    assert histogram.sum() == pytest.approx(1)
    place = histogram.argmax()
    assert measures.LUNG_BINS[place] <= -860 < measures.LUNG_BINS[place + 1]
    assert np.isnan(measures.lung_histogram(np.array([]))).all()


def test_values_beyond_the_histogram_are_not_lost() -> None:
    histogram = measures.lung_histogram(np.array([-1024, -500, 3000, 3000]))
    assert histogram[0] == 0.25 and histogram[-1] == 0.5 and histogram.sum() == 1


def test_white_noise_has_a_flat_spectrum_of_known_height() -> None:
    found = measures.noise_of(noise(deviation=20), pixel_mm=0.8)
    assert found.power[2:] == pytest.approx(20**2 * 0.8**2, rel=0.03)
    # The plane that is taken out holds part of the two lowest rings.
    assert 0.7 < found.power[0] / (20**2 * 0.8**2) < found.power[1] / (20**2 * 0.8**2) < 1
    # A plane takes three of the 24 · 24 degrees of freedom.
    assert found.deviation == pytest.approx(20 * np.sqrt(1 - 3 / 576), rel=0.01)
    assert found.frequency[0] == pytest.approx(1 / (24 * 0.8), rel=0.3)
    assert found.frequency[-1] < 1 / (2 * 0.8) and found.patches == 400


def test_a_slope_is_no_noise() -> None:
    slope = 3.0 * np.arange(24)[:, None] - 2.0 * np.arange(24)
    tilted = measures.noise_of(noise(deviation=10) + slope, pixel_mm=0.7)
    level = measures.noise_of(noise(deviation=10), pixel_mm=0.7)
    assert tilted.power == pytest.approx(level.power) and tilted.deviation == pytest.approx(level.deviation)


def test_smooth_noise_has_a_lower_frequency() -> None:
    white = measures.noise_of(noise(deviation=20), pixel_mm=0.8)
    smooth = measures.noise_of(ndimage.gaussian_filter(noise(deviation=20), (0, 1, 1)), pixel_mm=0.8)
    assert smooth.mean_frequency < 0.6 * white.mean_frequency
    assert smooth.power[-1] < 0.05 * smooth.power[0]
    # The same pattern with pixels of half the size has twice the frequency.
    finer = measures.noise_of(noise(deviation=20), pixel_mm=0.4)
    assert finer.mean_frequency == pytest.approx(2 * white.mean_frequency)


def test_patches_lie_in_tissue_and_their_noise_is_the_one_added() -> None:
    added = np.random.default_rng(2).normal(0, 15, (512, 512))
    clean = chest()
    pixels = np.clip(clean + added, 0, 4095).round().astype(np.uint16)
    body = np.hypot(ROWS - 256, COLUMNS - 256) <= 150
    patches = measures.uniform_patches(pixels, body, body & (clean < 500))
    assert patches.shape == (measures.PATCHES, 24, 24)
    assert patches.mean(axis=(1, 2)) == pytest.approx(40, abs=4)
    assert measures.noise_of(patches, 0.8).deviation == pytest.approx(15, rel=0.1)


def test_dense_lung_is_no_patch() -> None:
    """Consolidation has the value of muscle: only the mask tells it from tissue."""
    body = np.hypot(ROWS - 256, COLUMNS - 256) <= 150
    pixels = np.where(COLUMNS < 256, 1124, 1064).astype(np.uint16)
    patches = measures.uniform_patches(pixels, body, body & (COLUMNS < 256))
    assert len(patches) == measures.PATCHES and set(np.unique(patches)) == {40}


def test_without_tissue_the_noise_is_not_known() -> None:
    empty = np.full((512, 512), 24, np.uint16)
    none = np.zeros((512, 512), bool)
    found = measures.noise_of(measures.uniform_patches(empty, none, none), 0.8)
    assert found.patches == 0 and np.isnan(found.deviation) and np.isnan(found.power).all()


def test_a_disc_of_300_mm_measures_300_mm() -> None:
    size = measures.body_size(chest(radius=187.5), pixel_mm=0.8)
    assert size["width_mm"] == pytest.approx(300, abs=1) and size["depth_mm"] == pytest.approx(300, abs=1)
    assert size["area_cm2"] == pytest.approx(np.pi * 15**2, rel=0.01)
    assert size["field_share"] == pytest.approx(np.pi * 187.5**2 / 512**2, rel=0.01)
    assert size["cut"] == 0


def test_a_body_at_the_edge_of_the_field_is_cut_by_it() -> None:
    assert measures.body_size(chest(centre=(256, 150)), 0.8)["cut"] == 1
    # Inside the square, but at the edge of the circle outside of which the scanner stores 0.
    pixels = chest(radius=150, centre=(256, 160))
    assert measures.body_size(pixels, 0.8)["cut"] == 0
    pixels = chest(radius=150, centre=(166, 166))
    assert measures.body_size(pixels, 0.8)["cut"] == 0
    pixels[np.hypot(ROWS - 255.5, COLUMNS - 255.5) > 256] = 0
    size = measures.body_size(pixels, 0.8)
    assert size["cut"] == 1
    assert size["field_share"] == pytest.approx(np.pi * 150**2 / (np.pi * 256**2), rel=0.05)


def test_an_empty_slice_has_no_body_and_a_blank_thumbnail() -> None:
    empty = np.full((512, 512), 24, np.uint16)
    assert set(measures.body_size(empty, 0.8).values()) == {0}
    assert not measures.thumbnail(empty).any() and not measures.thumbnail(empty, cropped=True).any()


def test_identical_patients_have_likeness_1() -> None:
    picture = measures.thumbnail(chest())
    assert picture.shape == (64, 64)
    assert measures.likeness(picture, picture) == pytest.approx(1)
    # Equalised: another scale of the values is no difference.
    brighter = (chest().astype(float) * 1.5).astype(np.uint16)
    body = np.hypot(ROWS - 256, COLUMNS - 256) <= 150
    assert measures.likeness(measures.thumbnail(chest(), body), measures.thumbnail(brighter, body)) > 0.999


def test_unrelated_pictures_have_likeness_0_and_the_opposite_is_negative() -> None:
    generator = np.random.default_rng(3)
    first, second = (measures.thumbnail(generator.random((512, 512)), np.ones((512, 512), bool)) for _ in range(2))
    assert abs(measures.likeness(first, second)) < 0.06
    assert measures.likeness(first, -first) == pytest.approx(-1)


def test_cropping_makes_up_for_place_and_size() -> None:
    here, there = chest(radius=150), chest(radius=100, centre=(180, 330))
    assert measures.likeness(measures.thumbnail(here), measures.thumbnail(there)) < 0.6
    cropped = [measures.thumbnail(pixels, cropped=True) for pixels in (here, there)]
    assert measures.likeness(*cropped) > 0.95


def test_pairs_of_one_patient_do_not_count() -> None:
    one, other = measures.thumbnail(chest()), measures.thumbnail(chest(centre=(200, 200)))
    pairs = measures.likeness_of_pairs(np.array([one, one, other]), np.array(["a", "a", "b"]))
    assert pairs == pytest.approx([measures.likeness(one, other)] * 2)
    pairs = measures.likeness_of_pairs(np.array([one, one]), np.array(["a", "b"]))
    assert pairs == pytest.approx([1])
