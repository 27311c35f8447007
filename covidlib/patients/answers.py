"""The answer about one patient: each series, the decision, and how close it was (paper, section 3.2).

These are records, with the numbers that follow from them by counting; `covidlib.patients.pipeline` makes them.
Taught in chapter 06.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from covidlib.patients.decision import Decision, slices_needed
from covidlib.results.metrics import DECISION
from covidlib.scans.findings import Finding
from covidlib.scans.series import Series
from covidlib.scans.settings import Settings
from covidlib.selection import Selection

if TYPE_CHECKING:
    from covidlib.networks.weights import WeightsNote

NOTICE = "For teaching and research. Not a medical device: it must not be used for the care of a patient."


@dataclass(frozen=True)
class SeriesAnswer:
    """The system's answer about one series.

    Attributes
    ----------
    selection : Selection or None
        The selection rule's result; None if the slices have another size than the rule expects.
    probabilities : float array, shape (classified slices,)
        p(COVID-19) of the selected slices, in slice order; empty if the series was not classified.
    unlike : tuple of str
        Why the series was not classified: how it differs from the training data.
    """

    series: Series
    settings: Settings
    selection: Selection | None
    probabilities: np.ndarray
    unlike: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Convert the answer to plain types, for JSON."""
        rule = {"series": self.series.name, "slices": len(self.series)}
        return {
            **(self.selection.to_dict() if self.selection else rule),
            "probabilities": [round(float(p), 6) for p in self.probabilities],
            "settings": asdict(self.settings),
            "unlike": list(self.unlike),
        }


@dataclass(frozen=True)
class Diagnosis:
    """The system's answer about one patient.

    Attributes
    ----------
    engine : str
        The engine and its precision in one line (`covidlib.inference.engine.Engine.describe`).
    threshold : float
        Share of selected slices that makes a patient infected; 0 means that one slice is enough.
    answers : tuple of SeriesAnswer
        One per series. The decision counts the slices of all classified series.
    decision : "infected", "normal" or "undetermined"
    remarks : tuple of str
        What a reader must know before trusting the answer, findings among it.
    findings : tuple of Finding
        What the gate found: files left out, series refused, gaps.
    probabilities : float array, shape (classified slices,)
        p(COVID-19) of all series, one after the other.
    """

    patient: str
    note: WeightsNote
    engine: str
    threshold: float
    answers: tuple[SeriesAnswer, ...]
    decision: Decision
    remarks: tuple[str, ...]
    findings: tuple[Finding, ...]
    probabilities: np.ndarray = field(repr=False)

    @property
    def network(self) -> str:
        """The network's name."""
        return self.note.network

    @property
    def selections(self) -> tuple[Selection, ...]:
        """The rule's result for each series that was classified."""
        return tuple(answer.selection for answer in self.answers if answer.selection and not answer.unlike)

    @property
    def covid_slices(self) -> int:
        """Number of selected slices called COVID-19."""
        return int((self.probabilities > DECISION).sum())

    @property
    def needed(self) -> int:
        """Number of slices that must be called COVID-19 for "infected"."""
        return slices_needed(len(self.probabilities), self.threshold)

    @property
    def deciding_probability(self) -> float:
        """The n-th highest p(COVID-19), n = `needed`: the patient is infected if and only if it is above 0.5.

        Its distance from 0.5 says how close the decision was. NaN if no slice was classified.
        """
        if self.needed > len(self.probabilities):
            return math.nan
        return float(np.sort(self.probabilities)[-self.needed])

    @property
    def slices_to_change(self) -> int:
        """Number of slices whose class would have to change to change the decision; 0 if undetermined."""
        if self.decision == "undetermined":
            return 0
        return self.covid_slices - self.needed + 1 if self.decision == "infected" else self.needed - self.covid_slices

    def how_close(self) -> str:
        """Describe in one sentence how close the decision was to its threshold."""
        if self.decision == "undetermined":
            return "no slice was classified, so there is nothing to count"
        counted = (
            f"{self.covid_slices} of {len(self.probabilities)} selected slices called COVID-19, {self.needed} needed"
        )
        share = f"{self.covid_slices / len(self.probabilities):.1%} against a threshold of {100 * self.threshold:g}%"
        change = f"{self.slices_to_change} more" if self.decision == "normal" else f"{self.slices_to_change} of them"
        called = "COVID-19" if self.decision == "normal" else "normal"
        return f"{counted} ({share}); it would change with {change} called {called}"

    def to_dict(self) -> dict[str, object]:
        """Convert the diagnosis to plain types, for JSON."""
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
            "series": [answer.to_dict() for answer in self.answers],
            "remarks": list(self.remarks),
            "findings": [finding.to_dict() for finding in self.findings],
            "notice": NOTICE,
        }
