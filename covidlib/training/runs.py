"""Read finished training runs from disk: weights, history, record and predictions (paper, section 2.4).

Everything after training reads only these files. Taught in chapter 04.
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
"""Packages and modules that a run's result depends on: when one of them changes, quick runs are trained again."""


@dataclass(frozen=True)
class Run:
    """One finished training run on disk; its methods raise `InputError` if a file is damaged."""

    folder: Path

    @property
    def weights(self) -> Path:
        """The weights file of the epoch with the best validation accuracy."""
        return self.folder / WEIGHTS

    def record(self) -> dict[str, object]:
        """The run's record: protocol, seed, data, software versions and timings."""
        path = self.folder / RECORD
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise self._damaged(path, str(error)) from error
        if not isinstance(record, dict) or not set(record) >= RECORD_HOLDS:
            raise self._damaged(path, f"one of {', '.join(sorted(RECORD_HOLDS))} is missing")
        return record

    def history(self) -> pd.DataFrame:
        """The history of training, one row per epoch: loss and accuracy on training and validation slices."""
        return self._table(HISTORY, texts=(), numbers=("epoch", "accuracy", "val_accuracy"))

    def predictions(self) -> pd.DataFrame:
        """The predictions for the test patients, one row per selected slice."""
        return self._table(PREDICTIONS, PREDICTED_TEXTS, PREDICTED_NUMBERS)

    def validation(self) -> pd.DataFrame:
        """The predictions for validation slices, for fitting a threshold or a temperature, never for reporting."""
        return self._table(VALIDATION, PREDICTED_TEXTS, PREDICTED_NUMBERS)

    def _table(self, name: str, texts: tuple[str, ...], numbers: tuple[str, ...]) -> pd.DataFrame:
        path = self.folder / name
        try:
            table = pd.read_csv(path)
        except (OSError, ValueError) as error:  # pandas' own errors and decoding errors are ValueErrors
            raise self._damaged(path, str(error)) from error
        lacking = [column for column in (*texts, *numbers) if column not in table]
        no_numbers = [column for column in numbers if column in table and not is_numeric_dtype(table[column])]
        if lacking or no_numbers or table[[*texts, *numbers]].isna().any(axis=None):
            columns = ", ".join((*texts, *numbers))
            raise self._damaged(path, f"one of the columns {columns} is missing, incomplete or not numeric")
        return table

    def _damaged(self, path: Path, problem: str) -> InputError:
        return InputError(path, f"damaged file ({problem})", f"Delete {self.folder}: the run is then trained again")


def runs_folder(protocol: Protocol, root: Path, data: str) -> Path:
    """The folder with the runs of a protocol on a dataset; for quick runs it also depends on the code."""
    stamp = json.dumps(dataclasses.asdict(protocol), sort_keys=True) + data
    if protocol.network_size == "quick":
        stamp += source_hash(CODE_OF_A_RUN) + version("tensorflow") + version("keras")
    return root / protocol.name / hashlib.sha256(stamp.encode()).hexdigest()[:12]


def all_predictions(runs: list[Run]) -> pd.DataFrame:
    """The test predictions of several runs in one table."""
    return pd.concat([run.predictions() for run in runs], ignore_index=True)


def all_validation(runs: list[Run]) -> pd.DataFrame:
    """The validation predictions of several runs in one table."""
    return pd.concat([run.validation() for run in runs], ignore_index=True)
