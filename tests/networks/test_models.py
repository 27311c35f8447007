"""covidlib.networks.models and weights: exact shapes, files that say whose they are."""

from __future__ import annotations

import dataclasses
import errno
import lzma
import pickle
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import h5py
import keras
import numpy as np
import pytest
from scipy.special import softmax
from support.harmful import LeavesAMark

from covidlib.errors import InputError
from covidlib.heatmaps import grad_cam
from covidlib.networks import imagenet, models, pyramid
from covidlib.networks.weights import WeightsNote, load_weights, note_for, read_note, save_weights

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def paper_fpn() -> keras.Model:
    return models.build("resnet50v2-fpn")


def test_the_pyramid_at_paper_size_is_the_published_one(paper_fpn: keras.Model) -> None:
    assert paper_fpn.count_params() == 34_058_656
    shapes = {name: paper_fpn.get_layer(name).output.shape[1:] for name in
              ("conv4_block1_preact_relu", "conv5_block1_preact_relu", "post_relu", *pyramid.LEVELS)}  # fmt: skip
    assert shapes == {
        "conv4_block1_preact_relu": (32, 32, 512),
        "conv5_block1_preact_relu": (16, 16, 1024),
        "post_relu": (16, 16, 2048),
        "P3": (30, 30, 256),
        "P4": (14, 14, 256),
        "P5": (16, 16, 256),
        "P6": (8, 8, 256),
        "P7": (4, 4, 256),
    }
    assert paper_fpn.get_layer("P4_merged").output.shape[-1] == 512
    assert paper_fpn.get_layer("P3_merged").output.shape[-1] == 768
    assert paper_fpn.get_layer("heads").output.shape == (None, 10)
    assert paper_fpn.output.shape == (None, 2)


def test_the_baselines_at_paper_size_have_the_published_backbones() -> None:
    for name, application in (("xception", keras.applications.Xception), ("resnet50v2", keras.applications.ResNet50V2)):
        ours = models.build(name)
        backbone = application(include_top=False, weights=None, input_shape=(512, 512, 1))
        assert ours.count_params() == backbone.count_params() + 2 * 2048 + 2
        assert ours.get_layer(models.LAST_MAP[name]).output.shape == backbone.output.shape


@pytest.mark.parametrize("name", ["xception", "resnet50v2"])
def test_the_baselines_answer_from_the_average_of_the_last_map(name: str) -> None:
    model = models.build(name, (128, 128, 1), "quick")
    both = keras.Model(model.inputs, [model.get_layer(models.LAST_MAP[name]).output, *model.outputs])
    last_map, answer = both.predict_on_batch(np.random.default_rng(0).random((2, 128, 128, 1), np.float32))
    kernel, bias = model.get_layer("predictions").get_weights()
    assert np.allclose(softmax(last_map.mean(axis=(1, 2)) @ kernel + bias, axis=1), answer, atol=1e-5)


@pytest.mark.usefixtures("untraced")
def test_one_training_step_of_the_paper_size_network_runs(paper_fpn: keras.Model) -> None:
    paper_fpn.compile(keras.optimizers.Nadam(1e-4), loss="categorical_crossentropy", jit_compile=False)
    before = paper_fpn.get_layer("predictions").kernel.numpy()
    images = np.random.default_rng(0).random((1, 512, 512, 1), np.float32)
    loss = paper_fpn.train_on_batch(images, np.array([[1.0, 0.0]]))
    assert np.isfinite(loss)
    assert not np.array_equal(paper_fpn.get_layer("predictions").kernel.numpy(), before)


@pytest.mark.parametrize("name", models.NAMES)
def test_quick_networks_have_the_names_that_the_rest_relies_on(name: str) -> None:
    model = models.build(name, (128, 128, 1), "quick")
    layers = {layer.name for layer in model.layers}
    assert models.LAST_MAP[name] in layers
    assert model.output.shape == (None, 2)
    assert model.count_params() < 2_000_000
    if name == "resnet50v2-fpn":
        assert set(pyramid.LEVELS) <= layers


