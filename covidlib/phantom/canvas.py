"""Drawing tools for synthetic chests: a slice in millimetres, distance fields, smooth noise.

Only elementwise + − × ÷ √, comparisons and uniform random numbers are used on arrays: sines, exponentials, library
filters and normal deviates differ in the last bit between processors, and the cohort must be byte-identical on every
machine. Angles are first converted to rounded cosines. Taught in chapter 01.

Axes: x to the patient's left, y to the back, z down; the origin is the middle of the chest, at the level where the
windpipe divides (the carina). Shapes are distance fields in millimetres, negative inside.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from covidlib.names import SLICE_SIDE

AIR, LUNG, FAT, SKIN, MUSCLE, BLOOD, LIVER, SPLEEN = 14.0, 140.0, 925.0, 1040.0, 1078.0, 1064.0, 1084.0, 1072.0
MARROW, CARTILAGE, CORTEX = 1250.0, 1130.0, 2050.0
"""Stored values (HU + 1024) of the tissues."""
FAR = np.float32(1000.0)
Section = tuple[float, float, float, float, float]
"""An ellipse in one slice: centre x and y, half axes along x and y, turned by degrees."""


@dataclass(frozen=True)
class Noises:
    """Smooth random fields of one slice, −1 to 1, from coarse to fine."""

    coarse: np.ndarray
    middle: np.ndarray
    fine: np.ndarray


def cos_sin(degrees: float) -> tuple[float, float]:
    """Cosine and sine of an angle, rounded so that every C library gives the same result."""
    angle = math.radians(degrees)
    return round(math.cos(angle), 9), round(math.sin(angle), 9)


def between(generator: np.random.Generator, low: float, high: float) -> float:
    """Draw a random number from a range, rounded so that printing it loses no digits."""
    return round(low + (high - low) * float(generator.random()), 4)


def ramp(value: float, start: float, end: float) -> float:
    """A smooth step: 0 before start, 1 after end."""
    share = min(max((value - start) / (end - start), 0.0), 1.0)
    return share * share * (3 - 2 * share)


def square(value: float) -> float:
    """The square of a number, as a product: the power functions of C libraries may differ in the last bit."""
    return value * value


def covered(distance: np.ndarray, edge: float = 1.0) -> np.ndarray:
    """Convert a distance field to coverage from 0 to 1, with a border `edge` mm wide."""
    return np.clip(np.float32(0.5) - distance / np.float32(edge), 0, 1)


def smooth_union(first: np.ndarray, second: np.ndarray, reach: float) -> np.ndarray:
    """The union of two shapes with a smooth transition, like pleura that bridges the gaps between organs."""
    near = np.maximum(np.float32(reach) - np.abs(first - second), 0)
    return np.minimum(first, second) - near * near * np.float32(0.25 / reach)


class Canvas:
    """A slice being drawn: stored values on a grid in millimetres."""

    def __init__(self, pixel_mm: float, centre: tuple[float, float]) -> None:
        self.pixel_mm = pixel_mm
        self.x = ((np.arange(SLICE_SIDE) - centre[0]) * pixel_mm).astype(np.float32)[np.newaxis, :]
        self.y = ((np.arange(SLICE_SIDE) - centre[1]) * pixel_mm).astype(np.float32)[:, np.newaxis]
        self.values = np.full((SLICE_SIDE, SLICE_SIDE), AIR, np.float32)

    def window(self, x: float, y: float, reach: float) -> tuple[slice, slice]:
        """Rows and columns within a distance of a point; empty outside the slice."""
        ranges = []
        for at, first in ((y, float(self.y[0, 0])), (x, float(self.x[0, 0]))):
            middle, pixels = (at - first) / self.pixel_mm, reach / self.pixel_mm + 2
            ends = int(middle - pixels), int(middle + pixels) + 1
            ranges.append(slice(*(min(max(end, 0), SLICE_SIDE) for end in ends)))
        return ranges[0], ranges[1]

    def distance(self, sections: list[Section], margin: float = 4.0) -> np.ndarray:
        """Distance to the union of ellipses; a large value farther than the margin from all of them."""
        field = np.full((SLICE_SIDE, SLICE_SIDE), FAR, np.float32)
        for section in sections:
            where = self.window(section[0], section[1], max(section[2:4]) + margin)
            field[where] = np.minimum(field[where], self.distance_in(where, section))
        return field

    def distance_in(self, where: tuple[slice, slice], section: Section) -> np.ndarray:
        """Distance to one ellipse in a window, along the ray from its centre."""
        x, y, a, b, degrees = section
        dx, dy = self.x[:, where[1]] - np.float32(x), self.y[where[0]] - np.float32(y)
        if degrees:
            cosine, sine = (np.float32(part) for part in cos_sin(degrees))
            dx, dy = dx * cosine + dy * sine, dy * cosine - dx * sine
        u, v = dx * np.float32(1 / a), dy * np.float32(1 / b)
        size = np.sqrt(dx * dx + dy * dy)
        return size - size / np.maximum(np.sqrt(u * u + v * v), np.float32(1e-3))

    def paint(self, value: float | np.ndarray, coverage: np.ndarray) -> None:
        """Blend a value into the slice by coverage."""
        self.values += (np.asarray(value, np.float32) - self.values) * coverage

    def draw(self, value: float | np.ndarray, section: Section, edge: float = 1.0, share: float = 1.0) -> None:
        """Paint one ellipse, in its window only."""
        x, y, a, b, _ = section
        where = self.window(x, y, max(a, b) + 2 * edge)
        part = self.values[where]
        new = value[where] if isinstance(value, np.ndarray) else np.float32(value)
        part += (new - part) * covered(self.distance_in(where, section), edge) * np.float32(share)

    def stroke(
        self, value: float, start: tuple[float, float], end: tuple[float, float], radii: tuple[float, float],
        share: float | np.ndarray = 1.0,
    ) -> None:  # fmt: skip
        """Paint a bar with round ends that tapers from one radius to another."""
        (x0, y0), (x1, y1) = start, end
        half = math.sqrt(square(x1 - x0) + square(y1 - y0)) / 2
        where = self.window((x0 + x1) / 2, (y0 + y1) / 2, half + max(radii) + 1)
        dx, dy = self.x[:, where[1]] - np.float32(x0), self.y[where[0]] - np.float32(y0)
        along_x, along_y = np.float32(x1 - x0), np.float32(y1 - y0)
        length = along_x * along_x + along_y * along_y + np.float32(1e-6)
        at = np.clip((dx * along_x + dy * along_y) / length, 0, 1)
        across_x, across_y = dx - at * along_x, dy - at * along_y
        radius = np.float32(radii[0]) + at * np.float32(radii[1] - radii[0])
        coverage = covered(np.sqrt(across_x * across_x + across_y * across_y) - radius, 0.9)
        part = self.values[where]
        weight = share[where] if isinstance(share, np.ndarray) else np.float32(share)
        part += (np.float32(value) - part) * coverage * weight


def smooth_noise(generator: np.random.Generator, cells: int) -> np.ndarray:
    """Draw uniform noise from −1 to 1 on a coarse grid, interpolated smoothly; float32, 512×512."""
    grid = generator.random((cells + 2, cells + 2)).astype(np.float32) * 2 - 1
    place = np.arange(SLICE_SIDE, dtype=np.float32) * np.float32(cells / SLICE_SIDE)
    index = place.astype(np.int64)
    part = place - index.astype(np.float32)
    part = part * part * (3 - 2 * part)
    rows = grid[index] * (1 - part)[:, np.newaxis] + grid[index + 1] * part[:, np.newaxis]
    return rows[:, index] * (1 - part) + rows[:, index + 1] * part


def blur(image: np.ndarray, times: int = 1) -> np.ndarray:
    """Smooth an image with a binomial filter (1 2 1) along both axes, with edges repeated."""
    for _ in range(times):
        padded = np.concatenate([image[:1], image, image[-1:]], 0)
        image = (padded[:-2] + padded[2:] + image + image) * np.float32(0.25)
        padded = np.concatenate([image[:, :1], image, image[:, -1:]], 1)
        image = (padded[:, :-2] + padded[:, 2:] + image + image) * np.float32(0.25)
    return image
