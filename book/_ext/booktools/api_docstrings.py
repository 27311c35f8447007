"""Show docstrings of module constants correctly in the library reference.

Sphinx' napoleon reads the docstring of a value, "A pixel is dark below this: …", as a type and a description. This is
intended for the fields of a class; the docstring of a module's constant is a sentence.
"""

from __future__ import annotations

from typing import Any

MASK = "\ue000"
"""Replaces a colon while napoleon reads; from a range that Unicode reserves for private use."""


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
