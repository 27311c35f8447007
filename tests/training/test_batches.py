"""covidlib.training.batches, slicecache and scalings: one resample, same seed same batches, slices decoded once."""

from __future__ import annotations

import dataclasses
import errno
import gc
import weakref
from pathlib import Path
from typing import IO

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats
from support.made import body_slice

from covidlib.errors import InputError
from covidlib.networks import inputs
from covidlib.pitfalls.input_scaling import as_8_bit_grey, tissue_spread, tissue_values
from covidlib.protocols import QUICK, Augmentation
from covidlib.training import augmentation, batches
from covidlib.training.slice_cache import DiskCache

TINY = dataclasses.replace(QUICK, epochs=2)


def test_a_scaling_that_does_not_exist_is_no_scaling() -> None:
    with pytest.raises(ValueError, match="unknown scaling 'window': choose one of raw, slice-max, fixed-4095"):
        inputs.scale(np.ones((1, 2, 2, 1)), "window")  # type: ignore[arg-type]


def test_shrinking_averages() -> None:
    pixels = np.arange(16, dtype=np.uint16).reshape(4, 4)
    assert inputs.shrink(pixels, 2).tolist() == [[2.5, 4.5], [10.5, 12.5]]
    assert inputs.shrink(pixels, 4).dtype == np.float32
    with pytest.raises(ValueError, match="4×4"):
        inputs.shrink(pixels, 3)


def test_scalings() -> None:
    images = np.array([0, 1174, 2348, 4095], np.float32).reshape(1, 2, 2, 1)
    assert np.array_equal(inputs.scale(images, "raw"), images)
    assert inputs.scale(images, "slice-max").numpy().max() == 1
    assert inputs.scale(images, "fixed-4095").numpy().ravel().tolist() == pytest.approx(
        [0, 1174 / 4095, 2348 / 4095, 1]
    )
    assert inputs.scale(images, "lung-window").numpy().ravel().tolist() == [0, 1, 1, 1]
    assert np.isfinite(inputs.scale(np.zeros((1, 2, 2, 1), np.float32), "slice-max").numpy()).all()


# Grey levels of 4095; noise of single pixels is the hardest case.
@pytest.mark.parametrize(
    ("side", "rough", "at_most"),
    [(64, False, 0.01), (64, True, 0.01), (128, True, 0.01), (512, False, 0.01), (512, True, 0.01)],
)
@pytest.mark.parametrize("flips", [(1, 1), (-1, 1), (1, -1)])
def test_one_resample_agrees_with_keras_image_data_generator(
    flips: tuple[int, int], side: int, rough: bool, at_most: float
) -> None:
    from keras.src.legacy.preprocessing.image import apply_affine_transform

    generator = np.random.default_rng(3)
    for _ in range(3):
        grain = side if rough else 8
        noise = generator.random((grain, grain, 1)).astype(np.float32) * 4095
        image = noise if rough else tf.image.resize(noise, (side, side), method="bicubic").numpy()
        angle, shear = generator.uniform(-360, 360), generator.uniform(-5, 5)
        shift_x, shift_y = generator.uniform(-0.05, 0.05, 2) * side
        zoom_x, zoom_y = generator.uniform(0.95, 1.05, 2)
        expected = apply_affine_transform(
            image, theta=angle, tx=shift_x, ty=shift_y, shear=shear, zx=zoom_x, zy=zoom_y,
            row_axis=0, col_axis=1, channel_axis=2, fill_mode="nearest", order=1,
        )[:: flips[1], :: flips[0]]  # fmt: skip
        values = [np.radians(angle), shift_x, shift_y, np.radians(shear), zoom_x, zoom_y, *flips]
        map_ = augmentation.affine_map(side, *(tf.constant([value], tf.float64) for value in values))
        ours = augmentation.resample(image[np.newaxis], map_).numpy()[0]
        assert np.abs(ours - expected).max() <= at_most


