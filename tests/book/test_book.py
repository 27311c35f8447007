"""The book: pages of one shape, fresh numbers, no silent failure, one address."""

from __future__ import annotations

import os
import re
import shutil
import tomllib
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import booktools
import nbformat
import pytest
import yaml
from booktools import chapters, execution_cache
from booktools import notebooks as book
from packaging.requirements import Requirement
from support.made import CHAPTERS, MORE_PAGES, NOTEBOOKS, ROOT
from support.small_book import build, small_book

from covidlib.errors import InputError

REPOSITORY = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]
TOUR = ROOT / "notebooks" / "00_tour.ipynb"
PAGES = ROOT / "book" / "_build" / "html"


def test_a_failing_notebook_fails_the_build(tmp_path: Path) -> None:
    result = build(small_book(tmp_path / "book", "raise RuntimeError('broken on purpose')"))
    assert result.returncode != 0
    assert "broken on purpose" in result.stdout + result.stderr


def test_the_terminal_of_a_build_shows_progress_and_no_log_lines(tmp_path: Path) -> None:
    code = """
from covidlib.utils import quiet_tensorflow

import warnings
import keras
keras.Sequential([keras.layers.Dense(1)]).predict(keras.ops.ones((1, 1)), verbose=0)
warnings.warn("on purpose")
"""
    result = build(small_book(tmp_path / "book", code))
    assert result.returncode == 0
    assert result.stderr.strip() == ""
    assert re.search(r"Executed notebook in [\d.]+ seconds", result.stdout)
    assert re.findall("warning|Config\\(", result.stdout, re.IGNORECASE) == []


def test_a_change_in_the_library_changes_the_number_on_the_page(tmp_path: Path) -> None:
    """A copy of the package stands for the library: its number changes, the notebook's cells do not."""
    library = tmp_path / "library"
    shutil.copytree(ROOT / "covidlib", library / "covidlib", ignore=shutil.ignore_patterns("__pycache__"))
    numbers = library / "covidlib" / "numbers_for_a_test.py"
    numbers.write_text("ANSWER = 4711\n")
    folder = small_book(tmp_path / "book", "from covidlib.numbers_for_a_test import ANSWER\nprint(ANSWER + 1)")
    page = folder / "_build" / "html" / "page.html"
    first = build(folder, PYTHONPATH=str(library))
    assert first.returncode == 0, first.stderr
    assert "4712" in page.read_text()
    numbers.write_text("ANSWER = 1233\n")
    second = build(folder, PYTHONPATH=str(library))
    assert second.returncode == 0, second.stderr
    assert "1234" in page.read_text()
    assert "4712" not in page.read_text()


def test_caches_that_were_not_used_for_longest_go(tmp_path: Path) -> None:
    caches = tmp_path / "_build" / ".execution"
    for age, name in enumerate(["present", "newest", "newer", "old", "oldest"]):
        (caches / name).mkdir(parents=True)
        (caches / name / "pages.db").write_text(name)
        os.utime(caches / name, (1_000_000 - age, 1_000_000 - age))
    os.utime(caches / "present", (1, 1))
    config = SimpleNamespace(covidlib_fingerprint="present")
    execution_cache.name_cache(SimpleNamespace(srcdir=tmp_path), config)
    assert config.nb_execution_cache_path == str(caches / "present")
    assert sorted(path.name for path in caches.iterdir()) == ["newer", "newest", "present"]
    assert (caches / "present" / "pages.db").read_text() == "present"


def test_a_clock_that_was_set_back_costs_no_cache_of_this_build(tmp_path: Path) -> None:
    caches = tmp_path / "_build" / ".execution"
    for number in range(4):
        (caches / f"from the future {number}").mkdir(parents=True)
        os.utime(caches / f"from the future {number}", (9e9 + number, 9e9 + number))
    execution_cache.name_cache(SimpleNamespace(srcdir=tmp_path), SimpleNamespace(covidlib_fingerprint="present"))
    assert sorted(path.name for path in caches.iterdir()) == ["from the future 2", "from the future 3", "present"]


