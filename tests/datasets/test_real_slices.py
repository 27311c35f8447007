"""covidlib.datasets.real_slices: slices that come with the package, their credits, and how they were made."""

from __future__ import annotations

import importlib.util
import re
import runpy
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from booktools import real_slices as tool
from support.made import ROOT

from covidlib.datasets import public_files, real_slices
from covidlib.errors import InputError
from covidlib.scans.dicom import read_dicom
from covidlib.scans.gate import find_series
from covidlib.selection import select_series

FOLDER = real_slices.real_slices_folder()
LISTED = real_slices.list_real_slices()
LARGEST = 8_000_000
"""Bytes of package data for real slices."""
TAGS = {
    "ImageWidth", "ImageLength", "BitsPerSample", "Compression", "PhotometricInterpretation", "StripOffsets",
    "SamplesPerPixel", "RowsPerStrip", "StripByteCounts", "XResolution", "YResolution", "ResolutionUnit", "Predictor",
    "NewSubfileType", "SampleFormat",
}  # fmt: skip
"""What a TIFF file needs; none of these can hold a text."""


def test_each_listed_slice_is_there_and_nothing_else() -> None:
    files = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    assert files == {*LISTED["file"], "slices.csv", "README.md", "LICENSE.txt"}
    assert LISTED["collection"].value_counts().to_dict() == {real_slices.SERIES: 19, real_slices.INFECTED: 8}
    assert LISTED.loc[LISTED["collection"] == real_slices.INFECTED, "patient"].nunique() == 6
    assert LISTED.index.is_unique and LISTED["source"].is_unique


def test_the_folder_stays_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) <= LARGEST


@pytest.mark.parametrize("name", LISTED.index)
def test_the_strict_reader_reads_the_listed_values(name: str) -> None:
    pixels = real_slices.read_real_slice(name)
    assert (pixels.dtype, pixels.shape) == (np.uint16, (512, 512))
    assert pixels.min() == 0 and 1500 < pixels.max() <= 4095
    # Without loss: the noise of the scanner leaves more values than eight bits have.
    assert np.unique(pixels).size > 1000


def test_credits_and_licence_stand_beside_the_slices() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    for collection, credit in real_slices.CREDITS.items():
        (doi,) = re.findall(r"doi:(10\.\S+),", credit)
        assert collection in credit and "CC BY 4.0" in credit
        assert collection in text and f"https://doi.org/{doi}" in text
    assert LISTED["credit"].notna().all() and LISTED["shows"].str.len().min() >= 5
    licence = (FOLDER / "LICENSE.txt").read_text(encoding="utf-8")
    assert "Creative Commons Attribution 4.0 International Public License" in licence
    assert "Section 8" in licence


def test_nothing_in_a_file_can_identify_a_person() -> None:
    for path in FOLDER.rglob("*.tif"):
        with tifffile.TiffFile(path) as tiff:
            assert {tag.name for tag in tiff.pages[0].tags} <= TAGS, path.name
    settings = {"maker", "kernel", "thickness_mm", "pixel_mm", "kvp"}
    about = {"file", "collection", "patient", "instance", "shows", "credit", "sha256", "source"}
    assert set(LISTED.columns) == settings | about
    # Ages, names and dates: of the headers' free text nothing is copied.
    assert set(LISTED["maker"]) == {"Philips", "GE", "Toshiba"}


def test_unknown_names_and_damaged_files_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="unknown real slice"):
        real_slices.read_real_slice("A0001-08")
    other = tmp_path / LISTED.loc["A0001-37", "file"]
    other.parent.mkdir()
    tool.write_compressed(other, real_slices.read_real_slice("A0001-40"))
    (tmp_path / "slices.csv").write_bytes((FOLDER / "slices.csv").read_bytes())
    monkeypatch.setattr(real_slices, "real_slices_folder", lambda: tmp_path)
    with pytest.raises(InputError, match="other values"):
        real_slices.read_real_slice("A0001-37")


def test_the_thinned_series_is_one_series_with_one_block_of_open_lungs() -> None:
    (series,) = find_series(real_slices.real_series_folder())
    assert len(series) == 19 and series.findings == ()
    keep = np.flatnonzero(select_series(series).keep)
    assert keep.tolist() == list(range(keep[0], keep[-1] + 1)) and keep[0] > 0 and keep[-1] < 18


def test_the_values_are_those_of_the_public_files(mirror: Path) -> None:
    for name, row in LISTED.iterrows():
        source = public_files.fetch(row["source"])
        assert np.array_equal(real_slices.read_real_slice(str(name)), read_dicom(source)), name
        assert str(row["instance"]) in source.stem


def test_the_tool_makes_the_folder_again(mirror: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make = runpy.run_path(str(ROOT / "book" / "_ext"))["TOOLS"]["real-slices"]
    assert make([str(tmp_path / "made")]) == 0
    assert "27 slices" in capsys.readouterr().out
    made = {path.relative_to(tmp_path / "made"): path for path in (tmp_path / "made").rglob("*") if path.is_file()}
    assert set(made) == {path.relative_to(FOLDER) for path in FOLDER.rglob("*") if path.is_file()}
    # Other implementations of deflate compress otherwise; the table then still holds the values to those listed.
    same_zlib = importlib.util.find_spec("imagecodecs") is None and "ng" not in zlib.ZLIB_RUNTIME_VERSION
    differing = [
        name.as_posix()
        for name, path in made.items()
        if (same_zlib or name.suffix != ".tif") and path.read_bytes() != (FOLDER / name).read_bytes()
    ]
    assert differing == []
    assert make([str(tmp_path / "made")]) == 2
    assert "covidlib: " in capsys.readouterr().err
