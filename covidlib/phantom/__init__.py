"""The synthetic cohort: drawn chests with known lesions, deterministic from a seed.

Nothing measured on it is evidence about COVID-19. `cohort` draws patients; each of the other modules draws one part of
a chest.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "cohort": ["VISIBLE_LESION_PIXELS", "make_patient", "read_lesion_mask"],
        "lesion_sizes": ["measure_lesions"],
    },
)
