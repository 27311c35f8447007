"""A slider over precomputed tables, in static HTML that needs no kernel and no network.

The library computes the table of every position in advance, so a page on disk shows the library's numbers.
Taught in chapters 04, 05, 06 and 09.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from importlib.resources import files
from string import Template

import pandas as pd
from IPython.display import HTML


def slider(places: Mapping[str, pd.DataFrame], quantity: str, name: str, start: str | None = None) -> HTML:
    """Make a slider that shows one table per position.

    Parameters
    ----------
    places : dict of DataFrame
        Label → table, in order; cells are shown as `str` formats them.
    quantity : str
        Name of the quantity that the slider changes.
    name : str
        Unique on the page; letters, digits and hyphens.
    start : str, optional
        Label of the table that is shown first, and without JavaScript; default: the first one.

    Raises
    ------
    ValueError
        If there is no table, or none with the label `start`.
    """
    labels = list(places)
    if not labels:
        raise ValueError("no tables given, a slider needs at least one")
    if start is not None and start not in labels:
        raise ValueError(f"no table {start!r}, choose one of {', '.join(labels)}")
    first = 0 if start is None else labels.index(start)
    tables = "".join(
        f'<div data-place="{place}"{"" if place == first else " hidden"}>{_table(table)}</div>'
        for place, table in enumerate(places.values())
    )
    template = (files("covidlib") / "data" / "explorers" / "dial.html").read_text(encoding="utf-8")
    return HTML(
        Template(template).substitute(
            name=name,
            name_json=json.dumps(name),
            quantity=html.escape(quantity),
            labels=json.dumps(labels).replace("</", "<\\/"),
            last=len(labels) - 1,
            start=first,
            shown=html.escape(labels[first]),
            tables=tables,
        )
    )


def _table(table: pd.DataFrame) -> str:
    """Format a table with index names and column names in the same header row, which is easier to read than two."""
    flat = table.rename_axis(columns=None).reset_index()
    return flat.astype(str).to_html(index=False, border=0, classes="dataframe")
