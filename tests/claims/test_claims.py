"""covidlib.claims.claims: every claim's stored numbers are those that the code computes now."""

from __future__ import annotations

import dataclasses
import json
import re
from fractions import Fraction
from pathlib import Path

import pytest
from support.made import ROOT

from covidlib.audit.all_checks import audit_paper
from covidlib.claims import claims, update
from covidlib.errors import InputError

OURS, CLAIMS = claims.load_claims()
BY_ID = {claim.id: claim for claim in CLAIMS}


def old_and_new(claim: claims.Claim) -> str:
    return f"{claim.chapter}.ipynb, {claim.id}: was {claim.recomputed}, is {claims.recompute(claim)}"


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_recomputed_numbers_are_the_stored_ones(claim: claims.Claim) -> None:
    assert claims.recompute(claim) == claim.recomputed, old_and_new(claim)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_a_claim_is_whole(claim: claims.Claim) -> None:
    assert claim.verdict in claims.VERDICTS and claim.support in claims.SUPPORT
    assert claim.place and claim.claim.endswith(".")
    assert re.fullmatch(r"\d\d_\w+", claim.chapter)
    if claim.verdict == claims.NOT_HERE:
        assert claim.why.endswith("."), "says not why it cannot be reproduced"
    if claim.verdict == claims.BAND:
        assert claim.ours is not None
    if claim.verdict == claims.EXACT:
        assert claim.source or claim.holds or claim.numbers
    if claim.printed:
        assert claims.agrees(claim), f"printed {claim.printed}, recomputed {claim.recomputed}"
    if claim.support != claims.NOT_TESTABLE and not claim.printed:
        assert claim.evidence, "a judgement without evidence"


@pytest.mark.parametrize("claim", [claim for claim in CLAIMS if claim.holds], ids=lambda claim: claim.id)
def test_the_comparison_behind_a_verdict_is_true(claim: claims.Claim) -> None:
    assert claims.holds(claim) is True


@pytest.mark.parametrize("claim", [claim for claim in CLAIMS if claim.evidence], ids=lambda claim: claim.id)
def test_the_scorecard_and_the_audit_judge_a_claim_alike(claim: claims.Claim) -> None:
    by_id = {check.id: check for check in audit_paper()}
    assert claim.checks, "no check of the audit is named"
    checks = [by_id[id] for id in claim.checks]
    verdicts, grades = {check.verdict for check in checks}, {check.grade for check in checks}
    assert (claim.support == claims.CONTRADICTED) == ("contradicts" in grades)
    if claim.support == claims.NOT_TESTABLE:
        assert verdicts == {"unchecked"}
    if claim.support == claims.SUPPORTED:
        assert verdicts & {"agrees", "rounds"}


@pytest.mark.parametrize("claim", [claim for claim in CLAIMS if claim.evidence], ids=lambda claim: claim.id)
def test_evidence_types_no_number_by_hand(claim: claims.Claim) -> None:
    named = r"fold 1|[Tt]hreshold [12]|[Tt]able \d|[Rr]eference \d+|[Ss]ection [\d.]+|ResNet50V2|SR_2"
    allowed = re.sub(r"\{\d\}|" + named, "", claim.evidence)
    assert not re.search(r"\d", allowed)
    assert claims.evidence(claim) and "{" not in claims.evidence(claim)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_the_chapter_of_a_claim_exists(claim: claims.Claim) -> None:
    assert (ROOT / "notebooks" / f"{claim.chapter}.ipynb").is_file()


def test_printed_numbers_keep_their_precision() -> None:
    assert claims.printed_number("98.49%") == (Fraction(9849, 10000), Fraction(1, 10000))
    assert claims.printed_number("15,589") == (15589, 1)
    assert claims.printed_number("0.987") == (Fraction(987, 1000), Fraction(1, 1000))
    with pytest.raises(InputError, match="about a third"):
        claims.printed_number("about a third")


def test_a_recomputed_number_that_rounds_elsewhere_does_not_agree() -> None:
    claim = BY_ID["image-accuracy-resnet50v2-fpn"]
    assert claims.agrees(claim) and claim.recomputed is not None
    assert not claims.agrees(dataclasses.replace(claim, recomputed=claim.recomputed + 0.0001))
    assert not claims.agrees(dataclasses.replace(claim, printed="98.48%"))
    assert not claims.agrees(dataclasses.replace(claim, printed=""))


def test_numbers_come_from_where_they_are_said_to() -> None:
    assert claims.number({"cell": [7, 0, "Time (s)"]}) == 2.3039
    assert claims.number({"cell": [8, 0, "Inference time per image"]}) == 65.4
    assert claims.number({"cell": [4, 0, "Number of images belonging to normal persons"]}) == 40094
    assert claims.number({"list": ["duplicates", "pairs"]}) == 2127
    ratio = {"ratio": [{"cell": [1, 0, "COVID-19 patients"]}, {"sum": [{"cell": [1, 0, "Normal patients"]}] * 2}]}
    assert claims.number(ratio) == 95 / 564
    with pytest.raises(InputError, match="unknown source"):
        claims.number({"guess": 7})


def test_the_card_shows_what_the_file_holds() -> None:
    card = claims.scorecard(CLAIMS)
    assert set(card.index) == {claim.id for claim in CLAIMS if claim.evidence}
    claim = BY_ID["image-sensitivity-resnet50v2-fpn"]
    assert (claim.printed, claim.recomputed) == ("94.96%", 0.949577)
    assert set(card["support"]) == set(claims.SUPPORT)
    assert "88 of 95" in card.loc["detects-infections-better", "evidence"]


def test_the_file_is_written_whole_and_read_again(tmp_path: Path) -> None:
    update.write(OURS, CLAIMS, tmp_path / "claims.json")
    assert claims.load_claims(tmp_path / "claims.json") == (OURS, CLAIMS)
    assert (tmp_path / "claims.json").read_text("utf-8") == (ROOT / "covidlib/data/claims.json").read_text("utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["claims.json"]


@pytest.mark.parametrize("text", ["{", "[]", '{"claims": []}', '{"ours": {}, "claims": [{"id": "x"}]}'])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "claims.json").write_text(text)
    with pytest.raises(InputError, match="not a file of claims"):
        claims.load_claims(tmp_path / "claims.json")


def test_two_claims_of_one_id_are_refused(tmp_path: Path) -> None:
    entry = {key: value for key, value in vars(CLAIMS[0]).items() if value is not None}
    (tmp_path / "claims.json").write_text(json.dumps({"ours": {}, "claims": [entry, entry]}))
    with pytest.raises(InputError, match=CLAIMS[0].id):
        claims.load_claims(tmp_path / "claims.json")
