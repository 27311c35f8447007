"""covidlib.datasets.check_slices: files are read and named as the readers do it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from support.made import body_slice

from covidlib.datasets.check_slices import inspect
from covidlib.errors import InputError
from covidlib.scans.slices import read_slice
from covidlib.scans.tiff import write_slice

PIXELS = body_slice(seed=3)
Write = Callable[[Path], object]


def grey(path: Path, pixels: np.ndarray = PIXELS, **options: object) -> None:
    tifffile.imwrite(path, pixels, **{"photometric": "minisblack", "metadata": None} | options)  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "IM00001.tif"


@pytest.mark.parametrize(
    "options",
    [{}, {"byteorder": ">"}, {"bigtiff": True}, {"bigtiff": True, "byteorder": ">"}, {"tile": (64, 64)},
     {"compression": "zlib", "predictor": True}, {"rowsperstrip": 7}, {"description": "ImageJ=1.53t\nimages=12\n"}],
)  # fmt: skip
def test_every_legal_way_to_store_a_slice_gives_the_same_hash_and_no_fault(
    path: Path, options: dict[str, object]
) -> None:
    write_slice(path, PIXELS)
    plain = inspect(path)
    grey(path, **options)
    stored = inspect(path)
    assert stored.faults == () and stored.pixel_digest == plain.pixel_digest != ""
    assert stored.file_digest == hashlib.blake2b(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_turned_slice_has_the_hash_of_what_the_readers_give(path: Path, orientation: int) -> None:
    grey(path, extratags=[(274, 3, 1, orientation, True)])
    turned, as_shown = inspect(path), read_slice(path)
    write_slice(path, as_shown)
    assert turned.faults == () and turned.pixel_digest == inspect(path).pixel_digest
    write_slice(path, PIXELS)
    assert turned.pixel_digest != inspect(path).pixel_digest


def cut(path: Path, **options: object) -> None:
    grey(path, **options)
    path.write_bytes(path.read_bytes()[:100])


FAULTS: list[tuple[str, str, Write]] = [
    (
        "other format",
        "holds 12 images",
        lambda path: tifffile.imwrite(path, np.stack([PIXELS] * 12), imagej=True, truncate=True),
    ),
    ("other format", "holds 12 images", lambda path: grey(path, np.stack([PIXELS] * 12), metadata={}, truncate=True)),
    ("other format", "Orientation 9", lambda path: grey(path, extratags=[(274, 3, 1, 9, True)])),
    ("other format", "int16 pixels", lambda path: grey(path, PIXELS.astype(np.int16) - 1024)),
    ("8-bit", "has 8-bit pixels", lambda path: grey(path, (PIXELS // 16).astype(np.uint8))),
    ("truncated", "is empty (0 bytes)", lambda path: path.write_bytes(b"")),
    ("truncated", "100 bytes, its list of fields is cut off", cut),
    ("truncated", "100 bytes, its list of fields is cut off", lambda path: cut(path, bigtiff=True, byteorder=">")),
    (
        "unreadable",
        "is not a TIFF file but a PNG image",
        lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99)),
    ),
    (
        "unreadable",
        "is not a TIFF file but a DICOM file",
        lambda path: path.write_bytes(bytes(128) + b"DICM" + bytes(9)),
    ),
]


@pytest.mark.parametrize(("kind", "detail", "write"), FAULTS)
def test_a_file_that_is_no_slice_is_a_fault_in_the_words_of_the_readers(
    path: Path, kind: str, detail: str, write: Write
) -> None:
    write(path)
    found = inspect(path)
    with pytest.raises(InputError) as caught:
        read_slice(path)
    assert found.faults == ((kind, caught.value.problem),) and detail in caught.value.problem
    assert found.pixel_digest == ""
