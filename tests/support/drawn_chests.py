"""Chests of a few ellipses, with the noise of a sharp or a smooth kernel, and networks that are one line each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage

from covidlib.scans.tiff import write_slice

SIDE = 128
NOISE = {"sharp": 60.0, "smooth": 15.0}


def ellipse(side: int, row: float, column: float, half_rows: float, half_columns: float) -> np.ndarray:
    """Bool array, shape (side, side); all lengths are shares of the side."""
    rows, columns = np.mgrid[:side, :side] / side
    return ((rows - row) / half_rows) ** 2 + ((columns - column) / half_columns) ** 2 < 1


def masks(side: int = SIDE) -> tuple[np.ndarray, np.ndarray]:
    """Body and lungs of the chest."""
    lungs = ellipse(side, 0.47, 0.32, 0.17, 0.12) | ellipse(side, 0.47, 0.68, 0.17, 0.12)
    return ellipse(side, 0.5, 0.5, 0.33, 0.42), lungs


def chest(covid: bool, kernel: str, seed: int, side: int = SIDE) -> np.ndarray:
    """One slice, uint16: HU + 1024. An infected one has ground glass in one lung."""
    body, lungs = masks(side)
    pixels = np.full((side, side), 24.0)
    pixels[body] = 1064
    pixels[lungs] = 174
    generator = np.random.default_rng(seed)
    if covid:
        row, column = 0.47 + 0.05 * generator.uniform(-1, 1, 2)
        pixels[ellipse(side, row, column - 0.15, 0.08, 0.06) & lungs] = 500
    noise = generator.normal(0, NOISE[kernel], pixels.shape)
    pixels += noise if kernel == "sharp" else ndimage.gaussian_filter(noise, 0.5)
    return np.clip(np.rint(pixels), 0, 4095).astype(np.uint16)


def reads_the_lungs(values: np.ndarray) -> np.ndarray:
    """A stand-in for an honest network: the share of the left lung with values of ground glass."""
    lung = ellipse(values.shape[-1], 0.47, 0.32, 0.14, 0.1)
    return ((values > 350) & (values < 650))[:, lung].mean(axis=1)


def reads_the_noise(values: np.ndarray) -> np.ndarray:
    """A stand-in for a network that learned the scanner: how much the air in the corners varies."""
    corner = values[:, : values.shape[-1] // 8, : values.shape[-1] // 8]
    return np.clip(corner.std(axis=(1, 2)) / 60, 0, 1)


def write_chests(root: Path, patients: int, kernel_of, side: int = SIDE) -> Path:
    """A cohort in COVID-CTset's layout with its two lists: half infected, three slices per patient."""
    slices, people = [], []
    for place in range(patients):
        covid = place < patients // 2
        name = f"patient{place + 1 if covid else 146 + place}"
        kernel = kernel_of(place, covid)
        folder = root / ("covid1" if covid else "normal1") / name / "SR_2"
        folder.mkdir(parents=True)
        people.append((name, "covid" if covid else "normal", kernel, 2.0 if place % 4 < 2 else 6.0))
        for number in range(1, 4):
            write_slice(folder / f"IM{number:05d}.tif", chest(covid, kernel, 10 * place + number, side))
            path = (folder / f"IM{number:05d}.tif").relative_to(root).as_posix()
            slices.append((path, "covid" if covid else "normal"))
    pd.DataFrame(slices, columns=["path", "label"]).to_csv(root / "slices.csv", index=False)
    columns = ["patient", "label", "kernel", "thickness_mm"]
    pd.DataFrame(people, columns=columns).to_csv(root / "patients.csv", index=False)
    return root
