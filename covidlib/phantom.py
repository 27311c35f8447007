"""A synthetic cohort in COVID-CTset's layout, with lesions whose place is known: data for a book that cannot ship data.

It is a teaching instrument. Its lesions are drawn, not observed: nothing it yields is evidence about COVID-19 or about
the networks. The same seed gives the same bytes on any machine (see `covidlib.anatomy`). Taught in chapter 01.
"""

from __future__ import annotations

import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from covidlib import anatomy
from covidlib.anatomy import SIDE, Body, Canvas, Lungs, blur, cos_sin, smooth_noise
from covidlib.errors import InputError
from covidlib.series import identify, write_slice

FIRST_NORMAL_ID = 146
"""COVID-CTset numbers its infected patients 1 to 145 and its normal ones from 146."""
VISIBLE_LESION_PIXELS = 150
"""A slice is labelled "covid" from this many lesion pixels on: less is not seen at a glance."""
SERIES = "SR_2"


@dataclass(frozen=True)
class Segment:
    """A piece of a vessel: two ends (x, y, z in mm) and a radius."""

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    radius: float


@dataclass(frozen=True)
class Lesion:
    """An irregular ellipsoid of diseased lung: centre and half axes in mm, stored value, pattern."""

    centre: tuple[float, float, float]
    axes: tuple[float, float, float]
    value: float
    crazy_paving: bool


@dataclass(frozen=True)
class PatientVolume:
    """One synthetic series.

    Attributes
    ----------
    slices : uint16 array, shape (slices, 512, 512)
        HU + 1024, from the apex down.
    lesions : bool array, same shape
        Where lung was replaced by a lesion.
    z_mm : float array, shape (slices,)
        Table position, 0 at the first slice.
    """

    patient: str
    label: str
    slices: np.ndarray
    lesions: np.ndarray
    z_mm: np.ndarray
    pixel_mm: float
    thickness_mm: float
    kernel: str


def make_patient(seed: int, number: int, covid: bool) -> PatientVolume:
    """One synthetic patient; the same seed and number give the same bytes, whoever else is in the cohort.

    Taught in chapter 01.

    Parameters
    ----------
    number : int
        The patient's number; COVID-CTset's infected patients have 1 to 145, normal ones 146 and above.
    """
    generator = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, number])))
    body = _body(generator)
    thickness = (6.0, 7.0, 8.0, 10.0)[int(generator.integers(4))]
    sharp = bool(generator.integers(2))
    noise = _between(generator, 16, 34) if sharp else _between(generator, 7, 13)
    vessels = [segment for side in (-1, 1) for segment in _vessel_tree(generator, body, side)]
    lesions = _lesions(generator, body) if covid else []
    count = int(body.length_mm / max(thickness, body.length_mm / 17.0))
    z = np.arange(count) * (body.length_mm / count)
    drawn = [_draw_slice(generator, body, z_mm, thickness, vessels, lesions, sharp, noise) for z_mm in z]
    return PatientVolume(
        patient=f"patient{number}",
        label="covid" if covid else "normal",
        slices=np.stack([pixels for pixels, _ in drawn]),
        lesions=np.stack([mask for _, mask in drawn]),
        z_mm=z.round(2),
        pixel_mm=body.pixel_mm,
        thickness_mm=thickness,
        kernel="sharp" if sharp else "smooth",
    )


def _between(generator: np.random.Generator, low: float, high: float) -> float:
    return round(low + (high - low) * float(generator.random()), 4)


def _body(generator: np.random.Generator) -> Body:
    half_width = _between(generator, 148, 186)
    half_depth = half_width * _between(generator, 0.65, 0.75)
    fat = _between(generator, 9, 21)
    dome = _between(generator, 0.66, 0.78)
    return Body(
        pixel_mm=_between(generator, 0.68, 0.84),
        centre=(255.5 + _between(generator, -12, 12), 270 + _between(generator, -14, 14)),
        half_width=half_width,
        half_depth=half_depth,
        fat_mm=fat,
        length_mm=_between(generator, 235, 285),
        apex=_between(generator, 0.03, 0.08),
        dome_right=dome,
        dome_left=dome + _between(generator, 0.02, 0.06),
        dome_end=_between(generator, 0.93, 0.97),
        carina=_between(generator, 0.32, 0.38),
        lung_width=half_width - 1.3 * fat - 20,
        lung_depth=half_depth - fat - 17,
        heart=_between(generator, 0.85, 1.1),
        rib_phase=_between(generator, 0, 1),
        age=_between(generator, 0, 1),
        arms=_between(generator, 0.3, 1),
    )


