"""covidlib.scans.gate: one judgement, the same in every command; what can be used is used, the rest is named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.made import write_series
from support.odd_series import chest, write_clean

from covidlib.cli.main import main
from covidlib.datasets.slice_table import load_table
from covidlib.errors import InputError, SeriesWarning
from covidlib.scans.gate import find_series, open_folder
from covidlib.scans.patient_folders import find_patients
from covidlib.scans.series import read_series
from covidlib.scans.tiff import write_slice
from covidlib.selection import select_series

VOLUME = chest(8)
OTHER = chest(8, 1)


def write_volume(folder: Path, volume: np.ndarray) -> Path:
    folder.mkdir(parents=True)
    for number, pixels in enumerate(volume, start=1):
        write_slice(folder / f"IM{number:05d}.tif", pixels.astype(np.uint16))
    return folder


@pytest.fixture
def shifted(tmp_path: Path) -> Path:
    """A dataset in COVID-CTset's layout of which one series is HU + 32768."""
    write_volume(tmp_path / "data" / "covid1" / "patient1" / "SR_2", VOLUME.astype(int) - 1024 + 32768)
    write_volume(tmp_path / "data" / "normal1" / "patient2" / "SR_2", OTHER)
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
    for series, volume in zip(open_folder(shifted, rescale=True).series, (VOLUME, OTHER), strict=True):
        assert np.array_equal(read_series(series), volume)
        assert select_series(series).counts.tolist() == [
            int((pixels[240:340, 120:370] < 300).sum()) for pixels in volume
        ]


