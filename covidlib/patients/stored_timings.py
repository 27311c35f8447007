"""Table 7 measured again: the published way and ours, as `benchmarks/series.py` wrote it down.

Seconds of one machine say little about another; the ratio of two sides of one run says more. Taught in chapter 06.
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
    """The whole record of a run of `benchmarks/series.py`."""
    return json.loads(STORED.read_text(encoding="utf-8"))


def speed_rows(record: dict[str, Any]) -> pd.DataFrame:
    """One row a series and side: slices, selected, seconds, start_up, peak_mb, difference.

    `difference` is the largest of a probability from the published way's.
    """
    return pd.DataFrame(record["rows"])


def speed_table(record: dict[str, Any]) -> pd.DataFrame:
    """Table 7 beside the published way and ours on one machine, in seconds.

    Returns
    -------
    DataFrame
        Index slices; columns selected, the paper's seconds, and a column a side. A cell that was not measured is NaN.
    """
    seconds = _seconds(record)
    printed = printed_timings().set_index("slices")["seconds"].reindex(seconds.index)
    selected = speed_rows(record).groupby("slices")["selected"].first()
    return seconds.assign(selected=selected, **{PRINTED_SPEED: printed})[["selected", PRINTED_SPEED, *seconds.columns]]


def times_faster(record: dict[str, Any], than: str) -> pd.DataFrame:
    """How many times faster each of ours is than a column of `table`; below 1 it is slower.

    Parameters
    ----------
    than : str
        `PRINTED`, or "published way".
    """
    measured = speed_table(record)
    ours = [title for side, title in SIDES.items() if side != "published" and title in measured]
    return measured[ours].rdiv(measured[than], axis=0)


def _seconds(record: dict[str, Any]) -> pd.DataFrame:
    pivoted = speed_rows(record).pivot(index="slices", columns="side", values="seconds").rename(columns=SIDES)
    return pivoted[[title for title in SIDES.values() if title in pivoted]].rename_axis(columns=None)


def speed_costs(record: dict[str, Any]) -> pd.DataFrame:
    """What a side costs: start-up, seconds a slice on a straight line, memory, rounding.

    Returns
    -------
    DataFrame
        Index side; columns precision, first_start and start_up (seconds; the first converts, compiles and compares),
        ms_per_slice, intercept (seconds), r_squared, peak_mb on the longest series, growth_mb from the shortest,
        most_mb (on any series, a first start included), difference (largest, of a probability).
    """
    found = {}
    for side, own in speed_rows(record).groupby("side"):
        line = fit_line(own[["slices", "seconds"]])
        by_length = own.sort_values("slices")["peak_mb"]
        found[SIDES[str(side)]] = {
            "precision": own["precision"].iloc[0],
            "first_start": record["first_starts"][side],
            "start_up": own["start_up"].median(),
            "ms_per_slice": 1000 * line.seconds_per_slice.value,
            "intercept": line.start_up.value,
            "r_squared": line.r_squared,
            "peak_mb": by_length.iloc[-1],
            "growth_mb": by_length.iloc[-1] - by_length.iloc[0],
            "most_mb": by_length.max(),
            "difference": own["difference"].max(),
        }
    return pd.DataFrame(found).T.reindex([title for title in SIDES.values() if title in found])


def speed_limits(record: dict[str, Any]) -> pd.DataFrame:
    """What the processor's own rate allows: a network is hardly faster than one large product.

    Returns
    -------
    DataFrame
        Index side; columns gflop_per_s (of a large matrix product in the side's precision), least_ms (a selected slice
        at that rate), ms (as measured, on the longest series), share_of_rate, and times_faster_at_rate (than the
        published way on the same series, were everything but the products free).
    """
    measured = speed_rows(record)
    published = measured[measured["side"] == "published"].set_index("slices")["seconds"]
    found = {}
    for side, own in measured.groupby("side"):
        longest = own.sort_values("slices").iloc[-1]
        rate = record["products"][longest["precision"]]
        least = record["gflops"] / rate
        taken = longest["seconds"] / longest["selected"]
        found[SIDES[str(side)]] = {
            "gflop_per_s": rate,
            "least_ms": 1000 * least,
            "ms": 1000 * taken,
            "share_of_rate": least / taken,
            "times_faster_at_rate": published[longest["slices"]] / (least * longest["selected"]),
        }
    return pd.DataFrame(found).T.reindex([title for title in SIDES.values() if title in found])


def speed_provenance(record: dict[str, Any]) -> str:
    """One line on when and on what a record was measured."""
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    features = ", ".join(record["features"]) or "no feature that matters here"
    return (
        f"{record['date']}, {record['processor']} ({record['cores']} cores; {features}), "
        f"Python {record['python']}, {versions}"
    )
