"""covidlib.cli.shortcut_test: tables, verdict, JSON and figure from the command line, and bad input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.drawn_chests import reads_the_lungs, reads_the_noise, write_chests

from covidlib.cli.main import main
from covidlib.pitfalls import changed_slices
from covidlib.pitfalls.shortcut_verdict import CANNOT_TELL, NO_SIGN, SCANNER


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen patients with drawn chests; nearly all have the kernel of their class."""
    root = tmp_path_factory.mktemp("drawn") / "cohort"
    return write_chests(root, 16, lambda place, covid: "sharp" if covid != (place % 8 < 2) else "smooth", side=512)


@pytest.mark.usefixtures("untraced")
def test_an_untrained_network_end_to_end(
    cohort: Path, untrained_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["shortcut-test", str(cohort), "--weights", str(untrained_weights), "--slices", "1"]
    assert main([*words, "--json", "--figure", str(tmp_path / "a.png")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {row["change"] for row in found["changes"]} == set(changed_slices.CHANGES)
    assert len(found["patients"]) == 16 and found["slices"] == [
        "16 of 48 labelled slices were used, at most 1 per patient"
    ]
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize(("network", "verdict"), [(reads_the_lungs, NO_SIGN), (reads_the_noise, SCANNER)])
def test_the_verdict_tells_an_honest_network_from_one_that_reads_the_noise(
    monkeypatch: pytest.MonkeyPatch, cohort: Path, untrained_weights: Path, capsys: pytest.CaptureFixture[str],
    network, verdict: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(changed_slices, "classifier", lambda *_: (network, 512))
    assert main(["shortcut-test", str(cohort), "--weights", str(untrained_weights), "--slices", "1"]) == 0
    text = capsys.readouterr().out
    assert f"verdict  {verdict}: " in text and "answers go with" in text


def test_few_patients_and_no_kernels_are_told(
    monkeypatch: pytest.MonkeyPatch, cohort: Path, untrained_weights: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(changed_slices, "classifier", lambda *_: (reads_the_lungs, 512))
    labels = tmp_path / "labels.csv"
    labels.write_text("path,label\npatient1,covid\npatient2,covid\n")
    root = cohort / "covid1"
    words = ["shortcut-test", str(root), "--weights", str(untrained_weights), "--labels", str(labels)]
    assert main(words) == 0
    text = capsys.readouterr().out
    assert f"verdict  {CANNOT_TELL}" in text and "only 2 infected patients" in text
    assert "there is no normal patient" in text and "no kernel is known" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--figure", "a.bmp"], "a.bmp: its ending is not one of .png, .svg, .pdf"),
        (["--figure", "/nowhere/a.png"], "/nowhere: there is no such folder"),
        (["--slices", "0"], "slices=0: is below 1"),
        (["--labels", "nowhere.csv"], "nowhere.csv: there is no such file"),
        (["--network", "xception"], "contains weights of resnet50v2-fpn, not of xception"),
    ],
)
def test_bad_input_ends_with_one_line(
    cohort: Path, untrained_weights: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main(["shortcut-test", str(cohort), "--weights", str(untrained_weights), *words]) == 2
    answer = capsys.readouterr()
    assert said in answer.err and answer.err.count("\n") == 1 and not answer.out
