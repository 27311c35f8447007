"""covidlib.pitfalls.changed_slices: what each change takes away, and what it leaves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.drawn_chests import SIDE, chest, ellipse, masks

from covidlib.errors import InputError
from covidlib.pitfalls.changed_slices import (
    AIR,
    AS_THEY_ARE,
    CHANGES,
    EQUAL_KERNELS,
    LUNG,
    MIRRORED,
    NO_BODY,
    NO_LUNGS,
    NO_OUTSIDE,
    RESCALED,
    TISSUE,
    answers_in_portions,
    answers_to_changes,
    change_slices,
    changed,
    lung_field,
)
from covidlib.scans.lung_masks import body_mask, lung_mask


def by_name(pixels: np.ndarray) -> dict[str, np.ndarray]:
    pictures, has_lungs = changed(pixels)
    assert has_lungs
    return dict(zip(CHANGES, pictures, strict=True))


def test_each_change_takes_away_what_it_says_and_nothing_else() -> None:
    pixels = chest(True, "sharp", 1)
    body, lungs = masks()
    found = by_name(pixels)
    assert np.array_equal(found[AS_THEY_ARE], pixels)
    assert (found[NO_LUNGS][lungs] == LUNG).mean() > 0.99
    heart = ellipse(SIDE, 0.5, 0.5, 0.25, 0.03)
    assert np.array_equal(found[NO_LUNGS][~body | heart], pixels[~body | heart])
    inside = ellipse(SIDE, 0.5, 0.5, 0.31, 0.4)
    assert (found[NO_BODY][inside] == TISSUE).all()
    outside = ~ellipse(SIDE, 0.5, 0.5, 0.35, 0.44)
    assert np.array_equal(found[NO_BODY][outside], pixels[outside])
    assert (found[NO_OUTSIDE][outside] == AIR).all()
    assert np.array_equal(found[NO_OUTSIDE][inside], pixels[inside])
    assert np.array_equal(found[MIRRORED], pixels[:, ::-1]) and not np.array_equal(found[MIRRORED], pixels)
    assert body_mask(found[RESCALED]).sum() == pytest.approx(0.81 * body.sum(), rel=0.03)
    assert found[RESCALED].shape == pixels.shape and found[RESCALED][0, 0] == AIR


def test_kernels_are_hardly_told_apart_after_equalising() -> None:
    body = ellipse(SIDE, 0.73, 0.5, 0.05, 0.2)
    sharp, smooth = (by_name(chest(False, kernel, 2)) for kernel in ("sharp", "smooth"))
    before = sharp[AS_THEY_ARE][body].std() / smooth[AS_THEY_ARE][body].std()
    assert before > 4
    spread = [one[EQUAL_KERNELS][body].std() for one in (sharp, smooth)]
    # In HU: from some 60 to a few.
    assert spread[0] - spread[1] < 0.15 * (sharp[AS_THEY_ARE][body].std() - smooth[AS_THEY_ARE][body].std())


def test_a_dense_lesion_at_the_chest_wall_is_blanked_with_the_lung() -> None:
    _, lungs = masks()
    lesion = ellipse(SIDE, 0.5, 0.22, 0.05, 0.04) & lungs
    assert lesion.sum() > 20
    pixels = chest(False, "smooth", 3)
    pixels[lesion] = TISSUE
    body = body_mask(pixels)
    mask = lung_mask(pixels, body)
    assert not mask[lesion].all()
    assert mask[lesion].mean() < 0.2 and lung_field(mask, body)[lesion].mean() > 0.8
    assert (by_name(pixels)[NO_LUNGS][lesion] == LUNG).mean() > 0.8
    assert not lung_field(np.zeros_like(mask), body).any()


def test_a_slice_without_lungs_is_said_to_have_none() -> None:
    pixels = np.full((64, 64), 24, np.uint16)
    pixels[10:54, 10:54] = 1064
    pictures, has_lungs = changed(pixels)
    assert not has_lungs and np.array_equal(pictures[CHANGES.index(NO_LUNGS)], pixels)


def test_every_slice_is_asked_about_in_every_change(tmp_path: Path) -> None:
    names = [f"{number}.tif" for number in range(18)]
    table = pd.DataFrame({"path": names, "patient": names}, index=range(5, 23))
    drawn = {tmp_path / name: chest(False, "smooth", place) for place, name in enumerate(names)}

    def corner(values: np.ndarray) -> np.ndarray:
        return values[:, 0, 0] + values[:, 0, -1] / 1e4

    slices = change_slices(table, tmp_path, SIDE, drawn.__getitem__)
    assert slices.images.shape == (18, len(CHANGES), SIDE, SIDE)
    answers = answers_to_changes(slices, corner)
    assert len(answers) == 18 * len(CHANGES) and answers["has_lungs"].all()
    portions = list(answers_in_portions(table, tmp_path, SIDE, corner, drawn.__getitem__))
    assert len(portions) == 2
    # The same answers for the same pictures, whatever the order.
    keys = ["path", "change"]
    again = pd.concat(portions).set_index(keys)["p_covid"].sort_index()
    assert again.equals(answers.set_index(keys)["p_covid"].sort_index())
    first = answers.set_index(keys)["p_covid"]["0.tif"]
    pixels = drawn[tmp_path / "0.tif"].astype(np.float32)
    assert first[AS_THEY_ARE] == pytest.approx(pixels[0, 0] + pixels[0, -1] / 1e4)
    assert first[MIRRORED] == pytest.approx(pixels[0, -1] + pixels[0, 0] / 1e4)
    some = slices.rows(slices.table["path"].isin(names[:2]))
    assert some.images.shape[0] == len(some.table) == 2
    with pytest.raises(InputError, match="0.tif: cannot average 128×128 pixels down to 100×100"):
        change_slices(table, tmp_path, 100, drawn.__getitem__)
