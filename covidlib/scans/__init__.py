"""CT scans on disk: find series, read and write slices, import DICOM (paper, section 2.1).

Everything that works on slice files is here: 16-bit TIFF, DICOM, file names, patient folders, display windows, lung
masks.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "filenames": ["identify"],
        "lung_masks": ["lung_areas"],
        "gate": ["find_series", "open_folder"],
        "series": ["read_series"],
        "slices": ["read_slice"],
        "stored_integers": ["quotient", "recover"],
        "windows": ["WINDOWS", "grey_levels"],
    },
)
