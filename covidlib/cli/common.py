"""What several commands share: exit codes, the options --rescale and --strict, findings on stderr."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

from covidlib.errors import SeriesWarning

if TYPE_CHECKING:
    from covidlib.scans.findings import Finding

PROBLEM, BAD_INPUT, SOME_FAILED, STOPPED = 1, 2, 3, 130

_python_shows = warnings.showwarning


def add_strict(parser: argparse.ArgumentParser) -> None:
    """Add `--strict` to a command that opens series."""
    parser.add_argument("--strict", action="store_true", help="refuse a series for anything that is found in it")


def add_gate_options(parser: argparse.ArgumentParser) -> None:
    """Add `--strict` and `--rescale` to a command that opens series and reads their pixels itself."""
    add_strict(parser)
    parser.add_argument(
        "--rescale", action="store_true", help="convert values on a known other scale to HU + 1024, where it is certain"
    )


def print_findings(findings: Iterable[Finding]) -> None:
    """Print findings on stderr, one line each."""
    for finding in findings:
        print(f"covidlib: {finding.line()}", file=sys.stderr)


def show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Show a finding that comes as a Python warning in one line, other warnings as usual."""
    if issubclass(category, SeriesWarning):
        print(f"covidlib: {message}", file=sys.stderr)
    else:
        _python_shows(message, category, filename, lineno, file, line)
