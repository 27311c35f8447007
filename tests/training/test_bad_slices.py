"""covidlib.training: a slice that cannot be read is named in one line, the process ends, a mended file is enough."""

from __future__ import annotations

import dataclasses
import gc
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from support.made import body_slice

from covidlib.datasets.slice_table import Dataset, load_dataset
from covidlib.errors import InputError
from covidlib.protocols import QUICK
from covidlib.scans.tiff import write_slice
from covidlib.training import batches, train
from covidlib.training.checkpoints import CHECKPOINT, LOCK, exclusive_run, read_progress
from covidlib.training.folds import fold_tables
from covidlib.training.runs import runs_folder

NETWORK = "resnet50v2"
PROTOCOL = dataclasses.replace(QUICK, epochs=1, folds=2)
ENDS_WITHIN = 120


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Eight patients a class with two slices each, in the flat layout."""
    root = tmp_path / "data"
    root.mkdir()
    for patient in range(16):
        label = "covid" if patient < 8 else "normal"
        for number in (1, 2):
            name = f"137{label}_patient{patient + 1}_SR_2_IM{number:05d}.tif"
            write_slice(root / name, body_slice(2500, 10 * patient + number))
    return load_dataset(root)


def slices_of(dataset: Dataset, side: str) -> list[Path]:
    return [dataset.root / path for path in fold_tables(dataset.table, PROTOCOL, 1)[side]["path"]]


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100_000])


def directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


DEFECTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (truncated, "is truncated"),
    "8-bit": (lambda path: tifffile.imwrite(path, np.zeros((512, 512), np.uint8)), "uint8.*, expected"),
    "float": (lambda path: tifffile.imwrite(path, np.zeros((512, 512), np.float32)), "float32 pixels, expected"),
    "not square": (lambda path: write_slice(path, body_slice()[:256]), "cannot average 256×512 pixels down to 128×128"),
    "500×500": (lambda path: write_slice(path, body_slice()[:500, :500]), "cannot average 500×500 pixels"),
    "deleted": (Path.unlink, "no such file"),
    "a directory": (directory, "cannot be read as TIFF"),
}


def run_one(dataset: Dataset, runs: Path, fold: int = 1) -> train.Run:
    return train.train_fold(dataset, NETWORK, fold, PROTOCOL, runs, progress=False)


@pytest.mark.parametrize(
    ("side", "defect"), [("train", one) for one in DEFECTS] + [("validation", "truncated"), ("test", "deleted")]
)
def test_a_bad_slice_is_named_and_a_mended_one_is_enough(
    dataset: Dataset, tmp_path: Path, capfd: pytest.CaptureFixture[str], side: str, defect: str
) -> None:
    path, (damage, problem) = slices_of(dataset, side)[1], DEFECTS[defect]
    whole = path.read_bytes()
    damage(path)
    with pytest.raises(InputError, match=problem) as caught:
        run_one(dataset, tmp_path / "runs")
    assert caught.value.where == path
    assert capfd.readouterr().err == ""
    part = runs_folder(PROTOCOL, tmp_path / "runs", dataset.fingerprint) / NETWORK / ".fold1"
    assert [found.name for found in part.parent.iterdir()] == [".fold1"]
    assert len(read_progress(part).history) == (1 if side == "test" else 0)
    with exclusive_run(part):  # nobody holds it any more
        assert (part / LOCK).is_file()
    if path.is_dir():
        path.rmdir()
    path.write_bytes(whole)
    run = run_one(dataset, tmp_path / "runs")
    assert len(run.history()) == 1 and len(run.predictions()) == len(slices_of(dataset, "test"))
    assert [found.name for found in part.parent.iterdir()] == ["fold1"]


def test_of_many_bad_slices_one_is_named(
    dataset: Dataset, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = slices_of(dataset, "train")
    for path in bad:
        truncated(path)
    # One slice per batch: several are read at the same time.
    monkeypatch.setattr(sys.modules[__name__], "PROTOCOL", dataclasses.replace(PROTOCOL, batch_size=1))
    with pytest.raises(InputError, match="is truncated") as caught:
        run_one(dataset, tmp_path / "runs")
    assert caught.value.where in bad
    assert capfd.readouterr().err == ""


def test_what_was_read_once_may_break(dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "PROTOCOL", dataclasses.replace(PROTOCOL, epochs=3))
    save = train.save_checkpoint

    def save_and_break(*given: object) -> None:
        save(*given)  # type: ignore[arg-type]
        for path in slices_of(dataset, "train"):
            truncated(path)

    monkeypatch.setattr(train, "save_checkpoint", save_and_break)
    assert len(run_one(dataset, tmp_path / "runs").history()) == 3


def test_a_disk_that_fails_is_reported_as_itself(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error", "cache")

    monkeypatch.setattr(batches.MemoryCache, "get", fail)
    with pytest.raises(OSError, match="Input/output error: 'cache'"):
        run_one(dataset, tmp_path / "runs")


def iterators() -> int:
    return sum(issubclass(type(found), batches.tf.data.Iterator) for found in gc.get_objects())


@pytest.mark.parametrize("error", [InputError, KeyboardInterrupt, OSError])
def test_no_thread_reads_on_after_an_error(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise error("stopped")

    if error is InputError:
        truncated(slices_of(dataset, "train")[0])
    else:
        monkeypatch.setattr(train._ProgressBar, "on_train_batch_end", stop)
    gc.collect()
    # What the collector finds later it would delete in any thread, in one that has to end too.
    gc.disable()
    try:
        before = iterators()
        with pytest.raises(error):
            run_one(dataset, tmp_path / "runs")
        assert iterators() == before
    finally:
        gc.enable()


class PressesCtrlC:
    """Ctrl-C that comes while a destructor runs, where Python can only print the error and forget it."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("when", ["training", "validation", "the last batch", "prediction"])
