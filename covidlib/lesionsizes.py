"""How large lesions are in the synthetic cohort, in millimetres and in pixels. Taught in chapter 03."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from covidlib.errors import InputError
from covidlib.figures import COVID_COLOUR, NORMAL_COLOUR
from covidlib.infectionareas import disc_diameters, numbered_areas
from covidlib.phantom import read_lesion_mask
from covidlib.series import SLICE_SIDE


def lesion_sizes(cohort: str | Path) -> pd.DataFrame:
    """Every connected lesion area of every slice: its diameter, were it a disc. Taught in chapter 03.

    Returns
    -------
    DataFrame
        Columns path, patient, pixels (area), diameter_pixels, diameter_mm.

    Raises
    ------
    InputError
        If the folder is no synthetic cohort: real data comes without lesion masks.
    """
    root = Path(cohort)
    if not (root / "lesions").is_dir():
        raise InputError(root, "has no lesion masks", "Leave DATA empty: the synthetic cohort has them")
    spacing = pd.read_csv(root / "patients.csv").set_index("patient")["pixel_mm"]
    slices = pd.read_csv(root / "slices.csv")
    rows = []
    for path, patient in slices.loc[slices["lesion_pixels"] > 0, ["path", "patient"]].itertuples(index=False):
        _, areas = numbered_areas(read_lesion_mask(root, path))
        rows += [(path, patient, int(area)) for area in areas]
    table = pd.DataFrame(rows, columns=["path", "patient", "pixels"])
    diameters = disc_diameters(table["pixels"].to_numpy(int))
    return table.assign(diameter_pixels=diameters, diameter_mm=diameters * table["patient"].map(spacing))


def sizes_and_fields(levels: pd.DataFrame, diameters: pd.Series) -> Figure:
    """Stride and receptive field of each level under the sizes of lesions, in pixels. Taught in chapter 03.

    Parameters
    ----------
    levels : DataFrame
        From `describe.level_table`, rows with a map only.
    diameters : Series
        Pixels.
    """
    figure, (top, bottom) = plt.subplots(2, 1, figsize=(7, 4.6), sharex=True, height_ratios=(1, 1.6))
    edges = np.geomspace(1, 1100, 40)
    top.hist(diameters, bins=edges, color=COVID_COLOUR)
    top.set(ylabel="lesion areas")
    rows = np.arange(len(levels))
    fields, strides = levels["receptive_field"].to_numpy(float), levels["stride"].to_numpy(float)
    bottom.hlines(rows, strides, fields, color="#b7c2cc", linewidth=5)
    bottom.scatter(strides, rows, marker="|", s=180, color=NORMAL_COLOUR, label="stride: distance of its cells")
    bottom.scatter(fields, rows, marker="o", s=30, color=NORMAL_COLOUR, label="receptive field: what one cell sees")
    bottom.axvline(SLICE_SIDE, color="#1b2733", linestyle=":", linewidth=1)
    side = (SLICE_SIDE, -0.75)
    bottom.annotate("side of the slice", side, (-4, 0), textcoords="offset points", ha="right", fontsize=8)
    bottom.set(
        xscale="log", xlim=(1, 1400), yticks=rows, yticklabels=levels["level"], ylim=(len(rows) - 0.4, -1.1),
        xlabel=f"pixels of a {SLICE_SIDE}×{SLICE_SIDE} slice",
    )  # fmt: skip
    powers = [2**power for power in range(11)]
    bottom.set_xticks(powers, powers)
    bottom.legend(loc="lower left", fontsize=8)
    return figure
