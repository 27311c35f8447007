"""covidlib.batches, protocols and training: one resample, same seed same batches, runs that are kept."""

from __future__ import annotations

import dataclasses
import random
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from conftest import body_slice

from covidlib import batches, training
from covidlib.cli import main
from covidlib.dataset import load_dataset, load_table
from covidlib.errors import InputError
from covidlib.protocols import COLAB, PAPER, PROTOCOLS, QUICK, Augmentation, protocol_named, with_settings
from covidlib.weights import load_weights, read_note

TINY = dataclasses.replace(QUICK, epochs=2)


def test_the_paper_protocol_is_table_3() -> None:
    from covidlib.paper import table

    printed = table(3).set_index("Training parameters")["Our model"]
    assert f"{PAPER.learning_rate:.0e}".replace("e-04", "e−4") == printed["Learning Rate"]
    assert str(PAPER.batch_size) == printed["Batch size"] and str(PAPER.epochs) == printed["Epochs"]
    assert f"{PAPER.augmentation.zoom_fraction:.0%}" == printed["Zoom range"]
    assert f"{PAPER.augmentation.shift_fraction:.0%}" == printed["Width/height shifting"]
    assert (PAPER.image_side, PAPER.scaling, PAPER.validation) == (512, "raw", "test-subset")
    assert COLAB.network_size == "paper" and set(PROTOCOLS) == {"paper", "colab", "quick"}


def test_protocols_change_by_name_only() -> None:
    assert protocol_named("QUICK", epochs=3).epochs == 3
    with pytest.raises(InputError, match="no protocol"):
        protocol_named("fast")
    with pytest.raises(InputError, match="no setting"):
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
        ("epochs", "no KEY=VALUE"), ("epoch=3", "no setting"), ("epochs=many", "no int"),
        ("scaling=half", "Choose one of raw"), ("augmentation.tilt=3", "no setting"), ("augmentation=3", "no setting"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=message):
            with_settings(QUICK, [wrong])


def test_training_refuses_a_leak_unless_told(small_dataset: Path, tmp_path: Path) -> None:
    data = load_dataset(small_dataset)
    leaky = dataclasses.replace(TINY, validation="test-subset", epochs=1)
    with pytest.raises(InputError, match="is in validation and test .*--allow-leak"):
        training.train_fold(data, "resnet50v2", 1, leaky, tmp_path, progress=False)
    assert list(tmp_path.iterdir()) == []
    run = training.train_fold(data, "resnet50v2", 1, leaky, tmp_path, progress=False, allow_leak=True)
    # Two test patients of each class: four people, and their two selected slices each.
    assert run.record()["data"]["leaks"] == 12  # type: ignore[index]


def test_shrinking_averages() -> None:
    pixels = np.arange(16, dtype=np.uint16).reshape(4, 4)
    assert batches.shrink(pixels, 2).tolist() == [[2.5, 4.5], [10.5, 12.5]]
    assert batches.shrink(pixels, 4).dtype == np.float32
    with pytest.raises(ValueError, match="4×4"):
        batches.shrink(pixels, 3)


def test_scalings() -> None:
    images = np.array([0, 1174, 2348, 4095], np.float32).reshape(1, 2, 2, 1)
    assert np.array_equal(batches.scale(images, "raw"), images)
    assert batches.scale(images, "slice-max").numpy().max() == 1
    assert batches.scale(images, "fixed-4095").numpy().ravel().tolist() == pytest.approx(
        [0, 1174 / 4095, 2348 / 4095, 1]
    )
    assert batches.scale(images, "lung-window").numpy().ravel().tolist() == [0, 1, 1, 1]
    assert np.isfinite(batches.scale(np.zeros((1, 2, 2, 1), np.float32), "slice-max").numpy()).all()


@pytest.mark.parametrize("flips", [(1, 1), (-1, 1), (1, -1)])
def test_one_resample_agrees_with_keras_image_data_generator(flips: tuple[int, int]) -> None:
    from keras.src.legacy.preprocessing.image import apply_affine_transform

    generator = np.random.default_rng(3)
    # Smooth 12-bit pictures: the two differ in the last bits of the interpolation only.
    rough = generator.random((4, 8, 8, 1)).astype(np.float32)
    images = tf.image.resize(rough, (64, 64), method="bicubic").numpy() * 4095
    for index, image in enumerate(images):
        angle, shift_x, shift_y = generator.uniform(-360, 360), generator.uniform(-3, 3), generator.uniform(-3, 3)
        shear, zoom_x, zoom_y = generator.uniform(-5, 5), *generator.uniform(0.95, 1.05, 2)
        expected = apply_affine_transform(
            image, theta=angle, tx=shift_x, ty=shift_y, shear=shear, zx=zoom_x, zy=zoom_y,
            row_axis=0, col_axis=1, channel_axis=2, fill_mode="nearest", order=1,
        )[:: flips[1], :: flips[0]]  # fmt: skip
        values = [np.radians(angle), shift_x, shift_y, np.radians(shear), zoom_x, zoom_y, *flips]
        map_ = batches.affine_map(64, *(tf.constant([value], tf.float32) for value in values))
        ours = batches.resample(images[index : index + 1], map_).numpy()[0]
        assert np.abs(ours - expected).max() < 1.0
        assert np.abs(ours - expected).mean() < 0.1


