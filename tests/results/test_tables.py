"""covidlib.results.tables: printed, recomputed, ours; rankings with intervals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm
from support.prediction_tables import three_networks

from covidlib.results.design_effects import clustering
from covidlib.results.intervals import bootstrap_interval, wilson_interval
from covidlib.results.metrics import Counts, confusion_counts, table9, table9_columns
from covidlib.results.printed_counts import printed_fold_counts, printed_patient_counts
from covidlib.results.scores import all_scores, of_counts, sensitivity
from covidlib.results.tables import (
    RANKED,
    clustering_table,
    pooled,
    ranking,
    ranking_by_patients,
    rate_intervals,
    readable,
    score_intervals,
    three_columns,
    three_columns_in_words,
)


def test_recomputed_averages_are_the_printed_ones() -> None:
    table = three_columns()
    assert len(table) == 3 * 2 * 17 and list(table.columns) == ["printed", "recomputed", "ours"]
    means = table.xs("mean of folds", level="average")
    assert means["printed"].notna().all() and ((means["printed"] - means["recomputed"]).abs() < 0.5001e-4).all()
    assert table["ours"].isna().all() and table.xs("pooled", level="average")["printed"].isna().all()
    pooled_ppv = table.loc[("resnet50v2-fpn", "pooled", "COVID precision"), "recomputed"]
    assert pooled_ppv == pytest.approx(2167 / (2167 + 511))


def test_ours_stand_in_the_same_rows() -> None:
    predictions = three_networks()
    predictions.loc[3, "label"] = "unlabelled"
    table = three_columns(predictions)
    means = table9(predictions).query("Fold == 'Avg'").set_index("Network")
    counts = predictions[(predictions["network"] == "xception") & (predictions["label"] != "unlabelled")]
    own = table9_columns(confusion_counts(counts["label"], counts["p_covid"]))
    for column in ("Overall accuracy", "COVID not classified", "Normal precision"):
        assert table.loc[("xception", "mean of folds", column), "ours"] == means.loc["xception", column]
        assert table.loc[("xception", "pooled", column), "ours"] == own[column]
    assert table["ours"].notna().all() and table["recomputed"].equals(three_columns()["recomputed"])


def test_a_mean_over_the_folds_that_have_a_value_is_no_mean_of_folds() -> None:
    """In two folds Xception calls nothing COVID-19, and has no PPV there."""
    predictions = three_networks()
    silent = (predictions["network"] == "xception") & (predictions["fold"] <= 2)
    predictions.loc[silent, "p_covid"] = 0.1
    row = ("xception", "mean of folds", "COVID precision")
    assert np.isnan(three_columns(predictions).loc[row, "ours"])
    words = three_columns_in_words(predictions)
    assert words.loc[row, "ours"] == "undefined in 2 of 5 folds"
    assert words.loc[("xception", "pooled", "COVID precision"), "printed"] == "not printed"
    pooled_ppv = three_columns(predictions).loc[("xception", "pooled", "COVID precision"), "ours"]
    assert words.loc[("xception", "pooled", "COVID precision"), "ours"] == f"{pooled_ppv:.4f}"
    others = three_columns_in_words(predictions[predictions["network"] != "resnet50v2"])
    assert others.loc[("resnet50v2", "pooled", "COVID precision"), "ours"] == "not trained"
    assert not words.isin(["nan"]).any(axis=None) and not others.isin(["nan"]).any(axis=None)


def test_intervals_from_counts() -> None:
    counts = Counts(90, 10, 170, 30)
    rates = rate_intervals(counts)
    assert rates["sensitivity"][1:] == wilson_interval(90, 100)
    assert rates["specificity"][1:] == wilson_interval(170, 200)
    middle = rates["balanced accuracy"]
    assert middle.value == pytest.approx(all_scores(counts)["balanced accuracy"])
    assert middle.value - middle.low == pytest.approx(
        np.hypot(*(rates[name].value - rates[name].low for name in ("sensitivity", "specificity"))) / 2
    )
    assert middle.value - middle.low > middle.high - middle.value
    # Large samples: the ordinary interval of a mean of two independent shares.
    many = Counts(*(1000 * count for count in vars(counts).values()))
    error = np.sqrt(0.9 * 0.1 / 100000 + 0.85 * 0.15 / 200000) / 2
    assert rate_intervals(many)["balanced accuracy"].high - middle.value == pytest.approx(
        norm.ppf(0.975) * error, rel=0.01
    )
    wide = rate_intervals(counts, design_effects=(4, 1))
    assert wide["sensitivity"][1:] == wilson_interval(90, 100, design_effect=4)
    assert wide["specificity"] == rates["specificity"] and wide["balanced accuracy"].low < middle.low


def test_the_proposed_network_is_the_least_sensitive_and_the_most_specific() -> None:
    for counts in (printed_fold_counts(), printed_patient_counts()):
        table = ranking({network: pooled(folds) for network, folds in counts.items()})
        assert table.index[-1] == "resnet50v2-fpn" and table.loc["resnet50v2-fpn", "sensitivity_rank"] == 3
        assert table.loc["resnet50v2-fpn", "specificity_rank"] == 1
        assert (table["sensitivity_low"] < table["sensitivity"]).all()
        assert (table["sensitivity"] < table["sensitivity_high"]).all()
    by_balance = ranking(
        {network: pooled(folds) for network, folds in printed_fold_counts().items()}, "balanced accuracy"
    )
    assert by_balance.index[0] == "resnet50v2" and by_balance["balanced accuracy_rank"].tolist() == [1, 2, 3]


def test_equal_networks_share_a_rank() -> None:
    table = ranking({"a": Counts(9, 1, 8, 2), "b": Counts(9, 1, 7, 3), "c": Counts(8, 2, 9, 1)})
    assert table["sensitivity_rank"].to_dict() == {"a": 1, "b": 1, "c": 3}


def test_ranking_from_predictions_draws_patients() -> None:
    predictions = three_networks()
    predictions.loc[3, "label"] = "unlabelled"
    table = ranking_by_patients(predictions, by="specificity", resamples=200)
    assert table["specificity"].is_monotonic_decreasing and sorted(table["specificity_rank"]) == [1, 2, 3]
    own = predictions[(predictions["network"] == "xception") & (predictions["label"] != "unlabelled")]
    expected = bootstrap_interval(own, of_counts(sensitivity), resamples=200)
    found = table.loc["xception", ["sensitivity", "sensitivity_low", "sensitivity_high"]]
    assert tuple(found) == tuple(expected)


def test_score_intervals_are_long_and_name_their_rows() -> None:
    table = score_intervals(three_networks(), ("MCC", "PPV"), resamples=100)
    assert list(table.columns) == ["network", "score", "value", "low", "high"] and len(table) == 6
    naive = score_intervals(three_networks(), ("MCC", "PPV"), unit="slice", resamples=100)
    assert naive["value"].equals(table["value"])
    assert ((naive["high"] - naive["low"]) < (table["high"] - table["low"])).mean() > 0.5
    assert RANKED == ("sensitivity", "specificity", "balanced accuracy")


def test_clustering_by_network_and_class() -> None:
    predictions = three_networks()
    table = clustering_table(predictions)
    assert len(table) == 6 and set(table["label"]) == {"covid", "normal"}
    own = predictions[(predictions["network"] == "xception") & (predictions["label"] == "normal")]
    row = table[(table["network"] == "xception") & (table["label"] == "normal")].iloc[0]
    assert row["icc"] == clustering(own["p_covid"] > 0.5, own["patient"], own["fold"]).icc
    assert "fold_part" in table


def test_a_ranking_as_text_keeps_order_intervals_and_ranks() -> None:
    table = ranking({"a": Counts(7, 3, 9, 1), "b": Counts(9, 1, 8, 2)})
    text = readable(table)
    assert text.loc["sensitivity"].index.tolist() == ["b", "a"]
    assert text.loc["specificity", "rank"].tolist() == [2, 1] and len(text) == 6
    low, high = wilson_interval(9, 10)
    assert text.loc[("sensitivity", "b"), "value"] == f"0.900 ({low:.3f} to {high:.3f})"
