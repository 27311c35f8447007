"""A second opinion by mlscorecheck, an independent package that checks whether rates fit numbers of cases.

Its verdicts on this paper and on the examples are stored with its version; `python -m covidlib.audit.second_opinion`
asks it again. Fazekas and Kovács 2024, doi:10.1016/j.softx.2024.101799. Taught in chapter 08.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from covidlib.audit.spec_file import Spec, SpecCell, SpecTable, examples, read_spec
from covidlib.audit.spec_matrix import RATES
from covidlib.audit.spec_rows import row_matrix
from covidlib.errors import InputError
from covidlib.utils.files import write_text

PACKAGE = "mlscorecheck"
STORED = "second_opinion.json"
NAMES = {
    "accuracy": "acc",
    "sensitivity": "sens",
    "specificity": "spec",
    "ppv": "ppv",
    "npv": "npv",
    "f1": "f1",
    "balanced_accuracy": "bacc",
}
"""Rates that the package knows, and its names for them."""
OF_MEANS = ("acc", "sens", "spec", "bacc")
"""Rates whose means over folds the package can check: those that are linear in the counts."""


def available() -> bool:
    """Whether mlscorecheck is installed."""
    return find_spec(PACKAGE) is not None


def stored_opinions() -> dict[str, dict[str, Any]]:
    """The stored verdicts by the name of the description, each with the package's version."""
    text = (files("covidlib") / "data" / "audit" / STORED).read_text(encoding="utf-8")
    opinions: dict[str, dict[str, Any]] = json.loads(text)
    return opinions


def opinion(spec: Spec) -> dict[str, Any]:
    """Ask mlscorecheck about each row of rates and each row of averages.

    Returns
    -------
    dict
        version, summary, consistent (number of rows), inconsistent (names of rows).

    Raises
    ------
    InputError
        If the package is not installed.
    """
    if not available():
        raise InputError(PACKAGE, "is not installed", "pip install 'covidlib[second-opinion]'")
    from mlscorecheck.check.binary import (
        check_1_dataset_known_folds_mos,
        check_1_dataset_unknown_folds_mos,
        check_1_testset_no_kfold,
    )

    # The package logs each step of each search.
    logging.getLogger(PACKAGE).setLevel(logging.WARNING)
    asked: dict[str, bool] = {}
    for table, row, cells in _rows(spec):
        folds = table.folds_of(row)
        scores, eps = _scores(spec, table, cells)
        if folds:
            scores = {name: score for name, score in scores.items() if name in OF_MEANS}
            sizes = [size for fold in folds if (size := _size(spec, table, fold)) is not None]
            whole = _whole(spec, table)
            if not scores or (len(sizes) < len(folds) and whole is None):
                continue
            # For means the package takes one tolerance for all rates.
            widest = max(eps[name] for name in scores)
            if len(sizes) == len(folds):
                dataset = {name: sum(size[name] for size in sizes) for name in ("p", "n")}
                found = check_1_dataset_known_folds_mos(
                    dataset=dataset, folding={"folds": sizes}, scores=scores, eps=widest, verbosity=0
                )
            else:
                folding = {"n_folds": len(folds), "n_repeats": 1}
                found = check_1_dataset_unknown_folds_mos(
                    dataset=whole, folding=folding, scores=scores, eps=widest, verbosity=0
                )
        else:
            size = _size(spec, table, row)
            if not scores or size is None:
                continue
            found = check_1_testset_no_kfold(testset=size, scores=scores, eps=eps)
        asked[f"{table.name}, {row}"] = bool(found["inconsistency"])
    inconsistent = [name for name, wrong in asked.items() if wrong]
    summary = f"{len(asked) - len(inconsistent)} of {len(asked)} rows are consistent"
    if not asked:
        summary = "no row has both its class sizes and rates that it knows"
    return {
        "version": version(PACKAGE),
        "summary": summary,
        "consistent": len(asked) - len(inconsistent),
        "inconsistent": inconsistent,
    }


def _rows(spec: Spec) -> Iterator[tuple[SpecTable, str, Sequence[SpecCell]]]:
    for table in spec.tables.values():
        for row, cells in table.rows.items():
            rates = [cell for cell in cells.values() if cell.quantity in RATES]
            if rates:
                yield table, row, rates


def _scores(spec: Spec, table: SpecTable, cells: Sequence[SpecCell]) -> tuple[dict[str, float], dict[str, float]]:
    """Rates as the package takes them, each with half a unit of its last place (a whole one where digits are cut)."""
    scores, eps = {}, {}
    for cell in cells:
        if cell.quantity in NAMES:
            name, scale = NAMES[cell.quantity], 100 if spec.percent else 1
            scores[name] = float(cell.number / scale)
            eps[name] = (1 if table.cut else 0.5) / (scale * 10 ** table.places(cell.column))
    return scores, eps


def _size(spec: Spec, table: SpecTable, row: str) -> dict[str, int] | None:
    matrix, _ = row_matrix(spec, table, row)
    if matrix is None:
        return None
    return {"p": int(matrix.tp + matrix.fn), "n": int(matrix.fp + matrix.tn)}


def _whole(spec: Spec, table: SpecTable) -> dict[str, int] | None:
    """Class sizes of the dataset, if the description gives them for all folds together."""
    for given in spec.over_folds:
        if given.get("table") == table.name and "positives" in given and "negatives" in given:
            return {"p": int(given["positives"]), "n": int(given["negatives"])}
    return None


def main() -> None:
    """Ask again about every description of the package, and store the verdicts."""
    target = Path(str(files("covidlib") / "data" / "audit" / STORED))
    opinions = {name: opinion(read_spec(path)) for name, path in examples().items()}
    write_text(target, json.dumps(opinions, indent=1, ensure_ascii=False) + "\n")
    print(target)


if __name__ == "__main__":
    main()
