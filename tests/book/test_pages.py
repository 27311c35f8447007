"""The built book in a browser that has no network: every page, on a desk and on a phone, light and dark."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import matplotlib.pyplot as plt
import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from support.browser import Watch, html_pages, open_browser
from support.made import ROOT

pytestmark = pytest.mark.built_book

BOOK = ROOT / "book" / "_build" / "html"
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
LOG_LINE = re.compile(
    r"^[IWEF]\d{4} \d\d:\d\d|^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWEF] |^WARNING[: ]|\w+Warning: |Traceback \(most",
    re.MULTILINE,
)


@pytest.fixture(scope="module")
def book() -> list[Path]:
    if not (BOOK / "index.html").is_file():
        if os.environ.get("COVIDLIB_REQUIRE_BOOK") == "1":
            pytest.fail("the book is not built: make book")
        pytest.skip("the book is not built: make book")
    return html_pages(BOOK)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as one:
        yield one


def name_of(path: Path) -> str:
    return path.relative_to(BOOK).with_suffix("").as_posix()


def new_page(browser: Browser, viewport: dict[str, int], scheme: str = "light", **more: object) -> Page:
    """A page without a network, in which every load is a first visit: nothing is remembered."""
    context = browser.new_context(offline=True, viewport=viewport, color_scheme=scheme, **more)  # type: ignore[arg-type]
    context.add_init_script("try { localStorage.clear(); } catch (error) {}")
    return context.new_page()


def switch(page: Page, scheme: str) -> bool:
    """The reader's system changes its colour scheme: whether the theme follows."""
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    follows = "scheme => [undefined, scheme].includes(document.documentElement.dataset.theme)"
    try:
        page.wait_for_function(follows, arg=scheme, timeout=3000)
    except PlaywrightTimeout:
        return False
    return True


# Every page ---------------------------------------------------------------------------------------------------------

READY = "async () => { if (window.MathJax && MathJax.startup) await MathJax.startup.promise; }"
PRINTED = ".cell_output .output pre:not(.columns)"
"""What cells print, tables apart."""

LOOK = """() => {
  const shown = node => node.getClientRects().length > 0;
  const formulas = [...document.querySelectorAll(".math.notranslate")];
  const article = document.querySelector(".bd-article");
  return {
    sideways: [document.documentElement, document.body, article, ...document.querySelectorAll(PRINTED)].filter(Boolean)
      .filter(box => box.scrollWidth > box.clientWidth + 1).map(box => box.tagName + " " + box.scrollWidth),
    unset: formulas.filter(one => !one.querySelector("mjx-container svg")).map(one => one.textContent.slice(0, 60)),
    wrong: [...document.querySelectorAll("mjx-merror, [data-mml-node=merror]")].map(one => one.textContent),
    formulas: formulas.length,
    pictures: [...document.images].filter(one => shown(one) && !(one.complete && one.naturalWidth))
      .map(one => one.currentSrc.slice(-60)),
    text: document.body.innerText,
  };
}""".replace("PRINTED", f"'{PRINTED}'")


def problems_of(page: Page) -> list[str]:
    """What a reader would see go wrong on the page as it is shown now."""
    seen = page.evaluate(LOOK)
    problems = [f"scrolls sideways: {box}" for box in seen["sideways"]]
    problems += [f"a formula that MathJax left alone: {text}" for text in seen["unset"]]
    problems += [f"a formula that MathJax could not read: {text}" for text in seen["wrong"]]
    problems += [f"a picture that is not shown: {source}" for source in seen["pictures"]]
    problems += [f"a log line: {line}" for line in LOG_LINE.findall(seen["text"])]
    return problems


def test_every_page_is_whole_without_a_network(book: list[Path], browser: Browser) -> None:
    """Loaded on a desk and on a phone as a first visit, looked at light and dark."""
    found: list[str] = []
    formulas = 0
    views = [
        (new_page(browser, DESK, "light"), ("light", "dark")),
        (new_page(browser, PHONE, "dark"), ("dark", "light")),
    ]
    watches = [Watch(page) for page, _ in views]
    for path in book:
        for (page, schemes), watch in zip(views, watches, strict=True):
            page.goto(path.as_uri())
            page.evaluate(READY)
            for scheme in schemes:
                follows = [] if switch(page, scheme) else ["the theme does not follow the reader's scheme"]
                width = (page.viewport_size or DESK)["width"]
                problems = follows + problems_of(page) + watch.taken()
                found += [f"{name_of(path)}, {width} px, {scheme}: {one}" for one in problems]
            formulas += page.locator("mjx-container").count()
    for page, _ in views:
        page.context.close()
    assert not found, "\n".join(found)
    assert len(book) > 20 and formulas > 1


