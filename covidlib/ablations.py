"""What each part of the paper's network and protocol is worth, measured on the synthetic cohort with seeds repeated.

Five networks differ in one choice each; three networks pick their epoch on test images, as the paper does. All are
trained at QUICK on five folds from several seeds, which takes longer than a book may take to build: `python -m
covidlib.ablations` trains (finished runs are kept) and stores what the chapters need with the package. Synthetic
patients: what comes out is no evidence about COVID-19, nor about these networks on real slices. Taught in chapters
03 and 04.
"""

from __future__ import annotations

import dataclasses
import io
import json
import os
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from covidlib.protocols import NETWORKS, QUICK, VARIATIONS, Protocol

if TYPE_CHECKING:
    from covidlib.dataset import Dataset
    from covidlib.training import Run

SEEDS = (2020, 2021, 2022)
"""A seed decides folds, first weights, order and augmentation; the first is QUICK's own."""
HONEST, LEAKY = "train-patients", "test-subset"
PREDICTIONS, EPOCHS, RUNS = "ablation_predictions.csv", "ablation_epochs.csv", "ablation_runs.json"


class Trial(NamedTuple):
    """One network trained in one way from one seed, on all five folds."""

    network: str
    validation: str
    seed: int

    @property
    def protocol(self) -> Protocol:
        """QUICK with this trial's way to validate and seed."""
        return dataclasses.replace(QUICK, validation=self.validation, seed=self.seed)

    @property
    def column(self) -> str:
        """The trial's name in the stored tables."""
        return f"{self.network} {self.validation} {self.seed}"


def trials() -> list[Trial]:
    """Every trial, seed by seed. Taught in chapter 03."""
    ways = [(name, HONEST) for name in (*NETWORKS, *VARIATIONS)] + [(name, LEAKY) for name in NETWORKS]
    return [Trial(network, validation, seed) for seed in SEEDS for network, validation in ways]


def train(dataset: Dataset, runs: Path) -> Iterator[tuple[Trial, list[Run]]]:
    """The five runs of each trial, trained if they are not there. Taught in chapter 03."""
    from covidlib.training import train_fold

    for trial in trials():
        yield (
            trial,
            [
                train_fold(dataset, trial.network, fold, trial.protocol, runs, allow_leak=trial.validation == LEAKY)
                for fold in range(1, trial.protocol.folds + 1)
            ],
        )
