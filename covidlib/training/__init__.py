"""Five-fold training: folds by patient, batches, augmentation, runs on disk (paper, section 2.4).

`train` trains one fold or all; `folds` splits patients, `leak_check` refuses leaks; `runs` reads finished runs.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "augmentation": ["random_maps", "resample"],
        "costs": [
            "PEAKS",
            "estimate_hours",
            "paper_shares",
            "printed_slices",
            "printed_testing_hours",
            "runs_gigabytes",
            "slices_gigabytes",
        ],
        "folds": ["patient_folds", "split_patients"],
        "leak_check": ["check_no_leak", "leaks"],
        "runs": ["all_predictions", "all_validation"],
        "train": ["train_all", "train_fold"],
    },
)