def test_maps_are_drawn_as_the_augmentation_says() -> None:
    """Every map taken apart again: angle, shear, two shifts, two zooms and two flips, each spread over its range."""
    side, drawn = 512, 4_000
    change = Augmentation(rotation_degrees=60, shift_fraction=0.05, shear_degrees=5, zoom_fraction=0.1, flip=True)
    xx, xy, x0, yx, yy, y0 = augmentation.random_maps(change, drawn, side, tf.constant([3, 4])).numpy().T
    # Within ±60 degrees and a small shear, a column keeps its sign unless it was flipped.
    flip_x, flip_y = np.sign(xx), np.sign(yy)
    angle, turned = np.arctan2(yx * flip_x, xx * flip_x), np.arctan2(-xy * flip_y, yy * flip_y)
    centre = side / 2 - 0.5
    right, down = x0 - centre + (xx + xy) * centre, y0 - centre + (yx + yy) * centre
    parts = {
        "angle": np.degrees(angle) / change.rotation_degrees,
        "shear": np.degrees(turned - angle) / change.shear_degrees,
        "shift along x": (np.cos(angle) * right + np.sin(angle) * down) / (change.shift_fraction * side),
        "shift along y": (np.cos(angle) * down - np.sin(angle) * right) / (change.shift_fraction * side),
        "zoom along x": (np.hypot(xx, yx) - 1) / change.zoom_fraction,
        "zoom along y": (np.hypot(xy, yy) - 1) / change.zoom_fraction,
    }
    for name, values in parts.items():
        assert stats.kstest(values, stats.uniform(-1, 2).cdf).pvalue > 0.001, name
    together = np.corrcoef([*parts.values(), flip_x, flip_y])
    assert np.abs(together - np.eye(8)).max() < 0.07
    assert abs(flip_x.mean()) < 0.07 and abs(flip_y.mean()) < 0.07
    still = augmentation.random_maps(Augmentation(0, 0, 0, 0, False), 2, side, tf.constant([3, 4])).numpy()
    assert still.tolist() == [[1, 0, 0, 0, 1, 0]] * 2


def paths_of(folder: Path) -> list[str]:
    return [str(path) for path in sorted(folder.rglob("*.tif"))]


def test_the_same_seed_gives_the_same_batches(small_dataset: Path) -> None:
    paths = paths_of(small_dataset)[:20]
    labels = [0, 1] * 10

    def epochs(seed: int) -> list[np.ndarray]:
        steps = batches.steps_per_epoch(len(paths), TINY)
        drawn = [images.numpy() for images, _ in batches.training_batches(paths, labels, TINY, seed).take(2 * steps)]
        return [np.concatenate(drawn[:steps]), np.concatenate(drawn[steps:])]

    first, again, other = epochs(1), epochs(1), epochs(2)
    assert first[0].shape == (20, 128, 128, 1)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first[0], other[0])
    # Started at the second epoch, the stream is what the whole one has there.
    late = batches.training_batches(paths, labels, TINY, 1, first_epoch=1).take(batches.steps_per_epoch(20, TINY))
    assert np.array_equal(np.concatenate([images.numpy() for images, _ in late]), first[1])


def test_batches_do_not_depend_on_the_global_seed(small_dataset: Path) -> None:
    paths = paths_of(small_dataset)[:10]
    drawn = []
    for seed in (1, 2):
        tf.random.set_seed(seed)
        drawn.append(next(iter(batches.training_batches(paths, [0, 1] * 5, TINY, 7)))[0].numpy())
    assert np.array_equal(*drawn)


def test_labels_stay_with_their_slices(small_dataset: Path) -> None:
    paths = paths_of(small_dataset)[:12]
    still = dataclasses.replace(TINY, augmentation=Augmentation(0, 0, 0, 0, False))
    images = inputs.load_images(paths, 128, still.scaling)
    known = {image.tobytes(): index for index, image in enumerate(np.round(images, 4))}
    labels = [0, 1, 1] * 4
    for shuffled, one_hot in batches.training_batches(paths, labels, still, 5).take(2):
        for image, label in zip(np.round(shuffled.numpy(), 4), one_hot.numpy(), strict=True):
            assert label.argmax() == labels[known[image.tobytes()]]
    evaluated = np.concatenate([one.numpy() for one, _ in batches.evaluation_batches(paths, labels, still)])
    assert np.allclose(evaluated, images, atol=1e-6)
    # Under the protocol's own augmentation no slice goes in as it was read, and none as in the epoch before.
    changed = [one.numpy() for one, _ in batches.training_batches(paths, labels, TINY, 5).take(2)]
    seen = {image.tobytes() for image in np.round(np.concatenate(changed), 4)}
    assert len(seen) == 24 and not seen & set(known)


def test_a_slice_of_another_size_is_named(tmp_path: Path) -> None:
    from covidlib.scans.tiff import write_slice

    write_slice(tmp_path / "IM1.tif", body_slice()[:500, :500])
    with pytest.raises(InputError, match="IM1.tif"):
        inputs.load_images([tmp_path / "IM1.tif"], 128, "raw")


