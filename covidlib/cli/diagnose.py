"""The command `covidlib diagnose`: options, printed text and exit code (paper, section 3.2). Taught in chapter 06."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from covidlib.cli.common import SOME_FAILED, STOPPED, add_gate_options, print_findings
from covidlib.errors import InputError
from covidlib.names import NETWORKS, VARIATIONS

if TYPE_CHECKING:
    from covidlib.patients.batch import Batch
    from covidlib.patients.journal import Record

STDOUT = Path("-")


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `diagnose` to the command line."""
    parser = commands.add_parser("diagnose", help="apply the paper's decision rule to patients, with a report of each")
    parser.add_argument(
        "folders", type=Path, nargs="+", metavar="FOLDER", help="a series, a patient, or a folder of patients"
    )
    parser.add_argument("--weights", type=Path, required=True, help="a weights file from `covidlib train`")
    parser.add_argument(
        "--network", choices=(*NETWORKS, *VARIATIONS), help="needed only for the authors' weights files"
    )
    parser.add_argument(
        "--threshold", type=float, default=0.1, help="share of slices, 0 to 1 (paper: 0 or 0.1; default: 0.1)"
    )
    parser.add_argument(
        "--engine", choices=("auto", "tensorflow", "openvino"), default="auto", help="default: OpenVINO if installed"
    )
    parser.add_argument("--one-patient", action="store_true", help="each FOLDER is one patient, whatever it contains")
    parser.add_argument("--report", type=Path, metavar="OUT.html", help="write an HTML report")
    parser.add_argument("--explain", action="store_true", help="draw heat maps into the report")
    parser.add_argument(
        "--json", type=Path, metavar="OUT.json", help="write all answers, and resume from this file; - prints them"
    )
    add_gate_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Diagnose the patients; return 0, or 3 if some of them failed or some series were refused."""
    if arguments.explain and arguments.report is None:
        raise InputError("--explain", "heat maps need a report to be drawn into", "Add --report OUT.html")
    from covidlib.patients.batch import Request, diagnose_patients
    from covidlib.scans.findings import Finding
    from covidlib.scans.patient_folders import find_patients

    request = Request(
        arguments.weights,
        arguments.network,
        arguments.threshold,
        arguments.engine,
        arguments.explain,
        arguments.rescale,
        arguments.strict,
    )
    request.check()
    patients = find_patients(arguments.folders, arguments.one_patient)
    to_stdout = arguments.json == STDOUT
    try:
        batch = diagnose_patients(
            patients, request, None if to_stdout else arguments.json, arguments.report, progress=True
        )
    except KeyboardInterrupt:
        kept = arguments.report is not None or (arguments.json is not None and not to_stdout)
        print(f"covidlib: stopped; {'the same command goes on' if kept else 'nothing was kept'}", file=sys.stderr)
        return STOPPED
    found = [Finding(**finding) for record in batch.records for finding in record["findings"]]
    print_findings(found)
    for name, problem in batch.failed.items():
        print(f"covidlib: {name}: {problem}", file=sys.stderr)
    if to_stdout:
        print(json.dumps(batch.to_dict(), indent=1))
    else:
        print(to_text(batch))
    return SOME_FAILED if batch.failed or any(finding.severity == "refused" for finding in found) else 0


def to_text(batch: Batch) -> str:
    """Format answers for a terminal: one patient in detail, several as a table, then the failures."""
    from covidlib.patients.answers import NOTICE

    lines = _one(batch.records[0]) if len(batch.records) == 1 and not batch.failed else _many(batch)
    return "\n".join([*lines, NOTICE])


def _one(record: Record) -> list[str]:
    lines = [f"patient    {record['patient']}", f"network    {record['network']}", f"engine     {record['engine']}"]
    for series in record["series"]:
        selected = series.get("selected", [])
        lines.append(f"series     {series['series']}: {len(selected)} of {series['slices']} slices selected")
        # A series that differs from the training data has selected slices but no probabilities.
        for name, p in zip(selected, series["probabilities"], strict=False):
            lines.append(f"           {name}  p(COVID-19) {p:.3f}")
    lines.append(f"decision   {record['decision']}: {record['how_close']}")
    return lines + [f"remark     {remark}" for remark in record["remarks"]]


def _many(batch: Batch) -> list[str]:
    width = max((len(record["patient"]) for record in batch.records), default=0)
    lines = [
        f"{record['patient']:{width}}  {record['decision']:12}  {record['covid_slices']} of "
        f"{record['selected_slices']} slices, {record['needed_slices']} needed"
        for record in batch.records
    ]
    if batch.reused:
        lines.append(f"{batch.reused} of these answers are from an earlier start")
    lines.append(f"{len(batch.records)} patients answered, {len(batch.failed)} failed")
    return lines + [f"failed     {name}: {problem}" for name, problem in batch.failed.items()]
