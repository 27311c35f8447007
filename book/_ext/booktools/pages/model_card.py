"""Tables of the model card: size, settings, runs and results of the networks, all computed.

A typed card is out of date after the next training; this one shows the results of the runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from covidlib.protocols import PROTOCOLS
from covidlib.results.curves import auc
from covidlib.results.intervals import bootstrap_interval
from covidlib.results.metrics import labelled
from covidlib.results.scores import SCORES, balanced_accuracy, mean_of_folds, of_counts
from covidlib.results.tables import MEAN, ranking_by_patients, rate_intervals, readable
from covidlib.training.runs import Run, all_predictions

if TYPE_CHECKING:
    from covidlib.claims.claims import Claim
    from covidlib.networks.models import Size


def network_facts() -> pd.DataFrame:
    """The networks at both sizes: input, parameters, cost (paper, section 2.3).

    Returns
    -------
    DataFrame
        Index network, size; columns image side (pixels), parameters, GFLOPs an image.
    """
    from covidlib.networks import describe

    tables = []
    sizes: tuple[Size, ...] = ("paper", "quick")
    for size in sizes:
        side = describe.SIDES[size]
        table = describe.network_summary(size, side).assign(size=size, side=side)
        tables.append(table.set_index(["network", "size"])[["side", "parameters", "gflops"]])
    found = pd.concat(tables).sort_index()
    return found.rename(columns={"side": "image side, pixels", "gflops": "GFLOPs an image"}).round(2)


def protocol_settings() -> pd.DataFrame:
    """Every setting of every protocol, side by side (paper, Table 3)."""
    columns = {}
    for name, protocol in PROTOCOLS.items():
        settings = dict(vars(protocol))
        augmentation = vars(settings.pop("augmentation"))
        columns[name] = {key: str(value) for key, value in {**settings, **augmentation}.items() if key != "name"}
    return pd.DataFrame(columns).rename_axis("setting")


def run_facts(runs: Sequence[Run]) -> pd.DataFrame:
    """Versions, device, data and time of runs; different values are listed side by side.

    Returns
    -------
    DataFrame
        Index what; column value.
    """
    records: list[dict[str, Any]] = [run.record() for run in runs]
    seen: dict[str, list[str]] = {"runs": [str(len(records))]}
    for record in records:
        parts = {**record["versions"], **record["device"]}
        commit, *mark = str(parts["commit"]).split("-")
        # The mark says that files had been changed since the commit.
        parts["commit"] = "-".join([commit[:12], *mark])
        parts |= {f"data: {key}": record["data"][key] for key in ("folder", "fingerprint", "leaks")}
        for key, value in parts.items():
            seen.setdefault(key.replace("_", " "), []).append(str(value))
    seconds = sum(record["seconds"]["training"] for record in records)
    values = {key: ", ".join(dict.fromkeys(value)) for key, value in seen.items()}
    values["training, all runs"] = f"{seconds / 60:.1f} minutes"
    return pd.Series(values, name="value").rename_axis("what").to_frame()


def measured(runs: Sequence[Run]) -> pd.DataFrame:
    """Results of trained networks on their test patients, with 95% intervals over patients.

    Rates are of all folds together. The area under the ROC curve is the mean over folds, as in chapter 05: networks of
    different folds do not put probabilities on one scale.

    Returns
    -------
    DataFrame
        Index measure; one column per network. Slices at the cut of one half, patients at threshold 2.
    """
    from covidlib.patients.decision import decide_patients, patient_counts

    predictions = all_predictions(list(runs))
    slices = readable(ranking_by_patients(predictions))["value"].unstack("network", sort=False)
    slices.index = pd.Index([f"slices: {score}" for score in slices.index])
    area, patients = {}, {}
    for network, own in predictions.groupby("network"):
        area[str(network)] = str(bootstrap_interval(labelled(own), mean_of_folds(auc)))
        rates = rate_intervals(patient_counts(decide_patients(own)))
        patients[str(network)] = {f"patients: {rate}": str(interval) for rate, interval in rates.items()}
    parts = [
        slices,
        pd.DataFrame(area, index=["slices: area under the ROC curve, mean of folds"]),
        pd.DataFrame(patients),
    ]
    return pd.concat([part[sorted(area)] for part in parts]).rename_axis("measure")


def by_kernel(runs: Sequence[Run], patients: pd.DataFrame) -> pd.DataFrame:
    """Balanced accuracy on slices per reconstruction kernel, with intervals over patients.

    Parameters
    ----------
    patients : DataFrame
        Columns patient, kernel: a cohort's `patients.csv`.

    Returns
    -------
    DataFrame
        Index kernel, patients; one column per network.
    """
    predictions = labelled(all_predictions(list(runs))).merge(patients[["patient", "kernel"]], on="patient")
    rows: dict[tuple[str, int], dict[str, str]] = {}
    for (kernel, network), own in predictions.groupby(["kernel", "network"]):
        interval = bootstrap_interval(own, of_counts(balanced_accuracy))
        rows.setdefault((str(kernel), own["patient"].nunique()), {})[str(network)] = str(interval)
    return pd.DataFrame(rows).T.rename_axis(["kernel", "patients"])


def over_seeds(claims: Sequence[Claim]) -> pd.DataFrame:
    """Stored scores of the kit's networks on slices, from several trainings that differ only in their seed.

    Parameters
    ----------
    claims : sequence of Claim
        What `covidlib.claims.claims.load_claims` reads.

    Returns
    -------
    DataFrame
        Index score, network; one column a seed: means over the folds.
    """
    rows: dict[tuple[str, str], dict[str, float]] = {}
    for claim in claims:
        quantity = claim.our_quantity
        shown = quantity and (quantity.unit, quantity.average, quantity.minus) == ("images", MEAN, "")
        if claim.ours and quantity and shown and quantity.score in (*SCORES, "AUC"):
            rows[quantity.score, quantity.network] = dict(claim.ours["by_seed"])
    table = pd.DataFrame(rows).T.rename_axis(["score", "network"]).sort_index()
    return table.rename(columns="seed {}".format)
