"""Group COVID-CTset's patients by metadata, without pixels: scanner settings, age and sex.

Pure functions of the tables of `covidlib.datasets.published_lists`. Patients with the same metadata are counted
together, and no line names a patient; `covidlib.pitfalls.metadata_model` and `covidlib.pitfalls.metadata_model_images`
fit models to the counts (sections 2.1 and 2.4). Taught in chapter 09.
"""

from __future__ import annotations

import pandas as pd

from covidlib.paper.comparison import Counted


def kinds_of_patients(patients: pd.DataFrame, series: pd.DataFrame) -> pd.DataFrame:
    """The metadata of each patient: settings and protocols of the series, age and sex.

    Returns
    -------
    DataFrame
        Columns label, series (such as "SR_2 B70s 6.0 mm", one each, sorted), protocols (sorted), decade, sex: one row
        per patient, who is not named. Lists are tuples.
    """
    made = series["series"] + " " + series["kernel"] + " " + series["thickness"].astype(str) + " mm"
    grouped = series.assign(made=made, protocol=series["protocol"].astype(str)).groupby("patient")
    described = patients.set_index("patient")
    return pd.DataFrame(
        {
            "label": described["label"],
            "series": pd.Series({patient: tuple(sorted(names)) for patient, names in grouped["made"]}),
            "protocols": pd.Series({patient: tuple(sorted(set(names))) for patient, names in grouped["protocol"]}),
            "decade": described["age"] // 10 * 10,
            "sex": described["sex"],
        }
    ).dropna(ignore_index=True)


def kinds_of_images(scanned: pd.DataFrame) -> pd.DataFrame:
    """The kernels and thicknesses of each patient's listed images, and the number of images with each.

    Parameters
    ----------
    scanned : DataFrame
        The listed images with the metadata of their series; images without metadata are left out.

    Returns
    -------
    DataFrame
        Columns label, images (a tuple such as ("12 B70s 6.0 mm",), sorted): one row per patient, who is not named.
    """
    known = scanned.dropna(subset=["kernel", "thickness"])
    made = known["kernel"] + " " + known["thickness"].astype(str) + " mm"
    counted = known.groupby([known["patient"], known["label"], made.rename("made")]).size().reset_index(name="images")
    counted["text"] = counted["images"].astype(str) + " " + counted["made"]
    grouped = counted.groupby(["patient", "label"])["text"]
    return pd.DataFrame(
        [{"label": label, "images": tuple(sorted(texts))} for (_, label), texts in grouped], columns=["label", "images"]
    )


def count_kinds(kinds: pd.DataFrame, columns: list[str]) -> list[Counted]:
    """Count the patients of each kind.

    Parameters
    ----------
    kinds : DataFrame
        From `kinds_of_patients` or `kinds_of_images`.
    columns : list of str
        The columns whose values define a kind.

    Returns
    -------
    list of dict
        For each kind its values, tuples as lists, and its number of patients.
    """
    lines = kinds.groupby(columns).size().rename("patients").reset_index().to_dict("records")
    return [
        {str(name): list(value) if isinstance(value, tuple) else value for name, value in line.items()}
        for line in lines
    ]
