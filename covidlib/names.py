"""Words that everything uses: the two classes, the networks by name, the side of a slice."""

from __future__ import annotations

LABELS = ("covid", "normal")
"""Class order of the networks: index 0 is COVID-19, index 1 is normal."""
UNLABELLED = "unlabelled"
"""Of a slice of an infected patient on which no infection is marked."""

NETWORKS = ("xception", "resnet50v2", "resnet50v2-fpn")
"""The three networks that the paper compares; the last is its own."""

VARIATIONS = ("resnet50v2-fpn-add", "resnet50v2-fpn-linear", "resnet50v2-fpn-strides")
"""The paper's own network with one choice changed (`covidlib.networks.pyramid.PLANS`)."""

SLICE_SIDE = 512
"""Pixels of a side of a slice: of COVID-CTset, of the synthetic cohort, and of the paper's networks."""
