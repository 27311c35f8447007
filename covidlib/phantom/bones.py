"""Draw the bones: spine, ribs, breast bone, collar bones, shoulder blades and the heads of the upper arms."""

from __future__ import annotations

import math

import numpy as np

from covidlib.phantom.body import Body, Outline, cavity
from covidlib.phantom.canvas import CARTILAGE, CORTEX, MARROW, Canvas, Noises, Section, cos_sin, covered, ramp, square


def draw_spine(canvas: Canvas, body: Body, z: float, noises: Noises) -> None:
    """Draw a vertebral body with canal, arch and processes, or a disc, depending on the level."""
    y = body.spine
    phase = ((z + 300) / 25.0 + body.rib_phase) % 1.0
    size = 0.92 + 0.0009 * (z + 90)
    disc = phase < 0.17
    bone = np.float32(MARROW - 70 * body.age) + 110 * noises.fine
    arch = []
    for side in (-1, 1):
        if 0.2 < phase < 0.75:
            arch.append(((side * 12.0, y + 9), (side * 13.5, y + 21), 4.6))
            arch.append(((side * 15.0, y + 21), (side * 33.0, y + 32), 4.2))
        arch.append(((side * 13.5, y + 22), (side * 2.5, y + 33), 3.6))
    arch.append(((0.0, y + 34), (0.0, y + 44 + 9 * phase), 2.8))
    for start, end, radius in arch:
        canvas.stroke(CORTEX - 330, start, end, (radius, radius * 0.85))
    for start, end, radius in arch:
        if radius > 3:
            canvas.stroke(MARROW - 30, start, end, (radius - 1.7, radius * 0.85 - 1.7))
    canvas.draw(1040.0, (0, y + 22, 9.5, 8.5, 0), 1.2)
    canvas.draw(1060.0, (0, y + 22, 5.4, 4.6, 0), 1.6)
    front: Section = (0, y, 17.5 * size, 14.5 * size, 0)
    where = canvas.window(0, y, 24)
    # The back of a vertebral body is flat, and slightly hollow towards the canal.
    shape = np.maximum(canvas.distance_in(where, front), canvas.y[where[0]] - np.float32(y + 12.5))
    part = canvas.values[where]
    part += (np.float32(1108.0 if disc else CORTEX - 420) - part) * covered(shape, 1.4)
    if not disc:
        part += (bone[where] - part) * covered(shape + np.float32(1.7), 1.4)


def draw_ribs(canvas: Canvas, body: Body, z: float) -> None:
    """Draw ribs and breast bone; ribs run forward and down from the spine, so a slice cuts several at an angle."""
    outline = cavity(body, z)
    bars = []
    for side in (-1, 1):
        for rib in range(12):
            leaves = body.apex - 4 + 25.0 * (rib + 0.6 * body.rib_phase) - 6
            drop = 52.0 + 9.0 * min(rib, 6)
            last = -64.0 if rib < 9 else -10.0 if rib == 9 else 25.0
            degrees = [76 - (76 - last) * step / 44 for step in range(45)]
            turns = [cos_sin(angle + 2 * side) for angle in degrees]
            cosines, sines = (np.array([turn[part] for turn in turns]) for part in (0, 1))
            x, y = outline.points(cosines, sines, 5.0)
            levels = [leaves + drop * (1 - (angle + 64) / 140) for angle in degrees]
            for step in range(44):
                high = 1 - square((levels[step] - z) / 6.0)
                if high > 0.05:
                    ends = ((side * float(x[step]), float(y[step])), (side * float(x[step + 1]), float(y[step + 1])))
                    bars.append((ends, 4.1 * math.sqrt(high), degrees[step] < -38))
    for (start, end), radius, cartilage in bars:
        canvas.stroke(CARTILAGE if cartilage else CORTEX - 280, start, end, (radius, radius))
    for (start, end), radius, cartilage in bars:
        if radius > 2.4 and not cartilage:
            canvas.stroke(MARROW - 20, start, end, (radius - 2.0, radius - 2.0))
    if -70 < z < 92:
        wide = 27.0 - 11.0 * ramp(z, -45, -15) + 2 * ramp(z, 20, 60)
        thin = 6.2 * (1 - ramp(z, 72, 92)) + 0.3
        y0 = outline.y - outline.front - 5
        canvas.draw(CORTEX - 430, (0, y0, wide, thin, 0))
        canvas.draw(MARROW - 90, (0, y0, max(wide - 2, 0.5), max(thin - 1.8, 0.3), 0))


def draw_shoulders(canvas: Canvas, body: Body, z: float) -> None:
    """Draw collar bones, shoulder blades and the heads of the upper arms."""
    level = z - body.apex
    front = cavity(body, z).front
    reach = body.half_width
    blade = cavity(body, max(z, body.apex + 45))
    for side in (-1, 1):
        # The collar bone runs from the breast bone outwards, upwards and back.
        bars = []
        for step in range(24):
            share = step / 24
            height = 30 - 62 * share
            high = 1 - square((level - height) / 9.0)
            if high > 0.05:
                place = [(24 + (reach + 4) * s, -front * 0.93 + 70 * s * s + 8 * s) for s in (share, share + 1 / 24)]
                bars.append(([(side * px, py) for px, py in place], 6.0 * math.sqrt(high)))
        for inset, value in ((0.0, CORTEX - 220), (2.0, MARROW)):
            for (start, end), radius in bars:
                if radius > inset:
                    canvas.stroke(value, start, end, (radius - inset, radius - inset))
        round_head = 1 - square((level + 8) / 27.0)
        if round_head > 0.02:
            radius = 25 * math.sqrt(round_head)
            canvas.draw(CORTEX - 150, (side * (reach + 30), 12, radius, radius, 0))
            canvas.draw(MARROW - 40, (side * (reach + 30), 12, max(radius - 2.6, 1), max(radius - 2.6, 1), 0))
        if -15 < level < 125:
            _draw_blade(canvas, blade, side, level)


def _draw_blade(canvas: Canvas, blade: Outline, side: int, level: float) -> None:
    shrink = ramp(level, 35, 125)
    socket = (14 + 26 * shrink, 30 - 14 * ramp(level, -15, 30) - 6 * shrink)
    places = []
    for degrees, outside in (socket, (40 + 4 * shrink, 17), (62 - 12 * shrink, 15)):
        cosine, sine = cos_sin(degrees)
        x, y = blade.points(np.array([cosine]), np.array([sine]), outside)
        places.append((side * float(x[0]), float(y[0])))
    outer, middle, inner = places
    for inset, value in ((0.0, CORTEX - 250), (1.2, MARROW)):
        thick = 6.0 - 2.4 * shrink - inset
        canvas.stroke(value, outer, middle, (thick, 2.0 - 0.8 * inset))
        canvas.stroke(value, middle, inner, (2.0 - 0.8 * inset, 2.2 - 0.6 * inset))
        if level < 26:  # the spine of the shoulder blade, which carries the shoulder's roof
            root = ((outer[0] + 2 * middle[0]) / 3, (outer[1] + 2 * middle[1]) / 3)
            canvas.stroke(value, root, (root[0] + side * 27, root[1] + 15), (2.4 - inset, 4.6 - inset))
