"""Build the three networks: Xception, ResNet50V2, and ResNet50V2 with the paper's feature pyramid (section 2.3).

Layer names are an interface: weights and heat maps refer to them. The quick size has the same layer names and the same
pyramid code on a small ResNetV2, so that what you learn on it holds for the full size. Taught in chapter 03.
"""

from __future__ import annotations

from typing import Literal

from covidlib.errors import InputError
from covidlib.names import NETWORKS, VARIATIONS
from covidlib.networks.pyramid import PLANS, pyramid, pyramid_heads
from covidlib.utils.quiet_tensorflow import KerasTensor, keras, layers

NAMES = NETWORKS
ALL_NAMES = (*NETWORKS, *VARIATIONS)
"""The paper's three networks, and the variations of its pyramid."""
LAST_MAP = {name: "block14_sepconv2_act" if name == "xception" else "post_relu" for name in ALL_NAMES}
"""The last layer with rows and columns, from which a heat map of the backbone is computed."""
PYRAMID_CHANNELS = 256
QUICK_PYRAMID_CHANNELS = 32

Size = Literal["paper", "quick"]


def build(name: str, input_shape: tuple[int, int, int] = (512, 512, 1), size: Size = "paper") -> keras.Model:
    """Build one of the paper's three networks, or a variation of its pyramid, untrained (section 2.3).

    Parameters
    ----------
    name : str
        "xception", "resnet50v2", "resnet50v2-fpn", or one of `covidlib.networks.pyramid.PLANS`.
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
        If the network or size is unknown, or the image is too small for the pyramid.
    """
    if name not in ALL_NAMES:
        raise InputError(name, "unknown network", f"Choose one of {', '.join(ALL_NAMES)}")
    if size not in ("paper", "quick"):
        raise InputError(size, "unknown network size", "Choose paper or quick")
    if min(input_shape[:2]) < 96:
        problem = "images of this shape are too small: level P4 needs maps of at least 3×3"
        raise InputError(str(input_shape), problem, "Give images of at least 96×96 pixels")
    image = layers.Input(input_shape, name="slice")
    if name == "xception":
        features = _xception(image, size)
        probabilities = _plain_head(features)
    elif name == "resnet50v2":
        features = _resnet(image, size).get_layer("post_relu").output
        probabilities = _plain_head(features)
    else:
        channels = PYRAMID_CHANNELS if size == "paper" else QUICK_PYRAMID_CHANNELS
        plan = PLANS[name]
        probabilities = pyramid_heads(pyramid(_resnet(image, size), channels, plan), plan)
    return keras.Model(image, probabilities, name=name)


def _xception(image: KerasTensor, size: Size) -> KerasTensor:
    if size == "paper":
        return keras.applications.Xception(include_top=False, weights=None, input_tensor=image).output
    return _small_xception(image)


def _resnet(image: KerasTensor, size: Size) -> keras.Model:
    if size == "paper":
        return keras.applications.ResNet50V2(include_top=False, weights=None, input_tensor=image)
    return _small_resnet(image)


def _plain_head(features: KerasTensor) -> KerasTensor:
    """Average over the map, then two classes: the baselines' heads are not published, and this is the simplest."""
    pooled = layers.GlobalAveragePooling2D(name="avg_pool")(features)
    return layers.Dense(2, activation="softmax", dtype="float32", name="predictions")(pooled)


# The quick size ---------------------------------------------------------------------------------------------------

QUICK_WIDTH = 8
BATCH_NORM_MOMENTUM = 0.8
"""With Keras' 0.99 the moving averages lag behind for hundreds of steps: training looks fine, testing fails."""


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
    """ResNetV2 with one block per stack and an eighth of the width, downsampling in the same places as ResNet50V2."""
    x = layers.Conv2D(QUICK_WIDTH, 7, strides=2, padding="same", name="conv1_conv")(image)
    x = layers.MaxPooling2D(3, strides=2, padding="same", name="pool1_pool")(x)
    for stack, filters in enumerate((1, 2, 4, 8), start=2):
        x = _residual_block(x, QUICK_WIDTH * filters, 2 if stack < 5 else 1, f"conv{stack}_block1")
    x = layers.ReLU(name="post_relu")(_normalise(x, "post_bn"))
    return keras.Model(image, x)


def _small_xception(image: KerasTensor) -> KerasTensor:
    """A small version of Xception (Chollet 2017): separable convolutions with residual projections."""
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
