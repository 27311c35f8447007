"""What a machine has to train on: half precision, several GPUs, and batches cut smaller where memory is short.

Nothing here changes what is computed, but rounding: a batch that is cut into parts makes one update all the same
(batch normalisation alone sees the parts). Taught in chapter 04.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from covidlib.protocols import Precision
from covidlib.utils.quiet_tensorflow import keras, tf

HALF_PRECISION_FROM = (7, 0)
"""Compute capability from which GPUs have units for 16-bit products (a T4 has 7.5, the paper's P100 6.0)."""


def precision_policy(precision: Precision) -> str:
    """The name of Keras' policy for a protocol's precision: "auto" is half precision where every GPU is made for it."""
    if precision != "auto":
        return precision
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    suited = [one.get("compute_capability", (0, 0)) >= HALF_PRECISION_FROM for one in details]
    return "mixed_float16" if suited and all(suited) else "float32"


@contextlib.contextmanager
def policy(name: str) -> Iterator[None]:
    """Layers made inside compute with a precision; their weights stay 32-bit."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def strategy() -> tf.distribute.Strategy:
    """Every GPU of the machine at once, each with a part of the batch; one device otherwise.

    Where a program has split the processor into logical devices (as tests do), these count like GPUs.
    """
    for kind in ("GPU", "CPU"):
        devices = tf.config.list_logical_devices(kind)
        if len(devices) > 1:
            return tf.distribute.MirroredStrategy([device.name for device in devices])
    return tf.distribute.get_strategy()


def batch_ladder(batch_size: int) -> list[tuple[int, int]]:
    """Ways to make one update of a batch: whole, and in ever smaller equal parts.

    Returns
    -------
    list of (slices in a part, parts)
        From the whole batch down to single slices; the product is always the batch.
    """
    return [(batch_size // parts, parts) for parts in range(1, batch_size + 1) if batch_size % parts == 0]
