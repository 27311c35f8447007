"""covidlib.claims.badges: claims as HTML, nothing unescaped, nothing said by colour alone."""

from __future__ import annotations

import dataclasses
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from support.prediction_tables import three_networks

from covidlib.claims import badges, claims, seed_bands
from covidlib.claims.reported_numbers import our_value
from covidlib.errors import InputError
from covidlib.protocols import QUICK
from covidlib.training.runs import Run

CLAIMS = claims.load_claims()[1]


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
    places = (badges.INSIDE, badges.OUTSIDE, badges.ANY, badges.OTHER)
    for word in (*claims.VERDICTS, *claims.SUPPORT, *places):
        assert f"{badges.MARKS[word]} {word}" in badges.badge(word)
    with pytest.raises(InputError, match="unknown verdict"):
        badges.badge("<script>")


class MadeRun(Run):
    """A run whose predictions and record are given, not read."""

    table, data, protocol = three_networks(), claims.load_claims()[0]["data"], QUICK

    def predictions(self) -> pd.DataFrame:
        return self.table

    def record(self) -> dict[str, object]:
        return {"protocol": dataclasses.asdict(self.protocol), "data": {"fingerprint": self.data}}


def test_the_numbers_of_a_chapter_are_those_of_its_claims_and_of_this_run() -> None:
    table = Table(badges.chapter_numbers("05_image_results", [MadeRun(Path())]).data)
    expected = [claim for claim in CLAIMS if claim.chapter == "05_image_results" and (claim.printed or claim.ours)]
    assert len(table.rows) == 1 + len(expected) > 12
    for row, claim in zip(table.rows[1:], expected, strict=True):
        assert row[0] == claim.claim and row[2] == (claim.printed or "–")
        assert claim.our_quantity is not None and claim.ours is not None
        value = our_value(claim.our_quantity, MadeRun.table)
        assert row[4] == f"{round(value, seed_bands.DIGITS):.3f}"
        low, high = claim.ours["low"], claim.ours["high"]
        word = badges.INSIDE if low <= round(value, seed_bands.DIGITS) <= high else badges.OUTSIDE
        assert (badges.ANY if (low, high) == seed_bands.limits(claim.our_quantity) else word) in row[6]


class OtherData(MadeRun):
    data = "another"


class OtherProtocol(MadeRun):
    protocol = dataclasses.replace(QUICK, epochs=3)


@pytest.mark.parametrize("kind", [OtherData, OtherProtocol])
def test_other_runs_are_held_against_no_band(kind: type[MadeRun]) -> None:
    rows = Table(badges.chapter_numbers("06_patient_diagnosis", [kind(Path())]).data).rows
    with_value = [row for row in rows[1:] if row[4] != "–"]
    assert len(with_value) > 5
    assert all(row[5] == "–" and badges.OTHER in row[6] for row in with_value)
    assert not any(word in str(rows) for word in (badges.INSIDE, badges.OUTSIDE))


def test_another_seed_is_of_the_same_kind() -> None:
    class OtherSeed(MadeRun):
        protocol = dataclasses.replace(QUICK, seed=7)

    assert badges.OTHER not in badges.chapter_numbers("06_patient_diagnosis", [OtherSeed(Path())]).data


def test_a_chapter_may_have_printed_numbers_and_none_of_ours() -> None:
    rows = Table(badges.chapter_numbers("01_dataset", [MadeRun(Path())]).data).rows
    printed = [claim for claim in CLAIMS if claim.chapter == "01_dataset" and claim.printed]
    assert len(rows) == 1 + len(printed) > 1
    assert all(row[4:6] == ["–", "–"] for row in rows[1:])


def test_a_chapter_without_claims_is_refused() -> None:
    with pytest.raises(InputError, match="99_none"):
        badges.chapter_numbers("99_none", [MadeRun(Path())])


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
    table = Table(badges.scorecard_page([*CLAIMS, hostile]).data)
    assert len(table.rows) == 1 + len(claims.scorecard([*CLAIMS, hostile]))
    assert table.rows[-1][:2] == ["<script>alert(1)</script>", "<b>here</b>"] and table.rows[-1][3] == "a & b"
    assert table.tags <= {"table", "thead", "tbody", "tr", "th", "td", "span"}
