"""The errors that bad input raises: they name the file, what is wrong with it and what to do."""

from __future__ import annotations

from pathlib import Path


class InputError(ValueError):
    """Input that covidlib refuses, in one sentence that a student can act on.

    Parameters
    ----------
    where : str or Path
        The file or folder at fault.
    problem : str
        What was found, with the value that was found and the one that was expected.
    remedy : str
        What to do about it.
    """

    def __init__(self, where: str | Path, problem: str, remedy: str) -> None:
        self.where = Path(where)
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{where}: {problem}. {remedy}.")


class Unavailable(InputError):
    """A public file that neither the mirror nor the web serves just now."""
