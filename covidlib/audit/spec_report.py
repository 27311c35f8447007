"""Show the audit of another paper, and measure how many changed numbers it would find.

The rates of this paper and of the examples are stored; `python -m covidlib.audit.spec_report` measures them again, in a
minute or two. Taught in chapter 08.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from covidlib.audit.check import GRADES, Check
from covidlib.audit.exact_numbers import VERDICTS, show_number
from covidlib.audit.spec_checks import audit_spec
from covidlib.audit.spec_file import OTHER, Spec, SpecCell, examples, read_spec
from covidlib.audit.spec_matrix import COUNTS, RATES
from covidlib.utils.files import write_text

STORED = "detection.json"


class Detected(NamedTuple):
    """How many single changes of one kind an audit finds."""

    found: int
    changes: int

    def __str__(self) -> str:
        """The share in percent, with both counts."""
        if not self.changes:
            return "none are printed"
        return f"{100 * self.found / self.changes:.1f}% ({self.found} of {self.changes})"


def detection_rates(spec: Spec) -> dict[str, Detected]:
    """Change each printed number by one unit up and down, one at a time, and count the changes that are found.

    A change is found if a check disagrees that did not, or disagrees with other numbers than before.

    Returns
    -------
    dict
        "counts", "averages of counts", "rates" and "other numbers" → changes found and tried.
    """
    before = _disagreements(audit_spec(spec, explain=False))
    found: Counter[str] = Counter()
    tried: Counter[str] = Counter()
    for cell in spec.cells():
        kind = _kind(spec, cell)
        for changed in neighbours(spec, cell):
            tried[kind] += 1
            found[kind] += _disagreements(audit_spec(spec.replaced(changed), explain=False)) > before
    kinds = ("counts", "averages of counts", "rates", "other numbers")
    return {kind: Detected(found[kind], tried[kind]) for kind in kinds}


def _disagreements(checks: Sequence[Check]) -> _Ids:
    """Ids and values of the disagreements; a row that no counts fit before and after has not told the change."""
    return _Ids(
        (check.id, "" if check.id.endswith("/search") else check.printed, check.recomputed)
        for check in checks
        if check.verdict == "disagrees"
    )


class _Ids(frozenset[tuple[str, str, str]]):
    """Disagreements; one set is greater than another if it contains one that the other does not."""

    def __gt__(self, other: object) -> bool:
        """Whether something is here that is not there."""
        return isinstance(other, frozenset) and bool(self - other)


def _kind(spec: Spec, cell: SpecCell) -> str:
    if cell.quantity in RATES:
        return "rates"
    if cell.quantity == OTHER and any(
        given["table"] == cell.table and cell.column in given["columns"] for given in spec.increasing
    ):
        return "other numbers"
    is_average = bool(spec.tables[cell.table].folds_of(cell.row))
    return "averages of counts" if cell.quantity in COUNTS and is_average else "counts"


def neighbours(spec: Spec, cell: SpecCell) -> Iterator[SpecCell]:
    """The number changed by one: a count by one case, anything else by one unit of its column's last place."""
    places = 0 if _kind(spec, cell) == "counts" else spec.tables[cell.table].places(cell.column)
    for value in (cell.number + Fraction(1, 10**places), cell.number - Fraction(1, 10**places)):
        if value >= 0:
            yield replace(cell, text=show_number(value))


def to_text(
    spec: Spec,
    checks: Sequence[Check],
    opinions: Mapping[str, object] | None = None,
    rates: Mapping[str, Detected] | None = None,
) -> str:
    """Format the audit of a paper as text: counts by verdict, disagreements, second opinion, detection rates."""
    counts = Counter(check.verdict for check in checks)
    lines = [f"{key:<11} {value}" for key, value in spec.paper.items()]
    lines += ["", f"checks      {len(checks):>4}"]
    lines += [f"{verdict:<11} {counts[verdict]:>4}" for verdict in VERDICTS]
    listed = [check for check in checks if check.verdict == "disagrees"]
    for title, known in (("new disagreements", False), ("what was found before", True)):
        chosen = [check for check in listed if check.known == known]
        if known and not chosen:
            continue
        lines += ["", f"{title}: {len(chosen)}"]
        for check in sorted(chosen, key=lambda check: [*GRADES, ""].index(check.grade)):
            grade = f" ({check.grade})" if check.grade else ""
            lines.append(f"  {check.where}: printed {check.printed}, recomputed {check.recomputed}{grade}")
            lines.append(f"    {check.explanation or check.rule}")
    if opinions:
        lines += ["", *_opinions(opinions)]
    if rates:
        lines += ["", "single changes that this audit finds:"]
        lines += [f"  {kind:<20} {detected}" for kind, detected in rates.items() if detected.changes]
    return "\n".join(lines)


def _opinions(opinions: Mapping[str, object]) -> list[str]:
    lines = [f"second opinion of mlscorecheck {opinions['version']}: {opinions['summary']}"]
    verdicts = opinions["inconsistent"]
    return lines + [f"  inconsistent: {name}" for name in (verdicts if isinstance(verdicts, list) else [])]


def stored_rates() -> dict[str, dict[str, Detected]]:
    """The stored detection rates by the name of the description, then by kind of number."""
    text = (files("covidlib") / "data" / "audit" / STORED).read_text(encoding="utf-8")
    return {
        name: {kind: Detected(*counts) for kind, counts in kinds.items()} for name, kinds in json.loads(text).items()
    }


def main() -> None:
    """Measure the detection rate of every description in the package, and store it."""
    target = Path(str(files("covidlib") / "data" / "audit" / STORED))
    rates = {name: detection_rates(read_spec(path)) for name, path in examples().items()}
    write_text(target, json.dumps(rates, indent=1) + "\n")
    print(target)


if __name__ == "__main__":
    main()
