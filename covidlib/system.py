"""The paper's automated system: a patient's series in, an answer out (section 3.2, Tables 4 to 7).

Select the slices of each series, classify them, count. A series that is unlike the training data is not classified,
and a patient of whom nothing was classified is undetermined. Nothing here is a diagnosis. Taught in chapter 06.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from covidlib.diagnosis import THRESHOLD_2, Decision, decide, slices_needed
from covidlib.errors import InputError
from covidlib.likeness import Settings, cautions, settings_of, unlike_pixels, unlike_settings, unlike_size
from covidlib.metrics import DECISION
from covidlib.selection import Selection, select_series
from covidlib.series import RowReader, Series, find_series, read_slice

if TYPE_CHECKING:
    from covidlib.engines import Engine, EngineName
    from covidlib.weights import WeightsNote

NOTICE = "For teaching and research. Not a medical device: it must not be used for the care of a patient."
FLAT = 0.01
"""Probabilities that differ by less are worth a remark: a network whose heads are silent says the same of any slice."""


@dataclass(frozen=True)
class SeriesAnswer:
    """What the system made of one series.

    Attributes
    ----------
    selection : Selection or None
        The rule's result; None where the size of the slices makes it meaningless.
    probabilities : float array, shape (classified slices,)
        p(COVID-19) of the selected slices, in slice order; empty if the series was not classified.
    unlike : tuple of str
        Why the series was not classified: what is unlike the training data.
    """

    series: Series
    settings: Settings
    selection: Selection | None
    probabilities: np.ndarray
    unlike: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """The answer as plain types, for JSON."""
        rule = {"series": self.series.name, "slices": len(self.series)}
        return {
            **(self.selection.to_dict() if self.selection else rule),
            "probabilities": [round(float(one), 6) for one in self.probabilities],
            "settings": asdict(self.settings),
            "unlike": list(self.unlike),
        }


@dataclass(frozen=True)
class Diagnosis:
    """What the system answers about one patient.

    Attributes
    ----------
    answers : tuple of SeriesAnswer
        One a series. The decision counts the slices of all series that were classified.
    decision : "infected", "normal" or "undetermined"
    remarks : tuple of str
        What a reader must know before believing the answer.
    """

    patient: str
    note: WeightsNote
    engine: str
    threshold: float
    answers: tuple[SeriesAnswer, ...]
    decision: Decision
    remarks: tuple[str, ...]
    probabilities: np.ndarray = field(repr=False)

    @property
    def network(self) -> str:
        """The network's name."""
        return self.note.network

    @property
    def selections(self) -> tuple[Selection, ...]:
        """The rule's result for each series that was classified."""
        return tuple(one.selection for one in self.answers if one.selection and not one.unlike)

    @property
    def covid_slices(self) -> int:
        """Selected slices called COVID-19."""
        return int((self.probabilities > DECISION).sum())

    @property
    def needed(self) -> int:
        """Slices that must be called COVID-19 for "infected"."""
        return slices_needed(len(self.probabilities), self.threshold)

    @property
    def deciding_probability(self) -> float:
        """The highest p(COVID-19) but needed − 1: the patient is infected if and only if it is above 0.5.

        Its distance from 0.5 says how near the decision was. NaN where there are fewer slices than needed.
        """
        if self.needed > len(self.probabilities):
            return math.nan
        return float(np.sort(self.probabilities)[-self.needed])

    @property
    def slices_to_change(self) -> int:
        """How many slices would have to be called otherwise for the decision to change; 0 if there is none."""
        if self.decision == "undetermined":
            return 0
        return self.covid_slices - self.needed + 1 if self.decision == "infected" else self.needed - self.covid_slices

    def how_close(self) -> str:
        """The decision's distance from its threshold, in one sentence."""
        if self.decision == "undetermined":
            return "nothing was classified, so there is nothing to count"
        counted = (
            f"{self.covid_slices} of {len(self.probabilities)} selected slices called COVID-19, {self.needed} needed"
        )
        share = f"{self.covid_slices / len(self.probabilities):.1%} against a threshold of {100 * self.threshold:g}%"
        change = f"{self.slices_to_change} more" if self.decision == "normal" else f"{self.slices_to_change} of them"
        called = "COVID-19" if self.decision == "normal" else "normal"
        return f"{counted} ({share}); it would change with {change} called {called}"

    def to_dict(self) -> dict[str, object]:
        """The diagnosis as plain types, for JSON."""
        return {
            "patient": self.patient,
            "network": self.network,
            "engine": self.engine,
            "threshold": self.threshold,
            "decision": self.decision,
            "selected_slices": len(self.probabilities),
            "covid_slices": self.covid_slices,
            "needed_slices": self.needed,
            "slices_to_change": self.slices_to_change,
            "how_close": self.how_close(),
            "deciding_probability": None if not len(self.probabilities) else round(self.deciding_probability, 6),
            "series": [one.to_dict() for one in self.answers],
            "remarks": list(self.remarks),
            "notice": NOTICE,
        }


