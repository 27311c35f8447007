"""Maps of a network that looks at one patch point at the patch, those of a random one do not."""

from __future__ import annotations

import functools

import keras
import numpy as np
import pytest
from support.planted import PATCH, SIDE, planted, slices_with_a_patch

from covidlib.errors import InputError
from covidlib.heatmaps import grad_cam
from covidlib.heatmaps.cam_methods import METHODS, grad_cam_plus_plus_map
from covidlib.heatmaps.chosen_slices import explainer_of, maps_of
from covidlib.heatmaps.lesion_scores import peak
from covidlib.networks import models, pyramid, random_weights

CORNERS = [(64, 64), (64, 144), (100, 40), (120, 160), (160, 64), (150, 150), (40, 110), (104, 104)]
NETWORKS_AND_LAYERS = [
    ("xception", "last map"),
    ("resnet50v2", "last map"),
    *[("resnet50v2-fpn", layer) for layer in ("last map", *pyramid.LEVELS, "combined")],
]


@functools.cache
def planted_network(name: str) -> tuple[keras.Model, grad_cam.Explainer]:
    model = planted(name)
    return model, explainer_of(model)


@functools.cache
def misses_of_planted(name: str) -> dict[str, np.ndarray]:
    return misses(planted_network(name)[1])


@functools.cache
def misses_of_random(name: str) -> list[dict[str, np.ndarray]]:
    model = models.build(name, (SIDE, SIDE, 1), "quick")
    explainer, found = explainer_of(model), []
    for seed in range(3):
        random_weights.draw_weights(model, seed)
        found.append(misses(explainer))
    return found


def misses(explainer: grad_cam.Explainer) -> dict[str, np.ndarray]:
    """How far each layer's highest point lies outside the patch, in rows or columns; half a slice if it has no map."""
    found = maps_of(explainer, slices_with_a_patch(CORNERS), "covid", SIDE)
    return {
        layer: np.array([_miss(*one) for one in zip(heat.maps, CORNERS, strict=True)]) for layer, heat in found.items()
    }


def _miss(heat: np.ndarray, corner: tuple[int, int]) -> float:
    if not heat.any():
        return SIDE / 2
    return max(max(start - at, at - start - PATCH + 1, 0) for start, at in zip(corner, peak(heat), strict=True))


@pytest.mark.parametrize("name", models.NAMES)
def test_the_planted_answer_depends_on_the_patch_and_on_nothing_else(name: str) -> None:
    model, images = planted_network(name)[0], slices_with_a_patch(CORNERS)
    answers = model.predict_on_batch(images)[:, 0]
    assert (answers > 0.6).all()
    other_noise = slices_with_a_patch(CORNERS, seed=1)
    assert np.abs(model.predict_on_batch(other_noise)[:, 0] - answers).max() < 0.03
    no_patch = np.random.default_rng(2).random(images.shape, np.float32)
    assert np.abs(model.predict_on_batch(no_patch)[:, 0] - 0.5).max() < 0.03


@pytest.mark.parametrize(("name", "layer"), NETWORKS_AND_LAYERS)
def test_maps_of_a_planted_network_point_at_the_patch(name: str, layer: str) -> None:
    found = misses_of_planted(name)[layer]
    # Cells of P6 and P7 are wider than the patch. Their windows reach one cell of the map before to each side: half a
    # stride for P6, that and half of P6's own for P7. The middle of a cell that saw the patch lies no further from it.
    stride = planted_network(name)[1].grids["P6"].stride if layer in ("P6", "P7") else 0
    reach = {"P6": stride / 2, "P7": stride + stride / 2}.get(layer, 0)
    assert (found <= reach).all(), found


@pytest.mark.parametrize(("name", "layer"), [one for one in NETWORKS_AND_LAYERS if one[1] not in ("P6", "P7")])
def test_maps_of_a_randomised_network_do_not_point_at_the_patch(name: str, layer: str) -> None:
    """P6 and P7 have so few cells that a random one often is the right one."""
    hits = [np.mean(found[layer] == 0) for found in misses_of_random(name)]
    assert np.mean(hits) < 0.5, hits


@pytest.mark.parametrize("method", METHODS)
def test_every_method_points_at_the_patch(method: str) -> None:
    heat = planted_network("resnet50v2")[1](slices_with_a_patch(CORNERS[:3]), method=method)["post_relu"]
    assert [_miss(one, corner) for one, corner in zip(heat.maps, CORNERS[:3], strict=True)] == [0, 0, 0]


