"""Hostile files: whatever bytes a reader meets, it gives a right answer or one sentence that names the file.

Hypothesis flips, cuts, repeats and overwrites bytes of good files. `COVIDLIB_STRESS` is how many files each test tries
(`make stress` asks for many); without it a few, always the same.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.dicom_files import write_dicom
from support.made import OPEN, ROOT, body_slice, write_series

from covidlib.audit import all_checks, printed_tables
from covidlib.datasets import check_folder, slice_table
from covidlib.errors import InputError
from covidlib.networks import weights
from covidlib.patients.journal import Journal
from covidlib.scans import dicom, dicom_import, gate, series, slices
from covidlib.scans.patient_folders import find_patients
from covidlib.scans.settings import settings_of
from covidlib.training import runs
from covidlib.utils import unzip

PAPER = ROOT / "covidlib" / "data" / "paper"
TRIED = int(os.environ.get("COVIDLIB_STRESS", "60"))
fuzzed = settings(
    max_examples=TRIED,
    deadline=None,
    derandomize="COVIDLIB_STRESS" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
INTERESTING = (b"\0" * 4, b"\xff" * 4, b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80", b"\x01\0", b"\x10\0", b"..\\../")


@st.composite
def damaged(draw: st.DrawFn, good: list[bytes]) -> bytes:
    """A good file with up to eight kinds of harm done to it, mostly to its beginning, where the headers are."""
    content = bytearray(draw(st.sampled_from(good)))
    for _ in range(draw(st.integers(1, 8))):
        reach = max(1, min(len(content), draw(st.sampled_from([64, 512, 4096, len(content)]))))
        place = draw(st.integers(0, reach - 1))
        match draw(st.sampled_from(["byte", "value", "cut", "insert", "repeat"])):
            case "byte":
                content[place : place + 1] = bytes([draw(st.integers(0, 255))])
            case "value":
                value = draw(st.sampled_from(INTERESTING))
                content[place : place + len(value)] = value
            case "cut":
                del content[place : place + draw(st.sampled_from([1, 2, 100, len(content)]))]
            case "insert":
                content[place:place] = draw(st.binary(max_size=16))
            case "repeat":
                content[place:place] = content[place : place + 64]
        if not content:
            break
    return bytes(content)


def tiff(pixels: np.ndarray, **options: object) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, pixels, **{"photometric": "minisblack", "metadata": None} | options)  # type: ignore[arg-type]
    return stream.getvalue()


PIXELS = np.arange(64 * 48, dtype=np.uint16).reshape(64, 48)
TIFFS = [
    tiff(PIXELS),
    tiff(PIXELS, byteorder=">"),
    tiff(PIXELS, bigtiff=True),
    tiff(PIXELS, compression="zlib", predictor=True),
    tiff(PIXELS, tile=(16, 16)),
    tiff(PIXELS, rowsperstrip=7),
    tiff(np.stack([PIXELS, PIXELS])),
]


@fuzzed
@given(content=damaged(TIFFS))
def test_a_damaged_tiff_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "IM00001.tif"
    path.write_bytes(content)
    try:
        pixels = slices.read_slice(path)
    except InputError as error:
        assert str(path) in str(error)
        return
    assert pixels.dtype == np.uint16 and pixels.ndim == 2
    # Some rows must be the same rows of the whole.
    assert np.array_equal(slices.read_rows(path, slice(3, 9))[0], pixels[3:9])


@pytest.fixture(scope="module")
def dicoms(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("dicom")
    made: list[dict[str, object]] = [
        {}, {"PixelSpacing": [0.7, 0.7], "SliceThickness": 2.5, "KVP": 120, "ImagePositionPatient": [0, 0, 3]},
        {"PixelPaddingValue": 2000, "RescaleType": "HU"},
    ]  # fmt: skip
    for number, fields in enumerate(made):
        write_dicom(folder / f"{number}.dcm", body_slice()[::16, ::16], **fields)
    return [(folder / f"{number}.dcm").read_bytes() for number in range(len(made))]


def read_everything(folder: Path) -> None:
    """What the commands do with a folder of DICOM files."""
    for one in gate.find_series(folder):
        settings_of(one)
        assert series.read_series(one).dtype == np.uint16
    assert find_patients([folder])[0].open().series


@fuzzed
@given(data=st.data())
def test_a_damaged_dicom_is_read_or_refused(tmp_path: Path, dicoms: list[bytes], data: st.DataObject) -> None:
    path = tmp_path / "1.dcm"
    path.write_bytes(data.draw(damaged(dicoms)))
    for reads in (dicom.read_dicom, lambda _: read_everything(tmp_path)):
        try:
            reads(path)
        except InputError as error:
            assert str(tmp_path) in str(error)


@fuzzed
@given(data=st.data())
def test_a_damaged_dicom_is_imported_or_refused(tmp_path: Path, dicoms: list[bytes], data: st.DataObject) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir(exist_ok=True)
    (source / "1.dcm").write_bytes(data.draw(damaged(dicoms)))
    try:
        dicom_import.import_dicom(source, target)
    except InputError:
        assert not target.exists()
    else:
        for path in target.rglob("*.tif"):
            slices.read_slice(path)
            path.unlink()
        shutil.rmtree(target)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_a_field_of_no_known_kind_is_refused_where_the_file_is_named(tmp_path: Path) -> None:
    """pydicom understands a field when it is asked for, which may be far from where the file was opened."""
    source = tmp_path / "source"
    source.mkdir()
    path = write_dicom(source / "1.dcm", body_slice()[::16, ::16])
    content = path.read_bytes()
    # The class of the file, behind its own header: group 8, element 16, kind UI.
    place = content.index(b"\x08\x00\x16\x00UI")
    path.write_bytes(content[: place + 4] + b"U\0" + content[place + 6 :])
    with pytest.raises(InputError, match=r"1\.dcm: cannot be read as DICOM"):
        dicom_import.import_dicom(source, tmp_path / "target")


FIELDS = st.dictionaries(
    st.sampled_from(
        ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "KVP", "InstanceNumber",
         "RescaleSlope", "RescaleIntercept", "PixelPaddingValue", "PixelPaddingRangeLimit", "ImageType", "RescaleType",
         "PatientID", "SeriesInstanceUID", "ConvolutionKernel", "BurnedInAnnotation", "Manufacturer"]
    ),
    st.one_of(
        st.none(), st.just(""), st.just([]), st.integers(-(2**15), 2**15), st.floats(width=32), st.text(max_size=8),
        st.lists(st.floats(width=32), max_size=7),
    ),
    max_size=6,
)  # fmt: skip


@fuzzed
@given(fields=FIELDS)
def test_odd_values_in_dicom_fields_are_understood_or_refused(tmp_path: Path, fields: dict[str, object]) -> None:
    for path in tmp_path.iterdir():
        path.unlink()
    for number in (1, 2):
        try:
            write_dicom(tmp_path / f"{number}.dcm", body_slice()[::16, ::16], **{"InstanceNumber": number} | fields)
        except Exception:  # what pydicom does not write, no file can hold
            return
    try:
        read_everything(tmp_path)
    except InputError as error:
        assert str(tmp_path) in str(error)


@fuzzed
@given(data=st.data())
def test_damaged_weights_are_refused(tmp_path: Path, untrained_weights: Path, data: st.DataObject) -> None:
    path = tmp_path / "some.weights.h5"
    # The whole file is large: its first part holds what is understood before arrays are.
    path.write_bytes(data.draw(damaged([untrained_weights.read_bytes()])))
    # Building a network takes a second: a long campaign does it, a quick one does not.
    for reads in (weights.read_note, weights.note_for, *([weights.load_weights] if TRIED > 1000 else [])):
        try:
            reads(path)
        except InputError as error:
            assert str(path) in str(error)
        else:
            assert h5py.is_hdf5(path)


NOTES = st.one_of(
    st.text(max_size=20),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
        max_leaves=8,
    ).map(json.dumps),
    st.dictionaries(
        st.sampled_from(["network", "size", "input_shape", "scaling", "protocol", "fold", "trained_on"]),
        st.none() | st.integers() | st.text(max_size=5) | st.lists(st.integers(-9, 9), max_size=4),
        min_size=7,
    ).map(json.dumps),
)


@fuzzed
@given(note=NOTES)
def test_odd_notes_in_weights_are_refused(tmp_path: Path, note: str) -> None:
    path = tmp_path / "odd.weights.h5"
    with h5py.File(path, "w") as file:
        try:
            file.attrs[weights.NOTE] = note
        except ValueError:  # HDF5 holds no NUL in text
            return
    for reads in (weights.read_note, weights.load_weights):
        try:
            found = reads(path)
        except InputError as error:
            assert str(path) in str(error)
        else:
            assert found is None or isinstance(found, weights.WeightsNote) and found.input_shape


def zipped(names: dict[str, bytes], method: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as file:
        for name, content in names.items():
            file.writestr(name, content)
    return stream.getvalue()


ZIPS = [
    zipped({"a/1.tif": TIFFS[0], "a/2.tif": TIFFS[1]}, zipfile.ZIP_STORED),
    zipped({"b/1.tif": bytes(100_000), "é/ ' 2.tif": TIFFS[2]}, zipfile.ZIP_DEFLATED),
]


@fuzzed
@given(content=damaged(ZIPS))
def test_a_damaged_zip_is_unpacked_inside_its_folder_or_refused(tmp_path: Path, content: bytes) -> None:
    archive, folder = tmp_path / "some.zip", tmp_path / "data" / "unpacked"
    archive.write_bytes(content)
    try:
        unzip.unpack([archive], folder, "some")
    except InputError:
        assert not folder.exists()
    else:
        assert unzip.is_unpacked(folder, "some")
        assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 10_000_000
    inside = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*")}
    assert inside <= {"some.zip", "data"}
    assert {path.name for path in (tmp_path / "data").iterdir()} <= {"unpacked"} if (tmp_path / "data").exists() else 1
    unzip.shutil.rmtree(tmp_path / "data", ignore_errors=True)


@fuzzed
@given(data=st.data())
def test_damaged_answers_are_refused_and_left_alone(tmp_path: Path, data: st.DataObject) -> None:
    record = {"patient": "a", "key": "b", "decision": "normal"}
    whole = json.dumps({"covidlib": "0", "patients": [record], "failed": []}).encode()
    path = tmp_path / "out.json"
    content = data.draw(damaged([whole]))
    path.write_bytes(content)
    try:
        journal = Journal(path, None)
    except InputError as error:
        assert str(path) in str(error)
    else:
        assert all(isinstance(one["key"], object) for one in journal.records.values())
    assert path.read_bytes() == content


@fuzzed
@given(data=st.data())
def test_damaged_lines_of_a_stopped_batch_are_dropped(tmp_path: Path, data: st.DataObject) -> None:
    line = json.dumps({"patient": "a", "key": "b", "decision": "normal"}).encode() + b"\n"
    (tmp_path / "out.json.partial").write_bytes(data.draw(damaged([line * 3])))
    records = Journal(tmp_path / "out.json", None).records
    assert all({"patient", "key"} <= set(record) for record in records.values())


@fuzzed
@given(data=st.data())
def test_a_damaged_printed_table_is_audited_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    shutil.copytree(PAPER, tmp_path / "tables", dirs_exist_ok=True)
    path = tmp_path / "tables" / f"table{data.draw(st.integers(1, 9))}.csv"
    path.write_bytes(data.draw(damaged([path.read_bytes()])))
    try:
        tables = printed_tables.read_tables(tmp_path / "tables")
    except InputError as error:
        assert str(path) in str(error)
    else:
        assert {check.verdict for check in all_checks.audit_paper(tables)} <= {
            "agrees",
            "rounds",
            "disagrees",
            "unchecked",
        }


@fuzzed
@given(data=st.data())
def test_a_damaged_list_of_slices_labels_every_slice_or_is_refused(tmp_path: Path, data: st.DataObject) -> None:
    folder = tmp_path / "covid1" / "patient1" / "SR_2"
    if not folder.is_dir():
        write_series(folder, [OPEN, OPEN])
    rows = "".join(f"covid1/patient1/SR_2/IM0000{number}.tif,unlabelled\n" for number in (1, 2))
    listed = tmp_path / "slices.csv"
    listed.write_bytes(data.draw(damaged([f"path,label\n{rows}".encode()])))
    try:
        table = slice_table.load_table(tmp_path)
    except InputError as error:
        assert str(listed) in str(error)
    else:
        assert len(table) == 2 and set(table["label"]) <= {"covid", "normal", "unlabelled"}


RECORDED = json.dumps(dict.fromkeys(["network", "fold", "protocol", "data", "versions", "seconds"], {"training": 1.0}))
HISTORY = "epoch,accuracy,loss,val_accuracy,val_loss\n1,0.5,0.7,0.5,0.7\n2,0.75,0.6,0.5,0.7\n"
PREDICTED = "path,patient,series,network,fold,label,patient_label,p_covid\na.tif,p,SR_2,xception,1,covid,covid,0.25\n"


@fuzzed
@given(data=st.data())
def test_a_damaged_run_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    run = runs.Run(tmp_path)
    readers = {
        runs.RECORD: (RECORDED, run.record),
        runs.HISTORY: (HISTORY, run.history),
        runs.PREDICTIONS: (PREDICTED, run.predictions),
        runs.VALIDATION: (PREDICTED, run.validation),
    }
    name = data.draw(st.sampled_from(sorted(readers)))
    whole, read = readers[name]
    (tmp_path / name).write_bytes(data.draw(damaged([whole.encode()])))
    try:
        found = read()
    except InputError as error:
        assert str(tmp_path / name) in str(error) and "trained again" in str(error)
    else:
        number = {runs.RECORD: None, runs.HISTORY: "val_accuracy"}.get(name, "p_covid")
        assert found[number].dtype.kind in "if" if number else set(found) >= runs.RECORD_HOLDS


NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=60).filter(
    lambda name: name not in {".", ".."} and len(name.encode()) < 250
)


@fuzzed
@given(folder_name=NAMES, file_name=NAMES)
def test_any_name_of_folder_and_file(tmp_path: Path, folder_name: str, file_name: str) -> None:
    folder = tmp_path / folder_name
    folder.mkdir(exist_ok=True)
    path = folder / f"{file_name}.tif"
    path.write_bytes(TIFFS[0])
    if folder_name.startswith(".") or file_name.startswith("."):
        path.unlink()
        return
    try:
        found = [file for one in series.list_series(folder).series for file in one.files]
        assert found == [path]
        assert find_patients([folder])[0].name.isprintable()
    finally:
        path.unlink()


@fuzzed
@given(content=st.binary(max_size=300), name=st.sampled_from(["IM1.tif", "1.dcm", "noise", "series.csv", "a.zip"]))
def test_a_folder_with_noise_in_it_is_checked_or_refused(tmp_path: Path, content: bytes, name: str) -> None:
    root = tmp_path / "data"
    write_series(root / "patient1" / "SR_2", [10, OPEN]) if not root.exists() else None
    target = root / "patient1" / "SR_3" / name
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(content)
    try:
        found = check_folder.check_data(root)
        assert isinstance(found, check_folder.Report)
    except InputError as error:
        assert str(root) in str(error)
    target.unlink()
