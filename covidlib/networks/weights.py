"""Save and load network weights, in HDF5 files that also name their network (paper, code availability).

covidlib writes the network's name, size, input shape and scaling into the file, so that a folder of slices and one
weights file are enough for a diagnosis. The authors' Keras 2.3 files contain no such note: their network must be named.
Only arrays are read; no code, pickle or layer class is taken from a file. Taught in chapters 03 and 06.
"""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
import textwrap
import warnings
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

import h5py

from covidlib.errors import InputError
from covidlib.names import NETWORKS, VARIATIONS
from covidlib.protocols import Scaling
from covidlib.utils.file_kinds import file_kind
from covidlib.utils.files import check_file, replacing

if TYPE_CHECKING:
    from covidlib.networks import models
    from covidlib.utils.quiet_tensorflow import keras

NOTE = "covidlib"
SIZES = ("paper", "quick")
WANTED = "Name a weights file (.weights.h5 or the authors' .hdf5)"
FROM_KERAS = 'Name the weights of a Keras network, as model.save_weights("NAME.weights.h5") writes them'
OTHER_FORMATS = {
    ".pt": "a file of PyTorch",
    ".pth": "a file of PyTorch",
    ".onnx": "an ONNX file",
    ".pb": "a part of a TensorFlow SavedModel",
    ".tflite": "a LiteRT file",
    ".xml": "an OpenVINO file",
    ".safetensors": "a safetensors file",
}
"""Networks in formats other than HDF5, by the ending of the file."""
LARGEST_SIDE = 4096
"""Largest side of a network's input in pixels: a note with a larger one is damaged."""


@dataclass(frozen=True)
class WeightsNote:
    """The note in a covidlib weights file: which network it belongs to, and how that was trained."""

    network: str
    size: models.Size
    input_shape: tuple[int, int, int]
    scaling: Scaling
    protocol: str
    fold: int
    trained_on: str


def save_weights(model: keras.Model, path: str | Path, note: WeightsNote) -> None:
    """Save weights and a note about them; the file appears complete or not at all.

    Raises
    ------
    OSError
        If the disk is full.
    """
    path = Path(path)
    # Checked beforehand: if the disk fills up while HDF5 writes, the whole process crashes.
    needed = 2 * sum(math.prod(weight.shape) for weight in model.weights) * 4 + 1_000_000
    if shutil.disk_usage(path.parent).free < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    with replacing(path, ".weights.h5") as part:
        model.save_weights(part)
        with h5py.File(part, "r+") as file:
            file.attrs[NOTE] = json.dumps(asdict(note))


def read_note(path: str | Path) -> WeightsNote | None:
    """Read the note in a weights file; None if it has none (a file of the authors).

    Raises
    ------
    InputError
        If the file is missing, is not HDF5, or its note is damaged.
    """
    path = Path(path)
    _refuse_other_formats(path)
    try:
        with h5py.File(path, "r") as file:
            stored = file.attrs.get(NOTE)
    except (OSError, KeyError, RuntimeError) as error:  # h5py raises each of these for some kind of damage
        raise InputError(path, f"not a readable HDF5 file ({error})", "Copy or download the file again") from error
    if stored is None:
        return None
    try:
        fields = json.loads(stored)
        note = WeightsNote(**(fields | {"input_shape": tuple(fields["input_shape"])}))
        _check(note)
        return note
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(
            path, f"its note about the network is damaged ({error})", "Copy the file again, or train again"
        ) from error


