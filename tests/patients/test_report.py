"""One file, nothing from elsewhere, names escaped, two pages, true grey levels, text for pictures."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.browser import open_page
from support.made import OPEN, write_series

from covidlib.cli.main import main
from covidlib.patients import report
from covidlib.patients.report_pictures import picture, thumbnail, with_heat
from covidlib.scans.slices import read_slice
from covidlib.scans.windows import grey_levels

HOSTILE = '<img src=x onerror=document.title="owned">&amp;"\'<script>document.title="owned"<'


class Reader(HTMLParser):
    """Tags with their attributes, and the text between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def report_file(tmp_path_factory: pytest.TempPathFactory, untrained_weights: Path) -> Path:
    """A report with heat maps of a patient with three series, in a folder whose name is HTML."""
    root = tmp_path_factory.mktemp("report")
    for number in (2, 3, 4):
        write_series(root / HOSTILE / f"SR_{number}", [10, 20, *[OPEN] * 20, 10], seed=100 * number)
    path = root / "out.html"
    command = ["diagnose", str(root / HOSTILE), "--weights", str(untrained_weights), "--engine", "tensorflow"]
    assert main([*command, "--report", str(path), "--explain"]) == 0
    return path


@pytest.fixture(scope="module")
def page(report_file: Path) -> Reader:
    return Reader(report_file.read_text(encoding="utf-8"))


def test_it_needs_nothing_but_itself(report_file: Path, page: Reader) -> None:
    assert not page.all("script") and not page.all("link") and not page.all("iframe")
    assert all(image["src"].startswith("data:image/png;base64,") for image in page.all("img"))
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv"))
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert not re.findall(r"https?://|@import|url\(", report_file.read_text(encoding="utf-8"))


def test_it_says_what_was_asked_answered_and_used(page: Reader, untrained_weights: Path) -> None:
    import hashlib

    for words in ("Not a medical device", "at least 10% of the selected slices", "needed", "teaching network", "keras"):
        assert words in page.text, words
    assert hashlib.sha256(untrained_weights.read_bytes()).hexdigest() in page.text


def test_a_name_that_is_html_is_text(report_file: Path, page: Reader) -> None:
    assert HOSTILE in page.text
    assert not [tag for tag in page.tags if "onerror" in tag[1]]
    with open_page() as browser:
        browser.goto(report_file.as_uri())
        assert browser.title().startswith(HOSTILE)
        assert browser.locator("h1").inner_text() == HOSTILE


def test_names_of_series_and_of_failed_patients_are_text_too(untrained_weights: Path, tmp_path: Path) -> None:
    write_series(tmp_path / "many" / "patient1" / HOSTILE, [10, OPEN, OPEN])
    write_series(tmp_path / "many" / "patient1" / "SR_3", [10, OPEN, OPEN], seed=20)
    write_series(tmp_path / "many" / "patient2" / "SR_2", [10, OPEN], seed=40)
    broken = tmp_path / "many" / "patient2" / "SR_2" / f"{HOSTILE.replace('/', '')}.tif"
    broken.write_bytes(b"no picture")
    out = tmp_path / "out.html"
    command = ["diagnose", str(tmp_path / "many"), "--weights", str(untrained_weights), "--engine", "tensorflow"]
    assert main([*command, "--report", str(out)]) == 3
    (page,) = (tmp_path / "out_patients").glob("*.html")
    for path, words in ((page, HOSTILE), (out, HOSTILE)):
        read = Reader(path.read_text(encoding="utf-8"))
        assert words in read.text
        assert not [tag for tag in read.tags if tag[0] == "script" or "onerror" in tag[1]]


def test_every_picture_has_its_text(page: Reader) -> None:
    pictures = page.all("img")
    # Three strips, four slices and their maps.
    assert len(pictures) >= 3 * 16 + 4
    assert all(len(image["alt"] or "") > 10 for image in pictures)
    assert sum("Grad-CAM" in str(image["alt"]) for image in pictures) + page.text.count("the map is empty") == 4
    curves = page.all("svg")
    assert len(curves) == 3
    assert all(curve["role"] == "img" and "20 classified slices" in str(curve["aria-label"]) for curve in curves)


def test_it_fits_phone_desktop_and_two_printed_pages(report_file: Path, tmp_path: Path) -> None:
    for width in (390, 1200):
        with open_page(width, 900) as browser:
            browser.goto(report_file.as_uri())
            assert browser.evaluate("document.documentElement.scrollWidth") == width
            if width == 1200:
                browser.pdf(path=tmp_path / "out.pdf", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", (tmp_path / "out.pdf").read_bytes())) == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_slices_keep_their_grey_levels_in_both_schemes(report_file: Path, tmp_path: Path, scheme: str) -> None:
    with open_page(1200, 900) as browser:
        browser.emulate_media(color_scheme=scheme)
        browser.goto(report_file.as_uri())
        image = browser.locator(".pair img").first
        source = str(image.get_attribute("src"))
        # At its own size and at whole pixels, so that the browser does not resample.
        browser.add_style_tag(content=".pair img { position: fixed; left: 0; top: 0; width: 512px !important }")
        browser.add_style_tag(content="figure ~ figure, .pair img ~ img { display: none !important }")
        shown = np.asarray(Image.open(io.BytesIO(image.screenshot())).convert("L"), int)
        ground = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    stored = np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))), int)
    assert shown.shape == stored.shape == (512, 512)
    assert np.abs(shown - stored).max() <= 1
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")


def test_pictures_show_the_lung_window(tmp_path: Path) -> None:
    pixels = read_slice(write_series(tmp_path, [OPEN]) / "IM00001.tif")
    source = picture(grey_levels(pixels), "text")
    stored = np.asarray(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2].partition('"')[0]))))
    assert np.array_equal(stored, grey_levels(pixels))
    small = thumbnail(pixels)
    assert small.shape == (64, 64) and abs(float(small.mean()) - float(grey_levels(pixels).mean())) < 1


def test_no_heat_leaves_the_slice_and_heat_shows() -> None:
    pixels = np.full((512, 512), 600, np.uint16)
    heat = np.zeros((256, 256))
    heat[100:150, 100:150] = 1
    drawn = with_heat(pixels, heat)
    grey = int(grey_levels(pixels)[0, 0])
    assert (drawn[0, 0] == grey).all()
    assert int(drawn[120, 120, 0]) - int(drawn[120, 120, 2]) > 50


def test_places_are_counted_as_in_english() -> None:
    """A tenth of 203 selected slices is 21 slices."""
    said = (
        "1 first, 2 second, 3 third, 4 4th, 11 11th, 12 12th, 13 13th, 21 21st, 22 22nd, 33 33rd, 111 111th, 121 121st"
    )
    for place, word in (one.split() for one in said.split(", ")):
        assert report._ordinal(int(place)) == word
