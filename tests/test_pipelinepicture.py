"""covidlib.pipelinepicture: the picture in the introduction is the one that the code draws, and is told in words."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from conftest import ROOT

from covidlib import pipelinepicture

PICTURE = ROOT / "notebooks" / "images" / "pipeline.svg"


def test_the_picture_in_the_book_is_the_one_that_the_code_draws(tmp_path: Path) -> None:
    assert pipelinepicture.main([str(tmp_path / "drawn.svg")]) == 0
    assert (tmp_path / "drawn.svg").read_text("utf-8") == PICTURE.read_text("utf-8")
    assert [path.name for path in tmp_path.iterdir()] == ["drawn.svg"]


def test_its_alternative_text_is_the_one_in_the_introduction() -> None:
    assert f":alt: {pipelinepicture.ALT}\n" in (ROOT / "book" / "intro.md").read_text("utf-8")


def test_every_step_is_written_and_an_arrow_joins_each_to_the_next() -> None:
    svg = ET.fromstring(pipelinepicture.pipeline_svg())
    texts = [one.text or "" for one in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert texts == [word for step in pipelinepicture.STEPS for word in (step.name, step.does, f"→ {step.gives}")]
    arrows = [one for one in svg if one.tag.endswith("path")]
    assert len(arrows) == len(pipelinepicture.STEPS) - 1


def test_words_fit_their_boxes() -> None:
    # A bold letter of this size is at most so wide on average in the sans-serif fonts of browsers.
    widest = max(len(step.gives) + 2 for step in pipelinepicture.STEPS)
    assert 92 + widest * 24 * 0.66 < pipelinepicture.WIDTH


def test_a_wrong_call_says_how_to_call(capsys: pytest.CaptureFixture[str]) -> None:
    assert pipelinepicture.main([]) == 2
    assert "usage" in capsys.readouterr().err
