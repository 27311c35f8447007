"""Let Ctrl-C end training or prediction between two batches, never in the middle of one. Taught in chapter 04.

Python raises KeyboardInterrupt wherever the main thread happens to be. In a destructor the error is lost, and training
goes on; in TensorFlow's own functions it leaves threads behind that wait for each other when the process ends.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from covidlib.utils.quiet_tensorflow import keras


class StopsBetweenBatches(keras.callbacks.Callback):
    """A callback for `fit` and `predict`, and the context in which they run: Ctrl-C ends them after a batch.

    A second Ctrl-C does not wait for the batch. Outside the main thread, and where a program has a handler of its own
    for the signal, nothing changes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked = self.installed = False

    def __enter__(self) -> StopsBetweenBatches:
        ours = threading.current_thread() is threading.main_thread()
        if ours and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._note)
            self.installed = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if self.asked and kind is None:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def _stop(self) -> None:
        if self.asked:
            raise KeyboardInterrupt

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Stop training if Ctrl-C was pressed."""
        self._stop()

    def on_test_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Stop validation if Ctrl-C was pressed."""
        self._stop()

    def on_predict_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Stop prediction if Ctrl-C was pressed."""
        self._stop()
