"""A patient's series in, an answer out; how close it was; nothing is answered where nothing can be."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from support.made import OPEN, body_slice, write_series

from covidlib.errors import InputError
from covidlib.networks.weights import WeightsNote
from covidlib.patients.answers import Diagnosis
from covidlib.patients.decision import THRESHOLD_1, decide
from covidlib.patients.pipeline import diagnose_folder, diagnose_opened
from covidlib.scans.gate import open_folder
from covidlib.scans.tiff import write_slice


class Told:
    """An engine that answers what it was told, in turn, and keeps what it was shown."""

    note = WeightsNote("resnet50v2-fpn", "paper", (128, 128, 1), "raw", "paper", 1, "a test")

    def __init__(self, *answers: float) -> None:
        self.answers = list(answers)
        self.shown: list[np.ndarray] = []
        self.batch_size = 4

    def predict(self, images: np.ndarray) -> np.ndarray:
        self.shown.append(images)
        return np.array([self.answers.pop(0) for _ in images])

    def describe(self) -> str:
        return "told"


def diagnosed(folder: Path, *answers: float, threshold: float = 0.1) -> Diagnosis:
    return diagnose_opened("somebody", open_folder(folder), Told(*answers), threshold)


def test_a_folder_end_to_end(tmp_path: Path, untrained_weights: Path) -> None:
    write_series(tmp_path / "SR_2", [10, 17000, OPEN, 18000, 20])
    write_series(tmp_path / "SR_3", [10, OPEN])
    diagnosis = diagnose_folder(tmp_path, untrained_weights, engine="tensorflow")
    assert [selection.selected for selection in diagnosis.selections] == [
        ["IM00002.tif", "IM00003.tif", "IM00004.tif"], ["IM00002.tif"],
    ]  # fmt: skip
    assert diagnosis.probabilities.shape == (4,)
    assert ((diagnosis.probabilities > 0) & (diagnosis.probabilities < 1)).all()
    assert diagnosis.decision == decide(diagnosis.covid_slices, 4)
    assert any("teaching network" in remark for remark in diagnosis.remarks)


def test_only_selected_slices_are_shown_and_counted_in_order(tmp_path: Path) -> None:
    write_series(tmp_path, [10, *[OPEN] * 6, 20])
    engine = Told(0.9, 0.8, 0.1, 0.2, 0.3, 0.4)
    done: list[int] = []
    diagnosis = diagnose_opened("somebody", open_folder(tmp_path), engine, 0.1, done.append)
    assert sum(map(len, engine.shown)) == 6
    assert diagnosis.probabilities.tolist() == [0.9, 0.8, 0.1, 0.2, 0.3, 0.4]
    assert sum(done) == 8 and len(done) > 2


@pytest.mark.parametrize(
    ("answers", "threshold", "decision", "needed", "deciding", "change"),
    [
        ((0.9, 0.8, 0.1, 0.2), 0.1, "infected", 1, 0.9, 2),
        ((0.9, 0.8, 0.1, 0.2), 0.5, "infected", 2, 0.8, 1),
        ((0.9, 0.8, 0.1, 0.2), 0.75, "normal", 3, 0.2, 1),
        ((0.4, 0.3, 0.1, 0.2), 0, "normal", 1, 0.4, 1),
    ],
)
def test_how_close_it_was(
    tmp_path: Path,
    answers: tuple[float, ...],
    threshold: float,
    decision: str,
    needed: int,
    deciding: float,
    change: int,
) -> None:
    write_series(tmp_path, [10, *[OPEN] * 4])
    diagnosis = diagnosed(tmp_path, *answers, threshold=threshold)
    assert (diagnosis.decision, diagnosis.needed, diagnosis.slices_to_change) == (decision, needed, change)
    assert diagnosis.deciding_probability == deciding
    assert f"{needed} needed" in diagnosis.how_close()
    # With so many slices called otherwise, the decision is the other one; with one fewer it is not.
    turn = -1 if decision == "infected" else 1
    assert decide(diagnosis.covid_slices + turn * change, 4, threshold) != decision
    assert decide(diagnosis.covid_slices + turn * (change - 1), 4, threshold) == decision


def test_nothing_selected_is_undetermined(tmp_path: Path) -> None:
    write_series(tmp_path, [0, 0, 0])
    diagnosis = diagnosed(tmp_path, threshold=THRESHOLD_1)
    assert diagnosis.decision == "undetermined"
    assert any("selects no slice" in remark for remark in diagnosis.remarks)
    assert math.isnan(diagnosis.deciding_probability)
    assert diagnosis.to_dict()["deciding_probability"] is None


def test_what_is_unlike_the_training_data_is_not_classified(tmp_path: Path) -> None:
    write_series(tmp_path / "no_lungs", [10, 2000, 2500])
    write_series(tmp_path / "alone", [OPEN])
    (tmp_path / "large").mkdir()
    for number in (1, 2):
        write_slice(tmp_path / "large" / f"IM{number}.tif", np.full((768, 768), 1000 + number, np.uint16))
    for folder, reason in (("no_lungs", "no lungs"), ("alone", "single slice"), ("large", "768×768")):
        diagnosis = diagnosed(tmp_path / folder)
        assert diagnosis.decision == "undetermined", folder
        assert any(reason in remark for remark in diagnosis.remarks), folder


def test_a_series_that_is_unlike_leaves_the_others_standing(tmp_path: Path) -> None:
    write_series(tmp_path / "SR_2", [10, OPEN, OPEN])
    write_series(tmp_path / "SR_3", [10, 2000])
    diagnosis = diagnosed(tmp_path, 0.9, 0.8)
    assert diagnosis.decision == "infected"
    assert [bool(answer.unlike) for answer in diagnosis.answers] == [False, True]
    assert len(diagnosis.selections) == 1


def test_a_network_that_says_the_same_of_every_slice_is_remarked(tmp_path: Path) -> None:
    write_series(tmp_path, [10, OPEN, OPEN])
    assert any("hardly" in remark for remark in diagnosed(tmp_path, 0.499, 0.498).remarks)
    assert not any("hardly" in remark for remark in diagnosed(tmp_path, 0.499, 0.2).remarks)


def test_a_damaged_slice_is_named(tmp_path: Path) -> None:
    write_series(tmp_path, [10, OPEN, OPEN])
    (tmp_path / "IM00002.tif").write_bytes((tmp_path / "IM00002.tif").read_bytes()[:5000])
    with pytest.raises(InputError, match="IM00002.tif: is truncated"):
        diagnosed(tmp_path, 0.9, 0.8)


def test_weights_of_another_network_are_refused(tmp_path: Path, untrained_weights: Path) -> None:
    import h5py

    forged = tmp_path / "forged.weights.h5"
    forged.write_bytes(untrained_weights.read_bytes())
    with h5py.File(forged, "r+") as file:
        file.attrs["covidlib"] = file.attrs["covidlib"].replace("resnet50v2-fpn", "xception")
    with pytest.raises(InputError, match="does not fit xception"):
        diagnose_folder(write_series(tmp_path / "s", [10, OPEN]), forged, engine="tensorflow")


def test_the_slice_that_stands_for_a_series_is_its_most_open_one(tmp_path: Path) -> None:
    write_series(tmp_path, [10, OPEN, OPEN, OPEN])
    bright = body_slice(OPEN + 1000)
    bright[0, 0] = 5000
    write_slice(tmp_path / "IM00003.tif", bright)
    assert any("5000" in remark for remark in diagnosed(tmp_path).remarks)
