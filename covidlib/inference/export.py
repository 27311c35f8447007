"""Export trained networks to SavedModel, ONNX, OpenVINO or LiteRT, and check each export against Keras.

Keras writes the export; the program that the format is made for then runs it, and its probabilities are compared with
those of Keras. Users of an exported file must scale slices as in training: the JSON note beside the file says how.
Taught in chapter 06.
"""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from covidlib.errors import InputError
from covidlib.inference import half_precision
from covidlib.inference.half_precision import Agreement
from covidlib.networks.weights import WeightsNote, load_weights, note_for
from covidlib.utils.files import check_folder
from covidlib.utils.machine import installed

if TYPE_CHECKING:
    from covidlib.utils.quiet_tensorflow import keras

FORMATS = ("saved-model", "onnx", "openvino", "litert")
SUFFIXES = {"saved-model": "", "onnx": ".onnx", "openvino": ".xml", "litert": ".tflite"}
NEEDS = {
    "onnx": ("export", ("tf2onnx", "onnxruntime")),
    "openvino": ("fast", ("openvino",)),
    "litert": ("export", ("ai-edge-litert",)),
}
"""The extra and the packages that each format needs; a SavedModel needs TensorFlow only."""
TOLERANCE = 1e-4
"""Largest accepted difference of a probability from Keras: all formats compute in 32 bits, in a different order."""
CHECKED_AT_A_TIME = 4
Runner = Callable[[np.ndarray], np.ndarray]
"""Scaled slices (n, side, side, 1) to the two probabilities (n, 2)."""


def export_network(weights: str | Path, form: str, out: str | Path, network: str | None = None) -> Agreement:
    """Export a trained network to another program's format, and check the result.

    The files appear only if the check passes; OUT.json beside them describes the input that the network expects.

    Parameters
    ----------
    form : "saved-model", "onnx", "openvino" or "litert"
    out : path
        A new folder for a SavedModel; otherwise a new file ending in .onnx, .xml (a .bin is put beside it) or .tflite.

    Returns
    -------
    Agreement
        With Keras, on the test batch of `covidlib.inference.half_precision`.

    Raises
    ------
    InputError
        If the weights cannot be used, a package of the format is missing, or the output name does not fit the format or
        already exists.
    RuntimeError
        If the exported network gives other probabilities than Keras.
    """
    out = Path(out)
    _check_request(form, out)
    note = note_for(weights, network)
    model, _ = load_weights(weights, network)
    images = half_precision.check_images(note)
    parts = [images[start : start + CHECKED_AT_A_TIME] for start in range(0, len(images), CHECKED_AT_A_TIME)]
    # Before the export: Keras refuses to write a network that was never called as ONNX.
    expected = np.concatenate([model.predict_on_batch(part) for part in parts])
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as folder:
        made = Path(folder) / out.name
        with warnings.catch_warnings():
            # tf2onnx asks numpy for a name that is about to go; nothing here depends on it.
            warnings.simplefilter("ignore", FutureWarning)
            EXPORTERS[form](model, made)
        run = RUNNERS[form](made)
        exported = np.concatenate([run(part) for part in parts])
        if exported.shape != expected.shape:
            raise RuntimeError(f"{form}: probabilities of shape {exported.shape}, expected {expected.shape}")
        agreement = half_precision.compare(expected[:, 0], exported[:, 0])
        if agreement.largest_difference > TOLERANCE:
            raise RuntimeError(f"{weights}: {form} and Keras disagree, {agreement}; no file was written")
        _write_note(made.with_name(f"{out.name}.json"), form, note, agreement)
        # The file that carries the name comes last.
        for path in sorted(Path(folder).iterdir(), key=lambda path: path.name == out.name):
            os.replace(path, out.with_name(path.name))
    return agreement


def _check_request(form: str, out: Path) -> None:
    if form not in FORMATS:
        raise InputError("format", f"unknown format {form!r}", f"Choose one of {', '.join(FORMATS)}")
    extra, packages = NEEDS.get(form, ("", ()))
    missing = [package for package in packages if not installed(package)]
    if missing:
        raise InputError(f"format {form}", f"needs {' and '.join(missing)}", f"Run pip install 'covidlib[{extra}]'")
    if SUFFIXES[form] and out.suffix != SUFFIXES[form]:
        raise InputError(out, f"wrong ending for format {form}", f"Choose a name that ends in {SUFFIXES[form]}")
    check_folder(out.parent, "Create it first, or choose another name")
    for path in (out, out.with_name(f"{out.name}.json"), *([out.with_suffix(".bin")] if form == "openvino" else [])):
        if path.exists():
            raise InputError(path, "already exists", "Choose another name, or delete it")


def _write_note(path: Path, form: str, note: WeightsNote, agreement: Agreement) -> None:
    wants = {
        "input": [None, *note.input_shape],
        "input_is": f"float32, stored values (HU + 1024) after covidlib.networks.inputs.scale(…, {note.scaling!r})",
        "output": [None, 2],
        "output_is": "probabilities of COVID-19 and of normal",
        "notice": "For teaching and research. Not a medical device.",
    }
    checked = {"difference_from_keras": agreement.largest_difference}
    text = json.dumps({"format": form} | asdict(note) | wants | checked, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _keras_exporter(name: str) -> Callable[[keras.Model, Path], None]:
    return lambda model, path: model.export(str(path), format=name, verbose=False)


def _export_openvino(model: keras.Model, path: Path) -> None:
    from covidlib.inference.openvino_engine import convert, import_openvino
    from covidlib.utils.quiet_tensorflow import tf

    signature = [tf.TensorSpec(model.input.shape, tf.float32, name="slice")]
    # Keras' own export to OpenVINO leaves shapes on the way as further outputs, four in the pyramid.
    traced = tf.function(lambda images: model(images, training=False), input_signature=signature)
    import_openvino().save_model(convert(traced), path, compress_to_fp16=False)


def _run_saved_model(path: Path) -> Runner:
    from covidlib.utils.quiet_tensorflow import tf

    loaded = tf.saved_model.load(str(path))
    return lambda images: loaded.serve(images).numpy()


def _run_onnx(path: Path) -> Runner:
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda images: session.run(None, {name: images})[0]


def _run_openvino(path: Path) -> Runner:
    from covidlib.inference.openvino_engine import HINTS, import_openvino

    settings = {"INFERENCE_PRECISION_HINT": HINTS["float32"]}
    compiled = import_openvino().Core().compile_model(path, "CPU", settings)
    return lambda images: compiled({0: images})[0]


def _run_litert(path: Path) -> Runner:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    taken, given = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def run(images: np.ndarray) -> np.ndarray:
        interpreter.resize_tensor_input(taken, images.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(taken, images)
        interpreter.invoke()
        return interpreter.get_tensor(given)

    return run


EXPORTERS = {
    "saved-model": _keras_exporter("tf_saved_model"),
    "onnx": _keras_exporter("onnx"),
    "openvino": _export_openvino,
    "litert": _keras_exporter("litert"),
}
RUNNERS = {
    "saved-model": _run_saved_model,
    "onnx": _run_onnx,
    "openvino": _run_openvino,
    "litert": _run_litert,
}