@pytest.mark.parametrize(("name", "left"), [("page.ipynb", ["launch-buttons", None]), ("page.md", [None])])
def test_only_notebooks_have_launch_buttons(name: str, left: list[str | None]) -> None:
    app = SimpleNamespace(env=SimpleNamespace(doc2path=lambda page: f"/book/{name}"))
    context = {"header_buttons": [{"type": "group", "label": "launch-buttons"}, {"type": "link"}]}
    booktools._drop_dead_launches(app, "page", "page.html", context, None)
    assert [one.get("label") for one in context["header_buttons"]] == left


def test_an_unknown_parameter_is_refused_before_anything_runs(tmp_path: Path) -> None:
    cell = nbformat.v4.new_code_cell('PROTOCOL = "quick"\nDATA = ""', metadata={"tags": ["parameters"]})
    path = tmp_path / "page.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell, nbformat.v4.new_code_cell("print(PROTOCOL)")]), path)
    assert book.parameters_of(path) == {"PROTOCOL": '"quick"', "DATA": '""'}
    with pytest.raises(InputError, match="no parameter PROTOCOLL.*PROTOCOL, DATA"):
        book.run_notebook(path, tmp_path / "out.ipynb", {"PROTOCOLL": "paper"})
    assert not (tmp_path / "out.ipynb").exists()
    assert book.main(["run", str(path), "-p", "PROTOCOLL", "paper", "-o", str(tmp_path)]) == 2
    assert book.main(["run", str(path), "-o", str(tmp_path / "new")]) == 0
    assert (tmp_path / "new" / "page.executed.ipynb").is_file()
    book.run_notebook(path, tmp_path / "out.ipynb", {"PROTOCOL": "colab"})
    executed = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert executed.cells[-1].outputs[0].text == "colab\n"


@pytest.mark.parametrize("content", [None, "", "{}", "[]", '{"cells": 1}'])
def test_a_file_that_is_no_notebook_is_named_in_one_line(
    tmp_path: Path, content: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "page.ipynb"
    if content is not None:
        path.write_text(content)
    for tool, argv in ((book, ["check", str(path)]), (chapters, ["closed", str(path), "-o", str(tmp_path / "out")])):
        assert tool.main(argv) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"covidlib: {path}: ")


