"""covidlib.training.devices: half precision, several devices, batches in parts."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from covidlib.datasets.slice_table import load_dataset
from covidlib.errors import InputError
from covidlib.networks import models
from covidlib.protocols import QUICK
from covidlib.training import devices, train

TINY = dataclasses.replace(QUICK, epochs=1)


def test_the_ladder_keeps_the_batch() -> None:
    assert devices.batch_ladder(14) == [(14, 1), (7, 2), (2, 7), (1, 14)]
    assert all(batch * parts == 8 for batch, parts in devices.batch_ladder(8))


def test_parts_of_a_batch_make_the_update_of_the_whole() -> None:
    generator = np.random.default_rng(0)
    x, y = generator.random((12, 5)).astype("float32"), generator.random((12, 1)).astype("float32")

    def trained(batch: int, parts: int) -> list[np.ndarray]:
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, activation="tanh"), keras.layers.Dense(1)])
        optimizer = keras.optimizers.Nadam(0.01, gradient_accumulation_steps=parts if parts > 1 else None)
        model.compile(optimizer, loss="mse")
        model.fit(x, y, batch_size=batch, epochs=3, shuffle=False, verbose=0)
        return model.get_weights()

    for whole, cut in zip(trained(12, 1), trained(4, 3), strict=True):
        assert np.allclose(whole, cut, atol=1e-5)


def short_of_memory(monkeypatch: pytest.MonkeyPatch, holds: int) -> list[tuple[int, int | None, int]]:
    """A machine that holds so many slices of a batch; the list tells what was tried: slices, parts, steps an epoch."""
    fit, tried = keras.Model.fit, []

    def fit_what_fits(model: keras.Model, batches: tf.data.Dataset, **options: int) -> object:
        size = next(iter(batches))[0].shape[0]
        tried.append((size, model.optimizer.gradient_accumulation_steps, options["steps_per_epoch"]))
        if size > holds:
            raise tf.errors.ResourceExhaustedError(None, None, "out of memory")
        return fit(model, batches, **options)

    monkeypatch.setattr(keras.Model, "fit", fit_what_fits)
    return tried


@pytest.mark.usefixtures("untraced")
def test_a_batch_that_memory_does_not_hold_is_cut(
    small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = short_of_memory(monkeypatch, 2)
    data = load_dataset(small_dataset)
    run = train.train_fold(data, "resnet50v2", 1, TINY, tmp_path, progress=False)
    assert [one[:2] for one in tried] == [(14, None), (7, 2), (2, 7)]
    # However it is cut, an epoch goes once over all slices.
    slices = run.record()["data"]["slices"]["train"]  # type: ignore[index]
    assert [steps for _, _, steps in tried] == [math.ceil(slices / size) for size, _, _ in tried]
    assert run.record()["device"]["parts_of_a_batch"] == 7  # type: ignore[index]
    short_of_memory(monkeypatch, 0)
    with pytest.raises(InputError, match="does not fit into memory"):
        train.train_fold(data, "resnet50v2", 2, TINY, tmp_path, progress=False)


@pytest.mark.usefixtures("untraced")
def test_a_run_in_parts_goes_on_in_parts(small_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = short_of_memory(monkeypatch, 7)
    data, two, keep = load_dataset(small_dataset), dataclasses.replace(TINY, epochs=2), train.save_checkpoint
    whole = train.train_fold(data, "resnet50v2", 1, two, tmp_path / "whole", progress=False)

    class Stopped(Exception):
        pass

    def stop(folder: Path, model: keras.Model, done: train.Progress) -> None:
        keep(folder, model, done)
        raise Stopped

    with monkeypatch.context() as patched, pytest.raises(Stopped):
        patched.setattr(train, "save_checkpoint", stop)
        train.train_fold(data, "resnet50v2", 1, two, tmp_path / "stopped", progress=False)
    tried.clear()
    run = train.train_fold(data, "resnet50v2", 1, two, tmp_path / "stopped", progress=False)
    assert [one[:2] for one in tried] == [(7, 2)]
    pd.testing.assert_frame_equal(run.history(), whole.history(), rtol=0, atol=1e-6)


@pytest.mark.usefixtures("untraced")
def test_half_precision_computes_in_16_bits_and_answers_in_32(small_dataset: Path, tmp_path: Path) -> None:
    with devices.policy("mixed_bfloat16"):
        model = models.build("resnet50v2-fpn", (128, 128, 1), "quick")
    assert model.get_layer("P3").compute_dtype == "bfloat16" and model.get_layer("P3").kernel.dtype == "float32"
    assert model.outputs[0].dtype == "float32"
    assert keras.config.dtype_policy().name == "float32"
    half = dataclasses.replace(TINY, precision="mixed_bfloat16")
    run = train.train_fold(load_dataset(small_dataset), "resnet50v2", 1, half, tmp_path, progress=False)
    assert run.record()["device"]["precision"] == "mixed_bfloat16"  # type: ignore[index]
    assert run.predictions()["p_covid"].between(0, 1).all()


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [([], "float32"), ([(6, 0)], "float32"), ([(7, 5)], "mixed_float16"), ([(7, 5), (6, 0)], "float32")],
)
def test_auto_is_half_precision_on_gpus_made_for_it(
    monkeypatch: pytest.MonkeyPatch, capabilities: list[tuple[int, int]], expected: str
) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: list(range(len(capabilities))))
    monkeypatch.setattr(
        tf.config.experimental, "get_device_details", lambda gpu: {"compute_capability": capabilities[gpu]}
    )
    assert devices.precision_policy("auto") == expected
    assert devices.precision_policy("float32") == "float32"


def test_two_devices_share_each_batch(small_dataset: Path, tmp_path: Path) -> None:
    code = f"""
import dataclasses, json
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from covidlib import training
from covidlib.datasets.slice_table import load_dataset
from covidlib.protocols import QUICK
tiny = dataclasses.replace(QUICK, epochs=2)
run = training.train_fold(load_dataset({str(small_dataset)!r}), "resnet50v2", 1, tiny, {str(tmp_path)!r}, False)
print(json.dumps([run.record()["device"], len(run.history()), len(run.predictions())]))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-2000:]
    device, epochs, predictions = json.loads(result.stdout.splitlines()[-1])
    assert device["replicas"] == 2 and epochs == 2 and predictions == 8
