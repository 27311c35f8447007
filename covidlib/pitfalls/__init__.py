"""Small demonstrations of what goes wrong in studies like this one: leaks, shortcuts, selection, scaling.

Each module shows one pitfall of chapter 09, or belongs to the ablations of chapters 03 and 04.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "ablations": [
            "LEAKY_SEEDS",
            "ablation_differences",
            "ablation_provenance",
            "optimism",
            "silent_heads",
            "stored_ablations",
        ],
        "batch_norm": ["catching_up", "memory_of_the_start"],
        "best_of_many": ["coin_networks", "expected_best"],
        "changed_slices": ["CHANGES", "answers_to_changes", "change_slices", "changed", "classifier"],
        "input_scaling": ["tissue_spread", "tissue_values"],
        "labelled_series": ["evenly", "labelled_slices"],
        "leakage_experiment": ["mean_of_splits", "nearest_slice", "pictures"],
        "metadata_model": ["shortcut_table"],
        "metadata_model_images": ["image_shortcut"],
        "picture_leak": ["leak_differences", "leak_provenance", "stored_leak"],
        "scanner_or_disease": [
            "FOLLOWS",
            "KERNEL_OF_CLASS",
            "REVERSED",
            "auc_rows",
            "called_by_kernel",
            "predict_cohort",
            "with_pairing",
        ],
        "shortcut_verdict": ["shortcut_report", "shown"],
    },
)