def test_batches_do_not_depend_on_the_number_of_threads(small_dataset: Path) -> None:
    paths = paths_of(small_dataset)[:20]

    def epoch(threads: int) -> list[np.ndarray]:
        options = tf.data.Options()
        options.threading.private_threadpool_size = threads
        pipeline = batches.training_batches(paths, [0, 1] * 10, TINY, 1).with_options(options).take(4)
        return [np.concatenate(parts) for parts in zip(*pipeline.as_numpy_iterator(), strict=True)]

    assert all(np.array_equal(one, two) for one, two in zip(epoch(1), epoch(2), strict=True))


def test_what_memory_does_not_hold_is_decoded_once_on_disk(
    small_dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = paths_of(small_dataset)[:12]
    in_memory = batches.training_batches(paths, [0, 1] * 6, TINY, 1).take(3)
    expected = [images.numpy() for images, _ in in_memory]
    decoded: list[str] = []

    def counted(path: str, side: int) -> np.ndarray:
        decoded.append(path)
        return inputs.load_slice(path, side)

    monkeypatch.setattr(batches, "load_slice", counted)
    monkeypatch.setattr(batches, "CACHE_AT_MOST_BYTES", 0)
    on_disk = batches.training_batches(paths, [0, 1] * 6, TINY, 1).take(3)
    found = [images.numpy() for images, _ in on_disk]
    assert all(np.array_equal(one, two) for one, two in zip(expected, found, strict=True))
    assert sorted(decoded) == sorted(paths)


def test_slices_go_with_their_pipeline(small_dataset: Path) -> None:
    paths = paths_of(small_dataset)[:12]
    for make in (lambda: batches.training_batches(paths, [0, 1] * 6, TINY, 1),
                 lambda: batches.evaluation_batches(paths, [0, 1] * 6, TINY)):  # fmt: skip
        pipeline = make()
        kept = weakref.ref(pipeline.reader)
        # An iterator, and a pipeline made of this one, hold the slices although the first name is gone.
        drawn = iter(pipeline.take(1))
        del pipeline
        gc.collect()
        assert kept() is not None and next(drawn)[0].shape[0] == 12
        del drawn
        gc.collect()
        assert kept() is None


def test_a_disk_cache_leaves_no_file_and_survives_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = DiskCache(2, (2, 2), tmp_path)
    first = np.full((2, 2), 7.5, np.float32)
    assert np.array_equal(cache.get(1, lambda: first), first)
    assert np.array_equal(cache.get(1, lambda: np.zeros((2, 2), np.float32)), first)
    assert list(tmp_path.iterdir()) == []

    class Full:
        """A file on a full disk: what is there can be read, what is new cannot be written."""

        def __init__(self, file: IO[bytes]) -> None:
            self.seek, self.read = file.seek, file.read

        def write(self, _: bytes) -> int:
            raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(cache, "_file", Full(cache._file))
    assert np.array_equal(cache.get(0, lambda: first + 1), first + 1)
    assert np.array_equal(cache.get(0, lambda: first + 2), first + 2)  # not kept, loaded again
    assert np.array_equal(cache.get(1, lambda: first + 3), first)


def test_a_disk_cache_does_not_hide_a_broken_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def seek(self, _: int) -> None:
            raise OSError(errno.EIO, "input/output error")

    cache = DiskCache(1, (2, 2), tmp_path)
    monkeypatch.setattr(cache, "_file", Broken())
    with pytest.raises(OSError, match="input/output error"):
        cache.get(0, lambda: np.zeros((2, 2), np.float32))


def test_only_the_slice_maximum_gives_one_tissue_several_values() -> None:
    dense = np.full((8, 8), 1080, np.uint16)
    dense[:4] = 200
    metal = dense.copy()
    dense[7, 7], metal[7, 7] = 2000, 4095
    values = tissue_values([dense, metal])
    assert list(values.columns) == ["slice", "maximum", "scaling", "tissue", "mean"] and len(values) == 20
    spread = tissue_spread(values).set_index(["scaling", "tissue"])["spread"]
    for scaling in ("raw", "fixed-4095", "lung-window"):
        assert spread[scaling].tolist() == pytest.approx([0, 0], abs=1e-6)
    # 1/2000 and 1/4095: the same tissue at twice the value.
    pair = np.array([1 / 2000, 1 / 4095])
    assert spread["slice-max"].tolist() == pytest.approx([pair.std(ddof=1) / pair.mean()] * 2, rel=1e-5)
    with pytest.raises(ValueError, match="no slice"):
        tissue_values([])


def test_a_float_picture_opened_as_8_bits_is_0s_and_1s() -> None:
    assert as_8_bit_grey(np.array([0.0, 0.26, 0.99, 1.0])).tolist() == [0, 0, 0, 1]
