"""Series that are well-formed but not what they seem: never a wrong answer without a word.

`support/odd_series.py` makes them. Each oddity is tried alone, then two or three at random: 20 mixtures, or 200 if
`COVIDLIB_STRESS` is set (`make stress`). Everything is bounded in time and memory.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TypeVar

import numpy as np
import pytest
from support.odd_series import GROUPS, ODDITIES, Made, Outcome, accepted, chest, mixed, outcome_of, write_clean

from covidlib.cli.main import main
from covidlib.errors import InputError
from covidlib.scans.gate import find_series
from covidlib.scans.patient_folders import find_patients
from covidlib.selection import count_dark_pixels, select_slices

MIXTURES = 200 if "COVIDLIB_STRESS" in os.environ else 20
SECONDS = 60
"""For one small series: reading it takes less than one on any machine."""
MEGABYTES = 400
"""For one small series, which has 6.3 MB: a reader may convert it to float64 a few times."""
ALONE = [(name, kind) for name, oddity in ODDITIES.items() for kind in oddity.formats()]
T = TypeVar("T")


def one_of_each_group(expect: str) -> list[tuple[str, str]]:
    """An oddity of each group and format of which only this may become."""
    fitting = [(name, kind) for name, kind in ALONE if ODDITIES[name].expect == {expect}]
    return list({(ODDITIES[name].group, kind): (name, kind) for name, kind in fitting}.values())


def bounded(work: Callable[[], T], memory: bool = False) -> T:
    """The result of a function that must end in time, and without taking much memory if asked (three times as slow)."""
    done: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:  # raised again below, in the test's own thread
            failed.append(error)

    if memory:
        tracemalloc.start()
    try:
        # A thread that hangs is left behind, and does not keep the tests from ending.
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(SECONDS)
        assert not thread.is_alive(), f"still reading after {SECONDS} s"
        peak = tracemalloc.get_traced_memory()[1]  # 0 if nothing was asked
    finally:
        tracemalloc.stop()
    if failed:
        raise failed[0]
    assert peak < MEGABYTES * 1e6, f"took {peak / 1e6:.0f} MB"
    return done[0]


def made_alone(name: str, kind: str, folder: Path) -> Made:
    volume = chest()
    write_clean(folder, volume, kind)
    return ODDITIES[name].make(folder, volume, np.random.default_rng(0))


@pytest.mark.parametrize("seed", range(3))
def test_the_chest_is_one_that_the_rule_selects_from(seed: int) -> None:
    volume = chest(seed=seed)
    counts = count_dark_pixels(volume)
    keep = select_slices(counts)
    assert keep[4:8].all() and not keep[:2].any() and not keep[-2:].any()
    views = {tuple(count_dark_pixels(turn)) for turn in (
        volume, volume[:, ::-1], volume[:, :, ::-1], volume[:, ::-1, ::-1], volume.swapaxes(1, 2), volume[::-1],
        np.rot90(volume, 1, (1, 2)), np.rot90(volume, 3, (1, 2)),
    )}  # fmt: skip
    assert len(views) == 8, "a turned series must not have the counts of another"
    assert volume.max() < 4096 and volume[:, 0].max() == 0


def finding(severity: str, file: str = "IM00001.tif") -> SimpleNamespace:
    return SimpleNamespace(severity=severity, where="series", files=(file,), sentence="", code="", remedy="")


@pytest.mark.parametrize(
    ("found", "findings", "outcome"),
    [
        (0, [], "right"),
        (0, [finding("note")], "note"),
        (0, [finding("left out", "stray.tif")], "left-out"),
        (0, [finding("left out", "another.tif")], "stated"),
        (0, [finding("refused")], "refused"),
        (1, [], "silent wrong"),
        (1, [finding("note")], "note"),
        (2, [], "silent wrong"),
        (2, [finding("note")], "stated"),
        (2, [finding("refused")], "stated"),
    ],
)
def test_outcomes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: int, findings: list[SimpleNamespace], outcome: str
) -> None:
    """A folder is read as it should be (0), as it may be if it is said (1), or wrongly (2)."""
    volumes = [chest(2, seed) for seed in range(3)]
    write_clean(tmp_path, volumes[found], "tiff")
    gate = ModuleType("covidlib.scans.gate")
    gate.open_folder = lambda folder: SimpleNamespace(series=find_series(folder), findings=findings)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, gate.__name__, gate)
    made = Made(((volumes[0],),), ((volumes[1],),), ("stray.tif",))
    assert outcome_of(tmp_path, made).name == outcome


def test_time_and_memory_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert bounded(lambda: 7) == 7
    with pytest.raises(AssertionError, match="took 480 MB"):
        bounded(lambda: np.zeros(60_000_000).sum(), memory=True)
    with pytest.raises(KeyError):
        bounded(lambda: {}["what fails in the thread fails here"])
    monkeypatch.setattr(sys.modules[__name__], "SECONDS", 0.1)
    with pytest.raises(AssertionError, match="still reading"):
        bounded(lambda: time.sleep(1))


@pytest.mark.parametrize("kind", ["tiff", "dicom"])
def test_the_clean_series_is_right_without_a_word(tmp_path: Path, kind: str) -> None:
    write_clean(tmp_path / "series", chest(), kind)
    assert outcome_of(tmp_path / "series", Made(((chest(),),))) == Outcome("right")
    assert outcome_of(tmp_path / "series", Made(((chest(seed=1),),))) == Outcome("silent wrong")


@pytest.mark.parametrize(("name", "kind"), ALONE)
def test_an_oddity_alone(tmp_path: Path, name: str, kind: str) -> None:
    folder = tmp_path / "series"
    made = made_alone(name, kind, folder)
    outcome = bounded(lambda: outcome_of(folder, made))
    assert outcome.name in accepted(ODDITIES[name].expect), outcome
    assert outcome.name != "refused" or made.says in outcome.words


@pytest.mark.parametrize(("name", "kind"), one_of_each_group("right"))
def test_what_is_legal_can_be_selected_from(
    tmp_path: Path, name: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made = made_alone(name, kind, tmp_path / "series")
    assert main(["select", str(tmp_path / "series"), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    expected = sorted(count_dark_pixels(volume).tolist() for volume in made.answers[0])
    assert sorted(series["counts"] for series in shown["series"]) == expected
    assert not [finding for finding in shown["findings"] if finding["severity"] == "refused"]


@pytest.mark.parametrize(("name", "kind"), one_of_each_group("refused"))
def test_what_must_be_refused_is_refused_in_one_line(
    tmp_path: Path, name: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made_alone(name, kind, tmp_path / "series")
    assert main(["select", str(tmp_path / "series"), "--json"]) == 2
    as_json = capsys.readouterr()
    assert not as_json.out or json.loads(as_json.out)["series"] == []
    assert main(["select", str(tmp_path / "series")]) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and len(shown.err.splitlines()) == 1
    assert str(tmp_path / "series") in shown.err


def test_a_refused_series_beside_a_good_one_gives_exit_code_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made_alone("HU wrapped into 16 bits", "tiff", tmp_path / "wrapped")
    write_clean(tmp_path / "good", chest(seed=1), "tiff")
    assert main(["select", str(tmp_path), "--json"]) == 3
    shown = json.loads(capsys.readouterr().out)
    assert [series["counts"] for series in shown["series"]] == [count_dark_pixels(chest(seed=1)).tolist()]
    assert any(one["severity"] == "refused" and "wrapped" in one["where"] for one in shown["findings"])


@pytest.mark.parametrize(
    "name", [name for name, one in ODDITIES.items() if "one person" in name or "two people" in name]
)
def test_people_are_told_apart(tmp_path: Path, name: str) -> None:
    made = made_alone(name, "dicom", tmp_path / "series")
    try:
        patients = find_patients([tmp_path / "series"])
        listed = [patient.open().series for patient in patients]
    except InputError as error:
        assert str(tmp_path) in str(error) and made.patients != 1
        return
    assert made.patients == len(listed)


@pytest.mark.parametrize("seed", range(MIXTURES))
def test_oddities_together_are_never_silent(tmp_path: Path, seed: int) -> None:
    folder = tmp_path / "series"
    made = mixed(seed, folder)
    outcome = bounded(lambda: outcome_of(folder, made.made), memory=True)
    assert outcome.name != "silent wrong", (made.names, outcome)
    assert outcome.name in made.allowed, (made.names, outcome)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(MIXTURES))
def test_diagnose_and_select_say_the_same(
    tmp_path: Path, seed: int, untrained_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mixed(seed, tmp_path / "series")
    told = bounded(lambda: main(["select", str(tmp_path / "series"), "--json"]))
    printed = capsys.readouterr().out
    selected = json.loads(printed) if printed else {"series": [], "findings": []}
    options = ["--one-patient", "--engine", "tensorflow", "--weights", str(untrained_weights), "--json", "-"]
    code = bounded(lambda: main(["diagnose", str(tmp_path / "series"), *options]))
    shown = capsys.readouterr()
    if told == 2 or code == 2:
        assert code in (2, 3) and "series" in shown.out + shown.err
        return
    answer = json.loads(shown.out)
    if not answer["patients"]:  # people are told apart in a patient's folder, not in a folder of series
        assert "patient" in answer["failed"][0]["problem"] or "people" in answer["failed"][0]["problem"]
        return
    (record,) = answer["patients"]
    assert record["findings"] == selected["findings"]
    assert [one["counts"] for one in record["series"]] == [one["counts"] for one in selected["series"]]


def test_a_mixture_depends_on_its_seed_alone(tmp_path: Path) -> None:
    seeds = range(6)
    made = [mixed(seed, tmp_path / f"{number} of {seed}") for seed in seeds for number in range(2)]
    for first, second in zip(made[::2], made[1::2], strict=True):
        assert first.names == second.names and 2 <= len(first.names) <= 3
        assert [ODDITIES[name].group for name in first.names] == sorted(
            {ODDITIES[name].group for name in first.names}, key=GROUPS.index
        )
    for seed in seeds:
        files = [sorted((tmp_path / f"{number} of {seed}").rglob("*")) for number in range(2)]
        assert len(files[0]) == len(files[1]) > 0
        assert [path.name for path in files[0]] == [path.name for path in files[1]]
        assert [p.read_bytes() for p in files[0] if p.is_file()] == [p.read_bytes() for p in files[1] if p.is_file()]
    assert len({one.names for one in made}) == len(seeds)
