"""covidlib.plotting.slices: numbered labels, and colours that the colour-blind can tell apart."""

from __future__ import annotations

from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from covidlib.plotting import style
from covidlib.plotting.slices import labelled_slices

# Linear RGB as seen without one kind of cone (Machado, Oliveira and Fernandes 2009, severity 1).
SEEN_WITH = {
    "all cones": np.eye(3),
    "no long-wave cones": [
        [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998],
    ],
    "no middle-wave cones": [
        [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881],
    ],
    "no short-wave cones": [
        [1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900],
    ],
}  # fmt: skip


def lab(linear: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear sRGB, white point D65."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ linear.clip(0, 1) / [0.9505, 1, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("eyes", SEEN_WITH)
def test_networks_differ_in_colour_for_all_eyes_and_in_their_marks(eyes: str) -> None:
    seen = {}
    for network, colour in style.NETWORK_COLOURS.items():
        encoded = np.array(to_rgb(colour))
        linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
        seen[network] = lab(np.array(SEEN_WITH[eyes]) @ linear)
    # A difference of 2 is just seen side by side; thin lines and small marks need more.
    for one, other in combinations(seen, 2):
        assert np.linalg.norm(seen[one] - seen[other]) > 30, (one, other)
    assert len(set(style.NETWORK_MARKS.values())) == len(seen)


def test_each_label_has_its_number_at_its_place_and_stays_in_the_picture() -> None:
    rows = [
        ("b", 1, "lung", 50, 200),
        ("b", 2, "lung", 300, 500),
        ("a", 1, "soft tissue", 60, 120),
        ("c", 1, "lung", 9, 300),
    ]
    labels = pd.DataFrame(rows, columns=["slice", "number", "window", "x", "y"])
    figure = labelled_slices({name: np.zeros((512, 512), np.uint16) for name in "abc"}, labels)
    drawn = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in drawn] == ["b", "a", "c"] and len(figure.axes) == 4
    first = drawn[0]
    assert [(text.get_text(), text.xy) for text in first.texts] == [("1", (50, 200)), ("2", (300, 500))]
    for axes in drawn:
        bottom, top = axes.get_ylim()
        assert all(top < text.xy[1] < bottom for text in axes.texts)
    plt.close(figure)
