"""The three networks: Xception, ResNet50V2, and ResNet50V2 with the paper's feature pyramid (section 2.3, Figure 9).

Layer names are an interface: weights and heat maps refer to them. The quick size has the same names and the same
pyramid code on a small ResNetV2, so that what is learned on it holds for the full one. Taught in chapter 03.
"""

from __future__ import annotations

from typing import Literal

import keras
from keras import KerasTensor, layers

from covidlib.errors import InputError
from covidlib.protocols import NETWORKS

NAMES = NETWORKS
LEVELS = ("P3", "P4", "P5", "P6", "P7")
"""Pyramid levels from the finest to the coarsest."""
LAST_MAP = {"xception": "block14_sepconv2_act", "resnet50v2": "post_relu", "resnet50v2-fpn": "post_relu"}
"""The last layer with rows and columns: where a heat map of the backbone is read."""
PYRAMID_CHANNELS = 256
QUICK_PYRAMID_CHANNELS = 32

Size = Literal["paper", "quick"]


def build(name: str, input_shape: tuple[int, int, int] = (512, 512, 1), size: Size = "paper") -> keras.Model:
    """One of the paper's three networks, untrained (paper, section 2.3). Taught in chapter 03.

    Parameters
    ----------
    name : str
        "xception", "resnet50v2" or "resnet50v2-fpn".
    input_shape : (rows, columns, channels)
        512×512×1 in the paper.
    size : "paper" or "quick"
        The published network, or a small one with the same layer names.

    Returns
    -------
    keras.Model
        (batch, rows, columns, channels) → (batch, 2): probabilities of COVID-19 and of normal.

    Raises
    ------
    InputError
        If there is no such network or size, or the image is too small for the pyramid.
    """
    if name not in NAMES:
        raise InputError(name, "is no network", f"Choose one of {', '.join(NAMES)}")
    if size not in ("paper", "quick"):
        raise InputError(size, "is no network size", "Choose paper or quick")
    if min(input_shape[:2]) < 96:
        raise InputError(str(input_shape), "is too small: P4 needs maps of 3×3", "Give images of at least 96×96 pixels")
    image = layers.Input(input_shape, name="slice")
    if name == "xception":
        features = _xception(image, size)
        probabilities = _plain_head(features)
    elif name == "resnet50v2":
        features = _resnet(image, size).get_layer("post_relu").output
        probabilities = _plain_head(features)
    else:
        channels = PYRAMID_CHANNELS if size == "paper" else QUICK_PYRAMID_CHANNELS
        probabilities = _pyramid_head(_pyramid(_resnet(image, size), channels))
    return keras.Model(image, probabilities, name=name)


RANDOM_WEIGHTS = (
    ("kernel_initializer", "kernel"),
    ("depthwise_initializer", "depthwise_kernel"),
    ("pointwise_initializer", "pointwise_kernel"),
)


def draw_weights(model: keras.Model, seed: int) -> None:
    """Draw every random weight, and the dropouts' states, from a seed of the layer's own. Taught in chapter 04.

    Keras draws them from Python's global random numbers, from which other threads of a program (a cluster worker's,
    a notebook's) draw too: then one seed would not give one network.
    """
    for number, layer in enumerate(model.layers):
        for place, (initializer, weight) in enumerate(RANDOM_WEIGHTS):
            if hasattr(layer, initializer) and getattr(layer, weight, None) is not None:
                drawn = getattr(layer, initializer)
                own = {**drawn.get_config(), "seed": (seed * 1_000 + number) * 10 + place}
                variable = getattr(layer, weight)
                variable.assign(type(drawn).from_config(own)(variable.shape))
        if isinstance(layer, layers.Dropout):
            layer.seed_generator.state.assign([seed, number])


def _xception(image: KerasTensor, size: Size) -> KerasTensor:
    if size == "paper":
        return keras.applications.Xception(include_top=False, weights=None, input_tensor=image).output
    return _small_xception(image)


def _resnet(image: KerasTensor, size: Size) -> keras.Model:
    if size == "paper":
        return keras.applications.ResNet50V2(include_top=False, weights=None, input_tensor=image)
    return _small_resnet(image)


def _plain_head(features: KerasTensor) -> KerasTensor:
    """Average over the map, then two classes: no head of the baselines is published, this is the plainest."""
    pooled = layers.GlobalAveragePooling2D(name="avg_pool")(features)
    return layers.Dense(2, activation="softmax", dtype="float32", name="predictions")(pooled)


def _pyramid(backbone: keras.Model, channels: int) -> list[KerasTensor]:
    """Five maps from three depths, joined by concatenation instead of Lin et al.'s addition (Figure 9).

    Keras' ResNetV2 halves the map at the END of a stack, so C4 and C5 have one size, and the unpadded convolutions
    trim P3 and P4: at 512×512 the five maps are 30, 14, 16, 8 and 4 pixels wide.
    """
    c3 = backbone.get_layer("conv4_block1_preact_relu").output
    c4 = backbone.get_layer("conv5_block1_preact_relu").output
    c5 = backbone.get_layer("post_relu").output

    p5 = layers.Conv2D(channels, 1, padding="same", name="C5_reduced")(c5)
    p5_upsampled = _resize_like(p5, c4, "P5_upsampled")
    p5 = layers.Conv2D(channels, 3, padding="same", name="P5")(p5)

    p4 = layers.Conv2D(channels, 1, padding="same", name="C4_reduced")(c4)
    p4 = layers.Concatenate(name="P4_merged")([p5_upsampled, p4])
    p4_upsampled = _resize_like(p4, c3, "P4_upsampled")
    p4 = layers.Conv2D(channels, 3, padding="valid", name="P4")(p4)

    p3 = layers.Conv2D(channels, 1, padding="same", name="C3_reduced")(c3)
    p3 = layers.Concatenate(name="P3_merged")([p4_upsampled, p3])
    p3 = layers.Conv2D(channels, 3, padding="valid", name="P3")(p3)

    p6 = layers.Conv2D(channels, 3, strides=2, padding="same", name="P6")(c5)
    p7 = layers.ReLU(name="C6_relu")(p6)
    p7 = layers.Conv2D(channels, 3, strides=2, padding="same", name="P7")(p7)
    return [p3, p4, p5, p6, p7]


