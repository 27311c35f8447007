"""Check training parameters and times, which few other numbers depend on (Tables 3, 7 and 8). Taught in chapter 08."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

from covidlib.audit.check import Check, holds
from covidlib.audit.exact_numbers import brief, show_number
from covidlib.audit.printed_tables import FOLDS, PrintedTables
from covidlib.audit.public_sources import cell_from_source

OURS_IN_TABLE_3, OURS_IN_TABLE_8 = "Our model", "Our Model"
SECONDS, MILLISECONDS = "Training time per epoch", "Inference time per image"
SLICES, TIME = "Number of CT scan slices", "Time (s)"
IN_CODE = {
    "Learning Rate": "learning-rate",
    "Batch size": "batch",
    "Optimizer": "optimizer",
    "Loss function": "loss",
    "Epochs": "epochs",
    "Horizontal/vertical flipping": "flipping",
    "Zoom range": "zoom",
    "Rotation range": "rotation",
    "Width/height shifting": "shifting",
    "Shift range": "shear",
}
"""Rows of Table 3, and their keys in `covidlib/data/audit/sources.json`."""


def same_parameters(tables: PrintedTables) -> Iterator[Check]:
    """Check Table 3: our model's parameters are those of the public code, the others' are the same (section 2.4)."""
    for row in tables.rows(3):
        ours = tables.cell(3, row, OURS_IN_TABLE_3)
        yield cell_from_source(ours, IN_CODE[row])
        for column in tables.columns(3):
            if column != OURS_IN_TABLE_3:
                cell = tables.cell(3, row, column)
                rule = "the same as our model's: section 2.4 says that all networks have the same parameters"
                yield holds(f"{cell.id}/same", cell.where, cell.text, ours.text, rule, cell.text == ours.text)


def times(tables: PrintedTables) -> Iterator[Check]:
    """Check that Table 7's times grow with the slices, and Table 8 against Table 2."""
    yield from times_of_series(tables)
    yield from times_of_training(tables)


def times_of_series(tables: PrintedTables) -> Iterator[Check]:
    """Check that each series of Table 7 has more slices and takes longer than the row above it.

    The times cannot follow from the slices exactly, because how many slices were selected is not printed.
    """
    seconds = tables.value(8, OURS_IN_TABLE_8, MILLISECONDS) / 1000
    rows = tables.rows(7)
    for before, row in pairwise([rows[0], *rows]):
        slices, cell = tables.cell(7, row, SLICES), tables.cell(7, row, TIME)
        room = min(math.floor(cell.value / seconds), math.floor(slices.value))
        rule = (
            f"at {show_number(seconds)} s per slice (Table 8) it is time enough to classify at most {room} of the "
            f"{slices.text} slices"
        )
        for this, above in ((slices, tables.cell(7, before, SLICES)), (cell, tables.cell(7, before, TIME))):
            least = "0" if before == row else above.text
            # The first row has nothing above it: its values can be anything above zero.
            grows = this.value > (0 if before == row else above.value)
            yield holds(f"{this.id}/grows", this.where, this.text, f"> {least}", rule, grows, "bound")


def times_of_training(tables: PrintedTables) -> Iterator[Check]:
    """Check that training an image (Table 8 over Table 2) takes at least as long as classifying it (Table 8).

    A training step contains a classification, and at least as much work to go back through the network.
    """
    images = [
        tables.value(2, f"Fold{fold}", f"train {label} images") for fold in FOLDS for label in ("COVID-19", "Normal")
    ]
    per_epoch = sum(images, Fraction(0)) / len(FOLDS)
    for row in tables.rows(8):
        epoch, image = tables.cell(8, row, SECONDS), tables.cell(8, row, MILLISECONDS)
        training = 1000 * epoch.value / per_epoch
        shown = f"{brief(training, 0)} ms to train an image, {image.number} ms to classify it"
        rule = (
            f"{epoch.number} s over the mean of {show_number(per_epoch)} training images per fold in Table 2: at least "
            "the time to classify an image, which is a part of it"
        )
        yield holds(f"{epoch.id}/table2", epoch.where, epoch.text, shown, rule, training >= image.value)