def _vessel_tree(generator: np.random.Generator, body: Body, side: int) -> list[Segment]:
    """Branches from the hilum outwards; each bifurcation is thinner and shorter than its parent."""
    reach = (body.lung_width - 34, body.lung_depth, 0.36 * body.length_mm)
    segments: list[Segment] = []
    tips: list[tuple[tuple[float, float, float], tuple[float, float, float], float, float]] = []
    for trunk in range(20):
        rise = -1.0 + 2.4 * trunk / 19
        hilum = (side * 33.0, _between(generator, -12, 10), (body.carina + 0.05 + 0.09 * rise) * body.length_mm)
        direction = (
            side * _between(generator, 0.3, 1),
            _between(generator, -1, 1),
            rise * _between(generator, 0.6, 1.2),
        )
        tips.append((hilum, direction, _between(generator, 3.2, 4.6), _between(generator, 0.16, 0.3)))
    for _ in range(7):
        following = []
        for start, direction, radius, length in tips:
            size = math.sqrt(sum(part * part for part in direction)) or 1.0
            end = tuple(
                round(at + part / size * length * room, 3)
                for at, part, room in zip(start, direction, reach, strict=True)
            )
            segments.append(Segment(start, (end[0], end[1], end[2]), radius))
            for _ in range(2):
                bend = [part + _between(generator, -0.7, 0.7) * size for part in direction]
                bend[0] += side * 0.12 * size
                thinner = radius * _between(generator, 0.58, 0.82)
                if thinner > 0.5:
                    following.append(
                        (
                            (end[0], end[1], end[2]),
                            (bend[0], bend[1], bend[2]),
                            thinner,
                            length * _between(generator, 0.68, 0.95),
                        )
                    )
        tips = following
    return segments


def _lesions(generator: np.random.Generator, body: Body) -> list[Lesion]:
    """Many sizes in one patient, from 3 mm up; mostly peripheral, mostly to the back and the bases."""
    count = 12 + int(40 * generator.random())
    largest = _between(generator, 35, 80)
    found = []
    for _ in range(count):
        share = float(generator.random())
        diameter = 3.0 * round(math.pow(largest / 3.0, share), 6)
        level = _between(generator, 0.2, 0.9)
        side = 1 if generator.integers(2) else -1
        behind = generator.random() < 0.7
        degrees = _between(generator, 0, 80) if behind else _between(generator, -70, 0)
        cosine, sine = cos_sin(degrees)
        radius = _between(generator, 0.72, 0.98) if generator.random() < 0.8 else _between(generator, 0.3, 0.7)
        x = side * (body.lung_width * 0.5 + radius * body.lung_width * 0.5 * cosine)
        y = radius * body.lung_depth * 0.92 * sine
        dense = generator.random() < 0.3
        value = _between(generator, 850, 1040) if dense else _between(generator, 330, 640)
        half = diameter / 2
        axes = (
            half * _between(generator, 0.7, 1.3),
            half * _between(generator, 0.7, 1.3),
            half * _between(generator, 0.8, 1.4),
        )
        paving = bool(generator.random() < 0.25) and not dense
        found.append(Lesion((x, y, level * body.length_mm), axes, value, paving))
    return found


def _draw_slice(
    generator: np.random.Generator,
    body: Body,
    z_mm: float,
    thickness: float,
    vessels: list[Segment],
    lesions: list[Lesion],
    sharp: bool,
    noise: float,
) -> tuple[np.ndarray, np.ndarray]:
    level = z_mm / body.length_mm
    coarse, middle, fine = (smooth_noise(generator, cells) for cells in (9, 30, 110))
    canvas = Canvas(body)
    anatomy.draw_table(canvas, body)
    anatomy.draw_trunk(canvas, body, level, middle)
    anatomy.draw_ribs(canvas, body, level)
    lungs = anatomy.draw_lungs(canvas, body, level, coarse, middle + fine)
    _draw_vessels(canvas, vessels, z_mm, thickness, lungs)
    anatomy.draw_fissures(canvas, body, level, lungs, coarse)
    mask = np.zeros((SIDE, SIDE), bool)
    for lesion in lesions:
        mask |= _draw_lesion(canvas, lesion, z_mm, thickness, lungs.coverage, (coarse, middle, fine))
    anatomy.draw_abdomen(canvas, body, level, lungs, middle)
    heart = anatomy.draw_mediastinum(canvas, body, level)
    anatomy.draw_spine(canvas, body, level, fine)
    mask &= heart < 0.5
    return _scanned(generator, canvas, sharp, noise), mask


