"""Many patients, one after the other: results as they come, a stopped batch goes on, a bad patient stops nobody.

Each answer is on the disk before the next patient begins (`covidlib.patients.journal`), and is used again if it was
made of the same files, weights, threshold and engine. Taught in chapter 06.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from covidlib import __version__
from covidlib.errors import InputError
from covidlib.patients import report
from covidlib.patients.diagnosis import NOTICE
from covidlib.patients.journal import Journal, Record
from covidlib.patients.pipeline import check_threshold, diagnose_series
from covidlib.scans.patient_folders import Patient, content_hash
from covidlib.scans.series import Series
from covidlib.utils.files import file_hash, write_text
from covidlib.utils.locks import exclusive_output

if TYPE_CHECKING:
    from covidlib.inference.choose_engine import EngineName
    from covidlib.inference.engine import Engine
    from covidlib.utils.quiet_tensorflow import keras


@dataclass(frozen=True)
class Request:
    """What is asked about every patient of a batch.

    Attributes
    ----------
    weights : Path
        A covidlib weights file, or one of the authors' with `network` named.
    threshold : float
        Share of a patient's selected slices, 0 to 1 (paper: 0 or 0.1).
    explain : bool
        Whether reports get heat maps.
    """

    weights: Path
    network: str | None = None
    threshold: float = 0.1
    engine: EngineName = "auto"
    explain: bool = False

    def check(self) -> None:
        """Refuse what can never work, before the first patient.

        Raises
        ------
        InputError
            If the threshold is no share, the engine is not installed, or the weights file is not readable or needs its
            network named.
        """
        from covidlib.inference.choose_engine import chosen_engine
        from covidlib.networks.weights import read_note

        check_threshold(self.threshold)
        chosen_engine(self.engine)
        if read_note(self.weights) is None and self.network is None:
            raise InputError(self.weights, "does not say which network it belongs to", "Add --network NAME")


@dataclass(frozen=True)
class Batch:
    """What became of the patients.

    Attributes
    ----------
    records : list of dict
        One entry a patient that has an answer, in the order of the patients.
    failed : dict
        Patient's name → what was wrong.
    reused : int
        Records that an earlier start had made.
    asked : dict
        threshold, and weights (file, sha256).
    """

    records: list[Record]
    failed: dict[str, str]
    reused: int
    asked: Record

    def to_dict(self) -> Record:
        """All answers as plain types, for JSON."""
        failed = [{"patient": name, "problem": problem} for name, problem in self.failed.items()]
        return {"covidlib": __version__, "notice": NOTICE, **self.asked, "patients": self.records, "failed": failed}


def diagnose_patients(
    patients: Sequence[Patient],
    request: Request,
    json_path: Path | None = None,
    report_path: Path | None = None,
    progress: bool = False,
) -> Batch:
    """The system on patient after patient (paper, section 3.2).

    Parameters
    ----------
    json_path : path, optional
        Where all answers go.
    report_path : path, optional
        Of one patient the report; of several an overview, with their reports in the folder `NAME_patients` beside it.

    Raises
    ------
    InputError
        Before anything is done: if the request cannot work, an output cannot be written, both outputs are one file, the
        JSON file holds something else than answers, or another process is writing it.
    """
    request.check()
    for path in (json_path, report_path):
        if path is not None and not path.absolute().parent.is_dir():
            raise InputError(path, "lies in a folder that does not exist", "Make the folder, or name another file")
    if json_path is not None and report_path is not None and json_path.absolute() == report_path.absolute():
        raise InputError(report_path, "is named for the report and for the answers", "Name two files")
    output = json_path or report_path
    with nullcontext() if output is None else exclusive_output(output):
        return _diagnosed(patients, request, json_path, report_path, progress)


def _diagnosed(
    patients: Sequence[Patient], request: Request, json_path: Path | None, report_path: Path | None, progress: bool
) -> Batch:
    named = _report_files(patients, report_path)
    journal = Journal(json_path, report_path)
    weights = {"file": request.weights.name, "sha256": file_hash(request.weights)}
    worker = _Worker(request, weights)
    keys = {one.name: _key(one, request, weights["sha256"], report_path is not None) for one in patients}
    earlier = {
        name: record
        for name, record in journal.records.items()
        if record["key"] == keys.get(name) and (report_path is None or named[name].is_file())
    }
    left = [one for one in patients if one.name not in earlier]
    if left:
        worker.open()
    records, failed = dict(earlier), {}
    with tqdm(total=sum(len(one.files) for one in left), unit="slice", disable=None if progress else True) as bar:
        for one in left:
            until = bar.n + len(one.files)
            try:
                records[one.name] = worker.answer(one, keys[one.name], named.get(one.name), report_path, bar)
                journal.append(records[one.name])
            except InputError as error:
                failed[one.name] = str(error)
            except Exception as error:  # whatever is wrong with one patient, the others want their answers
                failed[one.name] = f"{type(error).__name__}: {error}"
            bar.update(until - bar.n)
    ordered = [records[one.name] for one in patients if one.name in records]
    asked = {"threshold": request.threshold, "weights": weights}
    batch = Batch(ordered, failed, len(earlier), asked)
    if report_path is not None and len(patients) > 1:
        title = f"{len(patients)} patients"
        write_text(report_path, report.overview(title, ordered, failed, asked))
    journal.finish(batch.to_dict())
    return batch


class _Worker:
    """One network, opened once, for all patients."""

    def __init__(self, request: Request, weights: dict[str, str]) -> None:
        self.request, self.weights = request, weights
        self.engine: Engine | None = None
        self.model: keras.Model | None = None

    def open(self) -> None:
        asked = self.request
        from covidlib.inference.choose_engine import open_engine

        self.engine = open_engine(asked.weights, asked.network, asked.engine)
        if asked.explain:
            from covidlib.networks.weights import load_weights

            self.model, _ = load_weights(asked.weights, asked.network)

    def answer(self, patient: Patient, key: str, target: Path | None, overview: Path | None, bar: tqdm) -> Record:
        assert self.engine is not None
        started = time.perf_counter()
        series: list[Series] = patient.series()
        diagnosis = diagnose_series(patient.name, series, self.engine, self.request.threshold, bar.update)
        record: Record = {
            **diagnosis.to_dict(),
            "weights": self.weights,
            "data": {"files": sum(map(len, series)), "sha256": content_hash(series)},
            "versions": report.versions(),
            "made": report.now(),
            "seconds": round(time.perf_counter() - started, 3),
            "key": key,
        }
        if target is not None and overview is not None:
            page = report.patient_report(diagnosis, record, self.model)
            target.parent.mkdir(exist_ok=True)
            write_text(target, page)
            record["report"] = target.relative_to(overview.parent).as_posix()
        return record


def _key(patient: Patient, request: Request, weights: str, with_report: bool) -> str:
    """Hash of all that decides a record: if it is the same, so is the record."""
    from covidlib.inference.choose_engine import chosen_engine

    # The engine that "auto" comes to: once another is installed, its answers may differ.
    engine = chosen_engine(request.engine)
    asked = [weights, request.network, request.threshold, engine, request.explain, with_report, __version__]
    try:
        stamp = patient.stamp()
    except OSError:
        stamp = "changing"
    return hashlib.sha256(json.dumps([patient.name, stamp, *asked]).encode()).hexdigest()


def _report_files(patients: Sequence[Patient], report_path: Path | None) -> dict[str, Path]:
    """Where each patient's report goes: names made of letters, digits and hyphens, one for each patient."""
    if report_path is None:
        return {}
    if len(patients) == 1:
        return {patients[0].name: report_path}
    folder = report_path.with_name(f"{report_path.stem}_patients")
    named = {}
    for one in patients:
        readable = re.sub("[^A-Za-z0-9]+", "-", one.name).strip("-")[-60:]
        named[one.name] = folder / f"{readable}-{hashlib.sha256(one.name.encode()).hexdigest()[:8]}.html"
    return named