def paths_of(folder: Path) -> list[str]:
    return [str(path) for path in sorted(folder.rglob("*.tif"))]


def test_the_same_seed_gives_the_same_batches(small_dataset: Path) -> None:
    paths = paths_of(small_dataset)[:20]
    labels = [0, 1] * 10

    def epochs(seed: int) -> list[np.ndarray]:
        steps = batches.steps_per_epoch(len(paths), TINY)
        drawn = [images.numpy() for images, _ in batches.training_batches(paths, labels, TINY, seed).take(2 * steps)]
        return [np.concatenate(drawn[:steps]), np.concatenate(drawn[steps:])]

    first, again, other = epochs(1), epochs(1), epochs(2)
    assert first[0].shape == (20, 128, 128, 1)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first[0], other[0])
    # Started at the second epoch, the stream is what the whole one has there.
    late = batches.training_batches(paths, labels, TINY, 1, first_epoch=1).take(batches.steps_per_epoch(20, TINY))
    assert np.array_equal(np.concatenate([images.numpy() for images, _ in late]), first[1])


def test_labels_stay_with_their_slices(small_dataset: Path) -> None:
    paths = paths_of(small_dataset)[:12]
    still = dataclasses.replace(TINY, augmentation=Augmentation(0, 0, 0, 0, False))
    images = batches.load_images(paths, 128, still.scaling)
    known = {image.tobytes(): index for index, image in enumerate(np.round(images, 4))}
    labels = [0, 1, 1] * 4
    for shuffled, one_hot in batches.training_batches(paths, labels, still, 5).take(2):
        for image, label in zip(np.round(shuffled.numpy(), 4), one_hot.numpy(), strict=True):
            assert label.argmax() == labels[known[image.tobytes()]]
    evaluated = np.concatenate([one.numpy() for one, _ in batches.evaluation_batches(paths, labels, still)])
    assert np.allclose(evaluated, images, atol=1e-6)


def test_a_slice_of_another_size_is_named(tmp_path: Path) -> None:
    from covidlib.series import write_slice

    write_slice(tmp_path / "IM1.tif", body_slice()[:500, :500])
    with pytest.raises(InputError, match="IM1.tif"):
        batches.load_images([tmp_path / "IM1.tif"], 128, "raw")


def test_a_run_is_written_whole_kept_and_reused(small_dataset: Path, tmp_path: Path) -> None:
    run = training.train_fold(load_dataset(small_dataset), "resnet50v2", 1, TINY, tmp_path, progress=False)
    assert sorted(path.name for path in run.folder.iterdir()) == [
        "best.weights.h5", "history.csv", "predictions.csv", "run.json",
    ]  # fmt: skip
    assert list(run.history()["epoch"]) == [1, 2]
    record = run.record()
    assert record["protocol"]["epochs"] == 2 and record["network"] == "resnet50v2"  # type: ignore[index]
    predictions = run.predictions()
    assert list(predictions.columns) == [
        "path", "patient", "series", "network", "fold", "label", "patient_label", "p_covid",
    ]  # fmt: skip
    # Two patients of each class, two selected slices each.
    assert len(predictions) == 8 and predictions["p_covid"].between(0, 1).all()
    model, note = load_weights(run.weights)
    assert note == read_note(run.weights) and note.fold == 1
    images = batches.load_images([small_dataset / path for path in predictions["path"]], 128, note.scaling)
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
        split = training._fold_tables(table, QUICK, fold)
        patients = {side: set(rows["patient"]) for side, rows in split.items()}
        assert not patients["train"] & patients["test"] and not patients["validation"] & patients["test"]
        assert not patients["train"] & patients["validation"]
        assert split["train"]["label"].value_counts().nunique() == 1
        assert all(rows["selected"].all() for rows in split.values())
    as_published = training._fold_tables(table, dataclasses.replace(QUICK, validation="test-subset"), 1)
    assert set(as_published["validation"]["patient"]) <= set(as_published["test"]["patient"])


def test_another_protocol_or_dataset_is_another_folder() -> None:
    folder = training.runs_folder(QUICK, Path("runs"), "data")
    assert folder == training.runs_folder(QUICK, Path("runs"), "data")
    assert folder != training.runs_folder(TINY, Path("runs"), "data")
    assert folder != training.runs_folder(QUICK, Path("runs"), "other data")


def test_unusable_requests_are_refused(small_dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="no network"):
        training.train_fold(load_dataset(small_dataset), "vgg16", 1, TINY, tmp_path)
    with pytest.raises(InputError, match="fold 9"):
        training.train_fold(load_dataset(small_dataset), "resnet50v2", 9, TINY, tmp_path)
    arguments = ["train", "--network", "xception", "--fold", "9", "--data", str(small_dataset), "--runs", str(tmp_path)]
    assert main(arguments) == 2
    assert "fold 9" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
