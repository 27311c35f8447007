"""Draw the lungs: air, fissures and branching vessels, above the domes of the diaphragm."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from covidlib.phantom.body import Body, cavity
from covidlib.phantom.canvas import BLOOD, Canvas, Noises, between, covered, ramp


def dome_level(body: Body, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Level (z) of the diaphragm below each point: two domes, lowest at the back and along the ribs."""
    kind = x.dtype.type
    levels = []
    for side, top in ((-1, body.dome_right), (1, body.dome_left)):
        u = (x - kind(side * 0.48 * body.half_width)) * kind(1 / (0.50 * body.half_width))
        v = (y + kind(0.16 * body.half_depth)) * kind(1 / (0.82 * body.half_depth))
        radius = u * u + v * v
        levels.append(kind(top) + kind(34) * radius + kind(9) * np.maximum(v, 0) * radius)
    u = (x - kind(0.10 * body.half_width)) * kind(1 / (0.45 * body.half_width))
    v = (y + kind(0.50 * body.half_depth)) * kind(1 / (0.48 * body.half_depth))
    saddle = kind(body.dome_left + 12) + kind(16) * (u * u + v * v)
    return np.minimum(np.minimum(levels[0], levels[1]), saddle)


def lung_coverage(
    canvas: Canvas, body: Body, z: float, thickness: float, inner: np.ndarray, envelope: np.ndarray, noises: Noises
) -> tuple[np.ndarray, np.ndarray]:
    """The share of each pixel that is lung, and the share that is under the diaphragm.

    A slice averages over its thickness, so domes and apices are blurred where they are almost parallel to it.
    """
    depth = np.float32(1 / max(thickness, 3.0))
    x, y = canvas.x, canvas.y
    u = (np.abs(x) - np.float32(47)) * np.float32(1 / 38)
    v = (y - np.float32(0.12 * body.half_depth)) * np.float32(1 / 52)
    apex = np.float32(body.apex) + 25 * (u * u + v * v) + np.where(x < 0, np.float32(3), np.float32(-3))
    above = np.clip((np.float32(z) - apex) * depth + np.float32(0.5), 0, 1)
    dome = dome_level(body, x + 0 * y, y + 0 * x) + 5 * noises.coarse
    under = np.clip((np.float32(z) - dome) * depth + np.float32(0.5), 0, 1)
    free = covered(inner, 1.2) * covered(-envelope, 1.2)
    return free * above * (1 - under), under * covered(inner, 1.2)


def draw_lungs(canvas: Canvas, body: Body, lungs: np.ndarray, noises: Noises) -> None:
    """Draw air and fine lung tissue, denser at the back, because the patient lies on it."""
    gravity = np.clip(canvas.y / np.float32(body.half_depth), -1, 1) * np.float32(34)
    tissue = gravity + 22 * noises.coarse + 24 * noises.middle + 46 * noises.fine
    canvas.paint(np.float32(body.lung_value) + tissue, lungs)


def draw_fissures(canvas: Canvas, body: Body, z: float, lungs: np.ndarray, noises: Noises) -> None:
    """Draw the oblique fissures: a faint line, farther forward in lower slices."""
    for side in (-1, 1):
        line = body.half_depth * (0.62 - 1.25 * ramp(z, -45, body.dome_right + 15)) + side * 4
        bow = canvas.x - np.float32(side * 0.5 * body.half_width)
        distance = canvas.y - np.float32(line) + bow * bow * np.float32(0.0022) + 5 * noises.coarse
        near = covered(np.abs(distance) - np.float32(0.35), 1.4) * (canvas.x * np.float32(side) > 22)
        canvas.values += near * lungs * np.float32(55)


@dataclass(frozen=True)
class Segment:
    """A piece of a vessel: two ends (x, y, z in mm) and their radii."""

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    radii: tuple[float, float]


