"""Each limit refuses what it is for, passes what it should, and is what its data say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.dicom_files import write_dicom
from support.made import OPEN, body_slice

from covidlib import workspace
from covidlib.datasets import published_lists
from covidlib.errors import InputError
from covidlib.names import SLICE_SIDE
from covidlib.patients import domain_check
from covidlib.patients.domain_check import cautions, unlike_pixels, unlike_settings, unlike_size
from covidlib.phantom.cohort import make_patient
from covidlib.scans.dicom_import import import_dicom
from covidlib.scans.gate import find_series
from covidlib.scans.lung_masks import lung_areas
from covidlib.scans.settings import Settings, settings_of
from covidlib.scans.slices import read_slice
from covidlib.selection import count_dark_pixels, select_series


def most_open(slices: np.ndarray) -> np.ndarray:
    return slices[count_dark_pixels(slices).argmax()]


@pytest.fixture(scope="module")
def chest() -> np.ndarray:
    return most_open(make_patient(5, 150, covid=False, most_slices=6).slices)


def test_size() -> None:
    assert unlike_size((512, 512)) == ()
    for shape in ((256, 256), (512, 400), (400, 512)):
        assert f"{shape[0]}×{shape[1]}" in unlike_size(shape)[0]


def test_spacing_passes_at_the_published_extremes_and_not_beyond() -> None:
    for field in domain_check.FIELD_MM:
        assert unlike_settings(Settings(pixel_mm=field / 512)) == ()
    assert "pixels of 0.977 mm" in unlike_settings(Settings(pixel_mm=500 / 512))[0]
    assert "pixels of 0.450 mm" in unlike_settings(Settings(pixel_mm=0.45))[0]
    for thickness in domain_check.THICKNESS_MM:
        assert unlike_settings(Settings(thickness_mm=thickness)) == ()
    assert "10 mm thick" in unlike_settings(Settings(thickness_mm=10))[0]
    assert "0.6 mm thick" in unlike_settings(Settings(thickness_mm=0.6))[0]


def test_a_synthetic_chest_passes(chest: np.ndarray) -> None:
    assert unlike_pixels(chest) == ()


def test_values_on_another_scale_are_refused(chest: np.ndarray) -> None:
    scales = {
        "8 bits": chest // 16,
        "HU": np.maximum(chest.astype(int) - 1024, 0).astype(np.uint16),
        "stretched to 16 bits": (chest.astype(float) / chest.max() * 65535).astype(np.uint16),
        "stretched to 12 bits": (chest.astype(float) / chest.max() * 4095).astype(np.uint16),
    }
    for name, pixels in scales.items():
        assert any("values" in reason for reason in unlike_pixels(pixels)), name


def test_a_slice_without_lungs_is_refused(chest: np.ndarray) -> None:
    filled = chest.copy()
    filled[(chest < 500)] = 1060
    assert any("no lungs" in reason for reason in unlike_pixels(filled))
    assert unlike_pixels(body_slice(OPEN)) == ()


def test_limits_are_half_of_the_least_in_the_synthetic_cohort() -> None:
    shares = []
    for series in find_series(workspace.cohort()):
        pixels = read_slice(series.files[int(select_series(series).counts.argmax())])
        soft = (pixels >= domain_check.SOFT_TISSUE[0]) & (pixels <= domain_check.SOFT_TISSUE[1])
        shares.append((soft.mean(), lung_areas(pixels[None])[0] / pixels.size, pixels.max()))
    least = np.min(shares, axis=0) / 2
    assert round(float(least[0]), 3) == domain_check.LEAST_SOFT_TISSUE
    assert round(float(least[1]), 3) == domain_check.LEAST_LUNG
    assert np.max(shares, axis=0)[2] <= domain_check.LARGEST_VALUE


def test_limits_are_the_extremes_of_the_published_metadata(mirror: Path) -> None:
    series = published_lists.series_metadata()
    assert set(series["rows"]) == set(series["columns"]) == {SLICE_SIDE}
    assert (series["field_mm"].min(), series["field_mm"].max()) == domain_check.FIELD_MM
    assert (series["thickness"].min(), series["thickness"].max()) == domain_check.THICKNESS_MM
    assert set(series["bits_stored"]) == {12} and domain_check.LARGEST_VALUE == 2**12 - 1
    headers = pd.read_csv(mirror / published_lists._source(published_lists.AUTHORS, "Patients_metadata.csv"))
    for attribute, value in (("Manufacturer", domain_check.MAKER), ("KVP", domain_check.TUBE_KV)):
        columns = headers[[f"{name} {attribute}" for name in published_lists.SERIES]]
        assert set(columns.stack().dropna()) == {value}


def test_settings_come_from_a_dicom_header(tmp_path: Path) -> None:
    made = {"PixelSpacing": [0.7, 0.7], "SliceThickness": 2.5, "KVP": 120, "Manufacturer": "Philips"}
    write_dicom(tmp_path / "1.dcm", body_slice(), **made)
    settings = settings_of(find_series(tmp_path)[0])
    assert settings == Settings(0.7, 2.5, 120.0, "Philips", "")
    remarks = " ".join(cautions(settings, "dicom"))
    assert "Philips" in remarks and "120 kV" in remarks and "not checked" not in remarks


def test_what_is_unknown_passes_and_is_said(tmp_path: Path) -> None:
    assert unlike_settings(Settings()) == ()
    assert any("series.csv" in remark for remark in cautions(Settings(), "tiff"))
    write_dicom(tmp_path / "1.dcm", body_slice())
    assert settings_of(find_series(tmp_path)[0]) == Settings()


def test_settings_of_an_imported_series_come_from_the_table_beside_it(tmp_path: Path) -> None:
    made = {"PixelSpacing": [0.4, 0.4], "SliceThickness": 2.5, "KVP": 120, "Manufacturer": "Philips"}
    (tmp_path / "source").mkdir()
    write_dicom(tmp_path / "source" / "1.dcm", body_slice(), **made)
    target = import_dicom(tmp_path / "source", tmp_path / "target").folder
    series = find_series(target)[0]
    settings = settings_of(series)
    # The maker is none of the fields that an import carries over.
    assert settings == Settings(0.4, 2.5, 120.0, "", "")
    assert "pixels of 0.400 mm" in unlike_settings(settings)[0]
    assert cautions(settings, "tiff") == ("tube at 120 kV; all of COVID-CTset at 110 kV",)
    table = (target / "series.csv").read_text()
    other_series = table.splitlines()[1].replace("SR_1", "SR_9").replace("0.4", "0.9")
    (target / "series.csv").write_text(table.replace("\n", f"\n{other_series}\n", 1))
    assert settings_of(series) == settings
    for other in ("patient,series\npatient001,SR_1\n", "nothing\n", "patient,series,pixel_mm\nx,y,1\n"):
        (target / "series.csv").write_text(other)
        assert settings_of(series) == Settings()
    head, row = table.splitlines()
    for text, words in (
        (table.replace(",", ";"), "series.csv: its columns are separated by semicolons. Save it with commas"),
        (table.replace("0.4", '"0,4"'), "series.csv: patient001/SR_1: could not convert string to float: '0,4'"),
        (f"{table}{row.replace('0.4', '0.9')}\n", "series.csv: has 2 different rows for patient001/SR_1"),
        ("\0", "series.csv: is UTF-16"),
    ):
        (target / "series.csv").write_text(text)
        with pytest.raises(InputError, match=words):
            settings_of(series)
    (target / "series.csv").write_text(f"\ufeff{head}\r{row}\r{row}\r", encoding="utf-8")
    assert settings_of(series) == settings


def test_the_real_series_passes_and_its_scanner_is_remarked(real_series_folder: Path) -> None:
    series = find_series(real_series_folder)[0]
    settings = settings_of(series)
    selection = select_series(series)
    assert unlike_settings(settings) == ()
    assert unlike_pixels(read_slice(series.files[int(selection.counts.argmax())])) == ()
    assert any("Philips" in remark for remark in cautions(settings, series.kind))
