"""Make the synthetic cohort: drawn chest CT in COVID-CTset's layout, with lesions at known positions.

It is meant for teaching, because patient data cannot be shipped with the book. Its lesions are drawn, not observed:
nothing computed from it is evidence about COVID-19 or about the networks. The same seed gives the same bytes on any
machine (see `covidlib.phantom.canvas`). Taught in chapter 01.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from tqdm import tqdm

from covidlib.errors import InputError
from covidlib.names import SLICE_SIDE
from covidlib.phantom import abdomen, bones, disease, lungs, mediastinum, scanner, wall
from covidlib.phantom.body import Body, choose_body
from covidlib.phantom.canvas import Canvas, Noises, smooth_noise
from covidlib.scans.filenames import identify
from covidlib.scans.tiff import write_slice
from covidlib.utils.files import check_new_folder, replacing_folder
from covidlib.utils.whole_numbers import check_whole

FIRST_NORMAL_ID = 146
"""COVID-CTset numbers its infected patients 1 to 145 and its normal ones from 146."""
MOST_PATIENTS = 2 * FIRST_NORMAL_ID - 1
"""Half of them, rounded down, are infected, and their numbers end before those of the normal ones begin."""
VISIBLE_LESION_PIXELS = 150
"""A slice is labelled "covid" if it has at least this many lesion pixels: fewer are not visible at a glance."""
SERIES = "SR_2"
MOST_SLICES = 17
"""Largest number of slices per patient: 50 patients then need less than 500 MB."""
IDLE_SECONDS = 5
"""An idle process ends after this time, so that its memory is free for the training that follows."""


@dataclass(frozen=True)
class PatientVolume:
    """One synthetic series, with the masks of its lesions.

    Attributes
    ----------
    slices : uint16 array, shape (slices, 512, 512)
        HU + 1024, from above the apex down.
    lesions : bool array, same shape
        Pixels of lung that were replaced by a lesion.
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


@dataclass(frozen=True)
class Patient:
    """All random choices for one patient, before the slices are drawn."""

    body: Body
    organs: list[mediastinum.Organ]
    vessels: list[lungs.Segment]
    atelectasis: disease.Atelectasis | None
    lesions: list[disease.Lesion]


def make_patient(
    seed: int, number: int, covid: bool, most_slices: int = MOST_SLICES, shortcut: bool = False
) -> PatientVolume:
    """Draw one synthetic patient; the same seed and number give the same bytes in any cohort.

    Parameters
    ----------
    number : int
        The patient's number; COVID-CTset's infected patients have 1 to 145, normal ones 146 and above.
    most_slices : int
        Largest number of slices; their distance is the thickness, or more if there would be too many.
    shortcut : bool
        Whether kernel and thickness depend on the class, as in the real dataset (chapter 09).

    Raises
    ------
    InputError
        If the seed, the number or the number of slices is not a whole number in its range.
    """
    for name, value, least in (("seed", seed, 0), ("number", number, 0), ("most_slices", most_slices, 1)):
        check_whole(name, value, least)
    # Body, scanner and disease have separate random numbers: the chest is the same with and without lesions.
    chest, device, illness = (
        np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, number, part]))) for part in range(3)
    )
    body = choose_body(chest)
    patient = Patient(
        body,
        mediastinum.mediastinum(body),
        [part for side in (-1, 1) for kind in (0, 1) for part in lungs.vessel_tree(chest, body, side, kind)],
        disease.choose_atelectasis(chest, body),
        disease.choose_lesions(illness, body) if covid else [],
    )
    scan = scanner.choose_scan(device, covid, shortcut)
    count = int(body.length_mm / max(scan.thickness_mm, body.length_mm / most_slices))
    depth = np.arange(count) * (body.length_mm / count)
    drawn = []
    for below_top in depth:
        z = body.top + float(below_top)
        noises = Noises(*(smooth_noise(chest, cells) for cells in (8, 30, 120)))
        canvas, mask = _draw_slice(patient, z, scan.thickness_mm, noises)
        drawn.append((scanner.scanned(device, canvas, body, z, scan), mask))
    return PatientVolume(
        patient=f"patient{number}",
        label="covid" if covid else "normal",
        slices=np.stack([pixels for pixels, _ in drawn]),
        lesions=np.stack([mask for _, mask in drawn]),
        z_mm=depth.round(2),
        pixel_mm=body.pixel_mm,
        thickness_mm=scan.thickness_mm,
        kernel=scan.kernel,
    )


