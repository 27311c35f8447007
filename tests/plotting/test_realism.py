"""covidlib.plotting.realism: five panels show what was measured."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from covidlib.datasets.realism import FREQUENCIES, PROFILE, Measured
from covidlib.datasets.slice_measures import LUNG_BINS
from covidlib.plotting.realism import realism_panels


def made(slices: int, series: int, height: float) -> Measured:
    generator = np.random.default_rng(slices)
    table = pd.DataFrame(
        {
            "patient": [f"patient{place}" for place in range(slices)],
            "group": ["infected", "normal"] * (slices // 2),
            "width_mm": np.linspace(300, 400, slices),
            "depth_mm": np.linspace(200, 300, slices),
        }
    )
    curves = [np.full((count, places), height) for count, places in
              ((slices, len(LUNG_BINS) - 1), (slices, len(FREQUENCIES)), (series, len(PROFILE)))]  # fmt: skip
    pictures = generator.normal(size=(2, slices, 64, 64))
    return Measured(table, *curves, np.full(series, 0.5), *pictures)


def test_bands_are_synthetic_and_lines_are_real() -> None:
    synthetic, real = made(6, 4, 0.2), made(4, 1, 0.4)
    figure = realism_panels(synthetic, real)
    lung, noise, dark, body, alike, legend = figure.axes
    assert [len(axes.lines) for axes in (lung, noise, dark)] == [1 + 4, 1 + 4, 1 + 1]
    for axes in (noise, dark):
        assert set(axes.lines[0].get_ydata()) == {0.2} and set(axes.lines[-1].get_ydata()) == {0.4}
    assert sum(len(points.get_offsets()) for points in body.collections) == 6 + 4
    assert [text.get_text() for text in alike.get_yticklabels()] == [
        "cropped, real", "cropped, synthetic", "real", "synthetic",
    ]  # fmt: skip
    assert "synthetic, median" in [text.get_text() for text in legend.get_legend().get_texts()]
    assert all(axes.get_title() and axes.get_xlabel() for axes in (lung, noise, dark, body, alike))
    plt.close(figure)
