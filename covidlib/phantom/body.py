"""Choose the body of a synthetic patient, and compute its outlines: the inside of the rib cage, and the skin."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from covidlib.names import SLICE_SIDE
from covidlib.phantom.canvas import between, ramp


@dataclass(frozen=True)
class Body:
    """The body of one patient: lengths in millimetres, levels (z) as distances below the carina."""

    pixel_mm: float
    centre: tuple[float, float]
    half_width: float
    half_depth: float
    fat_mm: float
    breast_mm: float
    top: float
    length_mm: float
    apex: float
    dome_right: float
    dome_left: float
    heart: float
    rib_phase: float
    age: float
    lung_value: float
    stomach_level: float
    clothes: bool

    @property
    def spine(self) -> float:
        """Position (y) of the vertebral bodies, behind the middle of the chest."""
        return 0.60 * self.half_depth


@dataclass(frozen=True)
class Outline:
    """A rounded outline of the trunk: half width, extent to front and back, squareness, and widening to the back."""

    a: float
    front: float
    back: float
    square: float
    taper: float
    y: float = 0.0

    def distance(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Distance along the ray from the centre, negative inside; same dtype as x."""
        y = y - x.dtype.type(self.y)
        size = np.sqrt(x * x + y * y)
        radius = np.maximum(self._radius(x, y), x.dtype.type(1e-3))
        return size - size / radius

    def _radius(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        kind = x.dtype.type
        v = np.where(y < 0, y * kind(1 / self.front), y * kind(1 / self.back))
        u = x / (kind(self.a) * (1 + kind(self.taper) * np.clip(v, -1, 1)))
        u, v = u * u, v * v
        return kind(1 - self.square) * np.sqrt(u + v) + kind(self.square) * np.sqrt(np.sqrt(u * u + v * v))

    def points(self, cosines: np.ndarray, sines: np.ndarray, outside: float) -> tuple[np.ndarray, np.ndarray]:
        """Points where rays from the centre cross the outline, moved outwards by some millimetres."""
        length = np.full_like(cosines, self.a)
        for _ in range(8):
            length = length / self._radius(cosines * length, sines * length)
        return cosines * (length + outside), sines * (length + outside) + self.y


def cavity(body: Body, z: float) -> Outline:
    """The inside of the rib cage: narrow at the neck, widest at the bases."""
    grow = 0.64 + 0.36 * math.sqrt(ramp(z, body.apex - 45, 15))
    depth = body.half_depth * (0.72 + 0.28 * ramp(z, body.apex - 20, 25))
    lift = -0.07 * body.half_depth * (ramp(z, body.apex, 50) - 1)
    return Outline(body.half_width * grow, depth * 0.98, depth, 0.22, 0.07, lift)


def trunk(body: Body, z: float) -> Outline:
    """The skin: wide and flat at the shoulders, round at the chest."""
    shoulders = 1 - ramp(z, body.apex - 12, 35)
    neck = 1 - ramp(z, body.apex - 34, body.apex - 8)
    a = body.half_width + 21 + body.fat_mm + 42 * shoulders
    front = body.half_depth + 11 + 0.8 * body.fat_mm - 24 * shoulders - 14 * neck
    back = body.half_depth + 32 + 0.75 * body.fat_mm - 6 * shoulders
    return Outline(a, front, back, 0.22 - 0.12 * shoulders, 0.05 + 0.05 * shoulders)


def choose_body(generator: np.random.Generator) -> Body:
    """Draw the body of one patient at random."""
    half_width = between(generator, 120, 142)
    fat = between(generator, 7, 20)
    breath = between(generator, -8, 8)
    tall = between(generator, 0.92, 1.06)
    apex = round(-84 * tall, 4)
    dome = round(112 * tall + breath, 4)
    top = round(apex - between(generator, 6, 20), 4)
    fits = (half_width + 21 + fat) * 2 / SLICE_SIDE
    return Body(
        pixel_mm=round(min(max(fits * between(generator, 1.1, 1.3), 0.65), 0.86), 4),
        centre=(255.5 + between(generator, -12, 12), 266 + between(generator, -12, 12)),
        half_width=half_width,
        half_depth=round(half_width * between(generator, 0.68, 0.76), 4),
        fat_mm=fat,
        breast_mm=between(generator, 4, 16) if generator.random() < 0.45 else 0.0,
        top=top,
        length_mm=round(dome + between(generator, 72, 92) - top, 4),
        apex=apex,
        dome_right=dome,
        dome_left=round(dome + between(generator, 6, 16), 4),
        heart=between(generator, 0.88, 1.08),
        rib_phase=between(generator, 0, 1),
        age=between(generator, 0, 1),
        lung_value=between(generator, 100, 165),
        stomach_level=between(generator, 0.05, 0.4),
        clothes=bool(generator.random() < 0.5),
    )