def _draw_vessels(canvas: Canvas, vessels: list[Segment], z_mm: float, thickness: float, lungs: Lungs) -> None:
    top, bottom = z_mm - thickness / 2, z_mm + thickness / 2
    for vessel in vessels:
        low, high = sorted((vessel.start[2], vessel.end[2]))
        if high + vessel.radius < top or low - vessel.radius > bottom:
            continue
        (x0, y0), (x1, y1) = _clipped(vessel, top, bottom)
        centre, half = ((x0 + x1) / 2, (y0 + y1) / 2), math.sqrt((x1 - x0) ** 2 + (y1 - y0) ** 2) / 2
        where = canvas.window(*centre, half + vessel.radius + 2)
        x, y = canvas.x[:, where[1]], canvas.y[where[0]]
        along_x, along_y = np.float32(x1 - x0), np.float32(y1 - y0)
        square = along_x * along_x + along_y * along_y + np.float32(1e-6)
        share = np.clip(((x - np.float32(x0)) * along_x + (y - np.float32(y0)) * along_y) / square, 0, 1)
        dx, dy = x - np.float32(x0) - share * along_x, y - np.float32(y0) - share * along_y
        coverage = np.clip(
            (np.float32(vessel.radius) - np.sqrt(dx * dx + dy * dy)) / np.float32(0.9) + np.float32(0.5), 0, 1
        )
        # A vessel thinner than the slice shares its voxel with air: it looks paler.
        pale = np.float32(min(1.0, 0.35 + 2 * vessel.radius / thickness))
        canvas.paint(anatomy.BLOOD - 16, (where, coverage * lungs.coverage[where] * pale))


