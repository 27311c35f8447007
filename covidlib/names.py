"""Names used throughout the library: the two classes, the networks, the side of a slice."""

from __future__ import annotations

LABELS = ("covid", "normal")
"""Class order of the networks: index 0 is COVID-19, index 1 is normal."""
UNLABELLED = "unlabelled"
"""Label of a slice of an infected patient on which no infection is marked."""
NETWORKS = ("xception", "resnet50v2", "resnet50v2-fpn")
"""The three networks that the paper compares; the last is its own."""
VARIATIONS = ("resnet50v2-fpn-add", "resnet50v2-fpn-linear", "resnet50v2-fpn-strides")
"""The paper's own network with one choice changed (`covidlib.networks.pyramid.PLANS`)."""
SLICE_SIDE = 512
"""Side of a slice in pixels: in COVID-CTset, in the synthetic cohort, and for the paper's networks."""
