"""covidlib.teaching.table_slider: each place of the slider shows its own table, by mouse and by keyboard."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from support.browser import open_page

from covidlib.teaching import table_slider

PLACES = {
    f"</script> {place}": pd.DataFrame({"found": [f"{place} of 9"]}, index=pd.Index(["<b>net</b>"], name="network"))
    for place in range(3)
}


def test_the_slider_leafs_through_the_tables(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    shown = table_slider.slider(PLACES, "threshold <i>", "a-dial", "</script> 1").data
    path.write_text(f"<!doctype html><meta charset='utf-8'>{shown}", encoding="utf-8")
    with open_page(width=380) as page:
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(path.as_uri())
        slider, tables = page.locator("input"), page.locator("table:visible")
        assert tables.count() == 1 and "1 of 9" in tables.inner_text() and "<b>net</b>" in tables.inner_text()
        slider.press("ArrowRight")
        assert tables.count() == 1 and "2 of 9" in tables.inner_text()
        slider.fill("0")
        assert tables.count() == 1 and "0 of 9" in tables.inner_text()
        assert page.locator("output").inner_text() == slider.get_attribute("aria-valuetext") == "</script> 0"
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert problems == []


def test_without_a_script_the_first_place_is_read() -> None:
    shown = table_slider.slider(PLACES, "threshold", "a-dial").data
    assert shown.count("<table") == 3 and shown.count(" hidden>") == 2
    assert '<div data-place="0"><table' in shown


def test_a_place_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="no tables given"):
        table_slider.slider({}, "threshold", "a-dial")
    with pytest.raises(ValueError, match="choose one of"):
        table_slider.slider(PLACES, "threshold", "a-dial", "nowhere")
