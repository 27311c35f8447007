"""covidlib.results.estimands: every number of chapter 05 has a unit, an average and a place where it is undefined."""

from __future__ import annotations

import pandas as pd
from booktools.pages import model_card
from support.prediction_tables import three_networks

from covidlib.claims.reported_numbers import Quantity, our_value
from covidlib.results.estimands import AVERAGES, estimand_table
from covidlib.results.intervals import bootstrap_interval
from covidlib.results.scores import of_counts, sensitivity
from covidlib.results.tables import MEAN, POOLED, score_intervals


def test_every_number_has_all_that_makes_it_comparable() -> None:
    table = estimand_table()
    assert len(table) > 10 and not table.index.has_duplicates
    assert (table != "").all(axis=None) and set(table["folds"]) <= set(AVERAGES)
    assert table.map(len).max(axis=None) < pd.get_option("display.max_colwidth")  # pandas cuts longer texts


class Runs:
    """A run whose predictions are given, not read."""

    def predictions(self) -> object:
        return three_networks()


def test_the_area_is_the_mean_of_folds_in_the_chapter_the_claims_and_the_model_card() -> None:
    assert estimand_table().loc["area under the ROC curve", "folds"] == MEAN
    card = model_card.measured([Runs()])  # type: ignore[list-item]
    for network in ("xception", "resnet50v2-fpn"):
        stored = our_value(Quantity("images", "AUC", network), three_networks())
        assert card.loc["slices: area under the ROC curve, mean of folds", network].startswith(f"{stored:.3f} (")


def test_our_scores_are_pooled_as_the_table_says() -> None:
    assert estimand_table().loc["all our scores", "folds"] == POOLED
    predictions = three_networks()
    row = score_intervals(predictions, ("sensitivity",), resamples=50).set_index("network").loc["xception"]
    own = predictions[predictions["network"] == "xception"]
    assert row["value"] == bootstrap_interval(own, of_counts(sensitivity), resamples=50).value
