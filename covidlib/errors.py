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
        self._given = (str(where), problem, remedy)
        super().__init__(f"{where}: {problem}. {remedy}.")

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str, str]]:
        # An exception crosses to another process as its class and its message, of which these three cannot be told.
        return type(self), self._given


class Unavailable(InputError):
    """A public file that neither the mirror nor the web serves just now."""
