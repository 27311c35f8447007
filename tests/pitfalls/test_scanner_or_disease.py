"""covidlib.pitfalls.scanner_or_disease: what answers go with, disease or scanner."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pandas as pd
import pytest

from covidlib.datasets.slice_table import load_dataset
from covidlib.errors import InputError
from covidlib.pitfalls.scanner_or_disease import (
    FOLLOWS,
    REVERSED,
    auc_rows,
    called_by_kernel,
    predict_cohort,
    with_pairing,
)
from covidlib.protocols import QUICK
from covidlib.training.train import train_fold

KERNELS = {"patient1": "sharp", "patient2": "smooth", "patient146": "smooth", "patient147": "sharp"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    pd.DataFrame({"patient": list(KERNELS), "kernel": list(KERNELS.values())}).to_csv(tmp_path / "patients.csv")
    return tmp_path


@pytest.fixture
def scanner_reader() -> pd.DataFrame:
    """Answers of a network that reads the kernel and nothing else, two slices a patient."""
    rows = []
    for patient, kernel in KERNELS.items():
        label = "covid" if patient in ("patient1", "patient2") else "normal"
        rows += [(patient, label, label, (0.9 if kernel == "sharp" else 0.1) + step) for step in (0.0, 0.05)]
    rows.append(("patient1", "unlabelled", "covid", 0.9))
    return pd.DataFrame(rows, columns=["patient", "label", "patient_label", "p_covid"]).assign(fold=1)


def test_pairings_follow_kernel_and_class(root: Path, scanner_reader: pd.DataFrame) -> None:
    paired = with_pairing(scanner_reader, root).drop_duplicates("patient").set_index("patient")
    assert paired["pairing"].to_dict() == {
        "patient1": FOLLOWS, "patient2": REVERSED, "patient146": FOLLOWS, "patient147": REVERSED,
    }  # fmt: skip
    with pytest.raises(InputError, match="patients.csv"):
        with_pairing(scanner_reader, root / "elsewhere")
    listed = root / "patients.csv"
    before = listed.read_text()
    listed.write_text(before.replace(",", ";"))
    with pytest.raises(InputError, match="patients.csv: its columns are separated by semicolons"):
        with_pairing(scanner_reader, root)
    listed.write_text(before)
    with pytest.raises(InputError, match="patients.csv: no kernel for patient9"):
        with_pairing(pd.concat([scanner_reader, scanner_reader.tail(1).assign(patient="patient9")]), root)


def test_a_network_that_reads_the_kernel_is_right_and_then_wrong(root: Path, scanner_reader: pd.DataFrame) -> None:
    paired = with_pairing(scanner_reader, root)
    rows = auc_rows(dict(iter(paired.groupby("pairing"))) | {"all": paired}, resamples=20)
    found = rows.set_index("patients_of")
    assert found["value"].to_dict() == {FOLLOWS: 1, REVERSED: 0, "all": 0.5}
    assert found.loc["all", ["infected", "normal", "slices"]].tolist() == [2, 2, 8]
    called = called_by_kernel(paired).set_index(["label", "kernel"])["called"]
    assert called.to_dict() == {
        ("covid", "sharp"): 1, ("covid", "smooth"): 0, ("normal", "sharp"): 1, ("normal", "smooth"): 0,
    }  # fmt: skip


@pytest.mark.usefixtures("untraced")
def test_a_trained_network_answers_about_another_dataset(small_dataset: Path, tmp_path: Path) -> None:
    dataset = load_dataset(small_dataset)
    protocol = dataclasses.replace(QUICK, epochs=1, image_side=128)
    run = train_fold(dataset, "resnet50v2", 1, protocol, tmp_path, progress=False)
    answers = predict_cohort(run, dataset, protocol)
    assert len(answers) == dataset.table["selected"].sum() and answers["p_covid"].between(0, 1).all()
    # On its own test patients they are the answers that the run stored.
    stored = run.predictions().set_index("path")["p_covid"]
    again = answers.set_index("path").loc[stored.index, "p_covid"]
    assert (again - stored).abs().max() < 1e-4
    assert list(answers.columns) == list(run.predictions().columns)
