"""covidlib.utils.files: the whole file, the earlier one, or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from covidlib.utils.files import replacing, write_bytes, write_text


def test_a_block_that_fails_keeps_the_earlier_file(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    with replacing(path) as part:
        part.write_text("first")
        assert not path.exists() and part.parent == tmp_path and part.suffix == ".part"
    left_over = part
    left_over.write_text("of a killed process")
    with pytest.raises(KeyboardInterrupt), replacing(path) as part:
        assert part == left_over and not part.exists()
        part.write_text("sec")
        raise KeyboardInterrupt
    assert path.read_text() == "first" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileNotFoundError), replacing(path):
        pass  # nothing was written
    with replacing(path, ".weights.h5") as part:
        assert part.name.endswith(".weights.h5")
        part.write_text("third")
    assert path.read_text() == "third"


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_text(path, "first")
    write_text(path, "second \udcff µ")
    assert path.read_bytes() == "second ? µ".encode() and list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_leaves_everything_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError):
        write_bytes(tmp_path / "taken", b"content")
    path = tmp_path / "kept"
    write_bytes(path, b"earlier")

    def full(part: Path, content: bytes) -> None:
        with part.open("wb") as stream:
            stream.write(content[:2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        write_bytes(path, b"later")
    assert path.read_bytes() == b"earlier" and sorted(one.name for one in tmp_path.iterdir()) == ["kept", "taken"]
