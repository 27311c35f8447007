"""covidlib.foldresults: the folds one by one, and networks against each other over them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from prediction_tables import made_predictions

from covidlib.errors import InputError
from covidlib.foldresults import fold_counts, fold_differences, fold_rates, printed_test_to_train
from covidlib.intervals import corrected_t, wilson_interval
from covidlib.metrics import Counts, table9
from covidlib.tables import printed_fold_counts


def test_counts_of_each_fold_are_those_of_table_9() -> None:
    predictions = pd.concat([made_predictions(), made_predictions(network="xception", seed=2)], ignore_index=True)
    predictions.loc[0, "label"] = "unlabelled"
    counts = fold_counts(predictions)
    assert list(counts) == ["resnet50v2", "xception"] and [len(folds) for folds in counts.values()] == [5, 5]
    rows = table9(predictions).query("Network == 'xception' and Fold != 'Avg'")
    assert [own.true_covid for own in counts["xception"]] == rows["COVID correct classified"].tolist()
    assert [own.false_covid for own in counts["xception"]] == rows["Wrong classified as COVID"].tolist()


def test_a_network_without_one_of_the_folds_is_refused() -> None:
    both = pd.concat([made_predictions(), made_predictions(network="xception", seed=2)], ignore_index=True)
    with pytest.raises(InputError, match=r"xception: has no predictions of fold 2\."):
        fold_counts(both[(both["network"] != "xception") | (both["fold"] != 2)])


def test_every_fold_has_its_rates_with_wilsons_intervals() -> None:
    rates = fold_rates(printed_fold_counts())
    assert len(rates) == 3 * 5 * 3
    row = rates.query("network == 'resnet50v2-fpn' and fold == 1 and score == 'sensitivity'").iloc[0]
    assert (row["low"], row["high"]) == wilson_interval(436, 462) and row["value"] == 436 / 462


def test_the_paper_tests_on_more_images_than_it_trains_on() -> None:
    # By hand from Table 2: 41,544 images in the five test sets, 18,676 in the five training sets.
    test = 462 + 465 + 446 + 459 + 450 + 7860 + 7878 + 7883 + 7856 + 7785
    train = 1820 + 1817 + 1836 + 1823 + 1832 + 1916 + 1898 + 1893 + 1920 + 1921
    assert printed_test_to_train() == pytest.approx(test / train)


def test_differences_over_folds_are_tested_with_the_correction() -> None:
    counts = {"a": [Counts(9, 1, 8, 2), Counts(8, 2, 9, 1)], "b": [Counts(7, 3, 8, 2), Counts(7, 3, 8, 2)]}
    table = fold_differences(counts, 0.25, ("sensitivity",))
    assert table[["first", "second", "score"]].to_numpy().tolist() == [["a", "b", "sensitivity"]]
    expected = corrected_t([0.2, 0.1], 0.25)
    assert np.allclose(table.loc[0, ["difference", "low", "high", "p_value"]].astype(float), expected)
    assert len(fold_differences(printed_fold_counts(), 2.2)) == 9
