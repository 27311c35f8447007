"""covidlib.selection against the paper's words, on made, random and real series."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.made import body_slice, write_series

from covidlib.cli.main import main
from covidlib.errors import InputError
from covidlib.scans.gate import find_series
from covidlib.scans.lung_masks import lung_areas
from covidlib.scans.series import list_series
from covidlib.scans.slices import read_slice
from covidlib.scans.tiff import write_slice
from covidlib.selection import count_dark_pixels, rule_with, select_series, select_slices, selection_threshold


def selected_by_the_papers_words(slices: list[np.ndarray]) -> tuple[list[int], float, list[bool]]:
    """Section 2.2 as a loop: x from 120, y from 240, fewer than 370 and 340, darker than 300."""
    counts = []
    for pixels in slices:
        dark_pixels = 0
        for y in range(240, 340):
            for x in range(120, 370):
                if pixels[y][x] < 300:
                    dark_pixels += 1
        counts.append(dark_pixels)
    threshold = (max(counts) - min(counts)) / 1.5
    return counts, threshold, [count > threshold for count in counts]


def test_the_rule_is_the_papers_loop(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    # Values around the dark level and structure around the region's edges: an index off by one changes the counts.
    slices = [generator.integers(296, 304, (512, 512)).astype(np.uint16) for _ in range(4)]
    slices += [np.where(generator.random((512, 512)) < share, 100, 1000).astype(np.uint16) for share in (0.1, 0.6, 0.9)]
    folder = tmp_path / "s"
    folder.mkdir()
    for number, pixels in enumerate(slices):
        write_slice(folder / f"IM{number}.tif", pixels)
    selection = select_series(list_series(folder).series[0])
    counts, threshold, keep = selected_by_the_papers_words(slices)
    assert selection.counts.tolist() == counts == count_dark_pixels(np.stack(slices)).tolist()
    assert selection.threshold == threshold
    assert selection.keep.tolist() == keep


def test_region_and_dark_level_have_the_papers_edges() -> None:
    pixels = np.full((512, 512), 1000, np.uint16)
    for row, column in ((240, 120), (240, 369), (339, 120), (339, 369)):
        pixels[row, column] = 299
    assert count_dark_pixels(pixels) == 4
    for row, column in ((239, 120), (340, 120), (240, 119), (240, 370)):
        pixels[row, column] = 0
    assert count_dark_pixels(pixels) == 4
    pixels[250, 200] = 300
    assert count_dark_pixels(pixels) == 4


def test_threshold_is_two_thirds_of_the_spread() -> None:
    # The paper's own example says 2000 for these two counts: by its rule it is 1980.
    assert selection_threshold(np.array([3000, 30])) == 1980
    assert select_slices(np.array([30, 1980, 1981, 3000])).tolist() == [False, False, True, True]
    # It is no whole number where the spread is none of threes.
    assert selection_threshold(np.array([0, 1000])) == pytest.approx(666 + 2 / 3)


def test_a_series_whose_closed_slices_are_dark_is_kept_whole() -> None:
    assert select_slices(np.array([4001, 10000, 7000])).all()
    assert not select_slices(np.array([4000, 10000, 7000]))[0]


@pytest.mark.parametrize(
    ("counts", "kept"), [([500], [True]), ([0], [False]), ([7, 7], [True, True]), ([0, 0], [False, False])]
)
def test_one_slice_and_equal_counts_are_legal(tmp_path: Path, counts: list[int], kept: list[bool]) -> None:
    selection = select_series(find_series(write_series(tmp_path, counts))[0])
    assert selection.threshold == 0
    assert selection.keep.tolist() == kept


def test_an_empty_series_has_no_threshold() -> None:
    with pytest.raises(ValueError, match="at least one slice"):
        selection_threshold(np.array([], int))


def test_too_small_and_unequal_slices_are_refused(tmp_path: Path) -> None:
    write_slice(tmp_path / "IM1.tif", np.zeros((256, 256), np.uint16))
    with pytest.raises(InputError, match="256×256"):
        select_series(list_series(tmp_path).series[0])
    write_slice(tmp_path / "IM1.tif", body_slice())
    write_slice(tmp_path / "IM2.tif", np.zeros((256, 256), np.uint16))
    with pytest.raises(InputError, match="IM2.tif"):
        select_series(list_series(tmp_path).series[0])


def test_a_slice_of_another_size_is_refused_though_it_holds_the_region(tmp_path: Path) -> None:
    write_slice(tmp_path / "IM1.tif", body_slice())
    write_slice(tmp_path / "IM2.tif", np.zeros((512, 400), np.uint16))
    with pytest.raises(InputError, match="IM2.tif.*512×400"):
        select_series(list_series(tmp_path).series[0])


@pytest.mark.parametrize(("rows", "columns"), [(339, 512), (512, 369), (339, 370), (340, 369)])
def test_a_slice_without_the_whole_region_is_refused(tmp_path: Path, rows: int, columns: int) -> None:
    write_slice(tmp_path / "IM1.tif", np.zeros((rows, columns), np.uint16))
    with pytest.raises(InputError, match=f"{rows}×{columns} pixels, too small"):
        select_series(list_series(tmp_path).series[0])


def test_a_slice_that_ends_with_the_region_is_enough(tmp_path: Path) -> None:
    write_slice(tmp_path / "IM1.tif", np.zeros((340, 370), np.uint16))
    assert select_series(list_series(tmp_path).series[0]).counts.tolist() == [100 * 250]


def test_select_prints_json(series_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["select", str(series_folder), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    (entry,) = printed["series"]
    assert printed["findings"] == []
    files = [f"IM{number:05d}.tif" for number in range(1, 6)]
    assert entry == {
        "series": str(series_folder),
        "slices": 5,
        "counts": [30, 2500, 3000, 2100, 40],
        "threshold": 1980.0,
        "files": files,
        "selected": files[1:4],
    }


def test_select_prints_text(series_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["select", str(series_folder)]) == 0
    printed = capsys.readouterr().out
    assert "30 2500 3000 2100 40" in printed
    assert "1980.00" in printed
    assert "3: IM00002.tif IM00003.tif IM00004.tif" in printed


def test_real_series_keeps_one_block_as_dicom_and_as_tiff(real_series_folder: Path, tmp_path: Path) -> None:
    dicom = select_series(find_series(real_series_folder)[0])
    kept = np.flatnonzero(dicom.keep)
    assert (np.diff(kept) == 1).all()
    assert not dicom.keep[0] and not dicom.keep[-1]
    for path in dicom.series.files:
        write_slice(tmp_path / f"{path.stem}.tif", read_slice(path))
    tiff = select_series(list_series(tmp_path).series[0])
    assert tiff.counts.tolist() == dicom.counts.tolist()
    assert [Path(name).stem for name in tiff.selected] == [Path(name).stem for name in dicom.selected]
    counts, threshold, keep = selected_by_the_papers_words([read_slice(path) for path in dicom.series.files])
    assert (dicom.counts.tolist(), dicom.threshold, dicom.keep.tolist()) == (counts, threshold, keep)


def test_lung_is_dark_and_inside() -> None:
    pixels = np.full((2, 60, 60), 10, np.uint16)  # air around the patient
    pixels[:, 10:50, 5:55] = 1050
    pixels[0, 20:40, 10:20] = 150
    pixels[0, 20:40, 30:45] = 150
    assert lung_areas(pixels).tolist() == [20 * 10 + 20 * 15, 0]


def test_air_at_any_edge_is_no_lung_and_air_beside_it_is() -> None:
    pixels = np.full((1, 40, 60), 500, np.uint16)
    for edge in (np.s_[0, 10:12], np.s_[-1, 10:12], np.s_[20:22, 0], np.s_[20:22, -1]):
        pixels[0][edge] = 499
    assert lung_areas(pixels).tolist() == [0]
    for beside in (np.s_[1, 30:33], np.s_[-2, 30:34], np.s_[30:35, 1], np.s_[30:36, -2]):
        pixels[0][beside] = 499
    assert lung_areas(pixels).tolist() == [3 + 4 + 5 + 6]


def test_other_constants_move_the_rule() -> None:
    generator = np.random.default_rng(0)
    slices = generator.integers(0, 1200, (4, 512, 512)).astype(np.uint16)
    counts, threshold = rule_with(slices)
    assert counts.tolist() == count_dark_pixels(slices).tolist()
    assert threshold == selection_threshold(counts)
    moved, other = rule_with(slices, row=10, column=20, dark_below=500, divisor=2)
    assert moved.tolist() == [(one[10:110, 20:270] < 500).sum() for one in slices]
    assert other == (moved.max() - moved.min()) / 2
