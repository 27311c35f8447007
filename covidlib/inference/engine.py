"""Define an inference engine: scaled slices in, p(COVID-19) out, in a stated precision (paper, Tables 7 and 8).

Taught in chapter 06.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import numpy as np

from covidlib.inference.half_precision import Agreement
from covidlib.networks.weights import WeightsNote
from covidlib.utils.files import write_text

Precision = Literal["float32", "bfloat16"]


Inference = Callable[[np.ndarray], np.ndarray]
"""Scaled slices (n, side, side, 1) to p(COVID-19) (n,)."""


VERDICT = "verdict.json"
TITLES = {"tensorflow": "TensorFlow", "openvino": "OpenVINO"}


@dataclass(frozen=True)
class Engine:
    """A trained network, loaded and ready to classify slices.

    Attributes
    ----------
    name : "tensorflow" or "openvino"
    precision : "float32" or "bfloat16"
        The precision of matrix products.
    note : WeightsNote
        The network, image side and scaling that the weights belong to.
    largest_difference : float
        Largest difference of a probability from Keras (32-bit) on the test batch.
    batch_size : int
        Number of slices per call that is fastest.
    infer : function
        Scaled slices to probabilities.
    """

    name: str
    precision: Precision
    note: WeightsNote
    largest_difference: float
    batch_size: int
    infer: Inference

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Classify scaled slices: p(COVID-19) of each.

        Parameters
        ----------
        images : float32 array, shape (slices, side, side, 1)
            Scaled with `note.scaling`, as `covidlib.networks.inputs.load_images` does.

        Returns
        -------
        float32 array, shape (slices,)
        """
        return self.infer(images) if len(images) else np.zeros(0, np.float32)

    def describe(self) -> str:
        """Describe the network and the engine in one line, for a report or a page."""
        network = f"{self.note.network} ({self.note.size}, {self.note.input_shape[0]} px)"
        how = f"{TITLES[self.name]} {version(self.name)} in {self.precision}"
        if self.largest_difference == 0:
            return f"{network} on {how}: same probabilities as Keras (32-bit) on a test batch"
        return f"{network} on {how}: within {self.largest_difference:.1g} of Keras (32-bit) on a test batch"


def read_verdict(folder: Path) -> tuple[Precision, Agreement] | None:
    """Read the precision chosen by an earlier start and its agreement; None if no readable file is stored."""
    try:
        kept = json.loads((folder / VERDICT).read_text(encoding="utf-8"))
        return kept["precision"], Agreement(float(kept["largest_difference"]), int(kept["changed"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_verdict(folder: Path, precision: Precision, agreement: Agreement) -> None:
    """Store the chosen precision for later starts; the file is written completely or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / VERDICT, json.dumps({"precision": precision} | asdict(agreement)))
