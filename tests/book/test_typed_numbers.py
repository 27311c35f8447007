"""booktools.typed_numbers: no number is typed by hand into the pages on results."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from booktools import typed_numbers
from support.made import MORE_PAGES, ROOT

from covidlib.patients import decision, threshold_sweep
from covidlib.results import metrics

PAGES = [
    *MORE_PAGES,
    *(path for number in ("05", "06", "08", "09") for path in sorted((ROOT / "notebooks").glob(f"{number}_*.ipynb"))),
    *sorted((ROOT / "book" / "documents").glob("*.md")),
]
"""Chapters on results and the documents; a chapter that is not written yet is held to it when it is."""


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_no_number_is_typed_by_hand(path: Path) -> None:
    assert typed_numbers.typed_in_page(path) == []


def test_chapters_and_documents_are_among_the_pages() -> None:
    assert {"05_image_results", "06_patient_diagnosis"} <= {path.stem for path in PAGES}


@pytest.mark.parametrize(
    "text",
    [
        "It finds 88 of 95 patients.",
        "A sensitivity of 94.96% is lower.",
        "Fold 1, 436 slices.",
        "Folds 1 and 2 hold 462 and 465.",
        "The threshold 0.37 is best.",
        "It was wrong in `108` slices, or $108$.",
        "¼ of them.",
        "⅔ of the rest.",
        "x₂ in the last.",
        "95% of the patients are found.",
        "p is 0.05.",
        "About 10⁴ slices, 10,000 in all.",
        "Table 436 of the appendix",
        "See [the 436 slices](05_image_results.ipynb).",
        "> **Time.** 5 minutes.\n\nThere were 12 patients.",
        "**1.** How often?\n\n<details><summary>Solution</summary>\n\n56 against 35.\n\n</details>",
        "**1.** With 56 errors?\n\n<details><summary>Solution</summary>\n\n56 against 35.\n\n</details>",
        "### 5.1 ●○○ Title\n\nOf 56?\n\n<details><summary>Solution</summary>\n\n56 against 35.\n\n</details>",
        "<b>436</b> slices",
        "```{admonition} Beware\n:class: warning\nOf 436 slices.\n```",
        ":::{note}\n436 slices\n:::",
    ],
)
def test_a_typed_number_is_found(text: str) -> None:
    assert typed_numbers.typed_numbers(text)


@pytest.mark.parametrize(
    "text",
    [
        "## 1. Four counts, many columns",
        "Tables 5, 6 and 9 and section 3.1 of the paper {footcite}`rahimzadeh2021`, chapters 05 and 06, fold 1.",
        "Wilson's 95% intervals; p is below 0.05. COVID-19, F1.",
        "`metrics.table9_columns(counts)[17]` and $p_1 = 0.5$ and\n```python\nx = 436\n```\nand more.",
        ":::{figure} x.png\n:width: 7\n:::\n",
        "Threshold 1, then threshold 2. Since July 2020 it is threshold 0.1.",
        "[chapter 05](05_image_results.ipynb), https://doi.org/10.1148/ryai.240300",
        "> **Time.** 75 minutes to read; a minute to run.",
        "**1.** With 40 slices?\n\n<details><summary>Solution</summary>\n\n40 times `p`.\n\n</details>",
        "### 5.1 ●○○ Title\n\nOf 40 slices?\n\n<details><summary>Solution</summary>\n\n40 times `p`.\n\n</details>",
        "---\nversion: 1\n---\nText.\n",
        "Guo et al. (2017) of all three networks over five folds: half of them twice.",
    ],
)
def test_names_with_numbers_in_them_are_allowed(text: str) -> None:
    assert typed_numbers.typed_numbers(text) == []


def test_the_thresholds_that_prose_may_name_are_those_of_the_code() -> None:
    assert threshold_sweep.MARKED_THRESHOLDS == (decision.THRESHOLD_1, decision.THRESHOLD_2, 0.3) == (0, 0.1, 0.3)
    assert metrics.DECISION == 0.5


def test_captions_and_descriptions_are_prose_and_code_is_not(tmp_path: Path) -> None:
    cell = nbformat.v4.new_code_cell("x = 436")
    markdown = nbformat.v4.new_markdown_cell("No number.")
    path = tmp_path / "page.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[markdown, cell]), path)
    assert typed_numbers.typed_in_page(path) == []
    for shown in ({"figure": {"caption": "436 slices"}}, {"image": {"alt": "9 lines"}}):
        cell.metadata["mystnb"] = shown
        nbformat.write(nbformat.v4.new_notebook(cells=[markdown, cell]), path)
        assert len(typed_numbers.typed_in_page(path)) == 1
    cell.metadata.clear()
    markdown.source = "436 slices"
    nbformat.write(nbformat.v4.new_notebook(cells=[markdown, cell]), path)
    assert "cell 0" in typed_numbers.typed_in_page(path)[0]


def test_a_task_and_its_solution_are_one_exercise_though_a_cell_stands_between_them(tmp_path: Path) -> None:
    solution = "<details><summary>Solution</summary>\n\n40 times `p`.\n\n</details>"
    texts = [f"Before.\n\n### 5.{at} ●○○ Title\n\nOf {40 + at} slices?" for at in range(2)]
    cells = [
        nbformat.v4.new_markdown_cell(texts[0]),
        nbformat.v4.new_code_cell("x = ..."),
        nbformat.v4.new_markdown_cell(f"{solution}\n\n{texts[1]}"),
        nbformat.v4.new_code_cell("x = ..."),
        nbformat.v4.new_markdown_cell(solution),
    ]
    path = tmp_path / "page.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    # The second solution repeats the first task's number, not its own.
    assert [problem.partition(":")[0] for problem in typed_numbers.typed_in_page(path)] == ["cell 4"]
