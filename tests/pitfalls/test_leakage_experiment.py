"""covidlib.pitfalls.leakage_experiment: memory of a patient is worth nothing on other patients."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from covidlib.datasets.slice_table import load_table
from covidlib.pitfalls.leakage_experiment import mean_of_splits, nearest_slice, pictures
from covidlib.results.intervals import corrected_t


def patients_without_a_disease(patients: int = 40, slices: int = 6) -> tuple[np.ndarray, pd.DataFrame]:
    """Every patient has a look of their own; the label is drawn apart from it."""
    rng = np.random.default_rng(3)
    looks = rng.normal(size=(patients, 12))
    rows = np.repeat(looks, slices, axis=0) + rng.normal(scale=0.05, size=(patients * slices, 12))
    names = np.repeat([f"patient{n}" for n in range(patients)], slices)
    labels = np.repeat(["covid", "normal"] * (patients // 2), slices)
    return rows, pd.DataFrame({"patient": names, "label": labels})


def test_a_split_by_slice_answers_from_memory_and_a_split_by_patient_cannot() -> None:
    rows, slices = patients_without_a_disease()
    leaky, sound = (nearest_slice(rows, slices, by, repeats=20) for by in ("slice", "patient"))  # type: ignore[arg-type]
    assert leaky["accuracy"].mean() > 0.98 and leaky["same_patient"].mean() > 0.98
    assert (sound["same_patient"] == 0).all() and 0.3 < sound["accuracy"].mean() < 0.7
    assert len(sound) == 20 and sound["accuracy"].std() > 0


def test_a_real_difference_is_found_on_other_patients_too() -> None:
    rows, slices = patients_without_a_disease()
    rows[slices["label"] == "covid"] += 10
    assert (nearest_slice(rows, slices, "patient", repeats=5)["accuracy"] == 1).all()


def test_the_same_seed_deals_the_same_splits() -> None:
    rows, slices = patients_without_a_disease()
    once, again = (nearest_slice(rows, slices, "patient", repeats=3, seed=5) for _ in range(2))
    assert once.equals(again)
    assert not once.equals(nearest_slice(rows, slices, "patient", repeats=3, seed=6))


def test_the_mean_of_splits_is_corrected_for_their_overlap() -> None:
    values = [0.4, 0.5, 0.6, 0.7]
    found = mean_of_splits(values, against=0.5)
    assert found.difference == pytest.approx(0.55) and found.low < 0.55 < found.high
    assert found.p_value == pytest.approx(corrected_t([value - 0.5 for value in values], 0.25).p_value)
    assert found.high - found.low == pytest.approx(2 * (found.difference - found.low))


def test_pictures_are_small_rows_in_the_order_of_the_paths(small_dataset: Path) -> None:
    paths = list(load_table(small_dataset)["path"][:3])
    rows = pictures(small_dataset, paths, side=16)
    assert rows.shape == (3, 256) and rows.min() >= 0 and rows.max() <= 1
    assert np.array_equal(pictures(small_dataset, paths[::-1], side=16), rows[::-1])
