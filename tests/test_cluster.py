"""covidlib.cluster: runs on Dask workers, one of which is killed in the middle."""

from __future__ import annotations

import dataclasses
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from distributed import Client, LocalCluster

from covidlib import cluster, training
from covidlib.checkpoints import CHECKPOINT
from covidlib.cli import main
from covidlib.dataset import load_dataset
from covidlib.errors import InputError
from covidlib.protocols import QUICK

PROTOCOL = dataclasses.replace(QUICK, epochs=6)


@pytest.fixture
def workers() -> Iterator[Client]:
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as local,
        Client(local) as client,
    ):
        yield client


@pytest.mark.slow
def test_a_killed_worker_loses_no_run(small_dataset: Path, tmp_path: Path, workers: Client) -> None:
    victims: list[int] = []

    def kill_one() -> None:
        deadline = time.monotonic() + 180
        while not list(tmp_path.rglob(CHECKPOINT)) and time.monotonic() < deadline:
            time.sleep(0.05)
        # The worker that has finished an epoch: its run must go on elsewhere.
        busy = {address for address, tasks in workers.processing().items() if tasks}
        pids = workers.run(os.getpid, workers=list(busy))
        victims.append(pids[min(pids)])
        os.kill(victims[0], signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    runs = cluster.train_on_cluster(
        workers, small_dataset, PROTOCOL, tmp_path, ("resnet50v2",), (1, 2, 3), progress=False
    )
    killer.join()
    assert len(victims) == 1
    assert [run.folder.name for run in runs] == ["fold1", "fold2", "fold3"]
    assert all(len(run.history()) == PROTOCOL.epochs for run in runs)
    alone = training.train_fold(
        load_dataset(small_dataset), "resnet50v2", 1, PROTOCOL, tmp_path / "alone", progress=False
    )
    pd.testing.assert_frame_equal(runs[0].history(), alone.history(), rtol=0, atol=1e-5)


def test_a_refused_run_says_why(small_dataset: Path, tmp_path: Path) -> None:
    leaky = dataclasses.replace(PROTOCOL, validation="test-subset")
    with (
        Client(processes=False, n_workers=1, threads_per_worker=1, dashboard_address=None) as client,
        pytest.raises(InputError, match="--allow-leak"),
    ):
        cluster.train_on_cluster(client, small_dataset, leaky, tmp_path, ("xception",), (1,), progress=False)
    assert list(tmp_path.iterdir()) == []


def test_an_address_where_nothing_answers(
    tmp_path: Path, small_dataset: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("timed out")

    monkeypatch.setattr("distributed.Client", refuse)
    arguments = ["train", "--all", "--data", str(small_dataset), "--cluster", "tcp://localhost:1"]
    assert main([*arguments, "--runs", str(tmp_path)]) == 2
    assert "tcp://localhost:1: no Dask scheduler answers (timed out)" in capsys.readouterr().err
