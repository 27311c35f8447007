"""Diagnose many patients in one batch, which can be stopped and resumed (paper, section 3.2).

Each answer is written to disk before the next patient begins (`covidlib.patients.journal`), and is reused if its
files, weights, threshold and engine are unchanged. An error in one patient does not stop the others. Taught in
chapter 06.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from covidlib import __version__
from covidlib.errors import InputError
from covidlib.patients import report
from covidlib.patients.answers import NOTICE
from covidlib.patients.journal import Journal, Record
from covidlib.patients.pipeline import check_threshold, diagnose_opened
from covidlib.scans.patient_folders import Patient, content_hash
from covidlib.utils.files import A_FILE, check_output, file_hash, write_text
from covidlib.utils.locks import exclusive_output

if TYPE_CHECKING:
    from covidlib.inference.choose_engine import EngineName
    from covidlib.inference.engine import Engine
    from covidlib.scans.gate import Opened
    from covidlib.utils.quiet_tensorflow import keras


@dataclass(frozen=True)
class Request:
    """The settings of a batch, the same for every patient.

    Attributes
    ----------
    weights : Path
        A covidlib weights file, or one of the authors' with `network` named.
    threshold : float
        Share of a patient's selected slices, 0 to 1 (paper: 0 or 0.1).
    explain : bool
        Whether reports contain heat maps.
    rescale, strict : bool
        As for `covidlib.scans.gate.open_folder`.
    """

    weights: Path
    network: str | None = None
    threshold: float = 0.1
    engine: EngineName = "auto"
    explain: bool = False
    rescale: bool = False
    strict: bool = False

    def check(self) -> None:
        """Check the settings before the first patient is read.

        Raises
        ------
        InputError
            If the threshold is not between 0 and 1, the engine is not installed, or the weights file cannot be read or
            does not name its network.
        """
        from covidlib.inference.choose_engine import chosen_engine
        from covidlib.networks.weights import read_note

        check_threshold(self.threshold)
        chosen_engine(self.engine)
        if read_note(self.weights) is None and self.network is None:
            raise InputError(self.weights, "does not say which network it belongs to", "Add --network NAME")


@dataclass(frozen=True)
class Batch:
    """The results of a batch.

    Attributes
    ----------
    records : list of dict
        One entry per patient that has an answer, in the order of the patients.
    failed : dict
        Patient's name → error message.
    reused : int
        Number of records from an earlier start.
    asked : dict
        threshold, and weights (file, sha256).
    """

    records: list[Record]
    failed: dict[str, str]
    reused: int
    asked: Record

    def to_dict(self) -> Record:
        """Convert all answers to plain types, for JSON."""
        failed = [{"patient": name, "problem": problem} for name, problem in self.failed.items()]
        return {"covidlib": __version__, "notice": NOTICE, **self.asked, "patients": self.records, "failed": failed}


def diagnose_patients(
    patients: Sequence[Patient],
    request: Request,
    json_path: Path | None = None,
    report_path: Path | None = None,
    progress: bool = False,
) -> Batch:
    """Run the paper's system on several patients, one after the other (paper, section 3.2).

    Parameters
    ----------
    json_path : path, optional
        File for all answers.
    report_path : path, optional
        File for the report of one patient; for several patients an overview, with their reports in the folder
        `NAME_patients` beside it.

    Raises
    ------
    InputError
        Before the first patient: if the settings are invalid, an output cannot be written, both outputs are the same
        file, the JSON file contains something other than answers, or another process is writing it.
    """
    request.check()
    for path in (json_path, report_path):
        if path is not None:
            check_output(path)
    if json_path is not None and report_path is not None and json_path.absolute() == report_path.absolute():
        raise InputError(report_path, "named for both the report and the answers", "Choose two different files")
    output = json_path or report_path
    with nullcontext() if output is None else exclusive_output(output):
        return _diagnosed(patients, request, json_path, report_path, progress)


def _diagnosed(
    patients: Sequence[Patient], request: Request, json_path: Path | None, report_path: Path | None, progress: bool
) -> Batch:
    report_files = _report_files(patients, report_path)
    journal = Journal(json_path, report_path)
    weights = {"file": request.weights.name, "sha256": file_hash(request.weights)}
    worker = _Worker(request, weights)
    keys = {patient.name: _key(patient, request, weights["sha256"], report_path is not None) for patient in patients}
    earlier = {
        name: record
        for name, record in journal.records.items()
        if record["key"] == keys.get(name) and (report_path is None or report_files[name].is_file())
    }
    remaining = [patient for patient in patients if patient.name not in earlier]
    if remaining:
        worker.open()
    records, failed = dict(earlier), {}
    total = sum(len(patient.files) for patient in remaining)
    with tqdm(total=total, unit="slice", disable=None if progress else True) as bar:
        for patient in remaining:
            name, until = patient.name, bar.n + len(patient.files)
            try:
                records[name] = worker.answer(patient, keys[name], report_files.get(name), report_path, bar, records)
                journal.append(records[name])
            except InputError as error:
                failed[name] = str(error)
            except Exception as error:  # an error in one patient must not stop the others
                failed[name] = f"{type(error).__name__}: {error}"
            bar.update(until - bar.n)
    ordered = [records[patient.name] for patient in patients if patient.name in records]
    asked = {"threshold": request.threshold, "weights": weights}
    batch = Batch(ordered, failed, len(earlier), asked)
    if report_path is not None and len(patients) > 1:
        title = f"{len(patients)} patients"
        write_text(report_path, report.overview(title, ordered, failed, asked))
    journal.finish(batch.to_dict())
    return batch


class _Worker:
    """The network, opened once for all patients."""

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

    def answer(
        self,
        patient: Patient,
        key: str,
        target: Path | None,
        overview: Path | None,
        bar: tqdm,
        others: Mapping[str, Record],
    ) -> Record:
        """Answer for one patient; `others` are the answers that are there.

        Raises
        ------
        InputError
            If the patient's series cannot be used, or one of them is another patient's.
        """
        assert self.engine is not None
        started = time.perf_counter()
        opened = patient.open(self.request.rescale, self.request.strict)
        refuse_copies(patient.name, opened, others)
        series = opened.series
        diagnosis = diagnose_opened(patient.name, opened, self.engine, self.request.threshold, bar.update)
        record: Record = {
            **diagnosis.to_dict(),
            "weights": self.weights,
            "data": {
                "files": sum(map(len, series)),
                "sha256": content_hash(series),
                "series": list(opened.contents.values()),
            },
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


def refuse_copies(name: str, opened: Opened, others: Mapping[str, Record]) -> None:
    """Refuse a patient of whom a series is also that of a patient with an answer: one of the two names is wrong.

    Raises
    ------
    InputError
        Naming both.
    """
    for other, record in others.items():
        if other != name and set(opened.contents.values()) & set(record["data"].get("series", ())):
            problem = f"contains a series with the slices of {other}, which has an answer"
            raise InputError(name, problem, "Find out whose slices they are, and remove the copy")


def _key(patient: Patient, request: Request, weights: str, with_report: bool) -> str:
    """Hash of everything that decides a record: with the same hash, the record can be reused."""
    from covidlib.inference.choose_engine import chosen_engine

    # The engine that "auto" stands for: if another is installed later, its answers may differ.
    engine = chosen_engine(request.engine)
    asked = [weights, request.network, request.threshold, engine, request.explain, with_report, __version__]
    asked += [request.rescale, request.strict]
    try:
        stamp = patient.stamp()
    except OSError:
        stamp = "changing"
    return hashlib.sha256(json.dumps([patient.name, stamp, *asked]).encode()).hexdigest()


def _report_files(patients: Sequence[Patient], report_path: Path | None) -> dict[str, Path]:
    """Choose the file of each patient's report: a unique name of letters, digits and hyphens."""
    if report_path is None:
        return {}
    if len(patients) == 1:
        return {patients[0].name: report_path}
    folder = report_path.with_name(f"{report_path.stem}_patients")
    if folder.exists() and not folder.is_dir():
        raise InputError(folder, A_FILE, "Move it, or choose another name for the report")
    report_files = {}
    for patient in patients:
        readable = re.sub("[^A-Za-z0-9]+", "-", patient.name).strip("-")[-60:]
        digest = hashlib.sha256(patient.name.encode()).hexdigest()[:8]
        report_files[patient.name] = folder / f"{readable}-{digest}.html"
    return report_files
