"""One interface, precision only where it is earned, choices kept on disk."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Literal

import numpy as np
import pytest

from covidlib.errors import InputError
from covidlib.inference import choose_engine, half_precision, tensorflow_engine
from covidlib.inference import engine as engine_module
from covidlib.inference.half_precision import CHECKED_WITHIN, TOLERANCE, Agreement, compare
from covidlib.networks import models, random_weights
from covidlib.networks.weights import WeightsNote, load_weights, save_weights
from covidlib.utils import folders, machine

NOTE = WeightsNote("resnet50v2-fpn", "quick", (128, 128, 1), "lung-window", "quick", 1, "made for a test")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = models.build("resnet50v2-fpn", (128, 128, 1), "quick")
    random_weights.draw_weights(model, 7)
    path = tmp_path_factory.mktemp("weights") / "fpn.weights.h5"
    save_weights(model, path, NOTE)
    return path


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COVIDLIB_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).random((11, 128, 128, 1), np.float32)


def test_the_tolerance_looks_at_the_worst_slice_and_at_decisions() -> None:
    reference = np.array([0.1, 0.505, 0.9])
    assert compare(reference, reference) == Agreement(0.0, 0)
    assert compare(reference, reference + [0, 0, 0.03]).largest_difference == pytest.approx(0.03)
    assert not compare(reference, reference + [0, 0, 0.03]).good
    near = compare(reference, reference - [0, 0.0051, 0])
    assert near.changed == 1 and not near.good
    near = compare(np.array([0.502]), np.array([0.499]))
    assert near.changed == 1 and near.largest_difference < CHECKED_WITHIN and not near.good
    assert compare(reference, reference + 0.9 * CHECKED_WITHIN).good
    assert not compare(reference, reference + 1.1 * CHECKED_WITHIN).good
    assert not compare(reference, reference + [0, 0, np.nan]).good
    with pytest.raises(ValueError, match="cannot be compared"):
        compare(reference[:0], reference[:0])


def test_the_check_batch_is_drawn_scaled_and_of_both_classes() -> None:
    images = half_precision.check_images(NOTE)
    assert images.shape[1:] == (128, 128, 1) and images.dtype == np.float32 and len(images) >= 8
    assert images.min() >= 0 and images.max() == 1
    assert np.array_equal(images, half_precision.check_images(NOTE))
    raw = half_precision.check_images(replace(NOTE, scaling="raw"))
    assert raw.max() > 1000


def test_tensorflow_gives_what_keras_gives(weights: Path, images: np.ndarray) -> None:
    engine = choose_engine.open_engine(weights, engine="tensorflow", precision="float32")
    assert (engine.name, engine.precision, engine.note) == ("tensorflow", "float32", NOTE)
    expected = load_weights(weights)[0].predict_on_batch(images)[:, 0]
    assert np.allclose(engine.predict(images), expected, atol=1e-5)
    assert engine.predict(images[:0]).shape == (0,)
    assert "TensorFlow" in engine.describe() and "resnet50v2-fpn" in engine.describe()


@pytest.fixture(scope="module")
def in_32_bits(weights: Path) -> tuple[engine_module.Inference, WeightsNote]:
    """What every engine of the next test computes with: the choice is looked at, not the network."""
    return tensorflow_engine.tensorflow_inference(weights, None, "float32")


@pytest.mark.parametrize(("moved", "precision"), [(0.001, "bfloat16"), (0.1, "float32")])
def test_half_precision_is_used_where_it_agrees_only(
    weights: Path,
    in_32_bits: tuple[engine_module.Inference, WeightsNote],
    monkeypatch: pytest.MonkeyPatch,
    moved: float,
    precision: str,
) -> None:
    made: list[str] = []
    infer, note = in_32_bits

    def inference(
        path: Path, network: str | None, asked: engine_module.Precision
    ) -> tuple[engine_module.Inference, WeightsNote]:
        made.append(asked)
        return (lambda batch: infer(batch) * 0.5 + (moved if asked == "bfloat16" else 0)), note

    monkeypatch.setattr(tensorflow_engine, "tensorflow_inference", inference)
    monkeypatch.setattr(machine, "has_bfloat16", lambda: True)
    first = choose_engine.open_engine(weights, engine="tensorflow")
    assert first.precision == precision
    assert first.largest_difference == pytest.approx(moved if precision == "bfloat16" else 0, abs=1e-6)
    made.clear()
    second = choose_engine.open_engine(weights, engine="tensorflow")
    assert made == [precision]
    assert (second.precision, second.largest_difference) == (first.precision, first.largest_difference)
    assert choose_engine.open_engine(weights, engine="tensorflow", precision="float32").precision == "float32"
    monkeypatch.setattr(machine, "has_bfloat16", lambda: False)
    assert choose_engine.open_engine(weights, engine="tensorflow").precision == "float32"


def test_a_damaged_choice_is_made_again(tmp_path: Path) -> None:
    assert engine_module.read_verdict(tmp_path) is None
    engine_module.write_verdict(tmp_path / "new", "bfloat16", Agreement(0.004, 0))
    assert engine_module.read_verdict(tmp_path / "new") == ("bfloat16", Agreement(0.004, 0))
    (tmp_path / "new" / engine_module.VERDICT).write_text('{"precision": "bfl')
    assert engine_module.read_verdict(tmp_path / "new") is None


def test_what_is_kept_depends_on_the_weights(weights: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.weights.h5"
    other.write_bytes(weights.read_bytes() + b" ")
    keys = {
        choose_engine._key(path, NOTE, "tensorflow", how) for path in (weights, other) for how in ("auto", "float32")
    }
    assert len(keys) == 4
    assert choose_engine._key(weights, NOTE, "tensorflow", "auto") in keys


def test_what_is_kept_depends_on_the_code_that_draws_the_check_batch() -> None:
    assert {"selection", "phantom", "networks", "inference"} <= set(choose_engine.CODE_OF_AN_ENGINE)


def test_engines_that_are_unknown_or_absent_are_refused(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="unknown engine"):
        choose_engine.open_engine(weights, engine="abacus")  # type: ignore[arg-type]
    monkeypatch.setattr(choose_engine, "installed", lambda package: package != "openvino")
    with pytest.raises(InputError, match=r"openvino: not installed.*covidlib\[fast\]"):
        choose_engine.open_engine(weights, engine="openvino")
    assert choose_engine.open_engine(weights, precision="float32").name == "tensorflow"


# OpenVINO -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def openvino() -> ModuleType:
    pytest.importorskip("openvino", reason="the extra `fast` is not installed")
    from covidlib.inference import openvino_engine

    return openvino_engine


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("auto", TOLERANCE)])
def test_openvino_gives_what_keras_gives(
    openvino: ModuleType,
    weights: Path,
    images: np.ndarray,
    precision: Literal["auto", "float32"],
    tolerance: float,
) -> None:
    engine = choose_engine.open_engine(weights, engine="openvino", precision=precision)
    expected = load_weights(weights)[0].predict_on_batch(images)[:, 0]
    assert np.ptp(expected) > 0, "slices that all get one probability would hide a wrong order"
    assert np.abs(engine.predict(images) - expected).max() <= tolerance
    assert engine.predict(images[:0]).shape == (0,)
    assert engine.largest_difference <= CHECKED_WITHIN and engine.note == NOTE


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_openvino_compiled_is_used_again(
    openvino: ModuleType,
    weights: Path,
    images: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    precision: Literal["float32", "bfloat16"],
) -> None:
    if precision == "bfloat16" and not openvino.able_in_half_precision(openvino.import_openvino().Core()):
        pytest.skip("this processor has no units for bfloat16")
    first = choose_engine.open_engine(weights, engine="openvino", precision=precision)

    def unexpected(*arguments: object) -> None:
        raise AssertionError("compiled again")

    with monkeypatch.context() as patch:
        patch.setattr(openvino, "_compiled", unexpected)
        second = choose_engine.open_engine(weights, engine="openvino", precision=precision)
    assert second.precision == first.precision == precision
    assert second.largest_difference == first.largest_difference
    # Bit for bit: the file alone does not say the precision, and a processor with bfloat16 would use it.
    assert np.array_equal(second.predict(images), first.predict(images))


def test_a_damaged_compiled_network_is_made_again(openvino: ModuleType, weights: Path, images: np.ndarray) -> None:
    first = choose_engine.open_engine(weights, engine="openvino")
    (blob,) = (folders.home() / "data" / "engines").rglob(openvino.COMPILED)
    whole = blob.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:-1] + bytes([whole[-1] ^ 1]), b""):
        blob.write_bytes(damaged)
        assert np.array_equal(
            choose_engine.open_engine(weights, engine="openvino").predict(images), first.predict(images)
        )
        assert blob.stat().st_size > len(damaged) or blob.read_bytes() != damaged


def test_bfloat16_that_is_too_rough_is_not_used(
    openvino: ModuleType, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreements = iter([Agreement(0.3, 0), Agreement(1e-6, 0)])
    monkeypatch.setattr(half_precision, "compare", lambda reference, other: next(agreements))
    monkeypatch.setattr(openvino, "able_in_half_precision", lambda core: True)
    assert choose_engine.open_engine(weights, engine="openvino").precision == "float32"
    monkeypatch.setattr(half_precision, "compare", lambda reference, other: Agreement(0.3, 0))
    with pytest.raises(RuntimeError, match="disagree"):
        choose_engine.open_engine(weights, engine="openvino", precision="float32")


def test_openvino_reports_to_nobody() -> None:
    pytest.importorskip("openvino", reason="the extra `fast` is not installed")
    code = (
        "import sys; from covidlib.inference.openvino_engine import import_openvino; import_openvino().convert_model\n"
        "import openvino.tools.ovc.telemetry_utils as used\n"
        "print(used.tm.__name__, any(name.startswith('openvino_telemetry.') for name in sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["openvino.tools.ovc.telemetry_stub", "False"]
