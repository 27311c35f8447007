"""The networks of the paper: Xception, ResNet50V2, and ResNet50V2 with a feature pyramid (section 2.3).

`models` builds them, `pyramid` defines the pyramid and its heads, `weights` saves and loads weights, `describe` counts
parameters and operations.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "describe": ["layer_table", "level_table", "network_summary", "network_text"],
        "inputs": ["load_images"],
        "models": ["BATCH_NORM_MOMENTUM", "LAST_MAP", "NAMES", "build"],
        "pyramid": ["LEVELS"],
        "random_weights": ["draw_weights"],
        "weights": ["load_weights"],
    },
)
