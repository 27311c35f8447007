"""Typical wrong answers to the exercises of chapter 09."""

from __future__ import annotations

import numpy as np
import pandas as pd

from covidlib.datasets import slice_table
from covidlib.pitfalls import best_of_many


def by_slice(slices: pd.DataFrame, share: float, seed: int) -> dict[str, pd.DataFrame]:
    """Slices dealt at random."""
    test = slices.sample(frac=share, random_state=seed)
    return {"train": slices.drop(test.index), "test": test}


def by(unit: str, slices: pd.DataFrame, share: float, seed: int | None) -> dict[str, pd.DataFrame]:
    """Patients or groups dealt at random."""
    people = slice_table.patients_of(slices)
    units = people[unit].unique()
    drawn = np.random.default_rng(seed).permutation(units)[: round(share * len(units))]
    tested = slices["patient"].isin(people.loc[people[unit].isin(drawn), "patient"])
    return {"train": slices[~tested], "test": slices[tested]}


def without_copies(slices: pd.DataFrame, share: float, seed: int) -> dict[str, pd.DataFrame]:
    """Twins dropped, then dealt by patient."""
    return by("patient", slices.drop_duplicates("content"), share, seed)


def one_draw(limit: float, images: int) -> int:
    """The first epoch of one draw that passes the limit."""
    accuracies = (np.random.default_rng(1).random((2000, images)) < 0.5).mean(axis=1)
    return int((accuracies > limit).argmax()) + 1


WRONG: dict[str, list[tuple[object, str]]] = {
    "9.1": [
        (lambda train, test: set(train["path"]) & set(test["path"]), "compare patients"),
        (lambda train, test: set(train["patient"]) | set(test["patient"]), "on one side only"),
        (lambda train, test: train["patient"].isin(test["patient"]).sum(), "no patients"),
        (lambda train, test: test["patient"][test["patient"].isin(train["patient"])].tolist() * 2, "each patient once"),
        (lambda train, test: test.loc[test["patient"].isin(train["patient"]), "path"], "is no patient"),
    ],
    "9.2": [
        # Epochs that are still below.
        (
            lambda limit, images: sum(best_of_many.expected_best(e, images) <= limit for e in range(1, 200)),
            "still below",
        ),
        (one_draw, "one draw may lie anywhere"),
    ],
    "9.3": [
        (lambda sensitivity, specificity: (1 - specificity) / sensitivity, "the odds of infection"),
        (lambda sensitivity, specificity: sensitivity / (sensitivity + 1 - specificity), "changed places"),
        (lambda sensitivity, specificity: 1 - specificity, "true alarms and"),
    ],
    "9.4": [
        (lambda infected, normal: infected * (1 - normal), "left out"),
        (lambda infected, normal: 1 - (1 - infected) * normal, "count in full"),
        (lambda infected, normal: (1 + normal - infected) / 2, "classes have changed places"),
        (lambda infected, normal: infected - normal, "take one patient of each class"),
    ],
    "9.5": [
        (by_slice, "deal patients, not slices"),
        (lambda slices, share, seed: by("patient", slices, share, seed), "a group of patients"),
        (without_copies, "each belongs on one side"),
        (lambda slices, share, seed: by("group", slices, share, 3), "use the seed"),
        (lambda slices, share, seed: {"train": slices, "test": slices.head(0)}, "about a quarter"),
    ],
}
