"""covidlib.teaching.label_quiz: names, a quiz that grades, and grey levels that are the library's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Page
from support.browser import open_page

from covidlib.datasets.labelled_slices import list_findings, list_structures
from covidlib.datasets.real_slices import read_real_slice
from covidlib.scans.windows import grey_levels
from covidlib.teaching import label_quiz as explorer

PLACES = [("carina", "a spur"), ("heart", "large"), ("liver", "larger"), ("rib", "white"), ("</script>", "bad & <b>")]
LABELS = pd.DataFrame(
    [("one", "lung", 60 + 70 * at, 200, name, look) for at, (name, look) in enumerate(PLACES)]
    + [("two", "soft tissue", 450, 250, "a name that is far too long for the room beside its ring", "long")],
    columns=["slice", "window", "x", "y", "name", "look"],
)


@pytest.fixture
def pictures() -> dict[str, np.ndarray]:
    noise = np.random.default_rng(1).integers(0, 2048, (2, 512, 512)).astype(np.uint16)
    return dict(zip(["one", "two"], noise, strict=True))


def opened(page: Page, folder: Path, shown: str) -> list[str]:
    """Load the explorer; returns the list that errors of its script will be added to."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    (folder / "page.html").write_text(f"<!doctype html><meta charset='utf-8'>{shown}", encoding="utf-8")
    page.goto((folder / "page.html").as_uri())
    page.wait_for_function("() => document.querySelector('canvas').getContext('2d').getImageData(5, 5, 1, 1).data[3]")
    return errors


def test_names_are_shown_and_chosen_by_button_and_by_a_click_on_the_picture(
    pictures: dict[str, np.ndarray], tmp_path: Path
) -> None:
    with open_page() as page:
        errors = opened(page, tmp_path, explorer.label_explorer(pictures, LABELS, "labels").data)
        caption, choices = page.locator(".caption"), page.locator("[data-part=choices] button")
        assert caption.inner_text() == "1 carina: a spur."
        assert choices.all_inner_texts() == ["1 carina", "2 heart", "3 liver", "4 rib", "5 </script>"]
        choices.nth(4).click()
        assert caption.inner_text() == "5 </script>: bad & <b>."
        assert choices.nth(4).get_attribute("aria-pressed") == "true"
        canvas = page.locator("canvas")
        frame, label = canvas.bounding_box(), LABELS.iloc[2]
        assert frame is not None
        top, left = explorer.corner(pictures["one"])
        unit = frame["width"] / explorer.WIDTH
        canvas.click(position={"x": (label["x"] - left + 4) * unit, "y": (label["y"] - top - 3) * unit})
        assert caption.inner_text() == "3 liver: larger."
        for _ in range(3):
            page.get_by_role("button", name="next").click()
        assert caption.inner_text().startswith("1 a name that is far too long")
        assert page.locator('[data-of="slice"]').inner_text() == "2 of 2"
        page.get_by_role("button", name="next").click()
        assert caption.inner_text() == "1 carina: a spur."
        assert errors == []


def test_the_quiz_hides_the_names_and_grades_the_first_answers(pictures: dict[str, np.ndarray], tmp_path: Path) -> None:
    with open_page() as page:
        errors = opened(page, tmp_path, explorer.label_explorer(pictures, LABELS, "labels").data)
        caption, choices = page.locator(".caption"), page.locator("[data-part=choices] button")
        page.get_by_role("button", name="quiz").focus()
        page.keyboard.press("Enter")
        assert caption.inner_text() == "What is in the ring?"
        assert choices.all_inner_texts() == ["</script>", "carina", "heart", "liver", "rib"]
        assert "carina" not in (page.locator("canvas").get_attribute("aria-label") or "")
        choices.nth(2).click()
        assert caption.inner_text() == "✗ No, not “heart”. A hint: a spur. Right at the first try: 0 of 1."
        choices.nth(1).click()
        assert caption.inner_text() == "✓ Right: carina. Look: a spur. Right at the first try: 0 of 1."
        page.get_by_role("button", name="next").click()
        choices.nth(2).focus()
        page.keyboard.press("Space")
        assert caption.inner_text() == "✓ Right: heart. Look: large. Right at the first try: 1 of 2."
        # A slice with few places asks among the answers of all slices.
        page.locator('[data-part="slice"]').fill("1")
        assert choices.count() == 6 and caption.inner_text().startswith("What is in the ring?")
        page.get_by_role("button", name="names").click()
        assert choices.count() == 1
        assert errors == []


def test_kinds_are_the_answers_where_there_are_kinds(pictures: dict[str, np.ndarray], tmp_path: Path) -> None:
    kinds = LABELS.assign(kind=["airway", "organ", "organ", "bone", "other", "other"])
    with open_page() as page:
        opened(page, tmp_path, explorer.label_explorer(pictures, kinds, "labels").data)
        page.get_by_role("button", name="quiz").click()
        assert page.locator("[data-part=choices] button").all_inner_texts() == ["airway", "bone", "organ", "other"]
        page.get_by_role("button", name="airway").click()
        assert page.locator(".caption").inner_text().startswith("✓ Right: carina.")


def test_the_window_in_the_browser_is_the_window_in_the_library(tmp_path: Path) -> None:
    labels = LABELS.iloc[:1].assign(slice="A0001-37", x=100, y=300)
    pixels = read_real_slice("A0001-37")
    top, left = explorer.corner(pixels)
    read = """() => Array.from(document.querySelector("canvas").getContext("2d")
                  .getImageData(0, 0, 472, 60).data).filter((_, at) => at % 4 === 0)"""
    with open_page() as page:
        opened(page, tmp_path, explorer.label_explorer({"A0001-37": pixels}, labels, "labels").data)
        for button, window in (("lung window", "lung"), ("soft tissue", "soft tissue")):
            page.get_by_role("button", name=button).click()
            seen = np.array(page.evaluate(read)).reshape(60, explorer.WIDTH)
            expected = grey_levels(pixels, window)[top : top + 60, left : left + explorer.WIDTH].astype(int)
            # A stored step is 6 HU, 4 grey levels of a soft-tissue window; rounded, at most 3 off.
            assert np.abs(seen - expected).max() <= 3 and np.ptp(seen) > 190, window


def test_a_label_outside_the_part_shown_is_named(pictures: dict[str, np.ndarray]) -> None:
    with pytest.raises(ValueError, match="one: carina lies outside"):
        explorer.label_explorer(pictures, LABELS.assign(x=3).iloc[:1], "labels")


@pytest.mark.parametrize("labels", [list_structures(), list_findings()], ids=["structures", "findings"])
def test_all_stored_labels_can_be_shown_and_the_page_stays_small(labels: pd.DataFrame) -> None:
    pictures = {str(name): read_real_slice(str(name)) for name in labels["slice"].unique()}
    assert len(explorer.label_explorer(pictures, labels, "labels").data) < 2_000_000


def test_a_slice_without_a_body_is_cut_in_the_middle() -> None:
    assert explorer.corner(np.zeros((512, 512), np.uint16)) == ((512 - explorer.HEIGHT) // 2, 20)
