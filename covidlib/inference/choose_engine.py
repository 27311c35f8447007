"""Choose the engine that runs a trained network: TensorFlow, or OpenVINO if it is installed (paper, Tables 7 and 8).

An engine takes scaled slices and returns p(COVID-19). It uses half precision only if the processor supports it and the
probabilities on a test batch stay within the tolerance of `covidlib.inference.half_precision`. The first start stores
its choice of precision and the compiled network on disk for later starts. Taught in chapter 06.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Literal, get_args

from covidlib.errors import InputError
from covidlib.inference.engine import Engine
from covidlib.inference.tensorflow_engine import open_tensorflow
from covidlib.networks.weights import WeightsNote, note_for
from covidlib.utils import folders, machine
from covidlib.utils.machine import installed

EngineName = Literal["auto", "tensorflow", "openvino"]
CODE_OF_AN_ENGINE = ("inference", "networks", "phantom", "scans", "selection", "training/devices")
"""Packages and modules that decide the stored files, which are made again when one of them changes."""


def open_engine(
    weights: str | Path,
    network: str | None = None,
    engine: EngineName = "auto",
    precision: Literal["auto", "float32", "bfloat16"] = "auto",
) -> Engine:
    """Open a trained network with the fastest engine on this machine.

    Parameters
    ----------
    weights : path
        A covidlib weights file, or one of the authors' with `network` named.
    engine : "auto", "tensorflow" or "openvino"
        "auto" is OpenVINO if it is installed, otherwise TensorFlow.
    precision : "auto", "float32" or "bfloat16"
        "auto" is bfloat16 if the processor supports it and the test batch allows it; "bfloat16" skips the test batch,
        to measure what the rounding changes and what it saves.

    Raises
    ------
    InputError
        If the weights cannot be used, or the engine is unknown or not installed.
    """
    name = chosen_engine(engine)
    note = note_for(weights, network)
    folder = folders.home() / "data" / "engines" / _key(Path(weights), note, name, precision)
    if name == "openvino":
        from covidlib.inference.openvino_engine import open_openvino

        return open_openvino(weights, network, precision, folder)
    return open_tensorflow(weights, network, precision, folder)


def chosen_engine(engine: EngineName) -> str:
    """Resolve an engine name on this machine: "auto" becomes "tensorflow" or "openvino".

    Raises
    ------
    InputError
        If the engine is unknown or not installed.
    """
    if engine not in get_args(EngineName):
        raise InputError("engine", f"unknown engine {engine!r}", f"Choose one of {', '.join(get_args(EngineName))}")
    name = ("openvino" if installed("openvino") else "tensorflow") if engine == "auto" else engine
    if not installed(name):
        raise InputError(f"engine {name}", "not installed", "Run pip install 'covidlib[fast]', or leave out --engine")
    return name


def _key(weights: Path, note: WeightsNote, engine: str, precision: str) -> str:
    """Hash of everything that the stored files depend on: weights, versions, code, processor."""
    with weights.open("rb") as stream:
        content = hashlib.file_digest(stream, "sha256").hexdigest()
    versions = [version(package) for package in {"tensorflow", "keras", engine}]
    parts = [content, asdict(note), engine, precision, sorted(versions), machine.processor()]
    parts.append(folders.source_hash(CODE_OF_AN_ENGINE))
    return f"{engine}-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]}"
