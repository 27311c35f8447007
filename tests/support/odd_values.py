"""Oddities of the value scale, and legal ways of storing HU that must not be taken for one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataelem import DataElement

from support.odd_base import (
    Applied,
    Made,
    add,
    change_headers,
    change_pixels,
    same_fields,
    set_stored,
    slices_of,
    without,
)

Change = Callable[[np.ndarray], np.ndarray]
MIDDLE = 6
LEGAL = "right"


def hounsfield(values: np.ndarray) -> np.ndarray:
    """HU of stored values, as int32."""
    return values.astype(np.int32) - 1024


def eight_bits(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Values between two limits as 0 to 255, as a picture viewer shows them; uint16."""
    share = (values.astype(np.float32) - low) / max(high - low, 1)
    return np.rint(np.clip(share, 0, 1) * 255).astype(np.uint16)


def stretched(values: np.ndarray) -> np.ndarray:
    """The smallest value becomes 0, the largest 65535."""
    low, high = int(values.min()), int(values.max())
    return ((values.astype(np.float32) - low) * (65535 / max(high - low, 1))).astype(np.uint16)


def in_16_bits(values: np.ndarray) -> np.ndarray:
    """Integers cut to 16 unsigned bits, as a cast does."""
    return (values & 0xFFFF).astype(np.uint16)


def windowed(values: np.ndarray, low: int, high: int, largest: int) -> np.ndarray:
    """HU between two limits as 0 to the largest value."""
    share = (hounsfield(values) - low) / (high - low)
    return np.rint(np.clip(share, 0, 1) * largest).astype(np.uint16)


