"""Draw lesions like those of COVID-19, and the changes of healthy lungs that resemble them (atelectasis)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from covidlib.names import SLICE_SIDE
from covidlib.phantom.body import Body, cavity
from covidlib.phantom.canvas import Canvas, Noises, between, cos_sin, covered

SMALLEST_LESION_MM = 3.0
LESIONS = (30, 110)
"""Smallest and largest number of lesions of an infected patient."""
LARGEST_LESION_MM = (35.0, 54.0)
"""Range of the diameter of a patient's largest lesion; axes vary by a further tenth, so up to 60 mm."""
MILD_SHARE, MILD_LESIONS, MILD_LARGEST_MM = 0.12, (4, 14), (10.0, 24.0)
"""Share, number and largest diameter of lesions for patients with only a few small ones."""
ATELECTASIS_SHARE = 0.6
"""Share of all patients, infected or not, whose lung is slightly collapsed at the back, where they lie on it."""


@dataclass(frozen=True)
class Lesion:
    """An irregular ellipsoid of diseased lung: centre and half axes in mm, stored value, pattern."""

    centre: tuple[float, float, float]
    axes: tuple[float, float, float]
    value: float
    crazy_paving: bool


def choose_lesions(generator: np.random.Generator, body: Body) -> list[Lesion]:
    """Draw the lesions of a patient at random: 3 mm and larger, mostly peripheral, at the back and at the bases."""
    mild = generator.random() < MILD_SHARE
    least, most = MILD_LESIONS if mild else LESIONS
    largest = between(generator, *(MILD_LARGEST_MM if mild else LARGEST_LESION_MM))
    lesions = []
    for _ in range(least + int((most - least) * generator.random())):
        # Sizes vary over the whole range, with more large ones than on a plain logarithmic scale.
        scale = math.pow(largest / SMALLEST_LESION_MM, math.pow(float(generator.random()), 0.6))
        diameter = SMALLEST_LESION_MM * round(scale, 6)
        low = max(float(generator.random()), float(generator.random()))
        z = body.apex + 25 + low * (body.dome_right + 25 - body.apex)
        side = 1 if generator.integers(2) else -1
        behind = generator.random() < 0.7
        cosine, sine = cos_sin(between(generator, 5, 72) if behind else between(generator, -60, 5))
        depth = between(generator, -0.4 * diameter - 2, 1) if generator.random() < 0.8 else between(generator, -45, -10)
        x, y = cavity(body, z).points(np.array([cosine]), np.array([sine]), depth)
        dense = generator.random() < 0.3
        value = between(generator, 850, 1040) if dense else between(generator, 330, 640)
        axes = [diameter / 2 * between(generator, 0.75, 1.1) for _ in range(3)]
        paving = bool(generator.random() < 0.25) and not dense
        place = (side * float(x[0]), float(y[0]), z)
        lesions.append(Lesion(place, (axes[0], axes[1], axes[2]), value, paving))
    return lesions


def draw_lesion(
    canvas: Canvas, lesion: Lesion, z: float, thickness: float, lungs: np.ndarray, noises: Noises
) -> np.ndarray:
    """Draw the part of a lesion that a slice cuts; returns its mask, bool, 512×512."""
    mask = np.zeros((SLICE_SIDE, SLICE_SIDE), bool)
    depth = max(abs(z - lesion.centre[2]) - thickness / 2, 0.0) / lesion.axes[2]
    if depth >= 1:
        return mask
    where = canvas.window(lesion.centre[0], lesion.centre[1], 1.6 * max(lesion.axes[0], lesion.axes[1]))
    dx = (canvas.x[:, where[1]] - np.float32(lesion.centre[0])) / np.float32(lesion.axes[0])
    dy = (canvas.y[where[0]] - np.float32(lesion.centre[1])) / np.float32(lesion.axes[1])
    coarse, middle, fine = noises.coarse[where], noises.middle[where], noises.fine[where]
    distance = np.sqrt(dx * dx + dy * dy + np.float32(depth * depth))
    distance = distance + np.float32(0.22) * coarse + np.float32(0.30) * middle + np.float32(0.16) * fine
    weight = np.clip((1 - distance) * np.float32(2.0) + np.float32(0.35), 0, 1) * lungs[where]
    value = np.float32(lesion.value) + 45 * fine + 55 * middle
    if lesion.crazy_paving:  # thickened septa: a net of bright lines over ground glass
        value = value + np.float32(240) * np.clip(1 - np.abs(fine) * 6, 0, 1)
    # Vessels stay visible through ground glass.
    part = canvas.values[where]
    part += (np.maximum(value, part) - part) * weight
    mask[where] = weight > 0.5
    return mask


@dataclass(frozen=True)
class Atelectasis:
    """Lung that is collapsed under its weight: a grey band along the back of the bases, and a few flat plates.

    Healthy people have it too, so a network must not mistake every grey patch at the base for disease.
    """

    depth_mm: float
    reach_mm: float
    value: float
    plates: tuple[tuple[float, float, float, float, float, float], ...]
    """Start and end (x, y), level z and half thickness of each plate in mm."""


def choose_atelectasis(generator: np.random.Generator, body: Body) -> Atelectasis | None:
    """Draw the atelectasis of a patient at random; None for a patient without any."""
    has_some = generator.random() < ATELECTASIS_SHARE
    depth, reach, value = between(generator, 4, 14), between(generator, 25, 70), between(generator, 320, 620)
    plates = []
    for _ in range(int(generator.integers(0, 4))):
        side = 1 if generator.integers(2) else -1
        x, y = side * between(generator, 0.45, 0.8) * body.half_width, between(generator, 0.2, 0.6) * body.half_depth
        length, rise = between(generator, 12, 34), between(generator, -8, 8)
        level = body.dome_right - between(generator, 0, 35)
        plates.append((x, y, x + side * length, y + rise, level, between(generator, 0.6, 1.4)))
    return Atelectasis(depth, reach, value, tuple(plates)) if has_some else None


def draw_atelectasis(
    canvas: Canvas, body: Body, found: Atelectasis, z: float, thickness: float, inner: np.ndarray, lungs: np.ndarray,
    noises: Noises,
) -> None:  # fmt: skip
    """Draw atelectasis; it is not a lesion and not in a mask. `inner` is the distance field of the rib cage."""
    near_base = max(1 - max(body.dome_right + 10 - z, 0.0) / found.reach_mm, 0.0)
    depth = np.float32(found.depth_mm * near_base) * (1 + np.float32(0.6) * noises.coarse + 0.4 * noises.middle)
    if near_base > 0:
        behind = np.clip((canvas.y - np.float32(0.42 * body.half_depth)) * np.float32(1 / 22), 0, 1)
        veil = covered(-inner - np.maximum(depth, np.float32(0.1)), 5.0) * behind * lungs
        value = np.maximum(np.float32(found.value) + 50 * noises.fine, canvas.values)
        canvas.paint(value, veil * np.float32(0.85))
    for x0, y0, x1, y1, level, half in found.plates:
        if abs(z - level) < thickness / 2 + 5:
            canvas.stroke(780.0, (x0, y0), (x1, y1), (half, 0.5 * half), lungs)
