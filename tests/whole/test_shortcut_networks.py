"""The shortcut test on trained networks: the one of chapter 09 that learned the scanner, and the honest ones."""

from __future__ import annotations

import pandas as pd
import pytest

from covidlib import workspace
from covidlib.datasets.slice_table import load_dataset
from covidlib.names import LABELS
from covidlib.pitfalls.changed_slices import (
    AS_THEY_ARE,
    NO_LUNGS,
    NO_OUTSIDE,
    answers_to_changes,
    change_slices,
    classifier,
)
from covidlib.pitfalls.labelled_series import evenly
from covidlib.pitfalls.shortcut_verdict import SCANNER, shortcut_report
from covidlib.protocols import QUICK
from covidlib.training.train import train_all


@pytest.mark.slow
def test_the_scanner_network_is_told_from_the_honest_ones() -> None:
    """Both are asked about the book's cohort, on whose patients neither was trained."""
    dataset = load_dataset(workspace.cohort())
    people = pd.read_csv(dataset.root / "patients.csv").set_index("patient")[["kernel", "thickness_mm"]]
    usable = dataset.table[dataset.table["selected"] & dataset.table["label"].isin(LABELS)]
    slices = change_slices(evenly(usable, 2).join(people, on="patient"), dataset.root, QUICK.image_side)
    classify, _ = classifier(workspace.shortcut_run(QUICK).weights)
    scanner = shortcut_report(answers_to_changes(slices, classify))
    parts = []
    for run in train_all(dataset, QUICK, workspace.home() / "runs", ("xception",), progress=False):
        tested = run.predictions()["patient"].unique()
        classify, _ = classifier(run.weights)
        parts.append(answers_to_changes(slices.rows(slices.table["patient"].isin(tested)), classify))
    honest = shortcut_report(pd.concat(parts, ignore_index=True))
    assert scanner.verdict == SCANNER != honest.verdict
    goes_with = {name: one.scanner.set_index("answers_go_with")["explained"] for name, one in
                 (("scanner", scanner), ("honest", honest))}  # fmt: skip
    assert goes_with["scanner"]["kernel"] > 0.3 > goes_with["honest"]["kernel"]
    assert goes_with["honest"]["class"] > goes_with["scanner"]["class"]
    auc = honest.changes.set_index("change")["value"]
    assert auc[AS_THEY_ARE] > 0.75 and auc[NO_LUNGS] < auc[AS_THEY_ARE] - 0.1
    assert abs(auc[NO_OUTSIDE] - auc[AS_THEY_ARE]) < 0.1
