"""covidlib.scans.findings: every code has an example that is made here, and stands on the page that lists them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from support.dicom_files import write_dicom
from support.made import AIR, ROOT, body_slice, write_series
from support.odd_series import ODDITIES, chest, write_clean

from covidlib.datasets.check_folder import judge_folder
from covidlib.errors import InputError
from covidlib.scans.dicom_import import import_dicom
from covidlib.scans.findings import CODES, SEVERITIES, Finding, strictly
from covidlib.scans.gate import judge_all, open_folder
from covidlib.scans.series import list_series
from covidlib.scans.tiff import write_slice

PAGE = ROOT / "book" / "howto" / "findings.md"
ENTRY = re.compile(r"^- \*\*`([a-z0-9-]+)`\*\* \(([a-z ]+)\)\. (.*)\n\n  `(.*)`$", re.MULTILINE)

ODD = {
    "other-scale": ("HU + 32768", "tiff"),
    "unknown-scale": ("HU + 1024 cut at 1024", "tiff"),
    "eight-bit": ("8 bits times 257", "tiff"),
    "misplaced-bits": ("HighBit 15 of 12 bits, left-aligned", "dicom"),
    "below-air": ("unsigned declared signed, 12 bits", "dicom"),
    "unit": ("RescaleType US", "dicom"),
    "turned": ("prone", "dicom"),
    "not-axial": ("series is coronal", "dicom"),
    "other-orientation": ("one coronal slice", "dicom"),
    "unreadable": ("one slice of 256 rows", "tiff"),
    "no-image": ("dose report", "dicom"),
    "not-ct": ("PT slice", "dicom"),
    "not-primary": ("MPR", "dicom"),
    "several-images": ("Enhanced CT of 12 frames beside", "dicom"),
    "other-file": ("one slice as PNG", "tiff"),
    "linked-twice": ("link to its own folder", "tiff"),
    "split": ("two kernels at equal positions", "dicom"),
    "several-stacks": ("two slices at one position", "dicom"),
    "several-people": ("two people under one UID", "dicom"),
    "joined": ("one series over two folders", "dicom"),
    "order": ("InstanceNumber restarts", "dicom"),
    "gap": ("one slice as PNG", "dicom"),
    "uneven-spacing": ("spacing uneven", "dicom"),
    "overlapping": ("overlapping slices", "dicom"),
    "cut-above": ("-1000 to 300 HU as 0 to 1300", "tiff"),
    "montage": ("montage of four", "tiff"),
    "opens-twice": ("IM00013.tif, same content as IM00005", "tiff"),
    "same-number": ("IM00005 - Copy.tif, other content", "tiff"),
    "copy": ("IM00005 (1).tif, same content", "tiff"),
    "same-pixels": ("IM00013.tif, same content as IM00005", "tiff"),
    "blank": ("one slice blank", "tiff"),
    "unlike": ("mask of 0 and 255", "tiff"),
}
"""For each code an oddity that shows it."""


def rescaled(folder: Path) -> list[Finding]:
    for number, pixels in enumerate(chest(6), start=1):
        write_slice(folder / f"IM{number}.tif", pixels * 16)
    return open_folder(folder, rescale=True).findings


def floats(folder: Path) -> list[Finding]:
    tifffile.imwrite(folder / "IM00001.tif", (body_slice() / 1099).astype(np.float32), photometric="minisblack")
    return judge_all(list_series(folder).series, []).findings


def imported(folder: Path, **fields: object) -> list[Finding]:
    write_dicom(folder / "1.dcm", body_slice(), **fields)
    return list(import_dicom(folder, folder.parent / "out").findings)


def odd_name(folder: Path) -> list[Finding]:
    write_series(folder, [100, 200, 300, 250])
    write_slice(folder / "extra.tif", body_slice(150, 9))
    return open_folder(folder).findings


def no_air(folder: Path) -> list[Finding]:
    write_slice(folder / "IM1.tif", body_slice()[:, AIR:])
    return open_folder(folder).findings


def odd_header(folder: Path) -> list[Finding]:
    for number, kernel in enumerate(("B70f", "B70f", "B31f"), start=1):
        write_dicom(folder / f"{number}.dcm", body_slice(200, number), number, 5.0 * number, ConvolutionKernel=kernel)
    return open_folder(folder).findings


def continued(folder: Path) -> list[Finding]:
    for number in range(1, 11):
        uid = "1.2" if number < 6 else "1.3"
        write_dicom(folder / f"{number}.dcm", body_slice(200, number), number, 5.0 * number, uid=uid)
    return open_folder(folder).findings


def larger(folder: Path) -> list[Finding]:
    write_slice(folder / "IM1.tif", body_slice(200).repeat(2, 0).repeat(2, 1))
    return open_folder(folder).findings


def same_series(folder: Path) -> list[Finding]:
    write_series(folder / "SR_2", [100, 200, 100])
    write_series(folder / "SR_2 - Copy", [100, 200, 100])
    return open_folder(folder).findings


def contradictory_labels(folder: Path) -> list[Finding]:
    write_series(folder / "covid1" / "patient1" / "SR_2", [100])
    path = "covid1/patient1/SR_2/IM00001.tif"
    (folder / "slices.csv").write_text(f"path,label\n{path},covid\n{path},unlabelled\n")
    return judge_folder(folder)


def mixed_formats(folder: Path) -> list[Finding]:
    write_slice(folder / "IM1.tif", body_slice())
    write_dicom(folder / "IM2.dcm", body_slice())
    return list_series(folder).findings


def too_small(folder: Path) -> list[Finding]:
    from covidlib.cli.main import selected

    write_series(folder / "a", [100, 200])
    (folder / "b").mkdir()
    write_slice(folder / "b" / "IM1.tif", body_slice()[:300])
    return selected(open_folder(folder))[1]


MADE: dict[str, Callable[[Path], list[Finding]]] = {
    "float-pixels": floats,
    "rescaled": rescaled,
    "dropped-setting": lambda folder: imported(folder, ConvolutionKernel="Anna Miller"),
    "lossy": lambda folder: imported(folder, LossyImageCompression="01"),
    "labels": contradictory_labels,
    "mixed-formats": mixed_formats,
    "same-series": same_series,
    "other-size": too_small,
    "odd-name": odd_name,
    "no-air": no_air,
    "odd-header": odd_header,
    "not-512": larger,
    "continued": continued,
}


def found(code: str, folder: Path) -> Finding:
    """The first finding with a code in the folder that is made for it."""
    folder.mkdir()
    if code in MADE:
        findings = MADE[code](folder)
    else:
        name, kind = ODD[code]
        volume = chest()
        write_clean(folder, volume, kind)
        ODDITIES[name].make(folder, volume, np.random.default_rng(0))
        listing = list_series(folder)
        findings = judge_all(listing.series, listing.findings).findings
    return next(one for one in findings if one.code == code)


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_an_example_and_stands_on_the_page(code: str, tmp_path: Path) -> None:
    finding = found(code, tmp_path / "FOLDER")
    rows = {row[1]: row for row in ENTRY.finditer(PAGE.read_text(encoding="utf-8"))}
    assert rows[code][2] == finding.severity
    assert rows[code][3] == CODES[code]
    assert rows[code][4] == finding.line().replace(f"{tmp_path}/", "")


def test_the_page_lists_the_codes_and_no_other() -> None:
    assert [row[1] for row in ENTRY.finditer(PAGE.read_text(encoding="utf-8"))] == list(CODES)


def test_strict_makes_every_finding_a_refusal(tmp_path: Path) -> None:
    write_series(tmp_path, [100, 200, 300, 250, 200, 100])
    (tmp_path / "IM00004.tif").unlink()
    opened = open_folder(tmp_path)
    assert [one.code for one in opened.findings] == ["gap"] and len(opened.series) == 1
    with pytest.raises(InputError, match="missing"):
        open_folder(tmp_path, strict=True)
    assert {one.severity for one in strictly(opened.findings)} == {"refused"}


def test_an_unknown_code_is_an_error_of_the_program() -> None:
    with pytest.raises(ValueError, match="unknown code"):
        Finding("odd", "note", "here", "something")
    assert SEVERITIES == ("note", "left out", "refused")
