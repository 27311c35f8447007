"""covidlib.pitfalls.labelled_series: labels, patients, kernels and slices of a folder, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from support.drawn_chests import chest, write_chests
from support.made import OPEN, body_slice, write_series

from covidlib.errors import InputError
from covidlib.pitfalls.labelled_series import evenly, labelled_slices
from covidlib.scans.tiff import write_slice


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four patients with five slices each in COVID-CTset's layout, in a flat and a nested folder."""
    root = tmp_path_factory.mktemp("cohort")
    rows = []
    for number, label in ((1, "covid"), (2, "covid"), (146, "normal"), (147, "normal")):
        folder = write_series(root / f"{label}1" / f"patient{number}" / "SR_2", [30, OPEN, OPEN + 9, OPEN, 40], number)
        for place in range(1, 6):
            own = "unlabelled" if (number, place) == (1, 3) else label
            rows.append(((folder / f"IM{place:05d}.tif").relative_to(root).as_posix(), own))
    pd.DataFrame(rows, columns=["path", "label"]).to_csv(root / "slices.csv", index=False)
    settings = [("patient1", "sharp", "2.0"), ("patient2", "smooth", "6.0"), ("patient146", "sharp", "")]
    pd.DataFrame(settings, columns=["patient", "kernel", "thickness_mm"]).to_csv(root / "patients.csv", index=False)
    return root


def write_labels(path: Path, *rows: str, head: str = "path,label") -> Path:
    path.write_text("\n".join([head, *rows, ""]))
    return path


def test_a_cohort_says_who_is_who_and_how_they_were_scanned(cohort: Path) -> None:
    found = labelled_slices(cohort)
    table = found.table
    # The rule leaves the closed slices out, and the slice without a label is not used.
    assert table["patient"].value_counts().to_dict() == {"patient1": 2, "patient2": 3, "patient146": 3, "patient147": 3}
    assert found.remarks == ("1 selected slices without a label were left out",)
    first = table.drop_duplicates("patient").set_index("patient")
    assert first["kernel"].to_dict() == {
        "patient1": "sharp",
        "patient2": "smooth",
        "patient146": "sharp",
        "patient147": "",
    }
    assert first["thickness_mm"].fillna(0).tolist() == [2, 6, 0, 0]
    assert first["patient_label"].tolist() == ["covid", "covid", "normal", "normal"]
    pixels = found.read(cohort / table["path"].iloc[0])
    assert pixels.dtype == np.uint16 and pixels.shape == (512, 512)
    few = labelled_slices(cohort, most=1)
    assert len(few.table) == 4 and "4 of 11 labelled slices were used, at most 1 per patient" in few.remarks


def test_a_table_of_labels_names_files_or_folders(cohort: Path, tmp_path: Path) -> None:
    labels = write_labels(
        tmp_path / "labels.csv",
        "covid1,covid,A,B70s,1.5",
        "covid1\\patient1\\SR_2\\IM00003.tif,covid,A,,",
        "./normal1/patient146,normal,B,,5",
        "normal1/patient147/SR_2/IM00001.tif,normal,C,,",
        head="path,label,patient,kernel,thickness_mm",
    )
    table = labelled_slices(cohort, labels, most=9).table
    # The nearest row counts; the whole series without a selection, where the table names one of its slices.
    assert table["patient"].value_counts().to_dict() == {"A": 8, "B": 3, "C": 1}
    a = table[table["patient"] == "A"].set_index("path")
    assert a.loc["covid1/patient2/SR_2/IM00002.tif", "kernel"] == "B70s" and a["thickness_mm"].max() == 1.5
    assert a.loc["covid1/patient1/SR_2/IM00003.tif", "kernel"] == ""
    b = table[table["patient"] == "B"]
    assert (b["kernel"] == "").all() and (b["thickness_mm"] == 5).all()
    # Without a column for patients, every path is one.
    alone = write_labels(tmp_path / "alone.csv", "covid1,covid", "normal1/patient146,normal")
    assert set(labelled_slices(cohort, alone).table["patient"]) == {"covid1", "normal1/patient146"}


