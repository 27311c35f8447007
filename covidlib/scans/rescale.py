"""Write a copy of a dataset whose values are converted to HU + 1024 (paper, section 2.1). Taught in chapter 01."""

from __future__ import annotations

import shutil
from pathlib import Path

from covidlib.errors import InputError
from covidlib.scans.findings import Finding
from covidlib.scans.gate import open_folder
from covidlib.scans.series import list_series, walk
from covidlib.scans.tiff import write_slice
from covidlib.utils.files import check_new_folder, replacing_folder


def write_rescaled(source: str | Path, target: str | Path, strict: bool = False) -> list[Finding]:
    """Copy a folder of TIFF series; slices on a known other scale are converted, all other files copied as they are,
    but what the gate left out is not copied.

    `target` appears complete or not at all. With `strict`, every finding refuses its series. Returns what was found in
    the series.

    Raises
    ------
    InputError
        If a series is refused, is DICOM, or the target exists and is not an empty folder.
    """
    source, target = Path(source), Path(target)
    check_new_folder(target)
    opened = open_folder(source, rescale=True, strict=strict)
    if opened.refused:
        raise opened.refused[0].error()
    if any(series.kind == "dicom" for series in opened.series):
        raise InputError(source, "contains DICOM series", "Convert them: covidlib import-dicom FOLDER NEW --rescale")
    converted = {path: series for series in opened.series if series.scale is not None for path in series.files}
    # A copy or a mask would not be converted, and be unlike its series for ever.
    strays = {finding.where for finding in opened.findings if finding.severity == "left out"}
    used = {path for series in opened.series for path in series.files}
    strays |= {str(path) for series in list_series(source).series for path in series.files if path not in used}
    with replacing_folder(target) as part:
        for folder, names in walk(source):
            inside = part / folder.relative_to(source)
            inside.mkdir(exist_ok=True)
            for path in (folder / name for name in names):
                if path in converted:
                    write_slice(inside / path.name, converted[path].read(path))
                elif str(path) not in strays:
                    shutil.copy2(path, inside / path.name)
    return opened.findings
