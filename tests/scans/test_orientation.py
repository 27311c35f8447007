"""covidlib.scans.orientation: whatever an axial header says, the patient's left is right and the front is on top."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.dicom_files import write_dicom
from support.made import body_slice

from covidlib.scans.dicom import read_dicom
from covidlib.scans.orientation import Turn, tilt_degrees, turn_of

UPRIGHT = np.array([1.0, 0, 0, 0, 1, 0])
AXES = [(first, second) for first in (1, -1) for second in (1, -1)]


def directions(swap: bool, first: int, second: int) -> list[float]:
    """ImageOrientationPatient of one of the eight ways in which an axial image can lie."""
    return [0, first, 0, second, 0, 0] if swap else [first, 0, 0, 0, second, 0]


def stored(upright: np.ndarray, six: list[float]) -> np.ndarray:
    """How a scanner with these directions stores a picture: pixel by pixel, by its place in the patient."""
    row, column = np.array(six[:2]), np.array(six[3:5])
    side = len(upright)
    made = np.zeros_like(upright)
    i, j = np.indices(upright.shape)
    x = (column[0] * (i - (side - 1) / 2) + row[0] * (j - (side - 1) / 2)) + (side - 1) / 2
    y = (column[1] * (i - (side - 1) / 2) + row[1] * (j - (side - 1) / 2)) + (side - 1) / 2
    made[i, j] = upright[np.rint(y).astype(int), np.rint(x).astype(int)]
    return made


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize(("first", "second"), AXES)
def test_all_eight_ways_are_turned_upright(tmp_path: Path, swap: bool, first: int, second: int) -> None:
    upright, six = body_slice(900, 3), directions(swap, first, second)
    path = write_dicom(tmp_path / "1.dcm", stored(upright, six), ImageOrientationPatient=six)
    assert np.array_equal(read_dicom(path), upright)
    turn = turn_of(np.array(six, float))
    assert turn is not None and bool(turn) == (six != [1, 0, 0, 0, 1, 0])


@pytest.mark.parametrize("degrees", [0, 10, 20, 30])
def test_a_tilted_gantry_is_axial(degrees: int) -> None:
    tilted = np.array([1, 0, 0, 0, np.cos(np.radians(degrees)), -np.sin(np.radians(degrees))])
    assert tilt_degrees(tilted) == pytest.approx(degrees, abs=1e-4)
    assert turn_of(tilted) == Turn() or degrees == 30


@pytest.mark.parametrize(
    "six", [[1, 0, 0, 0, 0, -1], [0, 1, 0, 0, 0, -1], [0.7071, 0.7071, 0, -0.7071, 0.7071, 0], [1, 0, 0, 1, 0, 0]]
)
def test_what_is_not_axial_or_lies_askew_has_no_turn(six: list[float]) -> None:
    assert turn_of(np.array(six, float)) is None


def test_a_turn_says_what_it_does() -> None:
    words = {Turn(*(bool(bit & number) for bit in (1, 2, 4))).words() for number in range(1, 8)}
    assert words == {
        "turned by a quarter", "mirrored and turned by a quarter", "turned upside down", "mirrored top to bottom",
        "mirrored left to right",
    }  # fmt: skip
