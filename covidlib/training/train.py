"""Train one network on one fold, or all fifteen runs, and record how each result was made (section 2.4).

A finished run (`covidlib.training.runs`) is reused, never repeated; an interrupted run resumes after its last finished
epoch. Taught in chapter 04.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from covidlib import __version__
from covidlib.datasets.slice_table import Dataset
from covidlib.errors import InputError
from covidlib.names import LABELS
from covidlib.networks import imagenet, models, random_weights
from covidlib.networks.weights import WeightsNote, save_weights
from covidlib.protocols import Protocol
from covidlib.training.batches import evaluation_batches, steps_per_epoch, training_batches, while_reading
from covidlib.training.checkpoints import (
    CHECKPOINT,
    LOCK,
    Progress,
    exclusive_run,
    read_progress,
    report_full_disk,
    restore,
    save_checkpoint,
)
from covidlib.training.devices import batch_ladder, policy, precision_policy, strategy
from covidlib.training.folds import fold_tables
from covidlib.training.interrupts import StopsBetweenBatches
from covidlib.training.leak_check import check_no_leak
from covidlib.training.runs import HISTORY, PREDICTIONS, RECORD, VALIDATION, WEIGHTS, Run, runs_folder
from covidlib.utils.machine import commit
from covidlib.utils.quiet_tensorflow import keras, tf


def train_fold(
    dataset: Dataset,
    network: str,
    fold: int,
    protocol: Protocol,
    runs: str | Path,
    progress: bool = True,
    allow_leak: bool = False,
) -> Run:
    """Train one network on one fold, resume an interrupted run, or return the finished one (paper, section 2.4).

    Parameters
    ----------
    dataset : Dataset
        The synthetic cohort, or COVID-CTset.
    runs : path
        The folder of all runs.
    allow_leak : bool
        Whether to train although a patient is on two sides of the split, as in the paper's own validation.

    Raises
    ------
    InputError
        If the network or the fold is unknown, the data cannot be used, or the split leaks.
    """
    if network not in models.ALL_NAMES:
        raise InputError(network, "unknown network", f"Choose one of {', '.join(models.ALL_NAMES)}")
    split = fold_tables(dataset.table, protocol, fold)
    leak_count = check_no_leak(split, allow_leak)
    folder = runs_folder(protocol, Path(runs), dataset.fingerprint) / network / f"fold{fold}"
    if folder.is_dir():
        return Run(folder)
    # An unfinished run is stored beside its final folder, where the next start of the same command finds it.
    part = folder.parent / f".{folder.name}"
    part.mkdir(parents=True, exist_ok=True)
    with report_full_disk(part), exclusive_run(part):
        _train_into(part, dataset, split, network, fold, protocol, progress, leak_count)
        for left_over in (part / CHECKPOINT, part / LOCK, *part.glob(".*.part*")):
            left_over.unlink(missing_ok=True)
        os.rename(part, folder)
    return Run(folder)


def _train_into(
    part: Path,
    dataset: Dataset,
    split: dict[str, pd.DataFrame],
    network: str,
    fold: int,
    protocol: Protocol,
    progress: bool,
    leak_count: int,
) -> None:
    side = protocol.image_side
    source = f"{dataset.root.name} ({dataset.fingerprint})"
    note = WeightsNote(network, protocol.network_size, (side, side, 1), protocol.scaling, protocol.name, fold, source)
    title = f"{network}, fold {fold}" if progress else ""
    model, done = _fit(part, dataset, split, network, protocol, protocol.seed + fold, note, title)
    fitted = time.perf_counter()
    epochs = pd.DataFrame(done.history)
    epochs.insert(0, "epoch", np.arange(1, len(epochs) + 1))
    epochs.to_csv(part / HISTORY, index=False, lineterminator="\n")
    model.load_weights(part / WEIGHTS)
    for side_name, name in (("test", PREDICTIONS), ("validation", VALIDATION)):
        predicted = predict_table(model, dataset.root, split[side_name], network, fold, protocol)
        if predicted["p_covid"].isna().any():
            raise InputError(
                f"{network}, fold {fold}",
                "training diverged: its probabilities are not numbers",
                f"Set a learning_rate below {protocol.learning_rate}",
            )
        predicted.to_csv(part / name, index=False, lineterminator="\n")
    record = {
        "network": network,
        "fold": fold,
        "protocol": dataclasses.asdict(protocol),
        "data": {
            "folder": dataset.root.name,
            "fingerprint": dataset.fingerprint,
            "slices": {name: len(rows) for name, rows in split.items()},
            "leaks": leak_count,
        },
        "device": {
            "replicas": model.distribute_strategy.num_replicas_in_sync,
            "precision": precision_policy(protocol.precision),
            "parts_of_a_batch": done.accumulation,
        },
        "versions": {"covidlib": __version__, "commit": commit(whole=True), "python": platform.python_version()}
        | {name: version(name) for name in ("tensorflow", "keras", "numpy")},
        "seconds": {
            "training": round(done.seconds, 2),
            "predicting": round(time.perf_counter() - fitted, 2),
        },
    }
    (part / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _fit(
    part: Path,
    dataset: Dataset,
    split: dict[str, pd.DataFrame],
    network: str,
    protocol: Protocol,
    seed: int,
    note: WeightsNote,
    title: str,
) -> tuple[keras.Model, Progress]:
    """Train from the last finished epoch to the last one; if memory is short, with batches in smaller parts."""
    train, validation = (
        [str(dataset.root / path) for path in split[side_name]["path"]] for side_name in ("train", "validation")
    )
    for batch, parts in batch_ladder(protocol.batch_size):
        done = read_progress(part)
        if parts < done.accumulation:
            continue
        if parts > done.accumulation:  # the number of parts is part of the state, so training starts again
            (part / CHECKPOINT).unlink(missing_ok=True)
            done = Progress([], done.seconds, parts)
        split_protocol = dataclasses.replace(protocol, batch_size=batch)
        model = _fresh_model(network, protocol, seed, parts)
        if done.history:
            restore(part, model)
        checkpoints, bar = _CheckpointCallback(part, note, done), _ProgressBar(title, done, protocol.epochs)
        batches = training_batches(train, _classes(split["train"]), split_protocol, seed, len(done.history))
        validated = evaluation_batches(validation, _classes(split["validation"]), split_protocol)
        stops = StopsBetweenBatches()
        fit = functools.partial(
            model.fit,
            batches,
            validation_data=validated,
            initial_epoch=len(done.history),
            epochs=protocol.epochs,
            steps_per_epoch=steps_per_epoch(len(train), split_protocol),
            shuffle=False,  # the batches are already shuffled
            verbose=0,
            callbacks=[checkpoints, bar, stops],
        )
        try:
            with stops:
                while_reading(fit, batches, validated)
        except tf.errors.ResourceExhaustedError:
            _compiled.cache_clear()
            continue
        finally:
            bar.close()
        return model, checkpoints.done
    raise InputError(network, "does not fit into memory even with one slice per batch", "Set a smaller image_side")


@functools.lru_cache(maxsize=1)
def _compiled(
    network: str, size: models.Size, side: int, learning_rate: float, precision: str, parts: int
) -> tuple[keras.Model, list[np.ndarray]]:
    """A compiled network and all its initial values, cached: tracing takes as long as several quick epochs."""
    with strategy().scope(), policy(precision):
        model = models.build(network, (side, side, 1), size)
        optimizer = keras.optimizers.Nadam(learning_rate, gradient_accumulation_steps=parts if parts > 1 else None)
        # XLA takes longer to compile these networks than it saves; building the optimizer now avoids a second tracing.
        model.compile(optimizer, loss="categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
        model.optimizer.build(model.trainable_variables)
    return model, [np.array(variable) for variable in (*model.variables, *model.optimizer.variables)]


def _fresh_model(network: str, protocol: Protocol, seed: int, parts: int = 1) -> keras.Model:
    """The initial network for a seed, whatever was trained before in this process."""
    model, initial = _compiled(
        network,
        protocol.network_size,
        protocol.image_side,
        protocol.learning_rate,
        precision_policy(protocol.precision),
        parts,
    )
    for variable, value in zip((*model.variables, *model.optimizer.variables), initial, strict=True):
        variable.assign(value)
    random_weights.draw_weights(model, seed)
    imagenet.start_from(model, protocol.weights)
    return model


def _classes(rows: pd.DataFrame) -> list[int]:
    """Class indices; an unlabelled slice is never trained on, so its index is only a placeholder."""
    return [LABELS.index(label) if label in LABELS else 0 for label in rows["label"]]


def predict_table(
    model: keras.Model, data: Path, rows: pd.DataFrame, network: str, fold: int, protocol: Protocol
) -> pd.DataFrame:
    """Predict the probability of COVID-19 for each slice: the table from which all results are computed.

    Returns
    -------
    DataFrame
        Columns path, patient, series, network, fold, label, patient_label, p_covid.

    Raises
    ------
    InputError
        If a slice cannot be read.
    """
    batches = evaluation_batches([str(data / path) for path in rows["path"]], _classes(rows), protocol)
    images_only = batches.map(lambda images, _: images)
    with StopsBetweenBatches() as stops:
        predict = functools.partial(model.predict, images_only, verbose=0, callbacks=[stops])
        probabilities = while_reading(predict, batches)
    table = rows[["path", "patient", "series", "label", "patient_label"]].reset_index(drop=True)
    table.insert(3, "network", network)
    table.insert(4, "fold", fold)
    return table.assign(p_covid=probabilities[:, 0].astype(float).round(6))


class _CheckpointCallback(keras.callbacks.Callback):
    """After each epoch, save the weights if it is the best so far (the first of equals), then the checkpoint."""

    def __init__(self, folder: Path, note: WeightsNote, done: Progress) -> None:
        super().__init__()
        self.folder, self.note, self.done = folder, note, done
        self.started, self.before = time.perf_counter(), done.seconds

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        finished = {name: float(value) for name, value in (logs or {}).items()}
        if finished["val_accuracy"] > self.done.best:
            save_weights(self.model, self.folder / WEIGHTS, self.note)
        seconds = self.before + time.perf_counter() - self.started
        self.done = Progress([*self.done.history, finished], seconds, self.done.accumulation)
        save_checkpoint(self.folder, self.model, self.done)


class _ProgressBar(keras.callbacks.Callback):
    def __init__(self, title: str, done: Progress, epochs: int) -> None:
        super().__init__()
        self.bar = tqdm(total=epochs, initial=len(done.history), desc=title, unit="epoch", disable=not title)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = logs or {}
        self.bar.set_postfix(accuracy=f"{logs['accuracy']:.3f}", validation=f"{logs['val_accuracy']:.3f}")
        self.bar.update()

    def close(self) -> None:
        self.bar.close()


def train_all(
    dataset: Dataset,
    protocol: Protocol,
    runs: str | Path,
    names: tuple[str, ...] = models.NAMES,
    progress: bool = True,
    allow_leak: bool = False,
) -> list[Run]:
    """Train every network on every fold: fifteen runs in the paper; finished runs are kept."""
    return [
        train_fold(dataset, name, fold, protocol, runs, progress, allow_leak)
        for name in names
        for fold in range(1, protocol.folds + 1)
    ]
