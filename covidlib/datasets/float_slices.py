"""Numbers of five public slices of COVID-CTset that were divided by their own maximum (paper, section 2.1).

The slices are CC BY-NC 4.0 and never shipped; `covidlib fetch covid-ctset-float` brings them. What was measured on them
is stored with the package. Taught in chapters 01 and 02.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd

from covidlib.errors import InputError
from covidlib.scans.dicom import HOUNSFIELD_OFFSET
from covidlib.scans.stored_integers import quotient, read_float_slice, recover
from covidlib.selection import count_dark_pixels


def float_slice_numbers() -> pd.DataFrame:
    """The stored numbers of the five slices.

    Returns
    -------
    DataFrame
        One row per slice, with its name as index. Columns: largest (the whole number K), largest_hu, values (different
        ones), bit_for_bit (whether integers and K reproduce the file), dark_pixels (in the region of the selection
        rule), dark_in_file (the same count on the float values).
    """
    return pd.read_csv(str(files("covidlib") / "data" / "float_slices.csv"), index_col="slice")


def measure_float_slices(folder: str | Path) -> pd.DataFrame:
    """Measure float slices on disk: the table of `float_slice_numbers`.

    Parameters
    ----------
    folder : str or Path
        A folder with the TIFF files.

    Raises
    ------
    InputError
        If a file is not a float slice, or its integers cannot be recovered.
    """
    rows = {}
    for path in sorted(Path(folder).rglob("*.tif")):
        image = read_float_slice(path)
        if image is None:
            raise InputError(path, "16-bit pixels, expected float pixels", "Leave it out: its integers are there")
        found = recover(image, path)
        rows[path.stem] = {
            "largest": found.largest,
            "largest_hu": found.largest - HOUNSFIELD_OFFSET,
            "values": np.unique(image).size,
            "bit_for_bit": quotient(found.pixels, found.largest, image.dtype).tobytes() == image.tobytes(),
            "dark_pixels": int(count_dark_pixels(found.pixels[None])[0]),
            "dark_in_file": int(count_dark_pixels(image[None])[0]),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("slice")
