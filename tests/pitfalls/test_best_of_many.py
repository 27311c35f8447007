"""covidlib.pitfalls.best_of_many: the best of many equals looks better than one."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from covidlib.pitfalls.best_of_many import coin_networks, expected_best


def test_the_expected_best_is_exact() -> None:
    # Two networks, three images: every one of the 64 outcomes is equally likely.
    outcomes = [max(sum(first), sum(second)) / 3 for first, second in product(product((0, 1), repeat=3), repeat=2)]
    assert expected_best(2, 3) == pytest.approx(np.mean(outcomes))
    assert expected_best(1, 50, 0.8) == pytest.approx(0.8)
    assert expected_best(10, 50, 1.0) == 1 and expected_best(10, 50, 0.0) == 0


def test_more_epochs_raise_it_and_more_images_lower_it() -> None:
    by_epochs = [expected_best(epochs, 90) for epochs in (1, 5, 20, 50)]
    by_images = [expected_best(20, images) for images in (30, 90, 900)]
    assert by_epochs == sorted(by_epochs) and by_images == sorted(by_images, reverse=True)


def test_coin_networks_agree_with_the_exact_mean_and_fresh_images_undo_the_luck() -> None:
    drawn = coin_networks(20, 90, 300, draws=4000)
    assert drawn["picked"].mean() == pytest.approx(expected_best(20, 90), abs=0.003)
    assert drawn["fresh"].mean() == pytest.approx(0.5, abs=0.003)
    # 90 of 300 images keep their luck, 210 have none.
    kept = 0.3 * expected_best(20, 90) + 0.7 * 0.5
    assert drawn["reported"].mean() == pytest.approx(kept, abs=0.003)
    assert (drawn["picked"] >= 0.5).all()


@pytest.mark.parametrize(("epochs", "picked_on", "tested_on"), [(0, 1, 1), (1, 0, 1), (1, 3, 2)])
def test_nothing_to_choose_from_is_refused(epochs: int, picked_on: int, tested_on: int) -> None:
    with pytest.raises(ValueError, match="at least one epoch"):
        coin_networks(epochs, picked_on, tested_on)
    with pytest.raises(ValueError, match="at least one epoch"):
        expected_best(0, 1)
