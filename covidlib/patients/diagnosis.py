"""What the system answers about a patient: series by series, the decision, and how close it was (section 3.2).

Records, and what follows from them by counting; `covidlib.patients.pipeline` makes them. Taught in chapter 06.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from covidlib.patients.decision import Decision, slices_needed
from covidlib.patients.domain_check import Settings
from covidlib.results.metrics import DECISION
from covidlib.scans.series import Series
from covidlib.selection import Selection

if TYPE_CHECKING:
    from covidlib.networks.weights import WeightsNote

NOTICE = "For teaching and research. Not a medical device: it must not be used for the care of a patient."


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
    engine : str
        One line on what ran the network, and how (`covidlib.inference.engine.Engine.describe`).
    threshold : float
        The share of selected slices that makes a patient infected; 0 is one slice.
    answers : tuple of SeriesAnswer
        One a series. The decision counts the slices of all series that were classified.
    decision : "infected", "normal" or "undetermined"
    remarks : tuple of str
        What a reader must know before believing the answer.
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

        Its distance from 0.5 says how near the decision was. NaN where nothing was classified.
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
