"""Training runs on disk: what files a run has, where runs live, tables of several runs (paper, section 2.4).

Everything that follows training reads these files only. Taught in chapter 04.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pandas as pd
from pandas.api.types import is_numeric_dtype

from covidlib.errors import InputError
from covidlib.protocols import Protocol
from covidlib.utils.folders import source_hash

WEIGHTS, HISTORY, RECORD = "best.weights.h5", "history.csv", "run.json"
PREDICTIONS, VALIDATION = "predictions.csv", "validation.csv"
RECORD_HOLDS = {"network", "fold", "protocol", "data", "versions", "seconds"}
PREDICTED_TEXTS, PREDICTED_NUMBERS = ("path", "patient", "network", "label", "patient_label"), ("fold", "p_covid")
CODE_OF_A_RUN = ("datasets/slice_table", "names", "networks", "protocols", "scans", "selection", "training")
"""Packages and modules whose change changes a run's result: a quick run is repeated when one of them changes."""


@dataclass(frozen=True)
class Run:
    """One finished training run on disk; what it reads raises `InputError` where a file is damaged."""

    folder: Path

    @property
    def weights(self) -> Path:
        """Weights of the epoch with the best validation accuracy."""
        return self.folder / WEIGHTS

    def record(self) -> dict[str, object]:
        """Protocol, versions, seed, data and timings."""
        path = self.folder / RECORD
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise self._damaged(path, str(error)) from error
        if not isinstance(record, dict) or not set(record) >= RECORD_HOLDS:
            raise self._damaged(path, f"it lacks one of {', '.join(sorted(RECORD_HOLDS))}")
        return record

    def history(self) -> pd.DataFrame:
        """One row an epoch: loss and accuracy on training and validation slices."""
        return self._table(HISTORY, texts=(), numbers=("epoch", "accuracy", "val_accuracy"))

    def predictions(self) -> pd.DataFrame:
        """One row a selected slice of the test patients."""
        return self._table(PREDICTIONS, PREDICTED_TEXTS, PREDICTED_NUMBERS)

    def validation(self) -> pd.DataFrame:
        """One row a validation slice: to fit a threshold or a temperature on, never to report."""
        return self._table(VALIDATION, PREDICTED_TEXTS, PREDICTED_NUMBERS)

    def _table(self, name: str, texts: tuple[str, ...], numbers: tuple[str, ...]) -> pd.DataFrame:
        path = self.folder / name
        try:
            table = pd.read_csv(path)
        except (OSError, ValueError) as error:  # pandas' own errors, and text that is no UTF-8, are ValueErrors
            raise self._damaged(path, str(error)) from error
        lacking = [column for column in (*texts, *numbers) if column not in table]
        no_numbers = [column for column in numbers if column in table and not is_numeric_dtype(table[column])]
        if lacking or no_numbers or table[[*texts, *numbers]].isna().any(axis=None):
            raise self._damaged(path, f"its columns are not {', '.join((*texts, *numbers))}, whole and with numbers")
        return table

    def _damaged(self, path: Path, problem: str) -> InputError:
        return InputError(path, f"is damaged ({problem})", f"Delete {self.folder}: the run is then trained again")


def runs_folder(protocol: Protocol, root: Path, data: str) -> Path:
    """Where the runs of a protocol on a dataset are: one folder per protocol, dataset and (if quick) code."""
    stamp = json.dumps(dataclasses.asdict(protocol), sort_keys=True) + data
    if protocol.network_size == "quick":
        stamp += source_hash(CODE_OF_A_RUN) + version("tensorflow") + version("keras")
    return root / protocol.name / hashlib.sha256(stamp.encode()).hexdigest()[:12]


def all_predictions(runs: list[Run]) -> pd.DataFrame:
    """The predictions of several runs under each other."""
    return pd.concat([run.predictions() for run in runs], ignore_index=True)


def all_validation(runs: list[Run]) -> pd.DataFrame:
    """The predictions for validation patients of several runs under each other."""
    return pd.concat([run.validation() for run in runs], ignore_index=True)
