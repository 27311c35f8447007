"""Write the HTML report of one patient, and the overview of a batch (paper, section 3.2).

A report is one file without scripts or links to the web, with every name escaped; it prints on two pages. It shows the
basis of the answer, so that a reader can check it. Taught in chapter 06.
"""

from __future__ import annotations

import html
import math
import platform
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np

from covidlib import __version__
from covidlib.patients.answers import NOTICE, Diagnosis
from covidlib.patients.report_pictures import OVERLAY, along_z, highest, pair, strip
from covidlib.scans.series import Series

if TYPE_CHECKING:
    from covidlib.utils.quiet_tensorflow import keras

STRIP_SLICES = 48
"""Number of small pictures in all strips of a report: more would not fit on its first printed page."""
SUSPICIOUS = 4


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that made a result."""
    numbers = {"covidlib": __version__, "python": platform.python_version()}
    for name in ("numpy", "tensorflow", "keras", "openvino", "pydicom"):
        try:
            numbers[name] = version(name)
        except PackageNotFoundError:
            continue
    return numbers


def patient_report(diagnosis: Diagnosis, record: Mapping[str, Any], model: keras.Model | None = None) -> str:
    """Make the HTML report of one patient.

    Parameters
    ----------
    record : mapping
        The patient's entry in the JSON (`covidlib.patients.batch`): made, versions, weights, data.
    model : keras.Model, optional
        The network, for Grad-CAM maps; without it, slices are shown without maps.

    Raises
    ------
    InputError
        If a slice can no longer be read.
    """
    note = diagnosis.note
    each = max(6, STRIP_SLICES // max(1, len(diagnosis.answers)))
    series = []
    for answer in diagnosis.answers:
        name = html.escape(Path(answer.series.name).name)
        kept = len(answer.selection.selected) if answer.selection else 0
        refused = ", not classified" if answer.unlike else ""
        series.append(f"<h3>{name}: {kept} of {len(answer.series)} slices selected{refused}</h3>")
        curve = along_z(answer) if len(answer.probabilities) else ""
        series.append(f'<div class="series">{strip(answer, each)}{curve}</div>')
    total, kept = sum(len(answer.series) for answer in diagnosis.answers), len(diagnosis.probabilities)
    values = {
        "title": "/".join(diagnosis.patient.split("/")[-2:]),
        "patient": diagnosis.patient,
        "decision": diagnosis.decision,
        "version": __version__,
        "notice": NOTICE,
        "how_close": _sentence(diagnosis.how_close()),
        "deciding": _deciding(diagnosis),
        "question": question(diagnosis.threshold),
        "network": f"{note.network}, {note.size} size, input {note.input_shape[0]}×{note.input_shape[1]}, "
        f"scaling {note.scaling}, protocol {note.protocol}, fold {note.fold}",
        "trained_on": note.trained_on,
        "counted": f"{len(diagnosis.answers)} series, {total} slices, {kept} selected and classified",
        "strip_key": "Lung window (−600 HU, width 1500). Solid frame: selected; ▲: called COVID-19; dashed frame, "
        f"number struck through: discarded. Of a long series {each} slices are shown, evenly spaced. In the curve, "
        "discarded slices are ticks on the axis.",
        "explained": _explained(diagnosis, model),
        "made": str(record["made"]),
        "engine": diagnosis.engine,
        "versions": ", ".join(f"{name} {number}" for name, number in record["versions"].items()),
        "weights_name": str(record["weights"]["file"]),
        "weights_hash": str(record["weights"]["sha256"]),
        "files": f"{record['data']['files']} files",
        "data_hash": str(record["data"]["sha256"]),
    }
    escaped = {name: html.escape(value) for name, value in values.items()}
    remarks = diagnosis.remarks or ("no difference from the training data was found in what is checked",)
    return _template("patient").substitute(
        escaped,
        style=_style(),
        remarks="\n".join(f"<li>{html.escape(_sentence(remark))}.</li>" for remark in remarks),
        series="\n".join(series),
        suspicious="\n".join(_suspicious(diagnosis, model)),
    )


def question(threshold: float) -> str:
    """The question that the system answers about a patient, in words."""
    share = (
        "at least one of the selected slices"
        if threshold == 0
        else f"at least {100 * threshold:g}% of the selected slices"
    )
    return f"Does the network call {share} COVID-19 (p above 0.5)?"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _deciding(diagnosis: Diagnosis) -> str:
    if math.isnan(diagnosis.deciding_probability):
        return ""
    place = diagnosis.needed
    which = "highest" if place == 1 else f"{_ordinal(place)} highest"
    p = diagnosis.deciding_probability
    return f" The slice that decides, the one with the {which} probability, has p = {p:.3f}."


def _ordinal(place: int) -> str:
    """An ordinal number as in a sentence: "first", "second", "third", "4th", …, "21st"."""
    words = {1: "first", 2: "second", 3: "third"}
    if place in words:
        return words[place]
    ending = "th" if place % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place}{ending}"


def _explained(diagnosis: Diagnosis, model: keras.Model | None) -> str:
    if not len(diagnosis.probabilities):
        return "No slice was classified. Shown is the most open slice of each series."
    sides = "Sides are as stored and not marked."
    if model is None:
        return f"Lung window. Heat maps are drawn with --explain. {sides}"
    return (
        "Left: the slice at lung window. Right: Grad-CAM for COVID-19 at the network's last map, each map scaled to "
        "its own highest value, so that brightness does not compare between slices. A map shows where the network's "
        f"evidence lies, not where disease is. {sides}"
    )


def _suspicious(diagnosis: Diagnosis, model: keras.Model | None) -> list[str]:
    chosen = highest(diagnosis.answers, SUSPICIOUS)
    if not chosen:
        opened = [one for one in diagnosis.answers if one.selection]
        return [
            pair(
                one.series.read(one.series.files[index := int(one.selection.counts.argmax())]),
                None,
                f"Slice {index + 1}",
                f"{Path(one.series.name).name}, slice {index + 1}: not classified",
            )
            for one in opened[:SUSPICIOUS]
            if one.selection
        ]
    heats, no_map = _maps(diagnosis, model, [(answer.series, index) for answer, index, _ in chosen])
    figures = []
    for (answer, index, p), heat in zip(chosen, heats, strict=True):
        path = answer.series.files[index]
        caption = f"{Path(answer.series.name).name}, slice {index + 1} ({path.name}): p(COVID-19) {p:.3f}"
        figures.append(pair(answer.series.read(path), heat, f"Slice {index + 1}", caption, no_map))
    return figures


def _maps(
    diagnosis: Diagnosis, model: keras.Model | None, slices: Sequence[tuple[Series, int]]
) -> tuple[list[np.ndarray | None], str]:
    if model is None:
        return [None] * len(slices), ""
    from covidlib.heatmaps.grad_cam import explain_slices
    from covidlib.networks.inputs import load_images
    from covidlib.utils.quiet_tensorflow import keras

    note = diagnosis.note
    images = [
        load_images([series.files[index]], note.input_shape[0], note.scaling, series.read) for series, index in slices
    ]
    explained = explain_slices(model, np.concatenate(images))
    resized = keras.ops.image.resize(explained.maps[..., np.newaxis], (OVERLAY, OVERLAY))
    maps = np.clip(keras.ops.convert_to_numpy(resized)[..., 0], 0, 1)
    drawn = [heat if known and heat.any() else None for heat, known in zip(maps, explained.has_gradient, strict=True)]
    return drawn, "This layer has no evidence for COVID-19: the map is empty."


def overview(
    title: str, records: Sequence[Mapping[str, Any]], failed: Mapping[str, str], asked: Mapping[str, Any]
) -> str:
    """Make the HTML overview of a batch: a table of patients with links to their reports, and the failures.

    Parameters
    ----------
    records : sequence of mapping
        Entries of the JSON; `report` is the path of the patient's report, relative to the overview.
    failed : mapping
        Patient's name → error message.
    asked : mapping
        threshold, and weights (file, sha256).
    """
    rows = []
    for record in records:
        name, decision = html.escape(str(record["patient"])), str(record["decision"])
        cells = [record["covid_slices"], record["needed_slices"], record["selected_slices"], record["slices_to_change"]]
        numbers = "".join(f'<td class="number">{int(cell)}</td>' for cell in cells)
        link = f'<a href="{html.escape(str(record["report"]))}">{name}</a>'
        rows.append(f'<tr><td>{link}</td><td class="{decision}-text">{html.escape(decision)}</td>{numbers}</tr>')
    counts = {
        name: sum(record["decision"] == name for record in records) for name in ("infected", "normal", "undetermined")
    }
    summary = ", ".join(f"{count} {decision}" for decision, count in counts.items())
    problems = "".join(
        f"<li><strong>{html.escape(name)}</strong>: {html.escape(problem)}</li>" for name, problem in failed.items()
    )
    return _template("overview").substitute(
        style=_style(),
        title=html.escape(title),
        version=__version__,
        notice=NOTICE,
        summary=f"{len(records)} patients answered: {summary}; {len(failed)} failed.",
        question=html.escape(question(asked["threshold"])),
        weights_name=html.escape(str(asked["weights"]["file"])),
        weights_hash=html.escape(str(asked["weights"]["sha256"])),
        failed=f"<h2>Failed</h2>\n<ul>{problems}</ul>" if failed else "",
        rows="\n".join(rows),
    )


def now() -> str:
    """Current date and time with the time zone, to the second."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def _template(name: str) -> Template:
    return Template((files("covidlib") / "data" / "report" / f"{name}.html").read_text(encoding="utf-8"))


def _style() -> str:
    return (files("covidlib") / "data" / "report" / "report.css").read_text(encoding="utf-8")