def test_ctrl_c_is_never_lost(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], when: str
) -> None:
    def press(*_: object, **__: object) -> None:
        PressesCtrlC()

    method = {"training": "on_train_batch_begin", "validation": "on_test_batch_begin", "the last batch": "on_train_end"}
    if when == "prediction":
        monkeypatch.setattr(train.StopsBetweenBatches, "on_predict_batch_begin", press)
    else:
        monkeypatch.setattr(train._ProgressBar, method[when], press)
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run_one(dataset, tmp_path / "runs")
    assert signal.getsignal(signal.SIGINT) is handler
    assert capfd.readouterr().err == ""
    monkeypatch.undo()
    assert len(run_one(dataset, tmp_path / "runs").history()) == 1


def test_a_second_ctrl_c_does_not_wait() -> None:
    reached = False
    with pytest.raises(KeyboardInterrupt), train.StopsBetweenBatches():
        signal.raise_signal(signal.SIGINT)
        reached = True
        signal.raise_signal(signal.SIGINT)
        pytest.fail("the second Ctrl-C waits")
    assert reached


def test_a_handler_of_the_program_itself_stays() -> None:
    calls: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: calls.append(number))
    try:
        with train.StopsBetweenBatches():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert calls == [signal.SIGINT]


def test_an_error_of_tensorflow_itself_is_passed_on(dataset: Dataset) -> None:
    pipeline = batches.evaluation_batches([str(path) for path in slices_of(dataset, "test")], [0] * 16, PROTOCOL)

    def refuse() -> None:
        raise batches.tf.errors.InternalError(None, None, "no kernel")

    with pytest.raises(batches.tf.errors.InternalError, match="no kernel"):
        batches.while_reading(refuse, pipeline)
    assert batches.while_reading(lambda: 7, pipeline) == 7


# Processes that end ---------------------------------------------------------------------------------------------------

DAMAGED_AFTER_THE_TABLE = """
import sys
from pathlib import Path
from covidlib.cli.main import main
from covidlib.datasets import slice_table

load = slice_table.load_dataset

def load_then_damage(*given):
    dataset = load(*given)
    Path(sys.argv[1]).write_bytes(b"half a slice")
    return dataset

slice_table.load_dataset = load_then_damage
sys.exit(main(sys.argv[2:]))
"""


