"""covidlib.pitfalls.ablations: what is stored is whole, and differences are those of the same folds and seeds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from covidlib.datasets.slice_table import load_dataset
from covidlib.names import NETWORKS, VARIATIONS
from covidlib.networks import pyramid
from covidlib.networks.weights import load_weights, save_weights
from covidlib.pitfalls import ablations
from covidlib.pitfalls.ablations import HONEST, LEAKY, Trial
from covidlib.protocols import QUICK
from covidlib.training import train


def test_every_trial_is_stored_once_on_every_fold() -> None:
    stored = ablations.stored_ablations()
    expected = {(*trial, fold) for trial in ablations.trials() for fold in range(1, 6)}
    keys = stored[["network", "validation", "seed", "fold"]]
    assert set(keys.itertuples(index=False, name=None)) == expected and len(stored) == len(expected)
    assert {trial.network for trial in ablations.trials()} == {*NETWORKS, *VARIATIONS}
    assert stored["auc"].between(0, 1).all() and (stored["picked"] >= stored["last"]).all()
    made = ablations.ablation_provenance()
    assert made["runs"] == len(stored) and made["protocol"] == json.loads(json.dumps(vars(QUICK), default=vars))
    linear = stored["network"].isin(["xception", "resnet50v2", "resnet50v2-fpn-linear"])
    assert (stored.loc[linear, "silent"] == "").all()


def table(gains: dict[tuple[int, int], float], validation: str = HONEST) -> pd.DataFrame:
    """Two networks whose scores differ by a known amount in each seed and fold."""
    rows = [
        {"network": name, "validation": validation, "seed": seed, "fold": fold, "auc": 0.1 * fold + more,
         "picked": 0.5 + gain, "last": 0.5, "slices_train": 200, "slices_test": 100, "silent": silent}
        for (seed, fold), gain in gains.items()
        for name, more, silent in (("resnet50v2-fpn", 0.0, "P3.1 P7.2"), ("resnet50v2-fpn-add", gain, ""))
    ]  # fmt: skip
    return pd.DataFrame(rows).sample(frac=1, random_state=0)


def test_differences_are_paired_by_seed_and_fold() -> None:
    gains = {(seed, fold): 0.05 + 0.01 * seed - 0.002 * fold for seed in (1, 2) for fold in range(1, 6)}
    runs = pd.concat([table(gains), table({(1, 1): 0.9}, LEAKY)])
    found = ablations.ablation_differences(runs, "resnet50v2-fpn", ["resnet50v2-fpn-add"]).iloc[0]
    values = list(gains.values())
    assert found["runs"] == 10 and found["difference"] == pytest.approx(np.mean(values))
    error = np.sqrt((1 / 10 + 0.5) * np.var(values, ddof=1))
    assert found["high"] - found["difference"] == pytest.approx(2.2622 * error, rel=1e-4)


def test_optimism_is_the_picked_epoch_against_the_last() -> None:
    gains = {(1, fold): 0.02 * fold for fold in range(1, 6)}
    runs = pd.concat([table(gains, LEAKY), table({(1, 1): 0.4})])
    found = ablations.optimism(runs).set_index("network")
    assert found["difference"].tolist() == pytest.approx([0.06, 0.06])
    assert found["runs"].tolist() == [5, 5]


def test_silent_units_are_counted_by_name() -> None:
    counts = ablations.silent_heads(table({(1, 1): 0.1, (1, 2): 0.1}))
    assert counts.loc["resnet50v2-fpn", ["P3.1", "P3.2", "P7.2", "runs"]].tolist() == [2, 0, 2, 2]
    assert counts.loc["resnet50v2-fpn-add"].drop("runs").sum() == 0


@pytest.mark.usefixtures("untraced")
def test_a_run_is_summarised_with_its_silent_units(small_dataset: Path, tmp_path: Path) -> None:
    dataset = load_dataset(small_dataset)
    trial = Trial("resnet50v2-fpn", HONEST, 2020)
    from dataclasses import replace

    run = train.train_fold(dataset, trial.network, 1, replace(trial.protocol, epochs=1), tmp_path, progress=False)
    model, note = load_weights(run.weights)
    for level in pyramid.LEVELS:
        model.get_layer(f"{level}_head").bias.assign([1.0, 1.0])
    model.get_layer("P6_head").bias.assign([1.0, -1000.0])
    save_weights(model, run.weights, note)
    row = ablations.summarise(trial, run, small_dataset)
    assert row["silent"] == "P6.2"
    assert row["picked"] == run.history()["val_accuracy"].max() and row["fold"] == 1
    assert 0 <= row["auc"] <= 1 and row["slices_test"] == len(run.predictions())
