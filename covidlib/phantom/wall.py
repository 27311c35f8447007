"""Draw the table and the body wall: skin, fat and muscles."""

from __future__ import annotations

import numpy as np

from covidlib.names import SLICE_SIDE
from covidlib.phantom.body import Body, cavity, trunk
from covidlib.phantom.canvas import FAT, MUSCLE, SKIN, Canvas, Noises, Section, covered, ramp, smooth_union


def draw_table(canvas: Canvas, body: Body) -> None:
    """Draw the table under the patient: a thin shell filled with foam, flatter above than below."""
    x = canvas.x * np.float32(1 / 230)
    under = canvas.y - np.float32(trunk(body, 60).back + 7) + x * x * np.float32(62)
    deep = np.maximum(np.float32(26) * (1 - x * x * np.float32(0.9)), np.float32(1.5))
    canvas.paint(60.0, covered(under - deep) * covered(-under))
    for shell, value in ((np.zeros_like(deep), 760.0), (deep, 640.0)):
        canvas.paint(value, covered(np.abs(under - shell) - np.float32(0.9)))


def draw_wall(canvas: Canvas, body: Body, z: float, noises: Noises) -> np.ndarray:
    """Draw skin, fat and the muscles of the chest wall; returns the distance field of the rib cage."""
    plain = trunk(body, z).distance(canvas.x, canvas.y) + noises.coarse * np.float32(2.5)
    skin = plain
    inner = cavity(body, z).distance(canvas.x, canvas.y) + noises.coarse * np.float32(1.5)
    if body.breast_mm > 0:
        bulge = body.breast_mm * ramp(z, 0, 35) * (1 - ramp(z, 80, 115))
        y = -trunk(body, z).front + 0.30 * body.half_width
        skin = smooth_union(
            skin, canvas.distance([(side * 0.5 * body.half_width, y, 50 + bulge, 24 + bulge, side * 16.0)
                                   for side in (-1, 1)], 30) + 6, 14.0)  # fmt: skip
    if body.clothes:
        cloth = np.abs(skin - np.float32(7) - 6 * noises.coarse - 1.5 * noises.middle) - np.float32(0.35)
        canvas.paint(190.0, covered(cloth) * (canvas.y < body.half_depth * 0.8))
    canvas.paint(SKIN, covered(skin))
    canvas.paint(FAT + 14 * noises.fine, covered(skin + np.float32(1.9)))
    # The thickness of the fat varies, and the muscle surface is not smooth.
    thickness = np.float32(body.fat_mm) * (1 + np.float32(0.25) * noises.coarse) + noises.middle
    muscle = np.maximum(plain + thickness, skin + np.float32(4))
    canvas.paint(np.float32(MUSCLE) + 9 * noises.fine, covered(muscle, 1.4))
    _draw_fat_planes(canvas, body, z, inner, muscle, noises)
    return inner


def _draw_fat_planes(
    canvas: Canvas, body: Body, z: float, inner: np.ndarray, muscle: np.ndarray, noises: Noises
) -> None:
    inside = covered(muscle + 3, 2.0) * covered(-inner + 3, 2.0)
    planes = np.zeros((SLICE_SIDE, SLICE_SIDE), np.float32)
    for depth, width, tilt in ((12.0, 0.9, 7.0), (24.0, 0.8, -9.0), (36.0, 0.8, 12.0)):
        wavy = inner - np.float32(depth) - np.float32(tilt) * noises.coarse - 2 * noises.middle
        torn = np.float32(width) + np.float32(2.2) * noises.middle - 1
        planes = np.maximum(planes, covered(np.abs(wavy) - torn, 1.6))
    canvas.paint(FAT + 30, planes * inside * np.float32(0.7))
    # Muscles that stand alone in fat: beside the spine, over the chest, around the shoulder blade.
    spine = body.spine
    for side in (-1, 1):
        rim: list[Section] = [(side * 27.0, spine + 45, 24, 15 + 3 * ramp(z, 0, 100), side * -14.0)]
        if z < 30:
            rim.append((side * 0.52 * body.half_width, -cavity(body, z).front - 9, 46, 11, side * 12.0))
        if z < 60:
            rim.append((side * (body.half_width + 8), 22.0 - 0.3 * z, 15, 36 - 0.2 * z, side * 10.0))
        for x, y, a, b, degrees in rim:
            ring = canvas.distance([(x, y, a, b, degrees)], 5)
            torn = np.abs(ring + noises.coarse) - 2 * noises.middle - np.float32(0.2)
            canvas.paint(FAT + 10, covered(torn, 1.4) * inside * np.float32(0.7))


def draw_neck(canvas: Canvas, body: Body, z: float, noises: Noises) -> None:
    """Draw fat between the muscles of the neck and armpits, above and around the apices."""
    share = 1 - ramp(z, body.apex - 5, body.apex + 40)
    if share == 0:
        return
    y = 4.0
    fat = ((44, -14, 24, 7, 35), (88, -4, 26, 10, 12), (60, 24, 26, 5, -20), (112, 22, 14, 8, 40))
    for side in (-1, 1):
        for x, dy, a, b, degrees in fat:
            ragged = canvas.distance([(side * x, y + dy, a, b, side * degrees)], 10)
            ragged += 3 * (noises.middle + noises.coarse)
            canvas.paint(FAT + 25, covered(ragged, 3.0) * np.float32(0.85 * share))
        for x, dy, a, b, degrees in ((26, -26, 9, 14, 30), (24, 4, 8, 6, 0), (36, 10, 8, 12, -20)):
            canvas.draw(MUSCLE, (side * x, y + dy, a, b, side * degrees), 1.6, share)
