"""Simulate the scanner: slice thickness, kernel, noise, motion of the heart, and the round field of view.

Taught in chapter 09.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from covidlib.names import SLICE_SIDE
from covidlib.phantom.body import Body
from covidlib.phantom.canvas import Canvas, between, blur, covered

THICKNESS_MM = (1.5, 2.0, 3.0, 5.0, 6.0, 8.0)
"""Slice thicknesses of the cohort; those of COVID-CTset's series are 1.5 mm and more."""
SHORTCUT_SHARE = 0.9
"""With the shortcut, this share of each class has the scanner settings of its class."""


@dataclass(frozen=True)
class Scan:
    """The scanner settings of a series; they differ between scanners and are independent of the patient."""

    thickness_mm: float
    kernel: str
    noise: float
    motion_mm: float


def choose_scan(generator: np.random.Generator, covid: bool, shortcut: bool = False) -> Scan:
    """Choose kernel, thickness and noise of a series, independently of the class or, with the shortcut, by class.

    COVID-CTset's infected and normal patients were scanned with different kernels and thicknesses. The shortcut
    reproduces this: nine in ten infected patients get thin, sharp slices, and nine in ten normal ones thick, smooth
    slices.
    """
    draws = [float(generator.random()) for _ in range(3)]
    sharp = draws[0] < 0.5
    middle = len(THICKNESS_MM) // 2
    thickness = THICKNESS_MM[int(draws[1] * len(THICKNESS_MM))]
    if shortcut:
        sharp = covid == (draws[0] < SHORTCUT_SHARE)
        half = THICKNESS_MM[:middle] if sharp else THICKNESS_MM[middle:]
        thickness = half[int(draws[1] * len(half))]
    # Twice the thickness detects twice the photons, so noise falls with the square root of the thickness.
    dose = 1.0 + 0.5 * (draws[2] - 0.5)
    noise = round((44.0 if sharp else 14.0) * dose * math.sqrt(4.0 / thickness), 4)
    return Scan(thickness, "sharp" if sharp else "smooth", noise, between(generator, 0.0, 3.0))


def scanned(generator: np.random.Generator, canvas: Canvas, body: Body, z: float, scan: Scan) -> np.ndarray:
    """Convert a drawn slice to the values that a scanner stores: uint16, 512×512, HU + 1024, 0 outside the field."""
    image = blur(_beating(canvas, body, z, scan))
    draws = generator.integers(0, 1 << 16, (6, SLICE_SIDE, SLICE_SIDE), dtype=np.uint16)
    # A sum of six uniform numbers is nearly normal, and exact in integers.
    grain = (draws.sum(axis=0, dtype=np.int64) - 6 * 32767.5).astype(np.float32) * np.float32(1 / 46340.0)
    if scan.kernel == "sharp":
        image = image + (image - blur(image, 2)) * np.float32(0.9)
        image += (grain - blur(grain, 3) + blur(grain) * np.float32(0.8)) * np.float32(scan.noise * 0.9)
    else:
        image += blur(grain, 2) * np.float32(scan.noise * 3.2)
    column = (np.arange(SLICE_SIDE, dtype=np.float32) - np.float32(SLICE_SIDE / 2 - 0.5))[np.newaxis, :]
    outside = column * column + (column * column).T > SLICE_SIDE * SLICE_SIDE / 4
    image[outside] = 0
    return np.clip(np.rint(image), 0, 4095).astype(np.uint16)


def _beating(canvas: Canvas, body: Body, z: float, scan: Scan) -> np.ndarray:
    """Blend two positions of the heart, like a slow rotation of the scanner: a double border over the left lung."""
    step = round(scan.motion_mm / canvas.pixel_mm)
    beats = 1 - (z - 84.0) * (z - 84.0) / (44.0 * 44.0)
    if step == 0 or beats <= 0:
        return canvas.values
    near = canvas.distance([(48.0, -0.32 * body.half_depth, 42.0, 46.0, 30.0)], 30)
    weight = covered(near, 24.0) * np.float32(0.5 * beats)
    moved = np.concatenate([canvas.values[:, :1].repeat(step, 1), canvas.values[:, :-step]], 1)
    return canvas.values + (moved - canvas.values) * weight
