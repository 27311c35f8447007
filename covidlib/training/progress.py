"""Show the progress of all training runs of a protocol: finished, begun or waiting (paper, section 2.4).

It only reads the run folders, so it works while another process or a cluster is training. Taught in chapter 04.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from covidlib.names import NETWORKS
from covidlib.protocols import Protocol
from covidlib.training.checkpoints import CHECKPOINT, read_progress
from covidlib.training.runs import Run, runs_folder

FINISHED, BEGUN, WAITING = "finished", "begun", "waiting"


def overview(
    protocol: Protocol, runs: str | Path, data_fingerprint: str, names: tuple[str, ...] = NETWORKS
) -> pd.DataFrame:
    """The state of every run of a protocol, one per row, in the order in which `covidlib train --all` trains them.

    Returns
    -------
    DataFrame
        Columns network, fold, state ("finished", "begun", "waiting"), epochs (finished), of (epochs in total),
        best_validation (accuracy; NaN before the first epoch), seconds (of training so far), silent (seconds since
        the last finished epoch of a run that has begun; NaN otherwise).
    """
    folder = runs_folder(protocol, Path(runs), data_fingerprint)
    return pd.DataFrame(
        [
            {"network": name, "fold": fold} | _state(folder / name / f"fold{fold}", protocol.epochs)
            for name in names
            for fold in range(1, protocol.folds + 1)
        ]
    )


def _state(folder: Path, epochs: int) -> dict[str, object]:
    nan = float("nan")
    waiting = {"state": WAITING, "epochs": 0, "of": epochs, "best_validation": nan, "seconds": 0.0, "silent": nan}
    if folder.is_dir():
        run = Run(folder)
        history, record = run.history(), run.record()
        best, seconds = history["val_accuracy"].max(), record["seconds"]["training"]  # type: ignore[index]
        return waiting | {
            "state": FINISHED, "epochs": len(history), "best_validation": best, "seconds": seconds,
        }  # fmt: skip
    part = folder.parent / f".{folder.name}"
    checkpoint = part / CHECKPOINT
    if not checkpoint.is_file():
        return waiting | {"state": BEGUN if part.is_dir() else WAITING}
    done = read_progress(part)
    return waiting | {
        "state": BEGUN,
        "epochs": len(done.history),
        "best_validation": done.best,
        "seconds": done.seconds,
        "silent": time.time() - checkpoint.stat().st_mtime,
    }


def to_text(table: pd.DataFrame) -> str:
    """Format the overview for a terminal: a bar per run, and the time left, estimated from the epochs so far."""
    lines = [_line(row) for row in table.to_dict("records")]
    epochs, total, seconds = table["epochs"].sum(), table["of"].sum(), table["seconds"].sum()
    finished = (table["state"] == FINISHED).sum()
    left = f", about {seconds / epochs * (total - epochs) / 60:.0f} min of training left" if 0 < epochs < total else ""
    return "\n".join([*lines, f"{finished} of {len(table)} runs finished{left}"])


def _line(row: Mapping[Any, Any]) -> str:
    bar = "█" * round(20 * row["epochs"] / row["of"])
    best = "" if pd.isna(row["best_validation"]) else f"best validation {row['best_validation']:.3f}"
    silent = "" if pd.isna(row["silent"]) else f"last epoch {row['silent']:.0f} s ago"
    name = f"{row['network']:24} fold {row['fold']}"
    return f"{name}  {bar:·<20} {row['epochs']:3}/{row['of']}  {row['state']:8} {best}  {silent}".rstrip()
