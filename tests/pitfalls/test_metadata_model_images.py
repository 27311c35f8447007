"""covidlib.pitfalls.metadata_model_images: kernel and thickness of the listed images, without a pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from covidlib.datasets import published_lists
from covidlib.datasets.patient_groups import count_kinds, kinds_of_images
from covidlib.errors import InputError
from covidlib.pitfalls.metadata_model_images import expand_images, image_shortcut, left_out_image_scores

LINES = [
    {"label": "normal", "images": ["3 B70s 6.0 mm"], "patients": 2},
    {"label": "covid", "images": ["2 B30s 5.0 mm", "4 B70s 6.0 mm"], "patients": 1},
]


def aggregates(covid: list[str], normal: list[str], patients: int = 20) -> dict[str, object]:
    return {
        "patients_by_images": [
            {"label": "covid", "images": covid, "patients": patients},
            {"label": "normal", "images": normal, "patients": patients},
        ]
    }


def test_counts_become_rows_of_patients_in_an_order_of_their_own() -> None:
    rows = expand_images(LINES)  # type: ignore[arg-type]
    assert rows["patient"].tolist() == [0, 0, 1, 2] and rows["images"].tolist() == [2, 4, 3, 3]
    assert rows["label"].tolist() == rows["patient_label"].tolist() == ["covid", "covid", "normal", "normal"]
    assert rows["made"].tolist() == ["B30s 5.0 mm", "B70s 6.0 mm", "B70s 6.0 mm", "B70s 6.0 mm"]
    assert rows.equals(expand_images(LINES[::-1]))  # type: ignore[arg-type]


def test_every_image_counts_once() -> None:
    # Each infected patient has 3 images of the normals' kind and 1 of their own: AUC 0.25 + 0.75 / 2.
    mixed = aggregates(["1 B30s 5.0 mm", "3 B70s 6.0 mm"], ["9 B70s 6.0 mm"])
    found = image_shortcut(mixed, repeats=2, resamples=50)
    assert found.auc.value == pytest.approx(0.625) and found.patients == 40
    # All infected patients have the tell-tale image, so the mean over a patient's images tells them all.
    assert image_shortcut(mixed, "patient", repeats=2, resamples=50).auc.value == 1
    alike = aggregates(["5 B70s 6.0 mm"], ["9 B70s 6.0 mm"])
    assert image_shortcut(alike, repeats=2, resamples=50).auc.value == pytest.approx(0.5)


def test_a_patient_with_many_images_weighs_more_in_the_fit() -> None:
    # Of the rows made with A most are infected, of the images few; B lies between.
    lines = [("covid", "1 A 1.0 mm", 10), ("normal", "30 A 1.0 mm", 2)]
    lines += [("covid", "5 B 1.0 mm", 10), ("normal", "5 B 1.0 mm", 12)]
    rows = expand_images([{"label": label, "images": [text], "patients": n} for label, text, n in lines])
    scores, _ = left_out_image_scores(rows, repeats=2)
    of_a = (rows["made"] == "A 1.0 mm").to_numpy()
    assert scores[:, of_a].max() < scores[:, ~of_a].min()


def test_the_auc_is_scikit_learns_on_single_images() -> None:
    rows = expand_images(
        [{"label": "covid", "images": ["1 A 1.0 mm", f"{n} B 1.0 mm"], "patients": 1} for n in range(1, 13)]
        + [{"label": "normal", "images": [f"{n} B 1.0 mm"], "patients": 1} for n in range(1, 13)]
    )
    scores, folds = left_out_image_scores(rows, repeats=1)
    for one in range(5):
        own = folds[0] == one
        assert set(rows["patient"][own]).isdisjoint(rows["patient"][~own])
    by_hand = []
    for one in range(5):
        own = rows[folds[0] == one].assign(score=scores[0][folds[0] == one])
        single = own.loc[own.index.repeat(own["images"])]
        by_hand.append(roc_auc_score(single["label"] == "covid", single["score"]))
    counts = [
        {"label": label, "images": [f"{n} {made}" for n, made in zip(own["images"], own["made"], strict=True)],
         "patients": 1}
        for (label, _), own in rows.groupby(["label", "patient"], sort=False)
    ]  # fmt: skip
    found = image_shortcut({"patients_by_images": counts}, repeats=1, resamples=20)
    assert found.auc.value == pytest.approx(np.mean(by_hand))


def test_missing_counts_are_refused() -> None:
    with pytest.raises(InputError, match="missing counts 'patients_by_images'"):
        image_shortcut({})


def test_kinds_of_images_from_lists() -> None:
    scanned = pd.DataFrame(
        [("p1", "covid", "B70s", 6.0), ("p1", "covid", "B30s", 1.5), ("p1", "covid", "B70s", 6.0)]
        + [("p2", "normal", "B70s", 6.0), ("p3", "covid", None, None)],
        columns=["patient", "label", "kernel", "thickness"],
    )
    lines = count_kinds(kinds_of_images(scanned), ["label", "images"])
    assert lines == [
        {"label": "covid", "images": ["1 B30s 1.5 mm", "2 B70s 6.0 mm"], "patients": 1},
        {"label": "normal", "images": ["1 B70s 6.0 mm"], "patients": 1},
    ]


def test_the_stored_counts_hold_every_listed_image_with_metadata() -> None:
    stored = published_lists.stored_aggregates()
    rows = expand_images(stored["patients_by_images"])  # type: ignore[arg-type]
    scanned = stored["images"]["total"] - stored["shortcut"]["images_without_metadata"]  # type: ignore[index]
    assert rows["images"].sum() == scanned
    pairs = stored["shortcut"]["pairs"]  # type: ignore[index]
    for label in ("covid", "normal"):
        own = rows[rows["label"] == label].groupby("made")["images"].sum()
        assert {f"{made.replace(' ', ', ', 1)}": n for made, n in own.items()} == pairs[label]


def test_images_tell_more_than_the_patients_series(mirror: Path) -> None:
    """Bands wide enough for other versions of scikit-learn; nothing was tuned towards them."""
    counted = published_lists.aggregates()
    images = image_shortcut(counted, repeats=2, resamples=100)
    patients = image_shortcut(counted, "patient", repeats=2, resamples=100)
    assert 0.78 < images.auc.value < 0.86 and 0.87 < patients.auc.value < 0.94
    assert images.auc.low < images.auc.value < images.auc.high and len(images.repeats) == 2
