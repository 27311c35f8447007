"""Write the audit as text, as JSON, and as an HTML page that filters the checks offline. Taught in chapter 08."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from string import Template

from covidlib.audit.all_checks import (
    constraints,
    counts_by_grade,
    counts_by_kind,
    counts_by_verdict,
    disagreements,
    gone,
    known_disagreements,
    place_of,
)
from covidlib.audit.check import GRADES, KINDS, Check
from covidlib.audit.exact_numbers import VERDICTS
from covidlib.audit.marked_paper import SIGNS, marked_text
from covidlib.audit.printed_tables import PrintedTables
from covidlib.errors import InputError
from covidlib.utils.files import check_output, write_text

WORDS = {
    "agrees": "exactly equal, or the bound or the words hold",
    "rounds": "equal at the printed precision, or within a tenth where the text says “around”",
    "disagrees": "neither of these",
    "unchecked": "tied to nothing that is public",
}


def to_dict(checks: Sequence[Check]) -> dict[str, object]:
    """Convert all checks to plain types, for JSON."""
    keys: tuple[str, ...] = (
        "id",
        "where",
        "printed",
        "recomputed",
        "rule",
        "verdict",
        "known",
        "explanation",
        "evidence",
    )
    keys += ("kind", "grade", "follows")
    return {"checks": [{key: getattr(check, key) for key in keys} for check in checks]}


def to_text(checks: Sequence[Check]) -> str:
    """Format the counts by verdict and every disagreement as text, new ones first."""
    counts, independent = counts_by_verdict(checks), len(constraints(checks))
    lines = [
        f"constraints {independent:>4}  {len(checks)} checks, of which {len(checks) - independent} follow from others"
    ]
    lines += [f"{verdict:<11} {counts[verdict]:>4}  {WORDS[verdict]}" for verdict in VERDICTS]
    lines += ["", "constraints that were checked, by kind:"]
    lines += [f"{kind:<11} {count:>4}  {KINDS[kind]}" for kind, count in counts_by_kind(checks).items()]
    lines += ["", "how the disagreements of the published paper are to be read, one per explanation:"]
    lines += [f"{grade:<11} {count:>4}  {GRADES[grade]}" for grade, count in counts_by_grade(checks).items()]
    for known, title in ((False, "new"), (True, "known")):
        listed = disagreements(checks, known)
        lines += ["", f"{title} disagreements: {len(listed)}"]
        for check in listed:
            grade = f" ({check.grade})" if check.grade else ""
            lines.append(f"  {check.where}: printed {check.printed}, recomputed {check.recomputed}{grade}")
            lines.append(f"    {check.explanation or check.rule}")
    if missing := gone(checks):
        lines += ["", f"known disagreements of the paper that are not here: {len(missing)}"]
        lines += [f"  {id}" for id in missing]
    return "\n".join(lines)


def checks_fragment(checks: Sequence[Check], name: str = "audit", verdict: str = "") -> str:
    """Make an HTML table of the checks that can be filtered, for any page.

    It works offline; without JavaScript all checks are shown.

    Parameters
    ----------
    name : str
        Unique on the page; letters, digits and hyphens.
    verdict : str
        Selected at the start; empty for all.
    """
    counts = counts_by_verdict(checks)
    verdicts = "".join(
        f'<option value="{each}"{" selected" if each == verdict else ""}>{SIGNS[each]} {each} ({counts[each]})</option>'
        for each in VERDICTS
    )
    places = dict.fromkeys(place_of(check) for check in checks)
    return Template(_template("fragment.html")).substitute(
        name=html.escape(name),
        name_json=json.dumps(name).replace("</", "<\\/"),
        shown=len(constraints(checks)),
        all=len(checks),
        verdicts=verdicts,
        places="".join(f"<option>{html.escape(place)}</option>" for place in places),
        rows="\n".join(_row(check) for check in checks),
    )


def by_explanation(checks: Sequence[Check]) -> list[list[Check]]:
    """Group the known disagreements by explanation."""
    groups: dict[str, list[Check]] = {}
    for check in disagreements(checks, known=True):
        groups.setdefault(check.explanation, []).append(check)
    return list(groups.values())


def findings(checks: Sequence[Check]) -> str:
    """List the known disagreements with grade, explanation and evidence, as HTML; those that contradict come first."""
    items = []
    for group in sorted(by_explanation(checks), key=lambda group: [*GRADES, ""].index(group[0].grade)):
        values = dict.fromkeys((check.printed, check.recomputed) for check in group)
        pairs = "; ".join(f"printed {printed}, recomputed {recomputed}" for printed, recomputed in values)
        places = "; ".join(dict.fromkeys(check.where for check in group))
        grade = f"<b>{group[0].grade}:</b> " if group[0].grade else ""
        items.append(
            f"<li><p><b>{html.escape(places)}</b><br>{html.escape(pairs)}</p><p>{grade}{html.escape(group[0].explanation)}"
            f"<br><i>How we know:</i> {html.escape(group[0].evidence)}{_corrected(group)}</p></li>"
        )
    return f'<ol class="explorer findings" style="max-width: none; padding-left: 2.5rem">{"".join(items)}</ol>'


def _corrected(group: Sequence[Check]) -> str:
    """What a corrected paper would print, once for each wording."""
    known = known_disagreements()
    told = dict.fromkeys(known[check.id].correction for check in group if check.id in known)
    return f"<br><i>Corrected:</i> {html.escape('; '.join(told))}" if told else ""


def to_html(checks: Sequence[Check], tables: PrintedTables | None = None) -> str:
    """Make a self-contained HTML page of the audit."""
    counts, fresh = counts_by_verdict(checks), len(disagreements(checks, known=False))
    summary = "".join(
        f"<li><b>{counts[verdict]}</b> {SIGNS[verdict]} {verdict}: {WORDS[verdict]}</li>" for verdict in VERDICTS
    )
    return Template(_template("page.html")).substitute(
        summary=summary,
        constraints=len(constraints(checks)),
        checks=len(checks),
        new=fresh,
        fragment=checks_fragment(checks),
        marked=marked_text(checks, tables),
    )


def write_html(checks: Sequence[Check], path: str | Path, tables: PrintedTables | None = None) -> None:
    """Write the HTML page; the file is written completely or not at all.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    check_output(path)
    try:
        write_text(Path(path), to_html(checks, tables))
    except OSError as error:
        raise InputError(
            path, f"cannot be written ({error.strerror})", "Choose a file in an existing folder"
        ) from error


def _template(name: str) -> str:
    return (files("covidlib") / "data" / "audit" / name).read_text(encoding="utf-8")


def _row(check: Check) -> str:
    text = {key: html.escape(str(value)) for key, value in vars(check).items()}
    word: str = check.verdict
    if word == "disagrees":
        word += f", {check.grade or 'known'}" if check.known else ", new"
    follows = "<i>Follows from other checks.</i> " if check.follows else ""
    details = f"<p>{text['explanation']} <i>{text['evidence']}</i></p>" if check.explanation else ""
    cells = (
        f'<th scope="row">{text["where"]}</th><td data-head="printed">{text["printed"]}</td>'
        f'<td data-head="recomputed">{text["recomputed"] or "–"}</td>'
        f'<td class="audit-verdict">{SIGNS[check.verdict]} {word}</td>'
        f'<td class="rule">{follows}{text["rule"]}{details}</td>'
    )
    place = html.escape(place_of(check))
    mark = " follows" if check.follows else ""
    return f'<tr id="{text["id"]}" class="{check.verdict}{mark}" data-place="{place}">{cells}</tr>'
