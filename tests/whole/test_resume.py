"""Runs that survive: killed, held by another process, out of disk space; each ends as if nothing had happened."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from support.harmful import LeavesAMark
from support.made import ROOT

from covidlib.cli.main import main
from covidlib.datasets.slice_table import load_dataset
from covidlib.errors import InputError
from covidlib.protocols import QUICK, with_settings
from covidlib.training import checkpoints, train
from covidlib.training import runs as runfiles
from covidlib.training.checkpoints import CHECKPOINT, Progress, exclusive_run, read_progress, restore, save_checkpoint
from covidlib.training.runs import WEIGHTS

SETTINGS = ["epochs=5", "batch_size=7"]
PROTOCOL = with_settings(QUICK, SETTINGS)
NETWORK = "resnet50v2-fpn"  # its dropout draws random numbers, which must go on where they were


@pytest.fixture(scope="module")
def uninterrupted(small_dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> train.Run:
    runs = tmp_path_factory.mktemp("whole")
    keras.utils.set_random_seed(12345)  # what a program drew before must not matter
    return train.train_fold(load_dataset(small_dataset), NETWORK, 1, PROTOCOL, runs, progress=False)


def assert_same(run: train.Run, expected: train.Run) -> None:
    pd.testing.assert_frame_equal(run.history(), expected.history(), rtol=0, atol=1e-6)
    pd.testing.assert_frame_equal(run.predictions(), expected.predictions(), rtol=0, atol=1e-5)


def test_a_killed_run_goes_on_and_ends_the_same(small_dataset: Path, tmp_path: Path, uninterrupted: train.Run) -> None:
    command = ["train", "--network", NETWORK, "--fold", "1"]
    command += ["--data", str(small_dataset), "--runs", str(tmp_path)]
    command += [part for setting in SETTINGS for part in ("--set", setting)]
    process = subprocess.Popen(
        [sys.executable, "-m", "covidlib.cli.main", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 240
    while not (found := list(tmp_path.rglob(CHECKPOINT))) and time.monotonic() < deadline:
        assert process.poll() is None, "the run ended before it was killed"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    done = len(read_progress(found[0].parent).history)
    assert 1 <= done < PROTOCOL.epochs
    (found[0].parent / f".{WEIGHTS}.1.part.weights.h5").write_bytes(b"a kill came while this was written")
    assert main(command) == 0  # in another process than the one that was killed: this one
    data = load_dataset(small_dataset)
    run = train.train_fold(data, NETWORK, 1, PROTOCOL, tmp_path, progress=False)
    assert_same(run, uninterrupted)
    assert run.record()["seconds"]["training"] > 0  # type: ignore[index]
    assert [path.name for path in tmp_path.rglob(".*")] == []


class Killed(BaseException):
    """The process ends here: what is on disk is all that is left."""


def test_a_run_killed_at_every_awkward_moment_ends_the_same(
    small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uninterrupted: train.Run
) -> None:
    data, write, killed = load_dataset(small_dataset), np.savez, []

    def die(*_: object, **__: object) -> None:
        killed.append(len(killed))
        raise Killed

    def half_of_it(stream: object, **_: object) -> None:
        stream.write(b"half a checkpoint")  # type: ignore[attr-defined]
        die()

    def best_weights_but_no_checkpoint(folder: Path, model: keras.Model, done: Progress) -> None:
        if len(done.history) < 2:
            return save_checkpoint(folder, model, done)
        die()

    def second_checkpoint_by_half(stream: object, **arrays: object) -> None:
        # Of this start the first checkpoint is whole, the second is not.
        (half_of_it if len(read_progress(part).history) == 2 else write)(stream, **arrays)  # type: ignore[operator]

    part = runfiles.runs_folder(PROTOCOL, tmp_path, data.fingerprint) / NETWORK / ".fold1"
    moments = (
        (train, "save_checkpoint", best_weights_but_no_checkpoint, 1),
        (checkpoints.np, "savez", second_checkpoint_by_half, 2),
        (train, "predict_table", die, PROTOCOL.epochs),
        (train.os, "rename", die, 0),
    )
    for owner, name, deadly, finished in moments:
        with monkeypatch.context() as patched, pytest.raises(Killed):
            patched.setattr(owner, name, deadly)
            train.train_fold(data, NETWORK, 1, PROTOCOL, tmp_path, progress=False)
        assert len(read_progress(part).history) == finished
    # All is written, after three interruptions; only the folder's name was missing, and the checkpoint was gone before.
    assert_same(runfiles.Run(part), uninterrupted)
    assert_same(train.train_fold(data, NETWORK, 1, PROTOCOL, tmp_path, progress=False), uninterrupted)
    assert len(killed) == len(moments) and not part.exists()


def test_a_full_disk_leaves_the_last_checkpoint_whole(
    small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uninterrupted: train.Run
) -> None:
    write, written = np.savez, []

    def savez(stream: object, **arrays: object) -> None:
        written.append(1)
        if len(written) == 3:
            stream.write(b"half")  # type: ignore[attr-defined]
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(stream, **arrays)  # type: ignore[arg-type]

    monkeypatch.setattr(checkpoints.np, "savez", savez)
    data = load_dataset(small_dataset)
    with pytest.raises(InputError, match="No space left on device. Free some disk space and start the same"):
        train.train_fold(data, NETWORK, 1, PROTOCOL, tmp_path, progress=False)
    folder = next(tmp_path.rglob(CHECKPOINT)).parent
    assert len(read_progress(folder).history) == 2
    assert_same(train.train_fold(data, NETWORK, 1, PROTOCOL, tmp_path, progress=False), uninterrupted)


def test_a_run_that_another_process_holds_is_refused(small_dataset: Path, tmp_path: Path) -> None:
    data = load_dataset(small_dataset)
    part = runfiles.runs_folder(PROTOCOL, tmp_path, data.fingerprint) / NETWORK / ".fold1"
    part.mkdir(parents=True)
    hold = "import sys, time; from pathlib import Path; from covidlib.training.checkpoints import exclusive_run\n"
    hold += "with exclusive_run(Path(sys.argv[1])): print('held', flush=True); time.sleep(600)"
    holder = subprocess.Popen([sys.executable, "-c", hold, str(part)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with pytest.raises(InputError, match="another process is training this run"):
            train.train_fold(data, NETWORK, 1, PROTOCOL, tmp_path, progress=False)
    finally:
        holder.kill()
        holder.wait()
    with exclusive_run(part):  # the lock ended with its process
        assert part.is_dir()


def test_checkpoints_hold_the_whole_state_and_refuse_another_network(tmp_path: Path) -> None:
    def network(units: int) -> keras.Model:
        layers = [keras.layers.Dense(units), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
        model = keras.Sequential([keras.Input((4,)), *layers])
        model.compile(keras.optimizers.Nadam(0.1), loss="mse")
        model.optimizer.build(model.trainable_variables)
        return model

    generator = np.random.default_rng(0)
    x, y = generator.random((32, 4)), generator.random((32, 1))
    model = network(8)
    model.fit(x, y, epochs=2, verbose=0, shuffle=False)
    progress = Progress([{"val_accuracy": 0.5}, {"val_accuracy": 0.4}], 1.5, 2)
    save_checkpoint(tmp_path, model, progress)
    assert read_progress(tmp_path) == progress and progress.best == 0.5
    on = model.fit(x, y, epochs=2, verbose=0, shuffle=False).history["loss"]
    other = network(8)
    restore(tmp_path, other)
    assert other.fit(x, y, epochs=2, verbose=0, shuffle=False).history["loss"] == pytest.approx(on, abs=1e-6)
    with pytest.raises(InputError, match="belongs to another network"):
        restore(tmp_path, network(9))
    whole = (tmp_path / CHECKPOINT).read_bytes()
    for damaged in (b"half a file", whole[: len(whole) // 2]):
        (tmp_path / CHECKPOINT).write_bytes(damaged)
        with pytest.raises(InputError, match="damaged checkpoint"):
            read_progress(tmp_path)


def test_a_pickle_in_a_checkpoint_is_refused_unopened(tmp_path: Path) -> None:
    mark, path = tmp_path / "mark", tmp_path / CHECKPOINT
    np.savez(path, progress=np.array([LeavesAMark(mark)], dtype=object))
    with pytest.raises(InputError, match="damaged checkpoint"):
        read_progress(tmp_path)
    assert not mark.exists()
    with np.load(path, allow_pickle=True) as stored:
        assert stored["progress"].shape == (1,) and mark.exists()


def test_the_record_names_the_commit(uninterrupted: train.Run) -> None:
    versions = uninterrupted.record()["versions"]
    commit = versions["commit"]  # type: ignore[index]
    if (ROOT / ".git").exists():
        # Some commit of this repository, not the newest: one may be made while the tests run.
        assert commit is not None
        named = commit.removesuffix("-dirty")
        assert len(named) == 40
        subprocess.run(["git", "cat-file", "-e", f"{named}^{{commit}}"], cwd=ROOT, check=True)
    else:
        assert commit is None
