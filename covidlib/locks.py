"""One process at a time: whoever makes a file or a folder that others would make too.

The lock ends with the process that holds it, however it ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def one_at_a_time(target: Path) -> Iterator[None]:
    """Wait until no other process makes `target`, and keep others waiting meanwhile.

    Whoever waited finds what the other made, and should look for it first. The folder of `target` must exist.
    """
    # Here and not above: `covidlib doctor` must answer where packages are missing.
    from filelock import FileLock

    lock = FileLock(target.with_name(f".{target.name}.lock"))
    with lock:
        try:
            yield
        finally:
            # Still inside: a process that waits on this very file notices that it is gone, and makes a new one.
            Path(lock.lock_file).unlink(missing_ok=True)
