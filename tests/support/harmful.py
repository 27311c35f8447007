"""A pickle that shows whether it was opened."""

from __future__ import annotations

import os
from pathlib import Path


class LeavesAMark:
    """Unpickled, it makes a folder: the sign that something of a file was run."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.mark),)
