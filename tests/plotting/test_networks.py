"""covidlib.plotting.networks: every arrow is a path of the model, every shape is the model's."""

from __future__ import annotations

import keras
import matplotlib.pyplot as plt
import pytest
from keras import layers

from covidlib.networks import models
from covidlib.networks.describe import parents_of
from covidlib.plotting import networks as drawings


def test_links_skip_what_is_not_drawn_and_stop_at_what_is() -> None:
    parents = {"a": [], "b": ["a"], "c": ["b"], "d": ["c", "a"], "e": ["d"]}
    assert drawings.links(parents, ["a", "c", "e"]) == [("a", "c"), ("a", "e"), ("c", "e")]
    assert drawings.links(parents, ["a", "d", "e"]) == [("a", "d"), ("d", "e")]


def test_the_pyramid_is_linked_as_the_code_says() -> None:
    model = models.build("resnet50v2-fpn", (128, 128, 1), "quick")
    found = set(drawings.links(parents_of(model), list(drawings.places(model))))
    assert ("C5_reduced", "P4_merged") in found and ("C4_reduced", "P4_merged") in found
    assert ("P4_merged", "P3_merged") in found and ("P4", "P3_merged") not in found
    assert ("post_relu", "P6") in found and ("P5", "P6") not in found and ("P6", "P7") in found
    assert {end for start, end in found if start == "heads"} == {"predictions"}
    assert sum(end == "heads" for _, end in found) == 5


@pytest.mark.parametrize("name", models.ALL_NAMES)
def test_every_box_shows_the_shape_of_its_map(name: str) -> None:
    model = models.build(name, (128, 128, 1), "quick")
    figure = drawings.architecture(model)
    places = drawings.places(model)
    shown = [text.get_text() for text in figure.axes[0].texts]
    at = {text.get_position(): text.get_text().partition("\n")[2] for text in figure.axes[0].texts if text.get_text()}
    for layer, place in places.items():
        assert at[place] == "×".join(map(str, model.get_layer(layer).output.shape[1:])), layer
    if name == "resnet50v2-fpn-add":
        assert sum(text.startswith("add\n") for text in shown) == 2
    plt.close(figure)


def test_a_link_vanishes_when_the_model_loses_it() -> None:
    image = layers.Input((8, 8, 1))
    one = layers.Conv2D(2, 1, name="one")(image)
    two = layers.Conv2D(2, 1, name="two")(image)
    parents = parents_of(keras.Model(image, layers.Add(name="sum")([one, two])))
    assert drawings.links(parents, ["one", "two", "sum"]) == [("one", "sum"), ("two", "sum")]
