"""covidlib.scans.dicom_import: pixels and a few settings come over, who it was does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest
from pydicom.uid import CTImageStorage, JPEG2000Lossless, RLELossless, SecondaryCaptureImageStorage
from support.dicom_files import write_dicom
from support.made import body_slice

from covidlib.cli.main import main
from covidlib.errors import InputError
from covidlib.scans import dicom_import
from covidlib.scans.dicom_import import Imported, import_dicom
from covidlib.scans.filenames import identify
from covidlib.scans.gate import find_series
from covidlib.scans.kernels import KERNEL
from covidlib.scans.series import read_series
from covidlib.scans.slices import read_slice
from covidlib.selection import select_series

SECRETS = {
    "PatientName": "Miller^Anna",
    "PatientID": "HOSP-4711",
    "PatientBirthDate": "19610203",
    "StudyDate": "20200315",
    "SeriesDate": "20200315",
    "InstitutionName": "Saint Elsewhere",
    "DeviceSerialNumber": "SN998877",
    "StudyDescription": "query corona Miller",
    "AccessionNumber": "ACC5566",
}


def write_patient(
    folder: Path, slices: int = 3, seed: int = 0, uid: str = "1.2.840.99.1", **fields: object
) -> list[np.ndarray]:
    """A series whose header, file names and folder say who it is."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = [body_slice(100 * number, seed + number) for number in range(slices)]
    for number, pixels in enumerate(pictures, start=1):
        header = {"ConvolutionKernel": "B70s", "SliceThickness": 5.0, "PixelSpacing": [0.7, 0.7], "KVP": 120.0}
        name = folder / f"Miller_20200315_{number}.dcm"
        write_dicom(name, pixels, number, z=5.0 * number, uid=uid, **{**SECRETS, **header, **fields})
    return pictures


def lines(imported: Imported) -> tuple[str, ...]:
    return tuple(finding.line() for finding in imported.findings)


def everything_in(folder: Path) -> bytes:
    names = " ".join(path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")))
    return names.encode() + b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_nothing_of_the_header_comes_over_but_the_allowed_settings(tmp_path: Path) -> None:
    pictures = write_patient(tmp_path / "source" / "HOSP-4711 Miller")
    imported = import_dicom(tmp_path / "source", tmp_path / "out")
    assert sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*")) == [
        "patient001/SR_1/IM00001.tif", "patient001/SR_1/IM00002.tif", "patient001/SR_1/IM00003.tif", "series.csv",
    ]  # fmt: skip
    written = everything_in(tmp_path / "out")
    for secret in (*SECRETS.values(), "Miller", "Anna", "2020", "1961", "1.2.840", "4711", str(tmp_path)):
        assert secret.encode() not in written, secret
    series = find_series(tmp_path / "out")[0]
    assert np.array_equal(read_series(series), np.stack(pictures))
    assert identify(series.files[0]) is None  # no class can be read off the path
    table = pd.read_csv(tmp_path / "out" / "series.csv")
    assert table.to_dict("records") == [
        {"patient": "patient001", "series": "SR_1", "slices": 3, "rows": 512, "columns": 512, "slice_spacing_mm": 5.0,
         "slice_spacing_uniform": "yes", "kernel": "B70s", "thickness_mm": 5.0, "pixel_mm": 0.7, "kvp": 120.0}
    ]  # fmt: skip
    assert imported.findings == ()


def test_free_text_in_an_allowed_field_is_dropped(tmp_path: Path) -> None:
    write_patient(tmp_path / "a", ConvolutionKernel="Anna Miller")
    imported = import_dicom(tmp_path / "a", tmp_path / "out")
    assert pd.read_csv(tmp_path / "out" / "series.csv")["kernel"].isna().all()
    assert b"Anna" not in everything_in(tmp_path / "out")
    assert lines(imported) == (
        "patient001/SR_1: its kernel is not among the names of kernels that covidlib knows, and was dropped: free text "
        "may hold a name",
    )


