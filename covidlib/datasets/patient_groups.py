"""Patients of COVID-CTset by what can be said of them without a pixel: how they were scanned, age and sex.

Pure functions on the tables of `covidlib.datasets.published_lists`. Patients of one kind are counted together, and no
line names a patient; `covidlib.pitfalls.metadata_model` and `covidlib.pitfalls.metadata_model_images` fit models to the
counts (sections 2.1 and 2.4). Taught in chapter 09.
"""

from __future__ import annotations

import pandas as pd

from covidlib.paper.comparison import Counted


def kinds_of_patients(patients: pd.DataFrame, series: pd.DataFrame) -> pd.DataFrame:
    """What a patient's entries say without a pixel: how the series were made, under which protocols, age and sex.

    Returns
    -------
    DataFrame
        Columns label, series (such as "SR_2 B70s 6.0 mm", one each, sorted), protocols (sorted), decade, sex: one row
        a patient, who is not named. Lists are tuples.
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
    """With which kernel and thickness a patient's listed images were made, and how many images with each.

    Parameters
    ----------
    scanned : DataFrame
        The listed images with the metadata of their series; images without metadata are left out.

    Returns
    -------
    DataFrame
        Columns label, images (a tuple such as ("12 B70s 6.0 mm",), sorted): one row a patient, who is not named.
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
    """Patients of each kind.

    Parameters
    ----------
    kinds : DataFrame
        From `kinds_of_patients` or `kinds_of_images`.
    columns : list of str
        Those whose values make a kind.

    Returns
    -------
    list of dict
        For each kind its values, tuples as lists, and how many patients are so.
    """
    lines = kinds.groupby(columns).size().rename("patients").reset_index().to_dict("records")
    return [
        {str(name): list(value) if isinstance(value, tuple) else value for name, value in line.items()}
        for line in lines
    ]
