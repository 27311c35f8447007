"""booktools.glossary_links: the first use of a glossary term on a page is a link to it, and nothing else is."""

from __future__ import annotations

import re
from pathlib import Path
from unittest.mock import MagicMock, patch

import booktools
import pytest
from booktools.glossary_links import Finder
from sphinx.cmd.build import build_main
from support.made import ROOT

GLOSSARY = """# Words

A slice in the glossary is no link.

```{glossary}
slice
  One picture of a series.

slice thickness
  In millimetres.

PPV
  Positive predictive value.

convolutional body
  Two words.
```
"""

PAGE = """# A slice in a heading

```{{admonition}} A slice in a title
Text.
```

[A slice in a link](words.md), `slice` in code, $slice$ in a formula.

| slice in a table |
| --- |
| slice |

```{{figure}} picture.svg
A slice in a caption
```

{text}
"""


CONFIGURATION = """
extensions = ['myst_parser', 'booktools.glossary_links']
myst_enable_extensions = ['dollarmath']
html_theme = 'basic'
"""


def built(folder: Path, text: str, **pages: str) -> str:
    """The HTML of a page with this text, in a book of that page and a glossary which is read after it."""
    folder.mkdir(exist_ok=True)
    (folder / "conf.py").write_text(CONFIGURATION)
    (folder / "picture.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    sources = {"index": "# Book\n\n```{toctree}\na\nwords\n```\n", "words": GLOSSARY, "a": PAGE.format(text=text)}
    for name, source in {**sources, **pages}.items():
        path = folder / f"{name}.md"
        if not path.is_file() or path.read_text() != source:
            path.write_text(source)
    assert build_main(["-q", "-n", "-W", "-b", "html", str(folder), str(folder / "out")]) == 0
    return (folder / "out" / "a.html").read_text()


def links(page: str) -> list[tuple[str, str]]:
    """Label and shown text of the links into the glossary, in order."""
    return re.findall(r'href="words\.html#term-([\w-]+)"><span class="[^"]*glossary-link">([^<]*)<', page)


def test_the_first_use_in_running_text_is_a_link(tmp_path: Path) -> None:
    page = built(tmp_path / "book", "Thick *Slices*, one slice.\n\n- A slice and its PPV.\n")
    assert links(page) == [("slice", "Slices"), ("PPV", "PPV")]
    assert "glossary-link" not in (tmp_path / "book" / "out" / "words.html").read_text()


def test_the_longest_term_is_taken_and_its_second_use_is_not_cut_up(tmp_path: Path) -> None:
    page = built(tmp_path / "book", "The slice\nthickness. Slice thickness again, then slices.")
    assert links(page) == [("slice-thickness", "slice\nthickness"), ("slice", "slices")]


def test_a_term_that_the_page_links_itself_is_left_alone(tmp_path: Path) -> None:
    assert links(built(tmp_path / "book", "A slice, and {term}`its own link <slice>`.")) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Slice, slices, SLICE", ["Slice", "slices", "SLICE"]),
        ("sliced slice-wise per-slice a/slice slice_no slicer", []),
        ("ppv and PPVs, PPV's", ["PPVs", "PPV"]),
        ("convolutional bodies, convolutional\nbody", ["convolutional bodies", "convolutional\nbody"]),
        ("(slice) “slice”, slice.", ["slice", "slice", "slice"]),
    ],
)
def test_whole_words_plurals_and_capitals(text: str, found: list[str]) -> None:
    finder = Finder(["slice", "PPV", "convolutional body"])
    assert [match[0] for match in finder.words.finditer(text)] == found


def test_pages_are_written_again_when_the_glossary_changes(tmp_path: Path) -> None:
    folder = tmp_path / "book"
    assert links(built(folder, "A voxel and a slice.")) == [("slice", "slice")]
    more = GLOSSARY.replace("slice thickness\n", "voxel\n")
    assert links(built(folder, "A voxel and a slice.", words=more)) == [("voxel", "voxel"), ("slice", "slice")]
    fewer = more.replace("slice\n  One", "cut\n  One")
    assert links(built(folder, "A voxel and a slice.", words=fewer)) == [("voxel", "voxel")]


def test_the_book_uses_it() -> None:
    set_up: list[str] = []
    app = MagicMock(srcdir=ROOT, setup_extension=set_up.append)
    with patch.object(booktools, "_prepare_kernels"):
        booktools.setup(app)
    assert "booktools.glossary_links" in set_up


# The glossary itself ------------------------------------------------------------------------------------------------


def entries() -> list[tuple[list[str], str]]:
    (block,) = re.findall(r"^```\{glossary\}\n(.*?)^```", (ROOT / "book" / "glossary.md").read_text(), re.M | re.S)
    parts = [part.splitlines() for part in block.strip().split("\n\n")]
    return [
        ([line for line in part if line[0] != " "], " ".join(line.strip() for line in part if line[0] == " "))
        for part in parts
    ]


def test_the_glossary_is_in_alphabetical_order_and_names_a_term_once() -> None:
    first = [terms[0].lower() for terms, _ in entries()]
    assert first == sorted(first) and len(first) > 100
    every = [term.lower() for terms, _ in entries() for term in terms]
    assert len(every) == len(set(every))


def test_every_term_is_explained_in_a_few_plain_sentences() -> None:
    for terms, text in entries():
        assert text.endswith((".", "?")), terms
        assert 15 < len(text) < 300, terms
