"""covidlib.phantom.lesion_sizes: discs of known size are measured, and real data says that it has no masks."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from covidlib.errors import InputError
from covidlib.networks import describe, models
from covidlib.phantom import lesion_sizes
from covidlib.phantom.cohort import make_cohort, read_lesion_mask
from covidlib.plotting import networks as drawings


def test_two_discs_of_one_slice_are_two_areas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lesions").mkdir()
    pd.DataFrame({"patient": ["patient1"], "pixel_mm": [0.5]}).to_csv(tmp_path / "patients.csv", index=False)
    pd.DataFrame({"path": ["a.tif", "b.tif"], "patient": ["patient1"] * 2, "lesion_pixels": [9, 0]}).to_csv(
        tmp_path / "slices.csv", index=False
    )
    rows, columns = np.mgrid[:512, :512]
    mask = np.hypot(rows - 100, columns - 100) <= 20
    mask |= np.hypot(rows - 300, columns - 300) <= 5
    monkeypatch.setattr(lesion_sizes, "read_lesion_mask", lambda root, path: mask)
    sizes = lesion_sizes.measure_lesions(tmp_path).sort_values("pixels")
    assert sizes["path"].tolist() == ["a.tif", "a.tif"]
    assert sizes["pixels"].sum() == mask.sum()
    assert sizes["diameter_pixels"].tolist() == pytest.approx([10, 40], abs=0.7)
    assert sizes["diameter_mm"].tolist() == pytest.approx([5, 20], abs=0.35)


def test_areas_of_a_cohort_add_up_to_its_masks(tmp_path: Path) -> None:
    cohort = make_cohort(tmp_path / "cohort", 2, progress=False)
    sizes = lesion_sizes.measure_lesions(cohort)
    assert sizes["patient"].nunique() == 1
    for path, areas in sizes.groupby("path")["pixels"]:
        assert areas.sum() == read_lesion_mask(cohort, str(path)).sum()
    figure = drawings.sizes_and_fields(
        describe.level_table(models.build("resnet50v2-fpn", (128, 128, 1), "quick")).iloc[:8],
        sizes["diameter_pixels"],
    )
    assert [text.get_text() for text in figure.axes[1].get_yticklabels()][:3] == ["C3", "C4", "C5"]
    plt.close(figure)


def test_data_without_masks_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no lesion masks"):
        lesion_sizes.measure_lesions(tmp_path)
