"""The OpenVINO engine: convert a network, compile it for this processor, and store it on disk (paper, Table 7).

Each core classifies a different slice: with few cores this is faster than all cores on one slice, and needs no batches.
Taught in chapter 06.
"""

from __future__ import annotations

import hashlib
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from covidlib.errors import InputError
from covidlib.inference import half_precision
from covidlib.inference.engine import Engine, Inference, Precision, read_verdict, write_verdict
from covidlib.inference.half_precision import Agreement
from covidlib.inference.tensorflow_engine import tensorflow_network
from covidlib.networks.weights import note_for
from covidlib.utils.files import write_bytes

if TYPE_CHECKING:
    from covidlib.utils.quiet_tensorflow import tf

COMPILED = "compiled.blob"
BATCH = 8
HINTS = {"float32": "f32", "bfloat16": "bf16"}


def import_openvino() -> Any:
    """Import OpenVINO without its telemetry: the import alone would send a report to an Intel server."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def open_openvino(weights: str | Path, network: str | None, precision: str, folder: Path) -> Engine:
    """Open a trained network in OpenVINO; a network compiled earlier is loaded from `folder`.

    See `covidlib.inference.choose_engine.open_engine`.

    Raises
    ------
    InputError
        If the weights cannot be used, or bfloat16 is requested and the processor does not support it.
    RuntimeError
        If OpenVINO and Keras give different probabilities, even in 32 bits.
    """
    core = import_openvino().Core()
    kept = read_verdict(folder)
    compiled = _read_compiled(core, folder / COMPILED, kept[0]) if kept else None
    if kept is None or compiled is None:
        kept, compiled = _compiled(core, weights, network, precision)
        # The verdict comes last: it says that the file beside it is complete.
        folder.mkdir(parents=True, exist_ok=True)
        _write_compiled(compiled, folder / COMPILED)
        write_verdict(folder, *kept)
    chosen, agreement = kept
    return Engine(
        "openvino", chosen, note_for(weights, network), agreement.largest_difference, BATCH, _inference(compiled)
    )


def convert(probabilities: tf.types.experimental.PolymorphicFunction) -> Any:
    """Convert a traced TensorFlow function with one input and one output to an OpenVINO model."""
    openvino = import_openvino()
    _mend_version_check()
    converted = openvino.convert_model(probabilities.get_concrete_function())
    # Shapes that Resizing computes on the way come out as outputs too: the first is the function's own.
    return openvino.Model([converted.outputs[0]], converted.get_parameters())


def _mend_version_check() -> None:
    """OpenVINO 2026.4 asks for TensorFlow's version by two calls of `exec` that share a name: not so since Python 3.13.

    See PEP 667. Without this no network can be converted there (NameError).
    """
    from openvino.frontend.tensorflow import utils

    from covidlib.utils.quiet_tensorflow import tf

    utils.get_environment_setup = lambda framework: {"tensorflow": tf.__version__}


def _compiled(
    core: Any, weights: str | Path, network: str | None, precision: str
) -> tuple[tuple[Precision, Agreement], Any]:
    """Convert, compile, and compare with Keras; in half precision if that agrees."""
    probabilities, note = tensorflow_network(weights, network, "float32")
    model = convert(probabilities)
    model.reshape([1, *note.input_shape])
    images = half_precision.check_images(note)
    reference = np.concatenate([probabilities(image[np.newaxis]).numpy() for image in images])
    supported = able_in_half_precision(core)
    if precision == "bfloat16" and not supported:
        raise InputError("precision bfloat16", "not supported by this processor", "Choose auto or float32")
    choices: tuple[Precision, ...] = ("bfloat16", "float32") if precision == "auto" and supported else ("float32",)
    if precision == "bfloat16":
        choices = ("bfloat16",)
    for chosen in choices:
        compiled = core.compile_model(model, "CPU", _settings(chosen))
        agreement = half_precision.compare(reference, _inference(compiled)(images))
        if agreement.good or precision == "bfloat16":
            return (chosen, agreement), compiled
    raise RuntimeError(f"{weights}: OpenVINO and Keras disagree, {agreement}")


def _settings(precision: Precision) -> dict[str, str]:
    return {"INFERENCE_PRECISION_HINT": HINTS[precision], "PERFORMANCE_HINT": "THROUGHPUT"}


def able_in_half_precision(core: Any) -> bool:
    """Whether OpenVINO supports bfloat16 on this processor."""
    return "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def _inference(compiled: Any) -> Inference:
    queue = import_openvino().AsyncInferQueue(compiled)

    def infer(images: np.ndarray) -> np.ndarray:
        results = np.empty(len(images), np.float32)

        def keep(request: Any, index: int) -> None:
            results[index] = request.get_output_tensor().data[0]

        queue.set_callback(keep)
        for index in range(len(images)):
            queue.start_async({0: images[index : index + 1]}, index)
        queue.wait_all()
        return results

    return infer


def _write_compiled(compiled: Any, path: Path) -> None:
    exported = compiled.export_model()
    content = exported.getvalue() if isinstance(exported, io.BytesIO) else bytes(exported)
    write_bytes(path, hashlib.sha256(content).digest() + content)


def _read_compiled(core: Any, path: Path, precision: Precision) -> Any:
    """Load the network compiled by an earlier start; None if there is no complete file.

    The settings are not in the file: without them a network compiled in 32 bits would run in bfloat16.
    """
    if not path.is_file():
        return None
    stored = path.read_bytes()
    content = stored[32:]
    # OpenVINO accepts a damaged file, or crashes on it: the hash is checked first.
    if hashlib.sha256(content).digest() != stored[:32]:
        return None
    try:
        return core.import_model(io.BytesIO(content), "CPU", _settings(precision))
    except RuntimeError:
        return None
