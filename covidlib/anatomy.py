"""One synthetic chest, slice by slice: a drawing of anatomy in millimetres, made for teaching (no paper section).

Only elementwise + − × ÷ √, comparisons and uniform random numbers are used on arrays: sines, exponentials, library
filters and normal deviates differ in the last bit between processors, and the cohort must be byte-identical on every
machine. Angles are turned into rounded cosines first. Taught in chapter 01.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

SIDE = 512
AIR, FAT, WATER, MUSCLE, BLOOD, LIVER, SPLEEN = 14.0, 925.0, 1028.0, 1076.0, 1066.0, 1084.0, 1072.0
MARROW, CARTILAGE, CORTEX = 1230.0, 1135.0, 1780.0
LUNG = 155.0
"""Stored values (HU + 1024) of the tissues."""


@dataclass(frozen=True)
class Body:
    """What differs between patients: sizes in millimetres, levels as shares of the scan from top (0) to bottom (1)."""

    pixel_mm: float
    centre: tuple[float, float]
    half_width: float
    half_depth: float
    fat_mm: float
    length_mm: float
    apex: float
    dome_right: float
    dome_left: float
    dome_end: float
    carina: float
    lung_width: float
    lung_depth: float
    heart: float
    rib_phase: float
    age: float
    arms: float


def cos_sin(degrees: float) -> tuple[float, float]:
    """Cosine and sine, rounded so that every C library agrees."""
    angle = math.radians(degrees)
    return round(math.cos(angle), 9), round(math.sin(angle), 9)


def ramp(value: float, start: float, end: float) -> float:
    """0 before start, 1 after end, smooth between."""
    share = min(max((value - start) / (end - start), 0.0), 1.0)
    return share * share * (3 - 2 * share)


class Canvas:
    """A slice being drawn: stored values on a grid in millimetres (x to the patient's left, y to the back)."""

    def __init__(self, body: Body) -> None:
        self.pixel_mm = np.float32(body.pixel_mm)
        self.x = ((np.arange(SIDE) - body.centre[0]) * body.pixel_mm).astype(np.float32)[np.newaxis, :]
        self.y = ((np.arange(SIDE) - body.centre[1]) * body.pixel_mm).astype(np.float32)[:, np.newaxis]
        self.values = np.full((SIDE, SIDE), AIR, np.float32)

    def window(self, x: float, y: float, reach: float) -> tuple[slice, slice]:
        """Rows and columns within a distance of a point; an empty window where it lies outside the picture."""
        column = (x - float(self.x[0, 0])) / float(self.pixel_mm)
        row = (y - float(self.y[0, 0])) / float(self.pixel_mm)
        pixels = reach / float(self.pixel_mm) + 2
        columns = slice(max(int(column - pixels), 0), max(min(int(column + pixels) + 1, SIDE), 0))
        return slice(max(int(row - pixels), 0), max(min(int(row + pixels) + 1, SIDE), 0)), columns

    def ellipse(
        self, x: float, y: float, a: float, b: float, degrees: float = 0.0, edge: float = 1.2, square: float = 0.0
    ) -> tuple[tuple[slice, slice], np.ndarray]:
        """Coverage 0 to 1 of an ellipse with half axes a (along x) and b, in its window; `square` > 0 fills corners."""
        where = self.window(x, y, max(a, b) * (1.25 if square else 1.0) + edge)
        dx, dy = self.x[:, where[1]] - np.float32(x), self.y[where[0]] - np.float32(y)
        if degrees:
            cosine, sine = cos_sin(degrees)
            dx, dy = dx * np.float32(cosine) + dy * np.float32(sine), dy * np.float32(cosine) - dx * np.float32(sine)
        u, v = dx * dx * np.float32(1 / (a * a)), dy * dy * np.float32(1 / (b * b))
        radius = u + v
        if square:
            radius = np.float32(1 - square) * radius + np.float32(square) * (u * u + v * v)
        inside = (1 - np.sqrt(radius)) * np.float32(min(a, b) / edge) + np.float32(0.5)
        return where, np.clip(inside, 0, 1)

    def paint(self, value: float | np.ndarray, shape: tuple[tuple[slice, slice], np.ndarray]) -> None:
        """Lay a value over what is there, by coverage."""
        where, coverage = shape
        part = self.values[where]
        part += np.asarray(value, np.float32) * coverage - part * coverage

    def draw(
        self, value: float, x: float, y: float, a: float, b: float, degrees: float = 0.0, edge: float = 1.2
    ) -> None:
        """Paint an ellipse."""
        self.paint(value, self.ellipse(x, y, a, b, degrees, edge))

    def full(self, shape: tuple[tuple[slice, slice], np.ndarray]) -> np.ndarray:
        """A window's coverage on the whole grid."""
        whole = np.zeros((SIDE, SIDE), np.float32)
        whole[shape[0]] = shape[1]
        return whole


def smooth_noise(generator: np.random.Generator, cells: int) -> np.ndarray:
    """Uniform noise of −1 to 1 on a coarse grid, enlarged smoothly; float32, 512×512."""
    grid = generator.random((cells + 2, cells + 2)).astype(np.float32) * 2 - 1
    place = np.arange(SIDE, dtype=np.float32) * np.float32(cells / SIDE)
    index = place.astype(np.int64)
    part = place - index.astype(np.float32)
    part = part * part * (3 - 2 * part)
    rows = grid[index] * (1 - part)[:, np.newaxis] + grid[index + 1] * part[:, np.newaxis]
    return rows[:, index] * (1 - part) + rows[:, index + 1] * part


def blur(image: np.ndarray, times: int = 1) -> np.ndarray:
    """Binomial smoothing (1 2 1) along both axes, edges repeated."""
    for _ in range(times):
        for axis in (0, 1):
            first = image.take([0], axis)
            last = image.take([-1], axis)
            before = np.concatenate([first, image.take(range(SIDE - 1), axis)], axis)
            after = np.concatenate([image.take(range(1, SIDE), axis), last], axis)
            image = (before + after + image + image) * np.float32(0.25)
    return image


# The parts of a chest, from the outside in -------------------------------------------------------------------------


def draw_table(canvas: Canvas, body: Body) -> None:
    """The couch under the patient: a shallow shell."""
    back = body.half_depth + 7
    shell = canvas.ellipse(0, back - 150, 260, 158, edge=1.5)
    hollow = canvas.ellipse(0, back - 152, 262, 154, edge=1.5)
    coverage = canvas.full(shell) * (1 - canvas.full(hollow)) * np.clip(canvas.y - np.float32(back - 45), 0, 1)
    everywhere = (slice(0, SIDE), slice(0, SIDE))
    canvas.paint(420.0, (everywhere, coverage))


def torso_axes(body: Body, level: float) -> tuple[float, float]:
    """Half width and half depth of the trunk at a level: wide at the shoulders, narrowing to the waist."""
    shoulders = 1 - ramp(level, 0.0, 0.22)
    waist = ramp(level, 0.7, 1.0)
    return body.half_width * (1 + 0.16 * shoulders - 0.05 * waist), body.half_depth * (1 - 0.14 * shoulders)


def draw_trunk(canvas: Canvas, body: Body, level: float, marbling: np.ndarray) -> None:
    """Skin, fat, muscle with fat streaks, and the arms' roots at the top."""
    a, b = torso_axes(body, level)
    canvas.paint(1045.0, canvas.ellipse(0, 0, a, b, square=0.12))
    canvas.paint(FAT, canvas.ellipse(0, 0, a - 2.2, b - 2.2, square=0.12))
    breast = ramp(level, 0.3, 0.4) * (1 - ramp(level, 0.55, 0.65)) * (body.fat_mm - 8)
    canvas.paint(
        MUSCLE, canvas.ellipse(0, 3 + breast / 3, a - 1.4 * body.fat_mm, b - body.fat_mm - breast / 3, square=0.12)
    )
    # Planes of fat between the muscles of the back and of the chest wall.
    streaks = np.clip(marbling * 5 - np.float32(2.7), 0, 1) * np.float32(0.4)
    muscle = canvas.ellipse(0, 3, a - 1.4 * body.fat_mm - 3, b - body.fat_mm - 3, square=0.12)
    canvas.paint(FAT, (muscle[0], muscle[1] * streaks[muscle[0]]))
    _draw_shoulders(canvas, body, level, a)


def _draw_shoulders(canvas: Canvas, body: Body, level: float, a: float) -> None:
    for side in (-1, 1):
        if level < 0.1 * body.arms:
            x = side * (a - 34)
            canvas.draw(CORTEX, x, -2, 23, 22)
            canvas.draw(MARROW - 60, x, -2, 19.5, 18.5)
        if level < 0.16:
            reach = 30 * (1 - level / 0.2)
            canvas.draw(CORTEX - 150, side * (34 + level * 250), -body.half_depth * 0.47, reach, 6, side * 16.0)
            canvas.draw(MARROW, side * (34 + level * 250), -body.half_depth * 0.47, reach - 3, 3, side * 16.0)
        if 0.02 < level < 0.42:
            # The blade of the scapula, shorter on the way down, on the back of the rib cage.
            length = 38 * (1 - ramp(level, 0.2, 0.42)) + 6
            y0, ring_a, ring_b = rib_cage(body, level)
            x, y = side * 0.74 * (ring_a + 13), y0 + 0.67 * (ring_b + 13)
            canvas.draw(MUSCLE, x, y, length + 7, 12, side * -42.0)
            canvas.draw(CORTEX - 300, x, y, length, 3.2, side * -42.0)
            canvas.draw(MARROW, x, y, length * 0.8, 1.3, side * -42.0)


def draw_spine(canvas: Canvas, body: Body, level: float, grain: np.ndarray) -> None:
    """Vertebral body with canal, arch and processes; discs and joints come and go on the way down."""
    y = spine_y(body)
    phase = (level * body.length_mm / 23.0 + body.rib_phase) % 1.0
    disc = phase < 0.2
    size = 1 + 0.22 * level
    if not disc:
        for side in (-1, 1):
            canvas.draw(CORTEX - 420, side * 24 * size, y + 20, 15, 4.5, side * 28.0)
            canvas.draw(MARROW, side * 24 * size, y + 20, 12, 2.2, side * 28.0)
        canvas.draw(CORTEX - 350, 0, y + 40, 3.8, 15)
        canvas.draw(MARROW, 0, y + 40, 1.8, 12)
    canvas.draw(CORTEX - 320, 0, y + 22, 15.5 * size, 14.5)
    canvas.draw(1052.0, 0, y + 21, 10.5, 9.5)
    canvas.draw(1058.0, 0, y + 21, 5.5, 4.8)
    if disc:
        canvas.draw(1112.0, 0, y, 16.5 * size, 13 * size)
    else:
        canvas.draw(CORTEX - 380, 0, y, 17 * size, 13.5 * size)
        where, coverage = canvas.ellipse(0, y, 15.2 * size, 11.8 * size)
        inside = np.float32(MARROW - 50 * body.age) + 60 * grain[where]
        canvas.paint(inside, (where, coverage))


def spine_y(body: Body) -> float:
    """Where the vertebral bodies lie, in millimetres behind the centre."""
    return body.half_depth * 0.36


def rib_cage(body: Body, level: float) -> tuple[float, float, float]:
    """Centre (y) and half axes of the ring on which the ribs lie."""
    growth = ramp(level, body.apex - 0.1, 0.45)
    return 2.0, (body.lung_width * 1.02) * (0.62 + 0.38 * growth) + 9, body.lung_depth * (0.66 + 0.34 * growth) + 8


def draw_ribs(canvas: Canvas, body: Body, level: float) -> None:
    """Each rib leaves the spine and comes forward on the way down, so a slice cuts several of them."""
    y0, a, b = rib_cage(body, level)
    z = level * body.length_mm
    for side in (-1, 1):
        for rib in range(12):
            start = (rib - 2.0 + body.rib_phase) * 24.0
            along = (z - start) / 112.0
            if not 0 <= along <= 1 or rib > 10 and along > 0.55:
                continue
            degrees = 90 - 168 * along + 4 * side
            cosine, sine = cos_sin(degrees)
            x, y = side * a * cosine * (1 if cosine > 0 else 0.9), y0 + b * sine
            tangent = math.degrees(math.atan2(b * cosine, -a * sine * side))
            is_cartilage = along > 0.84
            long, thick = 11.0 + 4.0 * along, 4.6
            canvas.draw(CARTILAGE if is_cartilage else CORTEX - 350, x, y, long, thick, round(tangent, 3))
            if not is_cartilage:
                canvas.draw(MARROW, x, y, long - 2.2, thick - 2.0, round(tangent, 3))
    if 0.14 < level < 0.72:
        width = 26 if level < 0.3 else 17
        canvas.draw(CORTEX - 520, 0, y0 - b + 0.5, width, 6)
        canvas.draw(MARROW - 40, 0, y0 - b + 0.5, width - 2, 4)


@dataclass(frozen=True)
class Lungs:
    """Coverage of both lungs in one slice, and the part of the liver and spleen that rises into them."""

    coverage: np.ndarray
    domes: tuple[np.ndarray, np.ndarray]


def draw_lungs(canvas: Canvas, body: Body, level: float, ragged: np.ndarray, texture: np.ndarray) -> Lungs:
    """Two unequal lungs that open below the apex and close around the domes of the diaphragm."""
    growth = max(level - body.apex, 0.0) / (0.36 - body.apex)
    opened = math.sqrt(min(growth, 1.0)) if growth > 0 else 0.0
    whole = np.zeros((SIDE, SIDE), np.float32)
    domes = []
    for side, dome_start in ((-1, body.dome_right), (1, body.dome_left)):
        width = body.lung_width * 0.52 * (0.42 + 0.58 * opened) * (1.04 if side < 0 else 0.97)
        depth = body.lung_depth * (0.30 + 0.66 * opened) * (1 if side < 0 else 0.97)
        x, y = side * (body.lung_width * 0.5 * (0.74 + 0.26 * opened)), 8 * (1 - opened) + 1
        shape = canvas.full(canvas.ellipse(x, y, width * opened + 0.5, depth * opened + 0.5, side * -7.0, 2.0, 0.3))
        rise = ramp(level, dome_start, body.dome_end + 0.12)
        dome = np.zeros((SIDE, SIDE), np.float32)
        if level > dome_start:
            grow = math.sqrt(min((level - dome_start) / (body.dome_end - dome_start), 1.25))
            swell = ragged * np.float32(3)
            dome_shape = canvas.ellipse(
                x - side * 5, y - 0.34 * depth * (1 - rise), width * 1.02 * grow, depth * 1.02 * grow, 0.0, 3.0
            )
            dome = canvas.full(dome_shape)
            dome = np.clip(dome + dome * (1 - dome) * swell, 0, 1)
        domes.append(dome * shape)
        whole = np.maximum(whole, shape * (1 - dome) if level < body.dome_end + 0.1 else shape * 0)
    # The mediastinum and the spine push in from the middle.
    middle = canvas.full(canvas.ellipse(3, -4, 27 + 10 * ramp(level, 0.2, 0.4), body.lung_depth * 1.1, edge=3.0))
    spine = canvas.full(canvas.ellipse(0, spine_y(body) + 4, 24, 23, edge=3.0))
    whole = whole * (1 - middle) * (1 - spine)
    gravity = np.clip(canvas.y / np.float32(body.lung_depth), -1, 1) * np.float32(28)
    everywhere = (slice(0, SIDE), slice(0, SIDE))
    canvas.paint(np.float32(LUNG) + gravity + texture * 16, (everywhere, whole))
    return Lungs(whole, (domes[0], domes[1]))


def draw_fissures(canvas: Canvas, body: Body, level: float, lungs: Lungs, ragged: np.ndarray) -> None:
    """The oblique fissures: a faint line that moves forward on the way down."""
    for side in (-1, 1):
        line = body.lung_depth * (0.75 - 1.7 * ramp(level, 0.15, 0.85)) + side * 5
        slope = np.float32(side * 0.18)
        distance = canvas.y - np.float32(line) + slope * canvas.x + 5 * ragged
        near = np.clip(1 - np.abs(distance) / np.float32(1.1), 0, 1) * (canvas.x * np.float32(side) > 30)
        canvas.values += near * lungs.coverage * np.float32(85)


def draw_mediastinum(canvas: Canvas, body: Body, level: float) -> np.ndarray:
    """Fat, great vessels, heart, gullet and airways; returns where the heart is (it displaces lung)."""
    c = body.carina
    depth = body.lung_depth
    if 0.08 < level < body.dome_right + 0.08:
        reach = ramp(level, body.apex, body.apex + 0.12)
        canvas.paint(FAT + 25, canvas.ellipse(2, -12, 22 + 9 * reach, depth * (0.5 + 0.2 * reach), edge=4.0))
    heart = np.zeros((SIDE, SIDE), np.float32)
    size = body.heart * ramp(level, c + 0.03, c + 0.16) * (1 - 0.85 * ramp(level, 0.72, 0.88))
    if size > 0.25:
        x, y = 18 + 12 * ramp(level, 0.5, 0.7), -depth * 0.33
        rim = canvas.ellipse(x, y, 58 * size + 4, 43 * size + 4, 32.0, 2.5)
        heart = canvas.full(rim)
        canvas.paint(FAT + 15, rim)
        canvas.draw(BLOOD, x, y, 58 * size, 43 * size, 32.0, 3.0)
        canvas.draw(BLOOD + 14, x + 20 * size, y + 3, 25 * size, 19 * size, 32.0, 8.0)
    vessel_y = -depth * 0.2
    if level < c - 0.09:  # arteries and veins of the neck and arms
        for x, y, r in ((-15, -14, 7), (-5, -24, 6), (10, -10, 5.5), (20, -2, 5), (-26, -20, 8)):
            canvas.draw(BLOOD, x, vessel_y + y + 14, r, r)
    elif level < c - 0.03:  # the arch
        canvas.draw(BLOOD, 8, -2, 34, 13.5, 42.0)
        canvas.draw(BLOOD, -26, vessel_y + 4, 9, 8)
    else:
        if level < c + 0.14:
            canvas.draw(BLOOD, -10, vessel_y, 17, 16.5)
            canvas.draw(BLOOD, -31, vessel_y + 10, 9, 8.5)
        if c + 0.01 < level < c + 0.11:
            canvas.draw(BLOOD, 17, vessel_y - 4, 15, 14)
            canvas.draw(BLOOD, -6 if level > c + 0.04 else 18, vessel_y + 18, 30, 9.5, -14.0)
    if level > c - 0.05:  # descending aorta, then the gullet before it
        canvas.draw(BLOOD, 19 - 8 * ramp(level, 0.7, 0.95), spine_y(body) - 17, 12.5, 12.5)
    canvas.draw(1050.0, 5 + 8 * ramp(level, 0.6, 0.9), spine_y(body) - 27, 7.5, 5.5)
    canvas.draw(700.0, 5 + 8 * ramp(level, 0.6, 0.9), spine_y(body) - 27, 1.6, 1.2)
    _draw_airways(canvas, body, level)
    return heart


def _draw_airways(canvas: Canvas, body: Body, level: float) -> None:
    below = level - body.carina
    y = spine_y(body) - 42
    if below < 0:
        widen = 1 + 0.5 * ramp(level, body.carina - 0.04, body.carina)
        canvas.draw(1040.0, 0, y, 11 * widen, 11)
        canvas.draw(AIR + 12, 0, y, 8.8 * widen, 8.8)
        return
    if below > 0.16:
        return
    for side in (-1, 1):
        x = side * (11 + below * (190 if side < 0 else 230))
        radius = 7.2 - 18 * below
        canvas.draw(1040.0, x, y - 20 * below, (radius + 2) * (1 + 3 * below), radius + 1.8, side * 25.0)
        canvas.draw(AIR + 15, x, y - 20 * below, radius * (1 + 3 * below), radius, side * 25.0)


def draw_abdomen(canvas: Canvas, body: Body, level: float, lungs: Lungs, grain: np.ndarray) -> None:
    """Liver and spleen under their domes, the stomach with its air bubble, fat between; last, all of the belly."""
    everywhere = (slice(0, SIDE), slice(0, SIDE))
    canvas.paint(np.float32(LIVER) + grain * 7, (everywhere, lungs.domes[0]))
    canvas.paint(FAT + 12, (everywhere, lungs.domes[1]))
    belly = ramp(level, body.dome_end - 0.07, body.dome_end + 0.02)
    y0, a, b = rib_cage(body, level)
    if belly > 0:
        canvas.paint(FAT + 10, _faded(canvas.ellipse(0, y0, a - 8, b - 7, 0.0, 3.0, 0.3), belly))
        liver = canvas.ellipse(-a * 0.42, y0 - 4, a * 0.53, b * 0.8, 6.0, 3.0)
        canvas.paint(np.float32(LIVER) + grain[liver[0]] * 7, _faded(liver, belly))
        canvas.paint(LIVER, _faded(canvas.ellipse(-a * 0.02, y0 - b * 0.45, a * 0.42, b * 0.36, 8.0, 3.0), belly))
        canvas.paint(BLOOD - 6, _faded(canvas.ellipse(-a * 0.36, y0 + 2, 24, 3.5, -35.0, 3.0), belly))
        canvas.paint(BLOOD - 6, _faded(canvas.ellipse(-14, spine_y(body) - 30, 11, 9, 0.0, 2.0), belly))
    left = float(lungs.domes[1].max())
    if left > 0.5:
        shown = ramp(level, body.dome_left + 0.06, body.dome_left + 0.16)
        inside = lungs.domes[1] if belly == 0 else np.maximum(lungs.domes[1], np.float32(belly))
        for value, x, y, half_x, half_y, degrees in (
            (SPLEEN, a * 0.62, y0 + b * 0.36, a * 0.22, b * 0.42, 28.0),
            (1046.0, a * 0.42, y0 - b * 0.26, a * 0.31, b * 0.36, -12.0),
            (AIR + 10, a * 0.42, y0 - b * 0.44, a * 0.2, b * 0.15, -4.0),
        ):
            where, coverage = canvas.ellipse(x, y, half_x * shown + 0.5, half_y * shown + 0.5, degrees, 3.0)
            canvas.paint(value, (where, coverage * inside[where] * np.float32(shown)))


def _faded(shape: tuple[tuple[slice, slice], np.ndarray], share: float) -> tuple[tuple[slice, slice], np.ndarray]:
    return shape[0], shape[1] * np.float32(share)
