"""covidlib.scans.patient_folders: no two patients become one, none is lost, whatever the layout."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest
from support.dicom_files import write_dicom
from support.made import body_slice, write_series

from covidlib.errors import InputError
from covidlib.scans.gate import find_series
from covidlib.scans.patient_folders import content_hash, find_patients


def names(*folders: Path, one_each: bool = False) -> list[str]:
    return [one.name for one in find_patients(folders, one_each)]


def dicom_series(folder: Path, uid: str, person: str | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    fields = {} if person is None else {"PatientID": person}
    for number in (1, 2):
        path = folder / f"{uid}-{number}.dcm"
        pixels = body_slice(number, int(uid[2:]))
        write_dicom(path, pixels, number, float(number), uid=uid, **fields)


def test_the_published_layout(tmp_path: Path) -> None:
    places = ("covid1/patient10/SR_2", "covid1/patient2/SR_2", "covid1/patient2/SR_3", "normal1/patient146/SR_2")
    for number, place in enumerate(places):
        write_series(tmp_path / "set" / place, [1, 2], seed=10 * number)
    (tmp_path / "set" / "lesions").mkdir()
    (tmp_path / "set" / "lesions" / "mask.npy").write_bytes(b"no slice")
    assert names(tmp_path / "set") == ["set/covid1/patient2", "set/covid1/patient10", "set/normal1/patient146"]
    patient = find_patients([tmp_path / "set"])[0]
    assert [Path(one.name).name for one in patient.open().series] == ["SR_2", "SR_3"]


def test_one_series_one_patient_or_many(tmp_path: Path) -> None:
    write_series(tmp_path / "a" / "x", [1, 2])
    write_series(tmp_path / "a" / "y", [1, 2])
    assert names(tmp_path / "a" / "x") == ["x"]
    assert names(tmp_path / "a") == ["a/x", "a/y"]
    assert names(tmp_path / "a", one_each=True) == ["a"]
    write_series(tmp_path / "b" / "SR_2", [1, 2])
    write_series(tmp_path / "b" / "SR_3", [1, 2])
    assert names(tmp_path / "b") == ["b"]


def test_flat_published_names_tell_patients_apart(tmp_path: Path) -> None:
    write_series(tmp_path / "one", [1, 2])
    flat = tmp_path / "flat"
    flat.mkdir()
    for patient in ("covid_patient1_SR_2", "covid_patient1_SR_3", "normal_patient150_SR_2"):
        for path in sorted((tmp_path / "one").iterdir()):
            (flat / f"137{patient}_{path.name}").write_bytes(path.read_bytes())
    patients = find_patients([flat])
    assert [one.name for one in patients] == ["flat/patient1", "flat/patient150"]
    assert [len(one.open().series) for one in patients] == [2, 1]
    assert [len(one.files) for one in patients] == [4, 2]


def test_dicom_folders_of_one_person_are_one_patient(tmp_path: Path) -> None:
    dicom_series(tmp_path / "d" / "s1", "1.1", "A")
    dicom_series(tmp_path / "d" / "s2", "1.2", "B")
    dicom_series(tmp_path / "d" / "s3", "1.3", "A")
    patients = find_patients([tmp_path / "d"])
    assert [one.name for one in patients] == ["d/s1 + d/s3", "d/s2"]
    assert len(patients[0].open().series) == 2
    dicom_series(tmp_path / "e" / "s1", "1.4", "C")
    dicom_series(tmp_path / "e" / "s2", "1.5", "C")
    assert names(tmp_path / "e") == ["e"]


def test_dicom_folders_without_ids_stay_apart(tmp_path: Path) -> None:
    dicom_series(tmp_path / "d" / "s1", "1.1", None)
    dicom_series(tmp_path / "d" / "s2", "1.2", None)
    assert names(tmp_path / "d") == ["d/s1", "d/s2"]


def test_two_people_in_one_folder_are_refused(tmp_path: Path) -> None:
    dicom_series(tmp_path / "d", "1.1", "A")
    dicom_series(tmp_path / "d", "1.2", "B")
    with pytest.raises(InputError, match="slices of 2 patients"):
        find_patients([tmp_path / "d"])[0].open()
    # One of the two is a copy of the other, but for the name.
    (tmp_path / "copied").mkdir()
    for person in "AB":
        write_dicom(tmp_path / "copied" / person, body_slice(1), uid=f"1.2.{ord(person)}", PatientID=person)
    with pytest.raises(InputError, match="slices of 2 patients"):
        find_patients([tmp_path / "copied"])[0].open()
    # Without series UIDs the files look like one series.
    for number, person in enumerate("AABB", start=1):
        (tmp_path / "e").mkdir(exist_ok=True)
        write_dicom(tmp_path / "e" / f"{number}.dcm", body_slice(1), number, float(number), uid="", PatientID=person)
    with pytest.raises(InputError, match="slices of 2 patients"):
        find_series(tmp_path / "e")
    with pytest.raises(InputError, match="slices of 2 patients"):
        find_patients([tmp_path / "e"])[0].open()


def test_a_folder_that_holds_nothing_is_reported_and_stops_nobody(tmp_path: Path) -> None:
    write_series(tmp_path / "d" / "patient1", [1, 2])
    (tmp_path / "d" / "patient2").mkdir()
    patients = find_patients([tmp_path / "d"])
    assert [one.name for one in patients] == ["d/patient1", "d/patient2"]
    with pytest.raises(InputError, match="no TIFF or DICOM slice"):
        patients[1].open()
    with pytest.raises(InputError, match="no TIFF or DICOM slice"):
        find_patients([tmp_path / "d" / "patient2"])
    with pytest.raises(InputError, match="no such folder"):
        find_patients([tmp_path / "absent"])


def test_folders_given_twice_count_once_and_equal_names_stay_apart(tmp_path: Path) -> None:
    write_series(tmp_path / "a" / "p", [1, 2])
    write_series(tmp_path / "b" / "p", [1, 2])
    assert names(tmp_path / "a" / "p", tmp_path / "a" / "p") == ["p"]
    assert len(set(names(tmp_path / "a" / "p", tmp_path / "b" / "p"))) == 2


def test_flat_folders_of_one_name_keep_their_patients_apart(tmp_path: Path) -> None:
    write_series(tmp_path / "one", [1])
    for parent in ("a", "b"):
        (tmp_path / parent / "set").mkdir(parents=True)
        for patient in ("covid_patient1", "normal_patient150"):
            content = (tmp_path / "one" / "IM00001.tif").read_bytes()
            (tmp_path / parent / "set" / f"137{patient}_SR_2_IM00001.tif").write_bytes(content)
    found = names(tmp_path / "a" / "set", tmp_path / "b" / "set")
    assert found == [f"{tmp_path}/{end}" for end in ("a/set/patient1", "a/set/patient150", "b/set/patient1",
                                                     "b/set/patient150")]  # fmt: skip


def test_folders_that_look_alike_are_two_patients(tmp_path: Path) -> None:
    for name in ("p\x01", "p\x02"):
        write_series(tmp_path / "a" / name, [1, 2])
    assert len(set(names(tmp_path / "a"))) == 2
    assert [len(one.folders) for one in find_patients([tmp_path / "a"])] == [1, 1]


def test_a_link_to_a_folder_above_is_not_followed(tmp_path: Path) -> None:
    write_series(tmp_path / "a" / "p", [1, 2])
    (tmp_path / "a" / "q").mkdir()
    (tmp_path / "a" / "q" / "up").symlink_to(tmp_path / "a")
    assert names(tmp_path / "a") == ["a/p"]


def test_names_hold_nothing_that_a_terminal_obeys(tmp_path: Path) -> None:
    write_series(tmp_path / "a" / "p\x1b[2Jq\n", [1, 2])
    assert names(tmp_path / "a") == ["a/p\ufffd[2Jq\ufffd"]


def test_the_stamp_follows_the_files(tmp_path: Path) -> None:
    write_series(tmp_path / "p", [1, 2])
    before = find_patients([tmp_path])[0].stamp()
    assert find_patients([tmp_path])[0].stamp() == before
    os.utime(tmp_path / "p" / "IM00001.tif", ns=(1, 1))
    assert find_patients([tmp_path])[0].stamp() != before


def test_the_content_hash_is_what_sha256sum_says(tmp_path: Path) -> None:
    write_series(tmp_path / "SR_2", [1, 2])
    write_series(tmp_path / "SR-3", [3, 4])
    command = "find . -type f | cut -c3- | LC_ALL=C sort | xargs sha256sum"
    listed = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, check=True).stdout
    assert len(listed.splitlines()) == 4
    assert content_hash(find_series(tmp_path)) == hashlib.sha256(listed).hexdigest()
