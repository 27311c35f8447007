"""covidlib.datasets.float_slices: the stored numbers are those of the public files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from covidlib.datasets import float_slices, public_files
from covidlib.errors import InputError
from covidlib.scans.stored_integers import quotient
from covidlib.scans.tiff import write_slice


def test_the_stored_numbers_agree_with_each_other() -> None:
    stored = float_slices.float_slice_numbers()
    assert len(stored) == 5 and stored["bit_for_bit"].all()
    assert stored["largest"].between(2048, 4095).all() and (stored["largest"] - 1024 == stored["largest_hu"]).all()
    # On values from 0 to 1 every pixel of the region is below 300.
    assert (stored["dark_in_file"] == 100 * 250).all() and (stored["dark_pixels"] < 100 * 250).all()


def test_a_folder_is_measured(tmp_path: Path) -> None:
    pixels = np.random.default_rng(4).integers(0, 2500, (512, 512)).astype(np.uint16)
    pixels[0, 0] = 2500
    tifffile.imwrite(tmp_path / "one.tif", quotient(pixels, 2500), photometric="minisblack")
    (row,) = float_slices.measure_float_slices(tmp_path).to_dict("records")
    assert (row["largest"], row["largest_hu"], row["bit_for_bit"]) == (2500, 1476, True)
    assert row["dark_pixels"] == (pixels[240:340, 120:370] < 300).sum() and row["dark_in_file"] == 25_000
    write_slice(tmp_path / "two.tif", pixels)
    with pytest.raises(InputError, match="16-bit pixels, expected float"):
        float_slices.measure_float_slices(tmp_path)


def test_the_stored_numbers_are_those_of_the_files(mirror: Path) -> None:
    measured = float_slices.measure_float_slices(public_files.fetch_folder(public_files.FLOAT_SLICES))
    pd.testing.assert_frame_equal(measured, float_slices.float_slice_numbers(), check_dtype=False)
