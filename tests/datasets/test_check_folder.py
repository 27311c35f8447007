"""covidlib check-data: each fault is found and named, a clean folder is called clean, exit codes say which."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from support.made import body_slice

from covidlib.cli.main import main
from covidlib.datasets import check_slices, public_files, published_lists
from covidlib.datasets.check_folder import Report, check_data, differences
from covidlib.errors import InputError
from covidlib.paper import comparison
from covidlib.scans.tiff import write_slice

CLEAN = [
    "covid1/patient1/SR_2/IM00001.tif",
    "covid1/patient1/SR_2/IM00002.tif",
    "covid1/patient1/SR_3/IM00001.tif",
    "covid1/patient3/SR_2/IM00001.tif",
    "normal1/patient146/SR_2/IM00001.tif",
    "normal1/patient147/SR_2/IM00001.tif",
]
SPOILED = CLEAN[3]
FLAT = ["137covid_patient1_SR_2_IM00010.tif", "normal1_patient146_SR_2_IM00012.tif"]


@pytest.fixture(autouse=True)
def no_lists(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No published list can be had, unless a test asks for some."""
    monkeypatch.setenv("COVIDLIB_MIRROR", str(tmp_path_factory.mktemp("empty")))


def write_dataset(root: Path, names: list[str]) -> Path:
    for seed, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        write_slice(root / name, body_slice(seed=seed))
    return root


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "data", CLEAN)


def found(report: Report, severity: str = "problem") -> list[tuple[str, str]]:
    rows = report.findings[report.findings["severity"] == severity]
    return list(zip(rows["kind"], rows["path"], strict=True))


def serve_lists(folder: Path, monkeypatch: pytest.MonkeyPatch, images: dict[str, bytes]) -> None:
    """A mirror with the two lists that the check compares with: of these images, with these contents."""
    listed = "filename,class\n" + "".join(f"{name},normal\n" for name in images)
    sums = "".join(f"{name},{hashlib.blake2b(content).hexdigest()}\r" for name, content in images.items())
    contents = {
        f"{published_lists.AUTHORS}/abc/all.csv": listed.encode(),
        f"{published_lists.LISTS}/abc/checksums.csv": f"file,checksum\r{sums}".encode(),
    }
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    known = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    monkeypatch.setattr(public_files, "known_files", lambda: known)
    monkeypatch.setattr(published_lists, "known_files", lambda: known)
    monkeypatch.setenv("COVIDLIB_MIRROR", str(folder))


