"""Exceptions for invalid input: each names the file, what is wrong with it, and what to do."""

from __future__ import annotations

from pathlib import Path


class InputError(ValueError):
    """Invalid input, described in one message that a student can act on.

    Parameters
    ----------
    where : str or Path
        The file, folder or setting that is invalid.
    problem : str
        What is wrong, with the actual and the expected value.
    remedy : str
        What to do about it.
    """

    def __init__(self, where: str | Path, problem: str, remedy: str) -> None:
        self.where = Path(where)
        self.problem = problem
        self.remedy = remedy
        self._given = (str(where), problem, remedy)
        super().__init__(f"{where}: {problem}. {remedy}.")

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str, str]]:
        # By default only the class and the message are pickled, from which these three cannot be recovered.
        return type(self), self._given


class Unavailable(InputError):
    """A public file that is not found in the mirror, the cache or online."""


class SeriesWarning(UserWarning):
    """A finding about a series, as a Python warning: one line on stderr (`covidlib.scans.findings`)."""
