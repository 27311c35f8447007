"""Load TensorFlow without the lines that its libraries write to the terminal, which no setting of theirs turns off.

On the command line the one line that says what is wrong would be lost among them, and in a notebook the reader would
meet them before the chapter's first result.
"""

from __future__ import annotations

import os
import sys
import tempfile


def load_tensorflow() -> None:
    """Import TensorFlow; what is written while it loads is shown only if it cannot be loaded."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tempfile.TemporaryFile() as held:
        sys.stderr.flush()
        terminal = os.dup(2)
        # The lines come from C++, past Python's sys.stderr: the file descriptor itself is turned aside.
        os.dup2(held.fileno(), 2)
        try:
            import tensorflow  # noqa: F401
        except BaseException:
            held.seek(0)
            os.write(terminal, held.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
