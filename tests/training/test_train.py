"""covidlib.protocols and training: settings that are stated, runs that are kept."""

from __future__ import annotations

import dataclasses
import json
import random
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from covidlib.cli.main import main
from covidlib.datasets.slice_table import load_dataset, load_table
from covidlib.errors import InputError
from covidlib.networks import inputs
from covidlib.networks.weights import load_weights, read_note
from covidlib.protocols import COLAB, PAPER, PROTOCOLS, QUICK, protocol_named, with_settings
from covidlib.training import folds, runs
from covidlib.training import train as training

TINY = dataclasses.replace(QUICK, epochs=2)


def test_the_paper_protocol_is_table_3() -> None:
    from covidlib.paper.tables import table

    printed = table(3).set_index("Training parameters")["Our model"]
    assert f"{PAPER.learning_rate:.0e}".replace("e-04", "e−4") == printed["Learning Rate"]
    assert str(PAPER.batch_size) == printed["Batch size"] and str(PAPER.epochs) == printed["Epochs"]
    assert f"{PAPER.augmentation.zoom_fraction:.0%}" == printed["Zoom range"]
    assert f"{PAPER.augmentation.shift_fraction:.0%}" == printed["Width/height shifting"]
    assert (PAPER.image_side, PAPER.scaling, PAPER.validation) == (512, "raw", "test-subset")
    assert COLAB.network_size == "paper" and set(PROTOCOLS) == {"paper", "colab", "quick"}


def test_protocols_change_by_name_only() -> None:
    assert protocol_named("QUICK", epochs=3).epochs == 3
    with pytest.raises(InputError, match="unknown protocol"):
        protocol_named("fast")
    with pytest.raises(InputError, match="unknown setting"):
        protocol_named("quick", epoch=3)


