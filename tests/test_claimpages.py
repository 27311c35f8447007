"""covidlib.claimpages: claims as HTML, nothing unescaped, nothing said by colour alone."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from prediction_tables import three_networks

from covidlib import bands, claimpages, claims
from covidlib.errors import InputError
from covidlib.quantities import our_value

CLAIMS = claims.load()[1]


class Table(HTMLParser):
    """The cells of a table, row by row, and every tag that was opened."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        self.rows[-1][-1] += data


def test_badges_say_their_word_with_a_sign() -> None:
    for word in (*claims.VERDICTS, *claims.SUPPORT, claimpages.INSIDE, claimpages.OUTSIDE, claimpages.ANY):
        assert f"{claimpages.MARKS[word]} {word}" in claimpages.badge(word)
    with pytest.raises(InputError, match="is no verdict"):
        claimpages.badge("<script>")


def test_the_numbers_of_a_chapter_are_those_of_its_claims_and_of_this_run() -> None:
    predictions = three_networks()
    table = Table(claimpages.chapter_numbers("05_image_results", predictions).data)
    expected = [claim for claim in CLAIMS if claim.chapter == "05_image_results" and (claim.printed or claim.ours)]
    assert len(table.rows) == 1 + len(expected) > 12
    for row, claim in zip(table.rows[1:], expected, strict=True):
        assert row[0] == claim.claim and row[2] == (claim.printed or "–")
        assert claim.our_quantity is not None and claim.ours is not None
        value = our_value(claim.our_quantity, predictions)
        assert row[4] == f"{round(value, bands.DIGITS):.3f}"
        low, high = claim.ours["low"], claim.ours["high"]
        word = claimpages.INSIDE if low <= round(value, bands.DIGITS) <= high else claimpages.OUTSIDE
        assert (claimpages.ANY if (low, high) == bands.limits(claim.our_quantity) else word) in row[6]


def test_a_chapter_without_claims_is_refused() -> None:
    with pytest.raises(InputError, match="99_none"):
        claimpages.chapter_numbers("99_none", three_networks())


def test_the_scorecard_shows_every_claim_in_words_and_escapes_it() -> None:
    hostile = claims.Claim(
        "x",
        "05_image_results",
        "<b>here</b>",
        "<script>alert(1)</script>",
        claims.EXACT,
        claims.SUPPORTED,
        evidence="a & b",
    )
    table = Table(claimpages.scorecard_page([*CLAIMS, hostile]).data)
    assert len(table.rows) == 1 + len(claims.scorecard([*CLAIMS, hostile]))
    assert table.rows[-1][:2] == ["<script>alert(1)</script>", "<b>here</b>"] and table.rows[-1][3] == "a & b"
    assert table.tags <= {"table", "thead", "tbody", "tr", "th", "td", "span"}
