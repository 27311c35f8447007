"""Multiple-choice questions in plain HTML, with an immediate reason for each choice.

They work without a kernel or a network. The questions of a chapter are in `covidlib/data/questions/NN.json`. Each
choice has a reason, which is shown for wrong choices too, because those are the ones to learn from.
"""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from importlib.resources import files
from string import Template

from IPython.display import HTML

from covidlib.errors import InputError


@dataclass(frozen=True)
class Choice:
    """One possible answer, whether it is right, and why."""

    text: str
    right: bool
    why: str


@dataclass(frozen=True)
class Question:
    """A question with one right choice among several."""

    text: str
    choices: tuple[Choice, ...]


def load_questions(chapter: str) -> tuple[Question, ...]:
    """Read the questions of a chapter.

    Parameters
    ----------
    chapter : str
        Two digits, "02".

    Raises
    ------
    InputError
        If the chapter has no questions.
    ValueError
        If a question does not have exactly one right choice, or a choice has no reason.
    """
    stored = {path.name: path for path in (files("covidlib") / "data" / "questions").iterdir()}
    path = stored.get(f"{chapter}.json")
    if path is None:
        known = ", ".join(sorted(name.removesuffix(".json") for name in stored if name.endswith(".json")))
        raise InputError(f"chapter {chapter}", "no questions for this chapter", f"Choose one of {known}")
    loaded = []
    for entry in json.loads(path.read_text(encoding="utf-8")):
        choices = tuple(
            Choice(choice["text"], choice.get("right", False), choice["why"]) for choice in entry["choices"]
        )
        if sum(choice.right for choice in choices) != 1 or not all(choice.why for choice in choices):
            raise ValueError(
                f"chapter {chapter}: {entry['text']!r} needs exactly one right choice, and a reason for each"
            )
        loaded.append(Question(entry["text"], choices))
    return tuple(loaded)


def show_questions(chapter: str) -> HTML:
    """Show the questions of a chapter, to be answered on the page. Used in every chapter.

    Raises
    ------
    InputError
        If the chapter has no questions.
    """
    template = Template((files("covidlib") / "data" / "questions" / "questions.html").read_text(encoding="utf-8"))
    body = "".join(
        _question(chapter, number, question) for number, question in enumerate(load_questions(chapter), start=1)
    )
    return HTML(template.substitute(name=f"questions-{chapter}", body=body))


def _question(chapter: str, number: int, question: Question) -> str:
    group = f"question-{chapter}-{number}"
    choices = []
    for choice in question.choices:
        feedback = ("✓ Right. " if choice.right else "✗ No. ") + choice.why
        kind = "agrees" if choice.right else "disagrees"
        choices.append(
            f'<label><input type="radio" name="{group}" data-kind="{kind}" data-said="{html.escape(feedback)}"'
            f' aria-describedby="{group}-said"> <span>{html.escape(choice.text)}</span></label>'
        )
    return (
        f'<fieldset id="{group}"><legend>{number}. {html.escape(question.text)}</legend>'
        + "".join(choices)
        + f'<p class="answer" id="{group}-said" role="status" aria-live="polite"></p></fieldset>'
    )
