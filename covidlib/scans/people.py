"""Whose DICOM files are these: tell people apart by id, sex, birth date and study, without storing any of them.

Two people with the id ANONYMOUS are not one patient, and one person's slices in two folders are. The fields are
compared and never shown, since they identify a person. Taught in chapter 06.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from covidlib.errors import InputError
from covidlib.scans import dicom

if TYPE_CHECKING:
    from pydicom import Dataset

FIELDS = (
    "PatientID", "PatientSex", "PatientBirthDate", "StudyInstanceUID", "PatientName", "FrameOfReferenceUID",
)  # fmt: skip
PLACEHOLDER = re.compile(
    r"[\W_]*(anon\w*([\W_]+\w+)?|id|12345\d*|de-?identified|removed|redacted|unknown|none|null|n/?a|no ?(name|id)|"
    r"test|patient|subject|case|"
    r"xx+|0+|1|[\W_]*)[\W_]*",
    re.IGNORECASE,
)
"""Ids that programs write instead of one: they say nothing about whether two people are the same."""


@dataclass(frozen=True)
class Person:
    """What a header says about whose slice it is; empty strings where it says nothing."""

    id: str = ""
    sex: str = ""
    birth_date: str = ""
    study: str = ""
    name: str = ""
    frame: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """Equal for files that belong together as far as the header tells; empty without an id."""
        if not self.id:
            return ()
        if PLACEHOLDER.fullmatch(self.id):
            return (self.id, self.sex, self.birth_date, _plain(self.name), self.study or self.frame)
        return (self.id,)


def person_in(header: Dataset) -> Person:
    """The person that a header names."""
    return Person(*(str(header.get(field) or "").strip() for field in FIELDS))


def person_of(path: Path) -> Person:
    """The person in a file's header; nobody if the file cannot be read."""
    try:
        header = dicom.read_header(path, stop_before_pixels=True, specific_tags=list(FIELDS))
    except InputError:
        return Person()
    return person_in(header)


def _plain(name: str) -> str:
    """A name in small letters without marks: MEIER^ANNA and Meier, Anna are one."""
    return re.sub(r"[\W_]+", " ", name.lower()).strip()


def contradiction(people: Iterable[Person], with_name: bool = False) -> str:
    """In what people with one id differ, so that they are two; empty if in nothing.

    Parameters
    ----------
    with_name : bool
        Whether names count: within a series they are written once; between studies they may be spelled differently.
    """
    people = list(people)
    if with_name and len({_plain(person.name) for person in people} - {""}) > 1:
        return "name"
    for field, words in (("sex", "sex"), ("birth_date", "birth date")):
        if len({getattr(person, field) for person in people} - {""}) > 1:
            return words
    return ""
