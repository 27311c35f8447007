"""Find numbers that were typed into the prose of a page instead of being computed.

A typed number stays when data or code change, unnoticed. So in the chapters on results, the Markdown without code,
links and the short list of names below must not contain any digit or fraction.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat

_NUMBERED = r"chapter|section|table|figure|fig\.|equation|exercise|item|fold"
NAMES = {
    "the disease, a checklist, a score, a network, a series or a public patient by its name": (
        r"\bCOVID-19\b|\bSARS-CoV-2\b|\bCLAIM 2024\b|\b2024 update\b|\bF1\b|\bResNet50V2\b|\bSR_[234]\b|\bA0001\b"
    ),
    "a numbered part of the paper or the book": (
        rf"\b(?:{_NUMBERED}) \d\d?(?:\.\d)?(?!\d)"
        rf"|\b(?:{_NUMBERED})s \d\d?(?:\.\d)?(?:(?:, | and | to |–)\d\d?(?:\.\d)?)*(?!\d)"
    ),
    "a numbered heading": r"^#+ \d+\. |^### \d+\.\d+ [●○]{3} ",
    "a threshold of the paper (its number) or of its code (its value)": (
        r"\bthreshold(?:s (?:1 and 2|0, 0\.1 and 0\.3)| (?:1|2|0|0\.1|0\.3|0\.5))(?![\d.]\d)"
    ),
    "a month, or the year of a text": (
        r"\b(?:January|February|March|April|May|June|July|August|September|October|November|December) 20\d\d\b"
        r"|\((?:19|20)\d\d\)"
    ),
    "how sure an interval is": r"\b95% (?=intervals?\b|bands?\b)",
    "the level of a test": r"\b(?:below|above|reaches) 0\.05\b",
    "a licence or a format by its name": r"\bCC BY(?:-NC)? \d\.\d\b|\b(?:32|16|12|8)-bit\b",
}
"""Texts with a number that are allowed in prose, and why; none of them can contain a result."""

NUMBER = re.compile(r"[\d⁰¹²³⁴-⁹₀-₉¼½¾⅐-⅞]+(?:[.,]\d+)*")

_FENCE = re.compile(r"^(`{3,}|~{3,}|:{3,})(.*?)$(.*?)^\1\s*$", re.MULTILINE | re.DOTALL)
_BOX = re.compile(r"\{(?:admonition|note|warning|tip|important|caution|dropdown)\}")
_HIDDEN = re.compile(
    r"\A---\n.*?\n---\n"  # the head of a text notebook
    r"|\{\w[\w:-]*\}`[^`]*`"  # roles: citations, links
    r"|\]\([^)\s]*\)|https?://\S+|<[^>\n]+>",
    re.DOTALL,
)
_SPAN = re.compile(r"`[^`\n]*`|\$[^$\n]*\$")
_EXERCISE = re.compile(
    r"^(?:\*\*\d+\.\*\* |### \d+\.\d+ [●○]{3} )(.*?)^<details>(.*?)^</details>", re.MULTILINE | re.DOTALL
)


def typed_numbers(text: str) -> list[str]:
    """Find the numbers in Markdown that no rule allows, each with the words around it.

    An exercise may contain invented numbers; its solution may repeat these and no others. Digits, superscripts,
    subscripts and fractions count; number words do not.
    """
    found = []
    for exercise in _EXERCISE.finditer(text):
        premise = set(_numbers(exercise[1]))
        found += [around for number, around in _located(exercise[2]) if number not in premise]
    rest = _EXERCISE.sub("", re.sub(r"^> \*\*Time\.\*\*.*$", "", text, flags=re.MULTILINE))
    return found + [around for _, around in _located(rest)]


def _plain(text: str) -> str:
    # A box holds prose, every other fence code or a directive.
    text = _FENCE.sub(lambda fence: f"{fence[2]} {fence[3]}" if _BOX.match(fence[2].strip()) else " ", text)
    text = _HIDDEN.sub(" ", text)
    # Code and formulas have letters; a bare number is a number in whatever font.
    text = _SPAN.sub(lambda span: " " if re.search("[A-Za-z]", span[0]) else f" {span[0][1:-1]} ", text)
    for pattern in NAMES.values():
        text = re.sub(pattern, " ", text, flags=re.IGNORECASE | re.MULTILINE)
    return text


def _numbers(text: str) -> Iterator[str]:
    for number, _ in _located(text):
        yield number


def _located(text: str) -> Iterator[tuple[str, str]]:
    plain = _plain(text)
    for match in NUMBER.finditer(plain):
        around = " ".join(plain[max(0, match.start() - 30) : match.end() + 30].split())
        yield match[0], f"{match[0]!r} in “{around}”"


def typed_in_page(path: str | Path) -> list[str]:
    """As `typed_numbers`, for a whole page: a notebook with its captions and alt texts, or a Markdown file."""
    path = Path(path)
    if path.suffix != ".ipynb":
        return typed_numbers(path.read_text(encoding="utf-8"))
    return [f"cell {index}: {problem}" for index, text in _texts(path) for problem in typed_numbers(text)]


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield each text of a notebook with its position; a checked exercise's task and solution are one text."""
    task = ""
    for index, cell in enumerate(nbformat.read(path, as_version=4).cells):
        shown = cell.metadata.get("mystnb", {})
        yield index, shown.get("figure", {}).get("caption", "")
        yield index, shown.get("image", {}).get("alt", "")
        if cell.cell_type == "markdown":
            before, task = task, ""
            # What follows the solution in its cell may be the next exercise's task.
            done, mark, following = cell.source.rpartition("\n### ")
            if mark and re.match(r"\d+\.\d+ [●○]{3} ", following):
                yield index, before + done
                task = f"### {following}\n\n"
            elif re.match(r"### \d+\.\d+ [●○]{3} ", cell.source):
                task = f"{cell.source}\n\n"
            else:
                yield index, before + cell.source
    yield -1, task
