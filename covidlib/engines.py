"""Engines that run a trained network: TensorFlow, or OpenVINO where it is installed (paper, Tables 7 and 8).

An engine takes scaled slices and gives p(COVID-19). It computes in half precision only where the processor is made for
it and a check batch stays within the tolerance of `covidlib.halfprecision`. What a first start finds out, and what it
compiles, is kept on disk for the next. Taught in chapter 06.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from covidlib import halfprecision, workspace
from covidlib.errors import InputError
from covidlib.halfprecision import Agreement
from covidlib.weights import WeightsNote, load_weights, note_for
from covidlib.wholefiles import write_text

if TYPE_CHECKING:
    import tensorflow as tf

EngineName = Literal["auto", "tensorflow", "openvino"]
Precision = Literal["float32", "bfloat16"]
Inference = Callable[[np.ndarray], np.ndarray]
"""Scaled slices (n, side, side, 1) to p(COVID-19) (n,)."""
CODE_OF_AN_ENGINE = ("engines", "halfprecision", "openvinoengine", "networks", "pyramid", "phantom", "batches")
"""Modules whose change makes what is kept on disk stale."""
VERDICT = "verdict.json"
TENSORFLOW_BATCH = 8
TITLES = {"tensorflow": "TensorFlow", "openvino": "OpenVINO"}


@dataclass(frozen=True)
class Engine:
    """A network ready to classify slices.

    Attributes
    ----------
    name : "tensorflow" or "openvino"
    precision : "float32" or "bfloat16"
        What products are computed in.
    note : WeightsNote
        What the weights belong to: network, image side, scaling.
    largest_difference : float
        How far a probability of the check batch lies from 32 bits in Keras.
    batch_size : int
        Slices that it likes to be given at a time.
    infer : function
        Scaled slices to probabilities.
    """

    name: str
    precision: Precision
    note: WeightsNote
    largest_difference: float
    batch_size: int
    infer: Inference

    def predict(self, images: np.ndarray) -> np.ndarray:
        """p(COVID-19) of scaled slices. Taught in chapter 06.

        Parameters
        ----------
        images : float32 array, shape (slices, side, side, 1)
            Scaled as `note.scaling` says; `covidlib.batches.load_images` gives them so.

        Returns
        -------
        float32 array, shape (slices,)
        """
        return self.infer(images) if len(images) else np.zeros(0, np.float32)

    def describe(self) -> str:
        """One line for a report or a page. Taught in chapter 06."""
        network = f"{self.note.network} ({self.note.size}, {self.note.input_shape[0]} px)"
        how = f"{TITLES[self.name]} {version(self.name)} in {self.precision}"
        return f"{network} on {how}, at most {self.largest_difference:.1g} from 32 bits in Keras on a check batch"


def open_engine(
    weights: str | Path,
    network: str | None = None,
    engine: EngineName = "auto",
    precision: Literal["auto", "float32", "bfloat16"] = "auto",
) -> Engine:
    """A trained network, ready to classify slices as fast as this machine can. Taught in chapter 06.

    Parameters
    ----------
    weights : path
        A covidlib weights file, or one of the authors' with `network` named.
    engine : "auto", "tensorflow" or "openvino"
        "auto" is OpenVINO where it is installed.
    precision : "auto", "float32" or "bfloat16"
        "auto" is bfloat16 where the processor has units for it and the check batch allows it; "bfloat16" does not ask
        the check batch, and is there to measure what the rounding would do and save.

    Raises
    ------
    InputError
        If the weights are not usable, or the engine is unknown or not installed.
    """
    name = chosen_engine(engine)
    note = note_for(weights, network)
    folder = workspace.home() / "data" / "engines" / _key(Path(weights), note, name, precision)
    if name == "openvino":
        from covidlib.openvinoengine import open_openvino

        return open_openvino(weights, network, precision, folder)
    return _open_tensorflow(weights, network, precision, folder)


def chosen_engine(engine: EngineName) -> str:
    """Which engine a request comes to on this machine: "tensorflow" or "openvino". Taught in chapter 06.

    Raises
    ------
    InputError
        If the engine is unknown or not installed.
    """
    if engine not in get_args(EngineName):
        raise InputError(engine, "is no engine", f"Choose one of {', '.join(get_args(EngineName))}")
    name = ("openvino" if installed("openvino") else "tensorflow") if engine == "auto" else engine
    if not installed(name):
        raise InputError(
            f"engine {name}", "is not installed", "Run pip install 'covidlib[fast]', or leave out --engine"
        )
    return name


def installed(package: str) -> bool:
    """Whether a package is there, without importing it. Taught in chapter 06."""
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


def _key(weights: Path, note: WeightsNote, engine: str, precision: str) -> str:
    """What the kept files depend on: weights, versions, code, processor."""
    with weights.open("rb") as stream:
        content = hashlib.file_digest(stream, "sha256").hexdigest()
    versions = [version(package) for package in {"tensorflow", "keras", engine}]
    parts = [content, asdict(note), engine, precision, sorted(versions), halfprecision.processor()]
    parts.append(workspace.source_hash(CODE_OF_AN_ENGINE))
    return f"{engine}-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]}"


def read_verdict(folder: Path) -> tuple[Precision, Agreement] | None:
    """The precision that was chosen before, and how it agreed; None if nothing readable is kept."""
    try:
        kept = json.loads((folder / VERDICT).read_text(encoding="utf-8"))
        return kept["precision"], Agreement(float(kept["largest_difference"]), int(kept["changed"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_verdict(folder: Path, precision: Precision, agreement: Agreement) -> None:
    """Keep a choice for the next start; the file appears whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / VERDICT, json.dumps({"precision": precision} | asdict(agreement)))


