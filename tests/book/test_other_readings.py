"""booktools.pages.other_readings: the readings of the paper that were not chosen, and the page that shows them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from booktools.pages import claim_checklist, other_readings
from support.made import ROOT, body_slice
from support.named_sections import missing, named

from covidlib.phantom.cohort import make_cohort

PAGE = (ROOT / "book" / "diary.md").read_text(encoding="utf-8")
DECIDED_BY = {"text", "code", "lists", "ours"}
WEIGHED = {"measured", "partly measured", "computed", "not measured"}
ENTRY = re.compile(
    r"(.+)\n\nIn the paper \((.+)\)\n: (?:.|\n)+?\nChosen \((.+)\)\n: (?:.|\n)+?"
    r"\nOtherwise \((.+)\)\n: (?:.|\n)+?\nShown in\n: "
)


def entries(page: str) -> list[tuple[str, ...]]:
    """Each entry: question, places in the paper, what decided, how the other reading was weighed."""
    found = [ENTRY.match(entry) for entry in page.split("\n### ")[1:]]
    return [entry.groups() if entry else () for entry in found]


def test_readings_of_a_series_differ_where_they_should() -> None:
    def kept(counts: list[int]) -> dict[str, list[int]]:
        slices = np.stack([body_slice(count) for count in counts])
        return {name: np.flatnonzero(keep).tolist() for name, keep in other_readings.kept_by_reading(slices).items()}

    dark = kept([4001, 7000, 10000])
    assert dark[other_readings.CHOSEN] == [0, 1, 2] and dark["smallest count added back"] == [2]
    assert dark["largest count alone is divided"] == [1, 2]
    empty = kept([0, 0])
    assert empty[other_readings.CHOSEN] == [] and empty["a count equal to the threshold passes"] == [0, 1]
    upright = np.full((2, 512, 512), 1024, np.uint16)
    upright[0, 300, 120:200], upright[1, 130:240, 250] = 0, 0
    swapped = other_readings.kept_by_reading(upright)
    assert swapped[other_readings.CHOSEN].tolist() == [True, False]
    assert swapped["x and y of the region as rows and columns"].tolist() == [False, True]


def test_readings_over_a_cohort_are_shares(tmp_path: Path) -> None:
    cohort = make_cohort(tmp_path / "cohort", patients=3, seed=5, progress=False, most_slices=6)
    table = other_readings.selection_readings(cohort)
    assert table.loc[other_readings.CHOSEN, "other answers"] == 0 and table.to_numpy().max() <= 1
    assert table.loc["x and y of the region as rows and columns", "other answers"] > 0


def test_the_example_under_three_readings() -> None:
    assert other_readings.example_readings(3000, 30).tolist() == [1980, 2010, 2000]


def test_parameters_of_other_structures() -> None:
    from covidlib.networks import models

    table = other_readings.structure_readings()["parameters"]
    # P3 would read 256 + 256 channels instead of 512 + 256, with 3×3 weights for each of 256 channels out.
    assert table["a map is passed on after its 3×3 convolution"] == f"{-9 * 256 * 256:+,}"
    # 32×32 in place of 30×30 cells, 16×16 in place of 14×14; 256 channels and two units each.
    assert table["P3 and P4 padded like the others"] == f"{(32**2 - 30**2 + 16**2 - 14**2) * 256 * 2:+,}"
    assert table["a dense layer with the ten neurons"] == "+110"
    added = models.build("resnet50v2-fpn-add").count_params() - models.build("resnet50v2-fpn").count_params()
    assert table["maps added, as in the pyramid that is cited"] == f"{added:+,}"


def test_heads_starts_and_maps() -> None:
    assert other_readings.head_readings().loc["resnet50v2"].tolist() == ["4,098", f"{16 * 16 * 2048 * 2 + 2:,}"]
    starts = other_readings.start_readings()
    assert starts.loc["resnet50v2-fpn"].tolist() == ["conv1_conv", f"{7 * 7 * 64 + 64:,}", "34,058,656"]
    maps = other_readings.map_readings()
    assert maps.loc["P3"].tolist() == ["30×30", "16.0", "8.0"] and maps.loc["P7", "first cell stretched"] == "63.5"


def test_what_moves_by_a_shift_range() -> None:
    found = other_readings.shift_range_readings(512)
    assert found.round(2).tolist() == [0.22, 12.8, 25.6]


def test_balance_and_epochs() -> None:
    balance = other_readings.balance()
    assert balance.loc[1].tolist() == pytest.approx([1916 / 1820, 7860 / 462, 18 / 95])
    epochs = other_readings.epoch_readings()
    assert epochs.index.tolist() == [50, 20] and epochs.loc[20, "steps"] == 5340
    assert 0.5 < epochs.loc[20, "best of as many coins"] < epochs.loc[50, "best of as many coins"] < 0.55


def test_the_mean_of_folds_is_what_is_printed() -> None:
    table = other_readings.average_readings()
    assert len(table) == 3
    for _, row in table.iterrows():
        assert row["mean of folds"] == pytest.approx(float(row["printed"]), abs=5e-5)
        assert abs(row["pooled"] - float(row["printed"])) > 1e-3
    assert table.loc["resnet50v2-fpn", "pooled"] == pytest.approx(433.4 / (433.4 + 102.2))


def test_more_than_differs_from_at_least_at_exactly_a_tenth() -> None:
    assert [other_readings.more_than(covid, 20) for covid in (1, 2, 3)] == ["normal", "normal", "infected"]
    assert other_readings.more_than(0, 0) == "undetermined"
    slices = [
        {"network": "xception", "fold": 1, "patient": patient, "patient_label": "covid", "p_covid": float(n < called)}
        for patient, called in (("patient1", 1), ("patient2", 2), ("patient3", 0))
        for n in range(10)
    ]
    assert other_readings.decision_readings(pd.DataFrame(slices)).loc["xception"].tolist() == [3, 2, 1]


def test_each_entry_says_all_that_an_entry_says() -> None:
    found = entries(PAGE)
    assert len(found) > 15 and () not in found
    assert {entry[2] for entry in found} == DECIDED_BY and {entry[3] for entry in found} == WEIGHED
    for place in (place for entry in found for place in claim_checklist.places(entry[1])):
        assert claim_checklist.PAPER_PLACES.fullmatch(place), place
    for entry in PAGE.split("\n### ")[1:]:
        assert named(entry), entry.splitlines()[0]
    assert () in entries(PAGE.replace("\nOtherwise (measured)\n", "\nOtherwise\n", 1))


def test_the_table_at_a_glance_says_what_the_entries_say() -> None:
    rows = re.findall(r"^\| (.+) \| (.+) \| (.+) \| (.+) \|$", PAGE[: PAGE.index("\n## Select")], re.MULTILINE)
    assert rows[1:] == entries(PAGE)


def test_what_the_page_names_is_there() -> None:
    assert missing(PAGE, ROOT / "notebooks") == []


def test_a_section_that_is_not_there_is_found() -> None:
    page = "[chapter 02](notebooks/02_slice_selection.ipynb), “What the rule does not say” and “No such\n  section”."
    assert missing(page, ROOT / "notebooks") == ["chapter 02 has no section “No such section”"]
    assert missing("[chapter 03](notebooks/02_slice_selection.ipynb)", ROOT / "notebooks") != []