def _resize_like(source: KerasTensor, target: KerasTensor, name: str) -> KerasTensor:
    return layers.Resizing(target.shape[1], target.shape[2], interpolation="nearest", name=name)(source)


def _pyramid_head(pyramid: list[KerasTensor]) -> KerasTensor:
    """Two numbers a level, ten together, two classes (Figure 9). ReLU lets a level fall silent for good."""
    heads = []
    for level, features in zip(LEVELS, pyramid, strict=True):
        flat = layers.Flatten(name=f"{level}_flat")(features)
        flat = layers.Dropout(0.5, name=f"{level}_dropout")(flat)
        initial = keras.initializers.RandomNormal(0.0, 0.001)
        heads.append(layers.Dense(2, activation="relu", kernel_initializer=initial, name=f"{level}_head")(flat))
    joined = layers.Concatenate(name="heads")(heads)
    initial = keras.initializers.RandomNormal(0.0, 0.001)
    # Probabilities stay 32-bit where the rest computes with 16: small ones would become 0.
    last = layers.Dense(2, activation="softmax", kernel_initializer=initial, dtype="float32", name="predictions")
    return last(joined)


# The quick size ---------------------------------------------------------------------------------------------------

QUICK_WIDTH = 8
BATCH_NORM_MOMENTUM = 0.8
"""Keras' 0.99 does not catch up within a few hundred steps, and the network then fails only when it is tested."""


def _normalise(x: KerasTensor, name: str) -> KerasTensor:
    return layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, epsilon=1.001e-5, name=name)(x)


def _residual_block(x: KerasTensor, filters: int, stride: int, name: str) -> KerasTensor:
    """Pre-activation bottleneck of ResNetV2 (He et al. 2016), with Keras' layer names."""
    preact = layers.ReLU(name=f"{name}_preact_relu")(_normalise(x, f"{name}_preact_bn"))
    # Every second pixel first, then 1×1: the same numbers as one convolution with stride 2, whose gradient corrupts
    # memory in TensorFlow 2.21 with oneDNN when the batch is odd.
    thinned = layers.MaxPooling2D(1, strides=stride, name=f"{name}_0_thin")(preact) if stride > 1 else preact
    shortcut = layers.Conv2D(4 * filters, 1, name=f"{name}_0_conv")(thinned)
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_1_conv")(preact)
    x = layers.ReLU(name=f"{name}_1_relu")(_normalise(x, f"{name}_1_bn"))
    x = layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False, name=f"{name}_2_conv")(x)
    x = layers.ReLU(name=f"{name}_2_relu")(_normalise(x, f"{name}_2_bn"))
    x = layers.Conv2D(4 * filters, 1, name=f"{name}_3_conv")(x)
    return layers.Add(name=f"{name}_out")([shortcut, x])


def _small_resnet(image: KerasTensor) -> keras.Model:
    """ResNetV2 with one block a stack and an eighth of the width; downsampling where Keras' ResNet50V2 has it."""
    x = layers.Conv2D(QUICK_WIDTH, 7, strides=2, padding="same", name="conv1_conv")(image)
    x = layers.MaxPooling2D(3, strides=2, padding="same", name="pool1_pool")(x)
    for stack, filters in enumerate((1, 2, 4, 8), start=2):
        x = _residual_block(x, QUICK_WIDTH * filters, 2 if stack < 5 else 1, f"conv{stack}_block1")
    x = layers.ReLU(name="post_relu")(_normalise(x, "post_bn"))
    return keras.Model(image, x)


def _small_xception(image: KerasTensor) -> KerasTensor:
    """Xception's idea (Chollet 2017) in small: separable convolutions with residual projections."""
    x = layers.Conv2D(QUICK_WIDTH, 3, strides=2, padding="same", use_bias=False, name="block1_conv1")(image)
    x = layers.ReLU(name="block1_conv1_act")(_normalise(x, "block1_conv1_bn"))
    x = layers.Conv2D(2 * QUICK_WIDTH, 3, strides=2, padding="same", use_bias=False, name="block1_conv2")(x)
    x = layers.ReLU(name="block1_conv2_act")(_normalise(x, "block1_conv2_bn"))
    for block, filters in zip((2, 3), (4, 8), strict=True):
        width = QUICK_WIDTH * filters
        residual = layers.Conv2D(width, 1, strides=2, padding="same", use_bias=False, name=f"block{block}_shortcut")(x)
        residual = _normalise(residual, f"block{block}_shortcut_bn")
        x = _separable(x, width, f"block{block}_sepconv1")
        x = layers.ReLU(name=f"block{block}_sepconv2_act")(x)
        x = _separable(x, width, f"block{block}_sepconv2")
        x = layers.MaxPooling2D(3, strides=2, padding="same", name=f"block{block}_pool")(x)
        x = layers.Add(name=f"block{block}_out")([x, residual])
    x = layers.ReLU(name="block14_sepconv1_act")(_separable(x, QUICK_WIDTH * 12, "block14_sepconv1"))
    return layers.ReLU(name="block14_sepconv2_act")(_separable(x, QUICK_WIDTH * 16, "block14_sepconv2"))


def _separable(x: KerasTensor, filters: int, name: str) -> KerasTensor:
    x = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
    return _normalise(x, f"{name}_bn")
