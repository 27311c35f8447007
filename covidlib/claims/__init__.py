"""The paper's claims as data: printed value, recomputed value, our value with its interval, verdict.

`update` computes the stored numbers again; tests compare pages with them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "badges": ["chapter_numbers", "scorecard_page"],
        "claims": ["SUPPORT", "load_claims", "scorecard"],
        "seed_bands": ["band_says_something"],
    },
)