def test_settings_change_a_protocol_from_the_command_line() -> None:
    changed = with_settings(QUICK, ["epochs=3", "scaling=raw", "augmentation.flip=false", "learning_rate=1e-2"])
    assert (changed.epochs, changed.scaling, changed.augmentation.flip, changed.learning_rate) == (
        3,
        "raw",
        False,
        0.01,
    )
    assert changed.augmentation.rotation_degrees == QUICK.augmentation.rotation_degrees
    for wrong, message in (
        ("epochs", "not of the form KEY=VALUE"), ("epoch=3", "unknown setting"), ("epochs=many", "not a whole number"),
        ("scaling=half", "Choose one of raw"), ("augmentation.tilt=3", "unknown setting"),
        ("augmentation=3", "unknown setting"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=message):
            with_settings(QUICK, [wrong])


@pytest.mark.usefixtures("untraced")
def test_training_refuses_a_leak_unless_told(small_dataset: Path, tmp_path: Path) -> None:
    data = load_dataset(small_dataset)
    leaky = dataclasses.replace(TINY, validation="test-subset", epochs=1)
    with pytest.raises(InputError, match="is in validation and test .*--allow-leak"):
        training.train_fold(data, "resnet50v2", 1, leaky, tmp_path, progress=False)
    assert list(tmp_path.iterdir()) == []
    run = training.train_fold(data, "resnet50v2", 1, leaky, tmp_path, progress=False, allow_leak=True)
    # Two test patients of each class: four people, and their two selected slices each.
    assert run.record()["data"]["leaks"] == 12  # type: ignore[index]


def test_a_run_is_written_whole_kept_and_reused(small_dataset: Path, tmp_path: Path) -> None:
    run = training.train_fold(load_dataset(small_dataset), "resnet50v2", 1, TINY, tmp_path, progress=False)
    assert sorted(path.name for path in run.folder.iterdir()) == [
        "best.weights.h5", "history.csv", "predictions.csv", "run.json", "validation.csv",
    ]  # fmt: skip
    assert list(run.history()["epoch"]) == [1, 2]
    record = run.record()
    # Enough to say where a number came from.
    assert record["protocol"] == json.loads(json.dumps(dataclasses.asdict(TINY)))
    assert (record["network"], record["fold"]) == ("resnet50v2", 1)
    assert record["data"]["fingerprint"] == load_dataset(small_dataset).fingerprint  # type: ignore[index]
    names = {"covidlib", "commit", "python", "tensorflow", "keras", "numpy"}
    assert set(record["versions"]) == names  # type: ignore[call-overload]
    assert min(record["seconds"].values()) > 0  # type: ignore[attr-defined]
    predictions = run.predictions()
    validated = run.validation()
    assert list(validated.columns) == list(predictions.columns)
    assert not set(validated["patient"]) & set(predictions["patient"])
    # The weights that are kept are those of the epoch with the best accuracy on these very slices.
    right = (validated["p_covid"] > 0.5) == (validated["label"] == "covid")
    assert right.mean() == pytest.approx(run.history()["val_accuracy"].max())
    assert list(predictions.columns) == [
        "path", "patient", "series", "network", "fold", "label", "patient_label", "p_covid",
    ]  # fmt: skip
    # Two patients of each class, two selected slices each.
    assert len(predictions) == 8 and predictions["p_covid"].between(0, 1).all()
    model, note = load_weights(run.weights)
    assert note == read_note(run.weights) and note.fold == 1
    images = inputs.load_images([small_dataset / path for path in predictions["path"]], 128, note.scaling)
    assert np.allclose(model.predict_on_batch(images)[:, 0], predictions["p_covid"], atol=1e-4)
    before = run.weights.stat().st_mtime_ns
    assert training.train_fold(load_dataset(small_dataset), "resnet50v2", 1, TINY, tmp_path, progress=False) == run
    assert run.weights.stat().st_mtime_ns == before
    assert [path for path in tmp_path.rglob("*") if path.name.startswith(".")] == []


def test_a_run_does_not_depend_on_what_was_trained_before(small_dataset: Path, tmp_path: Path) -> None:
    training.train_fold(load_dataset(small_dataset), "resnet50v2-fpn", 1, TINY, tmp_path / "a", progress=False)
    after_another = training.train_fold(
        load_dataset(small_dataset), "resnet50v2-fpn", 2, TINY, tmp_path / "a", progress=False
    )
    training._compiled.cache_clear()
    alone = training.train_fold(load_dataset(small_dataset), "resnet50v2-fpn", 2, TINY, tmp_path / "b", progress=False)
    pd.testing.assert_frame_equal(after_another.history(), alone.history(), atol=1e-5)
    pd.testing.assert_frame_equal(after_another.predictions(), alone.predictions(), atol=1e-5)


@pytest.mark.parametrize("network", ["xception", "resnet50v2-fpn"])
def test_one_seed_is_one_network_whoever_else_draws_random_numbers(network: str) -> None:
    stop = threading.Event()

    def draw_on() -> None:
        while not stop.is_set():
            random.random()

    first = [np.array(variable) for variable in training._fresh_model(network, TINY, 5).variables]
    other = threading.Thread(target=draw_on)
    other.start()
    training._compiled.cache_clear()
    again = [np.array(variable) for variable in training._fresh_model(network, TINY, 5).variables]
    stop.set()
    other.join()
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    changed = [np.array(variable) for variable in training._fresh_model(network, TINY, 6).variables]
    differ = [one.shape for one, two in zip(first, changed, strict=True) if not np.array_equal(one, two)]
    kernels = [variable.shape for variable in training._fresh_model(network, TINY, 5).variables if variable.ndim > 1]
    # Every kernel is drawn anew, and each dropout's state (two numbers) with it.
    assert [shape for shape in differ if len(shape) > 1] == [tuple(shape) for shape in kernels]


def test_training_sides_share_no_patient_and_classes_are_balanced(small_dataset: Path) -> None:
    table = load_table(small_dataset)
    for fold in range(1, 6):
        split = folds.fold_tables(table, QUICK, fold)
        patients = {side: set(rows["patient"]) for side, rows in split.items()}
        assert not patients["train"] & patients["test"] and not patients["validation"] & patients["test"]
        assert not patients["train"] & patients["validation"]
        assert split["train"]["label"].value_counts().nunique() == 1
        assert all(rows["selected"].all() for rows in split.values())
    as_published = folds.fold_tables(table, dataclasses.replace(QUICK, validation="test-subset"), 1)
    assert set(as_published["validation"]["patient"]) <= set(as_published["test"]["patient"])


def test_a_class_without_a_slice_is_no_training_set(small_dataset: Path) -> None:
    table = load_table(small_dataset)
    with pytest.raises(InputError, match="no covid slice to train or validate on"):
        folds.balanced(table[table["label"] == "normal"], 1)


def test_a_run_that_diverged_is_told_and_not_kept(
    small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predicted = training.predict_table
    monkeypatch.setattr(training, "predict_table", lambda *given: predicted(*given).assign(p_covid=float("nan")))
    short = dataclasses.replace(QUICK, epochs=1)
    with pytest.raises(InputError, match="xception, fold 1: training diverged.*learning_rate below 0.0015"):
        training.train_fold(load_dataset(small_dataset), "xception", 1, short, tmp_path, progress=False)
    assert not list(tmp_path.rglob("fold1"))


@pytest.mark.parametrize("watched", [True, False])
def test_a_bar_is_drawn_on_a_terminal_only(
    small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watched: bool
) -> None:
    asked = []

    def train(*given: object) -> None:
        asked.append(given[5])
        raise InputError("a run", "stops here", "Go on")

    monkeypatch.setattr(training, "train_fold", train)
    monkeypatch.setattr("sys.stderr.isatty", lambda: watched)
    assert main(["train", "--all", "--data", str(small_dataset), "--runs", str(tmp_path)]) == 2
    assert asked == [watched]


def test_another_protocol_or_dataset_is_another_folder() -> None:
    folder = runs.runs_folder(QUICK, Path("runs"), "data")
    assert folder == runs.runs_folder(QUICK, Path("runs"), "data")
    assert folder != runs.runs_folder(TINY, Path("runs"), "data")
    assert folder != runs.runs_folder(QUICK, Path("runs"), "other data")


def test_unusable_requests_are_refused(small_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="unknown network"):
        training.train_fold(load_dataset(small_dataset), "vgg16", 1, TINY, tmp_path)
    with pytest.raises(InputError, match="fold 9"):
        training.train_fold(load_dataset(small_dataset), "resnet50v2", 9, TINY, tmp_path)
    arguments = ["train", "--network", "xception", "--fold", "9", "--data", str(small_dataset), "--runs", str(tmp_path)]
    assert main(arguments) == 2
    assert "fold 9" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
