"""Draw the organs under the diaphragm: liver, spleen, and stomach with fluid and air."""

from __future__ import annotations

import numpy as np

from covidlib.phantom.body import Body
from covidlib.phantom.canvas import AIR, BLOOD, FAT, LIVER, MUSCLE, SPLEEN, Canvas, Noises, covered, smooth_union
from covidlib.phantom.mediastinum import Organ


def draw_abdomen(canvas: Canvas, body: Body, z: float, under: np.ndarray, noises: Noises) -> None:
    """Draw liver, spleen, and stomach with fluid and air under the diaphragm, with fat between them."""
    if float(under.max()) == 0:
        return
    a, b = body.half_width, body.half_depth
    canvas.paint(np.float32(FAT + 12) + 16 * noises.middle, under)
    below = z - body.dome_left
    # The liver fills the right half and crosses the middle in front, where its left lobe thins out.
    edge = canvas.x - np.float32((0.34 - 0.003 * max(below, 0.0)) * a) + canvas.y * np.float32(0.8) + 12 * noises.coarse
    hollow = -canvas.distance([(-0.08 * a, 0.66 * b, 0.36 * a, 0.46 * b, -20.0)], 40)
    liver = -smooth_union(-edge, -hollow, 20.0)
    canvas.paint(np.float32(LIVER) + 6 * noises.middle, covered(liver, 2.5) * under)
    veins = ((-0.42, -0.22, 0.2, 0.028, 28), (-0.58, 0.1, 0.17, 0.025, -22), (-0.3, 0.16, 0.11, 0.03, 60))
    for x, y, wide, thin, turn in veins:
        vein = canvas.distance([(x * a, y * b, wide * a, thin * a, float(turn))], 4) + 2 * noises.middle
        canvas.paint(BLOOD - 6, covered(vein, 3.0) * covered(liver + 6, 3.0) * under * np.float32(0.7))
    spleen = Organ(0, ((0.66 * a, 0.42 * b, body.dome_left + 52, 0.20 * a, 0.46 * b, 54, 40),)).sections(z)
    canvas.paint(SPLEEN, covered(canvas.distance(spleen, 20) + 3 * noises.coarse + noises.middle, 2.0) * under)
    bag = Organ(0, ((0.48 * a, -0.30 * b, body.dome_left + 55, 0.27 * a, 0.42 * b, 54, -34),
                    (0.24 * a, -0.42 * b, body.dome_left + 66, 0.26 * a, 0.26 * b, 50, 10)))  # fmt: skip
    sections = bag.sections(z)
    if sections:
        # A stomach is a crumpled bag: its air rises to the front and ends in a level line.
        wall = canvas.distance(sections, 24) + 5 * noises.coarse + np.float32(3.5) * noises.middle
        canvas.paint(1062.0, covered(wall, 1.6) * under)
        food = np.float32(1045) + 26 * noises.fine + 26 * noises.middle
        canvas.paint(food, covered(wall + np.float32(4.0), 2.0) * under)
        surface = np.maximum(wall + np.float32(4.5), canvas.y + np.float32((0.42 + body.stomach_level) * b))
        canvas.paint(AIR + 12, covered(surface, 1.4) * under)
    if below > 10:  # the crura of the diaphragm beside the aorta
        for side in (-1, 1):
            canvas.stroke(MUSCLE - 8, (side * 20.0, body.spine - 12), (side * 9.0, body.spine - 38), (4.5, 3.0))
