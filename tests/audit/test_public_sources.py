"""covidlib.audit.public_sources: what the stored sources say is what this kit builds and counts."""

from __future__ import annotations

import pytest

from covidlib import selection
from covidlib.audit.public_sources import from_source, public_sources
from covidlib.networks import models
from covidlib.networks.pyramid import LEVELS
from covidlib.patients.decision import THRESHOLD_2
from covidlib.protocols import PAPER


def test_each_source_has_a_place_and_one_way_to_compare() -> None:
    for key, source in public_sources().items():
        assert source["where"] and source["says"], key
        assert len({"number", "words", "agrees"} & set(source)) == 1, key


def test_numbers_words_and_judgements_are_compared() -> None:
    assert from_source("dark", "x", "y", "300").verdict == "agrees"
    assert from_source("dark", "x", "y", "301").verdict == "disagrees"
    assert from_source("loss", "x", "y", "categorical-crossentropy").verdict == "agrees"
    assert from_source("features", "x", "y", "five").recomputed == "5"
    told = from_source("scales", "x", "y", "a different scale")
    assert told.verdict == "disagrees" and told.kind == "source" and "four scales" in told.recomputed


def test_the_code_that_is_quoted_is_the_code_of_this_kit() -> None:
    said = {key: source.get("number") for key, source in public_sources().items()}
    rows, columns = selection.REGION_ROWS, selection.REGION_COLUMNS
    edges = {"first-x": columns.start, "last-x": columns.stop, "first-y": rows.start, "last-y": rows.stop}
    for edge, value in edges.items():
        assert said[f"region-{edge}"] == str(value)
    assert (said["dark"], said["divisor"]) == (str(selection.DARK_BELOW), str(selection.DIVISOR))
    assert said["threshold2"] == str(THRESHOLD_2) and said["batch"] == str(PAPER.batch_size)


@pytest.mark.slow
def test_the_pyramid_has_five_features_on_four_scales_and_no_dense_layer_of_ten() -> None:
    network = models.build("resnet50v2-fpn")
    widths = [network.get_layer(level).output.shape[1] for level in LEVELS]
    assert len(widths) == 5 and widths == [30, 14, 16, 8, 4]
    c4, c5 = (network.get_layer(name).output.shape[1] for name in ("conv5_block1_preact_relu", "post_relu"))
    assert c4 == c5 == 16
    units = [layer.units for layer in network.layers if hasattr(layer, "units")]
    assert units == [2] * 6