KERNELS = {
    "Siemens": "B30 B30s B31f B70f B70s B80s Br40d Bl57d Bv40 Bv40f D30f H30s Hr60f I31f I70f J30s Qr40 T20f U75u",
    "Toshiba": "FC01 FC07 FC08-H FC13-H FC18-H FC51 FC86 FL03 FL04",
    "Philips": "A B C D E F L YA YB YC YD EA EB UB UC XCA XCB Y-Sharp Y-Detail IMR1 IMR1,Routine",
    "GE": "SOFT SOFT# STANDARD STANDARD2 STND STD+ DETAIL Detail2 LUNG Lung CHEST CHST BONE Bone2 BONEPLUS BONEPLUS2 "
    "EDGE StandardHD EXPERIMENTAL Veo",
    "United Imaging": "B_SOFT_B B_SOFT_C B_SHARP_C B_VSHARP_B H_SHARP_B H_VSHARP_C LUNG_B SOFT_A HR_CHEST",
    "other": "BODY_SHARP BRAIN_CTA BRAIN_LCD",
}


@pytest.mark.parametrize("maker", KERNELS)
def test_the_kernels_of_every_maker_are_known(maker: str) -> None:
    assert [name for name in KERNELS[maker].split() if not KERNEL.fullmatch(name)] == []
    for name in ("HD Lung", "IMR1,Soft Tissue", "Lung Enhanced", "BODY FILTER/STANDARD", "BODY FILTER / STANDARD"):
        assert KERNEL.fullmatch(name)


def test_no_persons_name_passes_for_a_kernel() -> None:
    names = "MILLER SMITH Anna Jane Sharp SHARP Head Harding Soft-Miller LI WU NG YE MA XU SA M J"
    others = "AB1234 JFK17 SMI12 A123 1961 45 19610203 ABC"
    for text in (*names.split(), *others.split(), "Jane Doe", "B70s Miller", "Miller B70s", "LUNG\nMiller", "Ünal"):
        assert KERNEL.fullmatch(text) is None, text


@pytest.mark.parametrize(
    ("written", "kept"), [("STD+", "STD+"), (" FC51 ", "FC51"), (["Br40d", "3"], "Br40d"), (["Miller", "3"], "")]
)
def test_the_first_value_of_a_kernel_is_kept_if_it_is_known(tmp_path: Path, written: str | list, kept: str) -> None:
    write_dicom(tmp_path / "1.dcm", body_slice(), ConvolutionKernel=written)
    settings, remarks = dicom_import.allowed_settings([pydicom.dcmread(tmp_path / "1.dcm")])
    assert settings["kernel"] == kept and bool(remarks) == (not kept)


@pytest.mark.parametrize("damaged", [b"\xff\xff7 ", b"inf "])
def test_a_number_that_is_none_is_dropped_and_said(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / "in").mkdir()
    path = write_dicom(tmp_path / "in" / "1.dcm", body_slice(), SliceThickness="5.25")
    path.write_bytes(path.read_bytes().replace(b"5.25", damaged))
    imported = import_dicom(tmp_path / "in", tmp_path / "out")
    assert "patient001/SR_1: its SliceThickness is not a number and was dropped" in lines(imported)
    assert np.isnan(pd.read_csv(tmp_path / "out" / "series.csv")["thickness_mm"].iloc[0])


