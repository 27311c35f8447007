"""covidlib.audit.printed_tables: the nine tables, from the package or from a folder that may be wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest

from covidlib.audit.printed_tables import paper_tables, read_tables
from covidlib.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    target = tmp_path / "tables"
    shutil.copytree(str(files("covidlib") / "data" / "paper"), target)
    return target


def change(path: Path, edit: Callable[[str], str]) -> None:
    before = path.read_text(encoding="utf-8")
    after = edit(before)
    assert after != before
    path.write_text(after, encoding="utf-8")


def test_cells_know_where_they_stand() -> None:
    tables = paper_tables()
    cell = tables.cell(9, "1 Xception", "COVID sensitivity")
    assert (cell.where, cell.id) == (
        "Table 9, fold 1, Xception: COVID sensitivity",
        "t9/1-xception/covid-sensitivity",
    )
    assert cell.text == "0.987" and tables.places(9, "COVID sensitivity") == 4
    assert tables.cell(9, "Avg Xception", "Wrong classified images").where.startswith("Table 9, average, Xception")
    assert tables.cell(2, "Fold3", "train Normal images").where == "Table 2, fold 3: train Normal images"
    assert tables.cell(1, "Number", "Normal images").where == "Table 1: Normal images"
    assert tables.value(8, "Our Model", "Inference time per image") * 10 == 661
    assert tables.value(4, "Fold1", "Number of images belonging to normal persons") == 40_094


def test_the_package_own_tables_can_be_read_from_a_folder(folder: Path) -> None:
    own = paper_tables()
    assert [cell.text for cell in read_tables(folder).all()] == [cell.text for cell in own.all()]


def test_order_quotes_and_line_ends_do_not_matter(folder: Path) -> None:
    path = folder / "table2.csv"
    head, *rows = path.read_text(encoding="utf-8").splitlines()
    path.write_bytes(("\ufeff" + "\r\n".join([head, *reversed(rows), ""])).encode())
    change(folder / "table4.csv", lambda text: text.replace('"40,094"', "40094"))
    assert read_tables(folder).value(2, "Fold5", "test Normal images") == 7785
    assert read_tables(folder).value(4, "Fold1", "Number of images belonging to normal persons") == 40_094


@pytest.mark.parametrize(
    ("table", "old", "new", "named"),
    [
        (2, "7883", "78x3", "row Fold3, column test Normal images contains '78x3', expected a number"),
        (2, "7883", "", "row Fold3, column test Normal images is empty"),
        (2, "7883", "7883,1", "row 3 has 10 cells, expected 9"),
        (2, "Fold3", "Fold2", "two rows are named Fold2"),
        (2, "Fold3", "Fold6", "missing row Fold3"),
        (2, "train Normal images", "train normal images", "missing column train Normal images"),
        (2, "Fold,", "Folds,", "the first columns are Folds, expected Fold"),
        (9, "Fold,Network", "Network,Fold", "the first columns are Network, Fold, expected Fold, Network"),
        (2, "Fold5,73", "Fold5,0", "row Fold5, column train COVID-19 patients contains 0, expected a larger number"),
        (6, "1,Our model,248", "1,Our model,-248", "contains '-248'"),
        (7, "2.3039", "2.3039 s", "contains '2.3039 s', expected a number"),
        (1, '"15,589"', "0", "column COVID-19 images contains 0, expected a larger number"),
        (8, "65.4 ms", "65.4", "contains '65.4', expected a number and the unit ms"),
        (8, "65.4 ms", "0 ms", "Inference time per image contains 0, expected a larger number"),
        (9, "0.8417", "NaN", "column COVID precision contains 'NaN'"),
        (9, "\n1,Our", "\n\n1,Own\n1,Our", "row 1 has 2 cells"),
    ],
)
def test_what_does_not_fit_is_named(folder: Path, table: int, old: str, new: str, named: str) -> None:
    path = folder / f"table{table}.csv"
    change(path, lambda text: text.replace(old, new, 1))
    with pytest.raises(InputError) as raised:
        read_tables(folder)
    assert named in str(raised.value) and raised.value.where == path


def test_an_additional_row_or_column_is_named(folder: Path) -> None:
    change(folder / "table7.csv", lambda text: text.rstrip() + "\n500,30.1\n")
    with pytest.raises(InputError, match="unknown row 'row 9'"):
        read_tables(folder)


def test_missing_and_unreadable_files_are_named(folder: Path) -> None:
    (folder / "table6.csv").write_bytes(b"Fold,Network\n\xff\xfe\n")
    with pytest.raises(InputError, match="table6.csv: byte 0xff in line 2 is not UTF-8"):
        read_tables(folder)
    (folder / "table6.csv").write_text("")
    with pytest.raises(InputError, match="table6.csv: is empty"):
        read_tables(folder)
    (folder / "table6.csv").unlink()
    with pytest.raises(InputError, match="table6.csv: there is no such file"):
        read_tables(folder)
    with pytest.raises(InputError, match="nowhere: there is no such folder"):
        read_tables(folder / "nowhere")
    with pytest.raises(InputError, match="table1.csv: is a file, not a folder"):
        read_tables(folder / "table1.csv")