def vessel_tree(generator: np.random.Generator, body: Body, side: int, kind: int) -> list[Segment]:
    """Grow the arteries (kind 0) or veins (1) of one lung: branches from the hilum to points all over the lung.

    Each new branch starts at the nearest existing one, and the width of a vessel depends on the number of ends that it
    feeds: so the tree fills the lung, forks and tapers.
    """
    root = ((38.0, 6.0, 24.0), (46.0, 20.0, 44.0), (52.0, 32.0, 68.0), (52.0, -8.0, 2.0))
    if kind == 1:
        root = ((38.0, 12.0, 54.0), (50.0, 24.0, 70.0), (52.0, -18.0, 34.0), (50.0, -30.0, 14.0))
    nodes = [(side * x, y, z) for x, y, z in root]
    parents = [-1, 0, 1, 0]
    box = np.array([body.half_width, 1.95 * body.half_depth, body.dome_right + 55 - body.apex])
    low = np.array([0.0, -0.97 * body.half_depth, body.apex])
    candidates = generator.random((900, 3)) * box + low
    candidates[:, 0] *= side
    x, y, z = candidates.T.copy()
    free = z < dome_level(body, x, y) - 2
    free &= np.abs(x) > 24 + 14 * (y > 0.2 * body.half_depth)
    u, v, w = (x - 20) / 62, (y + 0.36 * body.half_depth) / 56, (z - 84) / 56
    free &= u * u + v * v + w * w > 1  # not in the heart
    for place in np.flatnonzero(free):
        here = slice(place, place + 1)
        free[place] = cavity(body, float(z[place])).distance(x[here], y[here])[0] < -3
    targets = candidates[free][:330]
    far = targets - np.array(nodes[0])
    away = far[:, 0] * far[:, 0] + far[:, 1] * far[:, 1] + far[:, 2] * far[:, 2]
    places = np.zeros((6000, 3))
    places[: len(nodes)] = nodes
    travelled = np.zeros(len(places))
    travelled[:4] = (0.0, 25.0, 50.0, 25.0)
    for target in targets[np.argsort(away, kind="stable")]:
        known = places[: len(nodes)] - target
        gap = np.sqrt(known[:, 0] * known[:, 0] + known[:, 1] * known[:, 1] + known[:, 2] * known[:, 2])
        # The distance from the hilum counts too: otherwise branches would run around the lung, not outwards.
        parent = int(np.argmin(gap + 0.55 * travelled[: len(nodes)]))
        length = float(gap[parent])
        steps = max(int(length / 9), 1)
        start = nodes[parent]
        sway = [between(generator, -0.07, 0.07) * length for _ in range(3)]
        for step in range(1, steps + 1):
            share = step / steps
            bow = 4 * share * (1 - share)
            x1, y1, z1 = (
                round(begin + share * (float(goal) - begin) + bow * aside, 4)
                for begin, goal, aside in zip(start, target, sway, strict=True)
            )
            nodes.append((x1, y1, z1))
            parents.append(parent)
            reached = travelled[parent] + length / steps
            parent = len(nodes) - 1
            places[parent], travelled[parent] = nodes[parent], reached
    fed = [0] * len(nodes)
    has_child = set(parents)
    for index in range(len(nodes) - 1, -1, -1):
        fed[index] += index not in has_child
        if parents[index] >= 0:
            fed[parents[index]] += fed[index]
    # Widths grow slightly slower than the square root of the number of ends, as in real vessels.
    radii = [min(round(0.68 * math.pow(max(ends, 1), 0.42), 4), 5.0) for ends in fed]
    return [
        Segment(nodes[parent], nodes[index], (min(radii[index] + 0.15, radii[parent]), radii[index]))
        for index, parent in enumerate(parents)
        if parent >= 0
    ]


def draw_vessels(canvas: Canvas, vessels: list[Segment], z: float, thickness: float, lungs: np.ndarray) -> None:
    """Draw the parts of the vessels that a slice cuts."""
    top, bottom = z - thickness / 2, z + thickness / 2
    for vessel in vessels:
        (x0, y0, z0), (x1, y1, z1) = vessel.start, vessel.end
        if max(z0, z1) < top or min(z0, z1) > bottom:
            continue
        shares = [0.0, 1.0]
        if abs(z1 - z0) > 1e-6:
            shares = [min(max((edge - z0) / (z1 - z0), 0.0), 1.0) for edge in (top, bottom)]
        ends = [(x0 + share * (x1 - x0), y0 + share * (y1 - y0)) for share in shares]
        radii = [vessel.radii[0] + share * (vessel.radii[1] - vessel.radii[0]) for share in shares]
        # A vessel thinner than the slice is averaged with air and looks paler.
        pale = min(1.0, 0.22 + 0.5 * (radii[0] + radii[1]) / thickness * 1.9)
        canvas.stroke(BLOOD - 16, ends[0], ends[1], (radii[0], radii[1]), lungs * np.float32(pale))
