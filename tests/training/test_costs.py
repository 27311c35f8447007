"""covidlib.training.costs: shares of a peak and estimates follow from operations, counted by hand once."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from support.made import body_slice

from covidlib.protocols import COLAB, PAPER
from covidlib.scans.tiff import write_slice
from covidlib.training import costs


def test_an_epoch_of_the_paper_by_hand() -> None:
    # 3 passes × 40 GFLOP × 3735 slices in 198 s, of 9.3 TFLOP a second.
    assert costs.printed_slices() == round((1820 + 1916 + 1817 + 1898 + 1836 + 1893 + 1823 + 1920 + 1832 + 1921) / 5)
    assert costs.printed_epochs().to_dict() == {"xception": 356, "resnet50v2": 195, "resnet50v2-fpn": 198}
    share = costs.share_of_peak(40.0, 3735, 198, costs.PEAKS["P100, 32-bit"])
    assert share == pytest.approx(3 * 40e9 * 3735 / 198 / 9.3e12)
    assert costs.paper_shares(pd.Series({"resnet50v2-fpn": 40.0}))["share_of_peak"].item() == pytest.approx(share)


def test_an_estimate_on_the_paper_s_own_device_is_the_paper_s_time() -> None:
    gflops = costs.printed_epochs() * 0.2
    shares = costs.paper_shares(gflops)["share_of_peak"]
    hours = costs.estimate_hours(gflops, COLAB, costs.printed_slices(), shares)
    expected = costs.printed_epochs() * COLAB.epochs * COLAB.folds / 3600
    assert hours["P100, 32-bit"].drop("all").to_dict() == pytest.approx(expected.to_dict())
    assert hours.loc["all", "T4, 32-bit"] == pytest.approx(expected.sum() * 9.3 / 8.1)


def test_the_hours_of_testing_by_hand() -> None:
    # 2,282 infected and 39,262 normal test images over the folds, 66.1 ms each.
    hours = costs.printed_testing_hours()
    assert hours["resnet50v2-fpn"] == pytest.approx((2282 + 39262) * 0.0661 / 3600)
    assert list(hours.index) == ["xception", "resnet50v2", "resnet50v2-fpn"]


def test_room_on_the_disk_by_hand() -> None:
    assert costs.slices_gigabytes(1000, 16) == pytest.approx(0.524288)
    assert costs.slices_gigabytes(1000, 32) == pytest.approx(2 * 0.524288)
    room = costs.runs_gigabytes(pd.Series({"a": 10_000_000, "b": 30_000_000}), PAPER)
    assert room["weights of all runs"] == pytest.approx(0.16 * 5)
    assert room["checkpoints of a run"] == pytest.approx(0.12 * 3 * 2)


def test_room_of_a_slice_is_that_of_a_file(tmp_path: Path) -> None:
    write_slice(tmp_path / "IM1.tif", body_slice())
    assert (tmp_path / "IM1.tif").stat().st_size / 1e9 == pytest.approx(costs.slices_gigabytes(1, 16), rel=0.01)
