"""The numbers that the paper prints, as tables, and comparisons with them.

The CSV files are in `covidlib/data/paper`; no other place in the kit contains a printed number.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "comparison": ["IMAGES_IN_TABLE_4", "table1_against_table4"],
        "tables": ["network_name", "table", "table_numbers"],
    },
)
