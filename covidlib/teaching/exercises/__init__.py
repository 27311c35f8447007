"""Check a reader's answer to an exercise: the result is "right" or a hint. There is one module per chapter.

An exercise in a chapter is a cell with a stub that ends in `teaching.check("2.1", answer)`. The answer is a function
written by the reader, or a value. The checker calls the function with small cases, so that no exercise depends on cells
that were run before. A checker never gives the answer away.
"""

from __future__ import annotations

import html
import importlib
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from covidlib.errors import InputError

LEVELS = {1: "warm-up", 2: "work", 3: "stretch"}
MISSING = "no answer yet: replace the dots, and run the cell again"

Checker = Callable[[Any], str | None]
"""Takes an answer and returns a hint; None if the answer is right."""


@dataclass(frozen=True)
class Verdict:
    """Result of a check, shown as one line below the cell.

    Attributes
    ----------
    name : str
        Chapter and number, "2.1".
    hint : str or None
        What the reader should look at; None if the answer is right.
    """

    name: str
    hint: str | None

    @property
    def right(self) -> bool:
        """Whether the answer is right."""
        return self.hint is None

    @property
    def missing(self) -> bool:
        """Whether there is no answer yet."""
        return self.hint == MISSING

    def __repr__(self) -> str:
        if self.right:
            return f"✓ {self.name}: right"
        return f"{'○' if self.missing else '✗'} {self.name}: {self.hint}"

    def _repr_html_(self) -> str:
        kind = "agrees" if self.right else "missing" if self.missing else "disagrees"
        return f'<div class="answer answer-{kind}" role="status">{html.escape(repr(self))}</div>'


_CHECKERS: dict[str, Checker] = {}


def checker(name: str) -> Callable[[Checker], Checker]:
    """Register the checker of one exercise.

    Raises
    ------
    ValueError
        If the exercise already has a checker.
    """

    def register(function: Checker) -> Checker:
        if name in _CHECKERS:
            raise ValueError(f"exercise {name} has two checkers")
        _CHECKERS[name] = function
        return function

    return register


def check(name: str, answer: Any) -> Verdict:
    """Check an answer to an exercise, and give a hint if it is wrong. Used in every chapter.

    Parameters
    ----------
    name : str
        Chapter and number, "2.1".
    answer : function or value
        The answer; an Ellipsis means that there is no answer yet.

    Raises
    ------
    InputError
        If there is no such exercise.
    """
    _import(name.partition(".")[0])
    if name not in _CHECKERS:
        raise InputError(f"exercise {name}", "does not exist", f"Choose one of {', '.join(checkers())}")
    if answer is ...:
        return Verdict(name, MISSING)
    try:
        hint = _CHECKERS[name](answer)
    except NotAnswered:
        hint = MISSING
    # An answer is the reader's code: the hint shows any exception, and the notebook continues.
    except Exception as error:
        hint = f"your answer ended with {type(error).__name__}: {error}"
    return Verdict(name, hint)


class NotAnswered(Exception):
    """A function that still returns the dots of its stub."""


def called(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Call the reader's function and return its result.

    Raises
    ------
    NotAnswered
        If it returns an Ellipsis.
    """
    result = function(*arguments, **named)
    if result is ...:
        raise NotAnswered
    return result


def chapters() -> list[int]:
    """List the chapters that have checkers: those with a module `chapterNN` in this package."""
    names = (re.fullmatch(r"chapter(\d\d)", module.name) for module in pkgutil.iter_modules(__path__))
    return sorted(int(name[1]) for name in names if name)


def _import(chapter: str) -> None:
    """Import the checkers of one chapter only: some of them load TensorFlow."""
    if chapter in map(str, chapters()):
        importlib.import_module(f"covidlib.teaching.exercises.chapter{int(chapter):02d}")


def checkers() -> dict[str, Checker]:
    """Return all checkers by exercise, in order."""
    for chapter in chapters():
        _import(str(chapter))
    return dict(sorted(_CHECKERS.items(), key=lambda item: [int(part) for part in item[0].split(".")]))
