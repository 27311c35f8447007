"""covidlib.utils.files: a path of the wanted kind; the whole file, the earlier one, or none."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path

import pytest

from covidlib.errors import InputError
from covidlib.utils.files import (
    check_file,
    check_folder,
    check_new_folder,
    check_output,
    check_place,
    replacing,
    write_bytes,
    write_text,
)


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


def test_a_file_for_a_folder_and_the_reverse_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    (tmp_path / "empty").mkdir()
    (tmp_path / "full" / "inner").mkdir(parents=True)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    file, folder, no_folder, no_file = (
        "file: is a file, not",
        "is a folder, not a file",
        "no such folder",
        "no such file",
    )
    for check, name, words in (
        (check_folder, "file", file),
        (check_folder, "none", no_folder),
        (check_folder, "file/below", no_folder),
        (check_folder, "empty", ""),
        (check_file, "full", folder),
        (check_file, "none", no_file),
        (check_file, "dangling", no_file),
        (check_file, "file", ""),
        (check_place, "full", ""),
        (check_place, "none/below", ""),
        (check_new_folder, "file", file),
        (check_new_folder, "file/below", file),
        (check_new_folder, "dangling", "dangling: is a file, not"),
        (check_new_folder, "full", "not an empty folder"),
        (check_new_folder, "empty", ""),
        (check_new_folder, "none/below", ""),
        (check_output, "full", folder),
        (check_output, "none/out.json", no_folder),
        (check_output, "file/out.json", file),
        (check_output, "file", ""),
        (check_output, "none", ""),
    ):
        with pytest.raises(InputError, match=f"{words}.*Choose") if words else nullcontext():
            check(tmp_path / name, "Choose another")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_said(tmp_path: Path) -> None:
    for name, check in (("folder", check_folder), ("file", check_file)):
        path = tmp_path / name
        path.mkdir() if name == "folder" else path.write_text("text")
        path.chmod(0)
        with pytest.raises(InputError, match="Grant read permission"):
            check(path, "Choose another")
        path.chmod(0o700)
