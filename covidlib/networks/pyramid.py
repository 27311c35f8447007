"""The paper's feature pyramid and its heads, and three variations that change one choice each (section 2.3).

Layer names are an interface: weights and heat maps refer to them. Taught in chapter 03.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from covidlib.utils.quiet_tensorflow import KerasTensor, keras, layers

LEVELS = ("P3", "P4", "P5", "P6", "P7")
"""Pyramid levels from the finest to the coarsest."""


@dataclass(frozen=True)
class PyramidPlan:
    """The choices that define a pyramid; the defaults are those of the paper's code (Figure 9).

    Attributes
    ----------
    sources : three layer names of the backbone
        The layers C3, C4 and C5. Keras' ResNetV2 halves the map at the END of a stack, so the paper's C4 and C5 have
        the same size.
    merge : "concatenate" or "add"
        How a coarser map is merged with a finer one; Lin et al.'s feature pyramid network adds them.
    heads : "relu" or "linear"
        Activation of each level's two outputs. With ReLU, a level's outputs can become zero and stay zero.
    """

    sources: tuple[str, str, str] = ("conv4_block1_preact_relu", "conv5_block1_preact_relu", "post_relu")
    merge: Literal["concatenate", "add"] = "concatenate"
    heads: Literal["relu", "linear"] = "relu"


PLANS = {
    "resnet50v2-fpn": PyramidPlan(),
    "resnet50v2-fpn-add": PyramidPlan(merge="add"),
    "resnet50v2-fpn-linear": PyramidPlan(heads="linear"),
    "resnet50v2-fpn-strides": PyramidPlan(
        sources=("conv3_block1_preact_relu", "conv4_block1_preact_relu", "post_relu")
    ),
}
"""The paper's pyramid, and three that differ in one choice: added maps, linear heads, strides of 8, 16 and 32."""


def pyramid(backbone: keras.Model, channels: int, plan: PyramidPlan) -> list[KerasTensor]:
    """Build the pyramid's five maps from three depths of a backbone (paper, Figure 9).

    The unpadded convolutions trim P3 and P4: at 512×512 the paper's five maps are 30, 14, 16, 8 and 4 pixels wide.

    Returns
    -------
    list of KerasTensor
        P3 to P7.
    """
    c3, c4, c5 = (backbone.get_layer(name).output for name in plan.sources)
    merge = layers.Concatenate if plan.merge == "concatenate" else layers.Add

    p5 = layers.Conv2D(channels, 1, padding="same", name="C5_reduced")(c5)
    p5_upsampled = _resize_like(p5, c4, "P5_upsampled")
    p5 = layers.Conv2D(channels, 3, padding="same", name="P5")(p5)

    p4 = layers.Conv2D(channels, 1, padding="same", name="C4_reduced")(c4)
    p4 = merge(name="P4_merged")([p5_upsampled, p4])
    p4_upsampled = _resize_like(p4, c3, "P4_upsampled")
    p4 = layers.Conv2D(channels, 3, padding="valid", name="P4")(p4)

    p3 = layers.Conv2D(channels, 1, padding="same", name="C3_reduced")(c3)
    p3 = merge(name="P3_merged")([p4_upsampled, p3])
    p3 = layers.Conv2D(channels, 3, padding="valid", name="P3")(p3)

    p6 = layers.Conv2D(channels, 3, strides=2, padding="same", name="P6")(c5)
    p7 = layers.ReLU(name="C6_relu")(p6)
    p7 = layers.Conv2D(channels, 3, strides=2, padding="same", name="P7")(p7)
    return [p3, p4, p5, p6, p7]


def _resize_like(source: KerasTensor, target: KerasTensor, name: str) -> KerasTensor:
    return layers.Resizing(target.shape[1], target.shape[2], interpolation="nearest", name=name)(source)


def pyramid_heads(maps: list[KerasTensor], plan: PyramidPlan) -> KerasTensor:
    """Build the heads: two numbers per level, joined into ten, then two classes (paper, Figure 9)."""
    heads = []
    for level, features in zip(LEVELS, maps, strict=True):
        flat = layers.Flatten(name=f"{level}_flat")(features)
        flat = layers.Dropout(0.5, name=f"{level}_dropout")(flat)
        initial = keras.initializers.RandomNormal(0.0, 0.001)
        heads.append(layers.Dense(2, activation=plan.heads, kernel_initializer=initial, name=f"{level}_head")(flat))
    joined = layers.Concatenate(name="heads")(heads)
    initial = keras.initializers.RandomNormal(0.0, 0.001)
    # Probabilities stay 32-bit even where the rest uses 16 bits: small ones would become 0.
    last = layers.Dense(2, activation="softmax", kernel_initializer=initial, dtype="float32", name="predictions")
    return last(joined)
