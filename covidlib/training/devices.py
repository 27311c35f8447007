"""Adapt training to the machine: half precision, several GPUs, and smaller parts of a batch if memory is short.

Only rounding changes: a batch that is split into parts still makes one update (only batch normalisation works on the
parts). Taught in chapter 04.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from covidlib.protocols import Precision
from covidlib.utils.quiet_tensorflow import keras, tf

HALF_PRECISION_FROM = (7, 0)
"""Lowest compute capability with hardware for 16-bit products (a T4 has 7.5, the paper's P100 6.0)."""


def precision_policy(precision: Precision) -> str:
    """Keras' policy name for a protocol's precision; "auto" is half precision if every GPU has hardware for it."""
    if precision != "auto":
        return precision
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    suited = [gpu.get("compute_capability", (0, 0)) >= HALF_PRECISION_FROM for gpu in details]
    return "mixed_float16" if suited and all(suited) else "float32"


@contextlib.contextmanager
def policy(name: str) -> Iterator[None]:
    """Build layers inside this context with a Keras precision policy; their weights stay 32-bit."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def strategy() -> tf.distribute.Strategy:
    """The distribution strategy: all GPUs of the machine, each with a part of the batch; otherwise one device.

    If a program has split the CPU into logical devices (as tests do), these are used like GPUs.
    """
    for kind in ("GPU", "CPU"):
        devices = tf.config.list_logical_devices(kind)
        if len(devices) > 1:
            return tf.distribute.MirroredStrategy([device.name for device in devices])
    return tf.distribute.get_strategy()


def batch_ladder(batch_size: int) -> list[tuple[int, int]]:
    """Ways to split a batch into equal parts that together make one update, from the whole batch down.

    Returns
    -------
    list of (slices per part, parts)
        From the whole batch down to single slices; the product is always the batch.
    """
    return [(batch_size // parts, parts) for parts in range(1, batch_size + 1) if batch_size % parts == 0]
