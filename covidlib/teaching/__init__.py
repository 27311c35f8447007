"""Teaching tools for the notebooks: exercises with checks, questions, sliders and explorers.

`exercises/chapterNN.py` contains the checks of a chapter. Explorers are widgets in a live notebook and plain HTML in
the book.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "exercises": ["check"],
        "explorers": [
            "HEAT_SIDE",
            "cell_explorer",
            "heatmap_explorer",
            "selection_controls",
            "selection_explorer",
            "window_explorer",
        ],
        "label_quiz": ["label_explorer"],
        "questions": ["show_questions"],
        "table_slider": ["slider"],
    },
)
