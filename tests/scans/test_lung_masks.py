"""covidlib.scans.lung_masks: the lungs of synthetic patients, whose lungs are known, and slices without any."""

from __future__ import annotations

import numpy as np
import pytest

from covidlib.heatmaps.infection_areas import dice
from covidlib.phantom import cohort
from covidlib.scans.lung_masks import body_mask, lung_mask
from covidlib.scans.slices import read_slice


def test_lungs_of_synthetic_patients_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    original = cohort.lungs.draw_lungs
    monkeypatch.setattr(
        cohort.lungs,
        "draw_lungs",
        lambda canvas, body, lung, noises: (drawn.append(lung > 0.5), original(canvas, body, lung, noises)),
    )
    with_lungs, with_lesions = 0, 0
    for number, covid in ((3, True), (150, False)):
        drawn.clear()
        volume = cohort.make_patient(2020, number, covid, most_slices=9)
        for pixels, truth, lesions in zip(volume.slices, drawn, volume.lesions, strict=True):
            if truth.sum() > 0.1 * truth.size:
                with_lungs += 1
                found = lung_mask(pixels[::2, ::2])
                assert dice(found, truth[::2, ::2]) > 0.9
                assert dice(lung_mask(pixels), truth) > 0.9
                if covid and lesions.sum() > 1000:
                    with_lesions += 1
                    assert (found & lesions[::2, ::2]).sum() > 0.3 * lesions[::2, ::2].sum()
    assert with_lungs >= 6 and with_lesions >= 2


def test_the_table_is_no_body_and_outside_air_is_no_lung() -> None:
    pixels = np.zeros((256, 256), np.uint16)
    rows, columns = np.mgrid[:256, :256]
    body = ((rows - 120) / 80) ** 2 + ((columns - 128) / 110) ** 2 < 1
    pixels[body] = 1060
    lungs = np.zeros_like(body)
    for middle in (75, 181):
        lungs |= ((rows - 120) / 50) ** 2 + ((columns - middle) / 30) ** 2 < 1
    pixels[lungs] = 150
    pixels[100:102, 60:90] = 1060  # a vessel
    pixels[118:124, 126:130] = 30  # a bronchus
    pixels[228:238, 20:236] = 1500  # the table
    assert dice(body_mask(pixels), body) > 0.99
    assert not body_mask(pixels)[226:].any()
    found = lung_mask(pixels)
    assert dice(found, lungs) > 0.97
    assert found[100:102, 62:88].all() and not found[119:123, 127:129].any()


@pytest.mark.parametrize("value", [0, 30, 1060])
def test_a_slice_of_air_or_of_tissue_has_no_lungs(value: int) -> None:
    pixels = np.full((128, 128), value, np.uint16)
    assert body_mask(pixels).any() == (value > 1000)
    assert not lung_mask(pixels).any()


def test_the_lungs_of_a_real_patient_are_two_areas_of_a_plausible_size(real_series_folder) -> None:
    from covidlib.scans.gate import find_series

    series = find_series(real_series_folder)[0]
    pixels = read_slice(series.files[len(series) // 2])
    body, lungs = body_mask(pixels), lung_mask(pixels)
    assert 0.15 < lungs.sum() / body.sum() < 0.6
    left, right = lungs[:, : lungs.shape[1] // 2].sum(), lungs[:, lungs.shape[1] // 2 :].sum()
    assert min(left, right) > 0.2 * lungs.sum()
