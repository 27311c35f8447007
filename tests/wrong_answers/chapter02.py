"""Typical wrong answers to the exercises of chapter 02."""

from __future__ import annotations

WRONG: dict[str, list[tuple[object, str]]] = {
    "2.1": [
        # "At least" instead of "more than".
        (lambda counts, divisor: int((counts >= (counts.max() - counts.min()) / divisor).sum()), "strictly above"),
        # The minimum added back.
        (
            lambda counts, divisor: int((counts > counts.min() + (counts.max() - counts.min()) / divisor).sum()),
            "not added back",
        ),
    ],
}
