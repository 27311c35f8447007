"""covidlib.runfiles: runs on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from covidlib.errors import InputError
from covidlib.runfiles import Run, run_of


def test_a_run_is_found_by_network_and_fold(tmp_path: Path) -> None:
    runs = []
    for network in ("xception", "resnet50v2"):
        for fold in (1, 2):
            folder = tmp_path / f"{network}{fold}"
            folder.mkdir()
            (folder / "run.json").write_text(json.dumps({"network": network, "fold": fold}))
            runs.append(Run(folder))
    assert run_of(runs, "resnet50v2", 2).folder.name == "resnet50v22"
    assert run_of(runs, "xception", 1).folder.name == "xception1"
    with pytest.raises(InputError, match="xception, fold 3"):
        run_of(runs, "xception", 3)
