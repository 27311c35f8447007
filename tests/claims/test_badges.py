"""covidlib.claims.badges: claims as HTML, nothing unescaped, nothing said by colour alone."""

from __future__ import annotations

import dataclasses
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from support.prediction_tables import three_networks

from covidlib.claims import badges, claims, seed_bands
from covidlib.claims.reported_numbers import our_value, printed_value
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
        assert row[6] == f"{round(value, seed_bands.DIGITS):.3f}"
        low, high = claim.ours["low"], claim.ours["high"]
        word = badges.INSIDE if low <= round(value, seed_bands.DIGITS) <= high else badges.OUTSIDE
        told = seed_bands.says_something(claim.our_quantity, low, high)
        assert (word if told else badges.ANY) in row[8]
        assert row[4] == claim.our_quantity.describe()
        printed = "not printed" if claim.our_quantity.score == "AUC" else f"{printed_value(claim.our_quantity):.3f}"
        assert row[5] == printed


def test_a_count_per_fold_is_compared_as_the_share_that_ours_is() -> None:
    rows = {row[0]: row for row in Table(badges.chapter_numbers("06_patient_diagnosis", [MadeRun(Path())]).data).rows}
    claim = next(one for one in CLAIMS if one.id == "patient-accuracy-xception")
    row = rows[claim.claim]
    # 218.8 right of 244.6 patients per fold, beside a share.
    assert row[2] == "218.8" and row[4] == "accuracy, patients, all folds together"
    assert row[5] == f"{218.8 / 244.6:.3f}" and 0 <= float(row[6]) <= 1


def test_a_mean_over_folds_without_a_value_in_one_is_said_to_be_undefined() -> None:
    class Silent(MadeRun):
        table = three_networks().assign(
            p_covid=lambda rows: rows["p_covid"].where((rows["fold"] > 1) | (rows["network"] != "xception"), 0.1)
        )

    claim = next(one for one in CLAIMS if one.id == "image-ppv-xception")
    assert claim.ours is not None
    quantity = claim.ours["quantity"] | {"average": "mean of folds"}
    changed = dataclasses.replace(claim, ours={**claim.ours, "quantity": quantity})
    compared = seed_bands.compare([changed], Silent.table)
    assert badges._numbers_row(changed, compared, True)[6] == "undefined in a fold"


class OtherData(MadeRun):
    data = "another"


class OtherProtocol(MadeRun):
    protocol = dataclasses.replace(QUICK, epochs=3)


@pytest.mark.parametrize("kind", [OtherData, OtherProtocol])
def test_other_runs_are_held_against_no_band(kind: type[MadeRun]) -> None:
    rows = Table(badges.chapter_numbers("06_patient_diagnosis", [kind(Path())]).data).rows
    with_value = [row for row in rows[1:] if row[6] != "–"]
    assert len(with_value) > 5
    assert all(row[7] == "–" and badges.OTHER in row[8] for row in with_value)
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
