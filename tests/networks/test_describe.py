"""Counts against TensorFlow's profiler, fields against gradients, weights by layer."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from keras.src.legacy.saving import legacy_h5_format

from covidlib.cli.main import main
from covidlib.datasets import public_files
from covidlib.errors import InputError, Unavailable
from covidlib.networks import describe, imagenet, inputs, models
from covidlib.protocols import COLAB, PAPER, QUICK, protocol_named, with_settings

# Costs --------------------------------------------------------------------------------------------------------------


def profiled_flops(model: keras.Model) -> dict[str, int]:
    """FLOPs of one image by kind of operation, as TensorFlow's profiler counts them on the frozen graph."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    function = tf.function(lambda image: model(image, training=False))
    concrete = function.get_concrete_function(tf.TensorSpec((1, *model.input.shape[1:]), tf.float32))
    frozen = convert_variables_to_constants_v2(concrete, lower_control_flow=False)
    options = tf.compat.v1.profiler.ProfileOptionBuilder(tf.compat.v1.profiler.ProfileOptionBuilder.float_operation())
    profile = tf.compat.v1.profiler.profile(
        frozen.graph, cmd="op", options=options.with_empty_output().order_by("float_ops").build()
    )
    kinds, node = {}, profile
    while node.children:
        node = node.children[0]
        kinds[node.name] = node.float_ops
    return {"total": profile.total_float_ops} | kinds


@pytest.mark.parametrize("name", models.NAMES)
def test_flops_are_those_of_tensorflows_profiler(name: str) -> None:
    for size, side in (("quick", 128), ("paper", 512)):
        model = models.build(name, (side, side, 1), size)  # type: ignore[arg-type]
        ours = describe.layer_table(model)["flops"].sum()
        profiled = profiled_flops(model)
        counted = sum(profiled.get(kind, 0) for kind in ("Conv2D", "DepthwiseConv2dNative", "MatMul"))
        assert ours == pytest.approx(counted, rel=0.001)
        if size == "paper":
            # Normalisation, pooling and the rest, which we leave out, are next to nothing.
            assert ours == pytest.approx(profiled["total"], rel=0.02)


def test_flops_of_layers_counted_by_hand() -> None:
    image = layers.Input((8, 8, 4))
    model = keras.Model(image, [
        layers.Conv2D(6, 3, padding="same", name="plain")(image),
        layers.Conv2D(6, 3, groups=2, padding="same", name="grouped")(image),
        layers.DepthwiseConv2D(3, padding="same", strides=2, name="depthwise")(image),
        layers.SeparableConv2D(6, 3, padding="valid", name="separable")(image),
        layers.Dense(5, name="dense")(layers.Flatten(name="flat")(image)),
    ])  # fmt: skip
    counted = describe.layer_table(model).set_index("layer")["flops"]
    assert counted["plain"] == 2 * 64 * 9 * 4 * 6
    assert counted["grouped"] == 2 * 64 * 9 * 2 * 6
    assert counted["depthwise"] == 2 * 16 * 9 * 4
    assert counted["separable"] == 2 * 36 * (9 * 4 + 4 * 6)
    assert counted["dense"] == 2 * 8 * 8 * 4 * 5
    assert counted["flat"] == 0


@pytest.mark.parametrize("name", models.NAMES)
def test_the_parts_add_up_to_the_network(name: str) -> None:
    model = models.build(name)
    table = describe.level_table(model).set_index("level")
    parts = table.drop("total")
    assert parts["parameters"].sum() == table.loc["total", "parameters"] == model.count_params()
    assert parts["gflops"].sum() == pytest.approx(table.loc["total", "gflops"])
    if name == "resnet50v2-fpn":
        assert table.loc["total", "parameters"] == 34_058_656
        assert table.loc["P3 head", "parameters"] == 30 * 30 * 256 * 2 + 2
        assert table.loc[["C3", "P3", "P7"], "stride"].tolist() == [16, 16, 128]


# Receptive fields -----------------------------------------------------------------------------------------------------


