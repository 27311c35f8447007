"""covidlib.claims.reported_numbers: the same number from printed counts and from predictions."""

from __future__ import annotations

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from support.prediction_tables import made_predictions, three_networks

from covidlib.claims.reported_numbers import AUC, IMAGES, PATIENTS, PATIENTS_AT_1, Quantity, our_value, printed_value
from covidlib.errors import InputError
from covidlib.paper.tables import network_name, table_numbers
from covidlib.patients.decision import decide_patients, table6
from covidlib.results.metrics import table9

COLUMN_OF = {
    "accuracy": "Overall accuracy",
    "sensitivity": "COVID sensitivity",
    "specificity": "COVID specificity",
    "PPV": "COVID precision",
    "NPV": "Normal precision",
    "right": "Correct classified images",
    "false_covid": "Wrong classified as COVID",
}


@pytest.mark.parametrize("score", COLUMN_OF)
def test_image_quantities_are_the_printed_averages(score: str) -> None:
    averages = table_numbers(9).query("Fold == 'Avg'")
    assert len(averages) == 3
    for row in averages.to_dict("records"):
        found = printed_value(Quantity(IMAGES, score, network_name(row["Network"])))
        assert found == pytest.approx(row[COLUMN_OF[score]], abs=0.5001e-4)


def test_patient_quantities_are_those_of_tables_5_and_6() -> None:
    averages = table_numbers(6).query("Fold == 'Avg'").set_index("Network")
    assert (
        printed_value(Quantity(PATIENTS, "true_covid", "xception"))
        == averages.loc["Xception", "COVID correct identified"]
    )
    assert printed_value(Quantity(PATIENTS, "false_normal", "resnet50v2-fpn", "pooled")) == 7
    at_1 = table_numbers(5).iloc[0]
    for name, printed in (("xception", "Xception"), ("resnet50v2", "ResNet50V2"), ("resnet50v2-fpn", "Our model")):
        assert (
            printed_value(Quantity(PATIENTS_AT_1, "false_covid", name)) == at_1[f"{printed}: Wrong detected as COVID"]
        )
        assert printed_value(Quantity(PATIENTS_AT_1, "true_covid", name)) == at_1[f"{printed}: COVID correct detected"]


def test_a_difference_subtracts_the_second_network() -> None:
    one, other = (printed_value(Quantity(IMAGES, "sensitivity", name)) for name in ("resnet50v2-fpn", "xception"))
    both = Quantity(IMAGES, "sensitivity", "resnet50v2-fpn", minus="xception")
    assert printed_value(both) == pytest.approx(one - other) and printed_value(both) < -0.03
    predictions = three_networks()
    for score in ("accuracy", AUC):
        one, other = (our_value(Quantity(IMAGES, score, name), predictions) for name in ("resnet50v2-fpn", "xception"))
        difference = our_value(Quantity(IMAGES, score, "resnet50v2-fpn", minus="xception"), predictions)
        assert difference == pytest.approx(one - other) and abs(difference) > 1e-3


def test_ours_are_the_averages_of_our_tables() -> None:
    predictions = three_networks()
    predictions.loc[predictions.index[::7], "label"] = "unlabelled"
    images = table9(predictions).query("Fold == 'Avg'").set_index("Network")
    patients = table6(decide_patients(predictions)).query("Fold == 'Avg'").set_index("Network")
    found = our_value(Quantity(IMAGES, "PPV", "resnet50v2"), predictions)
    assert found == pytest.approx(images.loc["resnet50v2", "COVID precision"])
    found = our_value(Quantity(PATIENTS, "right", "xception"), predictions)
    assert found == patients.loc["xception", "Correct identified patients"]


def test_threshold_1_takes_one_slice_and_threshold_2_a_tenth() -> None:
    # With 30 slices a tenth is more than one.
    predictions = made_predictions(slices=30, network="xception", signal=1.5)
    wrong = []
    for unit, threshold in ((PATIENTS_AT_1, 0), (PATIENTS, 0.1)):
        table = table6(decide_patients(predictions, threshold)).query("Fold == 'Avg'")
        wrong.append(our_value(Quantity(unit, "false_covid", "xception"), predictions))
        assert wrong[-1] == table["Wrong identified as COVID"].item()
    assert wrong[0] > wrong[1]


def test_auc_is_the_mean_over_folds_and_does_not_follow_from_counts() -> None:
    predictions = three_networks()
    own: pd.DataFrame = predictions[predictions["network"] == "xception"]
    areas = [roc_auc_score(rows["label"] == "covid", rows["p_covid"]) for _, rows in own.groupby("fold")]
    assert our_value(Quantity(IMAGES, AUC, "xception"), predictions) == pytest.approx(sum(areas) / len(areas))
    with pytest.raises(InputError, match="cannot be computed from counts"):
        printed_value(Quantity(IMAGES, AUC, "xception"))


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"unit": "lungs", "score": "accuracy", "network": "xception"}, "lungs"),
        ({"unit": "images", "score": "beauty", "network": "xception"}, "beauty"),
        ({"unit": "images", "score": "accuracy", "network": "vgg"}, "vgg"),
        ({"unit": "images", "score": "accuracy", "network": "xception", "average": "median"}, "median"),
        ({"unit": "images", "score": "accuracy", "network": "xception", "minus": "vgg"}, "vgg"),
    ],
)
def test_an_unknown_quantity_is_refused(fields: dict[str, str], named: str) -> None:
    with pytest.raises(InputError, match=named):
        Quantity(**fields)  # type: ignore[arg-type]
