"""benchmarks: every row runs and says what it compares; what follows from a step of PAPER, counted by hand once."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from support.made import ROOT, write_series

from covidlib.training import costs


def script(name: str) -> ModuleType:
    """A script of benchmarks/ as a module."""
    specification = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_rows_run_on_a_series_of_any_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = script("run")
    for name, value in (("REPETITIONS", 1), ("CHECKED_COPIES", 2), ("LONGER", 2), ("STREAMED_EPOCHS", 1)):
        monkeypatch.setattr(run, name, value)
    monkeypatch.setattr(run, "AUGMENTED_SLICES", 4)
    # An odd number of slices, fewer than the training input draws.
    folder = write_series(tmp_path / "normal1" / "patient146" / "SR_2", [30, 2500, 2600])
    rows = [run.measure_selection(folder), *run.measure_growth(folder), run.measure_check(folder)]
    rows += run.measure_training_input(folder)
    assert len(rows) == 6
    for row in rows:
        assert row["ours"] > 0 and row["baseline"] > 0 and row["baseline_is"]
        assert row["ratio"] == pytest.approx(row["baseline"] / row["ours"], rel=0.05, abs=0.01)


def test_a_step_of_paper_by_hand() -> None:
    found = script("paper_step").report(step=7.0, processor=13.0, memory=8e9, rate=1e11, gflops=40.0, slices=3736)
    # 3736 images in batches of 14, the last of 12.
    assert found["steps of an epoch"] == 267
    assert found["minutes of an epoch"] == pytest.approx(267 * 7 / 60)
    assert found["images a second"] == 2.0
    assert found["GFLOP of a step, ESTIMATE"] == pytest.approx(3 * 40 * 14)
    assert found["share of the matrix product's rate, ESTIMATE"] == pytest.approx(3 * 40 * 2 / 100)
    assert found["P100: images a second"] == pytest.approx(3736 / 198)
    share = 3 * 40e9 * 3736 / 198 / costs.PEAKS["P100, 32-bit"]
    assert found["P100: share of its 32-bit peak, ESTIMATE"] == pytest.approx(share)


def test_an_epoch_has_the_images_of_the_authors_list(mirror: Path) -> None:
    assert script("paper_step").slices_of_an_epoch() == (1820 + 1916, "the authors' list")
