"""covidlib.diagnosis: the two thresholds, the empty selection, Table 6, and a folder from end to end."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import write_series

from covidlib import networks
from covidlib.cli import main
from covidlib.diagnosis import THRESHOLD_1, THRESHOLD_2, decide, decide_patients, diagnose_folder, table6
from covidlib.errors import InputError
from covidlib.paper import table
from covidlib.weights import WeightsNote, save_weights


@pytest.mark.parametrize(
    ("covid", "selected", "first", "second"),
    [
        (0, 20, "normal", "normal"),
        (1, 20, "infected", "normal"),
        (2, 20, "infected", "infected"),
        (1, 3, "infected", "infected"),
        (0, 0, "undetermined", "undetermined"),
        (7, 70, "infected", "infected"),
        (6, 70, "infected", "normal"),
    ],
)
def test_both_thresholds(covid: int, selected: int, first: str, second: str) -> None:
    assert decide(covid, selected, THRESHOLD_1) == first
    assert decide(covid, selected, THRESHOLD_2) == second


def test_a_share_is_exact_for_every_count() -> None:
    # In floating point, 0.07 · 100 is above 7: 7 of 100 would be missed.
    assert 0.07 * 100 > 7
    for hundredths in range(1, 100):
        assert decide(hundredths, 100, hundredths / 100) == "infected"
        assert decide(hundredths - 1, 100, hundredths / 100) == "normal"


def test_contradictory_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="5 COVID-19 slices of 3"):
        decide(5, 3)
    with pytest.raises(ValueError, match="share"):
        decide(1, 3, 10)


def test_patients_and_table_6() -> None:
    rows = [("a", 1, "p1", "covid", p) for p in (0.9, 0.1)] + [("a", 1, "p2", "normal", p) for p in (0.1, 0.2)]
    rows += [("a", 2, "p3", "covid", 0.1), ("a", 2, "p4", "normal", 0.9)]
    predictions = pd.DataFrame(rows, columns=["network", "fold", "patient", "patient_label", "p_covid"])
    decisions = decide_patients(predictions)
    assert decisions.set_index("patient")["decision"].to_dict() == {
        "p1": "infected", "p2": "normal", "p3": "normal", "p4": "infected",
    }  # fmt: skip
    result = table6(decisions)
    assert list(result.columns) == list(table(6).columns)
    assert result["Correct identified patients"].tolist() == [2, 0, 1]
    assert result["Wrong identified as COVID"].tolist() == [0, 1, 0.5]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "fpn.weights.h5"
    note = WeightsNote("resnet50v2-fpn", "quick", (128, 128, 1), "fixed-4095", "quick", 1, "made for a test")
    save_weights(networks.build("resnet50v2-fpn", (128, 128, 1), "quick"), path, note)
    return path


def test_a_folder_end_to_end(tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_series(tmp_path / "patient1" / "SR_2", [10, 2000, 2500, 2400, 20])
    write_series(tmp_path / "patient1" / "SR_3", [10, 2000])
    diagnosis = diagnose_folder(tmp_path, weights)
    assert [selection.selected for selection in diagnosis.selections] == [
        ["IM00002.tif", "IM00003.tif", "IM00004.tif"], ["IM00002.tif"],
    ]  # fmt: skip
    assert diagnosis.probabilities.shape == (4,)
    assert ((diagnosis.probabilities > 0) & (diagnosis.probabilities < 1)).all()
    assert diagnosis.decision == decide(diagnosis.covid_slices, 4)
    assert main(["diagnose", str(tmp_path), "--weights", str(weights), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["decision"] == diagnosis.decision
    assert printed["selected_slices"] == 4
    assert np.allclose(printed["probabilities"], diagnosis.probabilities, atol=1e-5)
    assert "Not a medical device" in printed["notice"]
    assert main(["diagnose", str(tmp_path), "--weights", str(weights)]) == 0
    assert "Not a medical device" in capsys.readouterr().out


def test_nothing_selected_is_undetermined(tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_series(tmp_path, [0, 0, 0])
    diagnosis = diagnose_folder(tmp_path, weights, threshold=THRESHOLD_1)
    assert diagnosis.decision == "undetermined"
    assert any("selects no slice" in remark for remark in diagnosis.remarks)
    assert main(["diagnose", str(tmp_path), "--weights", str(weights)]) == 0
    assert "undetermined" in capsys.readouterr().out


def test_bad_input_ends_with_one_line_and_exit_code_2(
    tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = write_series(tmp_path / "good", [10, 2000])
    (tmp_path / "empty").mkdir()
    no_weights = tmp_path / "notes.h5"
    no_weights.write_text("no HDF5")
    cases = [
        ["select", str(tmp_path / "empty")],
        ["diagnose", str(tmp_path / "empty"), "--weights", str(weights)],
        ["diagnose", str(good), "--weights", str(tmp_path / "absent.h5")],
        ["diagnose", str(good), "--weights", str(no_weights)],
        ["diagnose", str(good), "--weights", str(weights), "--network", "xception"],
        ["diagnose", str(good), "--weights", str(weights), "--threshold", "1.5"],
        ["train", "--protocol", "fast", "--all"],
        ["train"],
    ]
    for case in cases:
        assert main(case) == 2, case
        captured = capsys.readouterr()
        assert captured.out == "", case
        assert captured.err.startswith("covidlib: ") and captured.err.count("\n") == 1, (case, captured.err)


def test_weights_of_another_network_are_refused(tmp_path: Path, weights: Path) -> None:
    import h5py

    forged = tmp_path / "forged.weights.h5"
    forged.write_bytes(weights.read_bytes())
    with h5py.File(forged, "r+") as file:
        file.attrs["covidlib"] = file.attrs["covidlib"].replace("resnet50v2-fpn", "xception")
    write_series(tmp_path / "s", [10, 2000])
    with pytest.raises(InputError, match="does not fit xception"):
        diagnose_folder(tmp_path / "s", forged)