def test_unknown_networks_sizes_and_small_images_are_refused() -> None:
    with pytest.raises(InputError, match="unknown network"):
        models.build("vgg16")
    with pytest.raises(InputError, match="unknown network size"):
        models.build("xception", (128, 128, 1), "medium")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="96×96"):
        models.build("resnet50v2-fpn", (64, 64, 1), "quick")


# Weights ------------------------------------------------------------------------------------------------------------

NOTE = WeightsNote("resnet50v2", "quick", (128, 128, 1), "lung-window", "quick", 3, "made for a test")


def test_a_weights_file_says_whose_it_is_and_gives_the_same_answers(tmp_path: Path) -> None:
    model = models.build("resnet50v2", (128, 128, 1), "quick")
    path = tmp_path / "best.weights.h5"
    save_weights(model, path, NOTE)
    assert read_note(path) == NOTE
    assert [one.name for one in tmp_path.iterdir()] == ["best.weights.h5"]
    loaded, note = load_weights(path)
    assert note == NOTE
    images = np.random.default_rng(0).random((2, 128, 128, 1), np.float32)
    assert np.array_equal(loaded.predict_on_batch(images), model.predict_on_batch(images))
    with pytest.raises(InputError, match="not of xception"):
        load_weights(path, "xception")
    with h5py.File(path, "r+") as file:
        file.attrs["covidlib"] = '{"network": "resnet50v2"}'
    with pytest.raises(InputError, match="note about the network is damaged"):
        read_note(path)


def test_weights_are_not_begun_on_a_disk_without_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = models.build("resnet50v2", (128, 128, 1), "quick")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=4 * model.count_params()))
    with pytest.raises(OSError) as error:
        save_weights(model, tmp_path / "best.weights.h5", NOTE)
    assert error.value.errno == errno.ENOSPC and list(tmp_path.iterdir()) == []


def test_weights_that_fail_to_be_written_leave_nothing(tmp_path: Path) -> None:
    model = models.build("resnet50v2", (128, 128, 1), "quick")
    with pytest.raises(TypeError, match="not JSON serializable"):
        save_weights(model, tmp_path / "best.weights.h5", dataclasses.replace(NOTE, protocol=tmp_path))  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_the_authors_file_format_is_read(tmp_path: Path) -> None:
    unpacked = tmp_path / "FPN-fold1.hdf5"
    with lzma.open(GOLDEN / "FPN-fold1.hdf5.xz") as packed, unpacked.open("wb") as whole:
        shutil.copyfileobj(packed, whole)
    with pytest.raises(InputError, match="--network NAME"):
        load_weights(unpacked)
    model, note = load_weights(unpacked, "resnet50v2-fpn")
    assert note.scaling == "raw"
    y, x = np.mgrid[:512, :512]
    images = np.stack([((3 * x + 5 * y + 37 * k) % 251 / 251).astype(np.float32) for k in range(3)])[..., np.newaxis]
    reference = np.load(GOLDEN / "FPN-fold1_reference.npz")
    assert np.abs(model.predict_on_batch(images) - reference["mean_dense_6"]).max() < 1e-5
    assert np.abs(grad_cam.head_activations(model, images) - reference["mean_concatenate_3"]).max() < 1e-5
    # P3's heads are silent on these images: only its own map tells whether it is put together in the right order.
    recorded = [name.removeprefix("mean_") for name in reference.files]
    maps = [name for name in recorded if name in {layer.name for layer in model.layers}]
    assert len(maps) == len(recorded) - 2 == 8
    outputs = keras.Model(model.inputs, [model.get_layer(name).output for name in maps]).predict_on_batch(images)
    for name, output in zip(maps, outputs, strict=True):
        assert np.abs(output.mean(axis=(1, 2)) - reference[f"mean_{name}"]).max() < 1e-5, name


