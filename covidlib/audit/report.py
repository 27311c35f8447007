"""Write the audit as text, as JSON, and as an HTML page that filters the checks offline. Taught in chapter 08."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from string import Template

import pandas as pd

from covidlib.audit.all_checks import counts_by_verdict, disagreements, gone, known_disagreements, place_of
from covidlib.audit.check import Check
from covidlib.audit.exact_numbers import VERDICTS
from covidlib.errors import InputError
from covidlib.utils.files import check_output, write_text

SIGNS = {"agrees": "=", "rounds": "≈", "disagrees": "≠", "unchecked": "?"}
"""A sign beside each verdict, because not everybody can tell the colours apart."""
WORDS = {
    "agrees": "exactly equal, or the bound or the words hold",
    "rounds": "equal at the printed precision, or within a tenth where the text says “around”",
    "disagrees": "neither of these",
    "unchecked": "tied to nothing that is public",
}


def to_dict(checks: Sequence[Check]) -> dict[str, object]:
    """Convert all checks to plain types, for JSON."""
    keys = ("id", "where", "printed", "recomputed", "rule", "verdict", "known", "explanation", "evidence")
    return {"checks": [{key: getattr(check, key) for key in keys} for check in checks]}


def to_text(checks: Sequence[Check]) -> str:
    """Format the counts by verdict and every disagreement as text, new ones first."""
    counts = counts_by_verdict(checks)
    lines = [f"checks     {len(checks)}"]
    lines += [f"{verdict:<10} {counts[verdict]:>4}  {WORDS[verdict]}" for verdict in VERDICTS]
    for known, title in ((False, "new"), (True, "known")):
        listed = disagreements(checks, known)
        lines += ["", f"{title} disagreements: {len(listed)}"]
        for check in listed:
            lines.append(f"  {check.where}: printed {check.printed}, recomputed {check.recomputed}")
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
    """List the known disagreements with explanation and evidence, as HTML."""
    items = []
    for group in by_explanation(checks):
        values = dict.fromkeys((check.printed, check.recomputed) for check in group)
        pairs = "; ".join(f"printed {printed}, recomputed {recomputed}" for printed, recomputed in values)
        places = "; ".join(dict.fromkeys(check.where for check in group))
        items.append(
            f"<li><p><b>{html.escape(places)}</b><br>{html.escape(pairs)}</p><p>{html.escape(group[0].explanation)}"
            f"<br><i>How we know:</i> {html.escape(group[0].evidence)}</p></li>"
        )
    return f'<ol class="explorer findings" style="max-width: none; padding-left: 2.5rem">{"".join(items)}</ol>'


def corrections(checks: Sequence[Check]) -> pd.DataFrame:
    """List what a corrected paper would print.

    Returns
    -------
    DataFrame
        Columns where, printed, corrected; one row per place, without repetition.
    """
    known = known_disagreements()
    rows = [
        {"where": check.where, "printed": check.printed, "corrected": known[check.id].correction}
        for check in disagreements(checks, known=True)
    ]
    return pd.DataFrame(rows, columns=["where", "printed", "corrected"]).drop_duplicates(ignore_index=True)


def to_html(checks: Sequence[Check]) -> str:
    """Make a self-contained HTML page of the audit."""
    counts, fresh = counts_by_verdict(checks), len(disagreements(checks, known=False))
    summary = "".join(
        f"<li><b>{counts[verdict]}</b> {SIGNS[verdict]} {verdict}: {WORDS[verdict]}</li>" for verdict in VERDICTS
    )
    return Template(_template("page.html")).substitute(
        summary=summary, checks=len(checks), new=fresh, fragment=checks_fragment(checks)
    )


def write_html(checks: Sequence[Check], path: str | Path) -> None:
    """Write the HTML page; the file is written completely or not at all.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    check_output(path)
    try:
        write_text(Path(path), to_html(checks))
    except OSError as error:
        raise InputError(
            path, f"cannot be written ({error.strerror})", "Choose a file in an existing folder"
        ) from error


def _template(name: str) -> str:
    return (files("covidlib") / "data" / "audit" / name).read_text(encoding="utf-8")


def _row(check: Check) -> str:
    text = {key: html.escape(str(value)) for key, value in vars(check).items()}
    word = f"{check.verdict}, {'known' if check.known else 'new'}" if check.verdict == "disagrees" else check.verdict
    details = f"<p>{text['explanation']} <i>{text['evidence']}</i></p>" if check.explanation else ""
    cells = (
        f'<th scope="row">{text["where"]}</th><td data-head="printed">{text["printed"]}</td>'
        f'<td data-head="recomputed">{text["recomputed"] or "–"}</td>'
        f'<td class="audit-verdict">{SIGNS[check.verdict]} {word}</td><td class="rule">{text["rule"]}{details}</td>'
    )
    place = html.escape(place_of(check))
    return f'<tr id="{text["id"]}" class="{check.verdict}" data-place="{place}">{cells}</tr>'
