"""Count patients, images and splits in COVID-CTset's published lists, and compare with the paper (Tables 1, 2 and 4).

Pure functions of the tables of `covidlib.datasets.published_lists`. They return only counts, ready for JSON, and never
the name of a patient or an image. Taught in chapter 01.
"""

from __future__ import annotations

import pandas as pd

from covidlib.datasets.patient_groups import count_kinds, kinds_of_images, kinds_of_patients
from covidlib.names import LABELS
from covidlib.paper.comparison import (
    Counted,
    against_table1,
    against_table2,
    images_by_class,
    patients_against_table4,
    patients_by_class,
    table1_against_table4,
    table2_sums,
)

KEY = ["patient", "series", "number"]
USUAL_SERIES = "SR_2"


def count_all(
    images: pd.DataFrame, folds: pd.DataFrame, checksums: pd.DataFrame, patients: pd.DataFrame, series: pd.DataFrame
) -> Counted:
    """Compute all aggregates of the published lists.

    Parameters
    ----------
    images, folds, checksums, patients, series : DataFrame
        As `covidlib.datasets.published_lists` returns them.
    """
    labelled = series.merge(patients[["patient", "label"]], on="patient")
    scored = folds[folds["side"] != "validation"]
    scanned = images.merge(series, on=["patient", "series"], how="left")
    return {
        "images": count_images(images),
        "duplicates": count_duplicates(images.merge(checksums, on="filename"), folds),
        "table1": {
            "details": against_table1(patients_by_class(patients)),
            "images": against_table1(patients_by_class(images)),
        },
        "table2": against_table2(folds),
        "table2_sums": table2_sums(
            {int(str(fold)): images_by_class(listed) for fold, listed in scored.groupby("fold")}
        ),
        "table4": {"patients": patients_against_table4(folds), "covid_images": table1_against_table4()},
        "splits": count_overlaps(folds),
        "tested": count_times_tested(folds),
        "dates": {"first": str(patients["date"].min().date()), "last": str(patients["date"].max().date())},
        "patients": {label: count_patients(patients[patients["label"] == label]) for label in LABELS},
        "series": count_series(labelled, len(patients)),
        "acquisition": {
            column: {"series": by_label(labelled, column), "images": by_label(scanned, column)}
            for column in ("thickness", "kernel")
        },
        "shortcut": count_unshared_pairs(scanned),
        "values": count_values(series),
        "patients_by_acquisition": count_kinds(kinds_of_patients(patients, series), ["label", "series", "protocols"]),
        "patients_by_images": count_kinds(kinds_of_images(scanned), ["label", "images"]),
        "patients_by_person": count_kinds(kinds_of_patients(patients, series), ["label", "decade", "sex"]),
    }


def by_label(table: pd.DataFrame, column: str) -> dict[str, dict[str, int]]:
    """Count how often each value of a column occurs in each class."""
    return {label: _counts(table[table["label"] == label][column]) for label in LABELS}


def count_images(images: pd.DataFrame) -> Counted:
    """Count images by class and by series, and the share of each class outside the usual series."""
    outside = images["series"].ne(USUAL_SERIES).groupby(images["label"]).mean()
    return {
        "total": len(images),
        **{label: int((images["label"] == label).sum()) for label in LABELS},
        "by_series": by_label(images, "series"),
        f"share_outside_{USUAL_SERIES}": {label: round(float(outside[label]), 4) for label in LABELS},
    }