def seen_pixels(model: keras.Model, layer: str, side: int) -> tuple[int, int]:
    """Rows and columns of the input that the middle cell of a layer depends on."""
    whole = keras.Model(model.inputs, model.get_layer(layer).output)
    # A maximum hands its gradient to one pixel only, a mean to all that it sees.
    averaging = {"AveragePooling2D": layers.AveragePooling2D, "MaxPooling2D": layers.AveragePooling2D}

    def swap(one: keras.Layer) -> keras.Layer:
        kind = averaging.get(type(one).__name__, type(one))
        return kind.from_config(one.get_config())

    cloned = keras.models.clone_model(whole, clone_function=swap)
    for weight in cloned.trainable_variables:
        weight.assign(tf.fill(weight.shape, 1.0 / np.sqrt(np.prod(weight.shape[:-1]))))
    image = tf.ones((1, side, side, 1))
    with tf.GradientTape() as tape:
        tape.watch(image)
        cells = cloned(image, training=False)
        middle = cells[0, cells.shape[1] // 2, cells.shape[2] // 2, 0]
    seen = tape.gradient(middle, image)[0, :, :, 0].numpy() != 0
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    assert rows[0] > 0 and rows[-1] < side - 1, "cut by the border: take a larger image"
    return int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        ("xception", ("block1_conv2_act", "block2_out", "block3_out", "block14_sepconv2_act")),
        ("resnet50v2", ("pool1_pool", "conv2_block1_out", "conv4_block1_out", "post_relu")),
        ("resnet50v2-fpn", ("C4_reduced", "P5", "P4_upsampled", "P4", "P3", "P6", "P7")),
    ],
)
def test_receptive_fields_are_what_gradients_reach(name: str, ends: tuple[str, ...]) -> None:
    model = models.build(name, (1024, 1024, 1), "quick")
    fields = describe.layer_table(model).set_index("layer")["receptive_field"]
    for end in ends:
        assert seen_pixels(model, end, 1024) == (fields[end], fields[end]), end


def test_dilation_widens_the_field_and_unknown_layers_are_refused() -> None:
    image = layers.Input((65, 65, 1))
    x = layers.Conv2D(2, 3, strides=2, name="strided")(image)
    x = layers.Conv2D(2, 3, dilation_rate=4, name="dilated")(x)
    model = keras.Model(image, x)
    table = describe.layer_table(model).set_index("layer")
    assert table.loc["dilated", "receptive_field"] == 3 + 2 * 8
    assert seen_pixels(model, "dilated", 65) == (19, 19)
    strange = keras.Model(image, layers.UpSampling2D(interpolation="bilinear", name="smooth")(x))
    with pytest.raises(InputError, match="smooth: no receptive-field rule for layers of type UpSampling2D"):
        describe.layer_table(strange)
    with pytest.raises(InputError, match="not a network of the paper"):
        describe.level_table(keras.Model(image, x, name="other"))


