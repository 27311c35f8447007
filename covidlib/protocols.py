"""Training protocols: the paper's settings, and two protocols for smaller machines (section 2.4, Table 3).

A protocol is an immutable record: it is saved with each run, and pages can show it. Taught in chapter 04.
"""

from __future__ import annotations

import dataclasses
import math
import re
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from covidlib.errors import InputError
from covidlib.names import SLICE_SIDE

Precision = Literal["auto", "float32", "mixed_float16", "mixed_bfloat16"]
Scaling = Literal["raw", "slice-max", "fixed-4095", "lung-window", "imagenet"]
Start = Literal["none", "imagenet-authors", "imagenet-summed"]


@dataclass(frozen=True)
class Augmentation:
    """Ranges of the random changes of a training slice (Table 3), in the units of Keras' ImageDataGenerator.

    Attributes
    ----------
    rotation_degrees : float
        Uniform within ± this angle.
    shift_fraction : float
        Fraction of the side, in each direction.
    shear_degrees : float
        The paper's "shift range 5%" is `shear_range=0.05` in its code, which Keras reads as degrees: almost no effect.
    zoom_fraction : float
        Each axis is scaled by a separate factor within 1 ± this.
    flip : bool
        Left-right and up-down, each with probability one half.
    """

    rotation_degrees: float = 360.0
    shift_fraction: float = 0.05
    shear_degrees: float = 0.05
    zoom_fraction: float = 0.05
    flip: bool = True


@dataclass(frozen=True)
class Protocol:
    """All settings of a training run except the data and the fold (paper, section 2.4, Table 3).

    Attributes
    ----------
    network_size : "paper" or "quick"
        Full networks, or small ones with the same pyramid code.
    image_side : int
        Pixels; below 512, slices are averaged down.
    scaling : "raw", "slice-max", "fixed-4095", "lung-window" or "imagenet"
        Stored values as they are, divided by the slice's own maximum, divided by 4095, or
        clipped at the top of a radiologist's lung window (150 HU), so that lung tissue uses the whole scale;
        "imagenet" is the lung window from −1 to 1, as the ImageNet weights expect it.
    validation : "train-patients" or "test-subset"
        Patients held out of training, or (as the authors did) part of the test images.
    precision : "auto", "float32", "mixed_float16" or "mixed_bfloat16"
        Precision of the layers; "auto" is half precision on GPUs with hardware for it (`covidlib.training.devices`).
    folds_from : "patients" or "published"
        Folds drawn by patient from any dataset, or the authors' lists, which need the complete COVID-CTset.
    weights : "none", "imagenet-authors" or "imagenet-summed"
        What training starts from: random weights, or weights learned on colour photographs
        (`covidlib.networks.imagenet`).
    """

    name: str
    network_size: Literal["paper", "quick"]
    image_side: int
    batch_size: int
    epochs: int
    learning_rate: float
    scaling: Scaling
    validation: Literal["train-patients", "test-subset"]
    augmentation: Augmentation = Augmentation()
    folds: int = 5
    seed: int = 2020
    folds_from: Literal["patients", "published"] = "patients"
    precision: Precision = "auto"
    weights: Start = "none"


PAPER = Protocol(
    "paper",
    "paper",
    512,
    14,
    50,
    1e-4,
    "raw",
    "test-subset",
    folds_from="published",
    precision="float32",
    weights="imagenet-authors",
)
"""Exactly Table 3, with the authors' raw values and ImageNet weights, and their validation images from the test fold.
"""

COLAB = Protocol("colab", "paper", 512, 8, 20, 1e-4, "imagenet", "train-patients", weights="imagenet-summed")
"""The paper's networks on one free GPU: the 20 epochs of Figure 11, smaller batches, a validation set without leaks.

All ImageNet weights are used, with input on the scale on which they were learned.
"""

