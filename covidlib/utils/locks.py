"""One process at a time: whoever makes a file or a folder that others would make too.

The lock ends with the process that holds it, however it ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from covidlib.errors import InputError


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


@contextmanager
def exclusive_output(output: Path) -> Iterator[None]:
    """Refuse to begin while another process writes `output`, and refuse others meanwhile.

    Raises
    ------
    InputError
        If another process writes it, or nothing can be written in its folder.
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