def test_the_command_prints_levels_and_totals(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["networks", "describe", "resnet50v2-fpn"]) == 0
    printed = capsys.readouterr().out
    assert "34,058,656" in printed and "16×16×2048" in printed and "nan" not in printed.lower()
    assert main(["networks", "describe", "--size", "quick"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in models.NAMES)
    assert main(["networks", "describe", "--side", "64"]) == 2
    assert main(["networks", "describe", "--side", "0"]) == 2


# ImageNet weights -----------------------------------------------------------------------------------------------------


def save_as_published(model: keras.Model, path: Path) -> Path:
    """The layout of the files of keras.applications, which Keras 3 reads and no longer writes by itself."""
    import h5py

    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    return path


@pytest.fixture(scope="module", params=["resnet50v2", "xception"])
def coloured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[keras.Model, Path]:
    """A backbone for three channels with arbitrary weights in every layer, and its file."""
    model = imagenet.BACKBONES[request.param].build(include_top=False, weights=None, input_shape=(96, 96, 3))
    generator = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([one + generator.uniform(0, 0.1, one.shape) for one in layer.get_weights()])
    return model, save_as_published(model, tmp_path_factory.mktemp("published") / f"{request.param}_notop.h5")


def backbone_weights(model: keras.Model) -> list[np.ndarray]:
    """Weights of the backbone's layers in order: the head's two layers are the last."""
    return [one for layer in model.layers if layer.name != "predictions" for one in layer.get_weights()]


def test_the_authors_way_leaves_only_the_first_convolution_random(coloured: tuple[keras.Model, Path]) -> None:
    source, file = coloured
    ours = models.build(source.name, (96, 96, 1))
    first = imagenet.BACKBONES[source.name].first
    drawn = ours.get_layer(first).kernel.numpy()
    imagenet.load_imagenet(ours, "imagenet-authors", file)
    assert np.array_equal(ours.get_layer(first).kernel.numpy(), drawn)
    differing = [
        index
        for index, (here, there) in enumerate(zip(backbone_weights(ours), backbone_weights(source), strict=True))
        if not np.array_equal(here, there)
    ]
    assert differing == [0]


def test_summed_a_grey_slice_is_answered_as_a_grey_photograph(coloured: tuple[keras.Model, Path]) -> None:
    source, file = coloured
    ours = models.build(source.name, (96, 96, 1))
    imagenet.load_imagenet(ours, "imagenet-summed", file)
    grey = np.random.default_rng(1).uniform(-1, 1, (2, 96, 96, 1)).astype(np.float32)
    last_map = keras.Model(ours.inputs, ours.get_layer(models.LAST_MAP[source.name]).output)
    expected = source.predict_on_batch(np.repeat(grey, 3, axis=-1))
    assert np.ptp(expected) > 0.05
    assert np.allclose(last_map.predict_on_batch(grey), expected, atol=1e-4)


def test_pyramid_and_heads_keep_their_weights(tmp_path: Path) -> None:
    source = keras.applications.ResNet50V2(include_top=False, weights=None, input_shape=(96, 96, 3))
    file = save_as_published(source, tmp_path / "notop.h5")
    ours = models.build("resnet50v2-fpn", (96, 96, 1))
    before = {name: ours.get_layer(name).get_weights() for name in ("P3", "C5_reduced", "P7_head")}
    imagenet.load_imagenet(ours, "imagenet-summed", file)
    for name, weights in before.items():
        assert all(map(np.array_equal, ours.get_layer(name).get_weights(), weights))
    for name in ("conv2_block1_1_conv", "conv5_block3_3_conv", "post_bn"):
        assert all(map(np.array_equal, ours.get_layer(name).get_weights(), source.get_layer(name).get_weights()))


def test_what_cannot_start_from_imagenet_says_how_to_go_on(tmp_path: Path) -> None:
    for name in models.NAMES:
        with pytest.raises(InputError, match="only the paper size with one channel.*--set weights=none"):
            imagenet.start_from(models.build(name, (128, 128, 1), "quick"), "imagenet-summed")
    model = models.build("resnet50v2", (96, 96, 1))
    with pytest.raises(InputError, match="no such file"):
        imagenet.load_imagenet(model, "imagenet-summed", tmp_path / "absent.h5")
    with pytest.raises(InputError, match="unknown way to load"):
        imagenet.load_imagenet(model, "none", tmp_path / "absent.h5")
    small = models.build("resnet50v2", (128, 128, 1), "quick")
    other = save_as_published(small, tmp_path / "other.h5")
    before = model.get_weights()
    with pytest.raises(InputError, match=r"other\.h5: not a weights file of resnet50v2"):
        imagenet.load_imagenet(model, "imagenet-summed", other)
    assert all(map(np.array_equal, model.get_weights(), before))


def test_without_a_network_one_line_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(url: str, target: Path, **_: object) -> Path:
        raise Unavailable(url, "cannot be downloaded (ConnectionError)", "Go online")

    monkeypatch.setattr(public_files, "download", offline)
    monkeypatch.delenv("COVIDLIB_MIRROR", raising=False)
    with pytest.raises(Unavailable, match="--set weights=none: training then starts from random weights"):
        imagenet.weights_file("xception")
    monkeypatch.setenv("COVIDLIB_MIRROR", str(tmp_path))
    with pytest.raises(Unavailable, match="not in the mirror.*--set weights=none"):
        imagenet.weights_file("resnet50v2")
    wrong = tmp_path / "keras-applications" / "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5"
    wrong.parent.mkdir()
    wrong.write_bytes(b"something else")
    with pytest.raises(InputError, match="expected md5:fac2f116"):
        imagenet.weights_file("resnet50v2")


def test_addresses_and_hashes_are_those_of_the_installed_keras() -> None:
    from keras.src.applications import resnet, xception

    assert imagenet.RESNET.digest == f"md5:{resnet.WEIGHTS_HASHES['resnet50v2'][1]}"
    assert imagenet.RESNET.url.startswith(resnet.BASE_WEIGHTS_PATH)
    assert imagenet.XCEPTION.url == xception.WEIGHTS_PATH_NO_TOP
    assert imagenet.XCEPTION.digest.removeprefix("md5:") in Path(xception.__file__).read_text(encoding="utf-8")


def test_protocols_say_what_they_start_from() -> None:
    assert (PAPER.weights, COLAB.weights, QUICK.weights) == ("imagenet-authors", "imagenet-summed", "none")
    assert with_settings(protocol_named("paper"), ["weights=none"]).weights == "none"
    with pytest.raises(InputError, match="Choose one of none"):
        with_settings(QUICK, ["weights=vgg"])
    values = np.array([0, 587, 1174, 4095], np.float32).reshape(1, 2, 2, 1)
    scaled = inputs.scale(values, COLAB.scaling).numpy().ravel()
    assert scaled.tolist() == pytest.approx([-1, 0, 1, 1])
    # What keras.applications does to 8-bit photographs.
    assert keras.applications.resnet_v2.preprocess_input(np.array([0.0, 127.5, 255.0])).tolist() == [-1, 0, 1]


def test_training_starts_from_what_the_protocol_says(monkeypatch: pytest.MonkeyPatch) -> None:
    from covidlib.training import train

    asked = []
    monkeypatch.setattr(train.imagenet, "load_imagenet", lambda model, way: asked.append((model.name, way)))
    train._fresh_model("resnet50v2", with_settings(QUICK, ["weights=imagenet-summed"]), 1)
    train._fresh_model("resnet50v2", QUICK, 1)
    assert asked == [("resnet50v2", "imagenet-summed")]
