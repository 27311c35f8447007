"""covidlib.scans.filenames: the number of a slice, copies and strays, by the name alone."""

from __future__ import annotations

import pytest

from covidlib.scans.filenames import copy_of, name_template, natural_key, slice_key, slice_numbers


@pytest.mark.parametrize(
    ("pattern", "numbers"),
    [
        ("IM{:05d}.tif", [1, 2, 10, 12]),
        ("slice {} of 12.tif", list(range(1, 13))),
        ("CT.1.2.840.5.{}.tif", [17, 18, 103]),
        ("CT.1.2.840.5.{}", [17, 18, 103]),  # no suffix: the last number is none
        ("img_{:04d}_512x512.tif", [3, 1, 2]),
        ("scan3_2024-01-05_{:03d}.tif", [7, 8, 9]),
        ("137covid_patient1_SR_2_IM{:05d}.tiff", [10, 11]),
        ("{:03d}", [1, 2]),
        ("slice ({}).dcm", [1, 2]),
    ],
)
def test_the_number_is_the_field_that_differs(pattern: str, numbers: list[int]) -> None:
    assert slice_numbers([pattern.format(number) for number in numbers]) == numbers


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        # Several fields differ in every name: the one without gaps is the count, wherever it stands.
        (["t103001_n1.tif", "t103107_n2.tif", "t103212_n3.tif"], [1, 2, 3]),
        (["n1_t103001.tif", "n2_t103107.tif", "n3_t103212.tif"], [1, 2, 3]),
        # Both without gaps: the last one, as when the table goes down while the slices are counted up.
        (["z-12_1.tif", "z-11_2.tif", "z-10_3.tif"], [1, 2, 3]),
        # One field differs in every name, another one only sometimes.
        (["phase1_5.tif", "phase2_6.tif", "phase2_7.tif"], [5, 6, 7]),
        # No field differs in every name: the last, in which the slices that are there twice show.
        (["phase1_1.tif", "phase1_2.tif", "phase2_1.tif", "phase2_2.tif"], [1, 2, 1, 2]),
        # No field differs.
        (["IM2.tif", "IM02.tif"], [2, 2]),
        (["IM2.tif", "IM2.tiff"], [2, 2]),
        (["slice 2 of 12.tif"], [12]),
        (["IM00007.tif"], [7]),
    ],
)
def test_a_number_is_chosen_where_several_fields_or_none_differ(names: list[str], numbers: list[int]) -> None:
    assert slice_numbers(names) == numbers


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (["z_-10.tif", "z_-5.tif", "z_0.tif", "z_5.tif"], [-10, -5, 0, 5]),
        (["z-2.tif", "z0.tif", "Z3.tif"], [-2, 0, 3]),
        (["-2.tif", "+1.tif", "3.tif"], [-2, 1, 3]),
        (["img--5.tif", "img-5.tif"], [-5, 5]),
        (["img_-2.5.tif", "img_-1.0.tif", "img_0.5.tif"], [-2.5, -1.0, 0.5]),
        (["img_-0.5.tif", "img_0.5.tif"], [-0.5, 0.5]),
        (["pos -1,25mm", "pos 0,00mm"], [-1.25, 0.0]),
        (["a_1.25.tif", "a_2.50.tif", "a_3.75.tif", "a_5.00.tif"], [1.25, 2.5, 3.75, 5.0]),
        (["z_-7.tif"], [-7]),
        # A hyphen between a word and a number separates them; a date has none before a number of its own.
        (["slice-3.tif", "slice-2.tif", "slice-1.tif"], [3, 2, 1]),
        (["scan_2024-01-05_007.tif", "scan_2024-01-05_008.tif"], [7, 8]),
        # Patient and slice, or parts of a UID, are no decimals.
        (["1.1.tif", "1.2.tif", "1.10.tif"], [1, 2, 10]),
        (["1.1.tif", "1.2.tif", "2.1.tif", "2.2.tif"], [1, 2, 1, 2]),
        (["CT.1.2.840.5.17.tif", "CT.1.2.840.6.18.tif"], [17, 18]),
    ],
)
def test_numbers_have_signs_and_fractions(names: list[str], numbers: list[float]) -> None:
    assert slice_numbers(names) == numbers
    if len(names) > 1:
        assert len({name_template(name).lower() for name in names}) == 1
    assert (
        sorted(names, key=slice_key) == [name for _, name in sorted(zip(numbers, names, strict=True))]
        or "." in names[0][:-4]
    )


