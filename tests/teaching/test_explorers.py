"""covidlib.teaching.explorers: what the browser computes is what the library computes."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from support.browser import open_page

from covidlib.heatmaps.cell_grid import Grid, enlarge
from covidlib.heatmaps.grad_cam import HeatMap, normalised
from covidlib.phantom.cohort import make_patient
from covidlib.scans.windows import grey_levels
from covidlib.selection import count_dark_pixels, rule_with, select_slices, selection_threshold
from covidlib.teaching import explorers


@pytest.fixture(scope="module")
def series() -> np.ndarray:
    return make_patient(5, 150, covid=False, most_slices=6).slices


def page_of(folder: Path, shown: str) -> str:
    path = folder / "page.html"
    path.write_text(f"<!doctype html><meta charset='utf-8'>{shown}", encoding="utf-8")
    return path.as_uri()


def test_the_rule_in_the_browser_is_the_rule_in_the_library(series: np.ndarray, tmp_path: Path) -> None:
    labels = [f"slice {number}" for number in range(1, len(series) + 1)]
    address = page_of(tmp_path, explorers.selection_explorer(series, labels, "rule").data)
    # The page sees every second row and column, in steps of four.
    seen = np.minimum(series[:, ::2, ::2] // 4, 255).astype(int) * 4

    def counts(row: int, column: int, dark: int) -> list[int]:
        region = seen[:, row // 2 : row // 2 + 50, column // 2 : column // 2 + 125]
        return [4 * int(count) for count in (region < dark).sum(axis=(1, 2))]

    with open_page() as page:
        page.goto(address)
        drawn = page.locator("canvas.profile").get_attribute("aria-label") or ""
        assert [int(number) for number in re.findall(r"\d+", drawn)] == counts(240, 120, 300)
        kept = np.flatnonzero(select_slices(np.array(counts(240, 120, 300)))) + 1
        caption = page.locator(".caption").inner_text()
        assert f"kept {len(kept)} of {len(series)}: {' '.join(map(str, kept))}" in caption
        for part, value in (("row", "100"), ("column", "60"), ("dark", "200"), ("divisor", "3"), ("slice", "1")):
            page.locator(f'[data-part="{part}"]').fill(value)
        moved = np.array(counts(100, 60, 200))
        threshold = (moved.max() - moved.min()) / 3
        caption = page.locator(".caption").inner_text()
        assert caption.startswith(f"slice 2: {moved[1]} dark pixels") and f"Threshold {threshold:.0f}" in caption
        assert f"kept {(moved > threshold).sum()} of" in caption
        page.get_by_role("button").click()
        assert str(counts(240, 120, 300)[1]) in page.locator(".caption").inner_text()


def test_a_count_that_equals_the_threshold_is_dropped_in_the_browser_too(tmp_path: Path) -> None:
    slices = np.full((3, 512, 512), 1000, np.uint16)
    for pixels, dark_rows in zip(slices, (0, 40, 60), strict=True):
        pixels[240 : 240 + dark_rows, 120:370] = 100
    assert count_dark_pixels(slices)[1] == selection_threshold(count_dark_pixels(slices))
    with open_page() as page:
        page.goto(page_of(tmp_path, explorers.selection_explorer(slices, list("abc"), "rule").data))
        assert "b: 10000 dark pixels, dropped. Threshold 10000, kept 1 of 3: 3" in page.locator(".caption").inner_text()


def test_subsampled_counts_are_near_the_exact_ones(series: np.ndarray) -> None:
    exact = count_dark_pixels(series)
    sampled = 4 * ((series[:, 240:340:2, 120:370:2] // 4) * 4 < 300).sum(axis=(1, 2))
    assert np.abs(exact - sampled).max() < 0.03 * exact.max()


def test_the_window_in_the_browser_is_the_window_in_the_library(series: np.ndarray, tmp_path: Path) -> None:
    shown = explorers.window_explorer(series, [f"</script> {i}" for i in range(len(series))], "window").data
    start = len(series) // 2
    means = series[start].reshape(256, 2, 256, 2).mean(axis=(1, 3)).round().astype(np.uint16)
    read = """() => Array.from(document.querySelector("canvas").getContext("2d")
                  .getImageData(0, 0, 256, 256).data).filter((_, at) => at % 4 === 0)"""
    with open_page() as page:
        page.goto(page_of(tmp_path, shown))
        lung = np.array(page.evaluate(read)).reshape(256, 256)
        assert np.abs(lung - grey_levels(means, "lung").astype(int)).max() <= 1
        page.get_by_role("button", name="soft tissue").click()
        soft = np.array(page.evaluate(read)).reshape(256, 256)
        assert np.abs(soft - grey_levels(means, "soft tissue").astype(int)).max() <= 1
        assert np.abs(soft - lung).max() > 100
        page.locator('[data-part="slice"]').fill("0")
        assert page.locator(".caption").inner_text() == "</script> 0"
        label = page.locator("canvas").get_attribute("aria-label")
        assert label == "</script> 0, window centre 40 HU, width 400 HU"


def test_cells_in_the_browser_lie_where_the_library_says(series: np.ndarray, tmp_path: Path) -> None:
    lesion = np.zeros((512, 512), bool)
    lesion[200:240, 100:132] = True
    maps = pd.DataFrame(
        {
            "level": ["</script>", "coarse"],
            "cells": [30, 4],
            "first": [16.0, 96.0],
            "stride": [16.0, 128.0],
            "receptive_field": [99.0, 675.0],
        }
    )

    def share(cell: tuple[int, int], row: int) -> float:
        """How much of a cell's own square is lesion, on every second pixel."""
        first, stride = maps.loc[row, ["first", "stride"]].astype(int)
        top, left = (max(first + index * stride - stride // 2 + 1, 0) for index in cell)
        return lesion[top : top + stride, left : left + stride][1::2, 1::2].mean()

    with open_page() as page:
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(page_of(tmp_path, explorers.cell_explorer(series[2], lesion, maps, "cells").data))
        caption = page.locator(".caption")
        page.locator('[data-part="map"]').fill("0")
        page.locator('[data-part="row"]').fill("13")
        page.locator('[data-part="column"]').fill("7")
        said = caption.inner_text()
        assert said.startswith("</script> has 30×30 cells, 16 pixels apart. This one sees a square of 99 pixels, 4% of")
        assert said.endswith(f"lesion fills {share((12, 6), 0):.0%}.") and share((12, 6), 0) == 1
        page.locator('[data-part="row"]').press("ArrowRight")
        page.locator('[data-part="row"]').press("ArrowRight")
        assert caption.inner_text().endswith(f"lesion fills {share((14, 6), 0):.0%}.") and 0 < share((14, 6), 0) < 1
        # Another map: the cell that is nearest to where one was; a click goes to the nearest cell, too.
        page.locator('[data-part="map"]').press("ArrowRight")
        assert page.locator('[data-of="row"]').inner_text() == "2 of 4"
        assert page.locator('[data-of="column"]').inner_text() == "1 of 4"
        assert "675 pixels, 100% of the slice" not in caption.inner_text() and "coarse has 4×4" in caption.inner_text()
        frame = page.locator("canvas").bounding_box()
        assert frame
        page.locator("canvas").click(position={"x": frame["width"] * 0.95, "y": frame["height"] * 0.5})
        assert page.locator('[data-of="column"]').inner_text() == "4 of 4"
        assert problems == []


def test_maps_in_the_browser_are_those_of_the_library(series: np.ndarray, tmp_path: Path) -> None:
    random, side = np.random.default_rng(0), explorers.HEAT_SIDE
    coarse = random.random((2, 2, len(series), 4, 4))
    coarse[1, 0, 1] = 0

    def heat(layer: int, explained: int) -> HeatMap:
        maps = normalised(enlarge(coarse[layer, explained], side, Grid(7.5, 16)))
        some = maps.any(axis=(1, 2))
        zeros = np.zeros((len(series), 2), np.float32)
        return HeatMap(f"</script> {layer}", maps, some, zeros, zeros[:, 0], zeros)

    maps = {f"layer {layer}": (heat(layer, 0), heat(layer, 1)) for layer in range(2)}
    lesions = np.zeros(series.shape, bool)
    lesions[:, 200:240, 160:190] = True
    labels = [f"slice {number}" for number in range(1, len(series) + 1)]
    shown = explorers.heatmap_explorer(series, lesions, maps, labels, "heat").data
    read = """() => Array.from(document.querySelector("canvas").getContext("2d").getImageData(0, 0, 256, 256).data)"""
    with open_page() as page:
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(page_of(tmp_path, shown))
        page.locator('[data-part="slice"]').fill("2")
        page.locator('[data-part="layer"]').fill("1")
        page.get_by_role("button", name="evidence for normal").click()
        caption = page.locator(".caption").inner_text()
        assert caption == "slice 3. Evidence for normal, </script> 1 (head 0, 0)."
        drawn = np.array(page.evaluate(read)).reshape(256, 256, 4)[..., :3]
        grey = grey_levels(series[2, ::2, ::2]).astype(float)[..., np.newaxis]
        stored = np.rint(maps["layer 1"][1].maps[2:3] * 255) / 255
        fine = enlarge(stored, 256, Grid(0, 1).at_side(64, 256))[0]
        colours = np.asarray(plt.get_cmap("inferno")(fine))[..., :3] * 255
        share = np.minimum(fine, 0.65)[..., np.newaxis]
        expected = grey * (1 - share) + colours * share
        far = np.ones((256, 256), bool)
        far[99:121, 79:96] = False
        assert np.abs(drawn - expected)[far].max() < 6
        assert drawn[100, 80].tolist() == [56, 217, 255] and drawn[110, 85].tolist() != [56, 217, 255]
        page.get_by_role("button", name="lesions outlined").click()
        assert np.array(page.evaluate(read)).reshape(256, 256, 4)[100, 80, :3].tolist() != [56, 217, 255]
        page.get_by_role("button", name="evidence for COVID-19").click()
        page.locator('[data-part="slice"]').press("ArrowLeft")
        assert (
            "slice 2. Evidence for COVID-19, </script> 1: no gradient (head 0, 0)."
            in page.locator(".caption").inner_text()
        )
        assert page.locator("canvas").get_attribute("aria-label") == page.locator(".caption").inner_text()
        assert problems == []


def test_the_widget_applies_the_rule_exactly(series: np.ndarray) -> None:
    counts, threshold = rule_with(series)
    assert counts.tolist() == count_dark_pixels(series).tolist()
    assert threshold == selection_threshold(counts)
    controls = explorers.selection_controls(series)
    assert [child.description for child in controls.children[:5]] == [
        "slice", "first row", "first column", "dark below", "divisor",
    ]  # fmt: skip
    assert controls.children[1].value == 240 and controls.children[4].value == 1.5
