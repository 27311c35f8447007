"""Recompute every number that the paper prints, in exact fractions (Tables 1 to 9 and the text).

Each check states its cell, its rule and its verdict: agrees, rounds, disagrees or unchecked.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "all_checks": [
            "audit_paper",
            "constraints",
            "counts_by_grade",
            "counts_by_kind",
            "counts_by_place",
            "counts_by_verdict",
            "disagreements",
        ],
        "exact_numbers": ["ABOUT", "compare_numbers", "decimals", "parse_number", "show_number"],
        "marked_paper": ["marked_text"],
        "printed_tables": ["paper_tables"],
        "report": ["by_explanation", "checks_fragment", "findings"],
        "second_opinion": ["stored_opinions"],
        "spec_checks": ["audit_spec"],
        "spec_file": ["examples", "read_spec"],
        "spec_report": ["stored_rates"],
        "text_checks": ["text_entries"],
    },
)
