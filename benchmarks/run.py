"""Measure the speed rows, ours and the baseline in the same run, and write benchmarks/results.json.

Every row is a ratio: seconds of two machines say little, a ratio on one machine says more. Each side is the best of
several repetitions, the two sides in turn, so that a busy moment hits both.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import count, cycle, islice
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from covidlib.datasets.check_slices import scan, usual_workers
from covidlib.phantom.cohort import make_cohort, make_patient
from covidlib.scans.gate import find_series
from covidlib.scans.slices import read_slice
from covidlib.scans.tiff import write_slice
from covidlib.selection import DARK_BELOW, DIVISOR, select_series
from covidlib.utils.files import write_text

RESULTS = Path(__file__).with_name("results.json")
REPETITIONS = 3
CHECKED_COPIES = 6
LONGER = 10
AUGMENTED_SLICES = 56
STREAMED_EPOCHS = 8


def per_pixel_selection(paths: list[Path]) -> list[str]:
    """The baseline of the first row: read every slice whole and look at every pixel of the region in Python."""
    counts = []
    for path in paths:
        pixels = read_slice(path)
        dark = 0
        for row in range(240, 340):
            for column in range(120, 370):
                if pixels[row, column] < DARK_BELOW:
                    dark += 1
        counts.append(dark)
    threshold = (max(counts) - min(counts)) / DIVISOR
    return [path.name for path, dark in zip(paths, counts, strict=True) if dark > threshold]


def best_seconds(ours: Callable[[], object], baseline: Callable[[], object]) -> tuple[float, float]:
    """Best time of each side, measured in turn."""
    best = [float("inf"), float("inf")]
    for _ in range(REPETITIONS):
        for side, work in enumerate((ours, baseline)):
            started = time.perf_counter()
            work()
            best[side] = min(best[side], time.perf_counter() - started)
    return best[0], best[1]


def row(name: str, unit: str, ours: float, baseline: float, baseline_is: str) -> dict[str, object]:
    """One row of the results; the ratio says how many times faster ours is."""
    return {
        "name": name,
        "unit": unit,
        "ours": round(ours, 6),
        "baseline": round(baseline, 6),
        "baseline_is": baseline_is,
        "ratio": round(baseline / ours, 2),
    }


def measure_selection(folder: Path) -> dict[str, object]:
    """Selection of one series against the per-pixel loop; both must select the same slices."""
    series = find_series(folder)[0]
    if select_series(series).selected != per_pixel_selection(list(series.files)):
        raise RuntimeError("the two sides select different slices: there is nothing to compare")
    ours, baseline = best_seconds(lambda: select_series(series), lambda: per_pixel_selection(list(series.files)))
    return row(
        f"selection of a series of {len(series)} uncompressed slices",
        "s",
        ours,
        baseline,
        "every slice read whole, a Python loop over the region's pixels",
    )


def measure_inference(folder: Path) -> dict[str, object]:
    """One slice's inference in batches of eight against one `predict` call a slice, full network, 512×512."""
    from covidlib.networks.inputs import load_images
    from covidlib.networks.models import build

    model = build("resnet50v2-fpn")
    paths = list(find_series(folder)[0].files[:8])
    images = load_images(paths, 512, "fixed-4095")
    model.predict_on_batch(images)
    model.predict(images[:1], verbose=0)

    def one_by_one() -> None:
        for image in images:
            model.predict(image[np.newaxis], verbose=0)

    ours, baseline = best_seconds(lambda: model.predict_on_batch(images), one_by_one)
    return row(
        "inference, one slice of 512×512, resnet50v2-fpn at paper size",
        "s",
        ours / len(images),
        baseline / len(images),
        "one predict call a slice",
    )


def measure_maps(folder: Path) -> dict[str, object]:
    """Heat maps of all five pyramid levels: one pass for a batch, against one slice and one level at a time."""
    from covidlib.heatmaps.grad_cam import Explainer
    from covidlib.networks.inputs import load_images
    from covidlib.networks.models import build
    from covidlib.networks.pyramid import LEVELS

    model = build("resnet50v2-fpn", (128, 128, 1), "quick")
    images = load_images(list(find_series(folder)[0].files[:8]), 128, "lung-window")
    together, single = Explainer(model), [Explainer(model, (level,)) for level in LEVELS]
    if any(
        np.abs(together(images)[one.layers[0]].adds - one(images)[one.layers[0]].adds).max() > 1e-4 for one in single
    ):
        raise RuntimeError("the two sides explain differently: there is nothing to compare")

    def one_by_one() -> None:
        for image in images:
            for explainer in single:
                explainer(image[np.newaxis])

    ours, baseline = best_seconds(lambda: together(images), one_by_one)
    maps = len(images) * len(LEVELS)
    return row(
        "heat map of a pyramid level, 128×128, resnet50v2-fpn at quick size",
        "s",
        ours / maps,
        baseline / maps,
        "one slice and one level at a time",
    )


def check_one_by_one(paths: list[Path]) -> list[str]:
    """The baseline of check-data: each check opens the file again, one file after the other."""
    digests = []
    for path in paths:
        with path.open("rb") as stream:
            digests.append(hashlib.file_digest(stream, "blake2b").hexdigest())
        if read_slice(path).shape != (512, 512) or np.ptp(read_slice(path)) == 0 or (read_slice(path) == 4095).all():
            raise RuntimeError(f"{path}: the benchmark's slices are sound")
        hashlib.blake2b(read_slice(path)).hexdigest()
    return digests


