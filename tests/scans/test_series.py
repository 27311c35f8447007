"""covidlib.scans.series and covidlib.scans.dicom: find, order, read strictly, write."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pydicom
import pytest
import tifffile
from pydicom.uid import UID
from support.dicom_files import write_dicom
from support.made import body_slice, write_series

from covidlib.errors import InputError
from covidlib.scans.dicom import to_stored_values
from covidlib.scans.filenames import identify, natural_key
from covidlib.scans.gate import find_series
from covidlib.scans.series import list_series, read_series
from covidlib.scans.slices import RowReader, read_rows, read_slice
from covidlib.scans.tiff import write_slice


def test_both_published_layouts_are_understood() -> None:
    nested = identify("data/covid1/patient1/SR_2/IM00010.tif")
    flat = identify("data/137covid_patient1_SR_2_IM00010.tif")
    assert nested and flat
    assert (nested.prefix, nested.label, nested.patient, nested.series, nested.number) == (
        "covid1", "covid", "patient1", "SR_2", 10,
    )  # fmt: skip
    assert (flat.prefix, flat.label, flat.patient, flat.series, flat.number) == (
        "137covid", "covid", "patient1", "SR_2", 10,
    )  # fmt: skip
    for prefix in ("normalcd3", "cdunnormal", "cdnormal4", "normal5"):
        name = identify(f"{prefix}_patient434_SR_2_IM00034.tif")
        assert name and name.label == "normal" and name.prefix == prefix
    assert identify("IM00010.tif") is None


def test_every_published_name_is_understood(mirror: Path) -> None:
    import pandas as pd

    listed = pd.read_csv(next(mirror.glob("mr7495/COVID-CTset/*/all.csv")))
    names = [identify(name) for name in listed["filename"]]
    assert len(names) == 12058
    assert [name.label if name else None for name in names] == list(listed["class"])


def test_slices_are_ordered_naturally(tmp_path: Path) -> None:
    assert sorted(["IM10", "IM2", "IM1"], key=natural_key) == ["IM1", "IM2", "IM10"]
    for number in (10, 2, 1):
        write_slice(tmp_path / f"IM{number}.tif", body_slice(number))
    (series,) = find_series(tmp_path)
    assert [path.name for path in series.files] == ["IM1.tif", "IM2.tif", "IM10.tif"]
    assert (read_series(series)[2] == body_slice(10)).all()


def test_flat_names_of_several_patients_are_several_series(tmp_path: Path) -> None:
    for name in ("137covid_patient1_SR_2_IM00010", "137covid_patient1_SR_3_IM00010", "normal1_patient168_SR_2_IM00010",
                 "normal5_patient168_SR_2_IM00010", "normal5_patient168_SR_2_IM00009"):  # fmt: skip
        write_slice(tmp_path / f"{name}.tif", body_slice())
    found = find_series(tmp_path)
    # The published list holds patient 168 under two prefixes, with the same pixels: two series, not one with doubles.
    assert [(Path(series.name).name, len(series)) for series in found] == [
        ("137covid_patient1_SR_2", 1),
        ("137covid_patient1_SR_3", 1),
        ("normal1_patient168_SR_2", 1),
        ("normal5_patient168_SR_2", 2),
    ]


def test_nested_folders_are_series_and_other_files_are_passed_over(tmp_path: Path) -> None:
    write_series(tmp_path / "covid1" / "patient1" / "SR_2", [1, 2])
    write_series(tmp_path / "covid1" / "patient1" / "SR_10", [1], seed=10)
    (tmp_path / "covid1" / "notes.txt").write_text("no slice")
    (tmp_path / "covid1" / "patient1" / "SR_2" / "._IM00001.tif").write_text("left by macOS")
    assert [(Path(series.name).name, len(series)) for series in find_series(tmp_path)] == [("SR_2", 2), ("SR_10", 1)]


def test_a_written_slice_reads_back_and_its_bytes_depend_on_the_pixels_alone(tmp_path: Path) -> None:
    write_slice(tmp_path / "a.tif", body_slice(7))
    write_slice(tmp_path / "b.tif", body_slice(7))
    assert (read_slice(tmp_path / "a.tif") == body_slice(7)).all()
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tif", "b.tif"]
    with pytest.raises(InputError, match="float64"):
        write_slice(tmp_path / "c.tif", np.zeros((4, 4)))


def test_a_write_that_fails_leaves_nothing_beside_the_slice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(part: Path, *_: object, **__: object) -> None:
        part.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("covidlib.scans.tiff.tifffile.imwrite", full)
    with pytest.raises(OSError, match="No space left"):
        write_slice(tmp_path / "IM00001.tif", body_slice())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options", [{}, {"compression": "zlib"}, {"byteorder": ">"}, {"rowsperstrip": 7}, {"tile": (64, 64)}]
)
def test_some_rows_equal_the_same_rows_of_the_whole(tmp_path: Path, options: dict[str, object]) -> None:
    pixels = body_slice(500)
    tifffile.imwrite(tmp_path / "IM1.tif", pixels, photometric="minisblack", metadata=None, **options)  # type: ignore[arg-type]
    rows, shape = read_rows(tmp_path / "IM1.tif", slice(240, 340))
    assert shape == (512, 512) and rows.dtype == np.uint16
    assert (rows == pixels[240:340]).all()


@pytest.mark.parametrize(
    ("pixels", "options", "message"),
    [
        (np.zeros((512, 512), np.uint8), {"photometric": "minisblack"}, "uint8"),
        (np.zeros((512, 512), np.float32), {"photometric": "minisblack"}, "float32"),
        (np.zeros((512, 512), np.int16), {"photometric": "minisblack"}, "int16"),
        (np.zeros((512, 512, 3), np.uint16), {"photometric": "rgb"}, "one grey channel"),
        (np.zeros((2, 512, 512), np.uint16), {"photometric": "minisblack"}, "2 images"),
        (np.zeros((512, 512), np.uint16), {"photometric": "miniswhite"}, "MINISWHITE"),
    ],
)
def test_other_pixels_are_refused(tmp_path: Path, pixels: np.ndarray, options: dict[str, str], message: str) -> None:
    tifffile.imwrite(tmp_path / "IM1.tif", pixels, metadata=None, **options)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=message) as caught:
        read_slice(tmp_path / "IM1.tif")
    assert "IM1.tif" in str(caught.value)


@pytest.mark.parametrize("kept", [0, 3, 200, 100_000])
def test_a_truncated_slice_is_refused(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "IM1.tif"
    write_slice(path, body_slice())
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match="IM1.tif"):
        read_slice(path)


def test_pixels_of_another_shape_than_the_header_says_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Damaged tags can make tifffile leave out an axis; such a slice must not reach anybody."""
    path = tmp_path / "IM00001.tif"
    tifffile.imwrite(path, np.zeros((8, 6), np.uint16), photometric="minisblack", compression="zlib")
    monkeypatch.setattr(tifffile.TiffPage, "asarray", lambda page: np.zeros(6, np.uint16))
    with pytest.raises(InputError, match=r"IM00001\.tif: decodes to shape \(6,\), but its header announces \(8, 6\)"):
        read_slice(path)


