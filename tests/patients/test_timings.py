"""covidlib.patients.timings: the arithmetic of Tables 7 and 8."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from covidlib.inference.engine import Engine
from covidlib.networks.models import build
from covidlib.networks.weights import WeightsNote
from covidlib.patients.timings import (
    classified_slices,
    fit_line,
    network_speeds,
    network_speeds_beside,
    printed_timings,
    series_speeds,
    time_patients,
)
from covidlib.phantom.cohort import make_cohort
from covidlib.training.runs import Run


def test_table_7_and_what_follows() -> None:
    table = series_speeds()
    assert table["slices"].tolist() == [35, 52, 56, 65, 130, 198, 355, 406]
    assert (table["slices_per_second"] * table["ms_per_slice"]).tolist() == pytest.approx([1000] * 8)
    assert table["ms_per_slice"].iloc[0] == pytest.approx(2303.9 / 35)
    assert (table["fitted_seconds"] + table["residual_seconds"]).tolist() == pytest.approx(table["seconds"].tolist())
    assert table["residual_seconds"].sum() == pytest.approx(0, abs=1e-9)


def test_the_line_against_numpy_and_against_a_known_one() -> None:
    rows = printed_timings()
    slope, start_up = np.polyfit(rows["slices"], rows["seconds"], 1)
    fit = fit_line(rows)
    assert fit.seconds_per_slice.value == pytest.approx(slope) and fit.start_up.value == pytest.approx(start_up)
    assert fit.start_up.low < 0 < fit.start_up.high
    assert fit.r_squared == pytest.approx(np.corrcoef(rows["slices"], rows["seconds"])[0, 1] ** 2)
    exact = pd.DataFrame({"slices": [10, 20, 40], "seconds": [2.5, 3.0, 4.0]})
    known = fit_line(exact)
    assert known.start_up.value == pytest.approx(2) and known.seconds_per_slice.value == pytest.approx(0.05)
    assert series_speeds(exact)["residual_seconds"].abs().max() < 1e-9
    with pytest.raises(ValueError, match="needs three"):
        fit_line(exact.iloc[:2])


def test_the_interval_of_the_line_is_that_of_students_t() -> None:
    rows = printed_timings()
    x, y = rows["slices"].to_numpy(float), rows["seconds"].to_numpy(float)
    slope, start_up = np.polyfit(x, y, 1)
    noise = np.sqrt(((y - start_up - slope * x) ** 2).sum() / 6)
    error = noise / np.sqrt(((x - x.mean()) ** 2).sum())
    assert fit_line(rows).seconds_per_slice.high - slope == pytest.approx(2.446911848791681 * error)


def test_table_8_and_what_follows() -> None:
    table = network_speeds().set_index("network")
    assert table.loc["ResNet50V2", ["seconds_per_epoch", "ms_per_image"]].tolist() == [195, 52.6]
    assert table.loc["Xception", "epoch_ratio"] == pytest.approx(356 / 195)
    assert table.loc["Our Model", "image_ratio"] == pytest.approx(66.1 / 52.6)
    assert table.loc["Our Model", "images_per_second"] == pytest.approx(1000 / 66.1)


def test_no_more_slices_are_classified_than_the_time_has_room_for() -> None:
    table = classified_slices().set_index("slices")
    assert table.loc[355, "at_most"] == int(13.2398 / 0.0661) and table.loc[355, "at_most_share"] < 0.6
    assert table.loc[130, "at_most"] == 130 and (table["at_most_share"] <= 1).all()


def fake_run(folder: Path, network: str, training: float, predicting: float) -> Run:
    folder.mkdir()
    record = {
        "network": network,
        "data": {"slices": {"test": 50}},
        "seconds": {"training": training, "predicting": predicting},
    }
    (folder / "run.json").write_text(json.dumps({"fold": 1, "protocol": {}, "versions": {}} | record))
    history = pd.DataFrame({"epoch": range(1, 5), "accuracy": [0.5] * 4, "val_accuracy": [0.5] * 4})
    history.to_csv(folder / "history.csv", index=False)
    return Run(folder)


def test_table_8_has_ours_beside_it(tmp_path: Path) -> None:
    runs = [fake_run(tmp_path / str(fold), "xception", 8 + fold, 1.0) for fold in (0, 4)]
    table = network_speeds_beside(runs)
    assert table.loc["xception", ("seconds_per_epoch", "ours")] == pytest.approx(2.5)
    assert table.loc["xception", ("ms_per_image", "ours")] == pytest.approx(20)
    assert table.loc["resnet50v2-fpn", ("ms_per_image", "printed")] == 66.1
    assert np.isnan(table.loc["resnet50v2", ("ms_per_image", "ours")])


def test_patients_are_timed_from_folder_to_answer(tmp_path: Path) -> None:
    cohort = make_cohort(tmp_path / "cohort", patients=2, seed=3, progress=False, most_slices=5)
    note = WeightsNote("resnet50v2", "quick", (128, 128, 1), "lung-window", "quick", 1, "made for a test")
    folders = sorted(cohort.glob("*1/patient*"))
    model = build("resnet50v2", (128, 128, 1), "quick")
    engine = Engine("tensorflow", "float32", note, 0.0, 8, lambda images: model.predict_on_batch(images)[:, 0])
    table = time_patients(folders, engine)
    assert table["slices"].tolist() == [5, 5] and (table["selected"] <= table["slices"]).all()
    assert (table["seconds"] > 0).all()
    assert table["slices_per_second"].tolist() == pytest.approx((table["slices"] / table["seconds"]).tolist())