def diagnose_folder(
    folder: str | Path,
    weights: str | Path,
    network: str | None = None,
    threshold: float = THRESHOLD_2,
    engine: EngineName = "auto",
) -> Diagnosis:
    """Select, classify, decide: one patient's folder in, an answer out (paper, section 3.2). Taught in chapter 06.

    Parameters
    ----------
    folder : path
        One patient: one series or several. Selection is done for each series; the decision counts all their slices.
    weights : path
        A covidlib weights file, or one of the authors' with `network` named.
    engine : "auto", "tensorflow" or "openvino"
        See `covidlib.engines.open_engine`.

    Raises
    ------
    InputError
        If the folder, a slice or the weights are not usable.
    """
    from covidlib.engines import open_engine

    check_threshold(threshold)
    series = find_series(folder)
    return diagnose_series(str(folder), series, open_engine(weights, network, engine), threshold)


def diagnose_with(folder: str | Path, engine: Engine, threshold: float = THRESHOLD_2) -> Diagnosis:
    """`diagnose_folder` with the network at hand: for many patients one after the other. Taught in chapter 06.

    Raises
    ------
    InputError
        If the folder or a slice is not usable.
    """
    return diagnose_series(str(folder), find_series(folder), engine, threshold)


def check_threshold(threshold: float) -> None:
    """Refuse what is no share of slices. Taught in chapter 06.

    Raises
    ------
    InputError
        If the threshold is below 0 or above 1.
    """
    if not 0 <= threshold <= 1:
        raise InputError(
            "threshold", f"{threshold} is no share", "Give 0 (one slice is enough) to 1; the paper's are 0 and 0.1"
        )


def diagnose_series(
    patient: str,
    series: Sequence[Series],
    engine: Engine,
    threshold: float = THRESHOLD_2,
    advance: Callable[[int], object] = lambda slices: None,
) -> Diagnosis:
    """The paper's system on the series of one patient (section 3.2). Taught in chapter 06.

    A series that is unlike the training data (`covidlib.likeness`) is not classified; where that leaves no slice, the
    patient is undetermined.

    Parameters
    ----------
    advance : function of int
        Called with the number of slices that are done, as they are done.

    Raises
    ------
    InputError
        If a slice cannot be read.
    """
    answers = tuple(_answer(one, engine, advance) for one in series)
    p_covid = np.concatenate([one.probabilities for one in answers]) if answers else np.zeros(0)
    decision = decide(int((p_covid > DECISION).sum()), len(p_covid), threshold)
    remarks = tuple(dict.fromkeys(remark for one in answers for remark in _remarks(one)))
    if len(p_covid) > 1 and np.ptp(p_covid) < FLAT:
        remarks += (
            f"the probabilities of all {len(p_covid)} slices differ by less than {FLAT:g}: this network hardly tells "
            "them apart",
        )
    if engine.note.size == "quick":
        remarks += ("a teaching network trained on synthetic slices: its answer says nothing about a real patient",)
    return Diagnosis(patient, engine.note, engine.describe(), threshold, answers, decision, remarks, p_covid)


def _answer(series: Series, engine: Engine, advance: Callable[[int], object]) -> SeriesAnswer:
    from covidlib.stream import selected_paths

    settings = settings_of(series)
    _, shape = RowReader().read(series.files[0], slice(0))
    unlike = (*unlike_size(shape), *unlike_settings(settings))
    selection = None
    if not unlike_size(shape):
        selection = select_series(series)
        if len(series) == 1:
            unlike += ("a single slice; the rule compares the slices of a series with each other",)
        if selection.keep.any():
            unlike += unlike_pixels(read_slice(series.files[int(selection.counts.argmax())]))
    chosen = [] if unlike or selection is None else selected_paths(selection)
    advance(len(series) - len(chosen))
    return SeriesAnswer(series, settings, selection, _classify(chosen, engine, advance), unlike)


def _classify(paths: Sequence[Path], engine: Engine, advance: Callable[[int], object]) -> np.ndarray:
    from covidlib.stream import classified_batches

    found = [np.zeros(0)]
    for some in classified_batches(paths, engine):
        found.append(some)
        advance(len(some))
    return np.concatenate(found)


def _remarks(answer: SeriesAnswer) -> tuple[str, ...]:
    name = Path(answer.series.name).name
    remarks = [f"{name}: {remark}" for remark in answer.series.remarks]
    remarks += [f"{name}: unlike the training data: {reason}" for reason in answer.unlike]
    if answer.selection is not None and not answer.selection.keep.any():
        remarks.append(f"{name}: the rule selects no slice")
    return (*remarks, *cautions(answer.settings, answer.series.kind))