QUICK = Protocol(
    "quick", "quick", 128, 14, 26, 1.5e-3, "lung-window", "train-patients", Augmentation(rotation_degrees=15.0)
)
"""Small networks at 128 pixels: all 15 runs on two processor cores while the book is built.

They start from random weights and see each slice only a few dozen times. So the learning rate is higher, the values are
scaled to the lung window, and slices are rotated only by as much as patients lie askew: there is no time to learn all
orientations. Learning rate and epochs were chosen by training and validation accuracy on fold 1. Trials on earlier
versions of the cohort also printed test accuracy on folds 1 and 2, so these settings are not blind to all test results.
"""

PROTOCOLS = {protocol.name: protocol for protocol in (PAPER, COLAB, QUICK)}


def protocol_named(name: str, **changes: object) -> Protocol:
    """Look up a protocol by name, and change some of its settings.

    Raises
    ------
    InputError
        If the protocol or a setting is unknown.
    """
    if name.lower() not in PROTOCOLS:
        raise InputError(name, "unknown protocol", f"Choose one of {', '.join(PROTOCOLS)}")
    known = typing.get_type_hints(Protocol)
    for key in changes:
        if key not in known:
            raise InputError(key, "unknown setting", f"Choose one of {', '.join(known)}")
    return dataclasses.replace(PROTOCOLS[name.lower()], **changes)  # type: ignore[arg-type]


def with_settings(protocol: Protocol, settings: Sequence[str]) -> Protocol:
    """Change settings of a protocol, given as on the command line: `epochs=3` or `augmentation.flip=false`.

    Raises
    ------
    InputError
        If a setting is not of the form KEY=VALUE, is unknown, or has a value of the wrong type.
    """
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise InputError(setting, "not of the form KEY=VALUE", "Write for example epochs=3")
        outer, dot, inner = key.partition(".")
        if dot and outer == "augmentation":
            changed = dataclasses.replace(protocol.augmentation, **_typed(Augmentation, inner, value))
            protocol = dataclasses.replace(protocol, augmentation=changed)
        else:
            protocol = dataclasses.replace(protocol, **_typed(Protocol, key, value))
    return protocol


def _typed(kind: type, key: str, value: str) -> dict[str, Any]:
    known = {name: hint for name, hint in typing.get_type_hints(kind).items() if hint is not Augmentation}
    if key not in known:
        raise InputError(key, "unknown setting", f"Choose one of {', '.join(known)}")
    hint = known[key]
    choices: tuple[Any, ...] = typing.get_args(hint) or (("true", "false") if hint is bool else ())
    if choices and value not in choices:
        raise InputError(f"{key}={value}", "unknown value", f"Choose one of {', '.join(choices)}")
    if choices:
        return {key: value == "true" if hint is bool else value}
    try:
        return {key: hint(value)}
    except ValueError as error:
        expected = "a whole number" if hint is int else "a number"
        raise InputError(f"{key}={value}", f"not {expected}", f"Set {key} to {expected}") from error


SMALLEST_SIDE = 96
"""With smaller images, the map of the pyramid's level P4 would be too small (`covidlib.networks.models`)."""
LARGEST_SEED = 2**32 - 1000
"""NumPy takes 32-bit seeds; the fold's number is added to the protocol's seed."""


def check_trainable(protocol: Protocol) -> None:
    """Validate a protocol before training starts.

    Raises
    ------
    InputError
        Naming the first invalid setting and its valid values.
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
        sides = [str(divisor) for divisor in range(SMALLEST_SIDE, SLICE_SIDE + 1) if SLICE_SIDE % divisor == 0]
        yield "image_side", side, f"A slice of {SLICE_SIDE} pixels averages down to {', '.join(sides)}"
    if not 0 < protocol.learning_rate < math.inf:
        yield "learning_rate", protocol.learning_rate, "Give a number above 0"
    if not 0 <= protocol.seed <= LARGEST_SEED:
        yield "seed", protocol.seed, f"Give 0 to {LARGEST_SEED}"
    if protocol.folds_from == "published" and protocol.validation != "test-subset":
        yield "folds_from", "published", "The published lists include validation images: set validation=test-subset too"
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
