"""Compare the counts of a dataset with the numbers that the paper prints (paper, Tables 1, 2 and 4).

Every line contains the printed number, the one found, and whether they agree; what a difference means depends on the
data: a synthetic cohort is expected to differ. Taught in chapter 01.
"""

from __future__ import annotations

import pandas as pd

from covidlib.names import LABELS
from covidlib.paper.tables import table_numbers

Counted = dict[str, object]

PRINTED_LABEL = {"covid": "COVID-19", "normal": "Normal"}
"""The name of each class in the column headings of Tables 1 and 2."""
PATIENTS_IN_TABLE_4 = {"covid": "Number of patients with COVID", "normal": "Number of normal patients"}
IMAGES_IN_TABLE_4 = {
    "covid": "Number of images belonging to patients with COVID",
    "normal": "Number of images belonging to normal persons",
}


def comparison(quantity: str, printed: int, found: int) -> Counted:
    """Make one line of a comparison with the paper."""
    return {"quantity": quantity, "printed": int(printed), "found": int(found), "agrees": int(printed) == int(found)}


def patients_by_class(table: pd.DataFrame) -> dict[str, int]:
    """Count the patients of each class, under the column names of Table 1."""
    return {f"{PRINTED_LABEL[label]} patients": table[table["label"] == label]["patient"].nunique() for label in LABELS}


def images_by_class(table: pd.DataFrame) -> dict[str, int]:
    """Count the images of each class, under the column names of Table 1."""
    return {f"{PRINTED_LABEL[label]} images": int((table["label"] == label).sum()) for label in LABELS}


def against_table1(found: dict[str, int]) -> list[Counted]:
    """Compare counts, given under the column names of Table 1, with that table."""
    printed = table_numbers(1).iloc[0]
    return [comparison(quantity, printed[quantity], count) for quantity, count in found.items()]


def against_table2(folds: pd.DataFrame) -> list[Counted]:
    """Compare the patients and images on each side of every fold with Table 2.

    Parameters
    ----------
    folds : DataFrame
        Columns fold, side, label, patient; validation, which Table 2 leaves out, is ignored.
    """
    counted = folds.groupby(["fold", "side", "label"])["patient"].agg(patients="nunique", images="size")
    lines = []
    for fold, printed in enumerate(table_numbers(2).to_dict("records"), start=1):
        for side in ("train", "test"):
            for label in LABELS:
                for unit in ("patients", "images"):
                    column = f"{side} {PRINTED_LABEL[label]} {unit}"
                    found = counted[unit].get((fold, side, label), 0)
                    lines.append({"fold": fold, **comparison(column, printed[column], found)})
    return lines


def table2_sums(images_of: dict[int, dict[str, int]]) -> list[Counted]:
    """Compare the sum of train and test images of every fold with Table 2: each fold should contain every image.

    Parameters
    ----------
    images_of : dict
        For each fold, images by class as `images_by_class` counts them.
    """
    lines = []
    for fold, printed in enumerate(table_numbers(2).to_dict("records"), start=1):
        for quantity, found in images_of.get(fold, {}).items():
            both = int(printed[f"train {quantity}"]) + int(printed[f"test {quantity}"])
            lines.append({"fold": fold, **comparison(f"train + test {quantity}", both, found)})
    return lines


def patients_against_table4(folds: pd.DataFrame) -> list[Counted]:
    """Compare the test patients of every fold with Table 4."""
    tested = folds[folds["side"] == "test"].groupby(["fold", "label"])["patient"].nunique()
    return [
        {"fold": fold, **comparison(column, printed[column], tested.get((fold, label), 0))}
        for fold, printed in enumerate(table_numbers(4).to_dict("records"), start=1)
        for label, column in PATIENTS_IN_TABLE_4.items()
    ]


def images_against_table4(folds: pd.DataFrame, images: pd.DataFrame) -> list[Counted]:
    """Compare all images of every fold's test patients with Table 4.

    Parameters
    ----------
    images : DataFrame
        Columns patient and label; every slice of the raw data, not only those in the fold lists.
    """
    lines = []
    for fold, printed in enumerate(table_numbers(4).to_dict("records"), start=1):
        tested = folds[(folds["fold"] == fold) & (folds["side"] == "test")]["patient"]
        found = images[images["patient"].isin(tested)]["label"].value_counts()
        for label, column in IMAGES_IN_TABLE_4.items():
            lines.append({"fold": fold, **comparison(column, printed[column], found.get(label, 0))})
    return lines


def table1_against_table4() -> Counted:
    """Compare two tables of the paper: COVID-19 images summed over the folds of Table 4, and Table 1.

    Every infected patient is in one test fold, so the five numbers should add up.
    """
    summed = int(table_numbers(4)[IMAGES_IN_TABLE_4["covid"]].sum())
    return comparison(
        "COVID-19 images: printed in Table 1, found in Table 4", table_numbers(1)["COVID-19 images"].iloc[0], summed
    )