def test_numbers_follow_neither_ids_nor_dates_and_series_of_one_person_stay_together(tmp_path: Path) -> None:
    orders = set()
    for attempt in range(6):
        source = tmp_path / f"source{attempt}"
        for person in range(4):
            fields = {"PatientID": f"ID{person}", "StudyDate": f"2020010{person + 1}"}
            seed = 1000 * attempt + 50 * person
            write_patient(source / f"p{person}", 1, seed, f"1.2.{attempt}.{person}", KVP=80.0 + person, **fields)
        write_patient(source / "p0b", 1, 1000 * attempt + 900, f"1.2.{attempt}.9", PatientID="ID0", KVP=80.0)
        table = import_dicom(source, tmp_path / f"out{attempt}").table
        assert sorted(table["series"]) == ["SR_1"] * 4 + ["SR_2"]
        assert table.loc[table["kvp"] == 80, "patient"].nunique() == 1
        orders.add(tuple(table.drop_duplicates("patient").sort_values("patient")["kvp"]))
    assert len(orders) > 2  # the order of the ids would be the same each time


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"BurnedInAnnotation": "YES"}, "burned into its pixels"),
        ({"RescaleType": "OD"}, "in OD, expected HU"),
        ({"PhotometricInterpretation": "MONOCHROME1"}, "MONOCHROME1"),
        ({"RescaleSlope": 0}, "RescaleSlope is 0"),
    ],
)
def test_one_unsafe_slice_refuses_the_whole_import(tmp_path: Path, fields: dict[str, object], message: str) -> None:
    write_patient(tmp_path / "source" / "a")
    write_dicom(tmp_path / "source" / "a" / "odd.dcm", body_slice(), 9, z=99.0, uid="1.2.840.99.1", **fields)
    with pytest.raises(InputError, match=f"odd.dcm.*{message}"):
        import_dicom(tmp_path / "source", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"SOPClassUID": SecondaryCaptureImageStorage, "BurnedInAnnotation": "YES"}, "secondary capture"),
        ({"ConversionType": "WSD"}, "secondary capture"),
        ({"Modality": "MR"}, "is MR, expected CT"),
        ({"NumberOfFrames": 2}, "holds 2 images"),
    ],
)
def test_a_stray_object_is_left_out_and_named(tmp_path: Path, fields: dict[str, object], message: str) -> None:
    write_patient(tmp_path / "source" / "a")
    write_dicom(tmp_path / "source" / "a" / "odd.dcm", body_slice(7, 7), 9, z=99.0, uid="1.2.840.99.1", **fields)
    imported = import_dicom(tmp_path / "source", tmp_path / "out")
    assert imported.table["slices"].tolist() == [3]
    assert any("odd.dcm: left out: " in line and message in line for line in lines(imported))


@pytest.mark.parametrize(
    ("kinds", "kept"),
    [
        (["ORIGINAL", "PRIMARY", "LOCALIZER"], False),
        (["DERIVED", "SECONDARY", "MPR"], False),
        (["DERIVED", "PRIMARY", "MIP"], False),
        (["ORIGINAL", "SECONDARY", "AXIAL"], False),
        (["DERIVED", "PRIMARY", "AXIAL"], True),
        ("LOCALIZER", False),
        ("DERIVED", False),
    ],
)
def test_localisers_and_derived_images_are_left_out_and_named(
    tmp_path: Path, kinds: list[str] | str, kept: bool
) -> None:
    write_patient(tmp_path / "source")
    # An archive that compressed an original slice marks it as derived.
    fields = {"LossyImageCompression": "01"} if kept else {}
    odd = tmp_path / "source" / "odd.dcm"
    write_dicom(odd, body_slice(), 9, z=20.0, uid="1.2.840.99.1", ImageType=kinds, **SECRETS, **fields)
    imported = import_dicom(tmp_path / "source", tmp_path / "out")
    assert imported.table["slices"].tolist() == [4 if kept else 3]
    left_out = [finding for finding in imported.findings if finding.severity == "left out"]
    assert [finding.where for finding in left_out] == ([] if kept else [str(odd)])
    assert all("localiser" in finding.sentence or "derived image" in finding.sentence for finding in left_out)


def test_lossy_compression_is_said(tmp_path: Path) -> None:
    write_patient(tmp_path / "source", LossyImageCompression="01")
    assert lines(import_dicom(tmp_path / "source", tmp_path / "out")) == (
        "patient001/SR_1: was compressed with loss before the import",
    )


def test_a_compressed_slice_is_decoded_or_names_the_missing_decoder(tmp_path: Path) -> None:
    pictures = write_patient(tmp_path / "source", 1)
    path = next((tmp_path / "source").iterdir())
    header = pydicom.dcmread(path)
    header.compress(RLELossless)
    header.save_as(path)
    assert pydicom.dcmread(path).file_meta.TransferSyntaxUID.is_compressed
    import_dicom(tmp_path / "source", tmp_path / "out")
    assert np.array_equal(read_slice(tmp_path / "out/patient001/SR_1/IM00001.tif"), pictures[0])
    header.file_meta.TransferSyntaxUID = JPEG2000Lossless
    header.save_as(path)
    with pytest.raises(InputError, match="JPEG 2000 .*pip install pylibjpeg"):
        import_dicom(tmp_path / "source", tmp_path / "again")
    assert not (tmp_path / "again").exists()


