"""Tables of the datasheets of COVID-CTset and of a synthetic cohort, counted from their sources.

A datasheet that is typed goes out of date with the first change; here the pages hold the questions and the reasons, and
every count and share comes from the functions below.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from covidlib.names import LABELS
from covidlib.paper.tables import table_numbers

Facts = list[tuple[str, object, str]]
"""A fact, its value, and the source in which it was counted."""
Lists = dict[str, Any]


def _table(facts: Facts) -> pd.DataFrame:
    return pd.DataFrame(facts, columns=["fact", "value", "counted in"]).set_index("fact")


def _each(counts: Mapping[Any, int], unit: str = "") -> str:
    return ", ".join(f"{name}{unit}: {count:,}" for name, count in counts.items())


# COVID-CTset ----------------------------------------------------------------------------------------------------------


def ctset_people(lists: Lists) -> pd.DataFrame:
    """Patients in COVID-CTset (paper, section 2.1).

    Parameters
    ----------
    lists : dict
        What `covidlib.datasets.published_lists.aggregates` counts, or the stored ones.

    Returns
    -------
    DataFrame
        Index fact; columns value, counted in.
    """
    source = "list of patients"
    facts: Facts = []
    for label in LABELS:
        own = lists["patients"][label]
        facts += [
            (f"{label} patients", own["patients"], source),
            (f"{label}: age", f"{own['age_mean']} ± {own['age_deviation']} years", source),
            (f"{label}: sex", _each(own["sexes"]), source),
            (f"{label}: months of scan", _each(own["months"]), source),
        ]
    return _table(facts)


def ctset_images(lists: Lists) -> pd.DataFrame:
    """Images and series per patient in COVID-CTset (paper, sections 2.1 and 2.4, Table 1).

    Returns
    -------
    DataFrame
        As `ctset_people`.
    """
    printed = table_numbers(1).iloc[0]
    images, copies, series = lists["images"], lists["duplicates"], lists["series"]
    total = int(printed["COVID-19 images"] + printed["Normal images"])
    acquired = lists["acquisition"]
    listed, summed = "list of images", "list of checksums"
    facts: Facts = [
        ("slices of all series", f"{total:,}", "Table 1, as printed"),
        ("size of a slice", _each(lists["values"]["sizes"]), "list of series"),
        ("bits stored", _each(lists["values"]["bits_stored"], " bits"), "list of series"),
        ("largest stored value in the first slices of the series", lists["values"]["largest"], "list of series"),
        ("series", f"{series['total']:,} of {series['of_three_each']:,}, were there three a patient", "list of series"),
        ("patients by number of thicknesses", _each(series["patients_by_thicknesses"]), "list of series"),
        ("images for training and testing", f"{images['total']:,}", listed),
        *((f"of them {label}", f"{images[label]:,}", listed) for label in LABELS),
        ("different contents", f"{copies['unique']:,}", summed),
        ("pairs of copies", f"{copies['pairs']:,}", summed),
        (
            "copies across patients, across classes",
            _pair(copies, "groups_across_patients", "groups_across_classes"),
            summed,
        ),
        ("images without metadata of their series", lists["shortcut"]["images_without_metadata"], "list of series"),
        (
            "infected patients with such images",
            lists["shortcut"]["patients_lacking_metadata"]["covid"],
            "list of series",
        ),
        ("of them without any other", lists["shortcut"]["patients_without_metadata"]["covid"], "list of series"),
    ]
    for kind in ("thickness", "kernel"):
        unit = " mm" if kind == "thickness" else ""
        for label in LABELS:
            facts.append((f"{label} images by {kind}", _each(acquired[kind]["images"][label], unit), "list of series"))
    return _table(facts)


def _pair(counted: Lists, first: str, second: str) -> str:
    return f"{counted[first]}, {counted[second]}"


def ctset_splits(lists: Lists) -> pd.DataFrame:
    """The authors' folds, and what to know before using them (paper, section 2.4, Table 2).

    Returns
    -------
    DataFrame
        Index fold; columns patients in train and test, validation images, of them test images, and for each class
        test images and test images, copies once.
    """
    overlaps = pd.DataFrame(lists["splits"]).set_index("fold")
    tested = pd.DataFrame(lists["duplicates"]["test_images"]).pivot(index="fold", columns="label")
    table = pd.DataFrame(
        {
            "patients in train and test": overlaps["patients_in_train_and_test"],
            "validation images": overlaps["validation_images"],
            "of them test images": overlaps["validation_images_in_test"],
        }
    )
    for label in LABELS:
        table[f"{label} test images"] = tested["images", label]
        table[f"{label} test images, copies once"] = tested["unique", label]
    return table


def ctset_shortcuts(lists: Lists) -> pd.DataFrame:
    """Differences between the classes other than the disease (chapter 09).

    Returns
    -------
    DataFrame
        As `ctset_people`.
    """
    shares = lists["images"]["share_outside_SR_2"]
    alone = lists["shortcut"]["share_of_covid_images"]
    return _table(
        [
            *(
                (f"{label} images from another series than SR_2", f"{shares[label]:.1%}", "list of images")
                for label in LABELS
            ),
            (
                "covid images whose kernel and thickness no normal image has",
                f"{alone:.1%}",
                "lists of images and series",
            ),
        ]
    )


# The synthetic cohort -------------------------------------------------------------------------------------------------


def cohort_facts(folder: Path) -> pd.DataFrame:
    """Contents of a synthetic cohort, counted in its tables and files.

    Parameters
    ----------
    folder : path
        What `covidlib.phantom.cohort.make_cohort` wrote.

    Returns
    -------
    DataFrame
        As `ctset_people`.
    """
    patients, slices = pd.read_csv(folder / "patients.csv"), pd.read_csv(folder / "slices.csv")
    infected = slices[slices["lesion_pixels"] > 0]
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    by_patient, by_slice = "patients.csv", "slices.csv"
    return _table(
        [
            ("folder", folder.name, "hash of the code that drew it"),
            ("seed", _range(patients["seed"], "{:.0f}"), by_patient),
            ("patients", _each(patients["label"].value_counts().to_dict()), by_patient),
            ("slices", f"{len(slices):,}", by_slice),
            ("slices of a patient", _range(patients["slices"], "{:.0f}"), by_patient),
            ("labels of slices", _each(slices["label"].value_counts().to_dict()), by_slice),
            ("slices with a lesion", f"{len(infected):,}", by_slice),
            ("lesion pixels on them, median", f"{infected['lesion_pixels'].median():.0f}", by_slice),
            ("side of a pixel", _range(patients["pixel_mm"], "{:.2f}") + " mm", by_patient),
            ("thickness", _each(patients["thickness_mm"].value_counts().sort_index().to_dict(), " mm"), by_patient),
            ("kernel, infected", _each(_of(patients, "covid")["kernel"].value_counts().to_dict()), by_patient),
            ("kernel, normal", _each(_of(patients, "normal")["kernel"].value_counts().to_dict()), by_patient),
            ("on disk", f"{size / 1e6:,.0f} MB", "files"),
        ]
    )


def _range(values: pd.Series, form: str) -> str:
    ends = dict.fromkeys(form.format(end) for end in (values.min(), values.max()))
    return " to ".join(ends)


def _of(patients: pd.DataFrame, label: str) -> pd.DataFrame:
    return patients[patients["label"] == label]
