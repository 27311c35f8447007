"""The command `covidlib recover`: 16-bit slices from float TIFFs (paper, section 2.1). Taught in chapter 01."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from covidlib.scans.stored_integers import StoredIntegers


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `recover` to the command line."""
    parser = commands.add_parser(
        "recover", help="write 16-bit slices from float TIFFs that were divided by their own maximum"
    )
    parser.add_argument("source", type=Path, help="a float TIFF, or a folder with float TIFFs")
    parser.add_argument("target", type=Path, help="a new file, or a new or empty folder")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Recover a file or a folder, and print the number by which each slice was divided."""
    from covidlib.scans.stored_integers import recover_file, recover_folder

    source, target = arguments.source, arguments.target
    if source.is_dir():
        found = recover_folder(source, target)
        print(f"{target}: {len(found)} slices recovered, other files copied")
    else:
        found = {source: recover_file(source, target)}
        print(f"{target}: recovered")
    for path, whole in found.items():
        print(_line(path, whole))


def _line(path: Path, whole: StoredIntegers) -> str:
    line = f"{path}: integers divided by {whole.largest}"
    if whole.others:
        # Only the factor is open: the recovered integers are the smallest, and have no factor in common.
        line += f"; multiples of them, divided by {', '.join(map(str, whole.others[:3]))}, give the same file"
    return line
