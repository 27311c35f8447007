"""covidlib.scans.stored_integers: a slice divided by its own maximum keeps its integers, and nothing else does."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from support.made import body_slice, write_series

from covidlib.cli.main import main
from covidlib.datasets import public_files
from covidlib.errors import InputError
from covidlib.scans.gate import open_folder
from covidlib.scans.slices import read_slice
from covidlib.scans.stored_integers import quotient, read_float_slice, recover, recover_folder
from covidlib.scans.tiff import FloatPixels, write_slice

RNG = np.random.default_rng(19)


def integers(largest: int, seed: int = 0) -> np.ndarray:
    """A varied slice with a known largest value; its integers have no factor in common."""
    pixels = np.random.default_rng(seed).integers(0, largest + 1, (64, 48)).astype(np.uint16)
    pixels[0, :3] = 0, 1, largest
    return pixels


def write_float(path: Path, image: np.ndarray, **options: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, image, **{"photometric": "minisblack", "metadata": None} | options)  # type: ignore[arg-type]


# Found ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("largest", [256, 257, 1099, 2047, 2048, 2475, 2560, 4095, 4096, 40000, 65521, 65535])
def test_the_integers_come_back_bit_for_bit(largest: int, dtype: type) -> None:
    pixels = integers(largest, seed=largest)
    image = (pixels / pixels.max()).astype(dtype)
    found = recover(image)
    assert found.largest == largest and found.pixels.dtype == np.uint16
    assert np.array_equal(found.pixels, pixels)
    assert quotient(found.pixels, found.largest, dtype).tobytes() == image.tobytes()


@settings(max_examples=60, deadline=None)
@given(st.integers(256, 65535), st.integers(0, 2**32 - 1), st.sampled_from([np.float32, np.float64]))
def test_any_whole_number_of_nine_to_sixteen_bits_is_found(largest: int, seed: int, dtype: type) -> None:
    pixels = integers(largest, seed)
    found = recover(quotient(pixels, largest, dtype))
    assert found.largest == largest and np.array_equal(found.pixels, pixels)
    assert all(other % largest == 0 for other in found.others)


def test_dividing_in_single_or_in_double_precision_gives_the_same_file() -> None:
    pixels = integers(65535)
    for largest in (2475, 4095, 40009, 65535):
        part = np.minimum(pixels, largest)
        single = part.astype(np.float32) / np.float32(largest)
        assert single.dtype == np.float32 and single.tobytes() == quotient(part, largest).tobytes()


def test_a_common_factor_is_the_one_thing_that_stays_open() -> None:
    half = integers(1200)
    image = quotient(half * 2, 2400)
    found = recover(image)
    assert found.largest == 1200 and found.others == (2400, 3600) and np.array_equal(found.pixels, half)
    # Beyond 2,047, twice the number needs more than the scanner's 12 bits.
    assert recover(quotient(integers(2048), 2048)).others == ()


def test_values_times_sixteen_come_back_as_hu_plus_1024() -> None:
    found = recover(quotient(integers(2500) * 16, 40000))
    assert found.largest == 2500


def test_big_endian_values_are_the_same_values() -> None:
    pixels = integers(2475)
    assert np.array_equal(recover(quotient(pixels, 2475).astype(">f4")).pixels, pixels)


# Not found ------------------------------------------------------------------------------------------------------------


def noisy(image: np.ndarray) -> np.ndarray:
    """Noise far below a thousandth of a step of the integers."""
    noise = RNG.normal(scale=1e-6, size=image.shape)
    return np.clip(image + noise, 0, 1).astype(np.float32)


def resampled(image: np.ndarray) -> np.ndarray:
    halved = image[: len(image) // 3 * 3].reshape(-1, 3, image.shape[1]).mean(axis=1, dtype=np.float64)
    return (halved / halved.max()).astype(np.float32)


def sums(image: np.ndarray) -> np.ndarray:
    """The mean of two slices, each divided by its own maximum."""
    both = image.astype(np.float64) + quotient(integers(2691, seed=5), 2691)
    return (both / both.max()).astype(np.float32)


def by_reciprocal(image: np.ndarray) -> np.ndarray:
    """A slice stretched from its smallest value, as a viewer does: (a - low) / (high - low) in single precision."""
    low = np.float32(0.01)
    return np.clip((image - low) / (np.float32(1) - low), 0, 1)


WRONG: list[tuple[str, Callable[[np.ndarray], np.ndarray], str]] = [
    ("noise", noisy, "no whole number up to 65,535 reproduces its values"),
    ("uniform noise", lambda image: noisy(RNG.random(image.shape)), "from .* expected 0 or more to exactly 1|no whole"),
    ("resampled", resampled, "no whole number up to 65,535"),
    ("sum of two slices", sums, "no whole number up to 65,535"),
    ("stretched from a threshold", by_reciprocal, "no whole number up to 65,535"),
    ("one value changed", lambda image: np.where(image == image[3, 3], np.nextafter(image, 1), image), "no whole"),
    ("8 bits", lambda image: quotient(np.rint(image * 255).astype(np.uint16), 255), "at most 8 bits"),
    ("8 bits by 4095", lambda image: np.rint(image * 255).astype(np.float32) / np.float32(4095), "from 0 to 0.0622711"),
    ("a mask", lambda image: (image > 0.5).astype(np.float32), "at most 8 bits.*divided by 1"),
    ("HU", lambda image: (image * 2475 - 1024).astype(np.float32), "from -1024 to 1451"),
    ("air alone", lambda image: np.zeros_like(image), "from 0 to 0"),
    ("NaN", lambda image: np.where(image == image[3, 3], np.float32(np.nan), image), "not finite"),
    ("negative zero", lambda image: np.where(image == 0, np.float32(-0.0), image), "negative zeros"),
    ("half precision", lambda image: image.astype(np.float16), "float16 pixels"),
    ("integers", lambda image: np.rint(image * 2475).astype(np.uint16), "uint16 pixels"),
    ("colour", lambda image: np.stack([image] * 3), "of shape"),
    (
        "two values",
        lambda image: np.where(image > 0.5, np.float32(1), np.float32(300 / 65521)),
        "only 2 .* 39531, 65521",
    ),
]


@pytest.mark.parametrize(("spoil", "problem"), [(s, p) for _, s, p in WRONG], ids=[name for name, _, _ in WRONG])
def test_what_is_no_such_quotient_is_told_so(spoil: Callable[[np.ndarray], np.ndarray], problem: str) -> None:
    image = quotient(integers(2475), 2475)
    assert recover(image).largest == 2475
    with pytest.raises(InputError, match=problem) as caught:
        recover(spoil(image), "IM1.tif")
    assert str(caught.value.where) == "IM1.tif" and "again from the source" in caught.value.remedy


def test_a_slice_takes_less_than_a_second_found_or_not() -> None:
    pixels = RNG.integers(0, 60001, (512, 512)).astype(np.uint16)
    pixels[0, 0] = 60000
    for image in (quotient(pixels, 60000), noisy(quotient(pixels, 60000)), RNG.random((512, 512))):
        image[0, 0] = 1
        start = time.perf_counter()
        try:
            assert recover(image).largest == 60000
        except InputError as error:
            assert "no whole number" in error.problem
        assert time.perf_counter() - start < 1


# Files ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [{}, {"compression": "zlib"}, {"byteorder": ">"}, {"rowsperstrip": 7}, {"predictor": 3, "compression": "zlib"}],
)
def test_a_float_file_is_refused_with_the_command_and_recovered_by_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: dict[str, object]
) -> None:
    if "predictor" in options:
        pytest.importorskip("imagecodecs")
    pixels = body_slice(500)
    write_float(tmp_path / "IM1.tif", quotient(pixels, int(pixels.max())), **options)
    with pytest.raises(FloatPixels, match="covidlib recover FOLDER NEW"):
        read_slice(tmp_path / "IM1.tif")
    assert main(["recover", str(tmp_path / "IM1.tif"), str(tmp_path / "new.tif")]) == 0
    assert f"integers divided by {pixels.max()}; multiples of them, divided by 2198" in capsys.readouterr().out
    assert np.array_equal(read_slice(tmp_path / "new.tif"), pixels)


def test_a_picture_on_its_side_is_turned(tmp_path: Path) -> None:
    pixels = integers(2475)
    write_float(tmp_path / "IM1.tif", quotient(pixels, 2475), extratags=[(274, "H", 1, 3, True)])
    image = read_float_slice(tmp_path / "IM1.tif")
    assert image is not None and np.array_equal(recover(image).pixels, pixels[::-1, ::-1])


def float_folder(folder: Path) -> Path:
    """A series in float, a series in integers, and a list."""
    write_series(folder / "a", [100, 200, 300, 250])
    for path in (folder / "a").iterdir():
        pixels = read_slice(path)
        write_float(path, quotient(pixels, int(pixels.max())))
    write_series(folder / "b", [100, 200], seed=50)
    (folder / "labels.csv").write_text("one,two\n")
    return folder


def test_a_folder_is_recovered_and_the_rest_of_it_copied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = float_folder(tmp_path / "FOLDER"), tmp_path / "NEW"
    assert [one.code for one in open_folder(source).refused] == ["float-pixels"]
    assert main(["recover", str(source), str(target)]) == 0
    assert "4 slices recovered, other files copied" in capsys.readouterr().out
    opened = open_folder(target)
    assert len(opened.series) == 2 and not opened.findings
    assert np.array_equal(read_slice(target / "a" / "IM00002.tif"), body_slice(200, 2))
    for name in ("labels.csv", "b/IM00001.tif"):
        assert (target / name).read_bytes() == (source / name).read_bytes()


def test_one_file_that_cannot_be_recovered_is_named_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = float_folder(tmp_path / "FOLDER")
    write_float(source / "a" / "IM00003.tif", noisy(quotient(body_slice(), 1099)))
    before = sorted(tmp_path.iterdir())
    assert main(["recover", str(source), str(tmp_path / "NEW")]) == 2
    message = capsys.readouterr().err
    assert "IM00003.tif" in message and "(1 of 4 files that are no 16-bit slices cannot be recovered)" in message
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("make", "target", "problem"),
    [
        (lambda path: write_slice(path, body_slice()), "new.tif", "there is nothing to recover"),
        (lambda path: write_float(path, quotient(integers(2475), 2475)), "there.tif", "already exists"),
        (lambda path: write_float(path, quotient(integers(2475), 2475)), "none/new.tif", "there is no such folder"),
        (lambda path: path.write_bytes(b"<html>404, but longer than a header</html>"), "new.tif", "is not a TIFF file"),
        (lambda path: None, "new.tif", "there is no such file"),
        (lambda path: path.mkdir(), "new", "contains no float TIFF"),
        (lambda path: path.mkdir(), "there.tif", "is a file, not a folder"),
    ],
)
def test_other_sources_and_targets_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Callable[[Path], object], target: str, problem: str
) -> None:
    (tmp_path / "there.tif").write_text("mine")
    make(tmp_path / "IM1.tif")
    assert main(["recover", str(tmp_path / "IM1.tif"), str(tmp_path / target)]) == 2
    assert problem in capsys.readouterr().err
    assert (tmp_path / "there.tif").read_text() == "mine"


def test_a_float_file_that_is_cut_off_is_truncated(tmp_path: Path) -> None:
    path = tmp_path / "IM1.tif"
    write_float(path, quotient(integers(2475), 2475))
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(InputError, match="is truncated"):
        read_float_slice(path)


# Real slices ----------------------------------------------------------------------------------------------------------


def test_real_slices_of_covid_ctset_come_back_bit_for_bit(mirror: Path, tmp_path: Path) -> None:
    assert main(["fetch", "covid-ctset-float", "--to", str(tmp_path / "float")]) == 0
    found = recover_folder(tmp_path / "float", tmp_path / "NEW")
    divisors = {path.stem: whole.largest for path, whole in found.items()}
    assert divisors == {"covid1": 2560, "covid3": 2691, "covid4": 2475, "normal2": 2522, "normal3": 2773}
    assert all(whole.others == () for whole in found.values())
    for name, largest in divisors.items():
        pixels = read_slice(tmp_path / "NEW" / f"{name}.tif")
        stored = tifffile.imread(public_files.fetch_folder(public_files.FLOAT_SLICES) / f"{name}.tif")
        assert stored.dtype == np.float32 and quotient(pixels, largest).tobytes() == stored.tobytes()
