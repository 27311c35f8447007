"""Start from ImageNet: weights learned on coloured photographs, for slices with one grey channel (section 2.3).

The authors load them by name; their first convolution does not fit one channel and stays random. Summing its kernel
over the colours loses nothing: the network answers a grey slice as it would the slice as a grey photograph. Taught in
chapter 03.
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
"""Network → backbone, with addresses and hashes as in the source of keras.applications."""


def start_from(model: keras.Model, start: Start) -> None:
    """Give a network the weights that a protocol starts from; "none" leaves it alone.

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

    Pyramid and heads keep the weights that they have.

    Parameters
    ----------
    model : keras.Model
        From `models.build`, for images with one channel.
    way : "imagenet-authors" or "imagenet-summed"
        Leave the first convolution as it is (random), or give it the coloured one's kernel summed over the colours.
        The latter expects the scaling "imagenet".
    file : path, optional
        A weights file of the backbone for three channels; default: that of keras.applications, downloaded once.

    Raises
    ------
    InputError
        If there is no such way, the network has the quick size or another number of channels, or the file does not fit.
    Unavailable
        If the file cannot be downloaded.
    """
    if way not in ("imagenet-authors", "imagenet-summed"):
        raise InputError(way, "is no way to use ImageNet weights", "Choose imagenet-authors or imagenet-summed")
    if model.name not in BACKBONES:
        raise InputError(model.name, "is no network with ImageNet weights", f"Choose one of {', '.join(BACKBONES)}")
    backbone = BACKBONES[model.name]
    coloured = backbone.build(include_top=False, weights=None, input_shape=(96, 96, 3))
    pairs = _pairs(coloured, model)
    # Checked before the download: what cannot be used need not be waited for.
    _check_fit(pairs, model, backbone.first)
    _read(coloured, Path(file) if file else weights_file(model.name))
    for source, target in pairs:
        if source.name != backbone.first:
            target.set_weights(source.get_weights())
        elif way == "imagenet-summed":
            kernel, *bias = source.get_weights()
            target.set_weights([kernel.sum(axis=2, keepdims=True), *bias])


def weights_file(network: str) -> Path:
    """Path of the published weights of a network's backbone, verified.

    Raises
    ------
    Unavailable
        If the file is not found in the mirror, the cache or online.
    InputError
        If the file is not the one that keras.applications names.
    """
    backbone = BACKBONES[network]
    name = f"{FOLDER}/{backbone.url.rpartition('/')[2]}"
    try:
        return obtain(backbone.url, name, backbone.digest)
    except InputError as error:
        raise type(error)(name, error.problem, f"{error.remedy}. {WITHOUT}") from error


def _read(coloured: keras.Model, path: Path) -> None:
    """Arrays only: neither a layer class nor code of the file is looked at."""
    if not path.is_file():
        raise InputError(path, "is no file", f"Name a weights file of {coloured.name}")
    if not h5py.is_hdf5(path):
        # Keras chooses a reader by the file's name, and one of them opens archives.
        raise InputError(path, f"is no weights file of {coloured.name}: no readable HDF5", WITHOUT)
    try:
        with warnings.catch_warnings():
            # Keras only warns when a layer finds no weights in the file, and leaves it random.
            warnings.simplefilter("error", UserWarning)
            coloured.load_weights(path)
    except (ValueError, OSError, KeyError, UserWarning) as error:
        first_line = str(error).strip().splitlines()[0]
        raise InputError(
            path, f"is no weights file of {coloured.name} without its classifier ({first_line})", WITHOUT
        ) from error


def _pairs(coloured: keras.Model, model: keras.Model) -> list[tuple[keras.Layer, keras.Layer]]:
    """Layers with weights, of the backbone and of the network.

    Xception's four projections have no names of their own: Keras numbers them anew in each model, so that by name
    they would be missed in silence. They are matched by their order.
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
    found = sorted((layer for layer in model.layers if _is_nameless(layer)), key=lambda layer: type(layer).__name__)
    return {kind: list(group) for kind, group in groupby(found, key=lambda layer: type(layer).__name__)}


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
    problem = "cannot start from ImageNet weights: they fit the paper size with one channel only"
    return InputError(model.name, problem, f"Build it with size paper, or go on without. {WITHOUT}")