# TensorFlow ---------------------------------------------------------------------------------------------------------


def _open_tensorflow(weights: str | Path, network: str | None, precision: str, folder: Path) -> Engine:
    chosen: Precision = "float32"
    difference = 0.0
    able = halfprecision.has_bfloat16() and not _gpus()
    if precision == "bfloat16" and not able:
        raise InputError("precision bfloat16", "is not in this processor", "Ask for auto or float32")
    if precision != "float32" and able:
        chosen, agreement = read_verdict(folder) or _judged(weights, network, precision, folder)
        difference = agreement.largest_difference if chosen == "bfloat16" else 0.0
    infer, note = tensorflow_inference(weights, network, chosen)
    return Engine("tensorflow", chosen, note, difference, TENSORFLOW_BATCH, infer)


def _judged(weights: str | Path, network: str | None, precision: str, folder: Path) -> tuple[Precision, Agreement]:
    """Both precisions on the check batch; the choice is kept."""
    reference, note = tensorflow_inference(weights, network, "float32")
    half, _ = tensorflow_inference(weights, network, "bfloat16")
    images = halfprecision.check_images(note)
    agreement = halfprecision.compare(reference(images), half(images))
    chosen: Precision = "bfloat16" if agreement.good or precision == "bfloat16" else "float32"
    write_verdict(folder, chosen, agreement)
    return chosen, agreement


def tensorflow_inference(
    weights: str | Path, network: str | None, precision: Precision
) -> tuple[Inference, WeightsNote]:
    """A network in TensorFlow as a function of arrays, in batches. Taught in chapter 06."""
    probabilities, note = tensorflow_network(weights, network, precision)

    def infer(images: np.ndarray) -> np.ndarray:
        starts = range(0, len(images), TENSORFLOW_BATCH)
        return np.concatenate([probabilities(images[start : start + TENSORFLOW_BATCH]).numpy() for start in starts])

    return infer, note


def tensorflow_network(
    weights: str | Path, network: str | None, precision: Precision
) -> tuple[tf.types.experimental.PolymorphicFunction, WeightsNote]:
    """A network as one traced function from slices to p(COVID-19), both 32-bit tensors. Taught in chapter 06.

    The last layer works in 32 bits whatever the precision: probabilities in bfloat16 come in steps of 0.004. XLA does
    not compile it: on processors that was slower, in both precisions.

    Raises
    ------
    InputError
        If the weights are not usable.
    """
    import keras
    import tensorflow as tf

    from covidlib.devices import policy

    with policy("mixed_bfloat16" if precision == "bfloat16" else "float32"):
        model, note = load_weights(weights, network)

    last = model.get_layer("predictions")
    features = keras.Model(model.inputs, last.input)

    @tf.function(input_signature=[tf.TensorSpec((None, *note.input_shape), tf.float32)])
    def probabilities(images: tf.Tensor) -> tf.Tensor:
        before = tf.cast(features(images, training=False), tf.float32)
        return tf.nn.softmax(before @ last.kernel.value + last.bias.value)[:, 0]

    return probabilities, note


def _gpus() -> bool:
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))