def test_where_each_cell_has_a_weight_of_its_own_only_hirescam_is_exact() -> None:
    """Two patches, a head that looks at one: Grad-CAM lights both, because it averages the gradient over the map."""
    features, gradients = np.zeros((1, 4, 4, 1)), np.zeros((1, 4, 4, 1))
    features[0, 0, 0] = features[0, 3, 3] = 1
    gradients[0, 0, 0] = 1
    lit = {name: method(features, gradients)[0] for name, method in METHODS.items()}
    assert lit["grad-cam"][0, 0] == lit["grad-cam"][3, 3] == 1 / 16
    assert lit["grad-cam++"][0, 0] == lit["grad-cam++"][3, 3] > 0
    assert lit["hirescam"][0, 0] == 1 and lit["hirescam"][3, 3] == 0


def test_grad_cam_plus_plus_weighs_as_its_formula_says() -> None:
    random = np.random.default_rng(0)
    features, gradients = random.random((2, 3, 3, 4)), random.normal(size=(2, 3, 3, 4))
    expected = np.zeros((2, 3, 3))
    for image in range(2):
        for channel in range(4):
            f, g = features[image, ..., channel], gradients[image, ..., channel]
            share = g**2 / (2 * g**2 + f.sum() * g**3)
            expected[image] += (share * np.maximum(g, 0)).sum() * f
    assert np.allclose(grad_cam_plus_plus_map(features, gradients), np.maximum(expected, 0))


# The pyramid ----------------------------------------------------------------------------------------------------------


def test_levels_add_up_to_the_logit_and_weigh_the_combined_map() -> None:
    model, explainer = planted_network("resnet50v2-fpn")
    images = slices_with_a_patch(CORNERS[:2])
    levels = grad_cam.Explainer(model)(images)
    adds = np.sum([one.adds for one in levels.values()], axis=0)
    probabilities = levels["P3"].probabilities
    # The two logits of the planted network are opposite.
    assert np.allclose(2 * adds, np.log(probabilities[:, 0] / probabilities[:, 1]), rtol=1e-3)
    assert np.allclose(explainer(images)["post_relu"].adds, adds, rtol=1e-5)
    whole = grad_cam.combined(levels)
    expected = sum(one.adds[0] * one.maps[0] for one in levels.values())
    assert np.allclose(whole.maps[0], expected / expected.max(), atol=1e-5)
    # For the other class every level speaks against: none has a weight.
    against = grad_cam.combined(grad_cam.Explainer(model)(images, "normal"))
    assert (against.maps == 0).all() and against.has_gradient.all()
    assert "no evidence for" in against.note(0)


def test_a_level_that_speaks_against_the_class_has_no_weight() -> None:
    maps = np.zeros((2, 1, 4, 4), np.float32)
    maps[0, 0, 0, 0] = maps[1, 0, 3, 3] = 1
    levels = {
        name: grad_cam.HeatMap(name, one, np.array([True]), np.zeros((1, 2)), np.array([adds], np.float32))
        for name, one, adds in (("P3", maps[0], 0.2), ("P4", maps[1], -0.7))
    }
    whole = grad_cam.combined(levels)
    assert whole.maps[0, 0, 0] == 1 and whole.maps.sum() == 1
    assert np.isclose(whole.adds[0], -0.5)


def test_a_dead_head_is_said_to_have_no_gradient() -> None:
    model = models.build("resnet50v2-fpn", (128, 128, 1), "quick")
    images = np.random.default_rng(0).random((2, 128, 128, 1), np.float32)
    for level, bias in (("P3", -1e6), ("P5", 1e6)):
        kernel, _ = model.get_layer(f"{level}_head").get_weights()
        model.get_layer(f"{level}_head").set_weights([kernel, np.full(2, bias)])
    maps = grad_cam.Explainer(model)(images)
    assert not maps["P3"].has_gradient.any() and (maps["P3"].maps == 0).all()
    assert maps["P3"].note(0) == "P3: no gradient (head 0, 0)" and (maps["P3"].adds == 0).all()
    assert maps["P5"].has_gradient.all()
    activations = grad_cam.head_activations(model, images)
    assert activations.shape == (2, 10)
    assert (activations[:, :2] == 0).all() and (activations[:, 4:6] > 0).all()
    assert np.allclose(np.concatenate([one.heads for one in maps.values()], axis=1), activations)


