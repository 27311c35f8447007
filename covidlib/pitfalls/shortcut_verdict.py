"""Report whether a network looks at the lungs: tables, a plain verdict, and what could not be tested (section 3.3).

Three questions: does the network still tell the classes when no lung is left; does it tell them among slices of the
same scanner settings; and do its answers, within one class, go with the scanner? What the data cannot answer is a
remark, never silence. Taught in chapter 09.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from covidlib.pitfalls.changed_slices import AS_THEY_ARE, CHANGES, NO_LUNGS, WITHOUT_LUNGS
from covidlib.pitfalls.scanner_or_disease import auc_rows
from covidlib.pitfalls.scanner_strata import (
    PERMUTATIONS,
    patient_answers,
    scanner_table,
    strata_table,
    with_thickness_groups,
)
from covidlib.results.intervals import RESAMPLES, Interval
from covidlib.results.metrics import labelled

FEWEST = 5
"""With fewer patients of a class there is no verdict: an interval over them says little."""
ALPHA = 0.01
"""A p value below this is a sign. Of two settings that are tested, one falls below 0.05 too often by chance."""
GONE = 1 / 3
"""If the share that goes with the kernel falls below this part of what it was, the change took away its source."""
SCANNER, SIGNS, NO_SIGN, CANNOT_TELL = "shortcut", "signs of a shortcut", "no sign of a shortcut", "cannot tell"
VERDICTS = {
    SCANNER: "its answers go with the scanner more than with the class",
    SIGNS: "part of its answers does not come from the lungs",
    NO_SIGN: "in what could be tested; that is no proof that there is none",
    CANNOT_TELL: "these data do not answer the question",
}


@dataclass(frozen=True)
class ShortcutReport:
    """What a shortcut test found.

    Attributes
    ----------
    changes : DataFrame
        One row per change of the slices: `changes_table`.
    strata : DataFrame
        AUC within settings of the scanner: `covidlib.pitfalls.scanner_strata.strata_table`.
    scanner : DataFrame
        What the answers go with: `covidlib.pitfalls.scanner_strata.scanner_table`.
    patients : DataFrame
        Mean answer of each patient to the slices as they are.
    verdict : str
        A key of `VERDICTS`.
    reasons, remarks : tuple of str
        What the verdict rests on; what could not be tested, and why.
    """

    changes: pd.DataFrame
    strata: pd.DataFrame
    scanner: pd.DataFrame
    patients: pd.DataFrame
    verdict: str
    reasons: tuple[str, ...]
    remarks: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """Plain types for JSON; numbers that are undefined are null."""
        tables = {name: getattr(self, name) for name in ("changes", "strata", "scanner", "patients")}
        rows = {name: json.loads(table.to_json(orient="records", double_precision=6)) for name, table in tables.items()}
        said = {"verdict": self.verdict, "meaning": VERDICTS[self.verdict]}
        return said | {"reasons": list(self.reasons), "remarks": list(self.remarks)} | rows

    def sentence(self) -> str:
        """The verdict in one line."""
        return f"{self.verdict}: {VERDICTS[self.verdict]}"

    def to_text(self) -> str:
        """Tables, verdict, reasons and remarks for a terminal."""
        scanner = self.scanner.set_index("answers_go_with").round(3)
        parts = [shown(self.changes, ["change"]).to_string(index=False)]
        if len(self.strata):
            parts.append(shown(self.strata, ["by", "stratum"]).to_string(index=False))
        parts.append(scanner.rename_axis("answers go with").reset_index().fillna("-").to_string(index=False))
        lines = [f"verdict  {self.sentence()}", *(f"reason   {one}" for one in self.reasons)]
        return "\n\n".join([*parts, "\n".join([*lines, *(f"remark   {one}" for one in self.remarks)])])


def shown(table: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """A table for readers: the AUC with its interval in one column, rounded numbers, "-" where there is none."""
    intervals = [Interval(*row) for row in table[["value", "low", "high"]].to_numpy(float).tolist()]
    auc = ["-" if np.isnan(one.value) else str(one) for one in intervals]
    others = [column for column in table if column not in (*names, "value", "low", "high")]
    texts = {str(name): [_number(value) for value in table[name]] for name in others}
    return table[names].assign(AUC=auc, **texts)


def _number(value: float) -> str:
    """A count as it is, a share with three digits, "-" if it is undefined."""
    if np.isnan(value):
        return "-"
    return f"{value:d}" if isinstance(value, int | np.integer) else f"{value:.3f}"


def changes_table(answers: pd.DataFrame, resamples: int = RESAMPLES) -> pd.DataFrame:
    """Score a network on every change of the slices.

    Parameters
    ----------
    answers : DataFrame
        From `covidlib.pitfalls.changed_slices.answers_to_changes`, with the columns patient, label, patient_label,
        kernel and thickness.

    Returns
    -------
    DataFrame
        Columns change, infected, normal (patients), slices, value, low, high (AUC), p_infected, p_normal (mean
        probability of COVID-19), moved (mean distance of a probability from the one of the slice as it is),
        with_kernel (the share of the variance of patients' answers within a class that goes with the kernel).
    """
    named = {name: answers[answers["change"] == name] for name in CHANGES if (answers["change"] == name).any()}
    before = named[AS_THEY_ARE].set_index("path")["p_covid"]
    rows = auc_rows(named, resamples).rename(columns={"patients_of": "change"})
    more = []
    for part in named.values():
        mean = part.groupby("label")["p_covid"].mean()
        kernel = scanner_table(part, permutations=1).set_index("answers_go_with").loc["kernel", "explained"]
        moved = np.abs(part["p_covid"].to_numpy() - before.loc[part["path"]].to_numpy()).mean()
        row = {"p_infected": mean.get("covid", np.nan), "p_normal": mean.get("normal", np.nan), "moved": moved}
        more.append(row | {"with_kernel": kernel})
    return pd.concat([rows, pd.DataFrame(more)], axis=1)


def shortcut_report(
    answers: pd.DataFrame, resamples: int = RESAMPLES, permutations: int = PERMUTATIONS
) -> ShortcutReport:
    """Judge a network by its answers to changed slices.

    Parameters
    ----------
    answers : DataFrame
        From `covidlib.pitfalls.changed_slices.answers_to_changes`: columns path, patient, label, patient_label,
        kernel ("" if unknown), thickness_mm (NaN if unknown), has_lungs, change, p_covid.
    """
    answers = with_thickness_groups(labelled(answers).reset_index(drop=True))
    as_they_are = answers[answers["change"] == AS_THEY_ARE]
    changes = changes_table(answers, resamples)
    strata, scanner = strata_table(as_they_are, resamples), scanner_table(as_they_are, permutations)
    patients = patient_answers(as_they_are)
    signs = (*signs_without_lungs(changes), *signs_of_the_scanner(changes, scanner))
    remarks = limits(as_they_are, scanner)
    found = verdict(changes, scanner, signs)
    # Where there are too few patients, an interval that looks like a sign is none.
    reasons = why_no_sign(changes, scanner) if found in (NO_SIGN, CANNOT_TELL) else signs
    return ShortcutReport(changes, strata, scanner, patients, found, reasons, remarks)


def _rows(table: pd.DataFrame, names: str) -> dict[str, Any]:
    """The rows of a table by the name in one column."""
    return {getattr(row, names): row for row in table.itertuples()}


def _tells(row: Any) -> bool:
    """Whether an interval of an AUC lies on one side of one half."""
    return bool(row.low > 0.5 or row.high < 0.5)


def _auc_text(row: Any) -> str:
    return f"AUC {Interval(row.value, row.low, row.high)}"


def signs_without_lungs(changes: pd.DataFrame) -> tuple[str, ...]:
    """Sentences on changes after which the network tells the classes though no lung is left."""
    rows = _rows(changes, "change")
    return tuple(
        f"with {name} it still tells the classes apart ({_auc_text(rows[name])})"
        for name in WITHOUT_LUNGS
        if _tells(rows[name])
    )


def signs_of_the_scanner(changes: pd.DataFrame, scanner: pd.DataFrame) -> tuple[str, ...]:
    """Sentences on scanner settings that the answers go with among patients of one class, and where they are read."""
    sentences = []
    for row in _rows(scanner, "answers_go_with").values():
        if row.answers_go_with == "class" or not row.p_value < ALPHA:
            continue
        sentences.append(
            f"among patients of one class, {row.explained:.0%} of the variance of its answers goes with the "
            f"{row.answers_go_with} (by chance {row.by_chance:.0%}; p {format_p(row.p_value)})"
        )
        if row.answers_go_with == "kernel":
            sentences += [
                f"with {one.change} that falls to {np.nan_to_num(one.with_kernel):.0%}: what tells the kernel is gone"
                for one in _rows(changes, "change").values()
                # Undefined if all answers agree: then nothing goes with the kernel either.
                if np.nan_to_num(one.with_kernel) < GONE * row.explained
            ]
    return tuple(sentences)


def format_p(value: float) -> str:
    """A p value for a sentence: three digits, or that it is smaller."""
    return "below 0.001" if value < 0.001 else f"{value:.3f}"


def verdict(changes: pd.DataFrame, scanner: pd.DataFrame, signs: tuple[str, ...]) -> str:
    """Choose the verdict: a key of `VERDICTS`."""
    first, rows = _rows(changes, "change")[AS_THEY_ARE], _rows(scanner, "answers_go_with")
    if min(first.infected, first.normal) < FEWEST or np.isnan(first.value):
        return CANNOT_TELL
    strong = [rows[name].explained for name in ("kernel", "thickness") if rows[name].p_value < ALPHA]
    if strong and max(strong) > np.nan_to_num(rows["class"].explained):
        return SCANNER
    if signs:
        return SIGNS
    return NO_SIGN if _tells(first) else CANNOT_TELL


def why_no_sign(changes: pd.DataFrame, scanner: pd.DataFrame) -> tuple[str, ...]:
    """Sentences on what was looked at, when there is no sign."""
    rows = _rows(changes, "change")
    first = rows[AS_THEY_ARE]
    if np.isnan(first.value):
        return ("there is no AUC with one class only",)
    reasons = [f"with the slices as they are: {_auc_text(first)}"]
    if not _tells(first):
        reasons.append("that may be chance, and of a network that does not tell the classes nobody can ask by what")
    reasons += [f"with {name}: {_auc_text(rows[name])}" for name in WITHOUT_LUNGS]
    tests = scanner[scanner["answers_go_with"] != "class"].dropna()
    reasons += [
        f"among patients of one class its answers do not clearly go with the {name} (p {format_p(row.p_value)})"
        for name, row in _rows(tests, "answers_go_with").items()
    ]
    return tuple(reasons)


def limits(answers: pd.DataFrame, scanner: pd.DataFrame) -> tuple[str, ...]:
    """Sentences on what these data cannot answer.

    Parameters
    ----------
    answers : DataFrame
        Of the slices as they are.
    scanner : DataFrame
        From `scanner_table`.
    """
    said = []
    people = answers.drop_duplicates("patient")
    counts = people["patient_label"].value_counts()
    for label, name in (("covid", "infected"), ("normal", "normal")):
        if (count := int(counts.get(label, 0))) == 0:
            said.append(f"there is no {name} patient: with one class, no AUC and no comparison of classes is possible")
        elif count < FEWEST:
            patients = "patient" if count == 1 else "patients"
            said.append(f"only {count} {name} {patients}, {FEWEST} are needed for a verdict; intervals are too narrow")
    for name in ("kernel", "thickness"):
        unknown = int((people[name] == "").sum())
        if unknown == len(people):
            said.append(f"no {name} is known, so that nothing is said about it; a table of labels may have the column")
            continue
        if unknown:
            said.append(f"the {name} of {unknown} of {len(people)} patients is unknown; they are left out of its tests")
        listed = people[people[name] != ""]
        if listed[name].nunique() == 1:
            said.append(f"all patients have the same {name}, {listed[name].iloc[0]}: it cannot be told apart")
        elif (listed.groupby(name)["patient_label"].nunique() == 1).all() and len(counts) > 1:
            said.append(f"no {name} has patients of both classes: {name} and class cannot be taken apart in these data")
        elif np.isnan(_rows(scanner, "answers_go_with")[name].explained):
            said.append(f"the answers could not be tested against the {name}: no class has two, or all answers agree")
    if "has_lungs" in answers and (without := int((~answers["has_lungs"]).sum())):
        said.append(f'no lungs were found on {without} of {len(answers)} slices: "{NO_LUNGS}" leaves them as they are')
    return tuple(said)
