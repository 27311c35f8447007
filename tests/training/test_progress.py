"""covidlib.training.progress: what is on disk is what is shown, of finished, interrupted and waiting runs."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from covidlib.cli.main import main
from covidlib.datasets.slice_table import load_dataset
from covidlib.errors import InputError
from covidlib.protocols import QUICK
from covidlib.training import progress, runs, train
from covidlib.training.checkpoints import CHECKPOINT

TINY = dataclasses.replace(QUICK, epochs=3)


@pytest.mark.usefixtures("untraced")
def test_finished_interrupted_and_waiting_runs_in_one_view(
    small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = load_dataset(small_dataset)
    whole = train.train_fold(dataset, "resnet50v2", 1, TINY, tmp_path, progress=False)

    class Stopped(Exception):
        pass

    keep = train.save_checkpoint

    def stop_after_two(folder: Path, model: object, done: train.Progress) -> None:
        keep(folder, model, done)  # type: ignore[arg-type]
        if len(done.history) == 2:
            raise Stopped

    monkeypatch.setattr(train, "save_checkpoint", stop_after_two)
    with pytest.raises(Stopped):
        train.train_fold(dataset, "resnet50v2", 2, TINY, tmp_path, progress=False)
    table = progress.overview(TINY, tmp_path, dataset.fingerprint).set_index(["network", "fold"])
    assert len(table) == 15
    finished, begun, waiting = (table.loc[("resnet50v2", fold)] for fold in (1, 2, 3))
    assert (finished["state"], finished["epochs"]) == ("finished", 3)
    assert finished["best_validation"] == whole.history()["val_accuracy"].max()
    assert (begun["state"], begun["epochs"]) == ("begun", 2) and 0 <= begun["silent"] < 600
    assert (waiting["state"], waiting["epochs"]) == ("waiting", 0)
    assert set(table.drop(index=[("resnet50v2", 1), ("resnet50v2", 2)])["state"]) == {"waiting"}

    command = ["runs", "--data", str(small_dataset), "--runs", str(tmp_path), "--set", "epochs=3"]
    assert main(command) == 0
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 16 and printed[-1].startswith("1 of 15 runs finished, about ")
    assert "█" * 13 + "·" * 7 in printed[6] and "2/3  begun" in printed[6]
    # Nothing of a run before its first epoch is known but that somebody began it.
    (runs.runs_folder(TINY, tmp_path, dataset.fingerprint) / "resnet50v2" / ".fold2" / CHECKPOINT).unlink()
    assert main(command) == 0
    assert "0/3  begun" in capsys.readouterr().out
    shutil.rmtree(whole.folder)
    assert main(command) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "0 of 15 runs finished"


@pytest.mark.parametrize(
    ("line", "problem"),
    [("a.tif,p,xception,1,covid,covid,", "incomplete"), ("a.tif,p,xception,1,covid,covid,high", "numeric")],
)
def test_predictions_without_a_number_are_refused(tmp_path: Path, line: str, problem: str) -> None:
    path = tmp_path / runs.PREDICTIONS
    path.write_text(f"path,patient,network,fold,label,patient_label,p_covid\n{line}\n")
    with pytest.raises(InputError, match=f"{runs.PREDICTIONS}: damaged file .*{problem}.* trained again"):
        runs.Run(tmp_path).predictions()
