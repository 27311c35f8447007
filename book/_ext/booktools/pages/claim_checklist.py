"""The CLAIM 2024 checklist for the paper and for this kit: the answers as data, and as text for a page.

CLAIM is the Checklist for Artificial Intelligence in Medical Imaging, 2024 update (Tejani et al. 2024). Its items keep
their numbers; their subjects are put in our own words, and so are the answers. Each answer says where to check it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pandas as pd

from covidlib.errors import InputError
from covidlib.utils.machine import repository

ANSWERS = ("yes", "partly", "no", "not applicable")
ITEMS = 44
STUDIES = ("paper", "kit")
PAPER_PLACES = re.compile(
    r"title|abstract|section (?:1|2|2\.[1-4]|3|3\.[1-3]|4|5)|Table [1-9]|Fig\. (?:[1-9]|1[0-2])"
    r"|Data availability|Code availability|Ethics statement|Acknowledgment"
)
"""Where in the paper an answer can be checked."""
_CHAPTER = re.compile(r"chapter (\d\d)(?:, section (\d+))?")
_MODULE = re.compile(r"covidlib(?:\.\w+)+")


def answers() -> pd.DataFrame:
    """Read the completed checklist.

    Returns
    -------
    DataFrame
        Index item (1 to 44); columns part, subject, then for paper and kit each answer, where (places, separated by
        semicolons) and remark, such as `paper_where`.
    """
    with (files("covidlib") / "data" / "claim2024.csv").open(encoding="utf-8") as stream:
        return pd.read_csv(stream, dtype=str, keep_default_na=False).astype({"item": int}).set_index("item")


def summary() -> pd.DataFrame:
    """Count the answers: one row per answer, one column for the paper and one for the kit."""
    table = answers()
    counts = {study: table[f"{study}_answer"].value_counts() for study in STUDIES}
    return pd.DataFrame(counts).reindex(ANSWERS).fillna(0).astype(int).rename_axis("answer")


def places(where: str) -> list[str]:
    """Split the places in a `where` column."""
    return [place.strip() for place in where.split(";") if place.strip()]


def file_of(place: str, root: Path) -> Path:
    """Find the file that a place in the kit names: a chapter, a module (or something in it), or a file.

    Raises
    ------
    InputError
        If there is no such file, or no such section in the chapter, or nothing of that name in the module.
    """
    chapter = _CHAPTER.fullmatch(place)
    if chapter:
        found = sorted((root / "notebooks").glob(f"{chapter[1]}_*.ipynb"))
        if len(found) == 1 and (not chapter[2] or f"## {chapter[2]}. " in found[0].read_text(encoding="utf-8")):
            return found[0]
    elif _MODULE.fullmatch(place):
        parts = place.split(".")
        for length in range(len(parts), 1, -1):
            path = root.joinpath(*parts[:length]).with_suffix(".py")
            names = "|".join(map(re.escape, parts[length:]))
            if path.is_file() and re.search(rf"^(?:def |class )?(?:{names})\b", path.read_text("utf-8"), re.MULTILINE):
                return path
    elif (root / place).is_file():
        return root / place
    raise InputError(place, "not a chapter, module or file of the kit", "Correct the `where` of this answer")


def link(place: str, root: Path) -> str:
    """Format a place in the kit as a MyST link, for a page in book/documents.

    Raises
    ------
    InputError
        As `file_of`.
    """
    path = file_of(place, root).relative_to(root).as_posix()
    if path.startswith("notebooks/"):
        return f"[{place}](../{path})"
    if path.startswith("covidlib/"):
        return "{py:mod}`" + path.removesuffix(".py").replace("/", ".") + "`"
    if path.startswith("book/"):
        return f"[{path.removeprefix('book/')}](../{path.removeprefix('book/')})"
    return f"[{place}]({repository()}/blob/main/{path})"


def as_text(part: str, root: Path) -> str:
    """Format one part of the checklist as MyST text: subject, both answers, where to check them, and remarks.

    Parameters
    ----------
    part : str
        As in the column part.
    root : path
        The repository.
    """
    return "\n".join(_lines(part, root))


def _lines(part: str, root: Path) -> Iterator[str]:
    table = answers()
    for item, row in table[table["part"] == part].iterrows():
        here = ", ".join(dict.fromkeys(link(place, root) for place in places(row["kit_where"])))
        there = ", ".join(places(row["paper_where"]))
        yield f"**{item}. {row['subject']}.**\n"
        yield f"- *Paper:* **{row['paper_answer']}** ({there}). {row['paper_remark']}"
        yield f"- *Kit:* **{row['kit_answer']}** ({here}). {row['kit_remark']}\n"
