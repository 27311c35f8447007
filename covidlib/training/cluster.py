"""Distribute training runs over several machines with Dask, one task per network and fold (paper, section 2.4).

Runs are independent, and are stored in a folder that all machines share. If a worker dies, its task goes to another
worker, which resumes after the last finished epoch. Taught in chapter 04.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tqdm.auto import tqdm

from covidlib.datasets.slice_table import load_dataset
from covidlib.errors import InputError
from covidlib.names import NETWORKS
from covidlib.protocols import Protocol
from covidlib.training.runs import Run
from covidlib.training.train import train_fold

if TYPE_CHECKING:
    from distributed import Client

RETRIES = 5
"""How often a run is retried that ended with an error other than bad input: a lost or full disk may be back by then."""


def connect(address: str) -> Client:
    """Connect to the Dask scheduler at an address, such as tcp://node1:8786.

    Raises
    ------
    InputError
        If dask.distributed is not installed, or no scheduler answers at the address.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError(
            address, "dask.distributed is not installed", "Install it: pip install 'covidlib[cluster]'"
        ) from error
    try:
        return Client(address, timeout=20)
    except (OSError, ValueError) as error:
        raise InputError(
            address, f"no Dask scheduler answers at this address ({error})", "Start one: dask scheduler"
        ) from error


def train_on_cluster(
    client: Client,
    data: str | Path,
    protocol: Protocol,
    runs: str | Path,
    names: tuple[str, ...] = NETWORKS,
    folds: tuple[int, ...] = (),
    allow_leak: bool = False,
    progress: bool = True,
) -> list[Run]:
    """Train every network on every fold on the workers of a cluster; finished runs are kept.

    Parameters
    ----------
    data, runs : path
        Folders with the same path on every machine.
    folds : tuple of int
        Default: all folds of the protocol.

    Raises
    ------
    InputError
        If a run refuses its input, or too many workers died while training it.
    """
    from distributed import KilledWorker, as_completed

    folds = folds or tuple(range(1, protocol.folds + 1))
    todo = [(name, fold) for name in names for fold in folds]
    # TensorFlow uses every core of its machine: one run per worker at a time.
    futures = {
        client.submit(
            _train_one, str(data), name, fold, protocol, str(runs), allow_leak, pure=False, retries=RETRIES
        ): (name, fold)
        for name, fold in todo
    }
    done: dict[tuple[str, int], Run] = {}
    with tqdm(total=len(todo), unit="run", disable=not progress) as bar:
        for future in as_completed(futures):
            name, fold = futures[future]
            try:
                result = future.result()
            except KilledWorker as error:
                # The scheduler's setting distributed.scheduler.allowed-failures says how many deaths are too many.
                deaths = error.allowed_failures + 1
                problem = f"{deaths} workers died while training this run"
                raise InputError(f"{name}, fold {fold}", problem, "Read their logs") from error
            if isinstance(result, InputError):
                raise result
            done[name, fold] = Run(Path(result))
            bar.set_postfix(last=f"{name} fold {fold}")
            bar.update()
    return [done[network_and_fold] for network_and_fold in todo]


def _train_one(data: str, name: str, fold: int, protocol: Protocol, runs: str, allow_leak: bool) -> str | InputError:
    """Train one run on a worker: its folder, or an error that a retry would only repeat."""
    try:
        run = train_fold(load_dataset(data), name, fold, protocol, runs, progress=False, allow_leak=allow_leak)
    except InputError as error:
        if is_worth_a_retry(error, Path(data)):
            raise
        return error
    return str(run.folder)


def is_worth_a_retry(error: InputError, data: Path) -> bool:
    """Whether a later try may succeed: after a full or lost disk, but not after a bad slice or setting."""
    cause = error.__cause__
    bad_file = isinstance(cause, FileNotFoundError | IsADirectoryError | NotADirectoryError | PermissionError)
    return not data.is_dir() or (isinstance(cause, OSError) and not bad_file)
