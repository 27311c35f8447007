"""What each number of chapter 05 estimates: its unit, how folds are combined, and where it is undefined (section 3.1).

Two numbers can be compared only if these agree. Taught in chapter 05.
"""

from __future__ import annotations

import pandas as pd

from covidlib.results.tables import MEAN, POOLED

EACH = "each fold by itself"
AVERAGES = (EACH, MEAN, POOLED, f"{MEAN} and {POOLED}, each named")
"""How folds are combined. The mean gives each fold the same weight, pooling gives each slice the same."""
COLUMNS = ("number", "unit", "folds", "undefined", "interval")
WILSON = "Wilson's, as if slices were independent"
OVER_PATIENTS = "patients drawn within fold and class"
NO_CALL = "PPV, NPV if no slice is called so"
NO_CLASS = "without both classes in a fold"

ROWS = (
    ("printed and recomputed rates", "slice", EACH, NO_CALL, WILSON),
    ("printed averages of Table 9", "slice", MEAN, "if undefined in a fold", "none"),
    ("the paper's networks ranked", "slice; a normal patient's, once per fold", POOLED, "never", WILSON),
    ("scores that the table lacks", "slice", POOLED, "LR+ without false alarm, MCC with one answer", "none"),
    ("differences of the paper's networks", "slice, tested by fold", MEAN, "no test for specificity", "corrected t"),
    ("printed, recomputed, ours", "slice", AVERAGES[3], "mean of folds, if undefined in one", "none"),
    ("correlation and design effect", "slice in patient in fold", POOLED, "with one slice per patient", "none"),
    ("all our scores", "slice", POOLED, "PPV, NPV: such resamples are left out", OVER_PATIENTS),
    ("ROC and precision–recall curves", "slice", MEAN, NO_CLASS, f"{OVER_PATIENTS}, by place"),
    ("area under the ROC curve", "slice", MEAN, NO_CLASS, OVER_PATIENTS),
    ("our networks compared", "slice, tested by patient", POOLED, "effect, if no slice is told apart", "none"),
    ("our networks over the folds", "slice, tested by fold", MEAN, "if undefined in a fold", "corrected t"),
    ("reliability and calibration errors", "slice", POOLED, "never", OVER_PATIENTS),
)


def estimand_table() -> pd.DataFrame:
    """The numbers of chapter 05 in the order in which they come.

    Returns
    -------
    DataFrame
        Index number; columns unit, folds (one of `AVERAGES`), undefined (where there is no value), interval.
    """
    return pd.DataFrame(ROWS, columns=COLUMNS).set_index("number")
