"""covidlib.teaching.questions: one right choice each, reasons for all, and a page that grades by itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.browser import open_page
from support.made import ROOT

from covidlib.errors import InputError
from covidlib.teaching import questions

STORED = sorted((ROOT / "covidlib" / "data" / "questions").glob("*.json"))


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_stored_questions_are_well_formed(path: Path) -> None:
    found = questions.load_questions(path.stem)
    assert len(found) >= 2
    for one in found:
        assert len(one.choices) >= 3 and len({choice.text for choice in one.choices}) == len(one.choices)
        assert all(len(choice.why) > 20 for choice in one.choices)
    # Neither length nor place tells the right choice every time.
    assert not all(max(one.choices, key=lambda choice: len(choice.text)).right for one in found)
    assert not all(one.choices[0].right for one in found)


def test_a_question_with_two_right_choices_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "files", lambda package: tmp_path)
    folder = tmp_path / "data" / "questions"
    folder.mkdir(parents=True)
    right = {"text": "a", "right": True, "why": "because"}
    for choices in ([right, right], [right | {"right": False}], [right, {"text": "b", "why": ""}]):
        (folder / "01.json").write_text(json.dumps([{"text": "What?", "choices": choices}]))
        with pytest.raises(ValueError, match="exactly one right choice, and a reason"):
            questions.load_questions("01")
    with pytest.raises(InputError, match="chapter 99: no questions"):
        questions.load_questions("99")


def test_answers_are_graded_on_the_page_by_mouse_and_by_keyboard(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(f"<!doctype html><meta charset='utf-8'>{questions.show_questions('02').data}", encoding="utf-8")
    first = questions.load_questions("02")[0]
    right = next(index for index, choice in enumerate(first.choices) if choice.right)
    wrong = next(index for index, choice in enumerate(first.choices) if not choice.right)
    with open_page() as page:
        page.goto(path.as_uri())
        fieldset = page.locator("fieldset").first
        said = fieldset.locator("[role=status]")
        assert said.inner_text() == ""
        fieldset.locator("label").nth(right).click()
        assert said.inner_text() == f"✓ Right. {first.choices[right].why}"
        fieldset.locator("input").nth(right).focus()
        page.keyboard.press("ArrowDown")
        following = first.choices[(right + 1) % len(first.choices)]
        assert said.inner_text() == f"✗ No. {following.why}"
        fieldset.locator("label").nth(wrong).click()
        assert "answer-disagrees" in (said.get_attribute("class") or "")
        # Nothing is sent anywhere, and other questions are left alone.
        assert page.locator("fieldset").nth(1).locator("[role=status]").inner_text() == ""


def test_what_a_question_says_cannot_become_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = '"><script>alert(1)</script>'
    choice = questions.Choice(bad, True, bad)
    monkeypatch.setattr(questions, "load_questions", lambda chapter: (questions.Question(bad, (choice,)),))
    assert "<script>alert" not in questions.show_questions("01").data
