"""The command `covidlib doctor`: check the environment, with a report that can be pasted into a public issue.

The report lists what is installed, what is missing and what to do. It never contains a user name, host name or path.
Taught in the how-to on GPUs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from covidlib import __version__, workspace
from covidlib.errors import InputError
from covidlib.utils import folders, machine

PROBLEM = 1
OLDEST_PYTHON, TOO_NEW_PYTHON = (3, 11, 5), (3, 14)
LEAST_DISK_GB = 1.0
"""Space for the synthetic cohorts and the quick runs, rounded up."""
NOT_LOOKED_AT = "not checked: packages are missing"

State = Literal["", "ok", "FAIL", "-"]


@dataclass(frozen=True)
class Line:
    """One line of the report.

    Attributes
    ----------
    part : str
        machine, packages, extras, devices or data.
    name, found : str
        What was checked, and the result.
    state : "", "ok", "FAIL" or "-"
        A fact; needed and present; needed but missing or wrong; optional and missing.
    remedy : str
        What to do, if something is missing or wrong.
    """

    part: str
    name: str
    found: str
    state: State = ""
    remedy: str = ""


def examine(devices: bool = False) -> list[Line]:
    """Check the machine, the packages and the data.

    Parameters
    ----------
    devices : bool
        Also list TensorFlow's devices; loading TensorFlow takes some seconds.
    """
    lines = [*_machine(), *_disk()]
    try:
        lines += [*_packages(), *_extras()]
    except ModuleNotFoundError as error:
        lines.append(Line("packages", str(error.name), "missing", "FAIL", _install("")))
    complete = not any(line.state == "FAIL" and line.part == "packages" for line in lines)
    if devices:
        lines += _devices() if complete else [Line("devices", "TensorFlow", NOT_LOOKED_AT, "-")]
    return [*lines, *_data(complete)]


def good(lines: list[Line]) -> bool:
    """Whether everything that is needed is present."""
    return all(line.state != "FAIL" for line in lines)


# The checks ----------------------------------------------------------------------------------------------------------


def _machine() -> Iterator[Line]:
    commit = machine.commit()
    origin = f"clone, commit {commit or 'unknown'}" if machine.in_clone() else "installed, no commit"
    yield Line("machine", "covidlib", f"{__version__} ({origin})")
    supported = OLDEST_PYTHON <= sys.version_info[:3] < TOO_NEW_PYTHON
    remedy = "" if supported else "Install Python 3.11.5 to 3.13 and create a new environment with it"
    yield Line("machine", "Python", machine.python(), "ok" if supported else "FAIL", remedy)
    yield Line("machine", "system", machine.system())
    yield Line("machine", "processor", machine.processor_line())
    yield Line("machine", "cores", machine.cores())
    yield Line("machine", "memory", machine.memory())


def _place() -> str:
    if os.environ.get(folders.HOME_VARIABLE):
        return f"the folder of {folders.HOME_VARIABLE}"
    return "~/.cache/covidlib" if folders.home() == folders.cache() else "the clone"


def _disk() -> Iterator[Line]:
    try:
        home = folders.home()
    except InputError as error:
        yield Line("machine", "disk", error.problem, "FAIL", error.remedy)
        return
    existing = next(folder for folder in (home.absolute(), *home.absolute().parents) if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        remedy = f"Set {folders.HOME_VARIABLE} to a folder that you can write to"
        yield Line("machine", "disk", f"{_place()} cannot be written to", "FAIL", remedy)
        return
    free = shutil.disk_usage(existing).free / 1e9
    enough = free >= LEAST_DISK_GB or workspace.cohort_folder().is_dir()
    remedy = "" if enough else f"Free space, or set {folders.HOME_VARIABLE} to a folder on another disk"
    yield Line("machine", "disk", f"{free:.1f} GB free at {_place()}", "ok" if enough else "FAIL", remedy)


def _packages() -> Iterator[Line]:
    for package in machine.packages(machine.requirements()[""]):
        state: State = "ok" if package.good else "FAIL"
        yield Line("packages", package.name, _version(package), state, "" if package.good else _install(""))


def _extras() -> Iterator[Line]:
    for extra, asked in machine.requirements().items():
        if not extra:
            continue
        wrong = [package for package in machine.packages(asked) if not package.good]
        # Missing packages are only named: an extra is often missing as a whole.
        names = ", ".join(
            package.name if package.found is None else f"{package.name} {_version(package)}" for package in wrong
        )
        result = f"missing: {names}" if wrong else "installed"
        yield Line("extras", extra, result, "-" if wrong else "ok", _install(extra) if wrong else "")


def _version(package: machine.Package) -> str:
    needed = "" if package.good or not package.wanted else f" (needed: {package.wanted})"
    return f"{package.found or 'missing'}{needed}"


def _install(extra: str) -> str:
    extras = f"[{extra}]" if extra else ""
    if machine.in_clone():
        return f"pip install -e '.{extras}'"
    return f"pip install 'covidlib{extras} @ git+{machine.repository()}'"


def _devices() -> Iterator[Line]:
    try:
        from covidlib.utils.quiet_tensorflow import tf
    except Exception as error:
        # Any error that stops TensorFlow from loading is reported.
        yield Line("devices", "TensorFlow", f"does not load ({type(error).__name__})", "FAIL", _install(""))
        return
    for kind in ("CPU", "GPU"):
        devices = tf.config.list_physical_devices(kind)
        details = [tf.config.experimental.get_device_details(device) for device in devices]
        names = ", ".join(detail["device_name"] for detail in details if "device_name" in detail)
        yield Line("devices", kind, f"{len(devices)}{f': {names}' if names else ''}", "ok" if devices else "-")


def _data(complete: bool) -> Iterator[Line]:
    try:
        drawn = workspace.cohort_folder().is_dir()
    except InputError:
        return  # There is no folder for data: the line on the disk reports it.
    yield _found("synthetic cohort", drawn, "made on first use, by a chapter or `covidlib train`")
    runs = _quick_runs() if drawn and complete else (0 if complete else NOT_LOOKED_AT)
    trained = runs if isinstance(runs, str) else f"{runs} of 15"
    yield Line("data", "quick runs", trained, "ok" if runs == 15 else "-", "" if runs == 15 else "covidlib train --all")
    for part in ("train-validation", "full"):
        # The note is in a folder that was unpacked completely (covidlib.utils.unzip).
        unpacked = (folders.home() / "data" / "covid-ctset" / part / ".unpacked.json").is_file()
        yield _found(f"COVID-CTset, {part}", unpacked, f"covidlib fetch covid-ctset --part {part}")
    mirror = os.environ.get("COVIDLIB_MIRROR")
    if not mirror:
        yield Line("data", "mirror", "none: public files are downloaded", "-")
    elif Path(mirror).is_dir():
        yield Line("data", "mirror", "COVIDLIB_MIRROR names an existing folder", "ok")
    else:
        remedy = "Unset COVIDLIB_MIRROR, or set it to a folder with the public files"
        yield Line("data", "mirror", "COVIDLIB_MIRROR does not name a folder", "FAIL", remedy)


def _found(name: str, present: bool, remedy: str) -> Line:
    state: State = "ok" if present else "-"
    return Line("data", name, "present" if present else "not present", state, "" if present else remedy)


def _quick_runs() -> int | str:
    from covidlib.datasets.slice_table import load_dataset
    from covidlib.names import NETWORKS
    from covidlib.protocols import QUICK
    from covidlib.training.runs import RECORD, runs_folder

    try:
        fingerprint = load_dataset(workspace.cohort_folder()).fingerprint
    except (InputError, OSError):
        return "the cohort cannot be read"
    folder = runs_folder(QUICK, folders.home() / "runs", fingerprint)
    return sum(
        (folder / name / f"fold{fold}" / RECORD).is_file() for name in NETWORKS for fold in range(1, QUICK.folds + 1)
    )


# The command --------------------------------------------------------------------------------------------------------


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `doctor` to the command line."""
    parser = commands.add_parser("doctor", help="check the environment; the report has no names or paths")
    parser.add_argument("--devices", action="store_true", help="also list TensorFlow's devices (loads TensorFlow)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the report; return 0, or 1 if something that is needed is missing or wrong."""
    lines = examine(arguments.devices)
    print(to_json(lines) if arguments.json else to_text(lines))
    return 0 if good(lines) else PROBLEM


def to_json(lines: list[Line]) -> str:
    """Format the report as JSON."""
    return json.dumps({"good": good(lines), "lines": [asdict(line) for line in lines]}, indent=2, ensure_ascii=False)


def to_text(lines: list[Line]) -> str:
    """Format the report as text, in a code block so that an issue shows it unchanged."""
    width = max(len(line.name) for line in lines)
    rows, part = [], ""
    for line in lines:
        if line.part != part:
            part = line.part
            rows.append(part)
        remedy = f" -> {line.remedy}" if line.remedy else ""
        rows.append(f"  {line.state:4} {line.name:{width}}  {line.found}{remedy}")
    wrong = [line.name for line in lines if line.state == "FAIL"]
    verdict = (
        f"missing or wrong: {', '.join(wrong)}; see what to do after each ->"
        if wrong
        else "everything needed is present"
    )
    return "\n".join(["```", *rows, verdict, "```"])


__all__ = ["Line", "add_parser", "examine", "good", "run", "to_json", "to_text"]