def _refuse_other_formats(path: Path) -> None:
    """Refuse what is not a weights file, and say how to get one from it.

    Raises
    ------
    InputError
        If nothing is there, or it is a folder or a file of another format.
    """
    if (path / "saved_model.pb").is_file():
        raise InputError(path, "is a TensorFlow SavedModel, not a weights file", FROM_KERAS)
    inside = sorted(path.glob("*.weights.h5")) if path.is_dir() else []
    check_file(path, f"Name the file in it: {inside[0]}" if inside else WANTED)
    if h5py.is_hdf5(path):
        return
    names = _names_in_zip(path)
    if "model.weights.h5" in names:
        model, weights = path.with_suffix(".keras").name, path.with_suffix(".weights.h5").name
        rename = "" if model == path.name else f"Rename it to {model}. "
        remedy = f'{rename}Run keras.models.load_model("{model}").save_weights("{weights}"), and name {weights}'
        raise InputError(path, "is a whole Keras model, not a weights file", remedy)
    other = "a file of PyTorch" if "data.pkl" in names else OTHER_FORMATS.get(path.suffix.lower())
    kind = file_kind(path)
    if other and kind != "empty":
        raise InputError(path, f"is {other}, not a weights file of Keras", FROM_KERAS)
    if kind:
        first = "Unpack it" if kind.endswith(("archive", "zip file")) else "Download or copy it again"
        raise InputError(path, f"is {kind}", f"{first}. {WANTED}")


def _names_in_zip(path: Path) -> set[str]:
    """The names of the files in a zip, without folders; empty if the file is no zip."""
    try:
        with zipfile.ZipFile(path) as opened:
            return {Path(name).name for name in opened.namelist()}
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError):
        return set()


def _check(note: WeightsNote) -> None:
    """Refuse a note that covidlib cannot have written.

    Raises
    ------
    ValueError
        If a field has an impossible value.
    """
    known = {"network": (*NETWORKS, *VARIATIONS), "size": SIZES, "scaling": get_args(Scaling)}
    for field, allowed in known.items():
        if getattr(note, field) not in allowed:
            raise ValueError(f"{field} {getattr(note, field)!r}")
    sides = note.input_shape
    if len(sides) != 3 or not all(isinstance(side, int) and 0 < side <= LARGEST_SIDE for side in sides):
        raise ValueError(f"input_shape {sides!r}")


def note_for(path: str | Path, network: str | None = None) -> WeightsNote:
    """The note in a weights file, or, for a file of the authors, a note made from `network`.

    Raises
    ------
    InputError
        If the file is missing or damaged, if neither the file nor `network` names a network, or if they disagree.
    """
    path = Path(path)
    note = read_note(path)
    if note is None:
        if network is None:
            raise InputError(path, "does not say which network it belongs to", "Add --network NAME")
        note = WeightsNote(network, "paper", (512, 512, 1), "raw", "published", 0, "COVID-CTset")
    elif network is not None and network != note.network:
        raise InputError(
            path, f"contains weights of {note.network}, not of {network}", f"Omit --network or set it to {note.network}"
        )
    return note


def load_weights(path: str | Path, network: str | None = None) -> tuple[keras.Model, WeightsNote]:
    """Build the network that a weights file belongs to, and load its weights.

    Parameters
    ----------
    network : str, optional
        Required for the authors' Keras 2.3 files, which are assumed to belong to paper-size networks for raw values;
        for other files it must agree with the note in the file.

    Returns
    -------
    model : keras.Model
    note : WeightsNote

    Raises
    ------
    InputError
        If the file belongs to another network or cannot be read.
    """
    from covidlib.networks import models

    path = Path(path)
    note = note_for(path, network)
    model = models.build(note.network, note.input_shape, cast("models.Size", note.size))
    try:
        with warnings.catch_warnings():
            # Keras only warns when a layer finds no weights in the file, and leaves it random.
            warnings.simplefilter("error", UserWarning)
            model.load_weights(path)
    except (ValueError, OSError, KeyError, TypeError, RuntimeError, UserWarning) as error:
        problem = f"does not fit {note.network} in {note.size} size ({textwrap.shorten(str(error), 130)})"
        unnamed = ". A file without covidlib's note must be of paper size" if note.protocol == "published" else ""
        raise InputError(path, problem, f"Name the network that the file was saved from{unnamed}") from error
    return model, note
