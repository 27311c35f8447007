"""The public lists as tables, and what is counted in them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest

from covidlib import errors
from covidlib.datasets import list_counts, public_files, published_lists
from covidlib.errors import InputError
from covidlib.paper import comparison

COMMIT = "0123456789012345678901234567890123456789"
NAMES = [
    ("137covid_patient1_SR_2_IM00010.tif", "covid"),
    ("157covid_patient3_SR_3_IM00011.tif", "covid"),
    ("normal1_patient146_SR_2_IM00012.tif", "normal"),
    ("normalcd3_patient146_SR_2_IM00012.tif", "normal"),
    ("cdunnormal_patient147_SR_2_IM00013.tif", "normal"),
]


def rows(names: list[tuple[str, str]]) -> str:
    return "filename,class\n" + "".join(f"{name},{label}\n" for name, label in names)


def small_lists() -> dict[str, str]:
    """Five images of four patients, two of them one slice under two names; every fold trains on the first and third."""
    prefix = {"authors": f"{published_lists.AUTHORS}/{COMMIT}", "lists": f"{published_lists.LISTS}/{COMMIT}"}
    digests = ["aa", "bb", "cc", "cc", "dd"]
    contents = {
        f"{prefix['authors']}/all.csv": rows(NAMES).replace("\n", "\r\n"),
        f"{prefix['lists']}/checksums.csv": "file,checksum\r"
        + "".join(f"{name},{digest}\r" for (name, _), digest in zip(NAMES, digests, strict=True)),
        f"{prefix['authors']}/Patient_details.csv": (
            "Patient ID,SEX,AGE,Date,COVID-19 Infection,SR_2 Folder thickness(mm)\n"
            "patient1,F,053Y,20200407,Positive,6\npatient3,M,040Y,20200418,Positive,6\n"
            "patient146,M,031Y,20200328,Negative,6\npatient147,F,009Y,20200324,Negative,6\n"
        ),
        f"{prefix['authors']}/Patients_metadata.csv": metadata(),
    }
    for fold in published_lists.FOLDS:
        contents[f"{prefix['lists']}/csv/train{fold}.csv"] = rows([NAMES[0], NAMES[2], NAMES[3]])
        contents[f"{prefix['lists']}/csv/validation{fold}.csv"] = rows([NAMES[1]])
        contents[f"{prefix['lists']}/csv/test{fold}.csv"] = rows([NAMES[1], NAMES[4]])
    return contents


def metadata() -> str:
    """patient1 has three series, two thicknesses and three kernels; patient3 has one series, patient147 none."""
    values = {
        ("patient1", "SR_2"): ("B70s", 6.0, 4095),
        ("patient1", "SR_3"): ("B30s", 1.5, 3000),
        ("patient1", "SR_4"): ("B90s", 1.5, 3000),
        ("patient3", "SR_3"): ("B31s", 6.0, 2000),
        ("patient146", "SR_2"): ("B70s", 6.0, 4095),
    }
    wide = pd.DataFrame(index=pd.Index(["patient1", "patient3", "patient146", "patient147"], name="Patient ID"))
    for series in published_lists.SERIES:
        for attribute in published_lists.METADATA:
            wide[f"{series} {attribute}"] = pd.Series(dtype=object)
    for (patient, series), (kernel, thickness, largest) in values.items():
        given = {"ConvolutionKernel": kernel, "SliceThickness": thickness, "LargestImagePixelValue": largest}
        for attribute in published_lists.METADATA:
            wide.loc[patient, f"{series} {attribute}"] = given.get(attribute, 512)
    return wide.to_csv()


@pytest.fixture
def small_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    contents = {name: text.encode() for name, text in small_lists().items()}
    for name, content in contents.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    monkeypatch.setattr(public_files, "known_files", lambda: digests)
    monkeypatch.setattr(published_lists, "known_files", lambda: digests)
    monkeypatch.setenv("COVIDLIB_MIRROR", str(tmp_path))
    return tmp_path


def test_the_lists_become_tables(small_mirror: Path) -> None:
    images = published_lists.image_list()
    assert list(images.columns) == ["filename", "label", "patient", "series", "number"]
    assert images.iloc[1].tolist() == ["157covid_patient3_SR_3_IM00011.tif", "covid", "patient3", "SR_3", 11]
    folds = published_lists.fold_lists()
    assert set(folds["side"]) == set(published_lists.SIDES) and set(folds["fold"]) == set(published_lists.FOLDS)
    assert len(folds[(folds["fold"] == 3) & (folds["side"] == "train")]) == 3
    assert published_lists.checksums()["blake2b"].tolist() == ["aa", "bb", "cc", "cc", "dd"]
    details = published_lists.patient_details()
    assert details["age"].tolist() == [53, 40, 31, 9] and details["date"].dt.month.tolist() == [4, 4, 3, 3]
    series = published_lists.series_metadata()
    assert len(series) == 5 and series["thickness"].tolist() == [6, 6, 1.5, 6, 1.5]
    assert published_lists.commits() == {published_lists.AUTHORS: COMMIT, published_lists.LISTS: COMMIT}


def test_what_is_counted_in_small_lists(small_mirror: Path) -> None:
    counted = json.loads(json.dumps(published_lists.aggregates()))
    images, duplicates = counted["images"], counted["duplicates"]
    assert (images["total"], images["covid"], images["normal"]) == (5, 2, 3)
    assert images["share_outside_SR_2"] == {"covid": 0.5, "normal": 0}
    assert (duplicates["unique"], duplicates["pairs"], duplicates["groups_across_patients"]) == (4, 1, 0)
    assert (duplicates["names_listed_twice"], duplicates["groups_across_train_and_test"]) == (1, 0)
    fold1 = {line["quantity"]: line for line in counted["table2"] if line["fold"] == 1}
    assert fold1["train Normal images"]["found"] == 2 and fold1["train Normal patients"]["found"] == 1
    assert not fold1["test COVID-19 images"]["agrees"] and fold1["test COVID-19 images"]["printed"] == 462
    assert counted["splits"][0]["validation_images_in_test"] == 1
    assert counted["patients"]["covid"]["age_mean"] == 46.5
    assert counted["patients"]["covid"]["sexes"] == {"F": 1, "M": 1}
    assert counted["patients"]["normal"]["ages"] == {"0": 1, "30": 1}
    assert counted["patients"]["normal"]["months"] == {"2020-03": 2}
    assert counted["series"]["patients_by_thicknesses"] == {"1": 2, "2": 1}
    assert counted["series"]["patients_by_series"] == {"1": 2, "3": 1}
    assert counted["tested"] == {"covid": {"5": 1}, "normal": {"5": 1}}
    assert counted["dates"] == {"first": "2020-03-24", "last": "2020-04-18"}
    assert counted["values"]["bits_allocated"] == {"512": 5}
    assert counted["acquisition"]["kernel"]["images"] == {"covid": {"B31s": 1, "B70s": 1}, "normal": {"B70s": 2}}
    assert counted["acquisition"]["kernel"]["series"]["covid"] == {"B30s": 1, "B31s": 1, "B70s": 1, "B90s": 1}
    shortcut = counted["shortcut"]
    assert (shortcut["covid_images_alone"], shortcut["share_of_covid_images"]) == (1, 0.5)
    assert shortcut["images_without_metadata"] == 1
    assert counted["values"]["largest"] == 4095 and counted["values"]["series_at_largest"] == 2


def test_duplicates_across_patients_classes_and_sides_are_counted(small_mirror: Path) -> None:
    images = published_lists.image_list().merge(published_lists.checksums(), on="filename")
    images.loc[images["patient"] == "patient3", "blake2b"] = "aa"
    crossing = list_counts.count_duplicates(images, published_lists.fold_lists())
    assert (crossing["groups"], crossing["groups_across_patients"], crossing["groups_across_classes"]) == (2, 1, 0)
    assert crossing["groups_across_train_and_test"] == 5
    images.loc[images["patient"] == "patient147", "blake2b"] = "aa"
    worse = list_counts.count_duplicates(images, published_lists.fold_lists())
    assert (worse["groups_across_classes"], worse["pairs"], worse["largest_group"]) == (1, 4, 3)


def test_a_pair_of_kernel_and_thickness_is_shared_only_as_a_pair() -> None:
    scanned = pd.DataFrame(
        [("p1", "covid", "B30s", 6.0), ("p1", "covid", "B30s", 1.5), ("p1", "covid", "B70s", 1.5)]
        + [("p2", "normal", "B30s", 1.5), ("p2", "normal", "B70s", 6.0)]
        + [("p1", "covid", None, None), ("p3", "covid", None, None), ("p3", "covid", None, None)],
        columns=["patient", "label", "kernel", "thickness"],
    )
    counted = list_counts.count_unshared_pairs(scanned)
    assert (counted["covid_images"], counted["covid_images_alone"], counted["images_without_metadata"]) == (3, 2, 3)
    # Of one infected patient an image lacks it, of another all do.
    assert counted["patients_lacking_metadata"] == {"covid": 2, "normal": 0}
    assert counted["patients_without_metadata"] == {"covid": 1, "normal": 0}


def test_a_list_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "train1.csv"
    path.write_text("name,label\na,b\n")
    with pytest.raises(InputError, match="the columns filename and class are missing"):
        published_lists.read_list(path)
    path.write_text("filename,class\nscan7.tif,covid\n")
    with pytest.raises(InputError, match="scan7.tif in this list contains no patient"):
        published_lists.read_list(path)
    for text, words in (
        ("", "is empty"),
        ("filename,class\n", "lists no image"),
        ("filename;class\ncovid_patient1_SR_2_IM00010.tif;covid\n", "its columns are separated by semicolons"),
        ("filename,class\ncovid_patient1_SR_2_IM00010.tif,COVID\n", "row 1 has the class 'COVID'. Write covid"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=f"train1.csv: {words}"):
            published_lists.read_list(path)


def test_a_list_of_a_spreadsheet_on_windows_is_read(tmp_path: Path) -> None:
    path = tmp_path / "train1.csv"
    path.write_bytes(b"\xef\xbb\xbffilename,class\r\ncovid1\\patient1\\SR_2\\IM00010.tif,covid \r\n")
    listed = published_lists.read_list(path)
    assert listed.to_dict("records") == [
        {"filename": "covid1/patient1/SR_2/IM00010.tif", "label": "covid", "patient": "patient1", "series": "SR_2",
         "number": 10}
    ]  # fmt: skip


def test_offline_the_stored_aggregates_are_used_and_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COVIDLIB_MIRROR", str(tmp_path))
    for read in (
        published_lists.image_list,
        published_lists.fold_lists,
        published_lists.checksums,
        published_lists.patient_details,
    ):
        with pytest.raises(errors.Unavailable):
            read()
    with pytest.raises(errors.Unavailable):
        published_lists.series_metadata()
    counted, note = published_lists.aggregates_or_stored()
    assert counted == published_lists.stored_aggregates()
    assert str(counted["date"]) in note and "stored" in note


def test_the_stored_aggregates_name_no_patient_and_no_image() -> None:
    text = json.dumps(published_lists.stored_aggregates())
    assert "patient1" not in text and ".tif" not in text and "_SR_" not in text.replace("outside_SR_2", "")


def test_table_1_and_table_4_disagree_by_one_image() -> None:
    line = comparison.table1_against_table4()
    assert (line["printed"], line["found"], line["agrees"]) == (15589, 15590, False)


def test_the_stored_aggregates_are_those_of_the_published_lists(mirror: Path) -> None:
    stored = published_lists.stored_aggregates()
    counted, note = published_lists.aggregates_or_stored()
    assert note.startswith("Counted just now")
    assert {name: value for name, value in stored.items() if name != "date"} == counted
    assert json.loads(json.dumps(counted)) == counted


def test_what_the_published_lists_show(mirror: Path) -> None:
    counted = json.loads(json.dumps(published_lists.aggregates()))
    assert [counted["images"][name] for name in ("total", "covid", "normal")] == [12058, 2282, 9776]
    assert (counted["duplicates"]["unique"], counted["duplicates"]["pairs"]) == (9931, 2127)
    wrong = [line for line in counted["table2"] if not line["agrees"]]
    assert [(line["fold"], line["quantity"], line["printed"], line["found"]) for line in wrong] == [
        (5, "train Normal images", 1921, 1991)
    ]
    assert all(line["validation_images_in_test"] == line["validation_images"] for line in counted["splits"])