def measure_check(folder: Path) -> dict[str, object]:
    """The scan of check-data against opening every file once a check; both must find the same content."""
    root = folder.parents[2]
    for copy in range(1, CHECKED_COPIES):
        shutil.copytree(folder, folder.parents[1] / f"patient{146 + copy}" / folder.name)
    paths = sorted(root.rglob("*.tif"))
    if list(scan(root, paths, usual_workers(), False)[0]["file_digest"]) != check_one_by_one(paths):
        raise RuntimeError("the two sides read different files: there is nothing to compare")
    ours, baseline = best_seconds(lambda: scan(root, paths, usual_workers(), False), lambda: check_one_by_one(paths))
    return row(
        "check-data, one slice of 512×512",
        "s",
        ours / len(paths),
        baseline / len(paths),
        "one thread, every file opened again for each check",
    )


def measure_growth(folder: Path) -> list[dict[str, object]]:
    """Selection of ten times as many slices: the time of one slice and the memory should stay what they were."""
    short = find_series(folder)[0]
    long = replace(short, files=short.files * LONGER)
    ours, baseline = best_seconds(lambda: select_series(long), lambda: select_series(short))
    peaks = []
    for series in (long, short):
        tracemalloc.start()
        select_series(series)
        peaks.append(tracemalloc.get_traced_memory()[1] / 1e6)
        tracemalloc.stop()
    name = f"selection of {len(long)} slices instead of {len(short)}"
    return [
        row(f"{name}, a slice", "s", ours / len(long), baseline / len(short), "the short series (1 is linear)"),
        row(f"{name}, memory at its peak", "MB", peaks[0], peaks[1], "the short series (1 is flat)"),
    ]


def measure_cohort(scratch: Path) -> dict[str, object]:
    """Drawing a cohort with one process a core against one process."""
    drawn = count()

    def draw(workers: int | None) -> None:
        make_cohort(scratch / f"cohort{next(drawn)}", 4, progress=False, workers=workers)

    ours, baseline = best_seconds(lambda: draw(None), lambda: draw(1))
    return row("drawing a synthetic patient", "s", ours / 4, baseline / 4, "one process")


def measure_training_input(folder: Path) -> list[dict[str, object]]:
    """A decoded slice to an augmented one, 512×512: our pipeline, a stack of Keras layers, ImageDataGenerator."""
    from covidlib.networks.inputs import load_images
    from covidlib.protocols import PAPER
    from covidlib.training.batches import steps_per_epoch, training_batches
    from covidlib.utils.quiet_tensorflow import keras, tf

    # A series is shorter than this: its slices come several times, as different slices for all three.
    paths = list(islice(cycle(map(str, find_series(folder)[0].files)), AUGMENTED_SLICES))
    labels = [0, 1] * (AUGMENTED_SLICES // 2)
    images, side, batch = load_images(paths, 512, "raw"), PAPER.image_side, PAPER.batch_size
    fill = {"fill_mode": "nearest"}
    layers = [
        keras.layers.RandomFlip(),
        keras.layers.RandomRotation(1.0, **fill),
        keras.layers.RandomTranslation(0.05, 0.05, **fill),
        keras.layers.RandomZoom(0.05, 0.05, **fill),
    ]

    def stack(batch_of_images: tf.Tensor) -> tf.Tensor:
        for layer in layers:
            batch_of_images = layer(batch_of_images, training=True)
        return batch_of_images

    generator = keras.src.legacy.preprocessing.image.ImageDataGenerator(
        horizontal_flip=True, vertical_flip=True, zoom_range=0.05, rotation_range=360,
        width_shift_range=0.05, height_shift_range=0.05, shear_range=0.05,
    )  # fmt: skip
    flow = generator.flow(images, keras.utils.to_categorical(labels, 2), batch_size=batch)
    # Streams without end, as training draws from them: one that is started anew first has to find its parallelism.
    ours = iter(training_batches(paths, labels, PAPER, 1))
    cached = tf.data.Dataset.from_tensor_slices(images).cache().shuffle(len(paths)).repeat().batch(batch)
    layered = iter(cached.map(stack, tf.data.AUTOTUNE).prefetch(2))
    generated = cycle(range(len(flow)))
    batches = STREAMED_EPOCHS * steps_per_epoch(len(paths), PAPER)
    for stream in (ours, layered):
        draw(stream, batches)
    rows = []
    for baseline, name in (
        (layered, "Keras' RandomFlip, RandomRotation, RandomTranslation and RandomZoom in tf.data"),
        ((flow[index] for index in generated), "ImageDataGenerator.flow on arrays in memory, the paper's settings"),
    ):
        seconds, baseline_seconds = best_seconds(partial(draw, ours, batches), partial(draw, baseline, batches))
        what = f"training input, {side}×{side}, a slice"
        rows.append(row(what, "s", seconds / (batches * batch), baseline_seconds / (batches * batch), name))
    return rows


def draw(stream: Iterator[object], batches: int) -> None:
    """Take so many batches of an endless stream."""
    for _ in range(batches):
        next(stream)


def measure_all(scratch: Path) -> Iterator[dict[str, object]]:
    """Every row, as it is measured."""
    folder = scratch / "normal1" / "patient146" / "SR_2"
    folder.mkdir(parents=True)
    for number, pixels in enumerate(make_patient(2020, 146, covid=False).slices, start=1):
        write_slice(folder / f"IM{number:05d}.tif", pixels)
    yield measure_selection(folder)
    yield from measure_growth(folder)
    yield from measure_training_input(folder)
    yield measure_inference(folder)
    yield measure_maps(folder)
    yield measure_check(folder)
    yield measure_cohort(scratch)


def main() -> None:
    """Print and write all rows."""
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for line in measure_all(Path(scratch)):
            print(f"{line['name']}: {line['ours']} {line['unit']}, ×{line['ratio']}")
            print(f"    against {line['baseline_is']}: {line['baseline']} {line['unit']}", flush=True)
            rows.append(line)
    write_text(RESULTS, json.dumps(rows, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
