"""Results on slices, from a table of predictions: counts, rates, intervals, curves (paper, section 3.1).

Pure functions of tables: they need no network and no images.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "calibration": ["calibrated", "errors_before_and_after", "reliability"],
        "curves": ["auc", "precision_recall_band", "roc_band"],
        "design_effects": ["copies_effect"],
        "estimands": ["estimand_table"],
        "fold_results": ["fold_counts", "fold_differences", "fold_rates", "readable_differences"],
        "fold_sizes": ["our_sizes", "printed_sizes"],
        "intervals": ["Interval", "corrected_t", "wilson_interval"],
        "metrics": ["Counts", "DECISION", "labelled", "mean_matrix", "table9", "table9_columns"],
        "network_pairs": ["compare_slices", "difference_interval", "mcnemar_p", "pair_bounds"],
        "printed_counts": [
            "counts_of_row",
            "printed_at_thresholds",
            "printed_fold_counts",
            "printed_patient_counts",
            "under_printed_names",
        ],
        "scores": [
            "SCORES",
            "all_scores",
            "frequencies",
            "mean_of_folds",
            "ppv",
            "ppv_at",
            "predictive_values",
            "sensitivity",
            "specificity",
        ],
        "tables": [
            "RANKED",
            "clustering_table",
            "format_interval",
            "pooled",
            "pooled_predictions",
            "ranking",
            "ranking_by_patients",
            "rate_intervals",
            "readable",
            "score_intervals",
            "three_columns",
            "three_columns_in_words",
        ],
    },
)