def write_lists(folder: Path, lists: dict[str, list[tuple[str, str]]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in lists.items():
        text = "filename,class\n" + "".join(f"{filename},{label}\n" for filename, label in rows)
        (folder / f"{name}.csv").write_text(text)
    return folder


GOOD_SPLIT = {
    "train1": [(CLEAN[0], "covid"), (CLEAN[4], "normal")],
    "test1": [(CLEAN[3], "covid"), (CLEAN[5], "normal")],
}


def test_a_clean_folder_is_called_clean(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = check_data(dataset)
    assert report.problems.empty and report.notes.empty
    assert len(report.remarks) == 2 and "Names and checksums were not compared" in report.remarks[1]
    assert main(["check-data", str(dataset)]) == 0
    text = capsys.readouterr().out
    assert "covid      4 slices, 2 patients, 3 series (SR_2 3, SR_3 1)" in text
    assert "problems   0" in text
    assert "COVID-19 patients: 95 printed, 2 found" in text


def half(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def fields_at_the_end(path: Path) -> None:
    """A file whose list of fields should stand behind the pixels, cut off before it."""
    path.write_bytes(b"II*\0" + (600_000).to_bytes(4, "little") + bytes(1000))


def eight_bits(path: Path) -> None:
    tifffile.imwrite(path, (body_slice() // 16).astype(np.uint8))


def eight_bits_in_sixteen(path: Path) -> None:
    write_slice(path, body_slice() // 16)


def floats(path: Path) -> None:
    tifffile.imwrite(path, body_slice().astype(np.float32), photometric="minisblack")


def clipped(path: Path, value: int, pixels: int) -> None:
    spoiled = body_slice(seed=99)
    spoiled.reshape(-1)[:pixels] = value
    write_slice(path, spoiled)


FAULTS: list[tuple[str, str, Callable[[Path], object]]] = [
    ("unreadable", "not a TIFF file", lambda path: path.write_bytes(b"<html>404, but longer than a header</html>")),
    ("truncated", "expected at least", half),
    ("truncated", "its list of fields is cut off", fields_at_the_end),
    ("truncated", "0 bytes", lambda path: path.write_bytes(b"")),
    ("8-bit", "8-bit pixels", eight_bits),
    ("8-bit", "converted from 8 bits", eight_bits_in_sixteen),
    ("float pixels", "float32", floats),
    ("wrong size", "256×512 pixels, expected 512×512", lambda path: write_slice(path, body_slice()[:256])),
    ("constant", "every pixel is 7", lambda path: write_slice(path, np.full((512, 512), 7, np.uint16))),
    ("clipped", "are 4095", lambda path: clipped(path, 4095, 2700)),
    ("clipped", "are 65535", lambda path: clipped(path, 65535, 2700)),
]


@pytest.mark.parametrize(("kind", "detail", "spoil"), FAULTS, ids=[f"{kind}: {detail}" for kind, detail, _ in FAULTS])
def test_a_spoiled_slice_is_found_and_named(
    dataset: Path, kind: str, detail: str, spoil: Callable[[Path], object]
) -> None:
    spoil(dataset / SPOILED)
    report = check_data(dataset)
    assert [one for one in found(report) if one[1].endswith(".tif")] == [(kind, SPOILED)]
    assert detail in report.problems["detail"].iloc[0]
    assert main(["check-data", str(dataset)]) == 1


def test_a_little_metal_is_not_clipping(dataset: Path) -> None:
    clipped(dataset / SPOILED, 4095, 2600)
    assert check_data(dataset).problems.empty


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_unreadable(dataset: Path) -> None:
    (dataset / SPOILED).chmod(0)
    assert found(check_data(dataset)) == [("unreadable", SPOILED)]


def test_a_file_that_vanishes_is_unreadable(tmp_path: Path) -> None:
    (kind, detail), *_ = check_slices.inspect(tmp_path / "IM00001.tif").faults
    assert kind == "unreadable" and "No such file" in detail


def test_a_name_that_tells_nothing_is_a_problem(dataset: Path) -> None:
    write_slice(dataset / "scan.tif", body_slice(seed=50))
    assert found(check_data(dataset)) == [("unnamed", "scan.tif")]


def test_a_patient_of_two_classes_is_a_problem(dataset: Path) -> None:
    write_dataset(dataset, ["normal2/patient3/SR_4/IM00001.tif"])
    (dataset / CLEAN[0]).unlink()
    report = check_data(dataset)
    assert found(report) == [("patient of two classes", CLEAN[3])]
    assert "patient3 is also in normal2" in report.problems["detail"].iloc[0]


@pytest.mark.parametrize(
    ("source", "copy", "severity", "kind"),
    [
        (CLEAN[0], "covid1/patient1/SR_3/IM00009.tif", "note", "duplicate within a patient"),
        (CLEAN[0], "covid1/patient5/SR_2/IM00001.tif", "problem", "duplicate across patients"),
        (CLEAN[0], "normal1/patient150/SR_2/IM00001.tif", "problem", "duplicate across classes"),
    ],
)
def test_duplicates_are_found_by_content(dataset: Path, source: str, copy: str, severity: str, kind: str) -> None:
    (dataset / copy).parent.mkdir(parents=True, exist_ok=True)
    # Other bytes, the same pixels: only a comparison of the pixels sees it.
    tifffile.imwrite(dataset / copy, tifffile.imread(dataset / source), description="a copy", photometric="minisblack")
    report = check_data(dataset)
    assert report.findings[["severity", "kind", "path"]].values.tolist() == [[severity, kind, source]]
    assert copy in report.findings["detail"].iloc[0]
    assert main(["check-data", str(dataset)]) == (1 if severity == "problem" else 0)


def test_a_good_split_is_called_good(dataset: Path) -> None:
    write_lists(dataset / "CSV", GOOD_SPLIT)
    report = check_data(dataset)
    assert report.problems.empty and not any("split" in remark for remark in report.remarks)
    assert {line["table"] for line in report.comparisons} == {"Table 1", "Table 2", "Table 4"}
    images = [line["found"] for line in report.comparisons if "normal persons" in str(line["quantity"])]
    assert images == [1, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("lists", "kind", "list_name", "detail"),
    [
        ({"test1": [(CLEAN[1], "covid"), (CLEAN[5], "normal")]}, "patient on two sides", "test1.csv", "patient1 is in"),
        ({"validation1": [(CLEAN[1], "covid")]}, "patient on two sides", "validation1.csv", "train and in validation"),
        ({"validation1": [(CLEAN[3], "covid")]}, "validation inside test", "validation1.csv", "1 of 1 validation"),
        ({"test1": [(CLEAN[3], "normal")]}, "class differs", "test1.csv", "is normal in the list, covid by its name"),
        (
            {"test1": [("covid1/patient9/SR_2/IM00001.tif", "covid")]},
            "listed, not in the folder",
            "test1.csv",
            "patient9",
        ),
    ],
)
def test_a_bad_split_is_found(
    dataset: Path, tmp_path: Path, lists: dict[str, list[tuple[str, str]]], kind: str, list_name: str, detail: str
) -> None:
    splits = write_lists(tmp_path / "lists", {**GOOD_SPLIT, **lists})
    report = check_data(dataset, splits)
    assert found(report) == [(kind, list_name)]
    assert detail in report.problems["detail"].iloc[0]
    assert main(["check-data", str(dataset), "--splits", str(splits)]) == 1


def test_flat_names_in_a_split_match_files_of_either_layout(dataset: Path, tmp_path: Path) -> None:
    splits = write_lists(
        tmp_path / "lists",
        {"train1": [("137covid_patient1_SR_2_IM00001.tif", "covid")], "test1": [(FLAT[1], "normal")]},
    )
    assert found(check_data(dataset, splits)) == [("listed, not in the folder", "test1.csv")]
    assert check_data(write_dataset(tmp_path / "both", [*CLEAN, FLAT[1]]), splits).problems.empty


def test_flat_files_are_compared_with_names_and_checksums(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_dataset(tmp_path / "flat", FLAT)
    contents = {name: (root / name).read_bytes() for name in FLAT}
    serve_lists(tmp_path / "mirror", monkeypatch, contents)
    assert found(check_data(root, against_paper=True)) == [("differs from the paper", str(root))] * 12
    report = check_data(root)
    assert report.findings.empty and len(report.remarks) == 1
    clipped(root / FLAT[1], 4095, 1)
    assert found(check_data(root)) == [("checksum", FLAT[1])]
    (root / FLAT[1]).rename(root / "normal1_patient146_SR_2_IM00099.tif")
    report = check_data(root)
    assert report.problems.empty
    assert found(report, "note") == [("missing", str(root)), ("not published", str(root))]
    assert FLAT[1] in report.notes["detail"].iloc[0] and "IM00099" in report.notes["detail"].iloc[1]
    strict = found(check_data(root, against_paper=True))
    assert ("missing", FLAT[1]) in strict and ("not published", "normal1_patient146_SR_2_IM00099.tif") in strict


def test_raw_files_are_compared_by_patient_series_and_number(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["137covid_patient1_SR_2_IM00001.tif", "normalcd2_patient146_SR_2_IM00001.tif"]
    serve_lists(tmp_path / "mirror", monkeypatch, dict.fromkeys(names, b"other bytes"))
    write_slice(dataset / "scan.tif", body_slice(seed=50))
    assert found(check_data(dataset), "note") == []
    (dataset / CLEAN[4]).unlink()
    report = check_data(dataset)
    assert found(report, "note") == [("missing", str(dataset))]
    assert names[1] in report.notes["detail"].iloc[0] and names[0] not in report.notes["detail"].iloc[0]


def test_a_misprint_of_the_paper_is_no_problem_of_the_folder() -> None:
    images = {"COVID-19 images": 2282, "Normal images": 9776}
    lines = [{"table": "Table 2", **line} for line in comparison.table2_sums(dict.fromkeys(range(1, 6), images))]
    rows = differences(Path("data"), lines)
    assert rows["severity"].tolist() == ["note"] and "9,706 printed, 9,776 found" in rows["detail"].iloc[0]
    fewer = [{**line, "found": 9000, "agrees": False} for line in lines if not line["agrees"]]
    assert differences(Path("data"), fewer)["severity"].tolist() == ["problem"]


def test_differing_from_the_paper_is_a_problem_on_demand_only(dataset: Path) -> None:
    assert main(["check-data", str(dataset)]) == 0
    assert main(["check-data", str(dataset), "--against", "paper"]) == 1


def test_json_holds_everything(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    half(dataset / SPOILED)
    assert main(["check-data", str(dataset), "--json", "--workers", "1"]) == 1
    printed = capsys.readouterr()
    report = json.loads(printed.out)
    assert report["slices"] == 6 and report["classes"]["covid"]["by_series"] == {"SR_2": 3, "SR_3": 1}
    assert [(row["kind"], row["path"]) for row in report["problems"]] == [("truncated", SPOILED)]
    assert len(report["comparisons"]) == 4 and report["notes"] == [] and len(report["remarks"]) == 2
    assert "6/6" in printed.err


def test_the_text_shows_ten_examples_and_the_total(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(12):
        (dataset / f"covid1/patient1/SR_2/IM0010{number}.tif").write_bytes(b"")
    assert main(["check-data", str(dataset)]) == 1
    text = capsys.readouterr().out
    assert "truncated: 12" in text and text.count("0 bytes") == 10 and "and 2 more" in text


def test_the_number_of_workers_changes_nothing(dataset: Path) -> None:
    half(dataset / SPOILED)
    shutil.copy(dataset / CLEAN[0], dataset / CLEAN[5])
    one, four = check_data(dataset, workers=1), check_data(dataset, workers=4)
    assert one.slices.equals(four.slices) and one.findings.equals(four.findings) and len(one.findings) == 2


def test_bad_input_ends_with_exit_code_2(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    lists = write_lists(tmp_path / "lists", {"train1": [(CLEAN[0], "covid")]})
    for arguments, message in (
        ([str(tmp_path / "absent")], "there is no such folder"),
        ([str(tmp_path / "empty")], "no TIFF file found"),
        ([str(dataset), "--workers", "0"], "workers=0: is below 1"),
        ([str(dataset), "--splits", str(tmp_path / "empty")], "no split list found"),
        ([str(dataset), "--splits", str(tmp_path / "none")], "there is no such folder"),
        ([str(dataset), "--splits", str(lists / "train1.csv")], "is a file, not a folder"),
        ([str(lists / "train1.csv")], "is a file, not a folder"),
        ([str(dataset), "--splits", str(lists)], "every fold needs a train and a test list"),
    ):
        assert main(["check-data", *arguments]) == 2
        assert message in capsys.readouterr().err
    with pytest.raises(InputError):
        check_data(tmp_path / "absent")


def test_the_published_lists_are_compared_with_a_folder(
    dataset: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COVIDLIB_MIRROR", str(mirror))
    lists = next(mirror.glob(f"{published_lists.LISTS}/*/csv"))
    report = check_data(dataset, lists, against_paper=True)
    kinds = report.problems["kind"].value_counts()
    assert kinds["validation inside test"] == 5
    assert kinds["missing"] > 12_000 and kinds["listed, not in the folder"] > 12_000
    assert "patient on two sides" not in kinds and "class differs" not in kinds
    table2 = [line for line in report.comparisons if line["table"] == "Table 2"]
    assert sum(not line["agrees"] for line in table2) == 1


LISTED = "".join(f"{name},{name[: name.index('1')]}\n" for name in CLEAN)
LISTS = {
    f"labels {CLEAN[0]} covid and unlabelled": f"path,label\n{LISTED}{CLEAN[0]},unlabelled\n".encode(),
    "separated by semicolons": f"path,label\n{LISTED}".replace(",", ";").encode(),
    "is UTF-16": f"path,label\n{LISTED}".encode("utf-16"),
    "has the label 'COVID'": f"path,label\n{LISTED}".replace(",covid", ",COVID").encode(),
    "are not in the folder": f"path,label\n{LISTED}covid1/patient1/SR_2/IM00009.tif,covid\n".encode(),
    "not listed in": f"path,label\n{LISTED}".replace(f"{CLEAN[2]},covid\n", "").encode(),
    "column label is missing": b"path,class\na,b\n",
}


@pytest.mark.parametrize("words", LISTS)
def test_the_list_of_slices_is_read_as_training_reads_it(
    dataset: Path, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (dataset / "slices.csv").write_bytes(LISTS[words])
    assert main(["check-data", str(dataset), "--json"]) == 1
    shown = capsys.readouterr()
    (told,) = (one for one in json.loads(shown.out)["findings"] if one["code"] == "labels")
    assert words in told["sentence"] and told["severity"] == "refused"
    assert main(["train", "--all", "--data", str(dataset), "--runs", str(tmp_path / "runs")]) == 2
    said = capsys.readouterr().err
    assert said == f"covidlib: {told['where']}: {told['sentence']}. {told['remedy']}.\n"


def test_a_right_list_of_slices_is_no_finding(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (dataset / "slices.csv").write_text(f"path,label\n{LISTED}")
    assert main(["check-data", str(dataset)]) == 0
    assert "problems   0" in capsys.readouterr().out
