"""The commands `covidlib train` and `covidlib runs`: options and printed text (paper, section 2.4).

Taught in chapter 04.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from covidlib.cli.common import add_strict
from covidlib.errors import InputError
from covidlib.names import NETWORKS, VARIATIONS
from covidlib.protocols import Protocol, check_trainable, protocol_named, with_settings
from covidlib.utils.files import check_folder, check_place

if TYPE_CHECKING:
    from covidlib.training.runs import Run


def add_parsers(commands: argparse._SubParsersAction) -> None:
    """Add both commands to the command line."""
    training = commands.add_parser("train", help="train networks on patient-grouped folds")
    training.add_argument("--protocol", default="quick", help="quick, colab or paper (default: quick)")
    training.add_argument("--network", choices=(*NETWORKS, *VARIATIONS), help="default: the paper's three")
    training.add_argument("--fold", type=int, help="1 to 5; default: all")
    training.add_argument("--all", action="store_true", help="train every network on every fold")
    training.add_argument("--data", default="", help="dataset folder; default: the synthetic cohort, made if needed")
    training.add_argument("--runs", type=Path, help="folder for the runs; default: runs/ in the workspace")
    training.add_argument("--cluster", metavar="ADDRESS", help="address of a Dask scheduler, to train on its workers")
    training.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change one protocol setting")
    training.add_argument("--allow-leak", action="store_true", help="train even if the validation set is test data")
    add_strict(training)
    training.set_defaults(run=train)

    runs = commands.add_parser("runs", help="show the progress of all runs of a protocol")
    runs.add_argument("--protocol", default="quick", help="quick, colab or paper (default: quick)")
    runs.add_argument("--data", default="", help="dataset folder; default: the synthetic cohort")
    runs.add_argument("--runs", type=Path, help="folder of the runs; default: runs/ in the workspace")
    runs.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as given to `covidlib train`")
    runs.set_defaults(run=show_runs)


def train(arguments: argparse.Namespace) -> None:
    """Train the requested runs, and print one line as each ends (paper, section 2.4)."""
    from covidlib import workspace
    from covidlib.utils import folders

    protocol = _protocol(arguments)
    if not arguments.all and arguments.network is None and arguments.fold is None:
        raise InputError("train", "no runs selected", "Add --network NAME, --fold N, or --all")
    if arguments.all and (arguments.network or arguments.fold is not None):
        raise InputError("train", "--all cannot be combined with --network or --fold", "Leave one of them out")
    if arguments.runs is not None:
        check_place(arguments.runs, "Name a folder for the runs")
    data = workspace.cohort(arguments.data, progress=sys.stderr.isatty())
    runs = arguments.runs or folders.home() / "runs"
    names = (arguments.network,) if arguments.network else NETWORKS
    folds = tuple(range(1, protocol.folds + 1)) if arguments.fold is None else (arguments.fold,)
    total = len(names) * len(folds)
    for number, run in enumerate(_runs(arguments, data, protocol, runs, names, folds), start=1):
        record, best = run.record(), run.history()["val_accuracy"].max()
        done = f"{number} of {total}: {record['network']} fold {record['fold']}"
        print(f"{done}: best validation accuracy {best:.3f}, {run.folder}", flush=True)


def show_runs(arguments: argparse.Namespace) -> None:
    """Print the progress of all runs of a protocol."""
    from covidlib import workspace
    from covidlib.datasets.slice_table import load_dataset
    from covidlib.utils import folders

    protocol = _protocol(arguments)
    from covidlib.training.progress import overview, to_text

    if arguments.runs is not None:
        check_folder(arguments.runs, "Name the folder that was given to `covidlib train --runs`")
    dataset = load_dataset(workspace.cohort(arguments.data, progress=True))
    print(to_text(overview(protocol, arguments.runs or folders.home() / "runs", dataset.fingerprint)))


def _protocol(arguments: argparse.Namespace) -> Protocol:
    protocol = with_settings(protocol_named(arguments.protocol), arguments.set)
    check_trainable(protocol)
    return protocol


def _runs(
    arguments: argparse.Namespace,
    data: Path,
    protocol: Protocol,
    runs: Path,
    names: tuple[str, ...],
    folds: tuple[int, ...],
) -> Iterator[Run]:
    """Yield the runs as they finish here, or all when a cluster has finished them."""
    from covidlib.datasets.slice_table import load_dataset
    from covidlib.training.train import train_fold

    if arguments.cluster:
        from covidlib.training.cluster import connect, train_on_cluster

        if arguments.strict:  # the workers read the folder themselves, and would only warn
            load_dataset(data, strict=True)
        with connect(arguments.cluster) as client:
            yield from train_on_cluster(
                client,
                data.resolve(),
                protocol,
                runs.resolve(),
                names,
                folds,
                arguments.allow_leak,
                progress=sys.stderr.isatty(),
            )
        return
    dataset = load_dataset(data, arguments.strict)
    for name in names:
        for fold in folds:
            # No progress bar in a log file, which it would fill; the line of each run is printed anyway.
            yield train_fold(dataset, name, fold, protocol, runs, sys.stderr.isatty(), arguments.allow_leak)
