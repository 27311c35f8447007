"""covidlib.claims.seed_bands: what another seed gives, and numbers that leave their band."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from support.prediction_tables import three_networks

from covidlib import workspace
from covidlib.claims import claims, seed_bands
from covidlib.claims.reported_numbers import Quantity, our_value
from covidlib.protocols import QUICK
from covidlib.training.runs import all_predictions


def test_a_band_holds_one_more_value_as_often_as_it_says() -> None:
    draws = np.random.default_rng(0).normal(0.6, 0.02, (4000, 6))
    found = [seed_bands.band(values[:5].tolist(), 0, 1, confidence=0.9) for values in draws]
    inside = [interval.low <= new <= interval.high for interval, new in zip(found, draws[:, 5], strict=True)]
    assert np.mean(inside) == pytest.approx(0.9, abs=0.015)


def test_a_band_ends_where_a_share_ends() -> None:
    interval = seed_bands.band([0.9, 1.0, 0.8], 0, 1)
    assert (interval.value, interval.high) == (pytest.approx(0.9), 1) and 0 <= interval.low < 0.7
    with pytest.raises(ValueError, match="two seeds"):
        seed_bands.band([0.9], 0, 1)


def quantity(score: str, minus: str = "") -> Quantity:
    return Quantity("images", score, "resnet50v2-fpn", minus=minus)


def test_limits_of_shares_ratios_counts_and_differences() -> None:
    expected = {"sensitivity": (0, 1), "AUC": (0, 1), "MCC": (-1, 1), "LR+": (0, np.inf), "true_covid": (0, np.inf)}
    for score, ends in expected.items():
        assert seed_bands.limits(quantity(score)) == ends
        width = ends[1] - ends[0]
        assert seed_bands.limits(quantity(score, "xception")) == (-width, width)
    assert seed_bands.band([3.0, 9.0, 20.0], *seed_bands.limits(quantity("LR+"))).high > 20


@pytest.mark.parametrize(
    ("score", "minus", "low", "high", "told"),
    [
        ("AUC", "", 0.51, 1.0, True),
        ("AUC", "", 0.4, 0.6, False),
        ("balanced accuracy", "", 0.1, 0.45, True),
        ("MCC", "", -0.1, 0.9, False),
        ("LR+", "", 0.9, 40.0, False),
        ("LR+", "", 1.2, 40.0, True),
        ("sensitivity", "xception", -0.9, -0.01, True),
        ("sensitivity", "xception", -0.05, 0.05, False),
        ("sensitivity", "", 0.4, 0.9, True),
        ("sensitivity", "", 0.4, 0.901, False),
        ("false_covid", "", 0.0, 30.0, False),
    ],
)
def test_a_band_says_something_if_it_excludes_something(
    score: str, minus: str, low: float, high: float, told: bool
) -> None:
    assert seed_bands.says_something(quantity(score, minus), low, high) is told


def test_no_stored_band_wider_than_half_the_possible_range_gets_a_tick_without_excluding_anything() -> None:
    for claim in claims.load_claims()[1]:
        if claim.ours is None or claim.our_quantity is None:
            continue
        (least, most), low, high = seed_bands.limits(claim.our_quantity), claim.ours["low"], claim.ours["high"]
        wide = high - low > (most - least) / 2
        reference = seed_bands.worth_excluding(claim.our_quantity)
        excluded = reference is not None and not low <= reference <= high
        assert not (wide and not excluded and seed_bands.says_something(claim.our_quantity, low, high))


def test_seeds_differ_in_nothing_but_the_seed() -> None:
    assert seed_bands.with_seed(seed_bands.SEEDS[0]) == QUICK
    assert dataclasses.replace(seed_bands.with_seed(2023), seed=QUICK.seed) == QUICK


def one_claim(low: float, high: float) -> claims.Claim:
    quantity = {"unit": "images", "score": "sensitivity", "network": "xception"}
    ours = {"quantity": quantity, "by_seed": {"2020": 0.75}, "low": low, "high": high}
    return claims.Claim("sens", "05_image_results", "", "", claims.BAND, claims.NOT_TESTABLE, ours=ours)


def test_a_number_outside_its_band_is_named_with_notebook_old_and_new_value() -> None:
    predictions = three_networks()
    value = round(our_value(Quantity("images", "sensitivity", "xception"), predictions), seed_bands.DIGITS)
    inside = seed_bands.compare([one_claim(value - 0.01, value)], predictions)
    assert seed_bands.complaints(inside, same_machine=False) == []
    (line,) = seed_bands.complaints(
        seed_bands.compare([one_claim(value + 0.001, 1.0)], predictions), same_machine=False
    )
    for part in ("05_image_results.ipynb", "sensitivity of xception", "was 0.75", f"is {value}", f"{value + 0.001}"):
        assert part in line


def test_on_the_same_machine_a_changed_number_is_named_though_it_lies_in_its_band() -> None:
    predictions = three_networks()
    compared = seed_bands.compare([one_claim(0.0, 1.0)], predictions)
    assert compared["inside"].all() and compared["says_nothing"].all()
    value = compared["this_run"].iloc[0]
    (line,) = seed_bands.complaints(compared, same_machine=True)
    assert "05_image_results.ipynb" in line and "was 0.75" in line and f"is {value}" in line
    assert seed_bands.complaints(compared.assign(stored=value), same_machine=True) == []


def test_another_processor_or_version_is_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    here = seed_bands.machine()
    assert here == seed_bands.machine() and set(here["versions"]) == {"tensorflow", "keras", "numpy"}
    assert here["processor"] and here["cores"]
    monkeypatch.setattr(seed_bands, "processor", lambda: ("another", ()))
    assert seed_bands.machine() != here


def test_stored_bands_follow_from_the_stored_seeds() -> None:
    ours, stored = claims.load_claims()
    assert tuple(ours["seeds"]) == seed_bands.SEEDS and ours["confidence"] == seed_bands.CONFIDENCE
    assert ours["reason"] == seed_bands.REASON and ours["protocol"] == QUICK.name
    with_band = [claim for claim in stored if claim.ours]
    assert len(with_band) > 20
    for claim in with_band:
        assert claim.ours is not None and claim.our_quantity is not None
        assert list(map(int, claim.ours["by_seed"])) == list(seed_bands.SEEDS)
        interval = seed_bands.band(list(claim.ours["by_seed"].values()), *seed_bands.limits(claim.our_quantity))
        # The band was made before its values were rounded for storage.
        assert (claim.ours["low"], claim.ours["high"]) == pytest.approx((interval.low, interval.high), abs=5e-4)


def test_reported_numbers_of_this_machine_lie_in_their_bands() -> None:
    """The check on our own numbers: trains QUICK where the book has not done so yet."""
    predictions: pd.DataFrame = all_predictions(workspace.runs(QUICK, workspace.cohort()))
    ours, stored = claims.load_claims()
    compared = seed_bands.compare(stored, predictions)
    # Where the band allows everything only the second check can fail, so not all may be such.
    assert len(compared) > 20 and (~compared["says_nothing"]).sum() > 4
    assert seed_bands.complaints(compared, same_machine=seed_bands.machine() == ours["machine"]) == []
