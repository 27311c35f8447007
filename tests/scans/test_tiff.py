"""covidlib.scans.tiff, tiff_pixels, file_kinds: what other programs write under the name .tif, and how it is named."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import tifffile
from support.made import write_series

from covidlib.errors import InputError
from covidlib.scans.file_kinds import other_kind
from covidlib.scans.gate import find_series
from covidlib.scans.slices import RowReader, read_rows, read_slice
from covidlib.scans.tiff import EightBit, FloatPixels, Truncated, Unreadable, announced_images, write_slice
from covidlib.scans.tiff_pixels import turned, unpacked
from covidlib.selection import select_series

PIXELS = np.random.default_rng(8).integers(0, 4096, (40, 31)).astype(np.uint16)
STACK = np.stack([PIXELS] * 12)
Write = Callable[[Path], object]


def grey(path: Path, pixels: np.ndarray = PIXELS, **options: object) -> None:
    tifffile.imwrite(path, pixels, **{"photometric": "minisblack", "metadata": None} | options)  # type: ignore[arg-type]


def by_hand(
    path: Path,
    fields: dict[int, int | tuple[int, ...] | None] | None = None,
    order: str = "<",
    stored: bytes = b"",
    shape: tuple[int, int] = (40, 31),
) -> None:
    """Write fields that tifffile does not: those given replace those of a plain slice, None leaves one out.

    A plain slice has its list of fields before its pixels; each field is one 32-bit number, or a tuple of them, which
    stands behind the list. Offsets of strips or tiles count from the first pixel.
    """
    stored = stored or PIXELS.astype(f"{order}u2").tobytes()
    plain: dict[int, int | tuple[int, ...] | None]
    plain = {256: shape[1], 257: shape[0], 258: 16, 259: 1, 262: 1, 273: 0, 277: 1, 279: len(stored)}
    values = {tag: value for tag, value in (plain | (fields or {})).items() if value is not None}
    tuples = {tag: value if isinstance(value, tuple) else (value,) for tag, value in sorted(values.items())}
    behind = 8 + 2 + 12 * len(tuples) + 4
    pixels_at = behind + sum(4 * len(value) for value in tuples.values() if len(value) > 1)
    entries, numbers = b"", b""
    for tag, value in tuples.items():
        placed = [pixels_at + one for one in value] if tag in (273, 324) else list(value)
        inline = placed[0] if len(placed) == 1 else behind + len(numbers)
        entries += struct.pack(f"{order}HHII", tag, 4, len(placed), inline)
        numbers += struct.pack(f"{order}{len(placed)}I", *placed) if len(placed) > 1 else b""
    mark = b"II" if order == "<" else b"MM"
    header = mark + struct.pack(f"{order}HIH", 42, 8, len(tuples)) + entries + bytes(4) + numbers
    path.write_bytes(header + stored)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "IM00001.tif"


def orientation_of(path: Path) -> int:
    reader = RowReader()
    reader.read(path)
    return reader.orientation


def refusal(path: Path, kind: type[InputError] = InputError) -> str:
    """The message of all readers for a file that none of them takes."""
    messages = []
    for read in (read_slice, orientation_of, lambda path: RowReader().read(path, slice(3, 9))):
        with pytest.raises(InputError) as caught:
            read(path)
        assert type(caught.value) is kind and caught.value.where == path
        messages.append(str(caught.value))
    assert len(set(messages)) == 1
    return messages[0]


# Stacks ---------------------------------------------------------------------------------------------------------------


def plain_stack(path: Path, description: str) -> None:
    """Twelve images behind the list of fields of the first, with a description such as ImageJ's."""
    grey(path, description=description)
    with path.open("ab") as stream:
        stream.write(STACK[1:].tobytes())


STACKS: list[tuple[Write, int]] = [
    (lambda path: tifffile.imwrite(path, STACK, imagej=True), 12),
    (lambda path: tifffile.imwrite(path, STACK, imagej=True, truncate=True), 12),
    (lambda path: tifffile.imwrite(path, STACK, imagej=True, truncate=True, byteorder=">"), 12),
    (lambda path: tifffile.imwrite(path, np.stack([STACK, STACK])[:, :, None], imagej=True, truncate=True), 24),
    (lambda path: tifffile.imwrite(path, STACK, photometric="minisblack"), 12),
    (lambda path: tifffile.imwrite(path, STACK, photometric="minisblack", truncate=True), 12),
    (lambda path: tifffile.imwrite(path, STACK, photometric="minisblack", truncate=True, bigtiff=True), 12),
    (lambda path: tifffile.imwrite(path, STACK, photometric="minisblack", ome=True), 12),
    (lambda path: grey(path, STACK, compression="zlib"), 12),
    (lambda path: grey(path, STACK, volumetric=True), 12),
    (lambda path: plain_stack(path, "ImageJ=1.53t\nimages=12\nslices=12\nloop=false\n"), 12),
    (lambda path: plain_stack(path, '{"shape": [12, 40, 31]}'), 12),
]


