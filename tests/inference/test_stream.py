"""The same probabilities as one by one, read ahead but not too far, only what was selected."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from support.made import write_series

from covidlib.errors import InputError
from covidlib.inference import stream
from covidlib.inference.engine import Engine
from covidlib.networks import inputs
from covidlib.networks.inputs import load_images
from covidlib.networks.weights import WeightsNote
from covidlib.scans.gate import find_series
from covidlib.selection import select_series

NOTE = WeightsNote("resnet50v2-fpn", "quick", (128, 128, 1), "fixed-4095", "quick", 1, "made for a test")


def engine(seen: list[int] | None = None, pause: float = 0) -> Engine:
    """An engine whose answer is a number that each slice has of its own: its mean."""

    def infer(images: np.ndarray) -> np.ndarray:
        if seen is not None:
            seen.append(len(images))
        time.sleep(pause)
        return images.mean(axis=(1, 2, 3), dtype=np.float32)

    return Engine("tensorflow", "float32", NOTE, 0.0, 4, infer)


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    return sorted(write_series(tmp_path / "series", [100 * number for number in range(30)]).iterdir())


def test_every_slice_gets_its_own_probability_in_order(paths: list[Path]) -> None:
    seen: list[int] = []
    expected = [load_images([path], 128, "fixed-4095").mean() for path in paths]
    assert len(set(expected)) == len(paths)
    assert np.allclose(stream.probabilities(paths, engine(seen)), expected, atol=1e-6)
    assert seen == [4] * 7 + [2]
    assert np.allclose(np.concatenate(list(stream.classified_batches(paths[:5], engine()))), expected[:5], atol=1e-6)
    assert stream.probabilities([], engine()).shape == (0,)


def test_what_is_not_a_number_is_no_answer(paths: list[Path]) -> None:
    """Not above one half, it would count as normal."""

    def infer(images: np.ndarray) -> np.ndarray:
        return np.where(np.arange(len(images)) == 2, np.nan, 0.9).astype(np.float32)

    broken = Engine("tensorflow", "float32", NOTE, 0.0, 4, infer)
    with pytest.raises(InputError, match=f"{paths[2].name}: resnet50v2-fpn returns NaN"):
        stream.probabilities(paths, broken)


def test_reading_runs_ahead_of_the_engine_but_not_far(paths: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    read, classified, lead = [0], [0], []

    def load(*arguments: object) -> np.ndarray:
        read[0] += 1
        return np.zeros((4, 128, 128, 1), np.float32)

    monkeypatch.setattr(inputs, "load_images", load)
    for _ in stream.classified_batches(paths, engine(pause=0.02)):
        classified[0] += 1
        lead.append(read[0] - classified[0])
    assert max(lead) >= 1, "nothing was read while the engine worked"
    assert max(lead) <= stream.BATCHES_AHEAD


def test_only_selected_slices_are_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_series(tmp_path / "a", [10, 2000, 2500, 2400, 20])
    write_series(tmp_path / "b", [10, 2000], seed=50)
    whole: list[str] = []

    def load(paths: list[Path], *arguments: object) -> np.ndarray:
        whole.extend(f"{path.parent.name}/{path.name}" for path in paths)
        return np.zeros((len(paths), 128, 128, 1), np.float32)

    monkeypatch.setattr(inputs, "load_images", load)
    found = list(stream.classified_series(find_series(tmp_path), engine()))
    assert whole == ["a/IM00002.tif", "a/IM00003.tif", "a/IM00004.tif", "b/IM00002.tif"]
    assert [(len(selection.series), len(p_covid)) for selection, p_covid in found] == [(5, 3), (2, 1)]
    assert [stream.selected_paths(selection)[0].name for selection, _ in found] == ["IM00002.tif"] * 2


def test_the_next_series_is_counted_while_one_is_classified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed, name in enumerate("abc"):
        write_series(tmp_path / name, [10, 2000, 20], seed=10 * seed)
    counted, second_counted = [], threading.Event()

    def count(series):  # type: ignore[no-untyped-def]
        counted.append(Path(series.name).name)
        if len(counted) == 2:
            second_counted.set()
        return select_series(series)

    monkeypatch.setattr(stream, "select_series", count)

    def infer(images: np.ndarray) -> np.ndarray:
        assert second_counted.wait(timeout=20), "the engine waited for the first series alone"
        return np.zeros(len(images), np.float32)

    working = Engine("tensorflow", "float32", NOTE, 0.0, 4, infer)
    assert len(list(stream.classified_series(find_series(tmp_path), working))) == 3
    assert counted == ["a", "b", "c"]
    assert list(stream.classified_series([], working)) == []


def test_a_bad_slice_is_named_and_ends_the_stream(paths: list[Path]) -> None:
    paths[9].write_bytes(paths[9].read_bytes()[:1000])
    seen: list[int] = []
    with pytest.raises(InputError, match="IM00010.tif: is truncated"):
        stream.probabilities(paths, engine(seen))
    assert sum(seen) == 8
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("reader")]
