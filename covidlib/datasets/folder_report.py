"""Write the report on a dataset folder, as text or as JSON. Taught in chapter 01."""

from __future__ import annotations

import pandas as pd

from covidlib.datasets.check_folder import EXAMPLES, Report, count_classes, describe


def to_dict(report: Report) -> dict[str, object]:
    """The complete report as plain Python types, for JSON."""
    return {
        "folder": str(report.root),
        "slices": len(report.slices),
        "classes": count_classes(report.slices),
        "comparisons": report.comparisons,
        "problems": report.problems.drop(columns="severity").to_dict("records"),
        "notes": report.notes.drop(columns="severity").to_dict("records"),
        "remarks": report.remarks,
        "findings": [finding.to_dict() for finding in report.series_findings],
    }


def to_text(report: Report) -> str:
    """The report as short text: counts, comparison with the paper, problems by kind with examples, notes."""
    lines = [f"folder     {report.root}", f"slices     {len(report.slices):,}"]
    for label, counts in count_classes(report.slices).items():
        by_series = ", ".join(f"{name} {count:,}" for name, count in counts["by_series"].items())  # type: ignore[attr-defined]
        lines.append(
            f"{label:<10} {counts['slices']:,} slices, {counts['patients']} patients, {counts['series']} series"
            + (f" ({by_series})" if by_series else "")
        )
    lines += _paper_lines(report)
    lines.append(f"problems   {len(report.problems):,}")
    lines += _grouped(report.problems)
    lines.append(f"notes      {len(report.notes) + len(report.remarks):,}")
    lines += _grouped(report.notes) + [f"           {remark}" for remark in report.remarks]
    return "\n".join(lines)


def _paper_lines(report: Report) -> list[str]:
    lines = []
    for table in sorted({str(line["table"]) for line in report.comparisons}):
        compared = [line for line in report.comparisons if line["table"] == table]
        differing = [line for line in compared if not line["agrees"]]
        lines.append(f"{table.lower():<10} {len(compared) - len(differing)} of {len(compared)} numbers agree")
        lines += [f"           {describe(line).removeprefix(f'{table}, ')}" for line in differing[:EXAMPLES]]
        if len(differing) > EXAMPLES:
            lines.append(f"           and {len(differing) - EXAMPLES} more")
    return lines


def _grouped(findings: pd.DataFrame) -> list[str]:
    lines = []
    for kind, group in findings.groupby("kind", sort=False):
        lines.append(f"  {kind}: {len(group):,}")
        lines += [f"    {row.path}: {row.detail}" for row in group.head(EXAMPLES).itertuples()]
        if len(group) > EXAMPLES:
            lines.append(f"    and {len(group) - EXAMPLES:,} more (--json lists all)")
    return lines