def test_printed_sentences_wrap_and_printed_tables_keep_their_lines(book: list[Path], browser: Browser) -> None:
    page = new_page(browser, PHONE)
    page.goto((BOOK / "notebooks" / "09_pitfalls.html").as_uri())
    kept = page.locator(".cell_output .output pre.columns").all_inner_texts()
    assert any("validation_images_in_test" in text for text in kept)
    sentence = page.locator(PRINTED, has_text="is in train and test").first
    assert len(sentence.inner_text()) > 80 and sentence.evaluate("text => text.scrollWidth <= text.clientWidth + 1")
    page.context.close()


def test_the_search_finds_pages_on_disk(book: list[Path], browser: Browser) -> None:
    page = new_page(browser, DESK)
    watch = Watch(page)
    page.goto((BOOK / "search.html").as_uri() + "?q=threshold")
    page.locator("#search-results p.search-summary", has_text="found").wait_for()
    hits = page.locator("#search-results ul.search li a")
    assert hits.count() > 3
    assert "02_slice_selection" in " ".join(one.get_attribute("href") or "" for one in hits.all())
    hits.first.click()
    page.wait_for_url(re.compile("highlight=threshold|#"))
    assert watch.taken() == []
    page.context.close()


# Links and pictures -------------------------------------------------------------------------------------------------


