"""Check a dataset folder: its contents, its problems, and its differences from the paper's data.

It does not implement a part of the paper, but checks whether a copy of COVID-CTset, or another folder in its layout,
agrees with Tables 1, 2 and 4. Taught in chapter 01.
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
from covidlib.datasets.near_duplicates import find_near_duplicates
from covidlib.datasets.public_files import offline
from covidlib.datasets.slice_table import marked_labels, not_listed
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
from covidlib.scans.findings import Finding, refusal
from covidlib.scans.gate import judge_all
from covidlib.scans.series import list_series
from covidlib.utils.whole_numbers import check_whole

EXAMPLES = 10
NAMES_IN_A_LINE = 3
KEY = ["patient", "series", "number"]


@dataclass(frozen=True)
class Report:
    """The result of `check_data`.

    Attributes
    ----------
    slices : DataFrame
        One row per file, as `covidlib.datasets.check_slices.scan` returns it.
    comparisons : list of dict
        Lines with table, quantity, printed, found, agrees, and fold if the paper prints one.
    findings : DataFrame
        Columns severity ("problem" or "note"), kind, path, detail.
    remarks : list of str
        Checks that were left out, and why.
    series_findings : list of Finding
        What the gate found in the series, in the form of all commands; `findings` contains them too.
    """

    root: Path
    slices: pd.DataFrame
    comparisons: list[Counted]
    findings: pd.DataFrame
    remarks: list[str]
    series_findings: list[Finding]

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
    strict: bool = False,
    near_duplicates: bool = False,
) -> Report:
    """Check a dataset folder: every file, and every series (paper, section 2.1, Tables 1, 2 and 4).

    Parameters
    ----------
    splits : path, optional
        Folder with split lists; default: the lists in the dataset folder, if there are any.
    against_paper : bool
        Whether a difference from the paper's data is a problem; a synthetic cohort is expected to differ.
    strict : bool
        Whether every finding about a series is a problem.
    near_duplicates : bool
        Whether slices of different patients are compared (`covidlib.datasets.near_duplicates`), which takes longer than
        the rest.

    Raises
    ------
    InputError
        If the folder does not exist or has no TIFF file, or a split list cannot be read.
    """
    root = Path(root)
    if workers is not None:
        check_whole("workers", workers, 1)
    paths, others = tiff_files(root)
    lists = Path(splits) if splits is not None else find_splits(root)
    listed = read_splits(lists) if lists is not None else None
    slices, faults = scan(root, paths, workers or usual_workers(), progress)
    series_findings = judge_folder(root, strict)
    findings = [faults, find_two_classes(slices), find_duplicates(slices, faults), _as_table(root, series_findings)]
    remarks = [f"{others} files that are not TIFF were skipped"] if others else []
    if listed is None:
        remarks.append("No split lists: sides of a split were not compared; name their folder with --splits")
    else:
        findings.append(check_splits(listed, slices))
    if near_duplicates:
        findings.append(find_near_duplicates(root, slices, listed, workers or usual_workers(), progress))
    comparisons = compare_with_paper(slices, listed)
    if against_paper:
        findings.append(differences(root, comparisons))
    try:
        # A check does not download: lists that were not fetched before are reported as missing.
        with offline():
            images, digests = published_lists.image_list(), published_lists.checksums()
    except Unavailable as error:
        remarks.append(f"Names and checksums were not compared with the published lists: {error}")
    else:
        findings += [compare_names(root, slices, images, against_paper), compare_checksums(slices, digests)]
    return Report(root, slices, comparisons, pd.concat(findings, ignore_index=True), remarks, series_findings)


def judge_folder(root: Path, strict: bool = False) -> list[Finding]:
    """What the gate finds in the series of a folder (`covidlib.scans.gate`), and what is wrong in its slices.csv."""
    try:
        listing = list_series(root)
    except InputError as error:  # a damaged DICOM file beside the slices
        return [refusal("unreadable", error), *_label_findings(root, [])]
    opened = judge_all(listing.series, listing.findings, strict=strict)
    return [*opened.findings, *_label_findings(root, [path for series in opened.series for path in series.files])]


def _label_findings(root: Path, paths: list[Path]) -> list[Finding]:
    """What training says of the list of slices (`covidlib.datasets.slice_table`)."""
    try:
        labels = marked_labels(root)
    except InputError as error:
        return [refusal("labels", error)]
    absent = [path for path in paths if labels is not None and path.relative_to(root).as_posix() not in labels]
    return [refusal("labels", not_listed(root, path)) for path in absent]


def _as_table(root: Path, series_findings: list[Finding]) -> pd.DataFrame:
    """The findings that the check of single files does not report."""
    rows = []
    for finding in series_findings:
        if finding.code not in ("unreadable", "float-pixels", "same-pixels", "copy", "same-series"):
            severity = "note" if finding.severity == "note" else "problem"
            path = Path(finding.where)
            where = path.relative_to(root).as_posix() if path.is_relative_to(root) else finding.where
            rows.append((severity, finding.code, where, finding.sentence))
    return findings_table(rows)


def find_two_classes(slices: pd.DataFrame) -> pd.DataFrame:
    """Find patients whose slices are named after both classes."""
    rows = []
    for patient, group in slices.groupby("patient"):
        if group["label"].nunique() > 1:
            first = group.drop_duplicates("label")["path"]
            rows.append(("problem", "patient of two classes", first.iloc[0], f"{patient} is also in {first.iloc[1]}"))
    return findings_table(rows)


def find_duplicates(slices: pd.DataFrame, faults: pd.DataFrame) -> pd.DataFrame:
    """Find slices with the same pixels: a note within a patient, a problem across patients or classes.

    One finding per group. Constant slices are left out: they are reported separately.
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
    """Compare counts with the paper's: complete patients with Tables 1 and 4, the selected flat images with Table 2.

    COVID-CTset has two parts. The raw part has one folder per patient; the part for training has all files in one
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
    """Report differences from the paper as findings; a misprint (the published lists differ too) is only a note."""
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
    """Describe one comparison in words."""
    fold = f", fold {line['fold']}" if "fold" in line else ""
    return f"{line['table']}{fold}, {line['quantity']}: {line['printed']:,} printed, {line['found']:,} found"


def compare_names(root: Path, slices: pd.DataFrame, images: pd.DataFrame, against_paper: bool) -> pd.DataFrame:
    """Find published images that are missing in the folder, and flat names that are missing in the published list.

    The raw part correctly contains more than the list; its missing images are found by patient, series and number,
    because its names differ. One finding per name if the folder should be the published one, otherwise a single note.
    """
    names = pd.Series([Path(path).name for path in slices[slices["flat"]]["path"]], dtype=object)
    held = pd.MultiIndex.from_frame(slices[~slices["flat"]][KEY])
    absent = ~images["filename"].isin(names) & ~pd.MultiIndex.from_frame(images[KEY]).isin(held)
    missing = list(images[absent]["filename"])
    unpublished = list(names[~names.isin(images["filename"])])
    rows = []
    for kind, affected in (("missing", missing), ("not published", unpublished)):
        if against_paper:
            rows += [("problem", kind, name, "compared with the published list of images") for name in affected]
        elif affected:
            detail = f"{len(affected):,} images; the published list has {len(images):,}: {_some(affected)}"
            rows.append(("note", kind, str(root), detail))
    return findings_table(rows)


def compare_checksums(slices: pd.DataFrame, digests: pd.DataFrame) -> pd.DataFrame:
    """Find files with a published name whose bytes differ from the published file."""
    flat = slices[slices["flat"]]
    named = flat.assign(filename=[Path(path).name for path in flat["path"]]).merge(digests, on="filename")
    changed = named[(named["file_digest"] != named["blake2b"]) & (named["file_digest"] != "")]
    return findings_table(
        [("problem", "checksum", path, "its bytes differ from the published file") for path in changed["path"]]
    )


@dataclass(frozen=True)
class Comparison:
    """The result of comparing the slices of a folder with the published checksums.

    Attributes
    ----------
    matching, differing : int, tuple of str
        Number of slices with the published bytes, and paths of slices with other bytes.
    missing : int
        Published checksums without a slice in the folder; not an error, because the parts differ.
    unlisted : int
        Slices in the folder without a published checksum.
    """

    matching: int
    differing: tuple[str, ...]
    missing: int
    unlisted: int


def compare_bytes(folder: Path, progress: bool = False) -> Comparison:
    """Compare every slice of a folder with the published BLAKE2b checksums, without decoding it.

    The list has the flat names of the train-validation part, whose prefixes (`137covid`) differ from the folders of the
    full part (`covid1`). Class, patient, series and slice number identify a slice in both; if the list has them twice,
    under two prefixes, the checksums are equal.

    Raises
    ------
    Unavailable
        If the list is not found in the mirror, the cache or online.
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
    """Compare a folder with the published checksums, and describe the result in one sentence.

    Raises
    ------
    InputError
        If a slice differs from the published one.
    """
    try:
        result = compare_bytes(folder, progress)
    except Unavailable as error:
        return f"checksums not compared: {error}"
    if result.differing:
        raise InputError(
            folder,
            f"{len(result.differing)} slices differ from the published checksums, {result.matching} match; "
            f"the first is {result.differing[0]}",
            "Delete the folder and the zip that it came from, and fetch it again from another source (--from)",
        )
    return (
        f"checksums: {result.matching} slices match, 0 differ, {result.missing} of the list are not in this part, "
        f"{result.unlisted} slices are not in the list"
    )


def _whose(name: str) -> object:
    published = identify(name)
    return published and (published.label, published.patient, published.series, published.number)


def count_classes(slices: pd.DataFrame) -> dict[str, dict[str, object]]:
    """Count the slices, patients and series of each class, and the slices by series name."""
    counts: dict[str, dict[str, object]] = {}
    for label in LABELS:
        of_class = slices[slices["label"] == label]
        counts[label] = {
            "slices": len(of_class),
            "patients": of_class["patient"].nunique(),
            "series": len(of_class[["patient", "series"]].drop_duplicates()),
            "by_series": {name: int(count) for name, count in of_class["series"].value_counts().sort_index().items()},
        }
    return counts


def _some(names: list[str]) -> str:
    rest = f" and {len(names) - NAMES_IN_A_LINE:,} more" if len(names) > NAMES_IN_A_LINE else ""
    return ", ".join(names[:NAMES_IN_A_LINE]) + rest
