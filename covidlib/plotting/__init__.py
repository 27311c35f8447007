"""Matplotlib figures in one colour-blind-safe style, one module per subject.

Functions take arrays and tables and return figures; results are computed elsewhere.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "heatmaps": [
            "heat_overlay",
            "heat_overlays",
            "heat_pairs",
            "outline",
            "randomised_maps",
            "rates_by_size",
            "removal_curves",
        ],
        "networks": ["architecture", "sizes_and_fields"],
        "realism": ["realism_panels"],
        "results": [
            "QUIET",
            "along_series",
            "clustering_curves",
            "confusion_matrices",
            "forest_plot",
            "learning_curves",
            "patient_roc",
            "precision_recall_bands",
            "reliability_diagram",
            "roc_bands",
            "threshold_sweep",
        ],
        "selection": ["draw_region", "flow_chart", "selection_profile"],
        "shortcuts": ["shortcut_figure"],
        "slices": ["contact_sheet", "labelled_slices", "show_slice"],
        "style": ["COVID_COLOUR", "MARK_COLOUR", "NETWORK_COLOURS", "NETWORK_MARKS", "NORMAL_COLOUR", "THIRD_COLOUR"],
    },
)
