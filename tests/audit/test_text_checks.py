"""Every number of the text is tied to something or has a reason why not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from covidlib.audit import all_checks, text_checks
from covidlib.audit.check import Check
from covidlib.audit.expected_quantities import QUANTITIES
from covidlib.audit.parameter_checks import IN_CODE
from covidlib.audit.public_sources import public_sources
from covidlib.audit.text_statements import STATEMENTS


def names(reading: str = "") -> set[str]:
    ties = {tie for entry in text_checks.text_entries() for tie in entry.get("ties", [])}
    if reading:
        return {tie.removeprefix(f"{reading}: ") for tie in ties if tie.startswith(f"{reading}: ")}
    return ties


def test_every_number_is_tied_or_has_a_reason() -> None:
    listed = text_checks.text_entries()
    ids = [entry["id"] for entry in listed]
    assert len(ids) == len(set(ids)) > 250
    assert all(bool(entry.get("ties")) != bool(entry.get("reason")) for entry in listed)
    sections = ("Title", "Abstract", "Section 1", "Section 2.4", "Section 3.3", "Section 4", "Section 5", "Figure 3",
                "Data availability", "Code availability", "Ethics statement", "Footnotes", "References")  # fmt: skip
    for section in sections:
        assert any(entry["place"] == section for entry in listed)


def test_every_tie_exists_and_every_quantity_is_used() -> None:
    ids = {entry["id"] for entry in text_checks.text_entries()}
    assert names("text") | names("words") | names("same claim") <= ids
    assert names("source") | set(IN_CODE.values()) == set(public_sources())
    plain = {tie.removeprefix("about: ").removeprefix("more than: ") for tie in names()}
    plain = {tie for tie in plain if ": " not in tie}
    assert plain == set(QUANTITIES) | set(STATEMENTS)


@pytest.fixture
def with_printed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], set[str]]:
    """New disagreements of a text in which one number is another."""

    def run(id: str, printed: str) -> set[str]:
        changed = [
            {**entry, "printed": printed} if entry["id"] == id else entry for entry in text_checks.text_entries()
        ]
        assert changed != text_checks.text_entries()
        with monkeypatch.context() as patch:
            patch.setattr(text_checks, "text_entries", lambda: changed)
            checks = all_checks.audit_paper()
        return {check.id for check in all_checks.disagreements(checks, known=False)}

    return run


@pytest.mark.parametrize(
    ("id", "printed", "found"),
    [
        ("abstract/accuracy", "98.50", {"abstract/accuracy/accuracy-ours"}),
        ("abstract/identified", "235", {"abstract/identified/patients-right-ours"}),
        ("s1/patient-images", "41,891", {"s1/patient-images/images-of-tested-patients"}),
        ("s1/networks", "four", {"s1/networks/networks"}),
        ("s1/reference32-half", "61", {"s1/reference32-half/half-of-reference-32"}),
        ("s2.1/first-day", "6", {"s2.1/first-day/first-day"}),
        ("s2.1/rows", "511", {"s2.1/rows/side"}),
        ("s2.2/corner-last-x", "371", {"s2.2/corner-last-x/text-s2-2-last-x"}),
        ("s2.3/neurons", "three", {"s2.3/ten/neurons-joined", "s2.3/neurons/source-neurons"}),
        ("s2.2/dark", "299", {"s2.2/dark/source-dark", "s2.2/dark-again/text-s2-2-dark"}),
        ("s2.2/last-y", "341", {"s2.2/last-y/source-region-last-y", "s2.2/corner-last-y/text-s2-2-last-y"}),
        ("s1/reference37-patients", "5371", {"s1/reference37-patients/source-reference37-patients"}),
        ("s2.1/lowest-value", "1", {"s2.1/lowest-value/smallest-stored-value"}),
        ("s3.1/metrics", "five", {"s3.1/metrics/metrics"}),
        ("s4/covid-images", "520", {"s4/covid-images/about-covid-test-images"}),
        ("s4/thickness", "2 to 4", {"s4/thickness/usual-thickness"}),
        ("figure3/age-30", "120", {"figure3/age-30/people-ages-30"}),
        ("figure3/women-normal", "147", {"figure3/women-normal/people-sexes-f-normal"}),
    ],
)
def test_a_changed_number_of_the_text_is_found(
    with_printed: Callable[[str, str], set[str]], id: str, printed: str, found: set[str]
) -> None:
    assert with_printed(id, printed) == found


def test_a_bound_holds_until_it_is_reached(with_printed: Callable[[str, str], set[str]]) -> None:
    assert "s1/test-images/more-than-test-images" not in with_printed("s1/test-images", "8234")
    assert "s1/test-images/more-than-test-images" in with_printed("s1/test-images", "8235")


def test_what_the_words_are_compared_with() -> None:
    by_id: dict[str, Check] = {check.id: check for check in all_checks.audit_paper()}
    share = by_id["s2.4/share/mean-share-of-infected-patients"]
    assert (share.recomputed, share.verdict) == ("20", "agrees") and "14.7% and 24.2%" in share.rule
    assert by_id["s4/slices/slices-of-a-series"].recomputed == "57.1 on average"
    assert by_id["s2.3/speed/speed-unchanged"].recomputed == "25.7% slower than ResNet50V2"
    assert by_id["s3.1/definitions/definition-of-a-false-positive"].recomputed.startswith("0.8015")
    assert by_id["s2.4/balance/training-images-balanced"].verdict == "agrees"
    assert by_id["s2.4/fewer-persons/fewer-normal-persons-in-training"].recomputed == "in 5 of 5 folds"
    assert by_id["s3.2/best-at-zero/better-at-threshold-1"].recomputed == "Our model 248, Xception 212, ResNet50V2 222"
    assert by_id["s4/as-fast/as-fast-as-the-others"].recomputed == (
        "1.1% slower than Xception, 25.7% slower than ResNet50V2"
    )
    assert by_id["s4/thickness/usual-thickness"].recomputed == "835 of 1119 series"
    assert by_id["s2.1/thicknesses/thicknesses-of-each-patient"].recomputed == "24 of 377 patients"


def test_each_statement_is_said_in_a_few_printed_words() -> None:
    for entry in text_checks.text_entries():
        assert len(entry["printed"].split()) <= 6 and entry["what"], entry["id"]


def test_a_claim_that_is_said_again_is_no_constraint_of_its_own() -> None:
    again = [check for check in all_checks.audit_paper() if "/same-claim-" in check.id]
    assert len(again) == 6 and all(check.follows and check.verdict == "unchecked" for check in again)
