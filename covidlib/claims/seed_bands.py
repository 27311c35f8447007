"""Prediction intervals for our results over training seeds.

The seed decides folds, initial weights, order and augmentation, so a single run is a random draw. On the machine that
made the intervals, the same seed gives the same numbers to the last digit, and a changed number means a changed
program. Another processor rounds differently, so that training diverges; there, a number must lie in its interval
(called a band here), which is stored with the seeds it comes from. All are measured on the synthetic cohort. Taught in
chapter 08.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from covidlib.claims.reported_numbers import AUC, Quantity, is_count, our_value
from covidlib.names import NETWORKS
from covidlib.protocols import QUICK, Protocol
from covidlib.results.intervals import Interval
from covidlib.utils.machine import processor

if TYPE_CHECKING:
    from covidlib.claims.claims import Claim
    from covidlib.training.runs import Run

SEEDS = (2020, 2021, 2022, 2023, 2024)
"""The first is QUICK's seed, which the book uses; the others are the next four years."""
CONFIDENCE = 0.99
DIGITS = 4
RATIOS = ("LR+", "LR-")
"""Scores without a largest value."""
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
    """Describe what affects the rounding of sums: processor, its features, cores, versions."""
    name, features = processor()
    versions = {package: version(package) for package in VERSIONS}
    return {"processor": name, "features": list(features), "cores": os.cpu_count(), "versions": versions}


def band(values: Sequence[float], least: float, most: float, confidence: float = CONFIDENCE) -> Interval:
    """Compute the prediction interval for one more value from a few values.

    Five values give a wide one: at 99% it reaches five standard deviations to each side. So a value inside proves
    little; whether the band excludes anything is a question of its own (`says_something`).

    Parameters
    ----------
    values : floats
        The same number from runs that differ only in their seed.
    least, most : float
        The smallest and largest possible value: 0 and 1 for a share.

    Raises
    ------
    ValueError
        If there are fewer than two values.
    """
    from scipy.stats import t

    if len(values) < 2:
        raise ValueError(f"{len(values)} values are too few for an interval: use two seeds or more")
    middle = float(np.mean(values))
    reach = float(t.ppf((1 + confidence) / 2, len(values) - 1) * np.std(values, ddof=1) * np.sqrt(1 + 1 / len(values)))
    return Interval(middle, max(least, middle - reach), min(most, middle + reach))


def compare(claims: Sequence[Claim], predictions: pd.DataFrame) -> pd.DataFrame:
    """Compare this run's numbers with their bands.

    Parameters
    ----------
    claims : list of Claim
        Claims without a number of ours are skipped.
    predictions : DataFrame
        The rows of all fifteen runs, from `covidlib.training.runs.all_predictions`.

    Returns
    -------
    DataFrame
        Index id; columns quantity, chapter, stored (the value of QUICK's seed when the band was made), this_run, low,
        high, inside, says_nothing (the band excludes nothing worth excluding: see `says_something`).
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
                "says_nothing": not says_something(claim.our_quantity, low, high),
            }
        )
    # Named, because a chapter may have no number of ours: then there are no rows to take the names from.
    return pd.DataFrame(rows, columns=["id", *COMPARED]).set_index("id")


def apply_to(made: Mapping[str, Any], runs: Sequence[Run]) -> bool:
    """Whether the bands apply to these runs: the same protocol except for the seed, on the same data.

    Parameters
    ----------
    made : dict
        How the bands were made, from `covidlib.claims.claims.load_claims`.
    """
    expected = dataclasses.asdict(with_seed(0)) | {"name": made["protocol"]}
    records: list[dict[str, Any]] = [run.record() for run in runs]
    return all(
        record["protocol"] | {"seed": 0} == expected and record["data"]["fingerprint"] == made["data"]
        for record in records
    )


def complaints(compared: pd.DataFrame, same_machine: bool) -> list[str]:
    """List numbers outside their expected range, one line each: notebook, old value, new value.

    Parameters
    ----------
    compared : DataFrame
        From `compare`.
    same_machine : bool
        Whether this is the kind of machine that made the bands (`machine`): then numbers must equal the stored ones.
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
    """Train the fifteen runs of every seed unless they exist, and make the bands from them.

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
    """The smallest and largest possible value: of a share, a correlation, a ratio, a count, or a difference of two."""
    if quantity.score == "MCC":
        least, most = -1.0, 1.0
    elif quantity.score in RATIOS or is_count(quantity):
        least, most = 0.0, np.inf
    else:
        least, most = 0.0, 1.0
    return (least - most, most - least) if quantity.minus else (least, most)


def worth_excluding(quantity: Quantity) -> float | None:
    """The value that a band must exclude to say something; None if there is no such value.

    For a difference it is 0. For a score that has the same value for every network that knows nothing, it is that
    value. A sensitivity alone has none: calling everything COVID-19 gives 1, calling nothing 0.
    """
    if quantity.minus or is_count(quantity):
        return 0.0
    return {AUC: 0.5, "balanced accuracy": 0.5, "MCC": 0.0, **dict.fromkeys(RATIOS, 1.0)}.get(quantity.score)


def says_something(quantity: Quantity, low: float, high: float) -> bool:
    """Whether a band excludes something worth excluding.

    It does if it excludes `worth_excluding`; for a score without such a value, if it is at most half as wide as the
    range of possible values.
    """
    value = worth_excluding(quantity)
    if value is not None:
        return not low <= value <= high
    least, most = limits(quantity)
    return high - low <= (most - least) / 2


def band_says_something(claim: Claim) -> bool:
    """Whether the stored band of a claim's number of ours says something; False if it has none."""
    if claim.ours is None or claim.our_quantity is None:
        return False
    return says_something(claim.our_quantity, claim.ours["low"], claim.ours["high"])
