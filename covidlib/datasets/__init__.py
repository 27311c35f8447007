"""Datasets of many patients: COVID-CTset, the published lists, public files, checks of a folder (paper, section 2.1).

A dataset is a table with one row per slice. This package also finds damaged slices and leaks between splits.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "float_slices": ["float_slice_numbers"],
        "labelled_slices": [
            "crop_around",
            "disc_values",
            "lesion_places",
            "list_findings",
            "list_structures",
            "nearest_places",
        ],
        "public_files": ["REAL_SERIES_CREDIT"],
        "published_lists": ["aggregates_or_stored", "commits", "stored_aggregates"],
        "real_slices": ["CREDITS", "list_real_slices", "read_real_slice", "real_series_folder"],
        "realism": ["compare", "measure_cohort", "measure_real"],
        "slice_table": ["LABELS", "load_dataset", "load_table", "patients_of"],
    },
)
