"""A leak on real pixels: pictures of UCSD's COVID-CT, split by picture and by patient (compare section 2.4).

The same pictures and the same classifiers, once with random folds, where other pictures of a test patient are trained
on, and once with patients kept together. Stored as package data, and recomputed where the pictures are. Taught in
chapter 09.
"""

from __future__ import annotations

import argparse
import functools
import json
import platform
from importlib.resources import files
from io import StringIO
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit

from covidlib.pitfalls.leakage_experiment import SIDE, TEST_SHARE, nearest_slice
from covidlib.results.intervals import FoldDifference, corrected_t
from covidlib.utils.files import write_text

if TYPE_CHECKING:
    from covidlib.utils.quiet_tensorflow import keras

STORED, PROVENANCE = "picture_leak.csv", "picture_leak.json"
NETWORK, NETWORK_SIDE, EPOCHS, BATCH, LEARNING_RATE = "xception", 128, 25, 32, 2e-3
SEEDS = (2020, 2021, 2022, 2023, 2024)
NEIGHBOUR_REPEATS = 50

Unit = Literal["slice", "patient"]
UNITS: tuple[Unit, ...] = ("slice", "patient")


def split(pictures: pd.DataFrame, split_by: Unit, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Deal pictures to training and test at random, a fifth of them, or of the patients, for testing.

    Parameters
    ----------
    pictures : DataFrame
        Column patient, one row per picture.

    Returns
    -------
    train, test : int array
        Rows of the pictures.
    """
    if split_by == "slice":
        (parts,) = ShuffleSplit(1, test_size=TEST_SHARE, random_state=seed).split(pictures)
    else:
        dealt = GroupShuffleSplit(1, test_size=TEST_SHARE, random_state=seed)
        (parts,) = dealt.split(pictures, groups=pictures["patient"])
    return parts


def shared_patients(pictures: pd.DataFrame, train: np.ndarray, test: np.ndarray) -> float:
    """The share of test pictures whose patient is in training too."""
    patient = pictures["patient"].to_numpy()
    return float(np.isin(patient[test], patient[train]).mean())


def neighbour_rows(images: np.ndarray, pictures: pd.DataFrame, repeats: int = NEIGHBOUR_REPEATS) -> pd.DataFrame:
    """Accuracy of the nearest neighbour on raw pixels, over repeated splits by picture and by patient.

    Parameters
    ----------
    images : float array, shape (pictures, side, side)
    pictures : DataFrame
        Columns patient and label.

    Returns
    -------
    DataFrame
        Columns classifier, split_by, seed, score (accuracy), shared (share of test pictures whose neighbour is of the
        same patient).
    """
    rows = images.reshape(len(images), -1)
    tables = []
    for unit in UNITS:
        found = nearest_slice(rows, pictures, unit, repeats)
        tables.append(
            pd.DataFrame(
                {
                    "classifier": "nearest neighbour",
                    "split_by": unit,
                    "seed": found["repeat"],
                    "score": found["accuracy"],
                    "shared": found["same_patient"],
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def network_auc(
    images: np.ndarray, pictures: pd.DataFrame, split_by: Unit, seed: int, epochs: int = EPOCHS
) -> dict[str, object]:
    """Train the quick network on four fifths of the pictures, and measure its AUC on the others.

    Parameters
    ----------
    images : float array, shape (pictures, side, side)
        From 0 to 1; the side at least 96.

    Returns
    -------
    dict
        classifier, split_by, seed, score (AUC), shared (share of test pictures whose patient is in training too).
    """
    from covidlib.networks import random_weights
    from covidlib.utils.quiet_tensorflow import keras

    train, test = split(pictures, split_by, seed)
    covid = (pictures["label"] == "covid").to_numpy()
    target = np.stack([covid, ~covid], axis=1).astype(np.float32)
    keras.utils.set_random_seed(seed)
    model, initial = _compiled(images.shape[1])
    for variable, value in zip((*model.variables, *model.optimizer.variables), initial, strict=True):
        variable.assign(value)
    random_weights.draw_weights(model, seed)
    model.fit(images[train][..., None], target[train], batch_size=BATCH, epochs=epochs, verbose=0)
    probability = model.predict(images[test][..., None], batch_size=BATCH, verbose=0)[:, 0]
    return {
        "classifier": "quick network",
        "split_by": split_by,
        "seed": seed,
        "score": float(roc_auc_score(covid[test], probability)),
        "shared": shared_patients(pictures, train, test),
    }


@functools.lru_cache(maxsize=1)
def _compiled(side: int) -> tuple[keras.Model, list[np.ndarray]]:
    """The compiled network and its initial values, cached: tracing takes as long as many epochs."""
    from covidlib.networks import models
    from covidlib.utils.quiet_tensorflow import keras

    model = models.build(NETWORK, (side, side, 1), "quick")
    optimizer = keras.optimizers.Nadam(LEARNING_RATE)
    # Several steps in one call: these networks spend more time on calling operations than on computing them.
    model.compile(optimizer, loss="categorical_crossentropy", jit_compile=False, steps_per_execution=8)
    model.optimizer.build(model.trainable_variables)
    return model, [np.array(variable) for variable in (*model.variables, *model.optimizer.variables)]


def leak_differences(rows: pd.DataFrame) -> pd.DataFrame:
    """Compute how much better each classifier looks with random folds than with patient folds.

    The splits share most of their pictures, so that the interval is corrected for this (Nadeau and Bengio 2003).

    Returns
    -------
    DataFrame
        Index classifier; columns random, patients (mean scores), difference, low, high, p_value, repeats.
    """
    lines = {}
    for classifier, part in rows.groupby("classifier", sort=False):
        scores = part.pivot(index="seed", columns="split_by", values="score").dropna()
        test: FoldDifference = corrected_t(list(scores["slice"] - scores["patient"]), TEST_SHARE / (1 - TEST_SHARE))
        means = {"random": scores["slice"].mean(), "patients": scores["patient"].mean()}
        lines[classifier] = {**means, **test._asdict(), "repeats": len(scores)}
    return pd.DataFrame.from_dict(lines, orient="index").rename_axis("classifier")


def stored_leak() -> pd.DataFrame:
    """Read the stored scores on the real pictures, one row per split."""
    return pd.read_csv(StringIO((files("covidlib") / "data" / STORED).read_text(encoding="utf-8")))


def leak_provenance() -> dict[str, object]:
    """Read how the stored scores were made: pictures, patients, what was left out, settings, versions."""
    return json.loads((files("covidlib") / "data" / PROVENANCE).read_text(encoding="utf-8"))


def main() -> None:
    """Fetch the pictures, train what is missing, and store one row per split and how the rows were made."""
    from covidlib.datasets import ucsd_pictures
    from covidlib.utils import folders
    from covidlib.utils.quiet_tensorflow import tf

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help=f"train with the first of {SEEDS}; default: all")
    seeds = SEEDS[: parser.parse_args().seeds]
    # One thread: the same seed then gives the same numbers on the same machine.
    tf.config.threading.set_intra_op_parallelism_threads(1)
    pictures = ucsd_pictures.listed_pictures()
    paths = ucsd_pictures.fetch_pictures(pictures)
    rows = neighbour_rows(ucsd_pictures.read_pictures(paths, SIDE), pictures).to_dict("records")
    images = ucsd_pictures.read_pictures(paths, NETWORK_SIDE)
    trained = folders.home() / STORED
    done: list[dict[Any, Any]] = pd.read_csv(trained).to_dict("records") if trained.is_file() else []
    for seed, unit in product(seeds, UNITS):
        if (seed, unit) not in {(row["seed"], row["split_by"]) for row in done}:
            done.append(network_auc(images, pictures, unit, seed))
            write_text(trained, pd.DataFrame(done).to_csv(index=False, lineterminator="\n"))
            print(done[-1], flush=True)
    rows += [row for row in done if row["seed"] in seeds]
    folder = Path(str(files("covidlib") / "data"))
    made = {
        "pictures": pictures.groupby("label").size().to_dict(),
        "patients": pictures.groupby("label")["patient"].nunique().to_dict(),
        "pictures_left_out": ucsd_pictures.LEFT_OUT,
        "source": ucsd_pictures.COPY,
        "network": {
            "name": NETWORK,
            "size": "quick",
            "side": NETWORK_SIDE,
            "epochs": EPOCHS,
            "batch_size": BATCH,
            "learning_rate": LEARNING_RATE,
            "score": "AUC on the held-out fifth",
        },
        "nearest_neighbour": {"side": SIDE, "score": "accuracy on the held-out fifth"},
        "seeds": list(seeds),
        "versions": {"tensorflow": tf.__version__, "python": platform.python_version()},
    }
    write_text(folder / STORED, pd.DataFrame(rows).round(6).to_csv(index=False, lineterminator="\n"))
    write_text(folder / PROVENANCE, json.dumps(made, indent=2) + "\n")


if __name__ == "__main__":
    main()