def _clipped(vessel: Segment, top: float, bottom: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """The part of a vessel inside the slice, seen from above."""
    (x0, y0, z0), (x1, y1, z1) = vessel.start, vessel.end
    if abs(z1 - z0) < 1e-6:
        return (x0, y0), (x1, y1)
    shares = [min(max((edge - z0) / (z1 - z0), 0.0), 1.0) for edge in (top, bottom)]
    first, last = shares
    return (x0 + first * (x1 - x0), y0 + first * (y1 - y0)), (x0 + last * (x1 - x0), y0 + last * (y1 - y0))


def _draw_lesion(
    canvas: Canvas,
    lesion: Lesion,
    z_mm: float,
    thickness: float,
    lung: np.ndarray,
    noises: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> np.ndarray:
    coarse, middle, fine = noises
    mask = np.zeros((SIDE, SIDE), bool)
    depth = max(abs(z_mm - lesion.centre[2]) - thickness / 2, 0.0) / lesion.axes[2]
    if depth >= 1:
        return mask
    reach = 1.5 * max(lesion.axes[0], lesion.axes[1])
    where = canvas.window(lesion.centre[0], lesion.centre[1], reach)
    dx = (canvas.x[:, where[1]] - np.float32(lesion.centre[0])) / np.float32(lesion.axes[0])
    dy = (canvas.y[where[0]] - np.float32(lesion.centre[1])) / np.float32(lesion.axes[1])
    distance = np.sqrt(dx * dx + dy * dy + np.float32(depth * depth)) + np.float32(0.28) * (
        middle[where] + coarse[where] + fine[where]
    )
    weight = np.clip((1 - distance) * np.float32(2.2) + np.float32(0.35), 0, 1) * lung[where]
    value = np.float32(lesion.value) + 60 * fine[where] + 40 * middle[where]
    if lesion.crazy_paving:  # thickened septa: a net of bright lines over ground glass
        value = value + np.float32(260) * np.clip(1 - np.abs(fine[where]) * 7, 0, 1)
    # Ground glass veils what is behind it, so vessels keep shining through.
    part = canvas.values[where]
    canvas.paint(np.maximum(value, part), (where, weight))
    mask[where] = weight > 0.5
    return mask


def _scanned(generator: np.random.Generator, canvas: Canvas, sharp: bool, noise: float) -> np.ndarray:
    """What the scanner makes of it: blur or edge enhancement, noise with the kernel's grain, the round field."""
    image = blur(canvas.values)
    draws = generator.integers(0, 1 << 16, (6, SIDE, SIDE), dtype=np.uint16)
    # A sum of six uniform numbers is nearly normal, and exact in integers.
    grain = (draws.sum(axis=0, dtype=np.int64) - 6 * 32767.5).astype(np.float32) * np.float32(1 / 46340.0)
    if sharp:
        image = image + (image - blur(image, 2)) * np.float32(0.9)
        image += grain * np.float32(noise)
    else:
        image += blur(grain, 2) * np.float32(noise * 3.2)
    column = (np.arange(SIDE, dtype=np.float32) - np.float32(SIDE / 2 - 0.5))[np.newaxis, :]
    outside = column * column + (column * column).T > (SIDE / 2) ** 2
    image[outside] = 0
    return np.clip(np.rint(image), 0, 4095).astype(np.uint16)


# On disk ------------------------------------------------------------------------------------------------------------


def make_cohort(
    folder: str | Path, patients: int = 50, seed: int = 2020, progress: bool = True, workers: int | None = None
) -> Path:
    """Write a synthetic cohort: half infected, half normal, in COVID-CTset's nested layout. Taught in chapter 01.

    Beside the slices stand `slices.csv` and `patients.csv`, and under `lesions/` the masks. The folder appears whole
    or not at all; the result does not depend on the number of workers.

    Raises
    ------
    InputError
        If the folder holds something already, or there are fewer than two patients.
    """
    folder = Path(folder)
    if patients < 2:
        raise InputError(
            folder, f"{patients} patients make no cohort", "Ask for at least 2, so that each class has one"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(folder, "holds something already", "Name a new or an empty folder")
    infected = patients // 2
    numbers = [(1 + i, True) for i in range(infected)]
    numbers += [(FIRST_NORMAL_ID + i, False) for i in range(patients - infected)]
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        jobs = [(part, seed, number, covid) for number, covid in numbers]
        tables = list(tqdm(_mapped(jobs, workers), total=patients, unit="patient", disable=not progress))
        slices = pd.concat([table for table, _ in tables], ignore_index=True)
        slices.to_csv(part / "slices.csv", index=False, lineterminator="\n")
        rows = pd.DataFrame([row for _, row in tables])
        rows.to_csv(part / "patients.csv", index=False, lineterminator="\n")
        (part / "README.txt").write_text(NOTICE, encoding="utf-8")
        if folder.is_dir():
            folder.rmdir()
        part.chmod(0o755)
        os.rename(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


NOTICE = (
    "SYNTHETIC chest CT, drawn by covidlib.phantom for teaching. No patient was scanned.\n"
    "Nothing computed from it is evidence about COVID-19 or about any network.\n"
)

Job = tuple[Path, int, int, bool]


def _mapped(jobs: list[Job], workers: int | None) -> Iterator[tuple[pd.DataFrame, dict[str, object]]]:
    workers = workers or min(os.cpu_count() or 1, 8)
    if workers == 1:
        yield from map(_write_patient, jobs)
        return
    # Spawned, not forked: a fork of a process in which TensorFlow runs may hang.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_write_patient, jobs)


def _write_patient(job: Job) -> tuple[pd.DataFrame, dict[str, object]]:
    root, seed, number, covid = job
    volume = make_patient(seed, number, covid)
    relative = Path("covid1" if covid else "normal1") / volume.patient / SERIES
    (root / relative).mkdir(parents=True)
    rows = []
    for index, (pixels, mask) in enumerate(zip(volume.slices, volume.lesions, strict=True)):
        path = relative / f"IM{index + 1:05d}.tif"
        write_slice(root / path, pixels)
        seen = int(mask.sum())
        label = "normal" if not covid else "covid" if seen >= VISIBLE_LESION_PIXELS else "unlabelled"
        rows.append((path.as_posix(), volume.patient, SERIES, index + 1, label, volume.z_mm[index], seen))
    if covid:
        (root / "lesions").mkdir(exist_ok=True)
        np.save(_mask_file(root, volume.patient, SERIES), np.packbits(volume.lesions, axis=-1))
    columns = ["path", "patient", "series", "number", "label", "z_mm", "lesion_pixels"]
    patient = {
        "patient": volume.patient,
        "label": volume.label,
        "slices": len(rows),
        "pixel_mm": volume.pixel_mm,
        "thickness_mm": volume.thickness_mm,
        "kernel": volume.kernel,
        "seed": seed,
    }
    return pd.DataFrame(rows, columns=columns), patient


def _mask_file(root: Path, patient: str, series: str) -> Path:
    return root / "lesions" / f"{patient}_{series}.npy"


def read_lesion_mask(cohort: str | Path, path: str) -> np.ndarray:
    """Where the lesions of one synthetic slice are. Taught in chapters 01 and 07.

    Parameters
    ----------
    path : str
        The slice's path below the cohort, as in `slices.csv`.

    Returns
    -------
    bool array, shape (512, 512)
        All False for a normal patient.

    Raises
    ------
    InputError
        If the path is none of a cohort's.
    """
    name = identify(path)
    if name is None or not (Path(cohort) / path).is_file():
        raise InputError(Path(cohort) / path, "is no slice of this cohort", "Take a path from its slices.csv")
    if name.label == "normal":
        return np.zeros((SIDE, SIDE), bool)
    packed = np.load(_mask_file(Path(cohort), name.patient, name.series))
    return np.unpackbits(packed[name.number - 1], axis=-1).astype(bool)