SCALES: dict[str, Change] = {
    "HU wrapped into 16 bits": lambda v: in_16_bits(hounsfield(v)),
    "HU wrapped into 12 bits": lambda v: (hounsfield(v) & 0xFFF).astype(np.uint16),
    "HU + 32768": lambda v: in_16_bits(hounsfield(v) + 32768),
    "HU + 8192": lambda v: in_16_bits(hounsfield(v) + 8192),
    "HU + 2048": lambda v: in_16_bits(hounsfield(v) + 2048),
    "12 bits moved up by 4": lambda v: v << 4,
    "12 bits moved up by 3": lambda v: v << 3,
    "times 2": lambda v: v * 2,
    "times 10": lambda v: v * 10,
    "HU cut at 0": lambda v: in_16_bits(np.maximum(hounsfield(v), 0)),
    "HU + 1024 cut at 1024": lambda v: np.maximum(v, 1024),
    "8 bits times 257": lambda v: eight_bits(v, 0, 4095) * 257,
    "8 bits times 256": lambda v: eight_bits(v, 0, 4095) * 256,
    "8 bits of the lung window times 257": lambda v: eight_bits(hounsfield(v), -1350, 150) * 257,
    "8 bits of the lung window": lambda v: eight_bits(hounsfield(v), -1350, 150),
    "smallest to largest as 0 to 65535": stretched,
    "HU times 2 + 1024": lambda v: in_16_bits(np.maximum(hounsfield(v) * 2 + 1024, 0)),
    "HU times 1.5 + 1024": lambda v: in_16_bits(np.maximum(hounsfield(v) * 3 // 2 + 1024, 0)),
    "HU times 0.8 + 1024": lambda v: in_16_bits(hounsfield(v) * 4 // 5 + 1024),
    "200 added": lambda v: np.where(v > 0, v + 200, 0).astype(np.uint16),
    "130 added": lambda v: np.where(v > 0, v + 130, 0).astype(np.uint16),
    "200 taken away": lambda v: np.where(v > 200, v - 200, 0).astype(np.uint16),
    "-160 to 240 HU as 0 to 4095": lambda v: windowed(v, -160, 240, 4095),
    "-160 to 240 HU as 0 to 2000": lambda v: windowed(v, -160, 240, 2000),
    "12 bits moved up by 4, 15 below": lambda v: (v << 4) | 15,
    "12 bits moved up by 4, copied below": lambda v: (v << 4) | (v >> 8),
    "12 bits moved up by 3, noise below": lambda v: (v << 3) | (v * 5 & 7),
    "inverted, 4095 - v": lambda v: 4095 - v,
    "inverted, 65535 - v": lambda v: 65535 - v,
    "bytes swapped": lambda v: v.byteswap(),
}
"""Other meanings of the stored numbers than HU + 1024; each works on one slice (uint16) and gives uint16."""


def whole(change: Change) -> Applied:
    """An oddity of all slices."""

    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> None:
        change_pixels(folder, change)

    return apply


def one(change: Change) -> Applied:
    """An oddity of the slice in the middle: it may be left out, the others then stay."""

    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> Made:
        name = slices_of(folder)[MIDDLE].name
        change_pixels(folder, change, [MIDDLE])
        return Made(stated=((without(volume, MIDDLE),),), strays=(name,))

    return apply


def per_slice_maximum(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> None:
    change_pixels(folder, lambda v: (v * (65535 / max(int(v.max()), 1))).astype(np.uint16))


def coarse(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> Made:
    """8 bits brought back to about the right scale: dark pixels are counted almost as before, detail is lost."""
    change_pixels(folder, lambda v: (v >> 4) << 4)
    return Made(stated=(((volume >> 4) << 4,),))


for name, change in SCALES.items():
    add(name, "tiff", "values", "refused", whole(change))


def bright_cut(low: int, high: int) -> Applied:
    """What is brighter than the window is on its upper end, which a note has to say; air is at 0."""

    def cut(v: np.ndarray) -> np.ndarray:
        return windowed(v, low, high, high - low)

    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> Made:
        change_pixels(folder, cut)
        return Made(stated=((np.stack([cut(v) for v in volume]),),))

    return apply


for low, high in ((-1000, 300), (-1000, 400), (-1024, 600)):
    add(f"{low} to {high} HU as 0 to {high - low}", "tiff", "values", "refused,note", bright_cut(low, high))
add("largest of each slice as 65535", "tiff", "values", "refused", per_slice_maximum)
add("8 bits times 16", "tiff", "contents", "refused,note", coarse)
for name in (
    "HU wrapped into 16 bits",
    "8 bits times 257",
    "inverted, 4095 - v",
    "12 bits moved up by 4",
    "HU cut at 0",
):
    add(f"one slice: {name}", "tiff", "contents", "refused,left-out", one(SCALES[name]))


def restored(change: Callable[[np.ndarray, pydicom.Dataset, int], np.ndarray], **fields: object) -> Applied:
    """An oddity of DICOM slices whose stored values are made from HU + 1024, the header and the slice's place."""

    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> None:
        def edit(header: pydicom.Dataset, place: int) -> None:
            for name, value in fields.items():
                setattr(header, name, value)
            set_stored(header, change(header.pixel_array, header, place))

        change_headers(folder, edit)

    return apply


def left_aligned(v: np.ndarray, header: pydicom.Dataset, _: int) -> np.ndarray:
    return v << 4


def eight_bits_allocated(v: np.ndarray, header: pydicom.Dataset, _: int) -> np.ndarray:
    return (v >> 4).astype(np.uint8)


def eight_bits_with_slope(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> Made:
    restored(eight_bits_allocated, RescaleSlope=16)(folder, volume, rng)
    return Made(stated=(((volume >> 4) << 4,),))


def own_intercepts(v: np.ndarray, header: pydicom.Dataset, place: int) -> np.ndarray:
    header.RescaleIntercept = -1024 - 10 * place
    return (v + 10 * place).astype(np.uint16)


def own_slopes(v: np.ndarray, header: pydicom.Dataset, place: int) -> np.ndarray:
    header.RescaleSlope = 0.5 if place % 2 else 1
    return v * 2 if place % 2 else v


def one_intercept(more: int | None) -> Applied:
    """Another RescaleIntercept in the slice in the middle, or none, with the same pixels."""

    def change(header: pydicom.Dataset, _: int) -> None:
        if more is None:
            del header.RescaleIntercept
        else:
            header.RescaleIntercept += more

    def apply(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> Made:
        change_headers(folder, change, [MIDDLE])
        return Made(stated=((without(volume, MIDDLE),),), strays=(slices_of(folder)[MIDDLE].name,))

    return apply


SIXTEEN = {"BitsStored": 16, "HighBit": 15}
add("HighBit 15 of 12 bits, left-aligned", "dicom", "values", "right,refused", restored(left_aligned, HighBit=15))
add("HighBit 15 of 12 bits, right-aligned", "dicom", "values", "right,refused", same_fields(HighBit=15))
add(
    "signed declared unsigned, 16 bits", "dicom", "values", "refused",
    restored(lambda v, header, _: in_16_bits(hounsfield(v)), RescaleIntercept=0, **SIXTEEN),
)  # fmt: skip
add(
    "signed declared unsigned, 12 bits", "dicom", "values", "refused",
    restored(lambda v, header, _: (hounsfield(v) & 0xFFF).astype(np.uint16), RescaleIntercept=0),
)  # fmt: skip


def wrong_sign(folder: Path, volume: np.ndarray, rng: np.random.Generator) -> Made:
    """Bone above 1023 HU becomes far darker than air: the scale is right, which a note has to say."""
    same_fields(PixelRepresentation=1)(folder, volume, rng)
    return Made(stated=((np.where(volume > 2047, 0, volume),),))


add("unsigned declared signed, 12 bits", "dicom", "values", "refused,note", wrong_sign)
add("RescaleIntercept missing", "dicom", "values", "refused", same_fields(RescaleIntercept=None))
add("RescaleIntercept 0 for HU + 1024", "dicom", "values", "refused", same_fields(RescaleIntercept=0))
add("RescaleIntercept -8192 for HU + 1024", "dicom", "values", "refused", same_fields(RescaleIntercept=-8192))
add("RescaleIntercept missing in one slice", "dicom", "contents", "refused,left-out", one_intercept(None))
add("RescaleIntercept larger by 1024 in one slice", "dicom", "contents", "refused,left-out", one_intercept(1024))
for slope in (0, 0.001, 10, -1):
    add(f"RescaleSlope {slope} for HU + 1024", "dicom", "values", "refused", same_fields(RescaleSlope=slope))
add("RescaleType OD", "dicom", "values", "refused", same_fields(RescaleType="OD"))
add("RescaleType US", "dicom", "values", "refused,note", same_fields(RescaleType="US"))
add("BitsAllocated 8", "dicom", "values", "refused", restored(eight_bits_allocated))
add("BitsAllocated 8 with RescaleSlope 16", "dicom", "alone", "refused,note", eight_bits_with_slope)
add("MONOCHROME1", "dicom", "values", "right,refused",
    restored(lambda v, header, _: 4095 - v, PhotometricInterpretation="MONOCHROME1"))  # fmt: skip


def signed(v: np.ndarray, header: pydicom.Dataset, _: int) -> np.ndarray:
    return hounsfield(v).astype(np.int16)


def signed_without_sign_bits(v: np.ndarray, header: pydicom.Dataset, _: int) -> np.ndarray:
    return (hounsfield(v) & 0xFFF).astype(np.int16)


def overlay_bits(v: np.ndarray, header: pydicom.Dataset, place: int) -> np.ndarray:
    """Bits above BitsStored that once held lines drawn on a slice; they are not part of the value."""
    marked = v.copy()
    marked[250:330, 150:330] |= 0x9000
    marked[::7] |= 0x2000
    return marked


def marked_outside(value: int, dtype: type, vr: str | None) -> Callable[[np.ndarray, pydicom.Dataset, int], np.ndarray]:
    """Pixels outside the reconstruction field get a value of their own, which is declared as padding or not."""

    def change(v: np.ndarray, header: pydicom.Dataset, _: int) -> np.ndarray:
        if vr:
            header[0x00280120] = DataElement(0x00280120, vr, value & 0xFFFF if vr == "US" else value)
        stored = v.astype(np.int32) if dtype == np.uint16 else hounsfield(v)
        stored[v == 0] = value
        return stored.astype(dtype)

    return change


SIGNED = {"RescaleIntercept": 0, "PixelRepresentation": 1}
LEGALLY = {
    "signed 12 bits": restored(signed, **SIGNED),
    "signed 12 bits without sign extension": restored(signed_without_sign_bits, **SIGNED),
    "overlay bits above BitsStored": restored(overlay_bits),
    "padding -2000 as SS": restored(marked_outside(-2000, np.int16, "SS"), **SIGNED, **SIXTEEN),
    "padding -2000 as US": restored(marked_outside(-2000, np.int16, "US"), **SIGNED, **SIXTEEN),
    "padding -2000 not declared": restored(marked_outside(-2000, np.int16, None), **SIGNED, **SIXTEEN),
    "padding -32768 as SS": restored(marked_outside(-32768, np.int16, "SS"), **SIGNED, **SIXTEEN),
    "padding 4095": restored(marked_outside(4095, np.uint16, "US")),
    "padding 65535": restored(marked_outside(65535, np.uint16, "US"), **SIXTEEN),
    "RescaleSlope -1": restored(lambda v, *_: -signed(v, *_), RescaleSlope=-1, **SIGNED, **SIXTEEN),
    "RescaleSlope 0.5": restored(lambda v, header, _: v * 2, RescaleSlope=0.5, **SIXTEEN),
    "RescaleIntercept -8192": restored(lambda v, header, _: v + 7168, RescaleIntercept=-8192, **SIXTEEN),
    "another RescaleIntercept in each slice": restored(own_intercepts),
    "another RescaleSlope in each slice": restored(own_slopes, **SIXTEEN),
    "RescaleType absent": same_fields(RescaleType=None),
}  # fmt: skip
"""Ways of storing HU that the standard allows: each must be read as the clean series."""
for name, legal in LEGALLY.items():
    add(name, "dicom", "values", LEGAL, legal)
