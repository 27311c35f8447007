"""Check the distances between the slices of a series: gaps, uneven and overlapping slices (paper, section 2.1).

A decision about a patient counts slices. If slices are missing, or lie closer in one part than in another, the count
is of something else. Taught in chapter 01.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from covidlib.scans.findings import Finding

UNEVEN = 0.1
"""Share of the usual distance by which distances may differ: headers are rounded to a tenth of a millimetre."""
GAP = 1.5
"""Distance, in multiples of the usual one, from which a slice is missing."""
GAPS_SHOWN = 3


def is_uniform(steps: np.ndarray) -> bool:
    """Whether distances differ by no more than rounding."""
    return not len(steps) or bool(np.ptp(steps) <= 2 * UNEVEN * np.median(steps))


def spacing_findings(
    where: str, names: Sequence[str], steps: np.ndarray, thickness: float = np.nan, unit: str = " mm"
) -> list[Finding]:
    """Find gaps, uneven distances and overlaps in a series.

    Parameters
    ----------
    names : sequence of str
        The files, in slice order.
    steps : float array, shape (slices − 1,)
        Distances between neighbours, in millimetres or in slice numbers.
    thickness : float
        Slice thickness in millimetres; NaN if it is unknown.
    """
    if len(steps) < 2:
        return []
    # Numbers are counted on by the same step; millimetres have no smallest one.
    usual = float(np.median(steps) if unit == " mm" else np.min(steps))
    gaps = np.flatnonzero(steps > GAP * usual)
    findings = []
    if len(gaps):
        missing = int(np.rint(steps[gaps] / usual).sum()) - len(gaps)
        places = "; ".join(f"between {names[gap]} and {names[gap + 1]}" for gap in gaps[:GAPS_SHOWN])
        more = f" and at {len(gaps) - GAPS_SHOWN} more places" if len(gaps) > GAPS_SHOWN else ""
        what = "a slice seems" if missing == 1 else f"{missing} slices seem"
        sentence = f"{what} to be missing {places}{more} (usual distance {usual:g}{unit})"
        findings.append(Finding("gap", "note", where, sentence, "Export the whole series again"))
    rest = np.delete(steps, gaps)
    if not is_uniform(rest):
        sentence = f"the distance between slices is not uniform: {rest.min():g} to {rest.max():g}{unit}"
        findings.append(Finding("uneven-spacing", "note", where, sentence))
    if thickness > usual * (1 + UNEVEN):
        sentence = f"slices of {thickness:g} mm lie {usual:g} mm apart and overlap: neighbours share tissue"
        findings.append(Finding("overlapping", "note", where, sentence))
    return findings
