"""covidlib.wholefiles: a text file is the old one or the new one, never half of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from covidlib.wholefiles import write_text


def test_a_file_is_written_as_it_is_given(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "1\n≥ 2\nno Unicode: \udcff\n")
    assert (tmp_path / "a.txt").read_bytes() == "1\n≥ 2\nno Unicode: ?\n".encode()
    assert list(tmp_path.iterdir()) == [tmp_path / "a.txt"]


def test_a_write_that_fails_leaves_the_earlier_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_text(tmp_path / "a.txt", "old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [tmp_path / "a.txt"]
