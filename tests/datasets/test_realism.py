"""covidlib.datasets.realism: the real slices and a small cohort measured, and the table that compares them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from covidlib.datasets import realism
from covidlib.errors import InputError
from covidlib.phantom.cohort import make_cohort


@pytest.fixture(scope="module")
def real() -> realism.Measured:
    return realism.measure_real()


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> realism.Measured:
    folder = tmp_path_factory.mktemp("cohort") / "synthetic"
    return realism.measure_cohort(make_cohort(folder, patients=4, seed=3, progress=False, most_slices=8))


def test_a_profile_does_not_depend_on_the_number_of_slices() -> None:
    coarse, fine = (np.interp(np.linspace(0, 1, count), [0, 0.5, 1], [0, 3000, 0]) for count in (11, 101))
    assert realism.dark_profile(coarse) == pytest.approx(realism.dark_profile(fine))
    assert realism.dark_profile(coarse).max() == 1
    assert realism.dark_profile(np.array([10, 20, 10])) == pytest.approx(realism.dark_profile(np.array([1, 2, 1])))
    for nothing in ([], [0, 0]):
        with pytest.raises(ValueError, match="dark pixels"):
            realism.dark_profile(np.array(nothing, int))


def test_a_level_counts_from_the_first_kept_slice_to_the_last() -> None:
    counts = np.array([0, 100, 1000, 1000, 1000, 1000, 1000, 100, 0])
    assert [realism.slice_at(level, counts) for level in (0, 0.5, 1)] == [2, 4, 6]


def test_the_real_slices_measure_as_chests_do(real: realism.Measured) -> None:
    table = real.slices
    assert len(table) == 11 and table["patient"].nunique() == 7
    assert table["lung 50%"].between(-900, -500).all() and table["noise_hu"].between(5, 60).all()
    assert table["width_mm"].between(280, 460).all() and table["depth_mm"].between(200, 330).all()
    assert table["area_cm2"].between(500, 1200).all() and table["field_share"].between(0.4, 0.9).all()
    clear = table.loc[table["group"] == "no COVID-19", "lung 50%"].max()
    assert clear < table.loc[table["group"] == "infected", "lung 50%"].min()
    # The series has a sharp kernel, the slices a standard one.
    sharp = table["group"] == "no COVID-19"
    assert table.loc[sharp, "noise_frequency"].min() > table.loc[~sharp, "noise_frequency"].max()
    assert real.profiles.shape == (1, 41) and 0.5 < real.kept_shares[0] < 0.8


def test_real_patients_differ_in_every_pair(real: realism.Measured) -> None:
    # 55 pairs of 11 slices; 3 of the series' slices, and 2 of two other patients' ones, belong to one patient.
    pairs = real.likeness()
    assert pairs.shape == (55 - 3 - 1 - 1,)
    assert pairs.min() > 0.2 and pairs.max() < 0.95


def test_a_cohort_is_measured_once_per_patient(synthetic: realism.Measured) -> None:
    table = synthetic.slices
    assert table["patient"].is_unique and table["group"].value_counts().to_dict() == {"infected": 2, "normal": 2}
    assert synthetic.histograms.sum(axis=1) == pytest.approx(1)
    assert np.nanmean(synthetic.noise, axis=1) == pytest.approx(1)
    assert synthetic.profiles.max(axis=1) == pytest.approx(1, abs=0.1)
    assert synthetic.likeness().shape == (6,)


def test_a_folder_without_sizes_of_pixels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="patients.csv"):
        realism.measure_cohort(tmp_path)


def made(widths: list[float]) -> realism.Measured:
    """Measured slices that differ in their width only."""
    names = [row for row in realism.ROWS if row != "kept_share" and not row.startswith("likeness")]
    table = pd.DataFrame({name: [1.0] * len(widths) for name in names} | {"width_mm": widths})
    table = table.assign(
        patient=[f"patient{place}" for place in range(len(widths))], cut=[1.0] + [0.0] * (len(widths) - 1)
    )
    pictures = np.ones((len(widths), 64, 64))
    return realism.Measured(table, pictures, pictures, pictures, np.array([0.5]), pictures, pictures)


def test_the_table_says_how_many_synthetic_values_are_inside_the_real_range() -> None:
    table = realism.compare(made([200, 300, 320, 500]), made([290, 310, 330]))
    row = table.loc["body, width (mm)"]
    assert row["inside"] == 0.5
    assert row["real"] == "310 (292 to 328)" and row["synthetic"].startswith("310 (215 to 473")
    assert table.loc["likeness of two patients", "synthetic"] == "1.00 (1.00 to 1.00)"
    assert np.isnan(table.loc["share of slices that the rule keeps", "inside"])
    assert table.loc["bodies cut by the edge of the field", "real"] == "1 of 3"
    assert len(table) == len(realism.ROWS) + 1


def test_negative_numbers_have_a_true_minus_sign() -> None:
    assert realism._spread(np.array([-900.0, -800.0]), 0) == "−850 (−895 to −805)"
