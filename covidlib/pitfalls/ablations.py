"""Ablations: what each part of the paper's network and protocol contributes, measured on the synthetic cohort.

Five networks differ in one choice each; three networks pick their epoch on test images, as the paper does. All are
trained with QUICK on five folds from several seeds, which takes too long for a build of the book: `python -m
covidlib.pitfalls.ablations` trains them (finished runs are kept) and stores the results in the package. The patients
are synthetic: the results are no evidence about COVID-19, nor about these networks on real slices. Taught in chapters
03 and 04.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from importlib.resources import files
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from covidlib.names import NETWORKS, VARIATIONS
from covidlib.protocols import QUICK, Protocol
from covidlib.results.intervals import corrected_t
from covidlib.results.metrics import confusion_counts, labelled
from covidlib.results.scores import accuracy, balanced_accuracy
from covidlib.utils.files import write_text

if TYPE_CHECKING:
    from covidlib.datasets.slice_table import Dataset
    from covidlib.training.runs import Run

Validation = Literal["train-patients", "test-subset"]
HONEST: Validation = "train-patients"
LEAKY: Validation = "test-subset"
SEEDS = (2020, 2021, 2022)
"""A seed decides folds, initial weights, order and augmentation; the first is QUICK's seed."""
LEAKY_SEEDS = SEEDS[:2]
"""Two of the seeds: three would take too long."""
STORED, PROVENANCE = "ablations.csv", "ablations.json"


class Trial(NamedTuple):
    """A network trained with one kind of validation and one seed, on all five folds."""

    network: str
    validation: Validation
    seed: int

    @property
    def protocol(self) -> Protocol:
        """QUICK with this trial's validation and seed."""
        return dataclasses.replace(QUICK, validation=self.validation, seed=self.seed)


def trials() -> list[Trial]:
    """List all trials, seed by seed."""
    honest = [Trial(network, HONEST, seed) for seed in SEEDS for network in (*NETWORKS, *VARIATIONS)]
    leaky = [Trial(network, LEAKY, seed) for seed in LEAKY_SEEDS for network in NETWORKS]
    return honest + leaky


def train(dataset: Dataset, runs: Path) -> Iterator[tuple[Trial, list[Run]]]:
    """Train the five runs of each trial, unless they exist."""
    from covidlib.training.train import train_fold

    for trial in trials():
        yield (
            trial,
            [
                train_fold(dataset, trial.network, fold, trial.protocol, runs, allow_leak=trial.validation == LEAKY)
                for fold in range(1, trial.protocol.folds + 1)
            ],
        )


# One row per run ------------------------------------------------------------------------------------------------------


def summarise(trial: Trial, run: Run, data: Path) -> dict[str, object]:
    """Summarise one run for the chapters: scores on its test patients, its epochs, its silent heads.

    Returns
    -------
    dict
        network, validation, seed, fold; auc, accuracy and balanced_accuracy (labelled test slices); picked_epoch (from
        1), picked and last (validation accuracy of the picked and of the last epoch); slices_train, slices_test; silent
        (names of head units that are 0 on every test slice, such as "P3.1 P6.2"; empty for networks without ReLU
        heads); seconds (of training).
    """
    record, validation, tested = run.record(), run.history()["val_accuracy"], labelled(run.predictions())
    counts = confusion_counts(tested["label"], tested["p_covid"])
    sizes = record["data"]["slices"]  # type: ignore[index]
    return trial._asdict() | {
        "fold": record["fold"],
        "auc": roc_auc_score(tested["label"] == "covid", tested["p_covid"]),
        "accuracy": accuracy(counts),
        "balanced_accuracy": balanced_accuracy(counts),
        "picked_epoch": int(np.argmax(validation)) + 1,
        "picked": validation.max(),
        "last": validation.iloc[-1],
        "slices_train": sizes["train"],
        "slices_test": sizes["test"],
        "silent": " ".join(silent_units(run, data)),
        "seconds": record["seconds"]["training"],  # type: ignore[index]
    }


def silent_units(run: Run, data: Path) -> list[str]:
    """Find the units of a run's ReLU heads that are 0 on every test slice: "P3.1" is the first of P3."""
    from covidlib.heatmaps.grad_cam import head_activations
    from covidlib.networks.inputs import load_images
    from covidlib.networks.pyramid import LEVELS
    from covidlib.networks.weights import load_weights

    if not _has_relu_heads(str(run.record()["network"])):
        return []
    model, note = load_weights(run.weights)
    images = load_images([data / path for path in run.predictions()["path"]], note.input_shape[0], note.scaling)
    silent = (head_activations(model, images) == 0).all(axis=0)
    names = [f"{level}.{unit}" for level in LEVELS for unit in (1, 2)]
    return [name for name, is_silent in zip(names, silent, strict=True) if is_silent]


