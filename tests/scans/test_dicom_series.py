"""covidlib.scans.dicom and dicom_series: which file is a slice, of which stack, with which bits."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from support.dicom_files import write_dicom
from support.made import body_slice

from covidlib.errors import InputError
from covidlib.scans.dicom import looks_like_dicom, read_dicom
from covidlib.scans.gate import open_folder


def write_stack(folder: Path, places: list[float], first: int = 1, **fields: object) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    return [
        write_dicom(
            folder / f"IM{number:03d}.dcm", body_slice(100 * number, number), number, place, **{"uid": "1.2", **fields}
        )
        for number, place in enumerate(places, start=first)
    ]


def test_pixels_in_the_upper_bits_are_shifted_down_unless_lower_bits_are_used(tmp_path: Path) -> None:
    bits = {"BitsStored": 12, "HighBit": 15}
    above = write_dicom(tmp_path / "above.dcm", (body_slice(50) << 4).astype(np.uint16), **bits)
    below = write_dicom(tmp_path / "below.dcm", body_slice(50), **bits)
    for path in (above, below):
        assert np.array_equal(read_dicom(path), body_slice(50)), path.name


def test_one_object_uid_with_other_pixels_is_no_copy(tmp_path: Path) -> None:
    paths = write_stack(tmp_path, [0.0, 5.0, 10.0])
    shutil.copy(paths[0], tmp_path / "IM001 (1).dcm")
    opened = open_folder(tmp_path)
    assert [len(one) for one in opened.series] == [3]
    assert [(one.code, one.severity) for one in opened.findings] == [("copy", "left out")]
    write_dicom(tmp_path / "IM001 (1).dcm", body_slice(7, 70), 1, 0.0, uid="1.2", SOPInstanceUID="1.2.5")
    write_dicom(tmp_path / "IM001.dcm", body_slice(8, 71), 1, 0.0, uid="1.2", SOPInstanceUID="1.2.5")
    with pytest.raises(InputError, match="same position"):
        open_folder(tmp_path)


@pytest.mark.parametrize("field", ["AcquisitionNumber", "ConvolutionKernel", "StackID", "StudyInstanceUID"])
def test_two_stacks_under_one_uid_are_split_by_what_tells_them_apart(tmp_path: Path, field: str) -> None:
    write_stack(tmp_path, [0.0, 5.0, 10.0], 1, **{field: "1"})
    write_stack(tmp_path, [0.0, 5.0, 10.0], 4, **{field: "2"})
    opened = open_folder(tmp_path)
    assert [len(one) for one in opened.series] == [3, 3]
    (split,) = opened.findings
    assert split.code == "split" and field in split.sentence


def test_one_scan_in_several_acquisitions_is_one_series(tmp_path: Path) -> None:
    write_stack(tmp_path, [0.0, 5.0, 10.0], 1, AcquisitionNumber=1)
    write_stack(tmp_path, [15.0, 20.0, 25.0], 4, AcquisitionNumber=2)
    opened = open_folder(tmp_path)
    assert [len(one) for one in opened.series] == [6] and opened.findings == []


def test_rounded_headers_are_one_stack(tmp_path: Path) -> None:
    write_stack(tmp_path, [0.0, 5.0], 1, PixelSpacing=[0.703125, 0.703125])
    write_stack(tmp_path, [10.0, 15.0], 3, PixelSpacing=[0.7031, 0.7031])
    assert [len(one) for one in open_folder(tmp_path).series] == [4]


def test_a_series_over_folders_is_one_and_a_uid_a_slice_is_refused(tmp_path: Path) -> None:
    write_stack(tmp_path / "one" / "a", [0.0, 5.0, 10.0])
    write_stack(tmp_path / "one" / "b", [15.0, 20.0, 25.0], 4)
    opened = open_folder(tmp_path / "one")
    assert [len(one) for one in opened.series] == [6]
    assert [one.code for one in opened.findings] == ["joined"]
    for number in range(1, 5):
        write_stack(tmp_path / "two", [5.0 * number], number, uid=f"1.2.{number}")
    with pytest.raises(InputError, match="its 4 slices have 4 series UIDs"):
        open_folder(tmp_path / "two")


def test_a_stray_object_leaves_the_answer_and_alone_says_why_there_is_none(tmp_path: Path) -> None:
    write_stack(tmp_path / "ct", [0.0, 5.0, 10.0])
    write_stack(tmp_path / "ct", [15.0], 9, Modality="PT", uid="1.9")
    opened = open_folder(tmp_path / "ct")
    assert [len(one) for one in opened.series] == [3]
    assert [one.sentence for one in opened.findings] == ["is PT, expected CT"]
    write_stack(tmp_path / "mr", [0.0, 5.0], Modality="MR")
    with pytest.raises(InputError, match="no CT slice found; left out: 2 × is MR, expected CT"):
        open_folder(tmp_path / "mr")


def test_a_file_without_preamble_is_recognised_and_text_is_not(tmp_path: Path) -> None:
    whole = write_dicom(tmp_path / "whole.dcm", body_slice(5)).read_bytes()
    start = whole.index(b"\x08\x00\x08\x00")
    bare = tmp_path / "bare"
    bare.write_bytes(whole[start:])
    assert looks_like_dicom(bare)
    assert np.array_equal(read_dicom(bare), body_slice(5))
    for name, content in (("text", b"08 is no group"), ("short", b"\x08\x00"), ("empty", b"")):
        (tmp_path / name).write_bytes(content)
        assert not looks_like_dicom(tmp_path / name)