@pytest.mark.parametrize(("write", "images"), STACKS)
def test_a_stack_in_one_file_is_refused_with_its_number_of_images(path: Path, write: Write, images: int) -> None:
    write(path)
    message = refusal(path)
    assert f"IM00001.tif: holds {images} images, expected 1. Write one slice per file" in message


def with_inner(path: Path, *inner: np.ndarray, **options: object) -> None:
    """A slice with other pictures inside it (SubIFDs)."""
    with tifffile.TiffWriter(path) as file:
        file.write(PIXELS, photometric="minisblack", metadata=None, subifds=len(inner))
        for pixels in inner:
            file.write(pixels, photometric="minisblack", metadata=None, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{}, {"subfiletype": 1}, {"compression": "zlib"}])
def test_a_second_image_inside_the_first_is_refused(path: Path, options: dict[str, object]) -> None:
    with_inner(path, PIXELS[::-1].copy(), PIXELS + 1, **options)
    assert "holds 3 images, expected 1" in refusal(path)


@pytest.mark.parametrize("options", [{}, {"subfiletype": 1}])
def test_smaller_copies_inside_a_slice_are_passed_over(path: Path, options: dict[str, object]) -> None:
    with_inner(path, PIXELS[::2, ::2].copy(), PIXELS[::4, ::4].copy(), **options)
    assert np.array_equal(read_slice(path), PIXELS)


@pytest.mark.parametrize(
    "options",
    [{}, {"byteorder": ">"}, {"bigtiff": True}, {"compression": "zlib"}, {"tile": (16, 16)}, {"rowsperstrip": 7}],
)
@pytest.mark.parametrize("images", [1, 11])
def test_images_that_no_field_names_are_refused(path: Path, options: dict[str, object], images: int) -> None:
    grey(path, **options)
    with path.open("ab") as stream:
        stream.write(STACK[:images].tobytes() if images < 12 else b"")
    what = "one more image has" if images == 1 else "11 more images have"
    assert f"bytes that no field names, as many as {what}" in refusal(path)


