"""Show the paper statement by statement and table by table, each number marked with its verdict, as HTML.

The statements are in our words, in the order of the paper, with its numbers or a few of its words as printed: the
paper's sentences are not ours to copy. Taught in chapter 08.
"""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from string import Template

from covidlib.audit.check import Check
from covidlib.audit.exact_numbers import VERDICTS, Verdict
from covidlib.audit.printed_tables import Cell, PrintedTables, paper_tables, slug
from covidlib.audit.text_checks import text_entries
from covidlib.paper.tables import TABLES

SIGNS: Mapping[Verdict, str] = {"agrees": "=", "rounds": "≈", "disagrees": "≠", "unchecked": "?"}
"""A sign beside each verdict, because not everybody can tell the colours apart."""
WORST: tuple[Verdict, ...] = ("disagrees", "rounds", "agrees", "unchecked")
"""Which verdict marks a number that several checks compare: the first of these that one of them has."""


def marked_text(checks: Sequence[Check], tables: PrintedTables | None = None, name: str = "marked") -> str:
    """Make an HTML fragment with every statement and every table, each section folded.

    Parameters
    ----------
    checks : list of Check
        As `covidlib.audit.audit_paper` returns them.
    tables : PrintedTables, optional
        The tables that were checked; default: the paper's.
    name : str
        Unique on the page; letters, digits and hyphens.
    """
    by_value: dict[str, list[Check]] = {}
    for check in checks:
        by_value.setdefault(check.id.rpartition("/")[0], []).append(check)
    places = dict.fromkeys(entry["place"] for entry in text_entries())
    sections = [_section(place, by_value) for place in places]
    sections += [_table(number, tables or paper_tables(), by_value) for number in TABLES]
    return Template((files("covidlib") / "data" / "audit" / "marked.html").read_text(encoding="utf-8")).substitute(
        name=html.escape(name), sections="\n".join(sections), key=_key()
    )


def worst(checks: Iterable[Check]) -> Verdict:
    """The verdict that marks a number with these checks."""
    found = {check.verdict for check in checks}
    return next((verdict for verdict in WORST if verdict in found), "unchecked")


def _key() -> str:
    words = {"agrees": "agrees", "rounds": "agrees when rounded", "disagrees": "disagrees", "unchecked": "unchecked"}
    return " ".join(f'<span class="said {verdict}">{SIGNS[verdict]} {words[verdict]}</span>' for verdict in VERDICTS)


def _section(place: str, by_value: Mapping[str, list[Check]]) -> str:
    entries = [entry for entry in text_entries() if entry["place"] == place and entry["id"] in by_value]
    verdicts = [worst(by_value[entry["id"]]) for entry in entries]
    items = "".join(
        _statement(entry["id"], entry["what"], entry["printed"], verdict, by_value[entry["id"]])
        for entry, verdict in zip(entries, verdicts, strict=True)
    )
    return f"<details><summary>{_summary(place, verdicts)}</summary><ul>{items}</ul></details>"


def _summary(title: str, verdicts: Sequence[Verdict]) -> str:
    counts = Counter(verdicts)
    shown = ", ".join(f"{counts[verdict]} {SIGNS[verdict]}" for verdict in VERDICTS if counts[verdict])
    return f"<b>{html.escape(title)}</b> <small>{shown}</small>"


def _statement(id: str, what: str, printed: str, verdict: Verdict, checks: Sequence[Check]) -> str:
    note = ""
    if verdict != "agrees":
        check = next(check for check in checks if check.verdict == verdict)
        grade = f"<b>{check.grade}:</b> " if check.grade else ""
        found = f"{html.escape(check.recomputed)}. " if check.recomputed and not check.explanation else ""
        note = f"<br><small>{grade}{found}{html.escape(check.explanation or check.rule)}</small>"
    return (
        f'<li id="said-{slug(id)}"><span class="said {verdict}">{SIGNS[verdict]} '
        f"{html.escape(printed)}</span> {html.escape(what)}{note}</li>"
    )


def _table(number: int, tables: PrintedTables, by_value: Mapping[str, list[Check]]) -> str:
    columns, rows = tables.columns(number), tables.rows(number)
    verdicts, body = [], []
    for row in rows:
        cells = [tables.cell(number, row, column) for column in columns]
        found = [_cell_verdict(cell, by_value) for cell in cells]
        verdicts += found
        marked = "".join(
            f'<td class="said {verdict}" title="{html.escape(cell.where)}">{SIGNS[verdict]} '
            f"{html.escape(cell.text)}</td>"
            for cell, verdict in zip(cells, found, strict=True)
        )
        body.append(f'<tr><th scope="row">{html.escape(row)}</th>{marked}</tr>')
    head = "".join(f'<th scope="col">{html.escape(column)}</th>' for column in columns)
    return (
        f"<details><summary>{_summary(f'Table {number}', verdicts)}</summary>"
        f'<div class="wide" tabindex="0" role="region" aria-label="Table {number}"><table>'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div></details>"
    )


def _cell_verdict(cell: Cell, by_value: Mapping[str, list[Check]]) -> Verdict:
    checks = by_value.get(cell.id)
    if checks is None:
        # An inference time of Table 8: its check has the id of the training time beside it.
        beside = cell.id.rpartition("/")[0]
        checks = next((found for id, found in by_value.items() if id.rpartition("/")[0] == beside), [])
    return worst(checks)
