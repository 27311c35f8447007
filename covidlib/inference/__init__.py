"""Fast inference with trained networks: TensorFlow or OpenVINO, in 32 or 16 bits (paper, Tables 7 and 8).

`choose_engine` opens the fastest engine that agrees with 32-bit Keras; `stream` classifies whole series; `export`
converts networks for other programs.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "choose_engine": ["open_engine"],
    },
)
