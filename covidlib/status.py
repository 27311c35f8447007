"""The book's status page: when each page was executed and for how long, and what the book was built with.

A directive of Sphinx, registered by `covidlib.book`: `build-status` with the word `pages` or `build`. MyST-NB's own
table has no title, no zone for its times and no sum, and reads the times of cached pages as local ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.addnodes import pending_xref
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

from covidlib import __version__, environment

PACKAGES = ("tensorflow", "keras", "numpy", "pandas", "scipy", "scikit-learn", "matplotlib", "tifffile", "jupyter-book")
NO_COMMIT = "unknown: this book was not built from a clone with git"
KINDS = ("pages", "build")


class Placeholder(nodes.General, nodes.Element):
    """Stands where the table comes: the times are known when all pages have been read."""


class BuildStatus(SphinxDirective):
    """`build-status`, with `pages` or `build`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Leave a placeholder, and remember the page: it is written anew with each build."""
        self.env.metadata[self.env.docname]["build_status"] = "yes"
        return [Placeholder(kind=directives.choice(self.arguments[0], KINDS))]


class FillIn(SphinxPostTransform):
    """Replace placeholders by tables."""

    default_priority = 8
    """Before Sphinx resolves references (9 and 10): the table of pages has some."""

    def run(self, **kwargs: Any) -> None:
        """Replace those of one document."""
        for node in list(self.document.findall(Placeholder)):
            node.replace_self(_pages(self.env) if node["kind"] == "pages" else _build())


def setup(app: Any) -> None:
    """Register with Sphinx."""
    app.add_node(Placeholder)
    app.add_directive("build-status", BuildStatus)
    app.add_post_transform(FillIn)
    app.connect("env-get-outdated", _status_pages)


def _status_pages(app: Any, env: Any, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    return [name for name, about in env.metadata.items() if "build_status" in about and name not in removed]


# Pages --------------------------------------------------------------------------------------------------------------


def moment(mtime: float, cached: Iterable[datetime]) -> datetime:
    """When a page was executed.

    Parameters
    ----------
    mtime : float
        What MyST-NB notes: seconds since 1970, for a page from the cache computed as if its time were local.
    cached : datetimes
        The times in the cache: UTC, without saying so.
    """
    for created in cached:
        if created.timestamp() == mtime:
            return created.replace(tzinfo=UTC)
    return datetime.fromtimestamp(mtime, UTC)


def duration(seconds: float) -> str:
    """Seconds as "48 s" or "3 min 20 s"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _pages(env: Any) -> nodes.table:
    from myst_nb.sphinx_ import NbMetadataCollector

    data = {name: about.get("exec_data") for name, about in NbMetadataCollector.get_doc_data(env).items()}
    cached = _cached(env.config.nb_execution_cache_path)
    rows: list[Sequence[str | nodes.Node]] = []
    total = 0.0
    for name in sorted(name for name in data if data[name] and name in env.titles):
        seconds = data[name]["runtime"] or 0.0
        total += seconds
        when = f"{moment(data[name]['mtime'], cached):%Y-%m-%d %H:%M}" if data[name]["succeeded"] else "failed"
        rows.append((_link(env.docname, name, env.titles[name].astext()), when, duration(seconds)))
    if not rows:
        return _table(("Page", "Executed (UTC)", "Took"), [("no page was executed in this build", "", "")])
    return _table(("Page", "Executed (UTC)", "Took"), [*rows, ("all", "", duration(total))])


def _cached(path: str) -> list[datetime]:
    from jupyter_cache import get_cache

    return [record.created for record in get_cache(path).list_cache_records()] if path else []


def _link(origin: str, name: str, title: str) -> nodes.Node:
    target = pending_xref(
        refdoc=origin, reftarget=f"/{name}", reftype="doc", refdomain="std", refexplicit=True, refwarn=True
    )
    target += nodes.inline(text=title)
    return target


# The build ----------------------------------------------------------------------------------------------------------


def _build() -> nodes.table:
    rows = [
        ("built (UTC)", f"{datetime.now(UTC):%Y-%m-%d %H:%M}"),
        ("covidlib", __version__),
        ("commit", environment.commit() or NO_COMMIT),
        ("Python", environment.python()),
        *((name, _version(name)) for name in PACKAGES),
        ("system", environment.system()),
        ("processor", environment.processor()),
        ("cores", environment.cores()),
        ("memory", environment.memory()),
    ]
    return _table(("What", "Here"), rows)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _table(head: Sequence[str], rows: Sequence[Sequence[str | nodes.Node]]) -> nodes.table:
    group = nodes.tgroup(cols=len(head))
    group += [nodes.colspec(colwidth=1) for _ in head]
    group += nodes.thead("", _row(head))
    group += nodes.tbody("", *map(_row, rows))
    table = nodes.table("", group)
    table["classes"] += ["colwidths-auto"]
    return table


def _row(cells: Sequence[str | nodes.Node]) -> nodes.row:
    texts = [nodes.Text(cell) if isinstance(cell, str) else cell for cell in cells]
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", text)) for text in texts))


__all__ = ["BuildStatus", "FillIn", "Placeholder", "duration", "moment", "setup"]