def test_slices_of_different_sizes_are_refused(tmp_path: Path) -> None:
    write_slice(tmp_path / "IM1.tif", body_slice())
    write_slice(tmp_path / "IM2.tif", np.zeros((400, 512), np.uint16))
    with pytest.raises(InputError, match="400×512"):
        find_series(tmp_path)
    with pytest.raises(InputError, match="400×512"):
        read_series(list_series(tmp_path).series[0])


@pytest.mark.parametrize(
    ("first", "second"), [("IM2.tif", "IM02.tif"), ("IM2.tif", "IM2.tiff"), ("a_2.tif", "b_2.tif")]
)
def test_two_slices_with_one_number_are_refused(tmp_path: Path, first: str, second: str) -> None:
    write_slice(tmp_path / first, body_slice())
    write_slice(tmp_path / second, body_slice())
    with pytest.raises(InputError, match="same slice number"):
        find_series(tmp_path)


def test_a_folder_that_mixes_formats_is_refused(tmp_path: Path) -> None:
    write_slice(tmp_path / "IM1.tif", body_slice())
    write_dicom(tmp_path / "IM2.dcm", body_slice())
    with pytest.raises(InputError, match="mixes 1 TIFF and 1 DICOM"):
        find_series(tmp_path)


def test_a_folder_without_slices_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no TIFF or DICOM slice"):
        find_series(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        find_series(tmp_path / "absent")


def test_a_file_without_permission_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "IM1.tif"
    write_slice(path, body_slice())
    if os.geteuid() != 0:
        path.chmod(0)
    else:  # root may read anything: let the reader meet the refusal that another user would

        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(tifffile, "TiffFile", refuse)
    with pytest.raises(InputError, match="no permission"):
        read_slice(path)


# DICOM --------------------------------------------------------------------------------------------------------------


def test_dicom_slices_are_ordered_by_position_not_by_name(tmp_path: Path) -> None:
    for name, number, z in (("c", 1, 30.0), ("a", 2, 20.0), ("b", 3, 10.0)):
        write_dicom(tmp_path / f"{name}.dcm", body_slice(seed=number), number, z)
    (series,) = find_series(tmp_path)
    assert [path.name for path in series.files] == ["c.dcm", "a.dcm", "b.dcm"]
    assert series.findings == ()


def test_position_beats_the_instance_number_and_the_contradiction_is_reported(tmp_path: Path) -> None:
    for name, number, z in (("a", 1, 10.0), ("b", 3, 20.0), ("c", 2, 30.0), ("d", 4, 40.0)):
        write_dicom(tmp_path / f"{name}.dcm", body_slice(), number, z)
    (series,) = find_series(tmp_path)
    assert [path.name for path in series.files] == ["a.dcm", "b.dcm", "c.dcm", "d.dcm"]
    assert "contradicts" in series.findings[0].sentence


def test_tilted_slices_are_ordered_along_their_normal(tmp_path: Path) -> None:
    # The gantry is tilted by 20 degrees; the table moves in z, and y follows along the detector.
    sine, cosine = np.sin(np.radians(20)), np.cos(np.radians(20))
    for name, number, z in (("a", 2, 5.0), ("b", 1, 1.0)):
        write_dicom(tmp_path / f"{name}.dcm", body_slice(seed=number), number, 0.0,
                    ImagePositionPatient=[0, 30 * number, z],
                    ImageOrientationPatient=[1, 0, 0, 0, cosine, -sine])  # fmt: skip
    (series,) = find_series(tmp_path)
    assert [path.name for path in series.files] == ["b.dcm", "a.dcm"]


def test_dicom_series_in_one_folder_are_told_apart_and_localisers_left_out(tmp_path: Path) -> None:
    write_dicom(tmp_path / "a", body_slice(), 1, 0.0, uid="1.2.3")
    write_dicom(tmp_path / "b", body_slice(seed=1), 1, 0.0, uid="1.2.4")
    write_dicom(tmp_path / "c", body_slice(), 2, 9.0, uid="1.2.4", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    write_dicom(tmp_path / "d", body_slice(), 3, 18.0, uid="1.2.4", ImageType="LOCALIZER")
    assert [(Path(series.name).name, len(series)) for series in find_series(tmp_path)] == [
        ("series1", 1),
        ("series2", 1),
    ]


@pytest.mark.parametrize(
    ("fields", "message"),
    [({"number": 1, "z": None}, "same InstanceNumber"), ({"number": 2, "z": 0.0}, "same position")],
)
def test_two_dicom_slices_in_one_place_are_refused(
    tmp_path: Path, fields: dict[str, float | None], message: str
) -> None:
    write_dicom(tmp_path / "a.dcm", body_slice(), 1, None if fields["z"] is None else 0.0)
    write_dicom(tmp_path / "b.dcm", body_slice(), **fields)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=message):
        find_series(tmp_path)


@pytest.mark.parametrize(
    ("stored", "slope", "intercept"),
    [
        (np.array([[0, 24, 1024, 4095]], np.uint16), 1.0, -1024.0),
        (np.array([[-1024, -1000, 0, 3071]], np.int16), 1.0, 0.0),
        (np.array([[0, 12, 512, 2047]], np.uint16), 2.0, -1024.0),
    ],
)
def test_stored_value_is_hu_plus_1024_whatever_the_scanner_stores(
    tmp_path: Path, stored: np.ndarray, slope: float, intercept: float
) -> None:
    write_dicom(tmp_path / "a.dcm", stored, slope=slope, intercept=intercept)
    hounsfield = stored.astype(float) * slope + intercept
    assert read_slice(tmp_path / "a.dcm").tolist() == (hounsfield + 1024).astype(int).tolist()


def test_padding_and_values_below_air_become_zero() -> None:
    assert to_stored_values(np.array([-2000, -1024, 0], np.int16), 1, 0).tolist() == [0, 0, 1024]
    assert to_stored_values(np.array([65535, 1024], np.uint16), 1, -1024, padding=(65535, 65535)).tolist() == [0, 1024]
    # A range, of which tissue inside stays.
    marked = np.array([-3000, -2001, -1500, 0, 5000], np.int32)
    assert to_stored_values(marked, 1, 1000, padding=(-3000, 0)).tolist() == [0, 0, 524, 2024, 7024]


def test_dicom_without_hounsfield_units_is_refused(tmp_path: Path) -> None:
    write_dicom(tmp_path / "a.dcm", body_slice(), intercept=None)
    with pytest.raises(InputError, match="no RescaleIntercept"):
        read_slice(tmp_path / "a.dcm")


def test_a_truncated_dicom_slice_is_refused(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", body_slice())
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(InputError, match="a.dcm"):
        read_slice(path)
    path.write_bytes(b"no dicom at all")
    with pytest.raises(InputError, match="cannot be read as DICOM"):
        find_series(tmp_path)


def test_a_dicom_slice_that_was_cut_anywhere_is_never_left_out_unseen(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        write_dicom(tmp_path / f"{number}.dcm", np.full((4, 4), 1024, np.uint16), number=number, z=float(number))
    middle = tmp_path / "2.dcm"
    whole = middle.read_bytes()
    for kept in range(132, len(whole), 7):
        middle.write_bytes(whole[:kept])
        with pytest.raises(InputError, match=r"2\.dcm"):
            [read_series(one) for one in find_series(tmp_path)]
    middle.write_bytes(whole)
    assert [len(one) for one in find_series(tmp_path)] == [3]


@pytest.mark.parametrize(
    ("announced", "kind"),
    [
        ("1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.10008.5.1.4.1.1.88.11"),  # a report
        ("1.3.12.2.1107.5.9.1", "1.3.12.2.1107.5.9.1"),  # a maker's own record
        ("1.2.840.10008.1.3.10", None),  # a DICOMDIR
    ],
)
def test_dicom_files_that_hold_no_image_are_passed_over(tmp_path: Path, announced: str, kind: str | None) -> None:
    for number in (1, 2):
        write_dicom(tmp_path / f"{number}.dcm", np.full((4, 4), 1024, np.uint16), number=number, z=float(number))
    other = pydicom.dcmread(tmp_path / "2.dcm")
    del other.Rows, other.Columns, other.PixelData, other.SOPClassUID
    other.file_meta.MediaStorageSOPClassUID = UID(announced)
    if kind:
        other.SOPClassUID = UID(kind)
    pydicom.dcmwrite(tmp_path / "other.dcm", other)
    assert [len(one) for one in find_series(tmp_path)] == [2]


def test_a_reader_that_knows_a_header_still_sees_every_difference(tmp_path: Path) -> None:
    generator = np.random.default_rng(4)
    reader = RowReader()
    written = {}
    for number in range(3):
        path = tmp_path / f"IM{number}.tif"
        written[path] = generator.integers(0, 4096, (40, 30)).astype(np.uint16)
        write_slice(path, written[path])
    # Same header and size: only the pixels differ; then another byte order, another size, another compression.
    big = tmp_path / "big.tif"
    written[big] = written[tmp_path / "IM0.tif"][::-1]
    tifffile.imwrite(big, written[big], byteorder=">", metadata=None, software=False, photometric="minisblack")
    other = tmp_path / "other.tif"
    written[other] = np.ones((30, 40), np.uint16)
    write_slice(other, written[other])
    packed = tmp_path / "packed.tif"
    written[packed] = written[big]
    tifffile.imwrite(packed, written[packed], compression="zlib", photometric="minisblack")
    for path in (*written, *reversed(written)):
        rows, shape = reader.read(path, slice(5, 20))
        assert shape == written[path].shape and np.array_equal(rows, written[path][5:20]), path
    assert np.array_equal(reader.read(big, slice(20, 2, -3))[0], written[big][20:2:-3])
    # The same header, seen just before, on a file that was cut.
    reader.read(tmp_path / "IM0.tif")
    (tmp_path / "cut.tif").write_bytes((tmp_path / "IM0.tif").read_bytes()[:-10])
    with pytest.raises(InputError, match="cut.tif: is truncated"):
        reader.read(tmp_path / "cut.tif")
