"""The library reference: what its pages show of the docstrings that stand in the code.

Sphinx' napoleon reads a docstring of a value, "A pixel is dark below this: …", as a type and a description. That is
meant for the fields of a class, where this library writes them so; below a constant of a module it is a sentence.
"""

from __future__ import annotations

from typing import Any

MASK = "\ue000"
"""Stands for a colon while napoleon reads; of a range that Unicode gives to nobody."""


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx: before and after napoleon, which reads docstrings at priority 500."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", hide_colons, priority=400)
    app.connect("autodoc-process-docstring", show_colons, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def hide_colons(app: Any, what: str, name: str, value: object, options: Any, lines: list[str]) -> None:
    """Mask the colons in the docstring of a module's constant."""
    if what == "data":
        lines[:] = [line.replace(":", MASK) for line in lines]


def show_colons(app: Any, what: str, name: str, value: object, options: Any, lines: list[str]) -> None:
    """Put the colons back."""
    lines[:] = [line.replace(MASK, ":") for line in lines]