def test_slope_sign_padding_and_unused_bits(tmp_path: Path) -> None:
    picture = np.full((512, 512), -50, np.int16)
    picture[0, :3] = (-2000, 3000, 2500)
    (tmp_path / "s").mkdir()
    write_dicom(tmp_path / "s" / "a.dcm", picture, slope=2.0, intercept=0.0, PixelPaddingValue=-2000)
    import_dicom(tmp_path / "s", tmp_path / "out")
    pixels = read_slice(tmp_path / "out/patient001/SR_1/IM00001.tif")
    assert pixels[0, :4].tolist() == [0, 7024, 6024, 924]
    wide = np.array([[65535, 62000, 1024]], np.uint16)
    write_dicom(tmp_path / "d.dcm", wide, PixelPaddingValue=65535, PixelPaddingRangeLimit=60000)
    assert read_slice(tmp_path / "d.dcm").tolist() == [[0, 0, 1024]]
    # Twelve bits of sixteen, with an overlay in the bits above.
    stored = (body_slice() | 0xF000).astype(np.uint16)
    write_dicom(tmp_path / "b.dcm", stored, BitsStored=12, HighBit=11)
    assert np.array_equal(read_slice(tmp_path / "b.dcm"), body_slice())
    signed = np.array([[-1024, -1, 0, 1000]], np.int16)
    write_dicom(tmp_path / "c.dcm", signed & 0x0FFF, intercept=0.0, BitsStored=12, HighBit=11)
    assert read_slice(tmp_path / "c.dcm").tolist() == [[0, 1023, 1024, 2024]]


def test_targets_that_hold_something_or_say_a_class_are_refused(tmp_path: Path) -> None:
    write_patient(tmp_path / "source")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="is not an empty folder"):
        import_dicom(tmp_path / "source", tmp_path / "full")
    with pytest.raises(InputError, match="contains covid or normal"):
        import_dicom(tmp_path / "source", tmp_path / "my_covid_scans")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no TIFF or DICOM slice found"):
        import_dicom(tmp_path / "empty", tmp_path / "out")
    assert (tmp_path / "full" / "mine.txt").read_text() == "mine"


def test_two_people_are_not_made_one_series(tmp_path: Path) -> None:
    write_patient(tmp_path / "source" / "a", slices=2, PatientID="A")
    path = tmp_path / "source" / "b" / "third.dcm"
    path.parent.mkdir()
    write_dicom(path, body_slice(1), 3, z=15.0, uid="1.2.840.99.1", PatientID="B")
    with pytest.raises(InputError, match="one series with slices of 2 patients"):
        import_dicom(tmp_path / "source", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_interrupted_import_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_patient(tmp_path / "source")

    def broken(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(dicom_import, "allowed_settings", broken)
    with pytest.raises(KeyboardInterrupt):
        import_dicom(tmp_path / "source", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_patient(tmp_path / "source")
    scout = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    write_dicom(tmp_path / "source" / "scout.dcm", body_slice(), 9, uid="1.2.3.4", ImageType=scout)
    assert main(["import-dicom", str(tmp_path / "source"), str(tmp_path / "out")]) == 0
    shown = capsys.readouterr()
    assert "1 series, 3 slices" in shown.out and "not a certified de-identification" in shown.out
    assert "scout.dcm: left out: is a localiser" in shown.err
    assert main(["import-dicom", str(tmp_path / "source"), str(tmp_path / "out")]) == 2
    assert "is not an empty folder" in capsys.readouterr().err


def test_the_real_series_selects_the_same_slices(real_series_folder: Path, tmp_path: Path) -> None:
    imported = import_dicom(real_series_folder, tmp_path / "out")
    assert imported.table["slices"].tolist() == [64]
    before = select_series(find_series(real_series_folder)[0])
    after = select_series(find_series(tmp_path / "out")[0])
    assert after.counts.tolist() == before.counts.tolist() and after.keep.sum() == 36
    assert b"A0001" not in everything_in(tmp_path / "out")
    assert CTImageStorage.encode() not in everything_in(tmp_path / "out")
