"""Load ImageNet weights (learned on colour photographs) into networks for one-channel CT slices (section 2.3).

The authors load the weights by name; the first convolution does not fit one channel and stays random. Summing its
kernel over the colour channels loses nothing: the output for a one-channel slice is the same as for that slice as a
grey RGB image. Taught in chapter 03.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import h5py

from covidlib.datasets.public_files import obtain
from covidlib.errors import InputError
from covidlib.networks.models import ALL_NAMES
from covidlib.protocols import Start
from covidlib.utils.quiet_tensorflow import keras

WITHOUT = "Add --set weights=none: training then starts from random weights"
FOLDER = "keras-applications"


@dataclass(frozen=True)
class Backbone:
    """A network of keras.applications and its published weights without the classifier."""

    build: Callable[..., keras.Model]
    first: str
    url: str
    digest: str


PUBLISHED = "https://storage.googleapis.com/tensorflow/keras-applications"
RESNET = Backbone(
    keras.applications.ResNet50V2,
    "conv1_conv",
    f"{PUBLISHED}/resnet/resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "md5:fac2f116257151a9d068a22e544a4917",
)
XCEPTION = Backbone(
    keras.applications.Xception,
    "block1_conv1",
    f"{PUBLISHED}/xception/xception_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "md5:b0042744bf5b25fce3cb969f33bebb97",
)
BACKBONES = {name: XCEPTION if name == "xception" else RESNET for name in ALL_NAMES}
"""The backbone of each network, with addresses and hashes as in the source code of keras.applications."""


def start_from(model: keras.Model, start: Start) -> None:
    """Load the weights that a protocol starts training from; "none" leaves the network unchanged.

    Raises
    ------
    InputError
        If the network has the quick size.
    Unavailable
        If the weights cannot be downloaded.
    """
    if start != "none":
        load_imagenet(model, start)


def load_imagenet(model: keras.Model, way: Start, file: str | Path | None = None) -> None:
    """Load ImageNet weights into the backbone of a paper-size network (paper, section 2.3).

    The weights of the pyramid and its heads do not change.

    Parameters
    ----------
    model : keras.Model
        From `models.build`, for images with one channel.
    way : "imagenet-authors" or "imagenet-summed"
        Leave the first convolution as it is (random), or load the published kernel summed over its colour channels.
        The second way expects the scaling "imagenet".
    file : path, optional
        A weights file of the backbone for three channels; default: the one of keras.applications, downloaded once.

    Raises
    ------
    InputError
        If the way is unknown, the network has the quick size or more than one channel, or the file does not fit.
    Unavailable
        If the file cannot be downloaded.
    """
    if way not in ("imagenet-authors", "imagenet-summed"):
        raise InputError(way, "unknown way to load ImageNet weights", "Choose imagenet-authors or imagenet-summed")
    if model.name not in BACKBONES:
        raise InputError(
            model.name, "there are no ImageNet weights for this network", f"Choose one of {', '.join(BACKBONES)}"
        )
    backbone = BACKBONES[model.name]
    coloured = backbone.build(include_top=False, weights=None, input_shape=(96, 96, 3))
    pairs = _pairs(coloured, model)
    # Checked before the download, so that nobody waits for weights that cannot be used.
    _check_fit(pairs, model, backbone.first)
    _read(coloured, Path(file) if file else weights_file(model.name))
    for source, target in pairs:
        if source.name != backbone.first:
            target.set_weights(source.get_weights())
        elif way == "imagenet-summed":
            kernel, *bias = source.get_weights()
            target.set_weights([kernel.sum(axis=2, keepdims=True), *bias])


def weights_file(network: str) -> Path:
    """Path of the published weights of a network's backbone, downloaded and verified.

    Raises
    ------
    Unavailable
        If the file is not found in the mirror, the cache or online.
    InputError
        If the hash of the file differs from the one in keras.applications.
    """
    backbone = BACKBONES[network]
    name = f"{FOLDER}/{backbone.url.rpartition('/')[2]}"
    try:
        return obtain(backbone.url, name, backbone.digest)
    except InputError as error:
        raise type(error)(name, error.problem, f"{error.remedy}. {WITHOUT}") from error


def _read(coloured: keras.Model, path: Path) -> None:
    """Read arrays only: no layer class and no code of the file is loaded."""
    if not path.is_file():
        raise InputError(path, "no such file", f"Name a weights file of {coloured.name}")
    if not h5py.is_hdf5(path):
        # Keras chooses a reader by the file's name, and one of them opens archives.
        raise InputError(path, f"not a weights file of {coloured.name}: not a readable HDF5 file", WITHOUT)
    try:
        with warnings.catch_warnings():
            # Keras only warns when a layer finds no weights in the file, and leaves it random.
            warnings.simplefilter("error", UserWarning)
            coloured.load_weights(path)
    except (ValueError, OSError, KeyError, UserWarning) as error:
        first_line = str(error).strip().splitlines()[0]
        raise InputError(
            path, f"not a weights file of {coloured.name} without its classifier ({first_line})", WITHOUT
        ) from error


def _pairs(coloured: keras.Model, model: keras.Model) -> list[tuple[keras.Layer, keras.Layer]]:
    """Pairs of corresponding layers with weights, of the backbone and of the network.

    Xception's four projections have no fixed names: Keras numbers them anew in each model, so that matching by name
    would silently miss them. They are matched by their order.
    """
    names = {layer.name: layer for layer in model.layers}
    nameless = {kind: iter(group) for kind, group in _nameless(model).items()}
    pairs = []
    for layer in coloured.layers:
        if layer.weights:
            kind = type(layer).__name__
            match = next(nameless.get(kind, iter(())), None) if _is_nameless(layer) else names.get(layer.name)
            if match is None:
                raise _unfit(model)
            pairs.append((layer, match))
    return pairs


def _nameless(model: keras.Model) -> dict[str, list[keras.Layer]]:
    by_kind = sorted((layer for layer in model.layers if _is_nameless(layer)), key=lambda layer: type(layer).__name__)
    return {kind: list(group) for kind, group in groupby(by_kind, key=lambda layer: type(layer).__name__)}


def _is_nameless(layer: keras.Layer) -> bool:
    return layer.name.startswith(("conv2d", "batch_normalization"))


def _check_fit(pairs: list[tuple[keras.Layer, keras.Layer]], model: keras.Model, first: str) -> None:
    for source, target in pairs:
        expected = [tuple(weight.shape) for weight in source.weights]
        if source.name == first:
            rows, columns, _, filters = expected[0]
            expected[0] = (rows, columns, 1, filters)
        if expected != [tuple(weight.shape) for weight in target.weights]:
            raise _unfit(model)


def _unfit(model: keras.Model) -> InputError:
    problem = "cannot start from ImageNet weights: they fit only the paper size with one channel"
    return InputError(model.name, problem, f"Build it with size paper, or train without them. {WITHOUT}")