@pytest.fixture(scope="module")
def whole_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one small network in other formats than its weights."""
    folder = tmp_path_factory.mktemp("whole")
    model = models.build("xception", (96, 96, 1), "quick")
    model.save(folder / "net.keras")
    shutil.copy(folder / "net.keras", folder / "renamed.h5")
    model.save(folder / "net.h5")
    model.save_weights(folder / "plain.weights.h5")
    (folder / "saved").mkdir()
    (folder / "saved" / "saved_model.pb").write_bytes(b"\x08\x01")
    shutil.copy(folder / "plain.weights.h5", folder / "weights.pt")
    (folder / "run").mkdir()
    shutil.copy(folder / "plain.weights.h5", folder / "run" / "best.weights.h5")
    with zipfile.ZipFile(folder / "net.bin", "w") as archive:
        archive.writestr("archive/data.pkl", b"")
    with zipfile.ZipFile(folder / "some.zip", "w") as archive:
        archive.writestr("net.h5", b"")
    for name, content in (
        ("old.pt", b"\x80\x02\x8a\nl\xfc\x9cF"), ("net.onnx", b"\x08\x08"), ("empty.h5", b""), ("empty.pt", b""),
        ("page.h5", b"\n<!doctype HTML><html>"), ("pointer.h5", b"version https://git-lfs.github.com/spec/v1\n"),
        ("net.7z", b"7z\xbc\xaf\x27\x1c"), ("text.h5", b"hello"),
    ):  # fmt: skip
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("net.keras", r'is a whole Keras model.* Run .*load_model\("net.keras"\).save_weights\("net.weights.h5"\)'),
        ("renamed.h5", r'is a whole Keras model.* Rename it to renamed.keras. Run .*load_model\("renamed.keras"\)'),
        ("net.h5", "does not say which network it belongs to"),
        ("weights.pt", "does not say which network it belongs to"),
        ("saved", "is a TensorFlow SavedModel, not a weights file"),
        ("saved/saved_model.pb", "is a part of a TensorFlow SavedModel"),
        ("run", "is a folder, not a file. Name the file in it: .*best.weights.h5"),
        ("none.h5", "there is no such file"),
        ("net.bin", "is a file of PyTorch, not a weights file of Keras"),
        ("old.pt", "is a file of PyTorch"),
        ("net.onnx", "is an ONNX file"),
        ("empty.h5", "is empty. Download or copy it again"),
        ("empty.pt", "is empty"),
        ("page.h5", "is a web page"),
        ("pointer.h5", "is a pointer of Git LFS"),
        ("some.zip", "is a zip file. Unpack it"),
        ("net.7z", "is a 7z archive. Unpack it"),
        ("text.h5", "not a readable HDF5 file"),
    ],
)
def test_another_file_than_weights_is_named_with_its_remedy(whole_model: Path, name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        note_for(whole_model / name)


def test_weights_of_another_size_without_a_note_are_refused_with_the_size(whole_model: Path) -> None:
    for name in ("plain.weights.h5", "net.h5"):
        with pytest.raises(InputError, match="does not fit xception in paper size .* must be of paper size"):
            load_weights(whole_model / name, "xception")


def test_the_weights_of_a_whole_model_can_be_taken_out_as_the_remedy_says(
    paper_fpn: keras.Model, tmp_path: Path
) -> None:
    paper_fpn.save(tmp_path / "net.keras")
    keras.models.load_model(tmp_path / "net.keras").save_weights(tmp_path / "net.weights.h5")
    loaded, note = load_weights(tmp_path / "net.weights.h5", "resnet50v2-fpn")
    assert (note.size, note.scaling) == ("paper", "raw")
    for one, other in zip(loaded.get_weights(), paper_fpn.get_weights(), strict=True):
        assert np.array_equal(one, other)


def lambda_model(mark: Path) -> keras.Model:
    """A network whose layer makes a folder when it is rebuilt from its saved description."""
    image = keras.layers.Input((4, 4, 1))
    code = eval(f"lambda x: (__import__('os').makedirs({str(mark)!r}, exist_ok=True), x)[1]")
    return keras.Model(image, keras.layers.Dense(2)(keras.layers.Lambda(code)(image)))


def test_a_pickle_called_weights_is_refused_unread(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    for name in ("best.weights.h5", "best.hdf5", "best.keras"):
        path = tmp_path / name
        path.write_bytes(pickle.dumps(LeavesAMark(mark)))
        with pytest.raises(InputError, match="not a readable HDF5"):
            load_weights(path, "resnet50v2")
        with pytest.raises(InputError, match="not a weights file of resnet50v2"):
            imagenet.load_imagenet(models.build("resnet50v2", (96, 96, 1)), "imagenet-summed", path)
    assert not mark.exists()
    pickle.loads(path.read_bytes())
    assert mark.exists()


@pytest.mark.parametrize("ending", ["h5", "keras"])
def test_code_in_a_saved_model_never_runs(tmp_path: Path, ending: str) -> None:
    mark, path = tmp_path / "mark", tmp_path / f"model.{ending}"
    lambda_model(mark).save(path)
    shutil.rmtree(mark, ignore_errors=True)
    with pytest.raises(InputError):
        load_weights(path, "resnet50v2")
    with pytest.raises(InputError):
        imagenet.load_imagenet(models.build("resnet50v2", (96, 96, 1)), "imagenet-summed", path)
    assert not mark.exists()
    # The code in the file is live: Keras runs it when it is asked to rebuild the model.
    keras.models.load_model(path, safe_mode=False, compile=False)
    assert mark.exists()


def test_good_weights_beside_code_are_read_without_it(tmp_path: Path) -> None:
    mark, harmful = tmp_path / "mark", tmp_path / "model.h5"
    lambda_model(mark).save(harmful)
    shutil.rmtree(mark, ignore_errors=True)
    model = models.build("resnet50v2", (128, 128, 1), "quick")
    path = tmp_path / "best.weights.h5"
    save_weights(model, path, NOTE)
    with h5py.File(harmful) as source, h5py.File(path, "r+") as file:
        file.attrs["model_config"] = source.attrs["model_config"]
    loaded, _ = load_weights(path)
    assert all(map(np.array_equal, loaded.get_weights(), model.get_weights()))
    assert not mark.exists()


# Variations of the pyramid --------------------------------------------------------------------------------------------


def test_each_variation_differs_from_the_paper_in_one_choice() -> None:
    built = {name: models.build(name, (256, 256, 1)) for name in models.ALL_NAMES if "fpn" in name}
    widths = {
        name: [model.get_layer(level).output.shape[1] for level in pyramid.LEVELS] for name, model in built.items()
    }
    assert widths["resnet50v2-fpn"] == [14, 6, 8, 4, 2]
    assert widths["resnet50v2-fpn-strides"] == [30, 14, 8, 4, 2]
    assert widths["resnet50v2-fpn-add"] == widths["resnet50v2-fpn-linear"] == widths["resnet50v2-fpn"]
    merges = {name: type(model.get_layer("P3_merged")).__name__ for name, model in built.items()}
    assert [name for name, kind in merges.items() if kind == "Add"] == ["resnet50v2-fpn-add"]
    heads = {name: model.get_layer("P5_head").activation.__name__ for name, model in built.items()}
    assert [name for name, kind in heads.items() if kind == "linear"] == ["resnet50v2-fpn-linear"]
    assert built["resnet50v2-fpn-linear"].count_params() == built["resnet50v2-fpn"].count_params()
    with pytest.raises(InputError, match="resnet50v2-fpn-strides"):
        models.build("resnet50v2-fpn-mul")


def test_an_odd_batch_trains_without_corrupting_memory() -> None:
    """In a process of its own: TensorFlow 2.21 aborted on the gradient of a 1×1 convolution with stride 2."""
    code = (
        "import keras, numpy as np; from covidlib import networks\n"
        "images, labels = np.random.rand(7, 128, 128, 1), np.eye(2)[[0, 1, 0, 1, 0, 1, 0]]\n"
        "for name in networks.NAMES:\n"
        "    model = networks.build(name, (128, 128, 1), 'quick')\n"
        "    model.compile('sgd', 'categorical_crossentropy', jit_compile=False)\n"
        "    for _ in range(6): model.train_on_batch(images, labels)\n"
        "    print(name, flush=True)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    # An abort ends the process: the networks before it have been printed.
    assert (result.returncode, result.stdout.split()) == (0, list(models.NAMES)), result.stderr[-500:]
