"""covidlib.utils.csv_files: what is read from a spreadsheet's CSV, and what is refused in which words."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from covidlib.errors import InputError
from covidlib.utils.csv_files import OtherTable, check_words, read_table

TEXT = "path,label\na.tif,covid\nbö.tif,normal\n"
ROWS = [{"path": "a.tif", "label": "covid"}, {"path": "bö.tif", "label": "normal"}]


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
        TEXT.replace(",", " , ").encode(),
        b"\n" + TEXT.replace("\n", "\n\n").rstrip().encode() + b"\n,\n",
        TEXT.replace("a.tif", '"a.tif"').encode(),
    ],
    ids=["plain", "byte order mark", "Windows", "old Macintosh", "blanks", "empty lines", "quoted"],
)
def test_what_has_one_meaning_is_read(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(content)
    assert read_table(path, "Correct it", ("path", "label")).to_dict("records") == ROWS


def test_values_stay_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("a,b,c\n007,NA,\n")
    assert read_table(path, "").to_dict("records") == [{"a": "007", "b": "NA", "c": ""}]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (TEXT.replace(",", ";").encode(), "its columns are separated by semicolons. Save it with commas"),
        (TEXT.replace(",", "\t").encode(), "its columns are separated by tabs. Save it with commas"),
        (TEXT.encode("utf-16"), "is UTF-16 or no text, expected UTF-8. Save it as CSV in UTF-8"),
        (TEXT.encode("utf-16-be"), "is UTF-16 or no text"),
        (TEXT.encode("latin-1"), "byte 0xf6 in line 3 is not UTF-8: .* perhaps Latin-1. Save it as CSV in UTF-8"),
        (b"", "is empty. Correct it"),
        (b"\n,\n", "is empty"),
        (b"<!DOCTYPE html><html>", "is a web page"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", "is an Excel workbook. Save it as CSV"),
        (b"path,label\na,covid,x\n", "row 1 has 3 cells, expected 2"),
        (b"path,path\na,covid\n", "two columns have the same name"),
        (b'path,label\n"a,covid\n', "cannot be read as CSV"),
        (b"path,class\na,covid\n", "the column label is missing. Correct it"),
        (b"name\na\n", "the columns path and label are missing"),
    ],
)
def test_anything_else_is_refused_by_name(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"list.csv: {words}") as raised:
        read_table(path, "Correct it", ("path", "label"))
    assert isinstance(raised.value, OtherTable) == ("missing" in words)


def test_a_workbook_a_folder_and_nothing_are_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "book.csv", "w") as book:
        book.writestr("xl/workbook.xml", "")
    for name, words in (
        ("book.csv", "is a zip file, as Excel workbooks are"),
        ("", "is a folder, not a file"),
        ("no", "no such file"),
    ):
        with pytest.raises(InputError, match=words):
            read_table(tmp_path / name, "Correct it")


@pytest.mark.parametrize(
    ("word", "remedy"),
    [
        ("COVID", "Write covid"),
        ("Covid-19", "Write covid"),
        ("NORMAL", "Write normal"),
        ("sick", "Write one of covid, normal"),
        ("", "Write one of covid, normal"),
    ],
)
def test_another_word_is_named_with_its_row_and_the_word_to_write(tmp_path: Path, word: str, remedy: str) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"name,class\na,normal \nb,{word}\n")
    with pytest.raises(InputError, match=f"list.csv: row 2 has the class '{word}'. {remedy}"):
        check_words(path, read_table(path, ""), "class", ("covid", "normal"))
