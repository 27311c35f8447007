"""Training runs on disk: what files a run has, where runs live, tables of several runs (paper, section 2.4).

Everything that follows training reads these files only. Taught in chapter 04.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import pandas as pd

from covidlib.protocols import Protocol

WEIGHTS, HISTORY, RECORD = "best.weights.h5", "history.csv", "run.json"
PREDICTIONS, VALIDATION = "predictions.csv", "validation.csv"
CODE_OF_A_RUN = (
    "augmentation",
    "batches",
    "checkpoints",
    "dataset",
    "folds",
    "networks",
    "protocols",
    "pyramid",
    "selection",
    "series",
    "training",
)
"""Modules whose change changes a run's result: a quick run is repeated when one of them changes."""


@dataclass(frozen=True)
class Run:
    """One finished training run on disk."""

    folder: Path

    @property
    def weights(self) -> Path:
        """Weights of the epoch with the best validation accuracy."""
        return self.folder / WEIGHTS

    def record(self) -> dict[str, object]:
        """Protocol, versions, seed, data and timings."""
        return json.loads((self.folder / RECORD).read_text(encoding="utf-8"))

    def history(self) -> pd.DataFrame:
        """One row an epoch: loss and accuracy on training and validation slices."""
        return pd.read_csv(self.folder / HISTORY)

    def predictions(self) -> pd.DataFrame:
        """One row a selected slice of the test patients."""
        return pd.read_csv(self.folder / PREDICTIONS)

    def validation(self) -> pd.DataFrame:
        """One row a validation slice: to fit a threshold or a temperature on, never to report."""
        return pd.read_csv(self.folder / VALIDATION)


def runs_folder(protocol: Protocol, root: Path, data: str) -> Path:
    """Where the runs of a protocol on a dataset live; another protocol, dataset or (if quick) code is another folder.

    Taught in chapter 04.
    """
    stamp = json.dumps(dataclasses.asdict(protocol), sort_keys=True) + data
    if protocol.network_size == "quick":
        package = files("covidlib")
        stamp += "".join((package / f"{name}.py").read_text(encoding="utf-8") for name in CODE_OF_A_RUN)
        stamp += version("tensorflow") + version("keras")
    return root / protocol.name / hashlib.sha256(stamp.encode()).hexdigest()[:12]


def all_predictions(runs: list[Run]) -> pd.DataFrame:
    """The predictions of several runs under each other. Taught in chapters 05 and 06."""
    return pd.concat([run.predictions() for run in runs], ignore_index=True)


def all_validation(runs: list[Run]) -> pd.DataFrame:
    """The predictions for validation patients of several runs under each other. Taught in chapter 05."""
    return pd.concat([run.validation() for run in runs], ignore_index=True)
