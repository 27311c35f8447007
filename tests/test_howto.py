"""The how-to pages: what stands there as Python runs as it stands, but for the names of files."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
from conftest import OPEN, ROOT, write_series


def code_with(page: str, words: str) -> str:
    """The one block of Python on a page that holds some words."""
    text = (ROOT / "book" / "howto" / f"{page}.md").read_text(encoding="utf-8")
    (block,) = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if words in block]
    return block


def test_from_folders_to_a_data_frame(tmp_path: Path, untrained_weights: Path) -> None:
    for patient, dark_counts in (("first", [10, OPEN, OPEN, 40]), ("second", [20, OPEN, OPEN, OPEN])):
        write_series(tmp_path / "patients" / patient, dark_counts)
    code = code_with("own_data", "open_engine")
    assert len([line for line in code.splitlines() if line and not re.match("from|import", line)]) < 10
    names = {"best.weights.h5": untrained_weights, "PATIENTS": tmp_path / "patients"}
    for name, path in names.items():
        assert f'"{name}"' in code
        code = code.replace(f'"{name}"', repr(str(path)))
    found: dict[str, pd.DataFrame] = {}
    exec(code, found)
    table = found["table"]
    assert table["patient"].tolist() == ["first", "second"] and table["selected_slices"].tolist() == [2, 3]
    assert set(table["decision"]) <= {"infected", "normal", "undetermined"}


def test_selection_from_your_own_code(tmp_path: Path) -> None:
    write_series(tmp_path / "SR_2", [30, 2500, 3000, 40])
    code = code_with("own_data", "find_series").replace('"FOLDER"', repr(str(tmp_path)))
    found: dict[str, object] = {}
    exec(code, found)
    assert found["selection"].selected == ["IM00002.tif", "IM00003.tif"]  # type: ignore[attr-defined]
    assert found["pixels"].shape == (4, 512, 512)  # type: ignore[attr-defined]
