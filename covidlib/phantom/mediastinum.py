"""Draw the organs between the lungs: heart, great vessels, windpipe, bronchi and gullet, embedded in fat."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from covidlib.names import SLICE_SIDE
from covidlib.phantom.body import Body, cavity
from covidlib.phantom.canvas import AIR, BLOOD, FAR, FAT, Canvas, Noises, Section, covered, ramp, smooth_union, square


@dataclass(frozen=True)
class Organ:
    """A chain of ellipsoids (x, y, z, half axes, turned by degrees) with the same stored value."""

    value: float
    parts: tuple[tuple[float, float, float, float, float, float, float], ...]
    bulges: bool = True
    wall: float = 0.0

    def sections(self, z: float, grow: float = 0.0) -> list[Section]:
        """The ellipses in which a slice cuts the organ."""
        ellipses = []
        for x, y, level, a, b, c, degrees in self.parts:
            inside = 1 - square((z - level) / (c + grow))
            if inside > 0.01:
                share = math.sqrt(inside)
                ellipses.append((x, y, (a + grow) * share, (b + grow) * share, degrees))
        return ellipses


def tube(value: float, *knots: tuple[float, float, float, float], bulges: bool = True, wall: float = 0.0) -> Organ:
    """Make a tube through knots (x, y, z, radius), as a chain of closely spaced balls."""
    parts = []
    for (x0, y0, z0, r0), (x1, y1, z1, r1) in zip(knots[:-1], knots[1:], strict=True):
        length = math.sqrt(square(x1 - x0) + square(y1 - y0) + square(z1 - z0))
        steps = max(int(length / (0.3 * (r0 + r1) / 2)) + 1, 1)
        for step in range(steps + 1):
            s = step / steps
            r = r0 + s * (r1 - r0)
            parts.append((x0 + s * (x1 - x0), y0 + s * (y1 - y0), z0 + s * (z1 - z0), r, r, r, 0.0))
    return Organ(value, tuple(parts), bulges, wall)


def mediastinum(body: Body) -> list[Organ]:
    """The organs between the lungs, in the order in which they are drawn."""
    s, k, end = body.spine, body.heart, body.top + body.length_mm
    f = -body.half_depth
    middle = s - 44
    descend = (s - 15, s - 19)
    blob = (
        (-17 * k, f * 0.30, 78.0, 24 * k, 31 * k, 38 * k, 14.0),
        (9 * k, f * 0.50, 84.0, 40 * k, 27 * k, 42 * k, 18.0),
        (30 * k, f * 0.33, 90.0, 46 * k, 34 * k, 46 * k, 38.0),
        (12 * k, f * 0.26, 84.0, 36 * k, 34 * k, 46 * k, 30.0),
        (4.0, f * 0.06 + 3, 54.0, 32 * k, 17 * k, 23 * k, -6.0),
    )
    return [
        # Fat and lymph nodes between the windpipe's fork and the great vessels.
        tube(FAT + 22, (0, -2, -45, 10), (3, 0, 8, 14), (4, 2, 34, 13)),
        Organ(BLOOD, blob),
        tube(BLOOD, (6, f * 0.3, 50, 15), (-8, f * 0.36, 20, 16), (-11, f * 0.36, -12, 15.5), (-5, f * 0.24, -29, 14),
             (9, -2, -37, 13.5), (19, 22, -31, 13), (24, descend[0], -12, 12.5), (24, descend[0], 30, 12),
             (17, descend[1], 110, 11.5), (6, descend[1] - 4, end, 10.5)),
        tube(BLOOD, (20, f * 0.42, 48, 15), (22, f * 0.34, 20, 14), (29, -4, 9, 12), (42, 14, 18, 10), (48, 24, 34, 8)),
        tube(BLOOD, (20, f * 0.26, 20, 12), (-2, -6, 21, 11.5), (-32, 0, 22, 10.5), (-46, 8, 34, 8)),
        tube(BLOOD, (-26, f * 0.32, -42, 8), (-27, f * 0.22, 0, 9.5), (-26, f * 0.2, 48, 10.5)),
        tube(BLOOD, (-22, f * 0.34, -78, 7), (-25, f * 0.34, -42, 8)),
        tube(BLOOD, (34, f * 0.36, -80, 6.5), (22, f * 0.46, -60, 7), (-22, f * 0.38, -44, 7)),
        tube(BLOOD, (-20, -6, -100, 5.5), (-12, f * 0.16, -70, 6), (-5, f * 0.2, -34, 7)),
        tube(BLOOD, (20, -4, -100, 4), (9, -8, -40, 4.6)),
        tube(BLOOD, (34, 2, -84, 5), (19, 6, -42, 5.5)),
        tube(BLOOD, (-27, 2, 98, 12), (-27, 8, 125, 12.5), (-24, 14, end, 12)),
        tube(BLOOD, (-30, 8, 52, 6), (-48, 14, 58, 4.5)),
        tube(BLOOD, (32, 9, 50, 6), (48, 17, 56, 4.5)),
        tube(BLOOD - 6, (-9, s - 19, -30, 3.4), (-9, s - 19, end, 3.2)),
        tube(1058.0, (3, s - 24, -120, 6), (6, s - 24, -20, 6), (8, s - 27, 60, 6.5),
             (15, s - 34, body.dome_left + 18, 7)),
        *airways(middle),
    ]  # fmt: skip


def airways(y: float) -> list[Organ]:
    """Windpipe and main bronchi down to the lower lobes: air inside a thin wall."""
    return [
        tube(AIR + 10, (0, y - 8, -130, 8.6), (0, y - 2, -60, 8.8), (1, y, -4, 9.4), wall=1.7),
        tube(AIR + 12, (0, y, -4, 8.4), (-17, y + 2, 12, 7.4), (-32, y + 6, 25, 6.7), wall=1.5),
        tube(AIR + 12, (1, y, -4, 8), (18, y + 3, 13, 6.6), (36, y + 9, 27, 6), wall=1.5),
        tube(AIR + 12, (-32, y + 6, 25, 6.7), (-40, y + 12, 48, 5.2),
             (-50, y + 26, 76, 3.6), bulges=False, wall=1.5),
        tube(AIR + 12, (36, y + 9, 27, 6), (40, y + 10, 30, 5.8), (46, y + 18, 50, 4.6),
             (56, y + 32, 76, 3.4), bulges=False, wall=1.5),
        tube(AIR + 20, (-24, y + 3, 18, 4.6), (-46, y + 2, 10, 3.6), (-58, y - 6, 2, 2.4), bulges=False, wall=1.3),
        tube(AIR + 20, (38, y + 8, 28, 4), (50, y, 18, 3), (58, y - 12, 8, 2.2), bulges=False, wall=1.2),
    ]  # fmt: skip


def mediastinal_envelope(canvas: Canvas, body: Body, z: float, organs: list[Organ], noises: Noises) -> np.ndarray:
    """Distance to the region between the lungs: organs in fat, including spine and anterior junction."""
    outline = cavity(body, z)
    field = np.full((SLICE_SIDE, SLICE_SIDE), FAR, np.float32)
    for organ in organs:
        sections = organ.sections(z, 2.0) if organ.bulges else []
        if sections:
            field = smooth_union(field, canvas.distance(sections, 12), 9.0)
    back = canvas.distance([(0, body.spine + 4, 20, 21, 0), (3, body.spine - 24, 9, 28, 0)], 16)
    field = smooth_union(field, back, 10.0)
    # In front, both lungs almost touch behind the breast bone.
    wide = 5 + 22 * (1 - ramp(z, body.apex, body.apex + 55)) + 3 * ramp(z, 60, 100)
    reach = outline.front * (0.28 + 0.24 * ramp(z, body.apex, body.apex + 45))
    front: Section = (3.0, outline.y - outline.front * 1.1 + reach, wide, reach, 0)
    return smooth_union(field, canvas.distance([front], 24), 22.0) + noises.middle * np.float32(0.8)


def draw_mediastinum(
    canvas: Canvas, body: Body, z: float, envelope: np.ndarray, under: np.ndarray, organs: list[Organ], noises: Noises
) -> None:
    """Draw fat and organs between the lungs."""
    within = covered(envelope, 1.6) * covered(cavity(body, z).distance(canvas.x, canvas.y) + 1, 2.0)
    within *= np.float32(ramp(z, body.apex - 2, body.apex + 26)) * (1 - under)
    canvas.paint(np.float32(FAT + 22) + 12 * noises.middle, within)
    # All walls before all air: where two airways meet, no wall may block the passage.
    airways_open = []
    for organ in organs:
        sections = organ.sections(z)
        if not sections:
            continue
        field = canvas.distance(sections, 6)
        if organ.wall:
            canvas.paint(1046.0, covered(field - np.float32(organ.wall), 1.2))
            airways_open.append((organ.value, field))
        else:
            canvas.paint(np.float32(organ.value) + 5 * noises.middle, covered(field, 1.6))
    for value, field in airways_open:
        canvas.paint(np.float32(value) + 5 * noises.middle, covered(field, 1.6))
