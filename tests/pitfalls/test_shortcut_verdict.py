"""covidlib.pitfalls.shortcut_verdict, plotting.shortcuts: the verdict on stand-ins, and what data cannot answer."""

from __future__ import annotations

import json
from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from support.drawn_chests import SIDE, chest, reads_the_lungs, reads_the_noise

from covidlib.pitfalls.changed_slices import (
    AS_THEY_ARE,
    CHANGES,
    NO_BODY,
    NO_LUNGS,
    NO_OUTSIDE,
    ChangedSlices,
    answers_to_changes,
    changed,
)
from covidlib.pitfalls.shortcut_verdict import (
    CANNOT_TELL,
    NO_SIGN,
    SCANNER,
    SIGNS,
    VERDICTS,
    ShortcutReport,
    shortcut_report,
)
from covidlib.plotting.shortcuts import shortcut_figure


def changed_chests(patients: int, kernel_of: Callable[[int, bool], str]) -> ChangedSlices:
    rows, images = [], []
    for place in range(patients):
        covid = place < patients // 2
        kernel = kernel_of(place, covid)
        label = "covid" if covid else "normal"
        pictures, has_lungs = changed(chest(covid, kernel, place))
        images.append(np.stack(pictures).astype(np.float32))
        rows.append((f"{place}.tif", f"p{place}", label, label, kernel, 2.0 if place % 4 < 2 else 6.0, has_lungs))
    columns = ["path", "patient", "label", "patient_label", "kernel", "thickness_mm", "has_lungs"]
    return ChangedSlices(pd.DataFrame(rows, columns=columns), np.stack(images))


@pytest.fixture(scope="module")
def mixed() -> ChangedSlices:
    """Twenty-four patients whose kernel has nothing to do with the class."""
    return changed_chests(24, lambda place, covid: "sharp" if place % 2 else "smooth")


@pytest.fixture(scope="module")
def shortcut() -> ChangedSlices:
    """Twenty-four patients, of whom all but three of each class have the kernel of their class."""
    return changed_chests(24, lambda place, covid: "sharp" if covid != (place % 12 < 3) else "smooth")


def report_of(slices: ChangedSlices, network: Callable[[np.ndarray], np.ndarray]) -> ShortcutReport:
    return shortcut_report(answers_to_changes(slices, network), resamples=200, permutations=999)


@pytest.mark.parametrize("cohort", ["mixed", "shortcut"])
def test_a_network_that_reads_the_lungs_and_one_that_reads_the_noise(
    cohort: str, request: pytest.FixtureRequest
) -> None:
    slices = request.getfixturevalue(cohort)
    honest, scanner = (report_of(slices, network) for network in (reads_the_lungs, reads_the_noise))
    rows = honest.changes.set_index("change")
    assert rows.loc[AS_THEY_ARE, "low"] > 0.9 and rows.loc[NO_OUTSIDE, "low"] > 0.9
    assert rows.loc[[NO_LUNGS, NO_BODY], "value"].tolist() == [0.5, 0.5]
    assert honest.verdict == NO_SIGN and not honest.remarks
    assert scanner.verdict == SCANNER
    read_at = [reason for reason in scanner.reasons if "is gone" in reason]
    assert len(read_at) == 1 and NO_OUTSIDE in read_at[0]
    tested = scanner.scanner.set_index("answers_go_with")
    assert tested.loc["kernel", "explained"] > 0.9 and tested.loc["kernel", "p_value"] < 0.01
    equal = scanner.strata[(scanner.strata["by"] == "kernel") & (scanner.strata["stratum"] == "equal settings")]
    assert abs(equal["value"].item() - 0.5) < 0.25


def test_a_network_that_reads_both_shows_signs(mixed: ChangedSlices) -> None:
    found = report_of(mixed, lambda values: (reads_the_lungs(values) + 0.05 * reads_the_noise(values)) / 1.05)
    assert found.verdict == SIGNS and len(found.reasons) >= 1


def test_a_network_that_tells_without_lungs_shows_signs(mixed: ChangedSlices) -> None:
    """A mark in a corner, as a burnt-in letter would be."""
    marked = ChangedSlices(mixed.table, mixed.images.copy())
    marked.images[mixed.table["label"] == "covid", :, :4, -4:] += 500
    found = report_of(marked, lambda values: (values[:, :4, -4:].mean(axis=(1, 2)) > 250).astype(float))
    assert found.verdict == SIGNS and NO_LUNGS in found.reasons[0] and NO_BODY in found.reasons[1]


