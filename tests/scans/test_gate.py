"""covidlib.scans.gate: one judgement, the same in every command; what can be used is used, the rest is named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.made import write_series
from support.odd_series import chest

from covidlib.cli.main import main
from covidlib.errors import InputError, SeriesWarning
from covidlib.scans.gate import find_series, open_folder
from covidlib.scans.patient_folders import find_patients
from covidlib.scans.series import read_series
from covidlib.scans.tiff import write_slice
from covidlib.selection import select_series

VOLUME = chest(8)


def write_volume(folder: Path, volume: np.ndarray) -> Path:
    folder.mkdir(parents=True)
    for number, pixels in enumerate(volume, start=1):
        write_slice(folder / f"IM{number:05d}.tif", pixels.astype(np.uint16))
    return folder


@pytest.fixture
def shifted(tmp_path: Path) -> Path:
    """A dataset in COVID-CTset's layout of which one series is HU + 32768."""
    write_volume(tmp_path / "data" / "covid1" / "patient1" / "SR_2", VOLUME.astype(int) - 1024 + 32768)
    write_volume(tmp_path / "data" / "normal1" / "patient2" / "SR_2", VOLUME)
    return tmp_path / "data"


def test_every_command_says_the_same(shifted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    series = shifted / "covid1" / "patient1" / "SR_2"
    words = f"{series}: refused: its values are HU + 32768"
    codes = {"select": 3, "check-data": 1}
    for command, code in codes.items():
        assert main([command, str(shifted), "--json"]) == code
        shown = capsys.readouterr()
        assert words in shown.err
        (finding,) = (one for one in json.loads(shown.out)["findings"] if one["severity"] == "refused")
        assert finding["code"] == "other-scale" and finding["where"] == str(series)
        assert set(finding) == {"code", "severity", "where", "files", "sentence", "remedy"}
    assert main(["train", "--all", "--data", str(shifted), "--runs", str(tmp_path / "runs")]) == 2
    shown = capsys.readouterr()
    assert "its values are HU + 32768" in shown.err and shown.err.count("\n") == 1
    with pytest.raises(InputError, match=r"its values are HU \+ 32768"):
        find_patients([series])[0].open()
    with pytest.warns(SeriesWarning, match=r"its values are HU \+ 32768"):
        assert [len(one) for one in find_series(shifted)] == [8]


def test_a_rescaled_series_reads_and_selects_as_the_right_one(shifted: Path, tmp_path: Path) -> None:
    for series in open_folder(shifted, rescale=True).series:
        assert np.array_equal(read_series(series), VOLUME)
        assert select_series(series).counts.tolist() == [
            int((pixels[240:340, 120:370] < 300).sum()) for pixels in VOLUME
        ]


def test_a_rescaled_copy_is_complete_or_not_there(
    shifted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (shifted / "slices.csv").write_text("kept as it is\n")
    assert main(["rescale", str(shifted), str(tmp_path / "new")]) == 0
    assert "1 series converted" in capsys.readouterr().out
    assert [one.scale for one in find_series(tmp_path / "new")] == [None, None]
    for series in find_series(tmp_path / "new"):
        assert np.array_equal(read_series(series), VOLUME)
    assert (tmp_path / "new" / "slices.csv").read_text() == "kept as it is\n"
    write_volume(shifted / "normal1" / "patient3" / "SR_2", np.clip(VOLUME.astype(int) - 1024, 0, None))
    assert main(["rescale", str(shifted), str(tmp_path / "other")]) == 2
    assert "cut off" in capsys.readouterr().err and not (tmp_path / "other").exists()
    assert main(["rescale", str(shifted), str(tmp_path / "new")]) == 2


def test_slices_out_of_order_are_told_and_a_series_in_order_is_not(tmp_path: Path) -> None:
    write_volume(tmp_path / "good", VOLUME)
    write_volume(tmp_path / "shuffled", VOLUME[[0, 4, 1, 5, 7, 3, 2, 6]])
    assert open_folder(tmp_path / "good").findings == []
    assert [one.code for one in open_folder(tmp_path / "shuffled").findings] == ["opens-twice"]


def test_a_folder_of_which_nothing_can_be_used_is_one_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_volume(tmp_path / "a", VOLUME * 0 + 7)
    assert main(["select", str(tmp_path)]) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.count("\n") == 1 and f"{tmp_path}/a: " in shown.err


def test_strict_refuses_for_a_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_series(tmp_path / "a", [100, 200, 300, 200, 100])
    (tmp_path / "a" / "IM00003.tif").unlink()
    assert main(["select", str(tmp_path)]) == 0
    assert "a slice seems to be missing between IM00002.tif and IM00004.tif" in capsys.readouterr().err
    assert main(["select", str(tmp_path), "--strict"]) == 2