def command(dataset: Dataset, runs: Path, *settings: str) -> list[str]:
    named = ["train", "--network", NETWORK, "--fold", "1", "--data", str(dataset.root), "--runs", str(runs)]
    return named + [part for setting in ("folds=2", *settings) for part in ("--set", setting)]


@pytest.mark.parametrize("side", ["train", pytest.param("test", marks=pytest.mark.slow)])
def test_the_command_names_a_bad_slice_in_one_line_and_ends(dataset: Dataset, tmp_path: Path, side: str) -> None:
    path = slices_of(dataset, side)[0]
    ended = subprocess.run(
        [sys.executable, "-c", DAMAGED_AFTER_THE_TABLE, str(path), *command(dataset, tmp_path / "runs", "epochs=1")],
        capture_output=True,
        text=True,
        timeout=ENDS_WITHIN,
    )
    assert ended.returncode == 2 and ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"covidlib: {path}: ") and "Traceback" not in line


def checkpoints(folder: Path) -> list[Path]:
    try:
        return list(folder.rglob(CHECKPOINT))
    except FileNotFoundError:  # a file of the run that is just being replaced
        return []


def test_the_command_stops_at_ctrl_c(dataset: Dataset, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "covidlib.cli.main", *command(dataset, tmp_path / "runs", "epochs=5000")],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + ENDS_WITHIN
        while not checkpoints(tmp_path) and time.monotonic() < deadline:
            assert process.poll() is None, "the run ended before it was stopped"
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        stderr = process.communicate(timeout=ENDS_WITHIN)[1]
        assert stderr.endswith("covidlib: stopped\n") and "Traceback" not in stderr, stderr
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert not list(tmp_path.rglob("fold1")) and list(tmp_path.rglob(f".fold1/{CHECKPOINT}"))


READS_ON = """
import sys
from pathlib import Path
from covidlib.protocols import QUICK
from covidlib.training.batches import training_batches

paths = [str(path) for path in sorted(Path(sys.argv[1]).glob("*.tif"))]
batches = training_batches(paths, [0] * len(paths), QUICK, 1)
reading = iter(batches.take(1).concatenate(batches.skip(10**9)).prefetch(1))
next(reading)
"""


def test_a_program_ends_although_threads_read_on(dataset: Dataset) -> None:
    program = [sys.executable, "-c", READS_ON, str(dataset.root)]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=ENDS_WITHIN)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("held_by", ["a name", "a circle of references", "the error that nobody handled"])
def test_before_python_ends_no_thread_reads(dataset: Dataset, monkeypatch: pytest.MonkeyPatch, held_by: str) -> None:
    read: list[int] = []
    whole_batch = batches._Reader.batch

    def counted(reader: batches._Reader, indices: np.ndarray) -> np.ndarray:
        read.append(1)
        return whole_batch(reader, indices)

    def fail(held: list[object]) -> None:
        raise KeyboardInterrupt(f"{len(held)} parts")

    monkeypatch.setattr(batches._Reader, "batch", counted)
    small = dataclasses.replace(PROTOCOL, batch_size=2)
    endless = batches.training_batches([str(path) for path in slices_of(dataset, "test")], [0] * 16, small, 1)
    reading = iter(endless.take(1).concatenate(endless.skip(10**9)).prefetch(1))
    next(reading)
    gc.disable()  # a reading thread that collects the circle would wait for its own end
    held = list(vars(reading).values())  # as TensorFlow's own functions hold them when Ctrl-C comes
    if held_by == "a circle of references":
        held.append(held)
    if held_by == "the error that nobody handled":
        with pytest.raises(KeyboardInterrupt) as caught:
            fail(held)
        monkeypatch.setattr(sys, "last_traceback", caught.tb, raising=False)
    del held
    before, deadline = len(read), time.monotonic() + ENDS_WITHIN
    while len(read) == before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(read) > before, "nothing reads on: there is nothing to end"
    batches._end_reading()
    gc.enable()
    before = len(read)
    time.sleep(0.5)
    assert len(read) == before