def test_the_answer_is_plain_text_and_json(shortcut: ChangedSlices) -> None:
    found = report_of(shortcut, reads_the_noise)
    text = found.to_text()
    assert all(name in text for name in CHANGES) and "nan" not in text.lower()
    assert f"verdict  {SCANNER}: {VERDICTS[SCANNER]}" in text
    stored = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert stored["verdict"] == SCANNER and len(stored["changes"]) == len(CHANGES)
    assert stored["patients"][0]["patient"] == "p0" and len(stored["patients"]) == 24


def test_the_figure_has_a_row_per_change_and_a_panel_per_network(mixed: ChangedSlices) -> None:
    reports = {"lungs": report_of(mixed, reads_the_lungs), "noise": report_of(mixed, reads_the_noise)}
    figure = shortcut_figure(
        {name: one.changes for name, one in reports.items()}, {name: one.patients for name, one in reports.items()}
    )
    above, *panels = figure.axes
    assert [label.get_text() for label in above.get_yticklabels()] == list(CHANGES)
    assert [axes.get_title() for axes in panels] == ["lungs", "noise"]
    assert [label.get_text() for label in panels[0].get_xticklabels()] == ["sharp", "smooth"]
    drawn = [line.get_xdata()[0] for line in above.lines if line.get_label() == "noise"]
    assert drawn == [reports["noise"].changes["value"].iloc[0]]
    plt.close(figure)


# What data cannot answer ----------------------------------------------------------------------------------------------


def limited(slices: ChangedSlices, **columns: object) -> ShortcutReport:
    return report_of(ChangedSlices(slices.table.assign(**columns), slices.images), reads_the_lungs)


def test_one_class_only_is_told(mixed: ChangedSlices) -> None:
    found = report_of(mixed.rows(mixed.table["label"] == "covid"), reads_the_lungs)
    assert found.verdict == CANNOT_TELL and "there is no normal patient" in found.remarks[0]
    assert "no AUC" in found.reasons[0] and "nan" not in found.to_text().lower()
    json.dumps(found.to_dict(), allow_nan=False)


def test_too_few_patients_are_told_and_judged_no_more(mixed: ChangedSlices) -> None:
    few = mixed.rows(mixed.table["patient"].isin(["p0", "p1", "p2", "p12", "p13", "p14", "p15", "p16"]))
    found = report_of(few, reads_the_noise)
    assert found.verdict == CANNOT_TELL and "only 3 infected patients, 5 are needed" in found.remarks[0]
    assert not any("still tells" in reason for reason in found.reasons)
    assert report_of(few, reads_the_lungs).verdict == CANNOT_TELL


def test_unknown_kernels_are_told(mixed: ChangedSlices) -> None:
    found = limited(mixed, kernel="", thickness_mm=np.nan)
    assert found.verdict == NO_SIGN and found.strata.empty
    assert [remark.split(",")[0] for remark in found.remarks] == ["no kernel is known", "no thickness is known"]
    assert "nan" not in found.to_text().lower()
    some = limited(mixed, kernel=mixed.table["kernel"].where(mixed.table.index > 3, ""))
    assert some.remarks == ("the kernel of 4 of 24 patients is unknown; they are left out of its tests",)


def test_one_scanner_only_and_a_scanner_per_class_are_told(mixed: ChangedSlices) -> None:
    found = limited(mixed, kernel="B31f", thickness_mm=5.0)
    assert found.remarks[0] == "all patients have the same kernel, B31f: it cannot be told apart"
    assert "same thickness, above 3 mm" in found.remarks[1]
    per_class = limited(mixed, kernel=mixed.table["label"].map({"covid": "B70s", "normal": "B31f"}))
    assert per_class.remarks == (
        "no kernel has patients of both classes: kernel and class cannot be taken apart in these data",
    )
    assert np.isnan(per_class.scanner.set_index("answers_go_with").loc["kernel", "p_value"])


def test_a_network_that_says_always_the_same_cannot_be_judged(mixed: ChangedSlices) -> None:
    found = report_of(mixed, lambda values: np.full(len(values), 0.3))
    assert found.verdict == CANNOT_TELL and any("all answers agree" in remark for remark in found.remarks)
    assert any("may be chance" in reason for reason in found.reasons)


def test_slices_without_lungs_are_counted(mixed: ChangedSlices) -> None:
    found = limited(mixed, has_lungs=mixed.table.index > 4)
    assert found.remarks == ('no lungs were found on 5 of 24 slices: "lungs blanked" leaves them as they are',)


def test_unlabelled_slices_do_not_count(mixed: ChangedSlices) -> None:
    table = mixed.table.assign(label=mixed.table["label"].where(mixed.table.index != 0, "unlabelled"))
    found = report_of(ChangedSlices(table, mixed.images), reads_the_lungs)
    assert (found.changes["infected"] == 11).all() and len(found.patients) == 23
    assert mixed.images.shape[-1] == SIDE
