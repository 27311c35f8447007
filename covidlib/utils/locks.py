"""Lock files and folders, so that only one process at a time makes them.

A lock ends with the process that holds it, however that ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from covidlib.errors import InputError


@contextmanager
def one_at_a_time(target: Path) -> Iterator[None]:
    """Wait until no other process is making `target`, and make others wait meanwhile.

    After waiting, first check whether the other process has made it. The folder of `target` must exist.
    """
    # Imported here, because `covidlib doctor` must also work if packages are missing.
    from filelock import FileLock

    lock = FileLock(target.with_name(f".{target.name}.lock"))
    with lock:
        try:
            yield
        finally:
            # Before the lock is released: a process waiting on this file notices the deletion and makes a new one.
            Path(lock.lock_file).unlink(missing_ok=True)


@contextmanager
def exclusive_output(output: Path) -> Iterator[None]:
    """Lock an output file, or fail if another process is writing it.

    Raises
    ------
    InputError
        If another process is writing it, or its folder is not writable.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(output.with_name(f"{output.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise InputError(output, "is being written by another process", "Wait for it, or name another file") from error
    except OSError as error:
        raise InputError(output, f"cannot be written: {error.strerror}", "Name a file in another folder") from error
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()
