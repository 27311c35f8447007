"""covidlib.training.cluster: runs on Dask workers, one of which is killed in the middle."""

from __future__ import annotations

import dataclasses
import errno
import importlib
import json
import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import dask
import numpy as np
import pandas as pd
import psutil
import pytest
from distributed import Client, LocalCluster

from covidlib.cli.main import main
from covidlib.datasets.slice_table import load_dataset
from covidlib.errors import InputError
from covidlib.protocols import QUICK
from covidlib.training import cluster, train
from covidlib.training.checkpoints import CHECKPOINT, LOCK, exclusive_run

PROTOCOL = dataclasses.replace(QUICK, epochs=6)


@pytest.fixture(scope="module")
def workers() -> Iterator[Client]:
    """Two processes for all tests here: one that was killed is started again."""
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as local,
        Client(local) as client,
    ):
        client.run(importlib.import_module, "covidlib.training.train")  # so that both begin a run at the same time
        yield client


MARK = 10_000.0


def mark_abandoned(runs: Path) -> int:
    """Add seconds to the checkpoints that no process holds: whoever goes on from one of them shows them in the end."""
    marked = 0
    for path in runs.rglob(CHECKPOINT):
        try:
            with exclusive_run(path.parent), np.load(path) as stored:
                arrays = dict(stored)
                progress = json.loads(str(arrays["progress"]))
                progress["seconds"] += MARK
                np.savez(path, **(arrays | {"progress": np.array(json.dumps(progress))}))
                marked += 1
        except InputError:
            continue
    return marked


def has_begun(pid: int) -> bool:
    """Whether a worker trains a run of which an epoch is finished: one that it would leave behind if it were killed."""
    held = [Path(file.path) for file in psutil.Process(pid).open_files()]
    return any(path.name == LOCK and (path.parent / CHECKPOINT).is_file() for path in held)


def test_a_worker_loads_tensorflow_without_its_lines(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    # Started here, so that its lines are captured too.
    with LocalCluster(n_workers=1, processes=True, dashboard_address=None) as local, Client(local) as client:
        client.run(importlib.import_module, "covidlib.training.train")
    assert re.search("onednn|cuda|cpu_feature|tensorrt", capfd.readouterr().err, re.IGNORECASE) is None


def test_a_refused_run_says_why(small_dataset: Path, tmp_path: Path, workers: Client) -> None:
    leaky = dataclasses.replace(PROTOCOL, validation="test-subset")
    # From a process of its own, as on a cluster.
    with pytest.raises(InputError, match="--allow-leak"):
        cluster.train_on_cluster(workers, small_dataset, leaky, tmp_path, ("xception",), (1,), progress=False)
    assert list(tmp_path.iterdir()) == []


def test_a_bad_slice_is_named_by_its_worker(small_dataset: Path, tmp_path: Path, workers: Client) -> None:
    data = tmp_path / "data"
    shutil.copytree(small_dataset, data)
    flat = [path.rename(data / "_".join(path.relative_to(data).parts)) for path in data.rglob("*.tif")]
    bad = [path for path in flat if path.name.startswith("normal1")]
    for path in bad:
        path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(InputError, match="is truncated") as caught:
        cluster.train_on_cluster(workers, data, PROTOCOL, tmp_path / "runs", ("xception",), (1,), progress=False)
    assert caught.value.where in bad
    assert not list((tmp_path / "runs").rglob("fold1"))


def caused(error: InputError, cause: Exception) -> InputError:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (InputError("IM1.tif", "has uint8 pixels, expected uint16", "Export it again"), 1),
        (caused(InputError("IM1.tif", "no such file", "Check the path"), FileNotFoundError(errno.ENOENT, "gone")), 1),
        (
            caused(InputError("runs", "cannot write", "Free some space"), OSError(errno.ENOSPC, "full")),
            1 + cluster.RETRIES,
        ),
        (OSError(errno.EIO, "input/output error"), 1 + cluster.RETRIES),
    ],
    ids=["a bad slice", "a deleted slice", "a full disk", "a failing disk"],
)
def test_a_retry_is_for_disks_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, tries: int
) -> None:
    tried: list[int] = []

    def fail(*_: object, **__: object) -> None:
        tried.append(1)
        raise error

    monkeypatch.setattr(cluster, "load_dataset", Path)
    monkeypatch.setattr(cluster, "train_fold", fail)
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as local,
        Client(local) as client,
        pytest.raises(type(error), match=re.escape(str(error))),
    ):
        cluster.train_on_cluster(client, tmp_path, PROTOCOL, tmp_path / "runs", ("xception",), (1,), progress=False)
    assert len(tried) == tries


def test_a_data_folder_that_is_not_there_may_be_back_later(tmp_path: Path) -> None:
    error = InputError(tmp_path / "data", "there is no such folder", "Name a folder")
    assert cluster.is_worth_a_retry(error, tmp_path / "data")
    assert not cluster.is_worth_a_retry(error, tmp_path)


@pytest.mark.slow
def test_a_killed_worker_loses_no_run(small_dataset: Path, tmp_path: Path, workers: Client) -> None:
    marked: list[int] = []
    # Asked beforehand: a worker that trains answers late, and what is to be killed may have ended by then.
    pids = workers.run(os.getpid)

    def kill_one() -> None:
        deadline = time.monotonic() + 180
        while not (begun := [pid for pid in pids.values() if has_begun(pid)]) and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(begun[0], signal.SIGKILL)
        while not (found := mark_abandoned(tmp_path)) and time.monotonic() < deadline:
            time.sleep(0.02)
        marked.append(found)

    killer = threading.Thread(target=kill_one)
    killer.start()
    runs = cluster.train_on_cluster(
        workers, small_dataset, PROTOCOL, tmp_path, ("resnet50v2",), (1, 2, 3), progress=False
    )
    killer.join()
    assert marked == [1]
    assert [run.folder.name for run in runs] == ["fold1", "fold2", "fold3"]
    assert all(len(run.history()) == PROTOCOL.epochs for run in runs)
    seconds = [run.record()["seconds"]["training"] for run in runs]  # type: ignore[index]
    resumed = [number for number, one in enumerate(seconds) if one > MARK]
    assert len(resumed) == 1, "the run was begun anew, not taken up"
    alone = train.train_fold(
        load_dataset(small_dataset), "resnet50v2", resumed[0] + 1, PROTOCOL, tmp_path / "alone", progress=False
    )
    pd.testing.assert_frame_equal(runs[resumed[0]].history(), alone.history(), rtol=0, atol=1e-5)


def test_a_run_that_takes_down_its_workers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_train_one", lambda *_: os._exit(1))
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None) as local,
        Client(local) as client,
    ):
        with pytest.raises(InputError, match="xception, fold 2: 2 workers died"):
            cluster.train_on_cluster(client, tmp_path, PROTOCOL, tmp_path, ("xception",), (2,), progress=False)
        client.wait_for_workers(1, timeout=60)  # a cluster cannot be closed while it starts a dead worker again


def test_an_address_where_nothing_answers(
    tmp_path: Path, small_dataset: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("timed out")

    monkeypatch.setattr("distributed.Client", refuse)
    arguments = ["train", "--all", "--data", str(small_dataset), "--cluster", "tcp://localhost:1"]
    assert main([*arguments, "--runs", str(tmp_path)]) == 2
    assert "tcp://localhost:1: no Dask scheduler answers at this address (timed out)" in capsys.readouterr().err
