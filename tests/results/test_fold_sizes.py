"""covidlib.results.fold_sizes: patients tested and trained on, by class, and test sets that share patients."""

from __future__ import annotations

import pandas as pd
import pytest

from covidlib.errors import InputError
from covidlib.results.fold_sizes import FoldSizes, our_sizes, printed_sizes, sizes_for


def test_the_papers_infected_are_tested_once_and_its_normal_patients_about_four_times() -> None:
    sizes = printed_sizes()
    # By hand from Table 2: 18 + 23 + 18 + 14 + 22 tested, 77 + 72 + 77 + 81 + 73 in training.
    assert sizes["covid"] == FoldSizes(95 / 380, 95, 95) and not sizes["covid"].overlap
    assert sizes["normal"] == FoldSizes(1128 / 282, 1128, 282) and sizes["normal"].overlap
    assert sizes["all"] == FoldSizes((95 + 1128) / (380 + 282), 1223, 377) and sizes["all"].overlap


def test_a_score_takes_the_sizes_of_the_class_that_it_counts() -> None:
    sizes = printed_sizes()
    assert sizes_for("sensitivity", sizes) == sizes["covid"] and sizes_for("specificity", sizes) == sizes["normal"]
    for score in ("balanced accuracy", "accuracy", "PPV", "MCC"):
        assert sizes_for(score, sizes) == sizes["all"]


def cohort(folds: int = 5, each: int = 5, validated: int = 4) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two slices per patient; each fold tests some patients of each class and validates on others."""
    people = [(fold, f"{label}{fold}-{n}", label) for fold in range(folds) for label in ("covid", "normal")
              for n in range(each)]  # fmt: skip
    columns = ["fold", "patient", "patient_label"]
    tested = pd.DataFrame(people * 2, columns=columns).assign(label=lambda rows: rows["patient_label"])
    held = [
        (fold, name, label)
        for fold in range(folds)
        for label in ("covid", "normal")
        for name in [one[1] for one in people if one[0] != fold and one[2] == label][:validated]
    ]
    return tested, pd.DataFrame(held, columns=columns).assign(label=lambda rows: rows["patient_label"])


def test_ours_count_patients_and_not_slices() -> None:
    tested, held = cohort()
    sizes = our_sizes(tested, held)
    assert sizes == {
        "covid": FoldSizes(5 / 16, 25, 25),
        "normal": FoldSizes(5 / 16, 25, 25),
        "all": FoldSizes(10 / 32, 50, 50),
    }
    # A patient with many more slices changes nothing.
    more = pd.concat([tested, *[tested.iloc[:1]] * 50])
    assert our_sizes(more, held) == sizes
    # Nor does one without a labelled slice.
    alone = pd.DataFrame([(0, "nobody", "covid", "unlabelled")], columns=tested.columns)
    assert our_sizes(pd.concat([tested, alone]), held) == sizes


def test_patients_tested_in_two_folds_are_noticed_and_no_training_is_refused() -> None:
    tested, held = cohort()
    again = tested[tested["patient_label"] == "normal"].assign(fold=lambda rows: (rows["fold"] + 1) % 5)
    sizes = our_sizes(pd.concat([tested, again]), held)
    assert sizes["normal"].overlap and not sizes["covid"].overlap and sizes["all"].overlap
    with pytest.raises(InputError, match="leave no covid patient for training"):
        our_sizes(*cohort(folds=1, validated=0))
