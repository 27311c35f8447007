"""covidlib.pitfalls.picture_leak, datasets.ucsd_pictures: names and patients, splits, and the leak on made pictures."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from covidlib.datasets import public_files, ucsd_pictures
from covidlib.datasets.ucsd_pictures import (
    COPY,
    fetch_pictures,
    listed_pictures,
    make_list,
    match_patients,
    normalised,
    read_pictures,
)
from covidlib.errors import InputError, Unavailable
from covidlib.pitfalls import picture_leak
from covidlib.pitfalls.picture_leak import (
    leak_differences,
    leak_provenance,
    neighbour_rows,
    network_auc,
    shared_patients,
    split,
    stored_leak,
)

# The list -------------------------------------------------------------------------------------------------------------


def test_names_match_after_normalising_and_no_other_way() -> None:
    assert normalised(" Läsion%1.PNG") == normalised("la\u0308sion%1.jpg") == "läsion%1"
    assert normalised("img 7.jpg") == normalised("img7.png") != normalised("img77.png")
    paths = ["a/One%0.png", "a/two.JPG", "a/three.png", "a/Three.jpg", "a/four.png", "a/five.png", "a/six.png"]
    patients = {"one%0.png": " Patient  1 ", "two.png": "Patient 2", "three.png": "Patient 3", "five.png": ""}
    patients |= {"six.png": "Patient 6", "SIX.png": "Patient 7"}
    # Two files or two patients under one name, no name, or no patient: left out.
    assert match_patients(paths, patients) == {"a/One%0.png": "Patient 1", "a/two.JPG": "Patient 2"}


def write_workbook(path: Path, rows: list[list[str]]) -> None:
    """An Excel workbook with texts, as the metadata have it."""
    texts = sorted({text for row in rows for text in row})
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    lines = []
    for number, row in enumerate(rows, start=1):
        places = [f"{chr(65 + column)}{number}" for column in range(len(row))]
        pairs = zip(places, row, strict=True)
        cells = [f'<c r="{place}" t="s"><v>{texts.index(text)}</v></c>' for place, text in pairs]
        lines.append(f"<row>{''.join(cells)}</row>")
    with zipfile.ZipFile(path, "w") as workbook:
        shared = "".join(f"<si><t>{text}</t></si>" for text in texts)
        workbook.writestr("xl/sharedStrings.xml", f"<sst {space}>{shared}</sst>")
        sheet = f"<worksheet {space}><sheetData>{''.join(lines)}</sheetData></worksheet>"
        workbook.writestr("xl/worksheets/sheet1.xml", sheet)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with three pictures of two patients, and three pictures whose patient is unknown."""
    root = tmp_path / "mirror" / COPY
    for name, grey in (("COVID/a%0.png", 10), ("COVID/a%1.png", 20), ("COVID/Covid (1).png", 30)):
        save(root / "Data/master-data" / name, grey)
    for name, grey in (("NonCOVID/7.jpg", 40), ("NonCOVID/img1.jpg", 50), ("NonCOVID/img2.jpg", 60)):
        save(root / "Data/master-data" / name, grey)
    (root / "Data/Meta").mkdir()
    write_workbook(
        root / ucsd_pictures.METADATA["covid"],
        [["File name", "Patient ID"], ["A%0.png", "Patient 1"], ["a%1.png", "Patient 1 "], ["gone.png", "Patient 2"]],
    )
    with (root / ucsd_pictures.METADATA["normal"]).open("w", newline="") as stream:
        csv.writer(stream).writerows([["", "image name", "patient id"], ["0", "7.jpg", "crawled_patient_7"]])
    return root


def save(path: Path, grey: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((40, 60), grey, np.uint8)).save(path)


def test_the_list_has_what_both_sides_know_and_counts_the_rest(checkout: Path) -> None:
    listed, left_out = make_list(checkout)
    assert listed[["label", "patient"]].to_numpy().tolist() == [
        ["covid", "Patient 1"],
        ["covid", "Patient 1"],
        ["normal", "crawled_patient_7"],
    ]
    assert left_out == {"covid": 1, "normal": 2}
    with pytest.raises(InputError, match="no such folder"):
        make_list(checkout / "Data")


