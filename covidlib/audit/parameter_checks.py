"""Check training parameters and times, which few other numbers depend on (Tables 3, 7 and 8). Taught in chapter 08."""

from __future__ import annotations

import math
from collections.abc import Iterator

from covidlib.audit.check import Check, holds, unchecked
from covidlib.audit.exact_numbers import show_number
from covidlib.audit.printed_tables import PrintedTables

OURS_IN_TABLE_8 = "Our Model"
SECONDS, MILLISECONDS = "Training time per epoch", "Inference time per image"
SLICES, TIME = "Number of CT scan slices", "Time (s)"
CHOICE = "a choice of the method: nothing printed can confirm it"
REASONS = {
    "Shift range": "the row above prints the shifts; the authors' public training code has a shear of 0.05 degrees "
    "here, which is next to none",
    "Epochs": "the section that names it is compared with this cell; see there",
    "Optimizer": "the section that names it is compared with this cell; see there",
    "Loss function": "the section that names it is compared with this cell; see there",
}


def same_parameters(tables: PrintedTables) -> Iterator[Check]:
    """Check that all networks in Table 3 have the same parameters, as section 2.4 says."""
    first, *others = tables.columns(3)
    for row in tables.rows(3):
        ours = tables.cell(3, row, first)
        yield unchecked(f"{ours.id}/choice", ours.where, ours.text, REASONS.get(row, CHOICE))
        for column in others:
            cell = tables.cell(3, row, column)
            rule = f"the same as {first}'s: section 2.4 says that all networks have the same parameters"
            yield holds(f"{cell.id}/same", cell.where, cell.text, ours.text, rule, cell.text == ours.text)


def times(tables: PrintedTables) -> Iterator[Check]:
    """Check Table 7 against the time per slice in Table 8, and list what cannot be checked in both."""
    seconds_per_slice = tables.value(8, OURS_IN_TABLE_8, MILLISECONDS) / 1000
    for row in tables.rows(7):
        slices, cell = tables.cell(7, row, SLICES), tables.cell(7, row, TIME)
        yield unchecked(f"{slices.id}/series", slices.where, slices.text, "which series were timed is not told")
        room = min(math.floor(cell.value / seconds_per_slice), math.floor(slices.value))
        rule = (
            f"at least the {show_number(seconds_per_slice)} s that Table 8 gives for one slice; "
            f"it is time enough to classify at most {room} of the {slices.text} slices"
        )
        yield holds(
            f"{cell.id}/one-slice",
            cell.where,
            cell.text,
            f"≥ {show_number(seconds_per_slice)}",
            rule,
            cell.value >= seconds_per_slice,
        )
    for row in tables.rows(8):
        for column in (SECONDS, MILLISECONDS):
            cell = tables.cell(8, row, column)
            yield unchecked(f"{cell.id}/machine", cell.where, cell.text, "a time on the authors' machine")