def count_duplicates(images: pd.DataFrame, folds: pd.DataFrame) -> Counted:
    """Count files with the same bytes, within and across patients, classes and sides of a split.

    Most have the same name except for the prefix: the authors list the same slice twice.
    """
    groups = images.groupby("blake2b")
    sizes = groups.size()
    spans = groups[["patient", "label", "series"]].nunique()
    sides = folds[folds["side"] != "validation"].merge(images[["filename", "blake2b"]], on="filename")
    sides_of_content = sides.groupby(["fold", "blake2b"])["side"].nunique()
    one_name = images[images.duplicated([*KEY], keep=False)].groupby(KEY)["blake2b"].nunique()
    tested = sides[sides["side"] == "test"].groupby(["fold", "label"])["blake2b"]
    return {
        "unique": len(sizes),
        "groups": int((sizes > 1).sum()),
        "pairs": int((sizes * (sizes - 1) // 2).sum()),
        "largest_group": int(sizes.max()),
        "unique_by_class": {label: int(n) for label, n in images.groupby("label")["blake2b"].nunique().items()},
        "groups_across_patients": int((spans["patient"] > 1).sum()),
        "groups_across_classes": int((spans["label"] > 1).sum()),
        "groups_across_series": int((spans["series"] > 1).sum()),
        "groups_across_train_and_test": int((sides_of_content > 1).sum()),
        "names_listed_twice": len(one_name),
        "names_listed_twice_with_different_content": int((one_name > 1).sum()),
        "test_images": tested.agg(images="size", unique="nunique").reset_index().to_dict("records"),
    }


def count_overlaps(folds: pd.DataFrame) -> list[Counted]:
    """Count patients in both train and test of a fold, and validation images that are test images."""
    lines: list[Counted] = []
    for fold, listed in folds.groupby("fold"):
        train, validation, test = (listed[listed["side"] == side] for side in ("train", "validation", "test"))
        lines.append(
            {
                "fold": int(str(fold)),
                "patients_in_train_and_test": len(set(train["patient"]) & set(test["patient"])),
                "validation_images": len(validation),
                "validation_images_in_test": int(validation["filename"].isin(test["filename"]).sum()),
                "covid_test_images_in_validation": int(
                    test[test["label"] == "covid"]["filename"].isin(validation["filename"]).sum()
                ),
            }
        )
    return lines


def count_times_tested(folds: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Count the patients of each class by the number of folds that test them (paper, section 2.4)."""
    tested = folds[folds["side"] == "test"].groupby(["label", "patient"])["fold"].nunique().reset_index()
    return by_label(tested, "fold")


def count_patients(patients: pd.DataFrame) -> Counted:
    """Summarise age, sex and month of scan of the patients of one class (paper, Fig. 3)."""
    decade = patients["age"] // 10 * 10
    return {
        "patients": len(patients),
        "age_mean": round(float(patients["age"].mean()), 2),
        "age_deviation": round(float(patients["age"].std()), 2),
        "ages": _counts(decade),
        "sexes": _counts(patients["sex"]),
        "months": _counts(patients["date"].dt.strftime("%Y-%m")),
    }


def count_series(series: pd.DataFrame, patients: int) -> Counted:
    """Count series by class, and patients by their numbers of series and slice thicknesses (paper, section 2.1)."""
    stored = series.groupby(["label", "patient"]).size().rename("series").reset_index()
    different = series.groupby(["label", "patient"])["thickness"].nunique().rename("thicknesses").reset_index()
    return {
        "total": len(series),
        "of_three_each": 3 * patients,
        **{label: int((series["label"] == label).sum()) for label in LABELS},
        "patients_by_series": _counts(stored["series"]),
        "patients_by_thicknesses": _counts(different["thicknesses"]),
        "patients_by_thicknesses_by_class": by_label(different, "thicknesses"),
    }


def count_unshared_pairs(scanned: pd.DataFrame) -> Counted:
    """Count COVID-19 images whose kernel and thickness no normal image has: they reveal the class without pixels.

    Images of series without metadata are counted separately, and are not part of the share: the patients of whom an
    image lacks it, and those of whom every image does.
    """

    def by_class(rows: pd.DataFrame) -> Counted:
        return {label: int(rows.loc[rows["label"] == label, "patient"].nunique()) for label in LABELS}

    known = scanned.dropna(subset=["kernel", "thickness"])
    known = known.assign(pair=known["kernel"] + ", " + known["thickness"].astype(str) + " mm")
    covid = known["label"] == "covid"
    alone = ~known["pair"][covid].isin(known["pair"][~covid])
    lacking = scanned[~scanned.index.isin(known.index)]
    return {
        "pairs": by_label(known, "pair"),
        "covid_images": len(alone),
        "covid_images_alone": int(alone.sum()),
        "share_of_covid_images": round(float(alone.mean()), 4),
        "images_without_metadata": len(lacking),
        "patients_lacking_metadata": by_class(lacking),
        "patients_without_metadata": by_class(lacking[~lacking["patient"].isin(known["patient"])]),
    }


def count_values(series: pd.DataFrame) -> Counted:
    """Count series by scanner, software, bits and size, and find the range of their stored values (paper, section 2.1).

    The scanner wrote the smallest and the largest value of a series' first slice only.
    """
    largest = int(series["largest"].max())
    size = series["rows"].astype(int).astype(str) + "×" + series["columns"].astype(int).astype(str)
    return {
        "smallest": int(series["smallest"].min()),
        "series_at_zero": int((series["smallest"] == 0).sum()),
        "largest": largest,
        "largest_least": int(series["largest"].min()),
        "series": len(series),
        "series_at_largest": int((series["largest"] == largest).sum()),
        "bits_stored": _counts(series["bits_stored"].astype(int)),
        "bits_allocated": _counts(series["bits_allocated"].astype(int)),
        "sizes": _counts(size),
        "models": {str(name): int(n) for name, n in series["model"].value_counts().items()},
        "software": {str(name): int(n) for name, n in series["software"].value_counts().items()},
    }


def _counts(column: pd.Series) -> dict[str, int]:
    return {str(value): int(n) for value, n in column.value_counts().sort_index().items()}