@pytest.mark.parametrize(
    ("rows", "head", "words"),
    [
        (["covid1,ill"], "path,label", "row 1 has the label 'ill'. Write one of covid, normal, unlabelled"),
        (["covid1,covid", "covid9,normal"], "path,label", "row 2 names 'covid9', which is not below"),
        (["/tmp,covid"], "path,label", "row 1 names '/tmp', which is not below"),
        (["covid1,covid", "./covid1,normal"], "path,label", "row 2 names covid1 a second time"),
        (["covid1,covid,two"], "path,label,thickness_mm", "row 1 has the thickness_mm 'two', expected millimetres"),
        (["covid1,covid,-2"], "path,label,thickness_mm", "row 1 has the thickness_mm '-2'"),
        (["covid1,covid"], "file,label", "the column path is missing"),
        (["covid1,covid,A", "normal1,normal,A"], "path,label,patient", "has slices of A that are covid, and others"),
        (["covid1,unlabelled"], "path,label", "selected slices has the label covid or normal"),
    ],
)
def test_a_wrong_table_is_refused(cohort: Path, tmp_path: Path, rows: list[str], head: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        labelled_slices(cohort, write_labels(tmp_path / "labels.csv", *rows, head=head))


def test_folders_without_labels_are_refused(tmp_path: Path) -> None:
    write_series(tmp_path / "somebody", [30, OPEN, OPEN])
    with pytest.raises(InputError, match="its name contains no patient and class. Give a table"):
        labelled_slices(tmp_path)
    with pytest.raises(InputError, match="slices=0: is below 1"):
        labelled_slices(tmp_path, most=0)
    with pytest.raises(InputError, match="there is no such folder"):
        labelled_slices(tmp_path / "nowhere")


def test_series_pass_the_gate(cohort: Path, tmp_path: Path) -> None:
    write_series(tmp_path / "good" / "SR_2", [30, OPEN, OPEN])
    other = tmp_path / "other" / "SR_2"
    other.mkdir(parents=True)
    for number, dark in enumerate([30, OPEN, OPEN], start=1):
        values = body_slice(dark, number).astype(np.int16) - 1024
        tifffile.imwrite(other / f"IM{number:05d}.tif", values)
    small = tmp_path / "small" / "SR_2"
    small.mkdir(parents=True)
    for number in range(1, 4):
        write_slice(small / f"IM{number:05d}.tif", chest(False, "smooth", number))
    labels = write_labels(tmp_path / "labels.csv", "good,covid", "other,normal", "small,normal")
    found = labelled_slices(tmp_path, labels)
    assert set(found.table["patient"]) == {"good"}
    refused = {
        Path(finding.where).relative_to(tmp_path).parts[0]: finding.code
        for finding in found.findings
        if finding.severity == "refused"
    }
    assert set(refused) == {"other", "small"} and refused["small"] == "other-size"


def test_values_are_converted_where_that_was_asked(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "SR_2"
    folder.mkdir(parents=True)
    for number, dark in enumerate([30, OPEN, OPEN], start=1):
        values = (body_slice(dark, number).astype(np.int32) + 31744).astype(np.uint16)
        tifffile.imwrite(folder / f"IM{number:05d}.tif", values)
    labels = write_labels(tmp_path / "labels.csv", "a,covid")
    with pytest.raises(InputError):
        labelled_slices(tmp_path, labels)
    found = labelled_slices(tmp_path, labels, rescale=True)
    path = tmp_path / found.table["path"].iloc[0]
    assert np.array_equal(found.read(path), body_slice(OPEN, int(path.stem[-1])))


def test_slices_are_spaced_evenly_over_a_patient() -> None:
    table = pd.DataFrame(
        {"patient": ["a"] * 9 + ["b"] * 2, "path": [*map(str, range(9)), "x", "y"]}, index=range(5, 16)
    )
    chosen = evenly(table, 3)
    assert chosen["path"].tolist() == ["0", "4", "8", "x", "y"]
    assert evenly(table, 1)["path"].tolist() == ["0", "x"]


def test_a_small_cohort_of_drawn_chests_is_one(tmp_path: Path) -> None:
    root = write_chests(tmp_path / "cohort", 4, lambda place, covid: "sharp" if covid else "smooth", side=512)
    table = labelled_slices(root).table
    assert table.groupby("label")["kernel"].unique().map(list).to_dict() == {"covid": ["sharp"], "normal": ["smooth"]}
