"""covidlib.training.folds and covidlib.datasets.slice_table: whose slice it is, and on which side of a split."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from sklearn.model_selection import train_test_split
from support.made import body_slice, write_series

from covidlib.datasets.slice_table import fingerprint, load_dataset, load_table, patients_of, with_content
from covidlib.errors import InputError
from covidlib.scans.tiff import write_slice
from covidlib.training.folds import patient_folds, published_split, slice_key, split_patients
from covidlib.training.leak_check import check_no_leak, leaks


def people(covid: int, normal: int) -> pd.DataFrame:
    labels = ["covid"] * covid + ["normal"] * normal
    return pd.DataFrame({"patient": [f"patient{i}" for i in range(covid + normal)], "label": labels})


def test_every_patient_is_tested_once_and_classes_are_spread() -> None:
    folded = patient_folds(people(12, 23))
    assert sorted(folded["fold"].unique()) == [1, 2, 3, 4, 5]
    by_fold = folded.groupby(["fold", "label"]).size().unstack()
    assert by_fold["covid"].between(2, 3).all() and by_fold["normal"].between(4, 5).all()
    assert patient_folds(people(12, 23)).equals(folded)
    assert not patient_folds(people(12, 23), seed=1)["fold"].equals(folded["fold"])


def test_a_split_covers_all_patients_once() -> None:
    folded = patient_folds(people(10, 10))
    for fold in range(1, 6):
        split = split_patients(folded, fold)
        assert sorted(sum(split.values(), [])) == sorted(folded["patient"])
        assert set(split["test"]) == set(folded.loc[folded["fold"] == fold, "patient"])
        labels = folded.set_index("patient")["label"]
        assert all(labels[side].nunique() == 2 for side in split.values())


def test_a_fifth_of_the_training_side_validates_in_either_class() -> None:
    folded = patient_folds(people(50, 100))
    for fold in range(1, 6):
        split = split_patients(folded, fold)
        labels = folded.set_index("patient")["label"]
        # 150 patients, of which 30 are tested; a fifth of 120 is 24, a third of these infected.
        assert {name: labels[names].value_counts().to_dict() for name, names in split.items()} == {
            "train": {"normal": 64, "covid": 32},
            "validation": {"normal": 16, "covid": 8},
            "test": {"normal": 20, "covid": 10},
        }


def test_folds_and_splits_of_the_default_seed_stay_the_same() -> None:
    folded = patient_folds(people(10, 20))
    assert patient_folds(people(10, 20), folds=5, seed=2020).equals(folded)
    for fold in range(1, 6):
        rest = folded[folded["fold"] != fold].reset_index(drop=True)
        _, drawn = train_test_split(rest, test_size=0.2, stratify=rest["label"], random_state=2020 + fold)
        validation = split_patients(folded, fold)["validation"]
        assert sorted(validation) == sorted(drawn["patient"])
        assert split_patients(folded, fold, seed=2020)["validation"] == validation
        assert split_patients(folded, fold, seed=7)["validation"] != validation


def side(*patients: str, content: str = "") -> pd.DataFrame:
    paths = [f"{patient}/IM1.tif" for patient in patients]
    return pd.DataFrame({"path": paths, "patient": patients, "content": [content + patient for patient in patients]})


def test_a_leak_is_refused_unless_allowed() -> None:
    sound = {"train": side("patient7"), "test": side("patient8")}
    assert check_no_leak(sound) == 0
    shared = {"train": side("patient7"), "test": side("patient8", "patient7")}
    with pytest.raises(InputError, match="patient7: is in train and test .*--allow-leak"):
        check_no_leak(shared)
    assert check_no_leak(shared, allow=True) == 2  # the patient, and its slice


def test_copies_under_other_names_are_leaks() -> None:
    copied = {"train": side("patient7"), "test": side("patient8").assign(content="patient7")}
    found = leaks(copied)
    assert found.values.tolist() == [["content", "patient7", "train and test"]]
    with pytest.raises(InputError, match="1 leaks"):
        check_no_leak(copied)


def test_patients_who_share_a_slice_stay_together(tmp_path: Path) -> None:
    for number in range(1, 13):
        write_series(tmp_path / f"covid1/patient{number}/SR_2", [10, 2000], seed=10 * number)
        write_series(tmp_path / f"normal1/patient{145 + number}/SR_2", [10, 2000], seed=500 + 10 * number)
    # Patients 1 and 2 share a slice, 2 and 3 another: all three are one person.
    for source, target, name in ((1, 2, "IM00001.tif"), (2, 3, "IM00002.tif")):
        copy = (tmp_path / f"covid1/patient{source}/SR_2" / name).read_bytes()
        (tmp_path / f"covid1/patient{target}/SR_2" / name).write_bytes(copy)
    patients = patients_of(load_dataset(tmp_path).table)
    assert patients["group"].nunique() == len(patients) - 2
    for seed in range(5):
        folded = patient_folds(patients, seed=seed).set_index("patient")["fold"]
        assert folded["patient1"] == folded["patient2"] == folded["patient3"]
        split = split_patients(patient_folds(patients, seed=seed), int(folded["patient1"]) % 5 + 1, seed)
        assert sum({"patient1", "patient2", "patient3"} <= set(names) for names in split.values()) == 1
    copy = (tmp_path / "covid1/patient1/SR_2/IM00001.tif").read_bytes()
    (tmp_path / "normal1/patient150/SR_2/IM00001.tif").write_bytes(copy)
    with pytest.raises(InputError, match="patient1, patient2, patient3, patient150: these patients have slices"):
        patient_folds(patients_of(load_dataset(tmp_path).table))


def test_published_lists_split_either_layout(tmp_path: Path) -> None:
    write_series(tmp_path / "137covid" / "patient1" / "SR_2", [10, 2000, 2100])
    lists = pd.DataFrame(
        [(1, "train", "137covid_patient1_SR_2_IM00001.tif"), (1, "test", "137covid_patient1_SR_2_IM00003.tif"),
         (1, "validation", "137covid_patient1_SR_2_IM00003.tif"), (2, "test", "137covid_patient1_SR_2_IM00009.tif")],
        columns=["fold", "side", "filename"],
    )  # fmt: skip
    split = published_split(load_table(tmp_path), lists, 1)
    assert [Path(path).name for path in split["train"]["path"]] == ["IM00001.tif"]
    assert split["test"]["path"].equals(split["validation"]["path"])
    assert list(split["test"].columns) == list(load_table(tmp_path).columns)
    second = pd.DataFrame([(2, "train", "137covid_patient1_SR_2_IM00002.tif")], columns=lists.columns)
    alone = published_split(load_table(tmp_path), pd.concat([lists.iloc[:3], second]), 2)
    assert {name: [Path(path).name for path in table["path"]] for name, table in alone.items()} == {
        "train": ["IM00002.tif"], "validation": [], "test": [],
    }  # fmt: skip
    with pytest.raises(InputError, match="patient1_SR_2_IM00009.tif: this slice and 0 more .* fold 2"):
        published_split(load_table(tmp_path), lists, 2)


def test_both_published_layouts_name_a_slice_alike_and_other_names_stay() -> None:
    names = ("137covid_patient1_SR_2_IM00010.tif", "137covid/patient1/SR_2/IM00010.tif")
    assert [slice_key(name) for name in names] == ["137covid/patient1/SR_2/10"] * 2
    assert slice_key("other/slice.tif") == "other/slice.tif"


def test_the_first_leak_is_named_and_all_are_counted() -> None:
    shared = {"train": side("patient7", "patient9"), "test": side("patient9", "patient7", content="x")}
    assert list(leaks(shared).columns) == ["kind", "what", "sides"]
    assert leaks(shared)["what"].tolist() == ["patient7", "patient9"]
    with pytest.raises(InputError, match=r"patient7: is in train and test \(2 leaks"):
        check_no_leak(shared)


def test_unusable_patients_are_refused() -> None:
    with pytest.raises(InputError, match="4 patients for 5 folds"):
        patient_folds(people(4, 20))
    with pytest.raises(InputError, match="a class has 20 patients"):
        patient_folds(people(0, 20))
    twice = pd.concat([people(5, 5), people(1, 0)], ignore_index=True)
    with pytest.raises(InputError, match="patient0: this patient is listed twice"):
        patient_folds(twice)
    with pytest.raises(InputError, match="fold 6"):
        split_patients(patient_folds(people(5, 5)), 6)


def test_the_table_of_a_folder_with_published_names(tmp_path: Path) -> None:
    write_series(tmp_path / "covid1" / "patient1" / "SR_2", [10, 2000, 2500])
    write_series(tmp_path / "normal1" / "patient146" / "SR_2", [10, 2000], seed=9)
    table = load_table(tmp_path)
    assert list(table.columns) == ["path", "patient", "series", "number", "label", "patient_label", "selected"]
    assert table["path"].tolist()[:2] == ["covid1/patient1/SR_2/IM00001.tif", "covid1/patient1/SR_2/IM00002.tif"]
    assert table["label"].tolist() == ["covid"] * 3 + ["normal"] * 2
    assert table["selected"].tolist() == [False, True, True, False, True]
    assert patients_of(table).values.tolist() == [["patient1", "covid", 0], ["patient146", "normal", 1]]


def test_marked_labels_beat_names(tmp_path: Path) -> None:
    write_series(tmp_path / "covid1" / "patient1" / "SR_2", [10, 2000])
    paths = [f"covid1/patient1/SR_2/IM0000{number}.tif" for number in (1, 2)]
    marks = {"path": paths, "label": ["unlabelled", "covid"]}
    pd.DataFrame(marks).to_csv(tmp_path / "slices.csv", index=False)
    table = load_table(tmp_path)
    assert table["label"].tolist() == ["unlabelled", "covid"]
    assert table["patient_label"].tolist() == ["covid", "covid"]
    (tmp_path / "slices.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="slices.csv"):
        load_table(tmp_path)


def test_flat_folders_are_selected_already(tmp_path: Path) -> None:
    for number in (1, 2):
        write_slice(tmp_path / f"137covid_patient1_SR_2_IM0000{number}.tif", body_slice(number))
    assert load_table(tmp_path)["selected"].all()


def test_other_names_are_refused_as_dataset(tmp_path: Path) -> None:
    write_slice(tmp_path / "IM1.tif", body_slice())
    with pytest.raises(InputError, match="no patient and class"):
        load_table(tmp_path)


def test_the_fingerprint_follows_the_data(tmp_path: Path) -> None:
    write_series(tmp_path / "covid1" / "patient1" / "SR_2", [10, 2000])

    def current() -> str:
        return fingerprint(with_content(load_table(tmp_path), tmp_path))

    before = current()
    assert current() == before
    last = tmp_path / "covid1" / "patient1" / "SR_2" / "IM00002.tif"
    whole = last.read_bytes()
    # Other tissue outside the rule's region: same size, same name, same selection, other data.
    last.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert current() != before
    last.write_bytes(whole)
    assert current() == before
    write_slice(tmp_path / "covid1" / "patient1" / "SR_2" / "IM00003.tif", body_slice(2100))
    assert current() != before


def test_a_fold_that_leaves_one_patient_of_a_class_is_refused() -> None:
    folded = patient_folds(people(2, 2), folds=2)
    with pytest.raises(
        InputError, match=r"fold 1: too few patients are left .*\(1 covid, 1 normal\). Use more patients"
    ):
        split_patients(folded, 1)


BOTH = "".join(f"covid1/patient1/SR_2/IM0000{number}.tif,covid\n" for number in (1, 2))


@pytest.mark.parametrize("written", [BOTH, BOTH * 2, BOTH.replace("/", "\\"), BOTH.replace("covid1", "./covid1")])
def test_a_list_of_slices_may_repeat_a_row_and_write_its_paths_as_windows_does(tmp_path: Path, written: str) -> None:
    write_series(tmp_path / "covid1" / "patient1" / "SR_2", [30, 2500])
    (tmp_path / "slices.csv").write_text(f"path,label\n{written}")
    assert list(load_table(tmp_path)["label"]) == ["covid", "covid"]


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        ("path,label\ncovid1/patient1/SR_2/IM00001.tif,covid\n", "IM00002.tif: not listed in .*slices.csv"),
        ("path,label\ncovid1/patient1/SR_2/IM00001.tif,ill\n", "row 1 has the label 'ill'. Write one of covid"),
        ("path,label\na,covid\nb,c,d\n", "slices.csv: row 2 has 3 cells, expected 2"),
        ("", "slices.csv: is empty"),
        (f"path;label\n{BOTH}".replace(",", ";"), "slices.csv: its columns are separated by semicolons"),
        (f"path,label\n{BOTH}".replace(",covid", ",COVID"), "row 1 has the label 'COVID'. Write covid"),
        (f"path,label\n{BOTH}{BOTH.replace(',covid', ',unlabelled')}", "IM00001.tif covid and unlabelled. Keep one"),
        (
            f"path,label\n{BOTH.replace(',covid', ',normal')}",
            "IM00001.tif normal, but by its name .* is covid",
        ),
        (f"path,label\n{BOTH}covid1/patient2/SR_2/IM00001.tif,covid\n", "1 of its 3 slices are not in the folder"),
        (f"path,label\n{BOTH}".replace("covid1/", "data/covid1/"), "2 of its 2 .* the first is data/covid1/patient1"),
        ("name\na\n", "slices.csv: the columns path and label are missing"),
    ],
)
def test_a_list_of_slices_that_does_not_fit_the_folder_is_refused(tmp_path: Path, listed: str, message: str) -> None:
    write_series(tmp_path / "covid1" / "patient1" / "SR_2", [30, 2500])
    (tmp_path / "slices.csv").write_text(listed)
    with pytest.raises(InputError, match=message):
        load_table(tmp_path)