def test_pictures_are_fetched_verified_and_read_in_order(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COVIDLIB_MIRROR", str(checkout.parents[2]))
    listed, _ = make_list(checkout)
    images = read_pictures(fetch_pictures(listed), 8)
    assert images.shape == (3, 8, 8) and images.dtype == np.float32
    assert images.mean(axis=(1, 2)) * 255 == pytest.approx([10, 20, 40], abs=2)
    assert len(fetch_pictures(listed[1:])) == 2
    save(checkout / listed["path"][1], 99)
    with pytest.raises(InputError, match="has the hash"):
        fetch_pictures(listed)
    (checkout / listed["path"][1]).unlink()
    with pytest.raises(Unavailable, match="not in the mirror"):
        fetch_pictures(listed)
    (checkout / "list.txt").write_text("no picture")
    with pytest.raises(InputError, match="cannot be read as a picture"):
        read_pictures([checkout / "list.txt"], 8)


def test_the_stored_list_is_that_of_the_metadata_and_ships_no_picture() -> None:
    listed = listed_pictures()
    assert listed.groupby("label").size().to_dict() == {"covid": 349, "normal": 397}
    assert listed.groupby("label")["patient"].nunique().to_dict() == {"covid": 213, "normal": 171}
    assert listed["patient"].nunique() == 384 and listed["path"].is_unique and listed["sha256"].is_unique
    assert listed["sha256"].str.fullmatch("[0-9a-f]{64}").all()
    assert not any(COPY in name for name in public_files.known_files())


# The leak -------------------------------------------------------------------------------------------------------------


def patients_without_a_disease(side: int, patients: int = 24, each: int = 4) -> tuple[np.ndarray, pd.DataFrame]:
    """Pictures that show whose they are, and nothing else."""
    rng = np.random.default_rng(4)
    looks = rng.random((patients, side // 8, side // 8)).repeat(8, 1).repeat(8, 2)
    images = np.repeat(looks, each, axis=0) + rng.normal(scale=0.05, size=(patients * each, side, side))
    names = np.repeat([f"Patient {number}" for number in range(patients)], each)
    labels = np.repeat(["covid", "normal"] * (patients // 2), each)
    return images.astype(np.float32), pd.DataFrame({"patient": names, "label": labels})


@pytest.mark.parametrize("seed", [1, 2])
def test_patients_are_shared_by_random_folds_alone(seed: int) -> None:
    _, pictures = patients_without_a_disease(8)
    for unit, low, high in (("slice", 0.5, 1.0), ("patient", 0.0, 0.0)):
        train, test = split(pictures, unit, seed)  # type: ignore[arg-type]
        assert sorted([*train, *test]) == list(range(96)) and 15 < len(test) < 25
        assert low <= shared_patients(pictures, train, test) <= high
        assert np.array_equal(test, split(pictures, unit, seed)[1])  # type: ignore[arg-type]
        assert not np.array_equal(test, split(pictures, unit, seed + 7)[1])  # type: ignore[arg-type]


def test_the_neighbour_remembers_patients_and_the_interval_says_so() -> None:
    images, pictures = patients_without_a_disease(32)
    rows = neighbour_rows(images, pictures, repeats=10)
    assert len(rows) == 20
    line = leak_differences(rows).loc["nearest neighbour"]
    assert line["random"] > 0.95 and 0.2 < line["patients"] < 0.8 and line["repeats"] == 10
    assert line["difference"] == pytest.approx(line["random"] - line["patients"])
    assert 0 < line["low"] < line["difference"] < line["high"]


def test_differences_pair_the_seeds_and_leave_out_halves() -> None:
    scores = {("slice", 1): 0.9, ("patient", 1): 0.7, ("slice", 2): 0.8, ("patient", 2): 0.7, ("slice", 3): 0.1}
    rows = pd.DataFrame(
        [
            {"classifier": "one", "split_by": unit, "seed": seed, "score": score}
            for (unit, seed), score in scores.items()
        ]
    )
    line = leak_differences(rows).loc["one"]
    assert line["repeats"] == 2 and line["difference"] == pytest.approx(0.15) and line["low"] < 0 < line["high"]


def test_the_network_is_trained_and_starts_anew_each_time(untraced: None, monkeypatch: pytest.MonkeyPatch) -> None:
    images, pictures = patients_without_a_disease(96, patients=8)
    monkeypatch.setattr(picture_leak, "BATCH", 13)
    row = network_auc(images, pictures, "slice", 1, epochs=1)
    assert row["classifier"] == "quick network" and row["split_by"] == "slice" and row["seed"] == 1
    assert 0 <= float(str(row["score"])) <= 1 and float(str(row["shared"])) > 0.5
    assert network_auc(images, pictures, "slice", 1, epochs=1) == row
    model, initial = picture_leak._compiled(96)
    assert not all(np.array_equal(value, start) for value, start in zip(model.variables, initial, strict=False))


def test_stored_scores_are_of_the_listed_pictures_and_show_the_leak() -> None:
    rows, made, listed = stored_leak(), leak_provenance(), listed_pictures()
    assert made["pictures"] == listed.groupby("label").size().to_dict()
    assert made["source"] == COPY and made["pictures_left_out"] == ucsd_pictures.LEFT_OUT
    assert (rows[rows["split_by"] == "patient"]["shared"] == 0).all()
    found = leak_differences(rows)
    assert list(found.index) == ["nearest neighbour", "quick network"]
    assert found["repeats"].tolist() == [50, len(made["seeds"])]  # type: ignore[arg-type]
    assert found.loc["nearest neighbour", "low"] > 0
