"""Measure a few training steps of the paper's own network and protocol, beside what the paper prints (Tables 2, 3, 8).

A whole epoch would take an hour on two cores, so a step is measured and an epoch is computed from it. Operations are an
ESTIMATE: three times those of a forward pass (`covidlib.training.costs`). A processor's peak is not printed on it; the
rate of a large matrix product in the same process stands in for it, and no training reaches that either. The best step
counts: whatever else the machine does makes a step slower, never faster. How busy it was, the processor's own seconds
show: divided by the cores they are what a step needs at least, alone on the machine.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import tempfile
import time
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from covidlib.errors import Unavailable
from covidlib.paper.tables import table_numbers
from covidlib.phantom.cohort import make_patient
from covidlib.protocols import PAPER, Protocol
from covidlib.scans.tiff import write_slice
from covidlib.training import costs
from covidlib.utils.files import write_text

RESULTS = Path(__file__).with_name("paper_step.json")
NETWORK = "resnet50v2-fpn"
FOLD = 1
WARM_UP, MEASURED = 2, 4
PRODUCT_SIDE = 4096


def slices_of_an_epoch() -> tuple[int, str]:
    """Training images of fold 1 and where the number is from: the authors' list, or Table 2 where it cannot be had."""
    from covidlib.datasets.published_lists import fold_lists

    try:
        lists = fold_lists()
    except Unavailable:
        printed = table_numbers(2)[["train COVID-19 images", "train Normal images"]].sum(axis=1)
        return int(printed.iloc[FOLD - 1]), "Table 2"
    return int(((lists["fold"] == FOLD) & (lists["side"] == "train")).sum()), "the authors' list"


def measure_steps(protocol: Protocol) -> tuple[list[tuple[float, float]], float]:
    """Seconds and processor seconds of each measured step, and the most memory this process has held, in bytes."""
    from covidlib.training.batches import training_batches
    from covidlib.training.train import _fresh_model

    model = _fresh_model(NETWORK, protocol, protocol.seed)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"IM{number:05d}.tif" for number in range(protocol.batch_size)]
        for path, pixels in zip(paths, cycle(make_patient(2020, 146, covid=False).slices)):
            write_slice(path, pixels)
        labels = list(islice(cycle((0, 1)), len(paths)))
        batches = iter(training_batches([str(path) for path in paths], labels, protocol, protocol.seed))
        seconds = []
        for _ in range(WARM_UP + MEASURED):
            started, worked = time.perf_counter(), time.process_time()
            model.train_on_batch(*next(batches))
            seconds.append((time.perf_counter() - started, time.process_time() - worked))
    # Linux counts in kibibytes.
    return seconds[WARM_UP:], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def product_rate(side: int = PRODUCT_SIDE, precision: str = "float32") -> float:
    """Operations a second of a large matrix product here, the best of five."""
    from covidlib.utils.quiet_tensorflow import tf

    left, right = (tf.cast(tf.random.stateless_uniform((side, side), (1, number)), precision) for number in (1, 2))
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        tf.linalg.matmul(left, right).numpy()
        best = min(best, time.perf_counter() - started)
    return 2 * side**3 / best


def report(step: float, processor: float, memory: float, rate: float, gflops: float, slices: int) -> dict[str, float]:
    """What follows from a step of so many seconds: an epoch, images and operations a second, shares of two ceilings."""
    batch = PAPER.batch_size
    steps = -(-slices // batch)
    printed = costs.printed_epochs()[NETWORK]
    peak = costs.PEAKS["P100, 32-bit"]
    return {
        "steps of an epoch": steps,
        "seconds of a step, the best": step,
        "processor seconds of a step, the least": processor,
        "peak memory, GB": memory / 1e9,
        "images a second": batch / step,
        "minutes of an epoch": steps * step / 60,
        "GFLOP of a step, ESTIMATE": costs.training_flops(gflops, batch) / 1e9,
        "GFLOP a second, ESTIMATE": costs.training_flops(gflops, batch) / 1e9 / step,
        "GFLOP a second of a matrix product here": rate / 1e9,
        "share of the matrix product's rate, ESTIMATE": costs.share_of_peak(gflops, batch, step, rate),
        "P100, printed: seconds of an epoch": float(printed),
        "P100: images a second": slices / printed,
        "P100: GFLOP a second, ESTIMATE": costs.training_flops(gflops, slices) / 1e9 / printed,
        "P100: share of its 32-bit peak, ESTIMATE": costs.share_of_peak(gflops, slices, printed, peak),
    }


def main() -> None:
    """Print and write the measurement."""
    from covidlib.networks import describe

    slices, source = slices_of_an_epoch()
    # Which weights a step starts from does not change its time, and the ImageNet ones would have to be downloaded.
    seconds, memory = measure_steps(replace(PAPER, weights="none"))
    gflops = describe.network_summary("paper").set_index("network")["gflops"][NETWORK]
    step, processor = (min(column) for column in zip(*seconds, strict=True))
    found = report(step, processor, memory, product_rate(), gflops, slices)
    print(f"{NETWORK}, protocol PAPER: {PAPER.image_side}×{PAPER.image_side}, batch {PAPER.batch_size}, 32 bits")
    print(f"fold {FOLD}: {slices} training images ({source}); {platform.machine()}, {os.cpu_count()} cores")
    print(f"steps: {', '.join(f'{one:.2f}' for one, _ in seconds)} s, after {WARM_UP} to warm up")
    for name, value in found.items():
        print(f"{name:46} {value:10.2f}")
    write_text(RESULTS, json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
