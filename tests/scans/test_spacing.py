"""covidlib.scans.spacing: gaps with their place and number, uneven and overlapping slices."""

from __future__ import annotations

import numpy as np
import pytest

from covidlib.scans.findings import Finding
from covidlib.scans.spacing import is_uniform, spacing_findings


def findings(steps: list[float], thickness: float = np.nan) -> list[Finding]:
    names = [f"IM{number}" for number in range(1, len(steps) + 2)]
    return spacing_findings("series", names, np.array(steps, float), thickness)


def codes(steps: list[float], thickness: float = np.nan) -> list[str]:
    return [finding.code for finding in findings(steps, thickness)]


def test_even_slices_have_no_finding() -> None:
    assert codes([5, 5, 5, 5]) == codes([5, 5.1, 4.9, 5]) == codes([5]) == codes([5, 5, 5], 5.0) == []


def test_a_gap_is_counted_and_placed() -> None:
    (gap,) = findings([5, 5, 20, 5, 5])
    assert gap.sentence.startswith("3 slices seem to be missing between IM3 and IM4") and "5 mm" in gap.sentence
    (gap,) = findings([1, 2, 1, 1, 3, 1])
    assert gap.sentence.startswith("3 slices") and "IM2 and IM3; between IM5 and IM6" in gap.sentence
    assert findings([1, 1, 2, 1])[0].sentence.startswith("a slice seems")


@pytest.mark.parametrize(("steps", "uniform"), [([5, 5, 6.5, 5], False), ([5, 5.4, 5], True), ([2, 2, 1, 1, 1], False)])
def test_uneven_distances_are_told(steps: list[float], uniform: bool) -> None:
    assert is_uniform(np.array(steps, float)) == uniform
    assert (codes(steps) == []) == uniform


def test_overlapping_slices_are_told() -> None:
    assert codes([2.5, 2.5, 2.5], 5.0) == ["overlapping"]
    assert codes([5, 5, 5], 5.2) == []
