"""What an engine is: a trained network ready to classify slices, in a stated precision (paper, Tables 7 and 8).

Taught in chapter 06.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from covidlib.inference.half_precision import Agreement
from covidlib.networks.weights import WeightsNote
from covidlib.utils.files import write_text

if TYPE_CHECKING:
    pass


Precision = Literal["float32", "bfloat16"]


Inference = Callable[[np.ndarray], np.ndarray]
"""Scaled slices (n, side, side, 1) to p(COVID-19) (n,)."""


VERDICT = "verdict.json"


TITLES = {"tensorflow": "TensorFlow", "openvino": "OpenVINO"}


@dataclass(frozen=True)
class Engine:
    """A network ready to classify slices.

    Attributes
    ----------
    name : "tensorflow" or "openvino"
    precision : "float32" or "bfloat16"
        What products are computed in.
    note : WeightsNote
        What the weights belong to: network, image side, scaling.
    largest_difference : float
        How far a probability of the check batch lies from 32 bits in Keras.
    batch_size : int
        Slices that it likes to be given at a time.
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
        """p(COVID-19) of scaled slices.

        Parameters
        ----------
        images : float32 array, shape (slices, side, side, 1)
            Scaled as `note.scaling` says; `covidlib.networks.inputs.load_images` gives them so.

        Returns
        -------
        float32 array, shape (slices,)
        """
        return self.infer(images) if len(images) else np.zeros(0, np.float32)

    def describe(self) -> str:
        """One line for a report or a page."""
        network = f"{self.note.network} ({self.note.size}, {self.note.input_shape[0]} px)"
        how = f"{TITLES[self.name]} {version(self.name)} in {self.precision}"
        return f"{network} on {how}, at most {self.largest_difference:.1g} from 32 bits in Keras on a check batch"


def read_verdict(folder: Path) -> tuple[Precision, Agreement] | None:
    """The precision that was chosen before, and how it agreed; None if nothing readable is kept."""
    try:
        kept = json.loads((folder / VERDICT).read_text(encoding="utf-8"))
        return kept["precision"], Agreement(float(kept["largest_difference"]), int(kept["changed"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_verdict(folder: Path, precision: Precision, agreement: Agreement) -> None:
    """Keep a choice for the next start; the file appears whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / VERDICT, json.dumps({"precision": precision} | asdict(agreement)))
