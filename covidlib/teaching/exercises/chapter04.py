"""Checkers of the exercises of chapter 04."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from covidlib.pitfalls import batch_norm, best_of_many
from covidlib.teaching.exercises import called, checker
from covidlib.training import costs


@checker("4.1")
def training_steps(answer: Callable[[int, int, int], int]) -> str | None:
    """Steps of a training: the last batch of an epoch may be smaller."""
    found = called(answer, 100, 14, 20)
    if found == 8:
        return "that is one epoch"
    if found == 7 * 20:
        return "the last batch of an epoch is smaller, and is a step all the same"
    if found == math.ceil(100 * 20 / 14):
        return "an epoch ends with its own last batch: round up in each epoch"
    if found != 8 * 20:
        return "a step takes one batch: how many batches are 100 images in batches of 14?"
    if called(answer, 28, 14, 1) != 2:
        return "28 images in batches of 14 are two steps, with no rest"
    return None


@checker("4.2")
def leaked_share(answer: Callable[[np.ndarray, np.ndarray], float]) -> str | None:
    """Share of the test slices whose patient has slices in training, too."""
    train = np.array(["p1"] * 6 + ["p2"] * 2)
    test = np.array(["p1"] * 1 + ["p2"] * 2 + ["p3"] * 4 + ["p4"] * 1)
    found = called(answer, train, test)
    if np.isclose(found, 0.5):
        return "that is the share of the test patients; count test slices"
    if np.isclose(found, 1):
        return "that is the share of the training slices whose patient is tested; count test slices"
    if np.isclose(found, 3):
        return "that is how many slices; which share of the test slices is it?"
    if not np.isclose(found, 3 / 8):
        return "for each test slice: does its patient's name occur among the training slices?"
    if called(answer, train, np.array(["p9"])) != 0:
        return "a patient who occurs on one side only is no leak"
    return None


@checker("4.3")
def deal_patients(answer: Callable[[np.ndarray, int, np.random.Generator], np.ndarray]) -> str | None:
    """A fold for each slice: a patient in one fold, as many patients in each fold as possible, by chance."""
    patients = np.repeat([f"p{number:02d}" for number in range(23)], np.arange(23) % 4 + 1)
    generator = np.random.default_rng(0)
    deals = []
    for _ in range(5):
        dealt = np.asarray(called(answer, patients, 5, generator))
        if dealt.shape != patients.shape or not set(dealt.tolist()) <= {1, 2, 3, 4, 5}:
            return "return one number from 1 to `folds` for each slice, in the order of the slices"
        folds = {name: set(dealt[patients == name].tolist()) for name in np.unique(patients)}
        if any(len(own) > 1 for own in folds.values()):
            return "a patient has slices in several folds: deal patients, then let the slices follow"
        sizes = np.bincount([own.pop() for own in folds.values()], minlength=6)[1:]
        if sizes.max() - sizes.min() > 1:
            return f"folds of {', '.join(map(str, sizes))} patients: how can they be as equal as possible?"
        deals.append(tuple(dealt.tolist()))
    if len(set(deals)) == 1:
        return "every deal is the same: names in order may be patients in order of their scan; use the generator"
    return None


@checker("4.4")
def batches_needed(answer: Callable[[float, float], int]) -> str | None:
    """The first number of batches after which at most a share of a moving average's start is left."""
    for momentum, share in ((0.99, 0.01), (0.8, 0.05)):
        found = called(answer, momentum, share)
        exact = math.log(share) / math.log(momentum)
        if np.isclose(found, math.floor(exact)):
            return "a little too few: after that many batches more than the share is still left"
        if np.isclose(found, (1 - share) / (1 - momentum), atol=1):
            return "each batch takes a share of what is left, not of the start"
        if np.isclose(found, exact):
            return "that is where the curve crosses; batches are whole"
        if found != math.ceil(exact) or batch_norm.memory_of_the_start(momentum, int(found)) > share:
            return "after n batches momentumⁿ is left: for which n is that at most the share?"
    return None


@checker("4.5")
def peak_share(answer: Callable[[float, int, float, float], float]) -> str | None:
    """The part of a device's peak that an epoch used."""
    case = (40.0, 3000, 90.0, 8e12)
    right = costs.share_of_peak(*case)
    found = called(answer, *case)
    if np.isclose(found, right / costs.FORWARD_AND_BACKWARD):
        return "that counts the forward pass; training goes backward, too"
    if np.isclose(found * 1e9, right):
        return "a gflop is 10⁹ operations; the peak is given in operations a second"
    if np.isclose(found, 1 / right):
        return "that is the peak as a multiple of what was used: turn it round"
    if np.isclose(found, right * case[2]):
        return "those are operations in the whole epoch; the peak is a rate, in a second"
    if not np.isclose(found, right):
        return "operations of an epoch, divided by its seconds, divided by the peak"
    return None


@checker("4.6")
def expected_best(answer: Callable[[int, int], float]) -> str | None:
    """The best accuracy to expect of epochs that toss coins; a good simulation is near enough."""
    for epochs, images in ((20, 50), (5, 10)):
        found, right = called(answer, epochs, images), best_of_many.expected_best(epochs, images)
        if np.isclose(found, 0.5):
            return "that is the accuracy of one epoch; the best of many is larger"
        if np.isclose(found, 1):
            return "a whole epoch without an error is possible, but not what is to be expected"
        if abs(found - right * images) < 0.01 * images:
            return "those are images; which share is it?"
        if abs(found - (1 - right)) < 0.01:
            return "that is the worst epoch"
        if abs(found - right) > 0.01:
            return f"for {epochs} epochs and {images} images, toss many trainings: what is the mean of their best?"
    return None
