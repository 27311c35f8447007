"""covidlib.patients.batch and `covidlib diagnose`: many patients, bad ones among them, killed and started again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from filelock import FileLock
from support.made import OPEN, ROOT, write_series

from covidlib.cli.main import main
from covidlib.errors import InputError
from covidlib.inference import choose_engine
from covidlib.inference.choose_engine import EngineName
from covidlib.patients import batch
from covidlib.patients.journal import Journal
from covidlib.scans.patient_folders import find_patients

GOOD = 46
BAD = ("patient47", "patient48", "patient49")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifty patients: 46 good ones, one corrupt, one without slices, one in 8 bits, one with a single slice."""
    root = tmp_path_factory.mktemp("fifty")
    for number in range(1, GOOD + 1):
        write_series(root / f"patient{number}" / "SR_2", [10, OPEN, OPEN], seed=10 * number)
    corrupt = write_series(root / "patient47" / "SR_2", [10, OPEN, OPEN]) / "IM00002.tif"
    corrupt.write_bytes(corrupt.read_bytes()[:1000])
    (root / "patient48").mkdir()
    (root / "patient49").mkdir()
    tifffile.imwrite(root / "patient49" / "IM00001.tif", np.zeros((512, 512), np.uint8))
    write_series(root / "patient50", [OPEN])
    return root


