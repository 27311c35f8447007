"""Table 7 measured again: stored times of the published code and of this library (paper, Table 7).

`benchmarks/series.py` measures them. Seconds on one machine say little about another; the ratio of two sides on the
same machine says more. Taught in chapter 06.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd

from covidlib.patients.timings import fit_line, printed_timings

STORED = Path(str(files("covidlib"))) / "data" / "series_speed.json"
SIDES = {
    "published": "published way",
    "tensorflow-float32": "TensorFlow, 32 bits",
    "tensorflow-bfloat16": "TensorFlow, bfloat16",
    "openvino-float32": "OpenVINO, 32 bits",
    "openvino-bfloat16": "OpenVINO, bfloat16",
}
PRINTED_SPEED = "paper, P100"


def stored_speeds() -> dict[str, Any]:
    """Read the stored record of a run of `benchmarks/series.py`."""
    return json.loads(STORED.read_text(encoding="utf-8"))


def speed_rows(record: dict[str, Any]) -> pd.DataFrame:
    """The measurements, one row per series and side: slices, selected, seconds, start_up, peak_mb, difference.

    `difference` is the largest difference of a probability from the published code.
    """
    return pd.DataFrame(record["rows"])


def speed_table(record: dict[str, Any]) -> pd.DataFrame:
    """The times of Table 7 beside the published code and this library on one machine, in seconds.

    Returns
    -------
    DataFrame
        Index slices; columns selected, the paper's seconds, and one per side. A cell that was not measured is NaN.
    """
    seconds = _seconds(record)
    printed = printed_timings().set_index("slices")["seconds"].reindex(seconds.index)
    selected = speed_rows(record).groupby("slices")["selected"].first()
    return seconds.assign(selected=selected, **{PRINTED_SPEED: printed})[["selected", PRINTED_SPEED, *seconds.columns]]


def times_faster(record: dict[str, Any], than: str) -> pd.DataFrame:
    """How many times faster each side of this library is than a column of `speed_table`; below 1 is slower.

    Parameters
    ----------
    than : str
        `PRINTED_SPEED`, or "published way".
    """
    measured = speed_table(record)
    ours = [title for side, title in SIDES.items() if side != "published" and title in measured]
    return measured[ours].rdiv(measured[than], axis=0)


def _seconds(record: dict[str, Any]) -> pd.DataFrame:
    pivoted = speed_rows(record).pivot(index="slices", columns="side", values="seconds").rename(columns=SIDES)
    return pivoted[[title for title in SIDES.values() if title in pivoted]].rename_axis(columns=None)


def speed_costs(record: dict[str, Any]) -> pd.DataFrame:
    """Costs of each side: start-up, time per slice by a straight line, memory, rounding.

    Returns
    -------
    DataFrame
        Index side; columns precision, first_start and start_up (seconds; the first converts, compiles and compares),
        ms_per_slice, intercept (seconds), r_squared, peak_mb on the longest series, growth_mb from the shortest,
        most_mb (on any series, a first start included), difference (largest, of a probability).
    """
    costs = {}
    for side, rows in speed_rows(record).groupby("side"):
        line = fit_line(rows[["slices", "seconds"]])
        by_length = rows.sort_values("slices")["peak_mb"]
        costs[SIDES[str(side)]] = {
            "precision": rows["precision"].iloc[0],
            "first_start": record["first_starts"][side],
            "start_up": rows["start_up"].median(),
            "ms_per_slice": 1000 * line.seconds_per_slice.value,
            "intercept": line.start_up.value,
            "r_squared": line.r_squared,
            "peak_mb": by_length.iloc[-1],
            "growth_mb": by_length.iloc[-1] - by_length.iloc[0],
            "most_mb": by_length.max(),
            "difference": rows["difference"].max(),
        }
    return pd.DataFrame(costs).T.reindex([title for title in SIDES.values() if title in costs])


def speed_limits(record: dict[str, Any]) -> pd.DataFrame:
    """Speed limits from the processor: a network is hardly faster than one large matrix product.

    Returns
    -------
    DataFrame
        Index side; columns gflop_per_s (of a large matrix product in the side's precision), least_ms (per selected
        slice at that rate), ms (as measured, on the longest series), share_of_rate, and times_faster_at_rate (than the
        published code on the same series, if everything but the products took no time).
    """
    measured = speed_rows(record)
    published = measured[measured["side"] == "published"].set_index("slices")["seconds"]
    limits = {}
    for side, rows in measured.groupby("side"):
        longest = rows.sort_values("slices").iloc[-1]
        rate = record["products"][longest["precision"]]
        least = record["gflops"] / rate
        taken = longest["seconds"] / longest["selected"]
        limits[SIDES[str(side)]] = {
            "gflop_per_s": rate,
            "least_ms": 1000 * least,
            "ms": 1000 * taken,
            "share_of_rate": least / taken,
            "times_faster_at_rate": published[longest["slices"]] / (least * longest["selected"]),
        }
    return pd.DataFrame(limits).T.reindex([title for title in SIDES.values() if title in limits])


def speed_provenance(record: dict[str, Any]) -> str:
    """Describe in one line when and on which machine a record was measured."""
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    features = ", ".join(record["features"]) or "no relevant feature"
    return (
        f"{record['date']}, {record['processor']} ({record['cores']} cores; {features}), "
        f"Python {record['python']}, {versions}"
    )
