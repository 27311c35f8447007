"""Self-graded questions: radio buttons in plain HTML that say at once whether, and why; no kernel, no network.

The questions of a chapter stand in `covidlib/data/questions/NN.json`. Each choice has a reason, and the reason is
shown for wrong choices too: that is where one learns.
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
    """The questions of a chapter.

    Parameters
    ----------
    chapter : str
        Two digits, "02".

    Raises
    ------
    InputError
        If the chapter has no questions.
    ValueError
        If a question has not exactly one right choice, or a choice no reason.
    """
    stored = {path.name: path for path in (files("covidlib") / "data" / "questions").iterdir()}
    path = stored.get(f"{chapter}.json")
    if path is None:
        there = ", ".join(sorted(name.removesuffix(".json") for name in stored if name.endswith(".json")))
        raise InputError(f"chapter {chapter}", "has no questions", f"Choose one of {there}")
    found = []
    for entry in json.loads(path.read_text(encoding="utf-8")):
        choices = tuple(Choice(one["text"], one.get("right", False), one["why"]) for one in entry["choices"])
        if sum(choice.right for choice in choices) != 1 or not all(choice.why for choice in choices):
            raise ValueError(f"chapter {chapter}: {entry['text']!r} needs one right choice, and a reason for each")
        found.append(Question(entry["text"], choices))
    return tuple(found)


def show_questions(chapter: str) -> HTML:
    """The questions of a chapter to answer on the page. Used in every chapter.

    Raises
    ------
    InputError
        If the chapter has no questions.
    """
    template = Template((files("covidlib") / "data" / "questions" / "questions.html").read_text(encoding="utf-8"))
    body = "".join(_question(chapter, number, one) for number, one in enumerate(load_questions(chapter), start=1))
    return HTML(template.substitute(name=f"questions-{chapter}", body=body))


def _question(chapter: str, number: int, question: Question) -> str:
    group = f"question-{chapter}-{number}"
    choices = []
    for choice in question.choices:
        said = ("✓ Right. " if choice.right else "✗ No. ") + choice.why
        kind = "agrees" if choice.right else "disagrees"
        choices.append(
            f'<label><input type="radio" name="{group}" data-kind="{kind}" data-said="{html.escape(said)}"'
            f' aria-describedby="{group}-said"> <span>{html.escape(choice.text)}</span></label>'
        )
    return (
        f'<fieldset id="{group}"><legend>{number}. {html.escape(question.text)}</legend>'
        + "".join(choices)
        + f'<p class="answer" id="{group}-said" role="status" aria-live="polite"></p></fieldset>'
    )