def test_an_exercise_at_the_end_of_a_notebook_lacks_its_solution(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = [
        nbformat.v4.new_markdown_cell("### 1.1 ●○○ Last"),
        nbformat.v4.new_code_cell('teaching.check("1.1", None)', metadata={"tags": ["exercise"]}),
    ]
    for number, some in enumerate((cells, cells[1:])):
        path = tmp_path / f"{number}.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=some), path)
        assert chapters.main(["closed", str(path), "-o", str(tmp_path / "out")]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"covidlib: {path}: ") and "lacks its heading or its solution" in line


@pytest.mark.parametrize("source", ["PROTOCOL = max(1, 2)", "import os\nPROTOCOL = 1"])
def test_parameters_are_plain_constants(tmp_path: Path, source: str) -> None:
    path = tmp_path / "page.ipynb"
    cell = nbformat.v4.new_code_cell(source, metadata={"tags": ["parameters"]})
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    with pytest.raises(InputError, match="parameters cell contains"):
        book.parameters_of(path)
    nbformat.write(nbformat.v4.new_notebook(cells=[]), path)
    with pytest.raises(InputError, match="0 cells tagged"):
        book.parameters_of(path)


def test_a_cleaned_notebook_keeps_checked_outputs_tags_and_captions_only(tmp_path: Path) -> None:
    output = nbformat.v4.new_output("stream", text="1\n")
    value = nbformat.v4.new_output("execute_result", {"text/plain": "1"}, execution_count=7)
    kept_metadata = {"tags": [book.CHECK_TAG, "setup"], "mystnb": {"figure": {"caption": "c"}}}
    kept, dropped = (
        nbformat.v4.new_code_cell("print(1)", outputs=[output, value], execution_count=7, metadata=metadata)
        for metadata in (kept_metadata, {"execution": {"x": "1"}})
    )
    path = tmp_path / "page.ipynb"
    text = nbformat.v4.new_markdown_cell("Text", metadata={"editable": True})
    nbformat.write(nbformat.v4.new_notebook(cells=[text, kept, dropped], metadata={"widgets": {"a": 1}}), path)
    assert len(book.output_problems(path)) == 4
    assert book.main(["check", str(path)]) == 1
    assert book.main(["clean", str(path)]) == 0
    cleaned = nbformat.read(path, as_version=4)
    assert cleaned.cells[1] == {
        **kept,
        "outputs": [output, {**value, "execution_count": None}],
        "execution_count": 1,
    }
    assert cleaned.cells[2] == {**dropped, "outputs": [], "execution_count": None, "metadata": {}}
    assert cleaned.cells[0].metadata == {} and "widgets" not in cleaned.metadata
    assert book.output_problems(path) == []
    cleaned.cells[1].outputs = []
    nbformat.write(cleaned, path)
    assert "without a stored output" in book.output_problems(path)[0]


def test_nbval_knows_the_tag_of_a_checked_cell() -> None:
    from nbval.plugin import find_metadata_tags

    assert list(find_metadata_tags({"tags": [book.CHECK_TAG]})) == [("check", True)]


# The chapters -------------------------------------------------------------------------------------------------------


def test_all_chapters_are_in_the_table_of_contents() -> None:
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text())
    listed = [chapter["file"] for part in contents["parts"] for chapter in part["chapters"]]
    assert [name for name in listed if name.startswith("notebooks/")] == [
        f"notebooks/{path.stem}" for path in NOTEBOOKS
    ]
    assert len(CHAPTERS) >= 9


def test_each_page_that_goes_further_stands_behind_its_chapter() -> None:
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text())
    chapters_listed = [chapter for part in contents["parts"] for chapter in part["chapters"]]
    behind = {
        section["file"]: chapter["file"]
        for chapter in chapters_listed
        for section in chapter.get("sections", [])
        if section["file"].startswith("notebooks/")
    }
    assert set(behind) == {f"notebooks/{path.stem}" for path in MORE_PAGES}
    assert all(Path(page).name[:2] == Path(chapter).name[:2] for page, chapter in behind.items())


@pytest.mark.parametrize("path", MORE_PAGES, ids=lambda path: path.stem)
def test_a_page_that_goes_further_has_what_every_page_has(path: Path) -> None:
    assert chapters.page_problems(path, REPOSITORY) == []
    assert set(book.parameters_of(path)) == {"PROTOCOL", "DATA"}
    (chapter,) = [one for one in CHAPTERS if one.name[:2] == path.name[:2]]
    assert f"]({chapter.name})" in chapters.markdown_of(book.read_notebook(path))


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_chapter_keeps_the_page_skeleton(path: Path) -> None:
    assert chapters.skeleton_problems(path, REPOSITORY) == []
    assert set(book.parameters_of(path)) == {"PROTOCOL", "DATA"}


def test_the_tour_has_what_every_page_has_and_leads_to_every_chapter(tmp_path: Path) -> None:
    assert chapters.page_problems(TOUR, REPOSITORY) == []
    assert set(book.parameters_of(TOUR)) == {"PROTOCOL", "DATA"}
    text = TOUR.read_text(encoding="utf-8")
    assert [path.name for path in CHAPTERS if f"]({path.name})" not in text] == []
    notebook = nbformat.read(TOUR, as_version=4)
    for cell in notebook.cells:
        cell.metadata.pop("mystnb", None)
        cell.source = cell.source.replace("    %pip", "    # %pip").replace("00_tour.ipynb", "tour.ipynb")
    nbformat.write(notebook, tmp_path / TOUR.name)
    found = " ".join(chapters.page_problems(tmp_path / TOUR.name, REPOSITORY))
    assert "alt text" in found and "set-up cell" in found and "no Colab link" in found


