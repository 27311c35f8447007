"""Which settings can be trained at all, so that a slip on the command line is told before hours have passed (2.4).

A protocol is a plain record and takes any number. Taught in chapter 04.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from covidlib.errors import InputError
from covidlib.protocols import Protocol
from covidlib.series import SLICE_SIDE

SMALLEST_SIDE = 96
"""Below it the pyramid's P4 has nothing to convolve (`covidlib.networks`)."""
LARGEST_SEED = 2**32 - 1000
"""NumPy takes seeds of 32 bits; folds count up from the protocol's own."""


def check_trainable(protocol: Protocol) -> None:
    """Refuse a protocol that no training can follow. Taught in chapter 04.

    Raises
    ------
    InputError
        Naming the first setting at fault, and what it may be.
    """
    for setting, value, remedy in _faults(protocol):
        raise InputError(f"{setting}={value}", "cannot be trained", remedy)


def _faults(protocol: Protocol) -> Iterator[tuple[str, object, str]]:
    for setting, value, least in (
        ("epochs", protocol.epochs, 1),
        ("batch_size", protocol.batch_size, 1),
        ("folds", protocol.folds, 2),
    ):
        if value < least:
            yield setting, value, f"Give {least} or more"
    side = protocol.image_side
    if side < SMALLEST_SIDE or SLICE_SIDE % side:
        sides = [str(one) for one in range(SMALLEST_SIDE, SLICE_SIDE + 1) if SLICE_SIDE % one == 0]
        yield "image_side", side, f"A slice of {SLICE_SIDE} pixels averages down to {', '.join(sides)}"
    if not 0 < protocol.learning_rate < math.inf:
        yield "learning_rate", protocol.learning_rate, "Give a number above 0"
    if not 0 <= protocol.seed <= LARGEST_SEED:
        yield "seed", protocol.seed, f"Give 0 to {LARGEST_SEED}"
    if protocol.folds_from == "published" and protocol.validation != "test-subset":
        yield "folds_from", "published", "Its lists bring the authors' own validation: set validation=test-subset too"
    # The name becomes a folder.
    if not re.fullmatch(r"[\w-]+", protocol.name):
        yield "name", protocol.name, "Give letters, digits, - and _"
    change = protocol.augmentation
    for setting, size, below in (
        ("rotation_degrees", change.rotation_degrees, 361),
        ("shift_fraction", change.shift_fraction, 1),
        ("shear_degrees", change.shear_degrees, 90),
        ("zoom_fraction", change.zoom_fraction, 1),
    ):
        if not 0 <= size < below:
            yield f"augmentation.{setting}", size, f"Give a number from 0 to below {below}"
