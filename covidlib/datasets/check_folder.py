"""A report on a dataset folder: what it holds, what is wrong with it, how it differs from the paper's data.

Implements nothing of the paper; it says whether a copy of COVID-CTset, or another folder in its layout, is what
Tables 1, 2 and 4 describe. Taught in chapter 01.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from covidlib.datasets import published_lists
from covidlib.datasets.check_slices import findings_table, scan, tiff_files, usual_workers
from covidlib.datasets.check_splits import check_splits, find_splits, read_splits
from covidlib.datasets.public_files import offline
from covidlib.errors import InputError, Unavailable
from covidlib.names import LABELS
from covidlib.paper.comparison import (
    Counted,
    against_table1,
    against_table2,
    images_against_table4,
    images_by_class,
    patients_against_table4,
    patients_by_class,
    table2_sums,
)
from covidlib.scans.filenames import identify, is_slice

EXAMPLES = 10
NAMES_IN_A_LINE = 3
KEY = ["patient", "series", "number"]


@dataclass(frozen=True)
class Report:
    """What `check_data` found.

    Attributes
    ----------
    slices : DataFrame
        One row a file, as `covidlib.datasets.check_slices.scan` returns it.
    comparisons : list of dict
        Lines with table, quantity, printed, found, agrees, and fold where the paper prints one.
    findings : DataFrame
        Columns severity ("problem" or "note"), kind, path, detail.
    remarks : list of str
        What was not checked, and why.
    """

    root: Path
    slices: pd.DataFrame
    comparisons: list[Counted]
    findings: pd.DataFrame
    remarks: list[str]

    @property
    def problems(self) -> pd.DataFrame:
        return self.findings[self.findings["severity"] == "problem"]

    @property
    def notes(self) -> pd.DataFrame:
        return self.findings[self.findings["severity"] == "note"]


def check_data(
    root: str | Path,
    splits: str | Path | None = None,
    against_paper: bool = False,
    workers: int | None = None,
    progress: bool = False,
) -> Report:
    """Check a dataset folder, reading each file once (paper, section 2.1, Tables 1, 2 and 4).

    Parameters
    ----------
    splits : path, optional
        Folder of split lists; without it, those that the dataset folder holds, if it holds any.
    against_paper : bool
        Whether it is a problem if the folder differs from the paper's data; a synthetic cohort rightly does.

    Raises
    ------
    InputError
        If there is no such folder, no TIFF file in it, or a split list cannot be read.
    """
    root = Path(root)
    if workers is not None and workers < 1:
        raise InputError(root, f"cannot be read by {workers} workers", "Ask for at least 1")
    paths, others = tiff_files(root)
    lists = Path(splits) if splits is not None else find_splits(root)
    listed = read_splits(lists) if lists is not None else None
    slices, faults = scan(root, paths, workers or usual_workers(), progress)
    findings = [faults, find_two_classes(slices), find_duplicates(slices, faults)]
    remarks = [f"{others} files that are no TIFF were passed over"] if others else []
    if listed is None:
        remarks.append("No split lists: sides of a split were not compared; name their folder with --splits")
    else:
        findings.append(check_splits(listed, slices))
    comparisons = compare_with_paper(slices, listed)
    if against_paper:
        findings.append(differences(root, comparisons))
    try:
        # A check is no download: what was not fetched before is said to be lacking.
        with offline():
            images, digests = published_lists.image_list(), published_lists.checksums()
    except Unavailable as error:
        remarks.append(f"Names and checksums were not compared with the published lists: {error}")
    else:
        findings += [compare_names(root, slices, images, against_paper), compare_checksums(slices, digests)]
    return Report(root, slices, comparisons, pd.concat(findings, ignore_index=True), remarks)


def find_two_classes(slices: pd.DataFrame) -> pd.DataFrame:
    """Patients whose slices are named after both classes."""
    rows = []
    for patient, group in slices.groupby("patient"):
        if group["label"].nunique() > 1:
            first = group.drop_duplicates("label")["path"]
            rows.append(("problem", "patient of two classes", first.iloc[0], f"{patient} is also in {first.iloc[1]}"))
    return findings_table(rows)


def find_duplicates(slices: pd.DataFrame, faults: pd.DataFrame) -> pd.DataFrame:
    """Slices with the same pixels: a note within a patient, a problem across patients or classes.

    One finding a group. Constant slices are left out: they are reported as such.
    """
    constant = faults[faults["kind"] == "constant"]["path"]
    readable = slices[(slices["pixel_digest"] != "") & ~slices["path"].isin(constant)]
    repeated = readable[readable.duplicated("pixel_digest", keep=False)]
    rows = []
    for _, group in repeated.groupby("pixel_digest", sort=False):
        first, *same = group["path"]
        detail = f"has the pixels of {_some(same)}"
        if group["label"].nunique() > 1:
            rows.append(("problem", "duplicate across classes", first, detail))
        elif group["patient"].nunique() > 1:
            rows.append(("problem", "duplicate across patients", first, detail))
        else:
            rows.append(("note", "duplicate within a patient", first, detail))
    return findings_table(rows)


def compare_with_paper(slices: pd.DataFrame, splits: pd.DataFrame | None) -> list[Counted]:
    """Counts beside the paper's: whole patients with Tables 1 and 4, chosen flat images with Table 2.

    COVID-CTset comes in two parts. The raw part has a folder a patient; the part for training has all files in one
    folder, which Table 1 does not describe.
    """
    raw, chosen = slices[~slices["flat"]], slices[slices["flat"]]
    lines: list[tuple[str, list[Counted]]] = []
    if len(raw):
        lines.append(("Table 1", against_table1({**patients_by_class(raw), **images_by_class(raw)})))
    if len(chosen):
        lines.append(("Table 1", against_table1(patients_by_class(chosen))))
        folds = range(1, 6)
        lines.append(("Table 2", table2_sums(dict.fromkeys(folds, images_by_class(chosen)))))
    if splits is not None:
        lines.append(("Table 2", against_table2(splits)))
        lines.append(("Table 4", patients_against_table4(splits)))
        if len(raw):
            lines.append(("Table 4", images_against_table4(splits, raw)))
    return [{"table": table, **line} for table, group in lines for line in group]


def differences(root: Path, comparisons: list[Counted]) -> pd.DataFrame:
    """Differences from the paper as findings; a misprint, if the published lists differ likewise, is a note."""
    stored = published_lists.stored_aggregates()
    listed = [line for part in ("table2", "table2_sums") for line in stored[part]]  # type: ignore[attr-defined]
    misprints = {(line["fold"], line["quantity"], line["found"]) for line in listed if not line["agrees"]}
    rows = []
    for line in comparisons:
        if not line["agrees"]:
            known = (line.get("fold"), line["quantity"], line["found"]) in misprints
            ending = "; the published lists agree with what was found" if known else ""
            rows.append(("note" if known else "problem", "differs from the paper", str(root), describe(line) + ending))
    return findings_table(rows)


def describe(line: Counted) -> str:
    """One comparison in words."""
    fold = f", fold {line['fold']}" if "fold" in line else ""
    return f"{line['table']}{fold}, {line['quantity']}: {line['printed']:,} printed, {line['found']:,} found"


def compare_names(root: Path, slices: pd.DataFrame, images: pd.DataFrame, against_paper: bool) -> pd.DataFrame:
    """Published images that the folder lacks, and flat names that the published list lacks.

    The raw part rightly holds more than the list; what it lacks is compared by patient, series and number, because
    its names differ. One finding a name if the folder should be the published one, one note in all otherwise.
    """
    names = pd.Series([Path(path).name for path in slices[slices["flat"]]["path"]], dtype=object)
    held = pd.MultiIndex.from_frame(slices[~slices["flat"]][KEY])
    absent = ~images["filename"].isin(names) & ~pd.MultiIndex.from_frame(images[KEY]).isin(held)
    lacking = list(images[absent]["filename"])
    further = list(names[~names.isin(images["filename"])])
    rows = []
    for kind, found in (("missing", lacking), ("not published", further)):
        if against_paper:
            rows += [("problem", kind, name, "compared with the published list of images") for name in found]
        elif found:
            detail = f"{len(found):,} images; the published list has {len(images):,}: {_some(found)}"
            rows.append(("note", kind, str(root), detail))
    return findings_table(rows)


def compare_checksums(slices: pd.DataFrame, digests: pd.DataFrame) -> pd.DataFrame:
    """Files under a published name with other bytes than the published file."""
    flat = slices[slices["flat"]]
    named = flat.assign(filename=[Path(path).name for path in flat["path"]]).merge(digests, on="filename")
    changed = named[(named["file_digest"] != named["blake2b"]) & (named["file_digest"] != "")]
    return findings_table(
        [("problem", "checksum", path, "its bytes are not those of the published file") for path in changed["path"]]
    )


@dataclass(frozen=True)
class Comparison:
    """Slices of a folder beside the published checksums.

    Attributes
    ----------
    matching, differing : int, tuple of str
        Slices with the published bytes, and the paths of those with others.
    missing : int
        Published checksums without a slice here: no error, parts differ.
    unlisted : int
        Slices here for which no checksum is published.
    """

    matching: int
    differing: tuple[str, ...]
    missing: int
    unlisted: int


def compare_bytes(folder: Path, progress: bool = False) -> Comparison:
    """Compare every slice of a folder with the published BLAKE2b checksums, unread otherwise.

    The list has the flat names of the train-validation part, whose prefixes (`137covid`) are not the folders of the
    full part (`covid1`). Class, patient, series and slice number name a slice in both; where the list has them twice,
    under two prefixes, the checksums are equal.

    Raises
    ------
    Unavailable
        If the list can be had from nowhere just now.
    """
    listed = published_lists.checksums()
    digests = dict(zip(listed["filename"], listed["blake2b"], strict=True))
    alike: dict[object, list[str]] = defaultdict(list)
    for name in digests:
        alike[_whose(name)].append(name)
    matching, unlisted, seen, differing = 0, 0, set(), []
    paths = [path for path in sorted(folder.rglob("*")) if is_slice(path.relative_to(folder).as_posix())]
    for path in tqdm(paths, desc="checksums", unit="slice", disable=not progress):
        relative = path.relative_to(folder).as_posix()
        names = [path.name] if path.name in digests else alike.get(_whose(relative), [])
        if not names:
            unlisted += 1
            continue
        seen.update(names)
        with path.open("rb") as stream:
            same = hashlib.file_digest(stream, "blake2b").hexdigest() == digests[names[0]]
        matching += same
        if not same:
            differing.append(relative)
    return Comparison(matching, tuple(differing), len(digests.keys() - seen), unlisted)


def checksum_report(folder: Path, progress: bool = False) -> str:
    """One sentence on the comparison of a folder with the published checksums.

    Raises
    ------
    InputError
        If a slice differs from the published one.
    """
    try:
        found = compare_bytes(folder, progress)
    except Unavailable as error:
        return f"checksums not compared: {error}"
    if found.differing:
        raise InputError(
            folder,
            f"{len(found.differing)} slices differ from the published checksums, {found.matching} match; "
            f"the first is {found.differing[0]}",
            "Delete the folder and the zip that it came from, and fetch again from another place (--from)",
        )
    return (
        f"checksums: {found.matching} slices match, 0 differ, {found.missing} of the list are not in this part, "
        f"{found.unlisted} slices are not in the list"
    )


def _whose(name: str) -> object:
    found = identify(name)
    return found and (found.label, found.patient, found.series, found.number)


def count_classes(slices: pd.DataFrame) -> dict[str, dict[str, object]]:
    """Slices, patients and series of each class, and slices by series name."""
    counts: dict[str, dict[str, object]] = {}
    for label in LABELS:
        one = slices[slices["label"] == label]
        counts[label] = {
            "slices": len(one),
            "patients": one["patient"].nunique(),
            "series": len(one[["patient", "series"]].drop_duplicates()),
            "by_series": {name: int(count) for name, count in one["series"].value_counts().sort_index().items()},
        }
    return counts


def _some(names: list[str]) -> str:
    rest = f" and {len(names) - NAMES_IN_A_LINE:,} more" if len(names) > NAMES_IN_A_LINE else ""
    return ", ".join(names[:NAMES_IN_A_LINE]) + rest