def test_no_two_figures_have_one_name() -> None:
    """Labels are global in the book: a second one is a warning there, which fails the build at its very end."""
    cells = [cell for path in [*NOTEBOOKS, *MORE_PAGES] for cell in nbformat.read(path, as_version=4).cells]
    figures = [cell.metadata["mystnb"]["figure"] for cell in cells if "figure" in cell.metadata.get("mystnb", {})]
    names = [figure["name"] for figure in figures if "name" in figure]
    assert len(names) > 30
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_a_page_without_the_skeleton_is_found_out(tmp_path: Path) -> None:
    notebook = nbformat.read(CHAPTERS[0], as_version=4)
    for index, cell in enumerate(notebook.cells):
        broken = nbformat.from_dict({**notebook, "cells": notebook.cells[:index] + notebook.cells[index + 1 :]})
        if cell.cell_type == "markdown" and cell.source.startswith(("# ", "## Summary", "## Exercises")):
            path = tmp_path / CHAPTERS[0].name
            nbformat.write(broken, path)
            assert chapters.skeleton_problems(path, REPOSITORY) != [], cell.source[:30]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("at scan.]", "at select.]", "station picture"),
        ("images/station-1.svg", "images/none.svg", "station picture"),
        ("    %pip", "    # %pip", "set-up cell"),
        ("<summary>Solution</summary>", "", "its solution"),
        ("workspace.begin(PROTOCOL)", "PROTOCOL", "versions, device and protocol"),
        ("blob/main/notebooks/01_dataset.ipynb", "blob/main/notebooks/02.ipynb", "Colab link"),
    ],
)
def test_a_page_with_a_wrong_piece_is_found_out(tmp_path: Path, old: str, new: str, problem: str) -> None:
    notebook = nbformat.read(CHAPTERS[1 if problem == "its solution" else 0], as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace(old, new)
    path = tmp_path / CHAPTERS[0].name
    nbformat.write(notebook, path)
    assert any(problem in one for one in chapters.skeleton_problems(path, REPOSITORY))


def test_too_few_exercises_levels_or_questions_are_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = nbformat.read(CHAPTERS[0], as_version=4)
    tagged = [cell for cell in notebook.cells if "exercise" in cell.metadata.get("tags", [])]
    for cell in tagged[3:]:
        cell.metadata["tags"] = []
    path = tmp_path / CHAPTERS[0].name
    nbformat.write(notebook, path)
    monkeypatch.setattr(chapters.questions, "load_questions", lambda chapter: ("one",))
    problems = " ".join(chapters.skeleton_problems(path, REPOSITORY))
    assert "3 exercises with a stub" in problems and "fewer than 2 questions" in problems


def test_a_figure_needs_alt_text_and_a_caption(tmp_path: Path) -> None:
    notebook = nbformat.read(CHAPTERS[0], as_version=4)
    for cell in notebook.cells:
        cell.metadata.pop("mystnb", None)
    path = tmp_path / CHAPTERS[0].name
    nbformat.write(notebook, path)
    problems = [one for one in chapters.skeleton_problems(path, REPOSITORY) if one.startswith("a figure")]
    assert {one.split(":")[0] for one in problems} == {"a figure without alt text", "a figure without a caption"}


def test_every_picture_that_a_page_shows_is_there_and_is_one() -> None:
    shown = re.compile(r"!\[[^\]]*\]\(([^)\s:]+)\)|\{figure\} (\S+)|<img [^>]*src=\"([^\":]+)\"")
    pages = [
        ROOT / "README.md",
        *(ROOT / "book").glob("[!_]*/*.md"),
        *(ROOT / "book").glob("*.md"),
        *NOTEBOOKS,
        *MORE_PAGES,
    ]
    pictures = set()
    for page in pages:
        is_notebook = page.suffix == ".ipynb"
        text = chapters.markdown_of(book.read_notebook(page)) if is_notebook else page.read_text(encoding="utf-8")
        pictures |= {(page.parent / "".join(names)).resolve() for names in shown.findall(text)}
    assert {ET.parse(picture).getroot().tag for picture in pictures} == {"{http://www.w3.org/2000/svg}svg"}
    assert pictures == set((ROOT / "notebooks" / "images").resolve().iterdir())


def test_links_into_the_book_folder_are_relative() -> None:
    for name in ("_config.yml", "_toc.yml", "notebooks"):
        link = ROOT / "book" / name
        assert link.is_symlink() and os.readlink(link) == f"../{name}"


def asked_for() -> set[str]:
    """What the project and its extras ask for, as it stands in pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    return {one for one in asked if not one.startswith("covidlib")}


def test_the_oldest_versions_are_the_lower_bounds() -> None:
    bounds = {
        f"{asked.name}=={bound.version}"
        for asked in map(Requirement, asked_for())
        for bound in asked.specifier
        if bound.operator == ">="
    }
    _, *lines = (ROOT / "constraints-oldest.txt").read_text(encoding="utf-8").splitlines()
    assert len(bounds) > 25 and sorted(lines) == sorted(bounds)


def test_conda_and_pip_ask_for_the_same_packages() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    conda = {one for one in environment["dependencies"] if isinstance(one, str)}
    (through_pip,) = (one["pip"] for one in environment["dependencies"] if isinstance(one, dict))
    assert "-e ." in through_pip
    conda -= {one for one in conda if one.startswith(("pip", "python"))}
    assert conda | set(through_pip) - {"-e ."} == asked_for()


# The built pages ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pages() -> Path:
    if not (PAGES / "index.html").is_file():
        if os.environ.get("COVIDLIB_REQUIRE_BOOK") == "1":
            pytest.fail("the book is not built: make book")
        pytest.skip("the book is not built: make book")
    return PAGES


class Page(HTMLParser):
    """What a page loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        source = attributes.get("href") if tag == "link" else attributes.get("src")
        is_reference_only = tag == "link" and attributes.get("rel") in {"canonical", "search", "next", "prev", "author"}
        if tag in {"script", "link", "img", "iframe", "source"} and source and not is_reference_only:
            self.loaded.append(source)


@pytest.mark.built_book
def test_every_page_exists(pages: Path) -> None:
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text())
    names = [contents["root"]] + [chapter["file"] for part in contents["parts"] for chapter in part["chapters"]]
    assert [name for name in names if not (pages / f"{name}.html").is_file()] == []


