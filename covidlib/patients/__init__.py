"""Decide about patients from their slices, and run the paper's automated system (paper, section 3.2).

`decision` is the rule, `threshold_sweep` varies it, `pipeline` goes from a folder to an answer, `report` writes the
page.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "decision": ["THRESHOLD_1", "THRESHOLD_2", "decide", "decide_patients", "patient_counts", "table6"],
        "false_alarms": ["chances_by_clustering", "implied_icc"],
        "pipeline": ["diagnose_folder", "diagnose_with"],
        "stored_timings": [
            "PRINTED_SPEED",
            "speed_costs",
            "speed_limits",
            "speed_provenance",
            "speed_table",
            "stored_speeds",
            "times_faster",
        ],
        "tables": ["at_thresholds", "missed_and_alarms", "patients_in_tables", "table4", "three_columns"],
        "threshold_sweep": [
            "EARLIER_CORRECT",
            "EARLIER_OF",
            "EARLIER_THRESHOLD",
            "MARKED_THRESHOLDS",
            "by_threshold",
            "sweep_thresholds",
            "tune_threshold",
        ],
        "timings": [
            "classified_slices",
            "fit_line",
            "network_speeds",
            "network_speeds_beside",
            "printed_timings",
            "series_speeds",
            "time_patients",
        ],
    },
)
