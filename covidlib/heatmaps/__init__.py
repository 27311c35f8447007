"""Make Grad-CAM heat maps and score them against known lesions (paper, section 3.3).

`grad_cam` makes the maps, `lesion_scores` compares them with lesion masks, `sanity_checks` randomise
weights and labels.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "cam_methods": ["METHODS", "grad_cam_map"],
        "cell_grid": ["enlarge", "grids"],
        "chosen_slices": [
            "LAST",
            "MAIN_MAPS",
            "explain_rows",
            "first_patients",
            "for_explorer",
            "lesion_outlines",
            "maps_by_name",
            "middle_slices",
        ],
        "grad_cam": ["Explainer", "combined", "explain_slices", "head_activations", "points_at"],
        "infection_areas": ["dense_lung", "infection_area"],
        "lesion_scores": [
            "DIAMETERS_MM",
            "against_baselines",
            "by_diameter",
            "compared",
            "lesion_summary",
            "paired_difference",
            "peak",
            "side_by_side",
        ],
        "sanity_checks": ["blurred", "cascade", "curve_areas", "with_permuted_labels"],
        "score_runs": ["SIDE", "map_scores", "scores_of_weights", "truth_of"],
    },
)
