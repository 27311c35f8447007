"""The command line: options and one function per command; bad input gives one line on stderr and exit code 2."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from covidlib import __version__
from covidlib.cli import diagnose, doctor, recover, shortcut_test, train
from covidlib.cli.common import (
    BAD_INPUT,
    PROBLEM,
    SOME_FAILED,
    STOPPED,
    add_gate_options,
    add_strict,
    print_findings,
    show_warning,
)
from covidlib.errors import InputError, SeriesWarning
from covidlib.names import NETWORKS, VARIATIONS

if TYPE_CHECKING:
    from covidlib.scans.findings import Finding
    from covidlib.scans.gate import Opened
    from covidlib.selection import Selection


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0 done, 1 `check-data`, `audit` or `doctor` found a problem, 2 bad input, 3 some series were refused or some
    patients have no answer, 130 stopped with Ctrl-C.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for stream in (sys.stdout, sys.stderr):
        # A terminal without a character (a bar, a multiplication sign) shows a question mark, not a traceback.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    arguments = _parser().parse_args(argv)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", SeriesWarning)
            warnings.showwarning = show_warning
            return arguments.run(arguments) or 0
    except InputError as error:
        problem = str(error)
    except BrokenPipeError:
        # The reader of a pipe (`| head`) stopped early: there is nothing more to print or to flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("covidlib: stopped", file=sys.stderr)
        return STOPPED
    except MemoryError:
        problem = "not enough memory. Close other programs, or use a machine with more memory."
    except OSError as error:
        # A full disk or a read-only folder: the error has its name.
        problem = f"{error.filename or 'the disk'}: {error.strerror or error}. Free space, or choose another folder."
    print(f"covidlib: {problem}", file=sys.stderr)
    return BAD_INPUT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="covidlib",
        description="Teaching and replication kit for one paper on COVID-19 in chest CT. Not a medical device.",
    )
    parser.add_argument("--version", action="version", version=f"covidlib {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    select = commands.add_parser("select", help="apply the paper's slice selection to every series under a folder")
    select.add_argument("folder", type=Path, help="16-bit TIFF or DICOM slices of one or more series")
    select.add_argument("--json", action="store_true", help="print JSON with one entry per series")
    add_gate_options(select)
    select.set_defaults(run=_select)

    phantom = commands.add_parser("phantom", help="make a synthetic cohort in COVID-CTset's layout")
    phantom.add_argument("folder", type=Path, help="a new or empty folder")
    phantom.add_argument(
        "--patients", type=int, default=50, help="number of patients, half of them infected (default: 50)"
    )
    phantom.add_argument("--seed", type=int, default=2020, help="the same seed gives the same files (default: 2020)")
    phantom.add_argument(
        "--shortcut", action="store_true", help="kernel and thickness follow the class, as in the real dataset"
    )
    phantom.set_defaults(run=_phantom)

    train.add_parsers(commands)
    diagnose.add_parser(commands)
    shortcut_test.add_parser(commands)

    export = commands.add_parser(
        "export", help="export a trained network to another program's format, checked against Keras"
    )
    export.add_argument("out", type=Path, help="a new file (.onnx, .xml, .tflite), or a new folder for saved-model")
    export.add_argument("--weights", type=Path, required=True, help="a weights file from `covidlib train`")
    export.add_argument("--network", choices=NETWORKS, help="needed only for the authors' weights files")
    export.add_argument("--format", required=True, choices=("saved-model", "onnx", "openvino", "litert"))
    export.set_defaults(run=_export)

    fetch = commands.add_parser("fetch", help="download a public dataset, with resume and checksums")
    fetch.add_argument(
        "dataset",
        choices=("covid-ctset", "lung-pet-ct-dx", "covid-ctset-float", "lists"),
        help="covid-ctset-float: five slices that were divided by their maximum; lists: of images, folds, checksums",
    )
    fetch.add_argument(
        "--part", choices=("train-validation", "full"), help="part of covid-ctset; default: train-validation"
    )
    fetch.add_argument(
        "--from", dest="place", choices=("kaggle", "figshare", "drive", "zip"), help="source; default: try all in turn"
    )
    fetch.add_argument("--zip", type=Path, help="a zip of covid-ctset that you downloaded yourself")
    fetch.add_argument("--to", type=Path, help="a new folder; default: in data/ of the workspace")
    fetch.set_defaults(run=_fetch)

    check = commands.add_parser("check-data", help="report the contents of a dataset folder, and problems in it")
    check.add_argument("folder", type=Path, help="16-bit TIFF slices in either of COVID-CTset's layouts")
    check.add_argument("--splits", type=Path, help="folder with train1.csv, test1.csv ...; default: CSV/ in the folder")
    check.add_argument("--against", choices=["paper"], help="report differences from the paper's data as problems")
    check.add_argument(
        "--near-duplicates",
        action="store_true",
        help="also find slices of different patients that are copies after scaling, cropping, compression, mirroring",
    )
    check.add_argument("--workers", type=int, help="number of threads (default: one per processor, at most 8)")
    check.add_argument("--json", action="store_true", help="print the whole report as JSON")
    add_strict(check)
    check.set_defaults(run=_check_data)
    importer = commands.add_parser("import-dicom", help="convert DICOM series to de-identified 16-bit TIFF series")
    importer.add_argument("source", type=Path, help="a folder with DICOM files of one or more series")
    importer.add_argument("target", type=Path, help="a new or empty folder")
    importer.add_argument("--json", action="store_true", help="print JSON with one entry per series")
    add_gate_options(importer)
    importer.set_defaults(run=_import_dicom)
    converter = commands.add_parser(
        "rescale", help="copy a dataset, with values on another scale converted to HU + 1024"
    )
    converter.add_argument("source", type=Path, help="a folder with TIFF slices of one or more series")
    converter.add_argument("target", type=Path, help="a new or empty folder")
    add_strict(converter)
    converter.set_defaults(run=_rescale)
    recover.add_parser(commands)
    audit = commands.add_parser("audit", help="recompute every number that the paper, or another one, prints")
    audit.add_argument(
        "--tables", type=Path, metavar="DIR", help="folder with table1.csv to table9.csv; default: the paper's tables"
    )
    audit.add_argument(
        "--spec", metavar="FILE.yaml", help="audit another two-class paper, or an example by name (nasiri2022, ...)"
    )
    audit.add_argument(
        "--mutations", action="store_true", help="with --spec: change each number, and count the changes that are found"
    )
    audit.add_argument(
        "--second-opinion", action="store_true", help="with --spec: ask the package mlscorecheck as well"
    )
    audit.add_argument("--json", action="store_true", help="print every check as JSON")
    audit.add_argument("--html", type=Path, metavar="FILE", help="write an HTML page with filters, which works offline")
    audit.set_defaults(run=_audit)
    nets = commands.add_parser(
        "networks", help="describe the receptive fields and the cost of networks, level by level"
    )
    nets.add_argument("action", choices=["describe"])
    nets.add_argument(
        "name", nargs="?", choices=(*NETWORKS, *VARIATIONS), help="default: the paper's three, side by side"
    )
    nets.add_argument("--size", choices=("paper", "quick"), default="paper", help="default: paper")
    nets.add_argument("--side", type=int, help="image side in pixels; default: 512, or 128 for the quick size")
    nets.set_defaults(run=_networks)
    doctor.add_parser(commands)
    return parser


def _select(arguments: argparse.Namespace) -> int:
    from covidlib.scans.gate import survey_folder

    opened = survey_folder(arguments.folder, arguments.rescale, arguments.strict)
    # A program that asked for JSON gets the reasons in it; a person gets the first one.
    if not arguments.json:
        opened.or_error()
    selections, findings = selected(opened)
    print_findings(findings)
    if arguments.json:
        found = [finding.to_dict() for finding in findings]
        print(json.dumps({"series": [selection.to_dict() for selection in selections], "findings": found}, indent=2))
    else:
        for selection in selections:
            print(f"series     {selection.series.name}")
            print(f"slices     {len(selection.series)}")
            print(f"counts     {' '.join(map(str, selection.counts))}")
            print(f"threshold  {selection.threshold:.2f}")
            print(f"selected   {len(selection.selected)}: {' '.join(selection.selected) or 'none'}")
            print()
    if not selections:
        return BAD_INPUT
    return SOME_FAILED if any(finding.severity == "refused" for finding in findings) else 0


def selected(opened: Opened) -> tuple[list[Selection], list[Finding]]:
    """The rule applied to every series, and all findings; series that are too small for the rule are among them.

    Raises
    ------
    InputError
        If no series is large enough.
    """
    from covidlib.scans.findings import refusal
    from covidlib.selection import select_series

    selections, findings = [], list(opened.findings)
    for series in opened.series:
        try:
            selections.append(select_series(series))
        except InputError as error:
            if len(opened.series) == 1:
                raise
            findings.append(refusal("other-size", error))
    return selections, findings


def _phantom(arguments: argparse.Namespace) -> None:
    from covidlib.phantom.cohort import make_cohort

    folder = make_cohort(arguments.folder, arguments.patients, arguments.seed, shortcut=arguments.shortcut)
    print(f"{folder}: {arguments.patients} synthetic patients, seed {arguments.seed}")


def _export(arguments: argparse.Namespace) -> None:
    from covidlib.inference.export import export_network

    agreement = export_network(arguments.weights, arguments.format, arguments.out, arguments.network)
    print(f"{arguments.out}: within {agreement.largest_difference:.1g} of Keras on a test batch")
    print(f"{arguments.out}.json: the input that the network expects")


def _fetch(arguments: argparse.Namespace) -> None:
    from covidlib.datasets import check_folder, covid_ctset, public_files

    if arguments.dataset == "covid-ctset":
        part = arguments.part or covid_ctset.PARTS[0]
        folder = covid_ctset.fetch(part, arguments.place, arguments.zip, arguments.to)
        print(f"{folder}: COVID-CTset, {part}\n{check_folder.checksum_report(folder, progress=True)}")
        return
    if arguments.part or arguments.place or arguments.zip:
        raise InputError(arguments.dataset, "--part, --from and --zip are for covid-ctset only", "Leave them out")
    if arguments.dataset == "lists":
        names = [name for name in public_files.known_files() if name.endswith(".csv")]
        print(f"{len([public_files.fetch(name) for name in names])} lists: verified")
        return
    prefix, credit = public_files.SLICES[arguments.dataset]
    folder = public_files.copy_folder(prefix, arguments.to) if arguments.to else public_files.fetch_folder(prefix)
    print(f"{folder}: verified\n{credit}")


def _import_dicom(arguments: argparse.Namespace) -> int:
    from covidlib.scans.dicom_import import NOTICE, import_dicom
    from covidlib.scans.gate import NoneUsable

    try:
        imported = import_dicom(
            arguments.source, arguments.target, progress=True, rescale=arguments.rescale, strict=arguments.strict
        )
    except NoneUsable as error:
        if not arguments.json:
            raise
        # As `select` does: a program that asked for JSON gets all reasons in it.
        print_findings(error.findings)
        print(json.dumps({"series": [], "findings": [finding.to_dict() for finding in error.findings]}, indent=2))
        return BAD_INPUT
    print_findings(imported.findings)
    if arguments.json:
        found = [finding.to_dict() for finding in imported.findings]
        print(json.dumps({"series": json.loads(imported.table.to_json(orient="records")), "findings": found}, indent=2))
    else:
        print(imported.table.to_string(index=False))
        print(f"{imported.folder}: {len(imported.table)} series, {imported.table['slices'].sum()} slices\n{NOTICE}")
    return SOME_FAILED if imported.refused else 0


def _rescale(arguments: argparse.Namespace) -> None:
    from covidlib.scans.rescale import write_rescaled

    findings = write_rescaled(arguments.source, arguments.target, arguments.strict)
    print_findings(findings)
    print(f"{arguments.target}: {sum(one.code == 'rescaled' for one in findings)} series converted, others copied")


def _networks(arguments: argparse.Namespace) -> None:
    from covidlib.networks.describe import report

    print(report(arguments.name, arguments.size, arguments.side))


def _audit(arguments: argparse.Namespace) -> int:
    from covidlib.audit import report as page
    from covidlib.audit.all_checks import audit_paper, disagreements
    from covidlib.audit.printed_tables import paper_tables, read_tables

    if arguments.spec:
        return _audit_spec(arguments)
    if arguments.mutations or arguments.second_opinion:
        option = "--mutations" if arguments.mutations else "--second-opinion"
        raise InputError(option, "needs --spec", "Name a description, for example --spec rahimzadeh2021")
    tables = read_tables(arguments.tables) if arguments.tables else paper_tables()
    checks = audit_paper(tables)
    if arguments.html:
        page.write_html(checks, arguments.html, tables)
    print(json.dumps(page.to_dict(checks), indent=2, ensure_ascii=False) if arguments.json else page.to_text(checks))
    return PROBLEM if disagreements(checks, known=False) else 0


def _audit_spec(arguments: argparse.Namespace) -> int:
    from covidlib.audit import second_opinion, spec_report
    from covidlib.audit.report import to_dict
    from covidlib.audit.spec_checks import audit_spec, new_disagreements
    from covidlib.audit.spec_file import read_spec

    for option, value in (("--tables", arguments.tables), ("--html", arguments.html)):
        if value:
            raise InputError(option, "cannot be used with --spec", "Leave it out")
    spec = read_spec(arguments.spec)
    checks = audit_spec(spec)
    if arguments.second_opinion:
        opinion = second_opinion.opinion(spec)
    else:
        opinion = second_opinion.stored_opinions().get(Path(arguments.spec).stem, {})
    rates = spec_report.detection_rates(spec) if arguments.mutations else {}
    if arguments.json:
        found = {kind: {"found": each.found, "changes": each.changes} for kind, each in rates.items()}
        whole = {"paper": dict(spec.paper), **to_dict(checks), "second_opinion": opinion, "mutations": found}
        print(json.dumps(whole, indent=2, ensure_ascii=False))
    else:
        print(spec_report.to_text(spec, checks, opinion, rates))
    return PROBLEM if new_disagreements(checks) else 0


def _check_data(arguments: argparse.Namespace) -> int:
    from covidlib.datasets.check_folder import check_data
    from covidlib.datasets.folder_report import to_dict, to_text

    report = check_data(
        arguments.folder,
        arguments.splits,
        arguments.against == "paper",
        arguments.workers,
        progress=True,
        strict=arguments.strict,
        near_duplicates=arguments.near_duplicates,
    )
    print_findings(report.series_findings)
    print(json.dumps(to_dict(report), indent=2) if arguments.json else to_text(report))
    return PROBLEM if len(report.problems) else 0


if __name__ == "__main__":
    sys.exit(main())
