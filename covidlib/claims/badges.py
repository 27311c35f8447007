"""Show claims on a page: badges, a chapter's numbers beside those of this run, and the scorecard.

The output is plain HTML, the same in JupyterLab, on Colab and in the book. Taught in chapter 08.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
import pandas as pd
from IPython.display import HTML

from covidlib.claims import seed_bands
from covidlib.claims.claims import (
    BAND,
    CONTRADICTED,
    EXACT,
    NOT_HERE,
    NOT_SUPPORTED,
    NOT_TESTABLE,
    SUPPORTED,
    Claim,
    load_claims,
    scorecard,
)
from covidlib.claims.reported_numbers import AUC, printed_value
from covidlib.errors import InputError
from covidlib.training.runs import Run, all_predictions

INSIDE, OUTSIDE, ANY = "inside its band", "outside its band", "band says nothing"
OTHER = "band of other data"
MARKS = {
    EXACT: "✓", BAND: "≈", NOT_HERE: "–", INSIDE: "✓", OUTSIDE: "✗", ANY: "?", OTHER: "–",
    SUPPORTED: "✓", NOT_SUPPORTED: "○", CONTRADICTED: "✗", NOT_TESTABLE: "?",
}  # fmt: skip
"""A sign beside each word, for readers who cannot tell the colours apart."""


def badge(word: str) -> str:
    """Make a verdict's HTML label: a sign, the word, and a class for its colour.

    Raises
    ------
    InputError
        If the verdict is unknown.
    """
    if word not in MARKS:
        raise InputError("verdict", f"unknown verdict {word!r}", f"Choose one of {', '.join(MARKS)}")
    return f'<span class="verdict verdict-{word.replace(" ", "-")}">{MARKS[word]} {html.escape(word)}</span>'


def chapter_numbers(chapter: str, runs: Sequence[Run]) -> HTML:
    """Show a chapter's numerical claims: printed, recomputed, and this run's value with its interval.

    The paper prints some numbers in another form than ours, such as the mean number of patients per fold beside our
    share of all patients. So each row names the quantity in which both are compared, and gives the paper's value of it.

    Parameters
    ----------
    chapter : str
        Stem of a notebook, "05_image_results".
    runs : list of Run
        All fifteen runs, as `covidlib.workspace.runs` returns them.

    Raises
    ------
    InputError
        If no claim names the chapter.
    """
    made, known = load_claims()
    claims = [claim for claim in known if claim.chapter == chapter and (claim.printed or claim.ours)]
    if not claims:
        raise InputError(
            chapter, "no claim with a number in this chapter", "Name a notebook by its stem, such as 05_image_results"
        )
    compared = seed_bands.compare(claims, all_predictions(list(runs)))
    same_kind = seed_bands.apply_to(made, runs)
    head = (
        "what", "where in the paper", "printed", "recomputed", "compared as", "the paper's", "ours, this run",
        "band over seeds", "verdicts",
    )  # fmt: skip
    return HTML(_table("claims", head, [_numbers_row(claim, compared, same_kind) for claim in claims]))


def _numbers_row(claim: Claim, compared: pd.DataFrame, same_kind: bool) -> list[str]:
    recomputed = "" if claim.recomputed is None else f"{claim.recomputed:.10g}"
    cells = [html.escape(text) for text in (claim.claim, claim.place, claim.printed or "–", recomputed or "–")]
    quantity = claim.our_quantity
    if quantity is None or claim.id not in compared.index:
        return [*cells, "–", "–", "–", "–", badge(claim.verdict)]
    row = compared.loc[claim.id]
    cells += [html.escape(quantity.describe()), _value(None if quantity.score == AUC else printed_value(quantity))]
    band = f"{row['low']:.3f} to {row['high']:.3f}"
    lies = ANY if row["says_nothing"] else INSIDE if row["inside"] else OUTSIDE
    verdicts = [claim.verdict] if claim.printed else []
    words = [badge(word) for word in (*verdicts, lies if same_kind else OTHER)]
    return [*cells, _value(float(compared["this_run"][claim.id])), band if same_kind else "–", " ".join(words)]


def _value(value: float | None) -> str:
    if value is None:
        return "not printed"
    return "undefined in a fold" if np.isnan(value) else f"{value:.3f}"


def scorecard_page(claims: Sequence[Claim]) -> HTML:
    """Show the scorecard: claims in words, each with its badge and its evidence."""
    rows = []
    for claim, place, support, reason in (
        scorecard(claims)[["claim", "place", "support", "evidence"]].astype(str).to_numpy()
    ):
        rows.append([html.escape(claim), html.escape(place), badge(support), html.escape(reason)])
    return HTML(_table("claims", ("the paper claims", "where", "verdict", "evidence"), rows))


def _table(kind: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    heads = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in head)
    # The name of the column goes along with each cell: on a phone a row becomes a list.
    body = "".join(
        "<tr>"
        + "".join(f'<td data-column="{html.escape(name)}">{cell}</td>' for name, cell in zip(head, row, strict=True))
        + "</tr>"
        for row in rows
    )
    return f'<table class="{kind}"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'
