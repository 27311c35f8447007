"""What a reader should expect of our own numbers: a band for each, from the same protocol trained with several seeds.

A single run is one draw. Folds, first weights, order and augmentation come from the seed. On the machine that made the
bands the same seed gives the same numbers to the last digit, and a changed number is a changed program. Another
processor rounds differently and the training drifts away; there a number has to lie in its band, which is stored with
the seeds it comes from. All of it is measured on the synthetic cohort. Taught in chapter 08.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from covidlib.claims.reported_numbers import Quantity, our_value
from covidlib.names import NETWORKS
from covidlib.protocols import QUICK, Protocol
from covidlib.results.intervals import Interval
from covidlib.utils.machine import processor

if TYPE_CHECKING:
    from covidlib.claims.claims import Claim
    from covidlib.training.runs import Run

SEEDS = (2020, 2021, 2022, 2023, 2024)
"""The first is QUICK's own, which the book trains; the others are the next four years."""
CONFIDENCE = 0.99
DIGITS = 4
REASON = (
    "Each band is the prediction interval for one more seed: mean and standard deviation over the seeds, Student's t, "
    "cut where a share ends. A seed decides folds, first weights, order and augmentation. The same seed on another "
    "processor differs by rounding, which training makes larger, at most until the run is as different as another "
    "seed's. The confidence is high because many numbers are compared at once."
)
VERSIONS = ("tensorflow", "keras", "numpy")
COMPARED = ("quantity", "chapter", "stored", "this_run", "low", "high", "inside", "says_nothing")
"""Columns of `compare`."""


def machine() -> dict[str, Any]:
    """What decides how sums are rounded: processor, its features, cores, versions."""
    name, features = processor()
    versions = {package: version(package) for package in VERSIONS}
    return {"processor": name, "features": list(features), "cores": os.cpu_count(), "versions": versions}


def band(values: Sequence[float], least: float, most: float, confidence: float = CONFIDENCE) -> Interval:
    """Where one more value should lie: a prediction interval from a few values.

    Parameters
    ----------
    values : floats
        The same number from runs that differ in their seed only.
    least, most : float
        The ends of what is possible: 0 and 1 for a share.

    Raises
    ------
    ValueError
        If there are fewer than two values.
    """
    from scipy.stats import t

    if len(values) < 2:
        raise ValueError(f"{len(values)} values have no spread: take two seeds or more")
    middle = float(np.mean(values))
    reach = float(t.ppf((1 + confidence) / 2, len(values) - 1) * np.std(values, ddof=1) * np.sqrt(1 + 1 / len(values)))
    return Interval(middle, max(least, middle - reach), min(most, middle + reach))


def compare(claims: Sequence[Claim], predictions: pd.DataFrame) -> pd.DataFrame:
    """This run's numbers against their bands.

    Parameters
    ----------
    claims : list of Claim
        Those without a number of ours are passed over.
    predictions : DataFrame
        All fifteen runs under each other, as `covidlib.training.runs.all_predictions` returns them.

    Returns
    -------
    DataFrame
        Index id; columns quantity, chapter, stored (the value of QUICK's own seed when the band was made), this_run,
        low, high, inside, says_nothing (the band reaches from end to end of what is possible).
    """
    rows = []
    for claim in claims:
        if claim.ours is None or claim.our_quantity is None:
            continue
        value = round(our_value(claim.our_quantity, predictions), DIGITS)
        low, high = claim.ours["low"], claim.ours["high"]
        rows.append(
            {
                "id": claim.id,
                "quantity": str(claim.our_quantity),
                "chapter": claim.chapter,
                "stored": claim.ours["by_seed"][str(SEEDS[0])],
                "this_run": value,
                "low": low,
                "high": high,
                "inside": bool(low <= value <= high),
                "says_nothing": (low, high) == limits(claim.our_quantity),
            }
        )
    # Named, because a chapter may have no number of ours: then there are no rows to take the names from.
    return pd.DataFrame(rows, columns=["id", *COMPARED]).set_index("id")


def apply_to(made: Mapping[str, Any], runs: Sequence[Run]) -> bool:
    """Whether the bands were made on such runs: the same protocol, seed aside, on the same data.

    Parameters
    ----------
    made : dict
        How the bands were made, as `covidlib.claims.claims.load_claims` returns it.
    """
    expected = dataclasses.asdict(with_seed(0)) | {"name": made["protocol"]}
    records: list[dict[str, Any]] = [run.record() for run in runs]
    return all(
        record["protocol"] | {"seed": 0} == expected and record["data"]["fingerprint"] == made["data"]
        for record in records
    )


def complaints(compared: pd.DataFrame, same_machine: bool) -> list[str]:
    """One line for each number that is not what it should be: notebook, old value, new value.

    Parameters
    ----------
    compared : DataFrame
        As `compare` returns it.
    same_machine : bool
        Whether this is the kind of machine that made the bands (`machine`): then every number must be the stored one.
    """
    lines = []
    for name, row in compared.iterrows():
        what = f"{row['chapter']}.ipynb, {name} ({row['quantity']}): was {row['stored']}, is {row['this_run']}"
        if not row["inside"]:
            lines.append(f"{what}, outside its band {row['low']} to {row['high']}")
        elif same_machine and row["this_run"] != row["stored"]:
            lines.append(f"{what}, on the kind of machine that gave the old value")
    return lines


# Making the bands -----------------------------------------------------------------------------------------------------


def with_seed(seed: int) -> Protocol:
    """QUICK with another seed."""
    return dataclasses.replace(QUICK, seed=seed)


def measure(claims: Sequence[Claim]) -> tuple[dict[str, Any], list[Claim]]:
    """Train every seed's fifteen runs where they are missing, and make the bands from them.

    Returns
    -------
    dict
        How the bands were made: protocol, seeds, confidence, reason, data, machine.
    list of Claim
        The claims with their bands.
    """
    from covidlib import workspace
    from covidlib.training.runs import all_predictions

    data = workspace.cohort(progress=True)
    runs = {seed: workspace.runs(with_seed(seed), data, progress=True) for seed in SEEDS}
    predictions = {seed: all_predictions(of_seed) for seed, of_seed in runs.items()}
    record = runs[SEEDS[0]][0].record()
    ours = {
        "protocol": QUICK.name,
        "networks": list(NETWORKS),
        "seeds": list(SEEDS),
        "confidence": CONFIDENCE,
        "reason": REASON,
        "data": record["data"]["fingerprint"],  # type: ignore[index]
        "machine": machine(),
    }
    return ours, [dataclasses.replace(claim, ours=_measured(claim, predictions)) for claim in claims]


def _measured(claim: Claim, predictions: Mapping[int, pd.DataFrame]) -> dict[str, Any] | None:
    if claim.our_quantity is None or claim.ours is None:
        return None
    values = {seed: our_value(claim.our_quantity, rows) for seed, rows in predictions.items()}
    interval = band(list(values.values()), *limits(claim.our_quantity))
    return {
        "quantity": claim.ours["quantity"],
        "by_seed": {str(seed): round(value, DIGITS) for seed, value in values.items()},
        "low": round(interval.low, DIGITS),
        "high": round(interval.high, DIGITS),
    }


def limits(quantity: Quantity) -> tuple[float, float]:
    """The ends of what a share, or a difference of two, can be."""
    return (-1.0, 1.0) if quantity.minus or quantity.score == "MCC" else (0.0, 1.0)
