"""Table 7 again: seconds from a series to its probabilities, the published way and ours, same run, same weights.

    python benchmarks/series.py  # about a quarter of an hour on two cores; writes covidlib/data/series_speed.json

The published way reads each slice whole, looks at every pixel of the region in Python, and calls `predict` once for
each selected slice. Every cell is a process of its own, so that start-up and peak memory belong to it alone, and the
sides of a row follow each other. The series are synthetic: the slices of one patient, spread over as many files as
asked for. The network is the paper's at full size with random weights; bfloat16 is forced, where `auto` would ask a
check batch first.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from paper_step import product_rate
from run import per_pixel_selection

from covidlib.inference.choose_engine import open_engine
from covidlib.inference.half_precision import TOLERANCE, check_images
from covidlib.networks.weights import WeightsNote, load_weights, save_weights
from covidlib.patients import stored_timings
from covidlib.phantom.cohort import make_patient
from covidlib.scans.gate import find_series
from covidlib.scans.tiff import write_slice
from covidlib.utils.files import write_text
from covidlib.utils.machine import has_bfloat16, installed, processor

SHORT = 130
"""Longer series are not measured in 32 bits where the processor has bfloat16: three give a line."""
SLICES = (35, 65, 130, 198, 355, 406)
PATIENT = (2020, 146, False)
NOTE = WeightsNote("resnet50v2-fpn", "paper", (512, 512, 1), "lung-window", "benchmark", 0, "nothing: random weights")


def main() -> None:
    """Measure all rows, or (as its own helper) one cell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, nargs="+", default=SLICES)
    parser.add_argument("--out", type=Path, default=stored_timings.STORED)
    parser.add_argument("--cell", nargs=3, metavar=("SIDE", "FOLDER", "WEIGHTS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.cell:
        print(json.dumps(measure(*arguments.cell)))
        return
    result = measure_all(arguments.slices)
    write_text(arguments.out, json.dumps(result, indent=1) + "\n")
    print(stored_timings.speed_table(result).round(2).to_string())
    print(stored_timings.speed_costs(result).to_string())
    print(stored_timings.speed_limits(result).to_string())


def measure_all(lengths: list[int]) -> dict[str, object]:
    """Every side on every series, and what is needed to read the numbers later."""
    engines = ["tensorflow", *(["openvino"] if installed("openvino") else [])]
    half_names = ["bfloat16"] if has_bfloat16() else []
    half = [f"-{name}" for name in half_names]
    sides = ["published", *(engine + precision for engine in engines for precision in ("-float32", *half))]
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch:
        # What engines keep on disk must be made in this run.
        os.environ["COVIDLIB_HOME"] = scratch
        weights = Path(scratch) / "random.weights.h5"
        make_weights(weights)
        slices = make_patient(*PATIENT).slices
        first = write_series(Path(scratch) / "first", slices, 8)
        first_starts = {side: cell(side, first, weights)["start_up"] for side in sides}
        rows = []
        for length in lengths:
            folder = write_series(Path(scratch) / f"series{length}", slices, length)
            asked = [side for side in sides if length <= SHORT or not half or not side.endswith("float32")]
            cells = {side: cell(side, folder, weights) for side in asked}
            reference = np.array(cells["published"]["p_covid"])
            for side, one in cells.items():
                p_covid = np.array(one.pop("p_covid"))
                difference = float(np.abs(p_covid - reference).max())
                rows.append({"slices": length, "side": side, "selected": len(p_covid), "difference": difference} | one)
                print(rows[-1], file=sys.stderr, flush=True)
    name, features = processor()
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": name,
        "features": list(features),
        "cores": os.cpu_count(),
        "load_before": round(load, 2),
        "python": platform.python_version(),
        "versions": {package: version(package) for package in ("keras", *engines)},
        "tolerance": TOLERANCE,
        "gflops": gflops(),
        "products": {name: round(product_rate(precision=name) / 1e9, 1) for name in ("float32", *half_names)},
        "first_starts": first_starts,
        "rows": rows,
    }


def cell(side: str, folder: Path, weights: Path) -> dict[str, object]:
    """One side on one series, in a process of its own."""
    command = [sys.executable, __file__, "--cell", side, str(folder), str(weights)]
    # What TensorFlow writes while it starts would hide the rows; a failed cell shows it.
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        raise SystemExit(f"{side} on {folder.name} failed:\n{result.stderr}")
    return json.loads(result.stdout)


def measure(side: str, folder: str, weights: str) -> dict[str, object]:
    """Seconds from the folder to the probabilities, after a start-up that ends with a first answer."""
    series = find_series(folder)[0]
    began = time.perf_counter()
    precision = "float32"
    if side == "published":
        from covidlib.networks.inputs import load_images

        model, note = load_weights(weights)
        scaling = note.scaling

        def classify() -> np.ndarray:
            selected = set(per_pixel_selection(list(series.files)))
            kept = [path for path in series.files if path.name in selected]
            return np.array([model.predict(load_images([path], 512, scaling), verbose=0)[0, 0] for path in kept])

        model.predict(load_images(series.files[:1], 512, scaling), verbose=0)
    else:
        from covidlib.inference import stream

        name, _, precision = side.partition("-")
        engine = open_engine(weights, engine=name, precision=precision)  # type: ignore[arg-type]

        def classify() -> np.ndarray:
            return next(stream.classified_series([series], engine))[1]

        stream.probabilities(series.files[: engine.batch_size], engine)
    started = time.perf_counter()
    processor_started = time.process_time()
    p_covid = classify()
    return {
        "seconds": round(time.perf_counter() - started, 3),
        "processor_seconds": round(time.process_time() - processor_started, 3),
        "start_up": round(started - began, 3),
        "peak_mb": peak_memory(),
        "precision": precision,
        "p_covid": p_covid.tolist(),
    }


def gflops() -> float:
    """Billions of operations that the network needs for one slice."""
    from covidlib.networks.describe import layer_table
    from covidlib.networks.models import build

    return round(layer_table(build(NOTE.network, NOTE.input_shape, NOTE.size))["flops"].sum() / 1e9, 2)


def peak_memory() -> int:
    """MB that this process has held at most; unlike `getrusage` it forgets what the parent held."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(round(int(line.split()[1]) / 1024) for line in lines if line.startswith("VmHWM"))


def make_weights(path: Path) -> None:
    """Random weights whose probabilities differ from slice to slice."""
    from covidlib.networks.random_weights import untrained

    images = check_images(NOTE)[::4]
    save_weights(untrained(NOTE.network, NOTE.input_shape, NOTE.size, images), path, NOTE)


def write_series(folder: Path, slices: np.ndarray, length: int) -> Path:
    """A series of so many files: the slices of a patient in their order, each as often as it takes."""
    folder.mkdir()
    for number, index in enumerate(np.linspace(0, len(slices) - 1, length).round().astype(int), start=1):
        write_slice(folder / f"IM{number:05d}.tif", slices[index])
    return folder


if __name__ == "__main__":
    main()
