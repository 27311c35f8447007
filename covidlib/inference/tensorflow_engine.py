"""The TensorFlow engine: a network as one traced function, in 32 bits or bfloat16 (paper, Table 8).

Taught in chapter 06.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from covidlib.errors import InputError
from covidlib.inference import half_precision
from covidlib.inference.engine import Engine, Inference, Precision, read_verdict, write_verdict
from covidlib.inference.half_precision import Agreement
from covidlib.networks.weights import WeightsNote, load_weights
from covidlib.utils import machine

if TYPE_CHECKING:
    from covidlib.utils.quiet_tensorflow import tf

TENSORFLOW_BATCH = 8


def open_tensorflow(weights: str | Path, network: str | None, precision: str, folder: Path) -> Engine:
    """Open a trained network in TensorFlow; an earlier choice of precision is read from `folder`.

    See `covidlib.inference.choose_engine.open_engine`.

    Raises
    ------
    InputError
        If the weights cannot be used, or bfloat16 is requested and the processor does not support it.
    """
    chosen: Precision = "float32"
    difference = 0.0
    supported = machine.has_bfloat16() and not _gpus()
    if precision == "bfloat16" and not supported:
        raise InputError("precision bfloat16", "not supported by this processor", "Choose auto or float32")
    if precision != "float32" and supported:
        chosen, agreement = read_verdict(folder) or _judged(weights, network, precision, folder)
        difference = agreement.largest_difference if chosen == "bfloat16" else 0.0
    infer, note = tensorflow_inference(weights, network, chosen)
    return Engine("tensorflow", chosen, note, difference, TENSORFLOW_BATCH, infer)


def _judged(weights: str | Path, network: str | None, precision: str, folder: Path) -> tuple[Precision, Agreement]:
    """Compare both precisions on the test batch and store the choice."""
    reference, note = tensorflow_inference(weights, network, "float32")
    half, _ = tensorflow_inference(weights, network, "bfloat16")
    images = half_precision.check_images(note)
    agreement = half_precision.compare(reference(images), half(images))
    chosen: Precision = "bfloat16" if agreement.good or precision == "bfloat16" else "float32"
    write_verdict(folder, chosen, agreement)
    return chosen, agreement


def tensorflow_inference(
    weights: str | Path, network: str | None, precision: Precision
) -> tuple[Inference, WeightsNote]:
    """Load a network as a function of numpy arrays, which are classified in batches."""
    probabilities, note = tensorflow_network(weights, network, precision)

    def infer(images: np.ndarray) -> np.ndarray:
        starts = range(0, len(images), TENSORFLOW_BATCH)
        return np.concatenate([probabilities(images[start : start + TENSORFLOW_BATCH]).numpy() for start in starts])

    return infer, note


def tensorflow_network(
    weights: str | Path, network: str | None, precision: Precision
) -> tuple[tf.types.experimental.PolymorphicFunction, WeightsNote]:
    """Load a network as one traced function from slices to p(COVID-19), both 32-bit tensors.

    The last layer works in 32 bits whatever the precision: probabilities in bfloat16 come in steps of 0.004. XLA does
    not compile it: on processors that was slower, in both precisions.

    Raises
    ------
    InputError
        If the weights cannot be used.
    """
    from covidlib.training.devices import policy
    from covidlib.utils.quiet_tensorflow import keras, tf

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
    from covidlib.utils.quiet_tensorflow import tf

    return bool(tf.config.list_physical_devices("GPU"))