@pytest.mark.built_book
def test_no_page_shows_a_path_of_the_builder(pages: Path) -> None:
    shown = {path: path.read_text(encoding="utf-8") for path in pages.rglob("*.html") if path.parent.name != "reports"}
    assert len(shown) > 40
    assert [path.name for path, text in shown.items() if "PosixPath(" in text or str(ROOT) in text] == []


@pytest.mark.built_book
def test_pages_load_nothing_from_elsewhere(pages: Path) -> None:
    looked_at = 0
    for path in pages.rglob("*.html"):
        if path.parent.name in {"_static", "reports"}:
            continue
        page = Page(path.read_text(encoding="utf-8"))
        assert [source for source in page.loaded if re.match(r"(https?:)?//", source)] == [], path.name
        looked_at += len(page.loaded)
    assert looked_at > 200


@pytest.mark.built_book
@pytest.mark.parametrize("path", [*NOTEBOOKS, *MORE_PAGES], ids=lambda path: path.stem)
def test_no_log_line_or_traceback_on_a_page(pages: Path, path: Path) -> None:
    text = (pages / "notebooks" / f"{path.stem}.html").read_text(encoding="utf-8")
    for trouble in (
        "Traceback (most recent",
        "WARNING:tensorflow",
        "oneDNN custom operations",
        "UserWarning",
        "cudart_stub",
    ):
        assert trouble not in text, trouble
    assert "cell_output" in text
    assert "output stderr" not in text