def test_a_rescaled_copy_is_complete_or_not_there(
    shifted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (shifted / "slices.csv").write_text("kept as it is\n")
    assert main(["rescale", str(shifted), str(tmp_path / "new")]) == 0
    assert "1 series converted" in capsys.readouterr().out
    assert [one.scale for one in find_series(tmp_path / "new")] == [None, None]
    for series, volume in zip(find_series(tmp_path / "new"), (VOLUME, OTHER), strict=True):
        assert np.array_equal(read_series(series), volume)
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


@pytest.mark.parametrize("copy", ["SR_2 - Copy", "SR_2 (1)", "SR_7", "aaa"])
def test_a_copied_series_counts_once_in_every_command(
    copy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    write_volume(data / "covid1" / "patient1" / "SR_2", VOLUME)
    write_volume(data / "normal1" / "patient2" / "SR_2", chest(8, 1))
    write_volume(data / "covid1" / "patient1" / copy, VOLUME)
    again, first = data / "covid1" / "patient1" / copy, data / "covid1" / "patient1" / "SR_2"
    if copy == "aaa":  # whichever is read first is kept
        again, first = first, again
    words = f"{again}: left out: all of its 8 slices are also in {first.name}"
    assert main(["select", str(data), "--json"]) == 0
    shown = capsys.readouterr()
    assert words in shown.err
    assert [one["series"] for one in json.loads(shown.out)["series"]].count(str(again)) == 0
    assert len(json.loads(shown.out)["series"]) == 2
    assert main(["check-data", str(data), "--json"]) in (0, 1)
    assert words in capsys.readouterr().err
    opened = find_patients([data / "covid1"])[0].open()
    assert [one.name for one in opened.series] == [str(first)] and opened.findings[-1].line().startswith(words)
    assert main(["rescale", str(data), str(tmp_path / "new")]) == 0
    assert len(list((tmp_path / "new").rglob("*.tif"))) == 16
    if copy != "aaa":
        with pytest.warns(SeriesWarning, match="are also in"):
            assert len(load_table(data)) == 16


def test_of_two_equal_series_the_one_named_like_a_copy_is_left_out(tmp_path: Path) -> None:
    write_volume(tmp_path / "SR_2 (1)", VOLUME)  # before the other in the order of names
    write_volume(tmp_path / "SR_9", VOLUME)
    assert [Path(one.name).name for one in open_folder(tmp_path).series] == ["SR_9"]


def test_series_that_differ_outside_the_rows_that_are_looked_at_are_two(tmp_path: Path) -> None:
    other = VOLUME.copy()
    other[:, 3, 250:260] += 7
    write_volume(tmp_path / "a", VOLUME)
    write_volume(tmp_path / "b", other)
    opened = open_folder(tmp_path)
    assert len(opened.series) == 2 and not opened.findings
    assert len(set(opened.contents.values())) == 1  # what the gate reads is the same


def test_slices_under_another_patients_name_count_once_or_are_refused(tmp_path: Path) -> None:
    write_volume(tmp_path / "covid1" / "patient1" / "SR_2", VOLUME)
    write_volume(tmp_path / "covid2" / "patient9" / "SR_4", VOLUME[1:])
    with pytest.warns(SeriesWarning, match="all of its 7 slices are also in covid1/patient1/SR_2[.]"):
        assert set(load_table(tmp_path)["patient"]) == {"patient1"}
    write_volume(tmp_path / "normal1" / "patient3" / "SR_2", VOLUME[::-1])
    with pytest.raises(InputError, match=r"under the other class \(covid\)"):
        load_table(tmp_path)


def test_series_that_share_slices_are_told_and_the_authors_selected_images_stay(tmp_path: Path) -> None:
    write_volume(tmp_path / "a", VOLUME)
    write_volume(tmp_path / "b", np.concatenate([VOLUME[:5], chest(8, 1)[5:]]))
    opened = open_folder(tmp_path)
    assert len(opened.series) == 2
    assert [(one.code, one.severity) for one in opened.findings] == [("same-series", "note")]
    assert "5 of its 8 slices" in opened.findings[0].sentence
    flat = tmp_path / "flat"
    flat.mkdir()
    for patient in (1, 2):
        for number, pixels in enumerate(VOLUME):
            write_slice(flat / f"13{patient}covid_patient{patient}_SR_2_IM{number:05d}.tif", pixels)
    opened = open_folder(flat)
    assert len(opened.series) == 2 and [one.severity for one in opened.findings] == ["note"]
    assert len(set(opened.contents.values())) == 1


def test_dicom_under_another_id_is_the_same_series(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_clean(tmp_path / "in" / "a", VOLUME, "dicom")
    write_clean(tmp_path / "in" / "b", VOLUME, "dicom", uid="1.2.9", PatientID="B7", StudyInstanceUID="1.2.10")
    assert main(["import-dicom", str(tmp_path / "in"), str(tmp_path / "out"), "--json"]) == 0
    shown = capsys.readouterr()
    assert len(json.loads(shown.out)["series"]) == 1
    assert f"{tmp_path}/in/b: left out: all of its 8 slices are also in a." in shown.err


def test_import_prints_json_if_everything_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, slope in (("a", 10), ("b", 0.001)):
        write_clean(tmp_path / "in" / name, VOLUME, "dicom", uid=f"1.2.{name == 'a':d}", slope=slope)
    assert main(["import-dicom", str(tmp_path / "in"), str(tmp_path / "out"), "--json"]) == 2
    shown = capsys.readouterr()
    answer = json.loads(shown.out)
    assert answer["series"] == [] and len(answer["findings"]) == 2
    assert {one["severity"] for one in answer["findings"]} == {"refused"} and shown.err.count("refused") == 2
    assert not (tmp_path / "out").exists()
    assert main(["import-dicom", str(tmp_path / "in"), str(tmp_path / "out")]) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.count("\n") == 1


def test_rescale_can_be_strict(shifted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rescale", str(shifted), str(tmp_path / "new"), "--strict"]) == 0
    assert "1 series converted" in capsys.readouterr().out
    (shifted / "normal1" / "patient2" / "SR_2" / "IM00003.tif").unlink()
    assert main(["rescale", str(shifted), str(tmp_path / "loose")]) == 0
    capsys.readouterr()
    assert main(["rescale", str(shifted), str(tmp_path / "strict"), "--strict"]) == 2
    assert "refused: " not in capsys.readouterr().out and not (tmp_path / "strict").exists()


def test_negative_positions_in_names_are_in_order(tmp_path: Path) -> None:
    for name_of in (lambda z: f"z_{5 * z - 20}.tif", lambda z: f"img_{z / 2 - 2}.tif", lambda z: f"pos-{20 - z}.tif"):
        folder = tmp_path / name_of(3)
        folder.mkdir()
        for place, pixels in enumerate(VOLUME):
            write_slice(folder / name_of(place), pixels)
        opened = open_folder(folder)
        assert opened.findings == [] and np.array_equal(read_series(opened.series[0]), VOLUME)
    write_slice(folder / "extra.tif", chest(8, 2)[3])
    opened = open_folder(folder)
    assert opened.findings[0].code == "odd-name"
    assert [path.name for path in opened.series[0].files if path.stem != "extra"] == [
        f"pos-{20 - z}.tif" for z in range(8)
    ]
