"""Files among the slices of a series that do not belong to it: copies, masks, previews, stacks and litter."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from support.odd_base import Applied, Made, add, chest, slices_of, without, write_tiff

LOUD = "left-out,refused"


def beside(name: str, write: Callable[[Path, np.ndarray], object]) -> Applied:
    """A file more in the folder: the series stays as it is, and the file is to be named if it looks like a slice."""

    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> Made:
        write(folder / name, volume)
        return Made(((volume,),), strays=(name,))

    return apply


def counted_twice(suffix: str) -> Applied:
    """A slice more with the pixels of another: left out, or counted and named."""
    alone = beside(f"IM00013{suffix}", copy_of(suffix))

    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> Made:
        return replace(alone(folder, volume, rng), stated=((np.concatenate([volume, volume[4:5]]),),))

    return apply


def instead(write: Callable[[Path, np.ndarray], object]) -> Applied:
    """The slice in the middle replaced by something else: the others stay, with a finding."""

    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> Made:
        path = slices_of(folder)[6]
        write(path, volume[6])
        return Made(stated=((without(volume, 6),),), strays=(path.name,))

    return apply


def copy_of(suffix: str, place: int = 4) -> Callable[[Path, np.ndarray], object]:
    return lambda path, _: shutil.copy(path.with_name(f"IM{place + 1:05d}{suffix}"), path)


MASKED = {
    "mask of 0 and 1": lambda v: (v < 300).astype(np.uint16),
    "mask of 0 and 255": lambda v: (v < 300).astype(np.uint16) * 255,
    "mask of 0 and 65535": lambda v: (v < 300).astype(np.uint16) * 65535,
    "8-bit mask": lambda v: (v < 300).astype(np.uint8) * 255,
}
for name, make in MASKED.items():
    add(name, "tiff", "contents", LOUD,
        beside("IM00005_mask.tif", lambda path, v, make=make: write_tiff(path, make(v[4]))))  # fmt: skip
for suffix, kind in ((".tif", "tiff"), (".dcm", "dicom")):
    twice = "left-out,refused,note"
    add(f"IM00005 (1){suffix}, same content", kind, "contents", twice, beside(f"IM00005 (1){suffix}", copy_of(suffix)))
    add(
        f"IM00013{suffix}, same content as IM00005",
        kind,
        "contents",
        twice,
        counted_twice(suffix),
    )
TIFFS_BESIDE: dict[str, tuple[str, Callable[[Path, np.ndarray], object]]] = {
    "IM00005 - Copy.tif, other content": ("IM00005 - Copy.tif", lambda path, v: write_tiff(path, chest(12, 77)[4])),
    "IM00005 (1).tif, other content": ("IM00005 (1).tif", lambda path, v: write_tiff(path, chest(12, 77)[4])),
    "small preview.tif": ("preview.tif", lambda path, v: write_tiff(path, np.ascontiguousarray(v[5, ::4, ::4]))),
    "8-bit preview.tif": ("preview.tif", lambda path, v: write_tiff(path, (v[5] >> 4).astype(np.uint8))),
    "colour preview.tif": ("preview.tif", lambda path, v: write_tiff(path, np.stack([v[5] >> 4] * 3, -1).astype("u1"))),
    "blank slice of 0 at the end": ("IM00013.tif", lambda path, v: write_tiff(path, v[0] * 0)),
    "blank slice of 1024 at the end": ("IM00013.tif", lambda path, v: write_tiff(path, v[0] * 0 + 1024)),
    "empty IM00013.tif": ("IM00013.tif", lambda path, v: path.touch()),
    "stack beside the slices": ("all.tif", lambda path, v: write_tiff(path, v)),
    "stack of one directory beside the slices": (
        "all.tif", lambda path, v: write_tiff(path, v, imagej=True, metadata={}, truncate=True),
    ),
}  # fmt: skip
for name, (file, write) in TIFFS_BESIDE.items():
    add(name, "tiff", "contents", LOUD, beside(file, write))
PADDED = {"of 600 rows": lambda v: np.pad(v, ((44, 44), (0, 0))), "of 256 rows": lambda v: v[::2, ::2].copy()}
TIFFS_INSTEAD: dict[str, Callable[[Path, np.ndarray], object]] = {
    **{f"one slice {name}": lambda path, v, make=make: write_tiff(path, make(v)) for name, make in PADDED.items()},
    "one slice in 8 bits": lambda path, v: write_tiff(path, (v >> 4).astype(np.uint8)),
    "one slice in float": lambda path, v: write_tiff(path, v.astype(np.float32) - 1024),
    "one slice in signed 16 bits": lambda path, v: write_tiff(path, v.astype(np.int16) - 1024),
    "one slice blank": lambda path, v: write_tiff(path, v * 0),
    "one slice in colour": lambda path, v: write_tiff(path, np.stack([v >> 4] * 3, -1).astype(np.uint8)),
}  # fmt: skip
for name, write_instead in TIFFS_INSTEAD.items():
    add(name, "tiff", "contents", LOUD, instead(write_instead))


def as_png(path: Path, pixels: np.ndarray) -> None:
    Image.fromarray(np.clip(pixels // 8, 0, 255).astype(np.uint8)).save(path.with_suffix(".png"))
    path.unlink()


add("one slice as PNG", "both", "contents", "note,left-out,refused", instead(as_png))
for name, length in {"empty": 0, "cut after 2000 bytes": 2000, "cut in its last row": -300}.items():
    add(f"one slice {name}", "both", "alone" if length else "contents", LOUD,
        instead(lambda path, v, length=length: path.write_bytes(path.read_bytes()[:length])))  # fmt: skip
add("one slice empty, without suffix", "dicom", "contents", LOUD + ",note",
    instead(lambda path, v: path.rename(path.with_suffix("")).write_bytes(b"")))  # fmt: skip


def one_stack(**options: object) -> Applied:
    """All slices in one TIFF."""

    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> None:
        paths = slices_of(folder)
        pixels = np.stack([tifffile.imread(path) for path in paths])
        for path in paths:
            path.unlink()
        write_tiff(folder / "all.tif", pixels, **options)

    return apply


for name, given in {
    "ImageJ stack with one directory": {"imagej": True, "metadata": {}, "truncate": True},
    "shaped stack with one directory": {"metadata": {"axes": "ZYX"}, "truncate": True},
    "ImageJ stack": {"imagej": True, "metadata": {}},
    "multi-page TIFF": {},
}.items():
    add(name, "tiff", "contents", "right,refused", one_stack(**given))


def montage(side: int, pixels: int) -> Applied:
    """All slices put together, side by side and below one another, in pictures of 512 pixels or more."""

    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> Made:
        for path in slices_of(folder):
            path.unlink()
        small = 512 * side // pixels
        wide = pixels // side
        for first in range(len(volume) - side**2 + 1):
            picture = np.zeros((pixels, pixels), np.uint16)
            for place in range(side**2):
                row, column = (place // side) * wide, (place % side) * wide
                part = volume[first + place, ::small, ::small][:wide, :wide]
                picture[row : row + wide, column : column + wide][: len(part), : len(part)] = part
            write_tiff(folder / f"IM{first + 1:05d}.tif", picture)
        return Made()

    return apply


add("montage of four", "tiff", "alone", "refused", montage(2, 512))
add("montage of nine", "tiff", "alone", "refused", montage(3, 512))
add("montage of four in 1024 pixels", "tiff", "alone", "refused", montage(2, 1024))
add("one montage among the slices", "tiff", "contents", LOUD,
    instead(lambda path, v: write_tiff(path, np.tile(v[::2, ::2], (2, 2)))))  # fmt: skip


def second_image(path: Path, pixels: np.ndarray) -> None:
    """The slice after it stands inside it, as a SubIFD."""
    with tifffile.TiffWriter(path) as file:
        plain = {"photometric": "minisblack", "metadata": None}
        file.write(pixels, subifds=1, **plain)
        file.write(pixels[::-1].copy(), **plain)


def appended(images: int) -> Callable[[Path, np.ndarray], object]:
    """Raw images behind the first, which nothing in the file names."""

    def write(path: Path, pixels: np.ndarray) -> None:
        write_tiff(path, pixels)
        with path.open("ab") as stream:
            stream.write(pixels[::-1].tobytes() * images)

    return write


# Alone: in a mixture, an oddity of the storage would write the file again, without what was hidden in it.
add("a second image as SubIFD", "tiff", "alone", LOUD, instead(second_image))
for images in (1, 11):
    add(f"{images} raw images appended", "tiff", "alone", LOUD, instead(appended(images)))


def copied_folder(name: str) -> Applied:
    """The whole series again, beside itself."""

    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> Made:
        paths = slices_of(folder)
        for place in ("SR_2", name):
            (folder / place).mkdir()
            for path in paths:
                shutil.copy(path, folder / place / path.name)
        for path in paths:
            path.unlink()
        return Made(((volume,),))

    return apply


for name in ("SR_2 - Copy", "SR_2 (1)", "SR_3"):
    add(f"series again as {name}", "both", "alone", LOUD, copied_folder(name))

LITTER: dict[str, Callable[[Path, np.ndarray], object]] = {
    ".DS_Store": lambda path, v: path.write_bytes(b"\0\0\0\1Bud1" + bytes(6000)),
    "Thumbs.db": lambda path, v: path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(6000)),
    "notes.txt": lambda path, v: path.write_text("512 x 512\n"),
    "series.csv": lambda path, v: path.write_text("a,b\n1,2\n"),
    "._IM00005.tif": lambda path, v: path.write_bytes(b"\0\5\26\7" + bytes(4000)),
    "empty": lambda path, v: path.touch(),
    "IM00005.png": lambda path, v: Image.fromarray((v[4] >> 4).astype(np.uint8)).save(path),
    "letters at byte 128.txt": lambda path, v: path.write_bytes(bytes(128) + b"DICOM is not meant here"),
}  # fmt: skip
for name, litter in LITTER.items():
    add(f"litter: {name}", "both", "litter", "right,left-out", beside(name, litter))