def test_names_of_other_templates_have_the_digits_at_their_end() -> None:
    assert slice_numbers(["a_2.tif", "b_2.tif"]) == [2, 2]
    assert slice_numbers(["IM1.tif", "IM2.tif", "IM3_512x512.tif", "preview.tif"]) == [1, 2, 512, None]
    assert slice_numbers(["IM00001.tif", "IM00002.tif", "IM00002_mask.tif"]) == [1, 2, None]
    # A stray does not take the siblings' numbers away; upper and lower case are the same template.
    assert slice_numbers(["slice 1 of 3.tif", "preview.tif", "Slice 2 of 3.TIF"]) == [1, None, 2]
    assert slice_numbers(["a1#2.tif", "a##1.tif"]) == [2, 1]
    assert slice_numbers([]) == []


MARKED = (
    "{} (1)", "{}(1)", "{} (12)", "{} - Copy", "{} - Copy (2)", "{} copy", "{} copy 2", "{}_copy", "{}_copy2",
    "{}-copy", "{}.copy", "{} (copy)", "{} (copy 2)", "Copy of {}", "Copy (2) of {}", "{} - Kopie", "{} - Kopie (3)",
    "Kopie von {}", "{} - copia", "Copia de {}", "{} (copie)", "{} - Copie", "{}~", "{}.bak", "{}.orig", "{} - COPY",
)  # fmt: skip


@pytest.mark.parametrize("suffix", [".tif", ".TIFF", ".dcm", ""])
@pytest.mark.parametrize("marked", MARKED)
def test_the_name_of_a_copy_gives_that_of_the_original(marked: str, suffix: str) -> None:
    for stem in ("IM00005", "slice 2 of 12", "CT.1.2.840.5.17"):
        assert copy_of(marked.format(stem) + suffix) == stem + suffix


def test_a_copy_of_a_copy_names_the_copy() -> None:
    assert copy_of("IM00005 - Copy - Copy.tif") == "IM00005 - Copy.tif"


@pytest.mark.parametrize(("name", "original"), [("IM5.tif~", "IM5.tif"), ("IM5.tif.bak", "IM5.tif"), ("5.bak", "5")])
def test_an_editor_marks_a_copy_behind_the_suffix(name: str, original: str) -> None:
    assert copy_of(name) == original


@pytest.mark.parametrize(
    "name",
    ["IM00005.tif", "IM00005", "slice 2 of 12.tif", "CT.1.2.840.5.17", "img_0001_512x512.tif", "copy.tif", "copy_2.tif",
     "photocopy.tif", "copyright 2024.tif", "a copyright.tif", "~", ".bak", "", "IM00005_1.tif", "preview.tif"],
)  # fmt: skip
def test_other_names_are_none_of_a_copy(name: str) -> None:
    assert copy_of(name) is None


def test_a_series_that_windows_numbered_looks_like_copies_of_a_file_that_is_not_there() -> None:
    names = [f"slice ({number}).tif" for number in range(1, 13)]
    assert {copy_of(name) for name in names} == {"slice.tif"} and "slice.tif" not in names


@pytest.mark.parametrize(
    ("name", "template"),
    [
        ("IM00005.tif", "IM#"),
        ("slice 2 of 12.tiff", "slice # of #"),
        ("CT.1.2.840", "CT.#.#.#"),
        ("IM00005_mask.tif", "IM#_mask"),
        ("preview.tif", "preview"),
        ("IM１２.tif", "IM#"),
    ],
)
def test_a_template_tells_strays_from_siblings(name: str, template: str) -> None:
    assert name_template(name) == template


def test_digits_of_other_scripts_are_ordered_as_numbers_and_raised_ones_as_text() -> None:
    assert sorted(["IM１０", "IM２", "IM3"], key=natural_key) == ["IM２", "IM3", "IM１０"]
    assert natural_key("IM１") == natural_key("im1")
    # A raised 2 is a digit for Python's `isdigit`, but no number of its own.
    assert natural_key("IM²") == ((-1, "im²"),)
    assert slice_numbers(["IM１.tif", "IM２.tif"]) == [1, 2] and slice_numbers(["IM².tif"]) == [None]
