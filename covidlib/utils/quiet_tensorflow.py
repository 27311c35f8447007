"""Import TensorFlow and Keras without the lines that they write to the terminal.

No setting turns these lines off. On the command line they would hide covidlib's error message, and in a notebook they
would appear before the chapter's first result. Every module imports `keras`, `layers` and `tf` from here, so that the
import is quiet wherever it happens first: in a script, a notebook or a Dask worker.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held_back() -> Iterator[None]:
    """Hold back output to the standard error stream; show it only if an exception leaves the block."""
    with tempfile.TemporaryFile() as held:
        sys.stderr.flush()
        terminal = os.dup(2)
        # The lines come from C++, not through Python's sys.stderr, so the file descriptor itself is redirected.
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(terminal, held.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with held_back():
    import keras
    import tensorflow as tf
    from keras import KerasTensor, layers

__all__ = ["KerasTensor", "keras", "layers", "tf"]
