"""The paper's automated system: from a patient's series to an answer (section 3.2, Tables 4 to 7).

It selects the slices of each series, classifies them and counts. A series that differs from the training data is not
classified; a patient without any classified slice is undetermined. The answer is not a diagnosis. Taught in chapter 06.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from covidlib.errors import InputError
from covidlib.patients.answers import Diagnosis, SeriesAnswer
from covidlib.patients.decision import THRESHOLD_2, decide
from covidlib.patients.domain_check import cautions, unlike_pixels, unlike_settings, unlike_size
from covidlib.results.metrics import DECISION
from covidlib.scans.findings import Finding
from covidlib.scans.gate import Opened, open_folder
from covidlib.scans.series import Series
from covidlib.scans.settings import settings_of
from covidlib.scans.slices import RowReader
from covidlib.selection import select_series

if TYPE_CHECKING:
    from covidlib.inference.choose_engine import EngineName
    from covidlib.inference.engine import Engine

FLAT = 0.01
"""If all probabilities differ by less, a remark says so: a network with silent heads gives every slice the same one."""


def diagnose_folder(
    folder: str | Path,
    weights: str | Path,
    network: str | None = None,
    threshold: float = THRESHOLD_2,
    engine: EngineName = "auto",
) -> Diagnosis:
    """Run the paper's system on one patient's folder: select, classify, decide (paper, section 3.2).

    Parameters
    ----------
    folder : path
        One patient, with one series or several. Slices are selected per series; the decision counts all of them.
    weights : path
        A covidlib weights file, or one of the authors' with `network` named.
    engine : "auto", "tensorflow" or "openvino"
        See `covidlib.inference.choose_engine.open_engine`.

    Raises
    ------
    InputError
        If the folder, a slice or the weights cannot be used.
    """
    from covidlib.inference.choose_engine import open_engine

    check_threshold(threshold)
    opened = open_folder(folder)
    return diagnose_opened(str(folder), opened, open_engine(weights, network, engine), threshold)


def diagnose_with(folder: str | Path, engine: Engine, threshold: float = THRESHOLD_2) -> Diagnosis:
    """As `diagnose_folder`, with an open engine: for many patients, one after the other.

    Raises
    ------
    InputError
        If the folder or a slice cannot be used.
    """
    return diagnose_opened(str(folder), open_folder(folder), engine, threshold)


def check_threshold(threshold: float) -> None:
    """Check that a threshold is a share of slices.

    Raises
    ------
    InputError
        If the threshold is below 0 or above 1.
    """
    if not 0 <= threshold <= 1:
        raise InputError(
            "threshold",
            f"{threshold} must be between 0 and 1",
            "Choose a share, such as 0 (one slice is enough) or 0.1",
        )


def diagnose_opened(
    patient: str,
    opened: Opened,
    engine: Engine,
    threshold: float = THRESHOLD_2,
    advance: Callable[[int], object] = lambda slices: None,
) -> Diagnosis:
    """Run the paper's system on the series of one patient (section 3.2).

    A series that differs from the training data (`covidlib.patients.domain_check`) is not classified; if no slice is
    left, the patient is undetermined.

    Parameters
    ----------
    advance : function of int
        Called with the number of slices done since the last call, for a progress bar.

    Raises
    ------
    InputError
        If a slice cannot be read.
    """
    answers = tuple(_answer(single, engine, advance) for single in opened.series)
    p_covid = np.concatenate([answer.probabilities for answer in answers]) if answers else np.zeros(0)
    decision = decide(int((p_covid > DECISION).sum()), len(p_covid), threshold)
    remarks = (
        *map(_shortly, opened.findings),
        *dict.fromkeys(remark for answer in answers for remark in _remarks(answer)),
    )
    if len(p_covid) > 1 and np.ptp(p_covid) < FLAT:
        remarks += (
            f"the probabilities of all {len(p_covid)} slices differ by less than {FLAT:g}: this network hardly tells "
            "them apart",
        )
    if engine.note.size == "quick":
        remarks += ("a teaching network trained on synthetic slices: its answer says nothing about a real patient",)
    return Diagnosis(
        patient, engine.note, engine.describe(), threshold, answers, decision, remarks, tuple(opened.findings), p_covid
    )


def _answer(series: Series, engine: Engine, advance: Callable[[int], object]) -> SeriesAnswer:
    from covidlib.inference.stream import selected_paths

    settings = settings_of(series)
    _, shape = RowReader().read(series.files[0], slice(0))
    unlike = (*unlike_size(shape), *unlike_settings(settings))
    selection = None
    if not unlike_size(shape):
        selection = select_series(series)
        if len(series) == 1:
            unlike += ("a single slice; the rule compares the slices of a series with each other",)
        if selection.keep.any():
            unlike += unlike_pixels(series.read(series.files[int(selection.counts.argmax())]))
    chosen = [] if unlike or selection is None else selected_paths(selection)
    advance(len(series) - len(chosen))
    return SeriesAnswer(series, settings, selection, _classify(series, chosen, engine, advance), unlike)


def _classify(series: Series, paths: Sequence[Path], engine: Engine, advance: Callable[[int], object]) -> np.ndarray:
    from covidlib.inference.stream import classified_batches

    probabilities = [np.zeros(0)]
    for batch in classified_batches(paths, engine, series.read):
        probabilities.append(batch)
        advance(len(batch))
    return np.concatenate(probabilities)


def _shortly(finding: Finding) -> str:
    """A finding without the folders above the patient's."""
    return replace(finding, where=Path(finding.where).name).line()


def _remarks(answer: SeriesAnswer) -> tuple[str, ...]:
    name = Path(answer.series.name).name
    remarks = [f"{name}: unlike the training data: {reason}" for reason in answer.unlike]
    if answer.selection is not None and not answer.selection.keep.any():
        remarks.append(f"{name}: the rule selects no slice")
    return (*remarks, *cautions(answer.settings, answer.series.kind))
