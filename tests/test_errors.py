"""covidlib.errors: an error is the same on both sides of a process."""

from __future__ import annotations

import pickle

import pytest

from covidlib.errors import InputError, Unavailable


@pytest.mark.parametrize("kind", [InputError, Unavailable])
def test_an_error_crosses_to_another_process(kind: type[InputError]) -> None:
    error = kind("tcp://node1:8786", "no scheduler answers", "Start one")
    crossed = pickle.loads(pickle.dumps(error))
    assert type(crossed) is kind
    assert str(crossed) == str(error) == "tcp://node1:8786: no scheduler answers. Start one."
    assert (crossed.where, crossed.problem, crossed.remedy) == (error.where, error.problem, error.remedy)
