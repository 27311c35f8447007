"""The chapters as notebooks: clean in git, and running from top to bottom with their default parameters."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from booktools import notebooks
from support.made import MORE_PAGES, NOTEBOOKS, ROOT

from covidlib.phantom.cohort import make_cohort


@pytest.mark.parametrize("path", [*NOTEBOOKS, *MORE_PAGES], ids=lambda path: path.stem)
def test_only_checked_outputs_are_kept(path: Path) -> None:
    assert notebooks.output_problems(path) == []


@pytest.mark.parametrize("path", [*NOTEBOOKS, *MORE_PAGES], ids=lambda path: path.stem)
def test_something_in_the_chapter_is_checked(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    assert any(notebooks.is_checked(cell) and cell.outputs for cell in cells)


# nbval runs every chapter and compares what it keeps, and the book runs them all again: papermill runs the tour and the
# chapter of which the next test gives other data.
def test_the_tour_runs(tmp_path: Path) -> None:
    notebooks.run_notebook(NOTEBOOKS[0], tmp_path / "out.ipynb")
    assert_ran_well(tmp_path / "out.ipynb")


def test_a_chapter_runs_on_other_data(tmp_path: Path) -> None:
    cohort = make_cohort(tmp_path / "other", patients=2, seed=7, progress=False)
    executed = tmp_path / "out.ipynb"
    notebooks.run_notebook(ROOT / "notebooks" / "02_slice_selection.ipynb", executed, {"DATA": str(cohort)})
    assert_ran_well(executed)
    text = executed.read_text()
    assert "patient146" in text and "patient150" not in text


def assert_ran_well(executed: Path) -> None:
    """Every cell ran, logged nothing, and has a text for the pictures that it drew."""
    cells = nbformat.read(executed, as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code" and cell.source.strip()]
    assert len(code) > 5 and all(cell.execution_count for cell in code)
    drew = [cell for cell in code if any("image/png" in output.get("data", {}) for output in cell.outputs)]
    assert drew
    for cell in drew:
        assert len(cell.metadata["mystnb"]["image"]["alt"]) >= 20, cell.source
    for cell in code:
        logged = [output.text for output in cell.outputs if output.output_type == "stream" and output.name == "stderr"]
        assert logged == [], cell.source
