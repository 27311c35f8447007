"""covidlib.plotting.results: what is drawn is what the tables say."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib
import numpy as np
import pandas as pd
import pytest

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from support.prediction_tables import made_predictions

from covidlib.patients.false_alarms import chances_by_clustering
from covidlib.patients.threshold_sweep import MARKED_THRESHOLDS, sweep_thresholds
from covidlib.plotting import results
from covidlib.plotting.results import confusion_matrices
from covidlib.plotting.style import NETWORK_COLOURS
from covidlib.results.calibration import reliability
from covidlib.results.curves import precision_recall_band, roc_band
from covidlib.results.intervals import Interval


@pytest.fixture(autouse=True)
def closed_figures() -> Iterator[None]:
    yield
    plt.close("all")


def test_roc_and_precision_recall_show_each_network_in_its_colour() -> None:
    networks = ("xception", "resnet50v2")
    tables = {name: made_predictions(network=name, seed=n) for n, name in enumerate(networks)}
    bands = {name: roc_band(table, resamples=20) for name, table in tables.items()}
    (axes,) = results.roc_bands(bands).axes
    for line, (name, band) in zip(axes.lines, bands.items(), strict=False):
        assert line.get_color() == NETWORK_COLOURS[name]
        assert np.asarray(line.get_ydata()).tolist() == band["sensitivity"].tolist()
    assert len(axes.collections) == 2 and len({line.get_marker() for line in axes.lines[:2]}) == 2
    precision = {name: precision_recall_band(table, resamples=20) for name, table in tables.items()}
    (axes,) = results.precision_recall_bands(precision, 0.25).axes
    assert np.asarray(axes.lines[0].get_ydata()).tolist() == precision["xception"]["ppv"].tolist()
    assert set(np.asarray(axes.lines[2].get_ydata())) == {0.25}


def test_reliability_has_a_panel_for_each_network() -> None:
    tables = {name: reliability(made_predictions(seed=n), 4, resamples=20) for n, name in enumerate("ab")}
    figure = results.reliability_diagram(tables)
    assert [axes.get_title() for axes in figure.axes] == ["a", "b"]
    assert np.asarray(figure.axes[1].lines[0].get_ydata()).tolist() == tables["b"]["share_covid"].tolist()


def test_the_sweep_marks_the_thresholds_of_paper_and_code() -> None:
    table = sweep_thresholds(made_predictions(signal=0.3))
    figure = results.threshold_sweep(table, MARKED_THRESHOLDS)
    for axes, rate in zip(figure.axes, ("sensitivity", "specificity"), strict=True):
        assert np.asarray(axes.lines[0].get_ydata()).tolist() == table[rate].tolist()
        assert [float(np.asarray(line.get_xdata())[0]) for line in axes.lines[1:]] == [0, 0.1, 0.3]


def test_the_patient_roc_names_thresholds_that_decide_alike_once() -> None:
    table = sweep_thresholds(made_predictions(slices=2, signal=0.3))
    (axes,) = results.patient_roc(table, MARKED_THRESHOLDS).axes
    # With two slices a patient, one slice is half of them: every threshold decides alike.
    assert [text.get_text() for text in axes.texts] == ["0, 0.1, 0.3"]
    assert np.asarray(axes.lines[0].get_xdata()).tolist() == (1 - table["specificity"]).tolist()


def test_clustering_curves_and_forest_plot() -> None:
    chances = chances_by_clustering(0.02, 30, (0, 0.1), (0.0, 0.5, 1.0))
    (axes,) = results.clustering_curves(chances, observed=0.05).axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "at least one slice", "10% of the slices", "printed"
    ]  # fmt: skip
    assert np.asarray(axes.lines[1].get_ydata()).tolist() == chances[0.1].tolist()
    rows = [("xception", "PPV", 0.5, 0.4, 0.6), ("xception", "MCC", 0.2, 0.1, 0.3)]
    table = pd.DataFrame(rows, columns=["network", "score", "value", "low", "high"])
    (axes,) = results.forest_plot(table, ["network", "score"], "share", 0.5).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["xception, PPV", "xception, MCC"]
    assert np.asarray(axes.lines[0].get_xdata()).tolist() == [0.4, 0.6]
    assert axes.lines[0].get_color() == axes.lines[2].get_color() == NETWORK_COLOURS["xception"]


def test_answers_along_a_series_have_the_look_of_what_they_are_called() -> None:
    figure = results.along_series(np.array([3, 4, 7]), np.array([0.9, 0.5, 0.2]))
    (axes,) = figure.axes
    called, normal = axes.collections
    assert np.asarray(called.get_offsets()).tolist() == [[3, 0.9]]
    assert np.asarray(normal.get_offsets()).tolist() == [[4, 0.5], [7, 0.2]]


def test_confusion_matrices_write_rates_where_the_answer_is_right() -> None:
    rates = {"a": {"sensitivity": Interval(0.7, 0.6, 0.8), "specificity": Interval(0.8, 0.75, 0.85)}}
    matrix = {"a": np.array([[7.0, 3.0], [8.0, 32.0]])}
    plain = [text.get_text() for text in confusion_matrices(matrix).axes[0].texts]
    assert plain == ["7", "3", "8", "32"]
    texts = [text.get_text() for text in confusion_matrices(matrix, rates).axes[0].texts]
    assert texts[0].split("\n") == ["7", "70.0%", "(60.0–80.0)"] and texts[1] == "3"
    assert texts[3].startswith("32\n80.0%")
