"""Checkers of the exercises: an answer goes in, "right" or a hint comes out. One module a chapter.

A chapter's exercise is a cell with a stub that ends in `teaching.check("2.1", answer)`. The answer is a function that
the reader writes, or a value that the reader works out; its checker tries the function on small cases of its own, so
that no exercise hangs on what was run before. A checker never gives the answer away.
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
"""An answer to the hint that it deserves; None if it is right."""


@dataclass(frozen=True)
class Verdict:
    """What a checker says; shown as one line under the cell.

    Attributes
    ----------
    name : str
        Chapter and number, "2.1".
    hint : str or None
        What to look at; None if the answer is right.
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
        If the exercise has one already.
    """

    def register(function: Checker) -> Checker:
        if name in _CHECKERS:
            raise ValueError(f"exercise {name} has two checkers")
        _CHECKERS[name] = function
        return function

    return register


def check(name: str, answer: Any) -> Verdict:
    """Whether an answer to an exercise is right, and if not, what to look at. Used in every chapter.

    Parameters
    ----------
    name : str
        Chapter and number, "2.1".
    answer : function or value
        What the exercise asks for; an Ellipsis is no answer yet.

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
    # An answer is the reader's code: whatever it raises, the cell says where, and the notebook goes on.
    except Exception as error:
        hint = f"your answer ended with {type(error).__name__}: {error}"
    return Verdict(name, hint)


class NotAnswered(Exception):
    """A function that still returns the dots of its stub."""


def called(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """What the reader's function returns.

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
    """Numbers of the chapters that have checkers: those with a module `chapterNN` in this package."""
    names = (re.fullmatch(r"chapter(\d\d)", module.name) for module in pkgutil.iter_modules(__path__))
    return sorted(int(name[1]) for name in names if name)


def _import(chapter: str) -> None:
    """The checkers of one chapter, and no other: some of them load TensorFlow."""
    if chapter in map(str, chapters()):
        importlib.import_module(f"covidlib.teaching.exercises.chapter{int(chapter):02d}")


def checkers() -> dict[str, Checker]:
    """All checkers by exercise, chapter after chapter."""
    for chapter in chapters():
        _import(str(chapter))
    return dict(sorted(_CHECKERS.items(), key=lambda item: [int(part) for part in item[0].split(".")]))
