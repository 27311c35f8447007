"""Tables 4, 5 and 6, printed and recomputed: patients tested, found and missed per threshold (paper, section 3.2).

Taught in chapter 06.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from covidlib.names import LABELS
from covidlib.paper.comparison import IMAGES_IN_TABLE_4, PATIENTS_IN_TABLE_4, PRINTED_LABEL
from covidlib.paper.tables import AVERAGE, COUNT_HEADS, network_name, table_numbers
from covidlib.patients.decision import THRESHOLD_1, THRESHOLD_2, decide_patients, patient_counts
from covidlib.results.metrics import Counts
from covidlib.results.printed_counts import printed_patient_counts
from covidlib.results.tables import pooled, rate_intervals

THRESHOLDS = {1: THRESHOLD_1, 2: THRESHOLD_2}
"""The paper's two thresholds by their number."""
AtThresholds = Mapping[tuple[int, str], Counts]
"""Counts of patients for each threshold (1 or 2) and network."""


def patients_in_tables() -> pd.DataFrame:
    """Number of test patients per fold in Tables 2, 4 and 6, which must agree.

    Returns
    -------
    DataFrame
        Index fold; columns (class, table). Table 6's is the sum of right and wrong patients, which must be the same
        for every network.

    Raises
    ------
    ValueError
        If networks of Table 6 were tested on different numbers of patients of one class.
    """
    table2, table4 = table_numbers(2), table_numbers(4)
    tested = {
        "covid": [[c.true_covid + c.false_normal for c in folds] for folds in printed_patient_counts().values()],
        "normal": [[c.true_normal + c.false_covid for c in folds] for folds in printed_patient_counts().values()],
    }
    columns = {}
    for label in LABELS:
        if any(folds != tested[label][0] for folds in tested[label]):
            raise ValueError(f"Table 6 tests networks on different numbers of patients: {tested[label]}")
        columns[label, "Table 2"] = table2[f"test {PRINTED_LABEL[label]} patients"].tolist()
        columns[label, "Table 4"] = table4[PATIENTS_IN_TABLE_4[label]].tolist()
        columns[label, "Table 6"] = tested[label][0]
    return pd.DataFrame(columns, index=pd.RangeIndex(1, len(table4) + 1, name="fold"))


def table4(slices: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """Make Table 4 from our predictions: slices and patients tested per fold and class.

    Parameters
    ----------
    slices : DataFrame
        All slices of the dataset: column patient (`covidlib.datasets.slice_table.load_table`).
    predictions : DataFrame
        Columns fold, patient, patient_label: the patients tested in each fold.

    Returns
    -------
    DataFrame
        Index fold; the columns that Table 4 prints.
    """
    tested = predictions[["fold", "patient", "patient_label"]].drop_duplicates()
    counted = tested.assign(slices=tested["patient"].map(slices["patient"].value_counts()))
    columns = {}
    for label in LABELS:
        by_fold = counted[counted["patient_label"] == label].groupby("fold")
        columns[IMAGES_IN_TABLE_4[label]] = by_fold["slices"].sum()
        columns[PATIENTS_IN_TABLE_4[label]] = by_fold["patient"].nunique()
    return pd.DataFrame(columns)


def at_thresholds(predictions: pd.DataFrame) -> dict[tuple[int, str], Counts]:
    """Make Table 5 from our predictions, all folds together.

    Parameters
    ----------
    predictions : DataFrame
        As `covidlib.patients.decision.decide_patients` takes it.
    """
    return {
        (number, str(network)): patient_counts(decide_patients(rows, threshold))
        for number, threshold in THRESHOLDS.items()
        for network, rows in predictions.groupby("network")
    }


def missed_and_alarms(counts: AtThresholds) -> pd.DataFrame:
    """Count infected patients missed and normal patients called infected, per threshold and network (Table 5).

    Returns
    -------
    DataFrame
        Index threshold, network; columns infected, missed, normal, false alarms.
    """
    rows = {
        key: {
            "infected": count.true_covid + count.false_normal,
            "missed": count.false_normal,
            "normal": count.true_normal + count.false_covid,
            "false alarms": count.false_covid,
        }
        for key, count in counts.items()
    }
    return pd.DataFrame(rows).T.rename_axis(["threshold", "network"])


def three_columns(ours: Mapping[str, Counts]) -> pd.DataFrame:
    """Compare patients at threshold 2, all folds together: printed, recomputed, and ours (Table 6).

    The paper prints mean counts per fold. The ratio of two such means is the share of all patients of all folds, which
    recomputed and ours are, too. Both of these have Wilson's intervals. Ours are patients who are tested once; the
    paper's normal patients are tested about four times and counted each time, so their interval is too narrow.

    Parameters
    ----------
    ours : dict of Counts
        For each network; what is missing stays empty.

    Returns
    -------
    DataFrame
        Index network, rate; columns printed, recomputed, ours: text.
    """
    averages = table_numbers(6).set_index("Fold").loc[AVERAGE].set_index("Network").rename(index=network_name)
    heads = {"sensitivity": COUNT_HEADS[6]["covid"], "specificity": COUNT_HEADS[6]["normal"]}
    rows = {}
    for network, folds in printed_patient_counts().items():
        all_folds = pooled(folds)
        for rate, right_and_wrong in heads.items():
            found, missed = (float(averages[head][network]) for head in right_and_wrong)
            rows[network, rate] = {
                "printed": f"{found / (found + missed):.3f} ({found:g} of {found + missed:g} per fold)",
                "recomputed": str(rate_intervals(all_folds)[rate]),
                "ours": str(rate_intervals(ours[network])[rate]) if network in ours else "",
            }
    return pd.DataFrame(rows).T.rename_axis(["network", "rate"])
