"""covidlib.heatmaps.sanity_checks: weights really go, labels really move, blur really follows the map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from covidlib.datasets.slice_table import load_dataset
from covidlib.heatmaps import sanity_checks
from covidlib.heatmaps.grad_cam import Explainer
from covidlib.networks import models, random_weights
from covidlib.protocols import QUICK
from covidlib.training.runs import runs_folder


def test_weights_go_part_by_part_from_the_answer_down() -> None:
    model = models.build("resnet50v2-fpn", (128, 128, 1), "quick")
    random_weights.draw_weights(model, 1)
    before = {layer.name: layer.get_weights() for layer in model.layers if layer.weights}

    def changed() -> set[str]:
        return {
            name
            for name, weights in before.items()
            if any(not np.array_equal(a, b) for a, b in zip(weights, model.get_layer(name).get_weights(), strict=True))
        }

    steps = []
    for part in sanity_checks.cascade(model, "quick", seed=2):
        steps.append((part, changed()))
    names = [part for part, _ in steps]
    assert names[0] == "trained" and names[1] == "predictions" and names[-1] == "conv1"
    assert steps[0][1] == set() and steps[1][1] == {"predictions"}
    assert all(earlier < later or earlier == later for (_, earlier), (_, later) in zip(steps, steps[1:], strict=False))
    # Of normalisations and biases the start is the same whatever the seed.
    kernels = {layer.name for layer in model.layers if hasattr(layer, "kernel")}
    assert kernels <= steps[-1][1]
    assert {name for names in sanity_checks.parts(model) for name in names} == set(before)


def test_likeness_is_a_rank_correlation() -> None:
    maps = np.random.default_rng(0).random((3, 32, 32))
    other = maps.copy()
    other[0] = np.exp(maps[0])
    other[1] = -maps[1]
    other[2] = 0
    found = sanity_checks.likeness(maps, other)
    assert np.allclose(found[:2], [1, -1]) and np.isnan(found[2])


def test_labels_move_and_nothing_else_does(small_dataset: Path) -> None:
    dataset = load_dataset(small_dataset)
    permuted = sanity_checks.with_permuted_labels(dataset, seed=1)
    assert (permuted.table["label"] != dataset.table["label"]).mean() > 0.3
    assert permuted.table["label"].value_counts().to_dict() == dataset.table["label"].value_counts().to_dict()
    assert permuted.table.drop(columns="label").equals(dataset.table.drop(columns="label"))
    assert permuted.fingerprint != dataset.fingerprint
    assert runs_folder(QUICK, Path(), permuted.fingerprint) != runs_folder(QUICK, Path(), dataset.fingerprint)
    assert sanity_checks.with_permuted_labels(dataset, seed=1).fingerprint == permuted.fingerprint


def test_the_hottest_part_is_blurred_first_and_comes_back_first() -> None:
    random = np.random.default_rng(0)
    image, heat = random.random((40, 40)), random.random((40, 40))
    blurred = sanity_checks.blurred(image)
    deleted = sanity_checks.changed_slices(image, heat)[..., 0]
    assert np.allclose(deleted[0], image, atol=1e-6) and np.allclose(deleted[-1], blurred, atol=1e-6)
    hottest = heat >= np.quantile(heat, 0.9)
    assert np.allclose(deleted[1][hottest], blurred[hottest], atol=1e-6)
    assert np.allclose(deleted[1][~hottest], image[~hottest], atol=1e-6)
    inserted = sanity_checks.changed_slices(image, heat, insertion=True)[..., 0]
    assert np.allclose(inserted[1][hottest], image[hottest], atol=1e-6)
    assert np.allclose(inserted[1][~hottest], blurred[~hottest], atol=1e-6)


def test_curves_of_a_planted_network_fall_and_rise_faster_than_at_random() -> None:
    from support.planted import planted, slices_with_a_patch

    model = planted("resnet50v2")
    image = slices_with_a_patch([(100, 140)])
    heat = Explainer(model)(image)["post_relu"].maps[0]
    found = sanity_checks.removal_curves(model.predict_on_batch, image[0, ..., 0], heat, np.random.default_rng(0))
    means = found.groupby(["way", "order"])["p_covid"].mean()
    assert means["deletion", "map"] < means["deletion", "random"] - 0.03
    assert means["insertion", "map"] > means["insertion", "random"] + 0.03
    assert len(found) == 4 * sanity_checks.STEPS


def test_areas_are_those_under_the_curves_and_not_means_of_points() -> None:
    shares = np.linspace(0, 1, sanity_checks.STEPS)
    curves = pd.concat(
        pd.DataFrame({"way": "deletion", "order": order, "share": shares, "p_covid": values})
        for order, values in (("map", 1 - shares**2), ("random", np.where(shares == 0, 1.0, 0.0)))
    ).assign(network="xception", fold=1, patient="p1", path="a.tif")
    found = sanity_checks.curve_areas(curves.sample(frac=1, random_state=0)).iloc[0]
    # The trapezoidal rule on a parabola is off by step² / 6; the mean of eleven points would be off by ten times that.
    assert found["map"] == pytest.approx(2 / 3 - 0.01 / 6)
    assert found["random"] == pytest.approx(0.05) and found["difference"] == found["map"] - found["random"]
