"""covidlib.inference.export: every format computes what Keras computes, and nothing is left of one that does not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from covidlib.cli.main import main
from covidlib.errors import InputError
from covidlib.inference import export, half_precision
from covidlib.networks import models, random_weights
from covidlib.networks.weights import WeightsNote, load_weights, save_weights

NOTE = WeightsNote("resnet50v2-fpn", "quick", (128, 128, 1), "lung-window", "quick", 1, "made for a test")
OUT = {"saved-model": "net", "onnx": "net.onnx", "openvino": "net.xml", "litert": "net.tflite"}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = models.build("resnet50v2-fpn", (128, 128, 1), "quick")
    random_weights.draw_weights(model, 7)
    kernel, bias = model.get_layer("predictions").get_weights()
    model.get_layer("predictions").set_weights([1e4 * kernel, bias])
    path = tmp_path_factory.mktemp("weights") / "fpn.weights.h5"
    save_weights(model, path, NOTE)
    return path


def need(form: str) -> None:
    extra, packages = export.NEEDS.get(form, ("", ()))
    if missing := [package for package in packages if not export.installed(package)]:
        pytest.skip(f"{', '.join(missing)}: the extra `{extra}` is not installed")


@pytest.mark.parametrize("form", export.FORMATS)
def test_an_exported_network_gives_what_keras_gives(
    weights: Path, tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    need(form)
    out = tmp_path / OUT[form]
    assert main(["export", str(out), "--weights", str(weights), "--format", form]) == 0
    assert "of Keras on a test batch" in capsys.readouterr().out
    images = np.random.default_rng(0).random((5, 128, 128, 1), np.float32)
    expected = load_weights(weights)[0].predict_on_batch(images)
    assert np.ptp(expected[:, 0]) > 1e-3, "slices that all get one probability would hide a wrong order"
    assert np.allclose(export.RUNNERS[form](out)(images), expected, atol=export.TOLERANCE)
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {out.name, f"{out.name}.json"} | ({"net.bin"} if form == "openvino" else set())
    note = json.loads((tmp_path / f"{out.name}.json").read_text())
    assert note["scaling"] == "lung-window" and note["input_shape"] == [128, 128, 1] and note["format"] == form
    assert main(["export", str(out), "--weights", str(weights), "--format", form]) == 2
    assert "exists" in capsys.readouterr().err


def test_what_computes_something_else_is_not_written(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = export.RUNNERS["saved-model"]
    monkeypatch.setitem(export.RUNNERS, "saved-model", lambda path: lambda images: real(path)(images) + 0.001)
    with pytest.raises(RuntimeError, match="disagree"):
        export.export_network(weights, "saved-model", tmp_path / "net")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setitem(export.RUNNERS, "saved-model", lambda path: lambda images: real(path)(images)[:, :1])
    with pytest.raises(RuntimeError, match="shape"):
        export.export_network(weights, "saved-model", tmp_path / "net")
    assert list(tmp_path.iterdir()) == []


def test_requests_that_cannot_be_met_are_refused_at_once(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(export, "installed", lambda package: False)
    for form, extra in (("onnx", "export"), ("openvino", "fast"), ("litert", "export")):
        command = ["export", str(tmp_path / OUT[form]), "--weights", str(weights), "--format", form]
        assert main(command) == 2
        printed = capsys.readouterr().err
        assert f"covidlib[{extra}]" in printed and printed.count("\n") == 1
    monkeypatch.setattr(export, "installed", lambda package: True)
    with pytest.raises(InputError, match=r"ends in \.onnx"):
        export.export_network(weights, "onnx", tmp_path / "net.pb")
    with pytest.raises(InputError, match="no such folder"):
        export.export_network(weights, "onnx", tmp_path / "absent" / "net.onnx")
    with pytest.raises(InputError, match="unknown format"):
        export.export_network(weights, "caffe", tmp_path / "net")
    (tmp_path / "net.bin").write_bytes(b"")
    with pytest.raises(InputError, match=r"net\.bin: already exists"):
        export.export_network(weights, "openvino", tmp_path / "net.xml")


def test_the_check_batch_can_tell_networks_apart(weights: Path) -> None:
    p_covid = load_weights(weights)[0].predict_on_batch(half_precision.check_images(NOTE))[:, 0]
    assert np.ptp(p_covid) > 10 * export.TOLERANCE