def test_a_map_hits_where_its_highest_point_lies_on_the_mask() -> None:
    maps = np.zeros((4, 4, 4), np.float32)
    maps[0, 1, 2] = maps[1, 1, 2] = maps[2, 1, 2] = 1
    has_gradient = np.array([True, True, False, False])
    masks = np.zeros((4, 16, 16), bool)
    masks[0, 6, 10] = masks[2, 6, 10] = True  # the middle of that cell
    masks[1, 4:8, 8:10] = True  # the cell, but not its middle: chapter 07 takes a point, too
    masks[3] = True
    heat = grad_cam.HeatMap("post_relu", maps, has_gradient, np.zeros((4, 2), np.float32), np.zeros(4))
    assert grad_cam.points_at(heat, masks).tolist() == [True, False, False, False]


def test_a_dead_head_of_p6_does_not_speak_through_p7() -> None:
    model = models.build("resnet50v2-fpn", (128, 128, 1), "quick")
    for level, bias in (("P6", -1e6), ("P7", 1e6)):
        kernel, _ = model.get_layer(f"{level}_head").get_weights()
        model.get_layer(f"{level}_head").set_weights([kernel, np.full(2, bias)])
    maps = grad_cam.Explainer(model)(np.random.default_rng(0).random((2, 128, 128, 1), np.float32))
    assert maps["P7"].has_gradient.all() and not maps["P6"].has_gradient.any()


# Batches, weights, refusals -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", models.NAMES)
def test_a_batch_gives_the_maps_of_its_slices_one_by_one(name: str) -> None:
    model = models.build(name, (128, 128, 1), "quick")
    images = np.random.default_rng(0).random((5, 128, 128, 1), np.float32)
    layer = models.LAST_MAP[name]
    whole = grad_cam.explain_slices(model, images)
    assert whole.maps.shape == (5, 128, 128) and whole.maps.min() >= 0 and whole.maps.max() <= 1
    assert np.allclose(whole.probabilities, model.predict_on_batch(images), atol=1e-6)
    cut = grad_cam.Explainer(model, (layer,), batch_size=2)
    assert np.allclose(cut(images)[layer].maps, whole.maps, atol=1e-4)
    assert np.allclose(np.concatenate([cut(one[np.newaxis])[layer].adds for one in images]), whole.adds, atol=1e-5)


def test_gradients_are_those_of_a_nudged_feature() -> None:
    """The part of the network behind the last map, evaluated anew with one feature nudged."""
    model = models.build("xception", (128, 128, 1), "quick")
    random_weights.draw_weights(model, 3)
    images = np.random.default_rng(0).random((1, 128, 128, 1), np.float32)
    (feature,), (gradient,), _, _ = grad_cam.Explainer(model).gradients(images, "normal")
    kernel, bias = model.get_layer("predictions").get_weights()
    nudged = feature.copy()
    nudged[0, 2, 5, 7] += 0.5
    change = (nudged.mean(axis=(1, 2)) - feature.mean(axis=(1, 2))) @ kernel
    assert np.isclose(gradient[0, 2, 5, 7], change[0, 1] / 0.5, rtol=1e-3)


def test_weights_that_change_later_are_used() -> None:
    model = models.build("resnet50v2", (128, 128, 1), "quick")
    explainer, images = grad_cam.Explainer(model), np.random.default_rng(0).random((1, 128, 128, 1), np.float32)
    before = explainer(images)["post_relu"].probabilities
    model.get_layer("predictions").bias.assign([3.0, -3.0])
    assert np.allclose(explainer(images)["post_relu"].probabilities, model.predict_on_batch(images), atol=1e-6)
    assert np.abs(explainer(images)["post_relu"].probabilities - before).max() > 0.1


def test_wrong_layers_classes_methods_and_networks_are_refused() -> None:
    model = models.build("resnet50v2", (128, 128, 1), "quick")
    images = np.zeros((1, 128, 128, 1), np.float32)
    with pytest.raises(InputError, match="resnet50v2: no layer"):
        grad_cam.explain_slices(model, images, "covid", "P3")
    with pytest.raises(InputError, match="unknown class"):
        grad_cam.explain_slices(model, images, "flu")
    with pytest.raises(InputError, match="unknown method"):
        grad_cam.explain_slices(model, images, method="lime")
    with pytest.raises(InputError, match="no pyramid"):
        grad_cam.head_activations(model, images)