def _draw_slice(patient: Patient, z: float, thickness: float, noises: Noises) -> tuple[Canvas, np.ndarray]:
    body, organs = patient.body, patient.organs
    canvas = Canvas(body.pixel_mm, body.centre)
    wall.draw_table(canvas, body)
    inner = wall.draw_wall(canvas, body, z, noises)
    wall.draw_neck(canvas, body, z, noises)
    envelope = mediastinum.mediastinal_envelope(canvas, body, z, organs, noises)
    lung, under = lungs.lung_coverage(canvas, body, z, thickness, inner, envelope, noises)
    lungs.draw_lungs(canvas, body, lung, noises)
    lungs.draw_fissures(canvas, body, z, lung, noises)
    lungs.draw_vessels(canvas, patient.vessels, z, thickness, lung)
    if patient.atelectasis:
        disease.draw_atelectasis(canvas, body, patient.atelectasis, z, thickness, inner, lung, noises)
    mask = np.zeros((SLICE_SIDE, SLICE_SIDE), bool)
    for lesion in patient.lesions:
        mask |= disease.draw_lesion(canvas, lesion, z, thickness, lung, noises)
    abdomen.draw_abdomen(canvas, body, z, under, noises)
    mediastinum.draw_mediastinum(canvas, body, z, envelope, under, organs, noises)
    bones.draw_spine(canvas, body, z, noises)
    bones.draw_ribs(canvas, body, z)
    bones.draw_shoulders(canvas, body, z)
    # Without pixels where a rib or an airway was drawn over the edge of a lesion.
    return canvas, mask & (canvas.values > 200) & (canvas.values < 1180)


# On disk ------------------------------------------------------------------------------------------------------------


def make_cohort(
    folder: str | Path,
    patients: int = 50,
    seed: int = 2020,
    progress: bool = True,
    workers: int | None = None,
    most_slices: int = MOST_SLICES,
    shortcut: bool = False,
) -> Path:
    """Write a synthetic cohort: half infected, half normal, in COVID-CTset's nested layout.

    The folder also contains `slices.csv` and `patients.csv`, and the masks under `lesions/`. It appears complete or
    not at all; the result does not depend on the number of workers. With `shortcut`, kernel and thickness depend on
    the class, as in the real dataset: a network can then learn the scanner instead of the disease (chapter 09).

    Raises
    ------
    InputError
        If the folder is not empty or cannot be made, there are fewer than two patients or more than have numbers, or
        another number is out of range.
    """
    folder = Path(folder)
    check_whole("patients", patients, 2, MOST_PATIENTS)
    check_whole("seed", seed, 0)
    check_whole("most_slices", most_slices, 1)
    check_whole("workers", 1 if workers is None else workers, 1)
    check_new_folder(folder)
    infected = patients // 2
    numbers = [(1 + i, True) for i in range(infected)]
    numbers += [(FIRST_NORMAL_ID + i, False) for i in range(patients - infected)]
    with replacing_folder(folder) as part:
        # Not with the standard library's processes: scripts would need a main guard, and they survive a kill.
        pool = Parallel(workers or min(os.cpu_count() or 1, 8), return_as="generator", idle_worker_timeout=IDLE_SECONDS)
        drawn = pool(delayed(_write_patient)(part, seed, *numbered, most_slices, shortcut) for numbered in numbers)
        tables = list(tqdm(drawn, total=patients, unit="patient", disable=not progress))
        slices = pd.concat([table for table, _ in tables], ignore_index=True)
        slices.to_csv(part / "slices.csv", index=False, lineterminator="\n")
        rows = pd.DataFrame([row for _, row in tables])
        rows.to_csv(part / "patients.csv", index=False, lineterminator="\n")
        (part / "README.txt").write_text(NOTICE, encoding="utf-8")
    return folder


NOTICE = (
    "SYNTHETIC chest CT, drawn by covidlib.phantom for teaching. No patient was scanned.\n"
    "Nothing computed from it is evidence about COVID-19 or about any network.\n"
)


def _write_patient(
    root: Path, seed: int, number: int, covid: bool, most_slices: int, shortcut: bool
) -> tuple[pd.DataFrame, dict[str, object]]:
    volume = make_patient(seed, number, covid, most_slices, shortcut)
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
    """Read the mask of the lesions on one synthetic slice.

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
        If there is no such slice in the cohort.
    """
    name = identify(path)
    if name is None or not (Path(cohort) / path).is_file():
        raise InputError(Path(cohort) / path, "no such slice in this cohort", "Use a path from its slices.csv")
    if name.label == "normal":
        return np.zeros((SLICE_SIDE, SLICE_SIDE), bool)
    packed = np.load(_mask_file(Path(cohort), name.patient, name.series))
    return np.unpackbits(packed[name.number - 1], axis=-1).astype(bool)
