"""Check whole numbers that a user chooses, before they fail deep inside a library."""

from __future__ import annotations

import numbers

from covidlib.errors import InputError


def check_whole(name: str, value: object, least: int, most: int | None = None) -> None:
    """Refuse a setting that is not a whole number (of Python or NumPy) within its limits, which are allowed.

    Raises
    ------
    InputError
        Naming the setting, its value and the allowed values.
    """
    allowed = f"{least} or more" if most is None else f"{least} to {most}"
    if not isinstance(value, numbers.Integral):
        raise InputError(f"{name}={value!r}", "is not a whole number", f"Give {allowed}")
    number = int(value)
    if number < least:
        raise InputError(f"{name}={number}", f"is below {least}", f"Give {allowed}")
    if most is not None and number > most:
        raise InputError(f"{name}={number}", f"is above {most}", f"Give {allowed}")