class Html(HTMLParser):
    """The names, the links and the pictures of a page, those of cells' outputs and of frames' own pages included."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = {"", "top"}
        self.links: list[str] = []
        self.pictures: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.names |= {value for key in ("id", "name") if (value := attributes.get(key))}
        self.links += [value for key in ("href", "src", "data") if (value := attributes.get(key))]
        drawn = tag in {"img", "canvas", "area", "object", "embed", "iframe"} or attributes.get("role") == "img"
        if drawn or (tag == "svg" and attributes.get("aria-hidden") != "true"):
            self.pictures.append((tag, attributes))
        if tag == "iframe" and (inside := attributes.get("srcdoc")):
            self.pictures += Html(inside).pictures


def broken_links(pages: dict[Path, Html], root: Path) -> list[str]:
    """Relative links to no file, and anchors that their page does not have; other sites are not asked."""
    broken = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file() or root not in target.parents:
                broken.append(f"{path.relative_to(root)}: {link}")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].names:
                broken.append(f"{path.relative_to(root)}: {link} (no such anchor)")
    return broken


def untold_pictures(page: Html) -> list[str]:
    """Pictures without a text that says what they show. An empty one means decoration, which nothing here is."""
    untold = []
    for tag, attributes in page.pictures:
        text = next((value for key in ("alt", "aria-label", "title") if (value := attributes.get(key))), "")
        if len(text.strip()) < 4 or re.search(r"[0-9a-f]{16}|\.(png|svg|jpe?g)$", text):
            untold.append(f"<{tag} {attributes.get('src') or attributes.get('id') or ''}"[:90] + f"> says {text!r}")
    return untold


@pytest.fixture(scope="module")
def parsed(book: list[Path]) -> dict[Path, Html]:
    return {path: Html(path.read_text(encoding="utf-8")) for path in book}


def test_every_link_inside_the_book_leads_somewhere(parsed: dict[Path, Html]) -> None:
    assert sum(len(page.links) for page in parsed.values()) > 2000
    assert broken_links(parsed, BOOK) == []


def test_launch_buttons_lead_to_notebooks_of_the_repository(parsed: dict[Path, Html]) -> None:
    asked = re.compile(r"(colab|binder)\S+?covidlib/(?:blob/main/|main\?urlpath=lab/tree/)(.+)")
    found = {name_of(path): asked.findall("\n".join(page.links)) for path, page in parsed.items()}
    chapters = {page: launches for page, launches in found.items() if launches}
    assert sorted(chapters) == sorted(f"notebooks/{path.stem}" for path in (ROOT / "notebooks").glob("*.ipynb"))
    for page, launches in chapters.items():
        assert {where for where, _ in launches} == {"colab", "binder"}, page
        assert {target for _, target in launches} == {f"{page}.ipynb"}


def test_every_picture_says_what_it_shows(parsed: dict[Path, Html]) -> None:
    assert sum(len(page.pictures) for page in parsed.values()) > 60
    assert {name_of(path): untold for path, page in parsed.items() if (untold := untold_pictures(page))} == {}


def test_a_broken_link_and_an_untold_picture_are_found_out(tmp_path: Path) -> None:
    texts = {
        "a.html": '<a href="b.html#there">1</a> <a href="b.html#gone">2</a> <a href="c.html">3</a> <a href="#x">4</a>'
        '<img src="b.html" alt=""><canvas></canvas><iframe title="a frame" srcdoc="&lt;img src=x&gt;"></iframe>',
        "b.html": '<p id="there">',
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    pages = {tmp_path / name: Html(text) for name, text in texts.items()}
    found = broken_links(pages, tmp_path)
    assert [line.split(": ")[1] for line in found] == ["b.html#gone (no such anchor)", "c.html", "#x (no such anchor)"]
    assert [line.split()[0] for line in untold_pictures(pages[tmp_path / "a.html"])] == ["<img", "<canvas", "<img"]


# Pieces that the reader moves ---------------------------------------------------------------------------------------

STATE = (
    """box => [...box.querySelectorAll("canvas")].map(one => one.toDataURL() + one.ariaLabel).join() + box.innerText"""
)
WAYS = ["mouse", "touch", "keyboard"]


def state_of(explorer: Locator) -> str:
    """What an explorer shows, as a short text that changes with it."""
    return hashlib.sha256(explorer.evaluate(STATE).encode()).hexdigest()[:12]


def pages_with(book: list[Path], mark: str) -> list[Path]:
    found = [path for path in book if mark in path.read_text(encoding="utf-8")]
    assert found, f"no page has {mark}"
    return found


def touched_page(browser: Browser, way: str) -> Page:
    if way == "touch":
        return new_page(browser, PHONE, has_touch=True, is_mobile=True)
    return new_page(browser, DESK)


def press(page: Page, one: Locator, way: str) -> None:
    """A button or a label, pressed as one would with a mouse, a finger or a keyboard."""
    one.scroll_into_view_if_needed()
    if way == "mouse":
        one.click()
    elif way == "touch":
        one.tap()
    else:
        one.focus()
        page.keyboard.press("Space")


def move(page: Page, slider: Locator, way: str) -> None:
    """A slider, moved away from where it stands."""
    slider.scroll_into_view_if_needed()
    if way == "keyboard":
        slider.focus()
        page.keyboard.press("PageDown" if slider.evaluate("one => one.value > one.min") else "PageUp")
        return
    box = slider.bounding_box()
    assert box is not None
    far = slider.evaluate("one => (one.value - one.min) / (one.max - one.min) > 0.5 ? 0.1 : 0.9")
    place = box["x"] + far * box["width"], box["y"] + box["height"] / 2
    if way == "mouse":
        page.mouse.click(*place)
    else:
        page.touchscreen.tap(*place)


@pytest.mark.parametrize("way", WAYS)
def test_explorers_answer_to_mouse_touch_and_keyboard(book: list[Path], browser: Browser, way: str) -> None:
    page = touched_page(browser, way)
    watch = Watch(page)
    for path in pages_with(book, 'class="explorer"'):
        page.goto(path.as_uri())
        for explorer in page.locator(".explorer").all():
            sliders = explorer.locator("input[type=range]").all()
            assert sliders, name_of(path)
            for slider in sliders:
                before = state_of(explorer)
                move(page, slider, way)
                assert state_of(explorer) != before, (name_of(path), slider.get_attribute("data-part"))
            states = [state_of(explorer)]
            # Only now: some explorers list other answers for another slice.
            buttons = explorer.locator("button").all()
            for button in buttons:
                press(page, button, way)
                states.append(state_of(explorer))
            # A button may ask for what is shown already; they cannot all.
            assert not buttons or len(set(states)) >= min(len(buttons), 3), name_of(path)
    assert watch.taken() == []
    page.context.close()


@pytest.mark.parametrize("way", WAYS)
def test_questions_are_graded_by_mouse_touch_and_keyboard(book: list[Path], browser: Browser, way: str) -> None:
    page = touched_page(browser, way)
    watch = Watch(page)
    for path in pages_with(book, 'class="questions"'):
        page.goto(path.as_uri())
        for question in page.locator(".questions fieldset").all():
            said, graded = question.locator("[role=status]"), []
            assert said.inner_text() == ""
            for index, label in enumerate(question.locator("label").all()):
                if way == "keyboard" and index:
                    page.keyboard.press("ArrowDown")
                else:
                    press(page, label.locator("input") if way == "keyboard" else label, way)
                graded.append(said.inner_text())
            assert len(set(graded)) == len(graded) >= 3, (name_of(path), graded)
            assert [text[:1] for text in sorted(graded)].count("✓") == 1
            assert all(text.startswith(("✓ Right. ", "✗ No. ")) for text in graded)
    assert watch.taken() == []
    page.context.close()


# Colours ------------------------------------------------------------------------------------------------------------

CONTRAST = """selector => {
  // Any CSS colour to red, green, blue (0 to 1) and alpha, by drawing it.
  const pen = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const read = colour => {
    pen.clearRect(0, 0, 1, 1); pen.fillStyle = colour; pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data].map(one => one / 255);
  };
  const luminance = rgb => [0.2126, 0.7152, 0.0722].reduce((sum, weight, at) =>
    sum + weight * (rgb[at] <= 0.04045 ? rgb[at] / 12.92 : ((rgb[at] + 0.055) / 1.055) ** 2.4), 0);
  const ground = node => {
    for (let at = node; at; at = at.parentElement) {
      const colour = read(getComputedStyle(at).backgroundColor);
      if (colour[3] > 0.99) return colour;
    }
    return [1, 1, 1, 1];
  };
  return [...document.querySelectorAll(selector)].filter(one => one.getClientRects().length && one.innerText.trim())
    .map(one => {
      const [light, dark] = [read(getComputedStyle(one).color), ground(one)].map(luminance).sort((a, b) => b - a);
      return [(light + 0.05) / (dark + 0.05), one.className + " " + one.innerText.slice(0, 40)];
    });
}"""
READ = (
    ".answer, .questions legend, .questions label span, .verdict, .explorer label, .explorer .caption, figcaption,"
    " details > summary, table.dataframe td, table.dataframe th, .output pre"
)


def test_our_own_colours_can_be_read_in_both_schemes(book: list[Path], browser: Browser) -> None:
    """A contrast of 4.5 to 1 or better (WCAG 2.2, 1.4.3): verdicts, answers, questions, explorers, tables, captions."""
    page = new_page(browser, DESK)
    poor: list[str] = []
    seen: set[str] = set()
    for path in pages_with(book, "cell_output"):
        page.goto(path.as_uri())
        # Each question is answered rightly or wrongly in turn, so that both colours are there to be measured.
        page.evaluate(
            """() => document.querySelectorAll(".questions fieldset").forEach((one, index) =>
                 one.querySelector(`[data-kind=${index % 2 ? "agrees" : "disagrees"}]`).click())"""
        )
        for scheme in ("light", "dark"):
            assert switch(page, scheme)
            for contrast, what in page.evaluate(CONTRAST, READ):
                seen |= {f"{one} {scheme}" for one in what.split() if one.startswith("answer-")}
                if contrast < 4.5:
                    poor.append(f"{name_of(path)}, {scheme}: {contrast:.2f} {what}")
    page.context.close()
    assert poor == []
    assert seen == {
        f"answer-{kind} {scheme}" for kind in ("agrees", "disagrees", "missing") for scheme in ("light", "dark")
    }


def test_slices_keep_their_grey_levels_in_dark_mode(book: list[Path], browser: Browser) -> None:
    page = new_page(browser, DESK)
    filters = """() => [...document.querySelectorAll(".bd-content img, .bd-content canvas")]
      .map(one => getComputedStyle(one)).map(look => [look.filter, look.opacity, look.mixBlendMode].join(" "))"""
    for path in pages_with(book, "cell_output"):
        page.goto(path.as_uri())
        assert switch(page, "dark")
        assert set(page.evaluate(filters)) <= {"none 1 normal"}, name_of(path)
    page.goto((BOOK / "notebooks" / "01_dataset.html").as_uri())
    for drawn in (page.locator(".bd-article figure img").nth(1), page.locator(".explorer canvas").first):
        shots = []
        for scheme in ("light", "dark"):
            assert switch(page, scheme)
            # The middle of the picture: the edge of a figure has a white rim in dark mode.
            shot = plt.imread(io.BytesIO(drawn.screenshot(animations="disabled")))[..., :3]
            row, column = shot.shape[0] // 2, shot.shape[1] // 2
            shots.append(shot[row - 100 : row + 100, column - 200 : column + 200])
        assert np.ptp(shots[0]) > 0.5
        assert np.abs(shots[0] - shots[1]).max() == 0
    page.context.close()
