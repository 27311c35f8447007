"""A dial: a slider that leafs through tables made beforehand, in plain HTML; no kernel, no network.

The kernel computes every place of the dial with the library, so a page on disk shows the library's own numbers.
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
    """A slider with a table for each of its places.

    Parameters
    ----------
    places : dict of DataFrame
        The places in order, by the text that names each; cells are shown as `str` gives them.
    quantity : str
        What is moved.
    name : str
        Unique on the page; letters, digits and hyphens.
    start : str, optional
        The place that is shown first, and where there is no script; the first one if not given.

    Raises
    ------
    ValueError
        If there is no place, or no place of that name.
    """
    labels = list(places)
    if not labels:
        raise ValueError("a dial needs a place to stand at")
    first = labels.index(labels[0] if start is None else start)
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
    """A table whose index names stand in the same row as its column names: two rows of heads read badly."""
    flat = table.rename_axis(columns=None).reset_index()
    return flat.astype(str).to_html(index=False, border=0, classes="dataframe")
