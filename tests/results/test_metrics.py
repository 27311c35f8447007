"""covidlib.results.metrics and covidlib.paper.tables: Table 9 from counts, and from predictions."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from covidlib.errors import InputError
from covidlib.paper.tables import network_name, table, table_numbers
from covidlib.results.metrics import Counts, called_covid, confusion_counts, mean_matrix, table9, table9_columns
from covidlib.results.printed_counts import counts_of_row


def test_counts_from_predictions() -> None:
    labels = ["covid", "covid", "covid", "normal", "normal"]
    # Exactly one half is not above one half: called normal.
    assert confusion_counts(pd.Series(labels), [0.9, 0.5, 0.51, 0.6, 0.1]) == Counts(2, 1, 1, 1)
    with pytest.raises(ValueError, match="unlabelled"):
        confusion_counts(["unlabelled"], [0.2])
    with pytest.raises(ValueError, match="missing"):
        confusion_counts(["covid"], [float("nan")])
    with pytest.raises(ValueError, match="labels for"):
        confusion_counts(["covid"], [0.2, 0.3])


def test_every_printed_row_of_table_9_follows_from_its_counts() -> None:
    printed = table_numbers(9)
    folds = printed[printed["Fold"] != "Avg"]
    assert len(folds) == 15
    for _, row in folds.iterrows():
        columns = table9_columns(counts_of_row(row))
        assert set(columns) == set(printed.columns) - {"Fold", "Network"}
        for name, value in columns.items():
            # Printed with four decimals: the recomputed value lies within half a unit of the last.
            assert value == pytest.approx(float(row[name]), abs=0.5001e-4), (row["Fold"], row["Network"], name)


def test_an_empty_class_has_no_sensitivity() -> None:
    columns = table9_columns(Counts(0, 0, 5, 0))
    assert math.isnan(columns["COVID sensitivity"]) and math.isnan(columns["COVID precision"])
    assert columns["COVID specificity"] == 1


def test_table_9_from_predictions_averages_over_folds() -> None:
    rows = [("a", 1, "covid", 0.9), ("a", 1, "normal", 0.9), ("a", 2, "covid", 0.8), ("a", 2, "normal", 0.2),
            ("a", 2, "unlabelled", 0.9)]  # fmt: skip
    result = table9(pd.DataFrame(rows, columns=["network", "fold", "label", "p_covid"]))
    assert result["Fold"].tolist() == ["1", "2", "Avg"]
    assert result["Overall accuracy"].tolist() == [0.5, 1.0, 0.75]
    assert result["Wrong classified as COVID"].tolist() == [1, 0, 0.5]
    assert list(result.columns) == list(table(9).columns)


def test_printed_tables_are_strings_and_numbers() -> None:
    assert table(1)["COVID-19 images"].tolist() == ["15,589"]
    assert table_numbers(1)["COVID-19 images"].tolist() == [15589]
    assert table_numbers(3)["Learning Rate" if "Learning Rate" in table(3) else "Our model"].tolist()[0] == "1e−4"
    with pytest.raises(InputError, match="Choose 1 to 9"):
        table(10)


def test_networks_are_known_by_their_printed_names_in_every_table() -> None:
    for printed in [*table(9)["Network"], *table(6)["Network"], *table(8)["Model name"]]:
        assert network_name(printed) in ("xception", "resnet50v2", "resnet50v2-fpn")
    assert network_name("Our Model") == network_name("Our model") == "resnet50v2-fpn"
    with pytest.raises(InputError, match="not a network of the paper"):
        network_name("VGG16")


def test_the_averaged_matrix_has_the_truth_in_its_rows() -> None:
    matrix = mean_matrix([Counts(8, 2, 30, 10), Counts(6, 4, 34, 6)])
    assert matrix.tolist() == [[7, 3], [8, 32]]


def test_each_of_the_four_counts_is_counted_apart() -> None:
    labels = ["covid"] * 3 + ["normal"] * 7
    probabilities = [0.9, 0.1, 0.1, 0.1, 0.1, 0.1, 0.9, 0.9, 0.9, 0.9]
    counts = confusion_counts(labels, probabilities)
    assert counts == Counts(true_covid=1, false_normal=2, true_normal=3, false_covid=4)
    # Python's integers do not overflow where MCC multiplies four of them; numpy's do.
    assert {type(value) for value in vars(counts).values()} == {int}


def test_one_missing_probability_among_others_is_refused() -> None:
    with pytest.raises(ValueError, match="missing"):
        confusion_counts(["covid", "covid"], [0.9, float("nan")])


def test_more_labels_than_probabilities_are_refused() -> None:
    with pytest.raises(ValueError, match="labels for"):
        confusion_counts(["covid", "normal"], [0.9])


def test_each_network_of_table_9_has_its_own_average() -> None:
    rows = [("b", 2, "covid", 0.9), ("a", 2, "covid", 0.9), ("b", 1, "covid", 0.1), ("a", 1, "covid", 0.9)]
    result = table9(pd.DataFrame(rows, columns=["network", "fold", "label", "p_covid"]))
    assert result[["Fold", "Network", "Overall accuracy"]].values.tolist() == [
        ["1", "a", 1], ["1", "b", 0], ["2", "a", 1], ["2", "b", 1], ["Avg", "a", 1], ["Avg", "b", 0.5],
    ]  # fmt: skip
    assert result.index.tolist() == list(range(6))


def test_a_missing_probability_is_called_nothing() -> None:
    assert called_covid(pd.Series([0.2, 0.5, 0.7])).tolist() == [False, False, True]
    with pytest.raises(ValueError, match="a probability is missing"):
        called_covid(np.array([0.2, np.nan]))