def _has_relu_heads(network: str) -> bool:
    from covidlib.networks.pyramid import PLANS

    return network in PLANS and PLANS[network].heads == "relu"


# What the chapters show -----------------------------------------------------------------------------------------------


def stored_ablations() -> pd.DataFrame:
    """Read the stored runs, one row per run (`summarise`)."""
    text = (files("covidlib") / "data" / STORED).read_text(encoding="utf-8")
    return pd.read_csv(StringIO(text), keep_default_na=False)


def ablation_provenance() -> dict[str, object]:
    """Read how the stored runs were made: protocol, data, versions, commit, hours."""
    return json.loads((files("covidlib") / "data" / PROVENANCE).read_text(encoding="utf-8"))


def ablation_differences(runs: pd.DataFrame, baseline: str, others: Sequence[str]) -> pd.DataFrame:
    """Compare each network's AUC with a baseline's on the same folds and seeds (corrected resampled t test).

    Runs that picked their epoch on test images are left out.

    Returns
    -------
    DataFrame
        Columns network, runs, mean (AUC), difference (mean of the paired differences), low, high (its 95% interval),
        p_value.
    """
    honest = runs[runs["validation"] == HONEST]
    scores = honest.pivot(index=["seed", "fold"], columns="network", values="auc")
    rows = []
    for name in others:
        difference = corrected_t(list(scores[name] - scores[baseline]), _test_to_train(honest))
        rows.append({"network": name, "runs": len(scores), "mean": scores[name].mean(), **difference._asdict()})
    return pd.DataFrame(rows)


def _test_to_train(runs: pd.DataFrame) -> float:
    return float((runs["slices_test"] / runs["slices_train"]).mean())


def optimism(runs: pd.DataFrame) -> pd.DataFrame:
    """Measure how much picking an epoch on test images raises the accuracy on them (section 2.4).

    Picked is the best epoch by accuracy on test images, as in the paper's checkpoint. Last is the last epoch of the
    same training, without a choice.

    Returns
    -------
    DataFrame
        Columns network, runs, picked, last (mean accuracies), difference, low, high (95% interval), p_value.
    """
    rows = []
    for name, chosen in runs[runs["validation"] == LEAKY].groupby("network", sort=False):
        difference = corrected_t(list(chosen["picked"] - chosen["last"]), _test_to_train(chosen))
        means = {"picked": chosen["picked"].mean(), "last": chosen["last"].mean()}
        rows.append({"network": name, "runs": len(chosen)} | means | difference._asdict())
    return pd.DataFrame(rows)


def silent_heads(runs: pd.DataFrame) -> pd.DataFrame:
    """Count how often each of the paper's ten units is silent on a whole test fold, per network.

    Returns
    -------
    DataFrame
        One row per network with ReLU heads, one column per unit: numbers of runs in which the unit is silent. The
        column runs has the number of all runs.
    """
    chosen = runs[runs["network"].map(_has_relu_heads) & (runs["validation"] == HONEST)]
    units = [f"P{level}.{unit}" for level in range(3, 8) for unit in (1, 2)]
    counts = {unit: chosen["silent"].str.split().map(lambda names, unit=unit: unit in names) for unit in units}
    table = pd.DataFrame(counts).groupby(chosen["network"], sort=False).sum().astype(int)
    return table.assign(runs=chosen.groupby("network", sort=False).size())


# Making them ----------------------------------------------------------------------------------------------------------


def main() -> None:
    """Train missing runs, and store one row per run and how the runs were made."""
    from covidlib import workspace
    from covidlib.datasets.slice_table import load_dataset
    from covidlib.utils import folders

    data = workspace.cohort(progress=True)
    dataset = load_dataset(data)
    rows, record = [], {}
    for trial, runs in train(dataset, folders.home() / "runs"):
        rows += [summarise(trial, run, data) for run in runs]
        record = runs[-1].record()
        print(f"{trial.network}, {trial.validation}, seed {trial.seed}", flush=True)
    table = pd.DataFrame(rows)
    made = {
        "protocol": dataclasses.asdict(QUICK),
        "seeds": SEEDS,
        "data": {"folder": data.name, "fingerprint": dataset.fingerprint},
        "versions": record["versions"],
        "runs": len(table),
        "hours_of_training": round(float(np.sum(table["seconds"])) / 3600, 2),
    }
    folder = Path(str(files("covidlib") / "data"))
    write_text(folder / STORED, table.round(6).to_csv(index=False, lineterminator="\n"))
    write_text(folder / PROVENANCE, json.dumps(made, indent=2) + "\n")


if __name__ == "__main__":
    main()
