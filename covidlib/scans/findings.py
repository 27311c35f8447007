"""Findings about a series: what is unusual in it, which files it concerns, and what to do (paper, section 2.1).

Every command reports them in the same form. The codes, each with an example, are listed in the how-to "What covidlib
finds in a series". Taught in chapter 01.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from covidlib.errors import InputError, SeriesWarning

Severity = Literal["note", "left out", "refused"]
"""The series is used as it is; it is used without these files; it is not used."""
SEVERITIES = get_args(Severity)

CODES = {
    # The values.
    "other-scale": "The values are on a known scale other than HU + 1024.",
    "unknown-scale": "The values are on no scale that is known.",
    "eight-bit": "The values come from an 8-bit picture, whose HU are lost.",
    "float-pixels": "The pixels are floating-point numbers; the stored integers can perhaps be recovered.",
    "rescaled": "The values were converted to HU + 1024, as asked.",
    "cut-above": "What is brighter than some value was cut off.",
    "misplaced-bits": "HighBit and BitsStored say that the pixels stand in the upper bits.",
    # The orientation.
    "turned": "The pixels were turned as the header says, so that the patient faces up.",
    "not-axial": "The slices are not axial.",
    "other-orientation": "A slice has another orientation than its series.",
    "not-512": "The slices do not have the 512×512 pixels for which the rule and the networks were made.",
    "no-air": "Nothing in the series is as dark as air and lung: no chest, or shifted values.",
    "other-size": "The slices are smaller than the region of the selection rule.",
    "below-air": "Values lie far below air, as if their sign were wrong.",
    # The header.
    "unit": "The header names another unit than HU.",
    "odd-header": "A setting that a series has once differs between its slices.",
    "dropped-setting": "A scanner setting could not be copied.",
    "lossy": "The pixels were compressed with loss.",
    # The files.
    "unreadable": "A file is damaged, or is not stored as a CT slice.",
    "no-image": "A DICOM file contains no image: a report, a plan, a list of files.",
    "not-ct": "An image of another modality, or of an object that is not a CT slice.",
    "not-primary": "A localiser, a reformatted, projected, derived or secondary image.",
    "several-images": "A file holds several images.",
    "montage": "A picture shows several slices side by side.",
    "other-file": "A file that is neither TIFF nor DICOM, stands among slices and is not plain text.",
    "mixed-formats": "A folder holds TIFF and DICOM files.",
    "linked-twice": "A link leads to a folder that was read already.",
    # The series.
    "split": "One series UID holds several stacks; each became a series.",
    "several-stacks": "One series UID holds several stacks that cannot be told apart, or each slice has its own UID.",
    "continued": "Another series with the same settings begins where this one ends.",
    "several-people": "The slices belong to several people.",
    "joined": "Folders were joined, because they belong to one series or one person.",
    "order": "Instance numbers and positions contradict each other, or one of them is missing.",
    "labels": "The list of slices (slices.csv) cannot be read, or contradicts itself or the folder.",
    # The spacing.
    "gap": "Slices are missing between the first and the last.",
    "uneven-spacing": "The distance between slices changes.",
    "overlapping": "Slices are thicker than the distance between them.",
    "opens-twice": "The lung opens twice along the series: two series in one, or slices out of order.",
    # Copies and company.
    "same-number": "Two files have the same slice number.",
    "copy": "A file is a copy of another slice.",
    "same-pixels": "Two slices have the same pixels.",
    "same-series": "A series has the slices of another one: a copied folder, or another patient's name.",
    "odd-name": "A file has a name unlike those of its series, and looks like one of its slices.",
    "blank": "A slice shows no tissue.",
    "unlike": "A file has a name and a size, kind or values unlike those of its series: a preview, a mask.",
}
"""Every code and its meaning; a finding has one of them."""
NAMED = 3


@dataclass(frozen=True)
class Finding:
    """Something unusual in a series.

    Attributes
    ----------
    code : str
        One of `CODES`.
    severity : "note", "left out" or "refused"
        What was done: nothing; the files were left out; the series is not used.
    where : str
        The series, file or folder.
    sentence, remedy : str
        What was found, and what to do; the remedy of a note may be empty.
    files : tuple of str
        Names of the files that it concerns; empty if it concerns all.
    """

    code: str
    severity: Severity
    where: str
    sentence: str
    remedy: str = ""
    files: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise ValueError(f"unknown code {self.code!r}")

    def line(self) -> str:
        """The finding in one line: where, what was done, what was found, what to do."""
        done = {"note": "", "left out": "left out: ", "refused": "refused: "}[self.severity]
        remedy = f". {self.remedy}" if self.remedy else ""
        return f"{self.where}: {done}{self.sentence}{remedy}"

    def to_dict(self) -> dict[str, object]:
        """The finding as plain Python types, for JSON: the same form in every command."""
        return {
            "code": self.code,
            "severity": self.severity,
            "where": self.where,
            "files": list(self.files),
            "sentence": self.sentence,
            "remedy": self.remedy,
        }

    def error(self) -> InputError:
        """The finding as an error, for a series that is refused."""
        return InputError(self.where, self.sentence, self.remedy or "Leave out --strict to accept this")


def warn(findings: Sequence[Finding], at_most: int = 20) -> None:
    """Issue findings as Python warnings; of many the first, and the number of the others."""
    lines = [finding.line() for finding in findings]
    if len(lines) > at_most:
        lines[at_most:] = [f"and {len(lines) - at_most:,} more findings; `covidlib check-data` lists them"]
    for line in lines:
        warnings.warn(line, SeriesWarning, stacklevel=3)


def refusal(code: str, error: InputError) -> Finding:
    """An error of a reader as a finding."""
    where = str(error.where)
    return Finding(code, "refused", where, error.problem, error.remedy, (Path(where).name,))


def strictly(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The same findings, each of them a refusal (`--strict`), but for a conversion that was asked for."""
    return tuple(
        finding if finding.code == "rescaled" else replace(finding, severity="refused") for finding in findings
    )


def listed(names: Sequence[str]) -> str:
    """The first names of a list and the number of the others, for a sentence."""
    rest = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + rest
