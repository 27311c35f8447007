"""The Sphinx directive `built-with`: a table of the versions and the machine that built the book.

MyST-NB's directive `nb-exec-table` shows when each page was executed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from covidlib import __version__
from covidlib.utils import machine

PACKAGES = ("tensorflow", "keras", "numpy", "pandas", "scipy", "scikit-learn", "matplotlib", "tifffile", "jupyter-book")


class BuiltWith(SphinxDirective):
    """A table of versions, commit and machine."""

    def run(self) -> list[nodes.Node]:
        """Write the table as Markdown, and have the next build read its page again even if the text is unchanged."""
        self.env.note_reread()
        rows = {
            "built (UTC)": f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
            "covidlib": __version__,
            "commit": machine.commit() or "unknown: this book was not built from a clone with git",
            "Python": machine.python(),
            **{name: version(name) for name in PACKAGES},
            "system": machine.system(),
            "processor": machine.processor_line(),
            "cores": machine.cores(),
            "memory": machine.memory(),
        }
        table = ["| What | Here |", "|---|---|", *(f"| {name} | {found} |" for name, found in rows.items())]
        parent = nodes.Element()
        self.state.nested_parse(StringList(table), self.content_offset, parent)
        return parent.children


def setup(app: Any) -> None:
    """Register with Sphinx."""
    app.add_directive("built-with", BuiltWith)
