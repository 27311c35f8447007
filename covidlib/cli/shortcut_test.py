"""The command `covidlib shortcut-test`: does a network look at the lungs? Taught in chapter 09."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from covidlib.cli.common import SOME_FAILED, add_gate_options, print_findings
from covidlib.names import NETWORKS, VARIATIONS

if TYPE_CHECKING:
    from covidlib.pitfalls.shortcut_verdict import ShortcutReport

FIGURES = (".png", ".svg", ".pdf")


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `shortcut-test` to the command line."""
    parser = commands.add_parser(
        "shortcut-test", help="test whether a network looks at the lungs, or at the scanner and the surroundings"
    )
    parser.add_argument("folder", type=Path, help="a dataset, or a folder with series, of infected and normal patients")
    parser.add_argument("--weights", type=Path, required=True, help="a weights file from `covidlib train`")
    parser.add_argument(
        "--network", choices=(*NETWORKS, *VARIATIONS), help="needed only for the authors' weights files"
    )
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="FILE.csv",
        help="columns path (file or folder) and label (covid, normal, unlabelled), perhaps patient, kernel, "
        "thickness_mm; default: the dataset's names and lists",
    )
    parser.add_argument("--slices", type=int, default=5, metavar="N", help="at most so many per patient (default: 5)")
    parser.add_argument("--figure", type=Path, metavar="FILE", help="draw the result: .png, .svg or .pdf")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    add_gate_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Test a network; return 0, or 3 if some series were refused.

    Raises
    ------
    InputError
        If the folder, the labels, the weights or the figure's name cannot be used.
    """
    import pandas as pd
    from tqdm import tqdm

    from covidlib.networks.weights import note_for
    from covidlib.pitfalls.changed_slices import AT_ONCE, answers_in_portions, classifier
    from covidlib.pitfalls.labelled_series import labelled_slices
    from covidlib.pitfalls.shortcut_verdict import shortcut_report

    if arguments.figure is not None:
        _check_figure(arguments.figure)
    # The file is judged first, the network is opened last: that takes seconds.
    note_for(arguments.weights, arguments.network)
    slices = labelled_slices(
        arguments.folder, arguments.labels, arguments.rescale, arguments.strict, most=arguments.slices
    )
    print_findings(slices.findings)
    classify, side = classifier(arguments.weights, arguments.network)
    portions = answers_in_portions(slices.table, arguments.folder, side, classify, slices.read)
    total = -(-len(slices.table) // AT_ONCE)
    answers = pd.concat(tqdm(portions, total=total, unit="portion", disable=None), ignore_index=True)
    report = shortcut_report(answers)
    if arguments.figure is not None:
        _draw(report, arguments.weights.name, arguments.figure)
    if arguments.json:
        found = [finding.to_dict() for finding in slices.findings]
        whole = {**report.to_dict(), "slices": list(slices.remarks), "findings": found}
        print(json.dumps(whole, indent=2, ensure_ascii=False))
    else:
        print("\n".join([report.to_text(), *(f"slices   {remark}" for remark in slices.remarks)]))
        if arguments.figure is not None:
            print(f"{arguments.figure}: figure", file=sys.stderr)
    return SOME_FAILED if any(finding.severity == "refused" for finding in slices.findings) else 0


def _check_figure(path: Path) -> None:
    """Refuse a figure that cannot be written, before anything is computed.

    Raises
    ------
    InputError
        If the ending is no format of figures, or no file can be written there.
    """
    from covidlib.errors import InputError
    from covidlib.utils.files import check_output

    if path.suffix.lower() not in FIGURES:
        raise InputError(path, f"its ending is not one of {', '.join(FIGURES)}", "Choose such an ending")
    check_output(path)


def _draw(report: ShortcutReport, name: str, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from covidlib.plotting.shortcuts import shortcut_figure
    from covidlib.plotting.style import style
    from covidlib.utils.files import replacing

    style()
    figure = shortcut_figure({name: report.changes}, {name: report.patients})
    with replacing(path, path.suffix) as part:
        figure.savefig(part, dpi=150)
