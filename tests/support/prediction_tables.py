"""Prediction tables for tests, without a network."""

from __future__ import annotations

import numpy as np
import pandas as pd


def made_predictions(
    patients: int = 20, slices: int = 6, folds: int = 5, network: str = "resnet50v2", seed: int = 1, signal: float = 1.0
) -> pd.DataFrame:
    """Half of the patients infected; each patient leans one way, so that its slices err together."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(patients):
        label = "covid" if number % 2 else "normal"
        lean = rng.normal(signal if label == "covid" else -signal, 1)
        for index in range(slices):
            p_covid = 1 / (1 + np.exp(-(lean + rng.normal(0, 0.7))))
            path = f"{label}/patient{number}/SR_2/IM{index:05d}.tif"
            fold = number // 2 % folds + 1
            rows.append((path, f"patient{number}", "SR_2", network, fold, label, label, round(float(p_covid), 6)))
    columns = ["path", "patient", "series", "network", "fold", "label", "patient_label", "p_covid"]
    return pd.DataFrame(rows, columns=columns)


def three_networks() -> pd.DataFrame:
    """The same patients seen by the paper's three networks."""
    networks = ("xception", "resnet50v2", "resnet50v2-fpn")
    return pd.concat([made_predictions(seed=n, network=name) for n, name in enumerate(networks)], ignore_index=True)
