"""covidlib.scans.people: an id, sex, birth date and study tell people apart."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.dicom_files import write_dicom
from support.made import body_slice

from covidlib.scans.people import Person, contradiction, person_of


@pytest.mark.parametrize("name", ["ANONYMOUS", "anon", "Anonymized", "0", "000", "UNKNOWN", "n/a", "xxx", "None", "-"])
def test_a_placeholder_counts_within_one_study_only(name: str) -> None:
    one, other = Person(name, "F", "1950", "1.2"), Person(name, "F", "1950", "1.3")
    assert one.key != other.key
    assert one.key == Person(name, "F", "1950", "1.2").key != Person(name, "M", "1950", "1.2").key


def test_an_id_joins_studies_and_nobody_has_no_key() -> None:
    assert Person("HOSP-4711", "F", "1950", "1.2").key == Person("HOSP-4711", study="1.3").key
    assert Person("A1").key != Person("A2").key
    assert Person().key == ()


def test_a_contradiction_names_its_field_and_no_value() -> None:
    assert contradiction([Person("A", "F"), Person("A", "M")]) == "sex"
    assert contradiction([Person("A", "F", "1950"), Person("A", "", "1951")]) == "birth date"
    assert contradiction([Person("A", "F"), Person("A")]) == ""


def test_the_header_is_read_and_a_damaged_file_is_nobody(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "1.dcm", body_slice(), PatientID=" A ", PatientSex="F", PatientBirthDate="19500101")
    assert person_of(path) == Person("A", "F", "19500101")
    path.write_bytes(b"damaged")
    assert person_of(path) == Person()