def diagnose(cohort: Path, weights: Path, *more: str) -> int:
    return main(["diagnose", str(cohort), "--weights", str(weights), "--engine", "tensorflow", *more])


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def test_fifty_patients_run_to_the_end(
    cohort: Path, untrained_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert diagnose(cohort, untrained_weights, "--json", str(tmp_path / "out.json")) == 3
    printed = capsys.readouterr().out
    assert "47 patients answered, 3 failed" in printed and "Not a medical device" in printed
    answers = read(tmp_path / "out.json")
    assert [record["patient"].split("/")[-1] for record in answers["patients"]] == [
        *(f"patient{number}" for number in range(1, GOOD + 1)), "patient50",
    ]  # fmt: skip
    problems = {one["patient"].split("/")[-1]: one["problem"] for one in answers["failed"]}
    assert tuple(problems) == BAD
    assert "IM00002.tif: is truncated" in problems["patient47"]
    assert "no TIFF or DICOM slice" in problems["patient48"]
    assert "uint8" in problems["patient49"]
    alone = answers["patients"][-1]
    assert alone["decision"] == "undetermined" and any("single slice" in remark for remark in alone["remarks"])
    assert all(record["selected_slices"] == 2 for record in answers["patients"][:GOOD])
    assert list(tmp_path.iterdir()) == [tmp_path / "out.json"]


def test_killed_in_the_middle_it_does_only_what_is_left(
    cohort: Path, untrained_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--json", str(tmp_path / "out.json"), "--report", str(tmp_path / "out.html")]
    command = [sys.executable, "-m", "covidlib.cli.main", "diagnose", str(cohort), "--weights", str(untrained_weights)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([*command, "--engine", "tensorflow", *options], env=environment)
    partial = tmp_path / "out.json.partial"
    until = time.monotonic() + 120
    while not partial.is_file() or partial.read_bytes().count(b"\n") < 5:
        assert process.poll() is None and time.monotonic() < until, "it ended before it could be killed"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = [json.loads(line) for line in partial.read_bytes().splitlines() if line.endswith(b"}")]
    assert 5 <= len(done) < GOOD
    assert not (tmp_path / "out.json").exists() and not (tmp_path / "out.html").exists()
    pages = sorted((tmp_path / "out_patients").glob("*.html"))
    assert len(pages) >= len(done)
    assert all(page.read_text(encoding="utf-8").rstrip().endswith("</html>") for page in pages)
    before = {record["report"]: (tmp_path / record["report"]).stat().st_mtime_ns for record in done}
    # As if the kill had come in the middle of a line.
    with partial.open("ab") as stream:
        stream.write(b'{"patient": "fifty0/pat')

    assert diagnose(cohort, untrained_weights, *options) == 3
    assert f"{len(done)} of these answers are from an earlier start" in capsys.readouterr().out
    answers = read(tmp_path / "out.json")
    assert len(answers["patients"]) == GOOD + 1 and len(answers["failed"]) == 3
    made = {record["patient"]: record["made"] for record in answers["patients"]}
    assert all(made[record["patient"]] == record["made"] for record in done)
    assert all((tmp_path / name).stat().st_mtime_ns == then for name, then in before.items())
    assert len(list((tmp_path / "out_patients").glob("*.html"))) == GOOD + 1
    overview = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert all(f'href="{record["report"]}"' in overview for record in answers["patients"])
    assert all(name in overview for name in BAD)
    assert not partial.exists() and not list(tmp_path.rglob("*.part"))


@pytest.fixture
def two(tmp_path: Path) -> Path:
    write_series(tmp_path / "two" / "patient1", [10, OPEN, OPEN])
    write_series(tmp_path / "two" / "patient2", [10, OPEN, OPEN], seed=9)
    return tmp_path / "two"


def test_an_answer_is_used_again_only_for_the_same_question(
    two: Path, untrained_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--json", str(tmp_path / "out.json")]

    def reused(weights: Path = untrained_weights, *more: str) -> int:
        assert diagnose(two, weights, *out, *more) == 0
        return int("2 of these answers are" in capsys.readouterr().out)

    assert reused() == 0
    assert reused() == 1
    assert reused(untrained_weights, "--threshold", "0") == 0
    assert reused(untrained_weights, "--threshold", "0") == 1
    other = tmp_path / "other.weights.h5"
    other.write_bytes(untrained_weights.read_bytes() + b"\0")
    assert reused(other, "--threshold", "0") == 0
    write_series(two / "patient2", [10, OPEN, 18000], seed=11)
    assert diagnose(two, other, *out, "--threshold", "0") == 0
    assert "1 of these answers are" in capsys.readouterr().out


def test_a_line_after_half_a_line_is_not_lost(tmp_path: Path) -> None:
    """A kill in the middle of a line, then another one after the next patient."""
    lines = tmp_path / "out.json.partial"
    lines.write_bytes(b'{"patient": "a", "key": "1"}\n{"patient": "b", "k')
    Journal(tmp_path / "out.json", None).append({"patient": "c", "key": "3"})
    assert list(Journal(tmp_path / "out.json", None).records) == ["a", "c"]


def test_an_answer_whose_report_is_gone_is_made_again(
    two: Path, untrained_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--json", str(tmp_path / "out.json"), "--report", str(tmp_path / "out.html")]
    assert diagnose(two, untrained_weights, *asked) == 0
    lost, kept = sorted((tmp_path / "out_patients").iterdir())
    lost.unlink()
    assert diagnose(two, untrained_weights, *asked) == 0
    assert "1 of these answers are from an earlier start" in capsys.readouterr().out
    assert lost.is_file() and kept.is_file()


def test_another_engine_is_another_question(
    two: Path, untrained_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def key(engine: EngineName) -> str:
        return batch._key(find_patients([two])[0], batch.Request(untrained_weights, engine=engine), "0", False)

    monkeypatch.setattr(choose_engine, "installed", lambda package: package == "tensorflow")
    assert key("auto") == key("tensorflow")
    monkeypatch.setattr(choose_engine, "installed", lambda package: True)
    assert key("auto") == key("openvino") != key("tensorflow")


def test_two_processes_do_not_write_one_file(
    two: Path, untrained_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--json", str(tmp_path / "out.json")]
    # Another lock in this process is as good as another process: both hold a file of their own open.
    with FileLock(tmp_path / "out.json.lock"):
        assert diagnose(two, untrained_weights, *out) == 2
    assert "out.json: is being written by another process" in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()
    assert diagnose(two, untrained_weights, *out) == 0
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["out.json"]


def test_json_on_standard_output(two: Path, untrained_weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert diagnose(two, untrained_weights, "--json", "-") == 0
    printed = json.loads(capsys.readouterr().out)
    assert [record["patient"] for record in printed["patients"]] == ["two/patient1", "two/patient2"]
    record = printed["patients"][0]
    assert len(record["series"][0]["probabilities"]) == record["selected_slices"] == 2
    assert record["series"][0]["selected"] == ["IM00002.tif", "IM00003.tif"]
    assert len(record["data"]["sha256"]) == 64 and "Not a medical device" in printed["notice"]


def test_slices_of_a_patient_with_an_answer_are_refused_under_another_name(
    tmp_path: Path, untrained_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_series(tmp_path / "in" / "patient1" / "SR_2", [10, OPEN, OPEN], seed=1)
    write_series(tmp_path / "in" / "patient2" / "SR_2", [10, OPEN, OPEN], seed=7)
    shutil.copytree(tmp_path / "in" / "patient1" / "SR_2", tmp_path / "in" / "patient3" / "SR_4")
    assert diagnose(tmp_path / "in", untrained_weights, "--json", str(tmp_path / "out.json")) == 3
    answers = read(tmp_path / "out.json")
    assert [record["patient"].split("/")[-1] for record in answers["patients"]] == ["patient1", "patient2"]
    (failed,) = answers["failed"]
    assert failed["patient"].endswith("patient3") and "patient1, which has an answer" in failed["problem"]
    # The same question again: patient1's answer is used again, and patient3 is still refused.
    capsys.readouterr()
    assert diagnose(tmp_path / "in", untrained_weights, "--json", str(tmp_path / "out.json")) == 3
    assert "patient1, which has an answer" in capsys.readouterr().err


@pytest.mark.parametrize(("answers", "said"), [("-", "nothing was kept"), ("out.json", "the same command goes on")])
def test_a_stopped_batch_says_whether_anything_was_kept(
    two: Path,
    untrained_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answers: str,
    said: str,
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(batch, "diagnose_patients", stopped)
    to = answers if answers == "-" else str(tmp_path / answers)
    assert diagnose(two, untrained_weights, "--json", to) == 130
    assert capsys.readouterr().err == f"covidlib: stopped; {said}\n"


def test_one_patient_is_told_at_length(two: Path, untrained_weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert diagnose(two / "patient1", untrained_weights) == 0
    printed = capsys.readouterr().out
    assert "IM00002.tif  p(COVID-19) 0." in printed and "needed" in printed and "Not a medical device" in printed


def test_an_unforeseen_error_in_one_patient_stops_nobody(
    two: Path, untrained_weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = batch.diagnose_opened

    def failing(patient: str, *arguments: object) -> object:
        if patient.endswith("patient1"):
            raise MemoryError("too large")
        return real(patient, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(batch, "diagnose_opened", failing)
    assert diagnose(two, untrained_weights) == 3
    printed = capsys.readouterr().out
    assert "two/patient1: MemoryError: too large" in printed and "1 patients answered, 1 failed" in printed


def test_bad_input_ends_with_one_line_and_exit_code_2(
    two: Path, tmp_path: Path, untrained_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    notes = tmp_path / "notes.json"
    notes.write_text('{"patients": "mine"}')
    (tmp_path / "all_patients").write_text("mine")
    no_weights = tmp_path / "notes.h5"
    no_weights.write_text("no HDF5")
    weights = ["--weights", str(untrained_weights)]
    cases = [
        (["select", str(tmp_path / "empty")], "empty"),
        (["diagnose", str(tmp_path / "empty"), *weights], "no TIFF or DICOM slice"),
        (["diagnose", str(tmp_path / "absent"), *weights], "no such folder"),
        (["diagnose", str(two), "--weights", str(tmp_path / "absent.h5")], "absent.h5"),
        (["diagnose", str(two), "--weights", str(no_weights)], "notes.h5"),
        (["diagnose", str(two), *weights, "--network", "xception"], "not of xception"),
        (["diagnose", str(two), *weights, "--threshold", "1.5"], "1.5"),
        (["diagnose", str(two), *weights, "--explain"], "--report"),
        (["diagnose", str(two), *weights, "--json", str(notes)], "notes.json"),
        (["diagnose", str(two), *weights, "--report", str(tmp_path / "absent" / "out.html")], "absent"),
        (["diagnose", str(two), *weights, "--report", str(tmp_path / "out"), "--json", str(tmp_path / "out")], "out"),
        (["diagnose", str(two), *weights, "--report", str(tmp_path / "empty")], "empty: is a folder, not a file"),
        (["diagnose", str(two), *weights, "--json", str(tmp_path / "empty")], "empty: is a folder, not a file"),
        (["diagnose", str(two), *weights, "--json", str(notes / "out.json")], "notes.json: is a file, not a folder"),
        (["diagnose", str(two), *weights, "--report", str(tmp_path / "all.html")], "all_patients: is a file, not a"),
        (["audit", "--html", str(tmp_path / "empty")], "empty: is a folder, not a file"),
        (["audit", "--html", str(tmp_path / "absent" / "out.html")], "absent: there is no such folder"),
        (["audit", "--tables", str(notes)], "notes.json: is a file, not a folder"),
        (["train", "--all", "--data", str(notes)], "notes.json: is a file, not a folder"),
        (["train", "--all", "--data", str(two), "--runs", str(notes / "runs")], "notes.json: is a file, not a folder"),
        (["runs", "--data", str(two), "--runs", str(notes)], "notes.json: is a file, not a folder"),
        (["runs", "--data", str(two), "--runs", str(tmp_path / "absent")], "absent: there is no such folder"),
        (["train", "--protocol", "fast", "--all"], "fast"),
        (["train"], "--all"),
    ]
    for case, words in cases:
        assert main(case) == 2, case
        captured = capsys.readouterr()
        assert captured.out == "", case
        assert captured.err.startswith("covidlib: ") and captured.err.count("\n") == 1, (case, captured.err)
        assert words in captured.err, (case, captured.err)
    assert notes.read_text() == '{"patients": "mine"}'
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("patients", ['[["patient", "key"]]', '[{"patient": ["a"], "key": "b"}]'])
def test_a_file_with_other_answers_is_refused_and_left_alone(tmp_path: Path, patients: str) -> None:
    path = tmp_path / "out.json"
    path.write_text(f'{{"covidlib": "1", "patients": {patients}}}', encoding="utf-8")
    before = path.read_bytes()
    with pytest.raises(InputError, match="something other than answers"):
        Journal(path, None)
    assert path.read_bytes() == before