def test_what_a_field_names_and_a_short_end_are_no_images(path: Path) -> None:
    grey(path, extratags=[(65000, 1, 9000, bytes(9000), True)])
    assert np.array_equal(read_slice(path), PIXELS)
    grey(path)
    path.write_bytes(path.read_bytes() + bytes(PIXELS.nbytes // 2))
    assert np.array_equal(read_slice(path), PIXELS)


def test_a_stack_of_metamorph_is_refused(path: Path) -> None:
    """Its list of fields is that of the first image; the field of a stack has one entry for each."""
    tifffile.imwrite(path, PIXELS, photometric="minisblack", metadata=None, extratags=[(33629, 4, 12, [0] * 12, True)])
    assert "holds 12 images" in refusal(path)


def test_a_stack_among_slices_is_seen_by_a_reader_that_knows_their_header(tmp_path: Path) -> None:
    reader = RowReader()
    tifffile.imwrite(tmp_path / "one.tif", PIXELS, imagej=True)
    tifffile.imwrite(tmp_path / "stack.tif", STACK, imagej=True, truncate=True)
    assert np.array_equal(reader.read(tmp_path / "one.tif")[0], PIXELS)
    with pytest.raises(InputError, match=r"stack\.tif: holds 12 images"):
        reader.read(tmp_path / "stack.tif")


def test_a_stack_cut_off_is_no_slice_either(path: Path) -> None:
    tifffile.imwrite(path, STACK, imagej=True, truncate=True)
    content = path.read_bytes()
    for kept in (len(content) // 2, PIXELS.nbytes + 600):
        path.write_bytes(content[:kept])
        assert "holds 12 images" in refusal(path)


@pytest.mark.parametrize(
    "description",
    ["ImageJ=1.53t\nimages=12\nslices=12\n", '{"shape": [12, 40, 31]}', "ImageJ=1.53t\nmin=0\n", "a lung"],
)
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_one_slice_of_a_stack_is_read_although_its_description_was_kept(
    path: Path, description: str, compression: str | None
) -> None:
    grey(path, description=description, compression=compression)
    assert np.array_equal(read_slice(path), PIXELS)


@pytest.mark.parametrize(
    ("description", "images"),
    [
        ("ImageJ=1.53t\nimages=12\nslices=12\n", 12),
        ("ImageJ=1.53t\nimages=24\nchannels=2\nslices=12\nhyperstack=true\n", 24),
        ("ImageJ=1.53t\nchannels=2\nslices=3\nframes=4", 24),
        ("SCIFIO=1\nimages=5\n", 5),
        ("ImageJ=1.53t\nunit=mm\n", 1),
        ("images=12", 1),
        ('{"shape": [12, 40, 31]}', 12),
        ('{"shape": [2, 6, 40, 31], "axes": "TZYX"}', 12),
        ('{"shape": [40, 31]}', 1),
        ('{"shape": []}', 1),
        ("", 1),
    ],
)
def test_images_are_counted_in_the_description(description: str, images: int) -> None:
    assert announced_images(description, 40 * 31) == images


# Smaller copies -------------------------------------------------------------------------------------------------------


def with_thumbnail(
    path: Path, *, first: bool = False, subifd: bool = False, small: np.ndarray = PIXELS[::4, ::4]
) -> None:
    with tifffile.TiffWriter(path) as writer:
        pictures: list[tuple[np.ndarray, int]] = [(PIXELS, 0), (small, 1)]
        for number, (pixels, kind) in enumerate(reversed(pictures) if first else pictures):
            subifds = 1 if subifd and number == 0 else None
            writer.write(pixels, subfiletype=kind, subifds=subifds, photometric="minisblack", metadata=None)


@pytest.mark.parametrize(
    "options", [{}, {"first": True}, {"subifd": True}, {"small": (PIXELS[::4, ::4] // 16).astype(np.uint8)}]
)
def test_a_slice_with_a_thumbnail_beside_it_is_read(path: Path, options: dict[str, object]) -> None:
    with_thumbnail(path, **options)  # type: ignore[arg-type]
    assert np.array_equal(read_slice(path), PIXELS)
    assert np.array_equal(read_rows(path, slice(5, 9))[0], PIXELS[5:9])


def test_a_file_that_hides_the_slice_behind_its_thumbnail_is_refused(path: Path) -> None:
    with_thumbnail(path, first=True, subifd=True)
    assert "a smaller copy of the picture (a thumbnail) first" in refusal(path)


def test_two_pictures_of_one_size_are_two_images_whatever_the_second_is_called(path: Path) -> None:
    with_thumbnail(path, small=PIXELS)
    assert "holds 2 images, expected 1" in refusal(path)


# Orientation ----------------------------------------------------------------------------------------------------------

SHOWN = {
    1: [[1, 2, 3], [4, 5, 6]],
    2: [[3, 2, 1], [6, 5, 4]],
    3: [[6, 5, 4], [3, 2, 1]],
    4: [[4, 5, 6], [1, 2, 3]],
    5: [[1, 4], [2, 5], [3, 6]],
    6: [[4, 1], [5, 2], [6, 3]],
    7: [[6, 3], [5, 2], [4, 1]],
    8: [[3, 6], [2, 5], [1, 4]],
}
"""The stored rows 1 2 3 and 4 5 6 as TIFF 6.0 describes them: where the first row is, and the first column."""


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_its_tag_says(orientation: int) -> None:
    assert turned(np.array([[1, 2, 3], [4, 5, 6]]), orientation).tolist() == SHOWN[orientation]


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"byteorder": ">"}, {"rowsperstrip": 7}])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_rows_are_those_of_the_turned_slice(path: Path, orientation: int, options: dict[str, object]) -> None:
    grey(path, extratags=[(274, 3, 1, orientation, True)], **options)
    upright = turned(PIXELS, orientation)
    reader = RowReader()
    for rows in (slice(None), slice(4, 20), slice(20, 4, -3), slice(0)):
        pixels, shape = reader.read(path, rows)
        assert shape == upright.shape and pixels.dtype == np.uint16
        assert np.array_equal(pixels, upright[rows])
    assert orientation_of(path) == orientation
    assert read_slice(path).flags.c_contiguous


def test_a_reader_that_knows_a_header_turns_the_slice_that_differs(tmp_path: Path) -> None:
    reader = RowReader()
    for name, orientation in (("a.tif", 1), ("b.tif", 3), ("c.tif", 1), ("d.tif", 4)):
        grey(tmp_path / name, extratags=[(274, 3, 1, orientation, True)])
        assert np.array_equal(reader.read(tmp_path / name, slice(2, 7))[0], turned(PIXELS, orientation)[2:7]), name


def test_the_rule_counts_in_the_turned_slice(tmp_path: Path) -> None:
    dark = [0, 500, 2000]
    write_series(tmp_path / "upright", dark)
    for path in (tmp_path / "upright").iterdir():
        (tmp_path / "lying").mkdir(exist_ok=True)
        lying = np.rot90(read_slice(path), -1)  # tag 8: its first row is on the left
        grey(tmp_path / "lying" / path.name, lying, extratags=[(274, 3, 1, 8, True)])
    for name in ("upright", "lying"):
        (series,) = find_series(tmp_path / name)
        assert select_series(series).counts.tolist() == dark


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_tiff_does_not_define_is_refused(path: Path, orientation: int) -> None:
    by_hand(path, {274: orientation})
    assert f"has the Orientation {orientation} (tag 274), expected 1 to 8" in refusal(path)


def test_a_slice_without_the_tag_lies_as_it_is_stored(path: Path) -> None:
    write_slice(path, PIXELS)
    assert orientation_of(path) == 1


# Bits and compression -------------------------------------------------------------------------------------------------


def packed(pixels: np.ndarray, bits: int) -> bytes:
    """Rows of numbers of so many bits as text of noughts and ones, each row filled up to whole bytes."""
    rows = ("".join(f"{int(value):0{bits}b}" for value in row) for row in pixels)
    return b"".join(int(row.ljust(-(-len(row) // 8) * 8, "0"), 2).to_bytes(-(-len(row) // 8), "big") for row in rows)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [12, 13, 14, 15])
def test_packed_pixels_are_read(path: Path, bits: int, order: str) -> None:
    pixels = PIXELS.astype(np.int64) * (1 << bits) // 4096
    stored = packed(pixels, bits)
    by_hand(path, {258: bits}, order, stored)
    assert len(stored) < PIXELS.nbytes
    assert np.array_equal(read_slice(path), pixels) and read_slice(path).dtype == np.uint16
    assert np.array_equal(RowReader().read(path, slice(5, 9))[0], pixels[5:9])
    path.write_bytes(path.read_bytes()[:-1])
    assert "is truncated" in refusal(path, Truncated)


def test_two_pixels_of_12_bits_stand_in_three_bytes_in_the_order_of_the_specification() -> None:
    assert unpacked(bytes([0xAB, 0xCD, 0xEF, 0x12, 0x34, 0x56]), 2, 12).tolist() == [[0xABC, 0xDEF], [0x123, 0x456]]
    assert unpacked(bytes([0xAB, 0xC0, 0x12, 0x30]), 1, 12).tolist() == [[0xABC], [0x123]]


def test_packed_strips_are_joined_in_the_order_of_the_rows(path: Path) -> None:
    """Strips may lie in any order in the file; here the second half of the picture stands first."""
    stored = packed(PIXELS, 12)
    half = len(stored) // 2
    fields: dict[int, int | tuple[int, ...] | None] = {258: 12, 273: (half, 0), 278: 20, 279: (half, half)}
    by_hand(path, fields, stored=stored[half:] + stored[:half])
    assert np.array_equal(read_slice(path), PIXELS)


@pytest.mark.parametrize("bits", [9, 10, 11])
def test_fewer_bits_than_ct_needs_are_refused(path: Path, bits: int) -> None:
    by_hand(path, {258: bits}, stored=packed(PIXELS >> 12 - bits, bits))
    assert f"has {bits} bits a pixel, expected 16, or 12 to 15 that are packed" in refusal(path)


@pytest.mark.parametrize(
    "options",
    [{"compression": "zlib"}, {"compression": "zlib", "predictor": True}, {"bigtiff": True}, {"byteorder": ">"},
     {"bigtiff": True, "byteorder": ">"}, {"compression": "zlib", "tile": (16, 16)}, {"rowsperstrip": 7}],
)  # fmt: skip
def test_what_tiff_allows_besides_is_read(path: Path, options: dict[str, object]) -> None:
    grey(path, **options)
    assert np.array_equal(read_slice(path), PIXELS)
    assert np.array_equal(read_rows(path, slice(3, 9))[0], PIXELS[3:9])


def test_bytes_whose_bits_run_backwards_are_read(path: Path) -> None:
    backwards = np.packbits(np.unpackbits(PIXELS.view(np.uint8).reshape(-1, 1), axis=1)[:, ::-1], axis=1)
    by_hand(path, {266: 2}, stored=backwards.tobytes())
    assert np.array_equal(read_slice(path), PIXELS)


METHODS = [(5, "LZW"), (7, "JPEG"), (34712, "JPEG2000"), (34887, "LERC"), (50000, "ZSTD")]


@pytest.mark.skipif(find_spec("imagecodecs") is not None, reason="imagecodecs reads them")
@pytest.mark.parametrize(("number", "name"), METHODS)
def test_a_compression_that_needs_a_package_names_it(path: Path, number: int, name: str) -> None:
    by_hand(path, {259: number})
    with pytest.raises(Unreadable) as caught:
        read_slice(path)
    assert f"is compressed with {name}, which only the package imagecodecs can decode" in str(caught.value)
    assert "Run `pip install imagecodecs`" in str(caught.value) and "copy" not in str(caught.value).lower()


TILES = {322: 16, 323: 16, 324: (0, 384, 768, 1152), 325: (384,) * 4, 273: None, 279: None}
"""Two by two tiles of 16×16 packed pixels, which need as many bytes as 32 rows of 32 pixels."""


@pytest.mark.skipif(find_spec("imagecodecs") is not None, reason="imagecodecs reads them")
@pytest.mark.parametrize("fields", [TILES, {266: 2}])
def test_pixels_that_are_packed_otherwise_name_the_package_too(path: Path, fields: dict[int, int | None]) -> None:
    by_hand(path, {258: 12} | fields, stored=bytes(32 * 48), shape=(32, 32))
    with pytest.raises(Unreadable, match=r"packs 12 bits a pixel in an unusual way.*pip install imagecodecs"):
        read_slice(path)


def test_a_file_that_is_gone_or_damaged_is_named(path: Path) -> None:
    assert "IM00001.tif: no such file" in refusal(path)
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, 5000) + bytes(5000 * 12 + 4))
    assert "IM00001.tif: cannot be read as TIFF" in refusal(path)


def test_damage_is_not_blamed_on_a_missing_package(path: Path) -> None:
    by_hand(path, {259: 8})
    with pytest.raises(InputError, match=r"cannot be read as TIFF.*incomplete copy") as caught:
        read_slice(path)
    assert "imagecodecs" not in str(caught.value)


def test_a_compression_that_nobody_knows_is_no_partial_copy(path: Path) -> None:
    by_hand(path, {259: 999})
    assert "is compressed with method 999, which tifffile does not know" in refusal(path, Unreadable)


# What is said of other pixels -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["int16", "int32", "float32", "float64"])
def test_hounsfield_units_without_the_offset_are_told_to_add_it(path: Path, kind: str) -> None:
    grey(path, (PIXELS.astype(np.int32) - 1024).astype(kind))
    message = refusal(path, FloatPixels if kind.startswith("float") else InputError)
    assert f"has {kind} pixels, expected unsigned 16-bit (uint16)" in message
    assert "add 1024" in message and "as uint16" in message and "does not restore" not in message


def test_wide_numbers_are_told_to_stay_the_same(path: Path) -> None:
    grey(path, PIXELS.astype(np.uint32))
    message = refusal(path)
    assert "has uint32 pixels" in message and "store the same values as uint16" in message
    assert "add 1024" not in message and "does not restore" not in message


@pytest.mark.parametrize("kind", ["bool", "int8", "float16"])
def test_types_that_lose_values_are_told_to_export_again(path: Path, kind: str) -> None:
    grey(path, (PIXELS // 64).astype(kind))
    message = refusal(path)
    assert f"has {kind} pixels" in message and "converting back does not restore them" in message


def test_eight_bits_lose_values_too(path: Path) -> None:
    grey(path, (PIXELS // 16).astype(np.uint8))
    assert "has 8-bit pixels (uint8), expected unsigned 16-bit" in refusal(path, EightBit)


@pytest.mark.parametrize("options", [{"photometric": "rgb"}, {"photometric": "rgb", "planarconfig": "separate"}])
def test_colour_is_refused_and_no_stack(path: Path, options: dict[str, str]) -> None:
    axis = 0 if "planarconfig" in options else 2
    grey(path, np.stack([PIXELS] * 3, axis), **options)
    assert "expected one grey channel (rows, columns)" in refusal(path)


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_file_that_does_not_say_whether_0_is_black_is_not_called_white(path: Path, order: str) -> None:
    by_hand(path, {262: None}, order)
    message = refusal(path)
    assert "has no PhotometricInterpretation (tag 262), which says whether 0 is black" in message
    assert "write the slice again with covidlib.scans.tiff.write_slice" in message and "WHITE" not in message
    write_slice(path, tifffile.imread(path))
    assert np.array_equal(read_slice(path), PIXELS)


@pytest.mark.parametrize(
    ("number", "problem"),
    [(0, "MINISWHITE (0 is white), expected MINISBLACK"), (3, "PhotometricInterpretation PALETTE, expected"),
     (77, "PhotometricInterpretation 77, expected")],
)  # fmt: skip
def test_other_meanings_of_the_values_are_named(path: Path, number: int, problem: str) -> None:
    by_hand(path, {262: number})
    assert problem in refusal(path)


# No TIFF --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "kind", "remedy"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(300), "a PNG image", "Export the slice again"),
        (b"\xff\xd8\xff\xe0" + bytes(300), "a JPEG image", "Export the slice again"),
        (b"BM" + bytes(300), "a BMP image", "Export the slice again"),
        (bytes(128) + b"DICM" + bytes(300), "a DICOM file", "end in .dcm"),
        (gzip.compress(b"slices" * 100), "a gzip archive", "Unpack it"),
        (b"PK\x03\x04" + bytes(300), "a zip archive", "Unpack it"),
        (b"<!DOCTYPE html>\n<html>404" * 20, "a web page (HTML)", "Download the file again"),
        (b"<HTML>404", "a web page (HTML)", "Download the file again"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a pointer of Git LFS", "git lfs pull"),
        (b"patient 1, series 2\n" * 20, "text", "Download the file again"),
        (b"MM is a text", "text", "Download the file again"),
        (bytes(5000), "a file of zero bytes", "Download the file again"),
        (b"II\x99\x00" + bytes(500), "of an unknown format (its first bytes are 49 49 99 00)", "Copy or download"),
    ],
)
def test_a_file_that_is_no_tiff_is_named_by_what_it_is(path: Path, content: bytes, kind: str, remedy: str) -> None:
    path.write_bytes(content)
    message = refusal(path, Unreadable)
    assert f"is not a TIFF file but {kind}" in message and remedy in message
    assert other_kind(content[:132])[0] in message


def test_an_empty_file_is_called_empty(path: Path) -> None:
    path.write_bytes(b"")
    assert "IM00001.tif: is empty (0 bytes). Copy or download the file again." in refusal(path, Truncated)


@pytest.mark.parametrize("options", [{}, {"byteorder": ">"}, {"bigtiff": True}, {"bigtiff": True, "byteorder": ">"}])
def test_a_file_cut_within_its_fields_is_truncated(path: Path, options: dict[str, object]) -> None:
    grey(path, **options)
    content = path.read_bytes()
    for kept in (2, 3, 7, 15, 40, 100):
        path.write_bytes(content[:kept])
        assert f"is truncated: {kept} bytes, its list of fields is cut off" in refusal(path, Truncated)
    path.write_bytes(content[:-1])
    assert f"is truncated: {len(content) - 1} bytes, expected at least {len(content)}" in refusal(path, Truncated)


def test_a_file_that_does_not_say_where_its_pixels_stand_is_refused(path: Path) -> None:
    by_hand(path, {273: None, 279: None})
    assert "has no pixels: none of its fields says where they stand" in refusal(path)


def test_strips_that_lie_in_another_order_are_no_truncation(path: Path) -> None:
    half = PIXELS.nbytes // 2
    by_hand(path, {273: (half, 0), 278: 20, 279: (half, half)}, stored=PIXELS[20:].tobytes() + PIXELS[:20].tobytes())
    assert np.array_equal(read_slice(path), PIXELS)
