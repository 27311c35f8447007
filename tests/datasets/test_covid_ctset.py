"""covidlib fetch covid-ctset, end to end: a server like Kaggle and figshare, small zips, the published checksums."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from support.web_server import Page, Site, serve

from covidlib.cli.main import main
from covidlib.datasets import covid_ctset, public_files, published_lists
from covidlib.datasets.check_folder import Comparison, compare_bytes
from covidlib.datasets.covid_ctset import FIGSHARE_ARTICLES, KAGGLE_NAME, KAGGLE_OWNER, part_of
from covidlib.scans.filenames import identify
from covidlib.utils import download

CHECKSUMS = next(name for name in public_files.known_files() if name.endswith("/checksums.csv"))
FLAT = {f"137covid_patient1_SR_2_IM000{number}.tif": f"slice {number}".encode() for number in (10, 11, 12)}
FULL = {f"covid1/patient1/SR_2/IM000{number}.tif": f"slice {number}".encode() for number in (10, 11, 13)}
TRAIN_ZIP = "Train&Validation.zip"
KAGGLE_PATH = f"/kaggle/{KAGGLE_OWNER}/{KAGGLE_NAME}"


def zipped(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COVIDLIB_HOME", str(tmp_path))
    monkeypatch.delenv("COVIDLIB_MIRROR", raising=False)
    monkeypatch.setattr(download.time, "sleep", lambda _: None)
    return tmp_path


@pytest.fixture
def site(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A web that serves the list of checksums and nothing else as yet."""
    lines = ["file,checksum"] + [f"{name},{hashlib.blake2b(content).hexdigest()}" for name, content in FLAT.items()]
    listed = "".join(f"{line}\r" for line in lines).encode()
    with serve() as site:
        monkeypatch.setattr(covid_ctset, "KAGGLE", site.url("/kaggle"))
        monkeypatch.setattr(covid_ctset, "FIGSHARE", site.url("/figshare"))
        monkeypatch.setattr(public_files, "WEB", site.url("/web"))
        known = {CHECKSUMS: hashlib.sha256(listed).hexdigest()}
        monkeypatch.setattr(public_files, "known_files", lambda: known)
        site.add(f"/web/{CHECKSUMS}", Page(listed))
        yield site


def on_figshare(site: Site, articles: list[dict[str, bytes]], wrong_md5: bool = False) -> None:
    for article, files in zip(FIGSHARE_ARTICLES, articles, strict=True):
        entries = []
        for index, (name, content) in enumerate(files.items()):
            number = 10 * article + index
            md5 = hashlib.md5(content + b"x" * wrong_md5).hexdigest()
            entries.append({"id": number, "name": name, "size": len(content), "computed_md5": md5})
            site.add(f"/figshare/file/download/{number}", Page(content))
        site.add(f"/figshare/articles/{article}", Page(json.dumps({"files": entries}).encode()))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["fetch", "covid-ctset", *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_kaggle_serves_the_train_validation_part_and_a_second_run_asks_nothing(
    site: Site, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = zipped({f"Train&Validation/{name}": slice_ for name, slice_ in FLAT.items()})
    site.add(KAGGLE_PATH, Page(content, cuts=[60]))
    code, out, err = run(capsys)
    assert code == 0, err
    folder = home / "data" / "covid-ctset" / "train-validation"
    assert f"{folder}: COVID-CTset, train-validation" in out
    assert "3 slices match, 0 differ, 0 of the list are not in this part, 0 slices are not in the list" in out
    assert {path.name: path.read_bytes() for path in folder.rglob("*.tif")} == FLAT
    asked = list(site.requests)
    assert [path for path, _, _ in asked[:2]] == [KAGGLE_PATH, KAGGLE_PATH]
    for kept in (home / "data" / "downloads").rglob("*.zip"):
        kept.unlink()
    assert run(capsys)[:2] == (0, out)
    assert site.requests == asked


def test_figshare_serves_the_full_part_in_several_zips(
    site: Site, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    normal = {"normal3/patient200/SR_3/IM00001.tif": b"normal"}
    site.add(KAGGLE_PATH, Page(zipped(FLAT)))
    on_figshare(
        site,
        [
            {"../../COVID-CTset_part1.zip": zipped(FULL), "Patient_details.csv": b"1"},
            {"COVID-CTset_part2.zip": zipped(normal)},
            {TRAIN_ZIP: zipped(FLAT)},
        ],
    )
    code, out, err = run(capsys, "--part", "full", "--to", str(home / "scans"))
    assert code == 0, err
    assert "2 slices match, 0 differ, 1 of the list are not in this part, 2 slices are not in the list" in out
    found = {path.relative_to(home / "scans").as_posix() for path in (home / "scans").rglob("*.tif")}
    assert found == {f"COVID-CTset_part1/{name}" for name in FULL} | {f"COVID-CTset_part2/{name}" for name in normal}
    kept = home / "data" / "downloads" / "covid-ctset" / "figshare"
    assert (kept / f"{10 * FIGSHARE_ARTICLES[0]}" / "COVID-CTset_part1.zip").is_file()
    assert KAGGLE_PATH not in [path for path, _, _ in site.requests]
    code, _, err = run(capsys, "--to", str(home / "scans"))
    assert code == 2 and "contains COVID-CTset, full, not COVID-CTset, train-validation" in err


def test_the_next_place_is_asked_when_one_fails(site: Site, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site.add(KAGGLE_PATH, Page(b"<html>sign in</html>"))
    on_figshare(site, [{}, {TRAIN_ZIP: zipped(FLAT)}, {"COVID-CTset_part3.zip": zipped(FULL)}])
    code, out, err = run(capsys)
    assert code == 0 and "3 slices match" in out, err
    paths = [path for path, _, _ in site.requests]
    assert sum("/file/download/" in path for path in paths) == 1
    code, out, err = run(capsys, "--from", "kaggle", "--to", str(home / "other"))
    assert code == 2 and "a web page" in err and not (home / "other").exists()


def test_when_no_place_serves_the_error_says_what_each_answered_and_where_to_put_a_zip(
    site: Site, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    on_figshare(site, [{TRAIN_ZIP: zipped(FLAT)}, {}, {}], wrong_md5=True)
    code, _, err = run(capsys)
    assert code == 2
    # Above it on stderr are only progress bars.
    said = err.splitlines()[-1]
    for words in ("answers 404", "arrived with md5:", covid_ctset.DRIVE_FOLDER, covid_ctset.AUTHORS_PAGE, "--zip PATH"):
        assert words in said
    assert str(home / "data" / "downloads") in said
    assert not list(home.rglob("*.zip")) and not list(home.rglob("*.part"))
    site.add(f"/figshare/file/download/{10 * FIGSHARE_ARTICLES[0]}", Page(zipped(FULL)))
    assert f"offers {len(zipped(FULL))} bytes, expected {len(zipped(FLAT))}" in run(capsys, "--from", "figshare")[2]
    on_figshare(site, [{"COVID-CTset.rar": b"Rar!"}, {}, {}])
    assert "lists COVID-CTset.rar" in run(capsys, "--part", "full")[2]
    assert "expected the train-validation part in zips" in run(capsys, "--from", "figshare")[2]
    site.add(f"/figshare/articles/{FIGSHARE_ARTICLES[0]}", Page(b'{"files": [{"id": 1}]}'))
    assert "has an unknown form" in run(capsys, "--from", "figshare")[2]


def test_a_zip_by_hand_needs_no_download(site: Site, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "data" / "downloads").mkdir(parents=True)
    (home / "data" / "downloads" / TRAIN_ZIP).write_bytes(zipped(FLAT))
    named = home / "archive.zip"
    named.write_bytes(zipped(FULL))
    (home / "data" / "downloads" / "COVID-CTset.zip").write_bytes(b"no zip at all")
    assert run(capsys)[0] == 0
    assert run(capsys, "--part", "full", "--zip", str(named))[0] == 0
    assert [path for path, _, _ in site.requests] == [f"/web/{CHECKSUMS}"]
    code, _, err = run(capsys, "--zip", str(named), "--from", "kaggle")
    assert code == 2 and "Leave out --zip or --from" in err
    named.write_bytes(zipped({"weights/FPN-fold1.hdf5": b"", "photo.tif": b"", "covid1/patient1/SR_2/._IM1.tif": b""}))
    code, _, err = run(capsys, "--zip", str(named), "--to", str(home / "wrong"))
    assert code == 2 and "no file of the expected kind" in err and not (home / "wrong").exists()


def test_a_mirror_serves_everything_and_the_web_is_not_asked(
    site: Site, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site.add(KAGGLE_PATH, Page(zipped(FLAT)))
    monkeypatch.setenv("COVIDLIB_MIRROR", str(home / "mirror"))
    code, _, err = run(capsys)
    assert code == 2 and str(home / "mirror" / "covid-ctset") in err
    (home / "mirror" / "covid-ctset").mkdir(parents=True)
    (home / "mirror" / "covid-ctset" / TRAIN_ZIP).write_bytes(zipped(FLAT))
    code, out, _ = run(capsys)
    assert code == 0 and "checksums not compared" in out and "not in the mirror" in out
    assert site.requests == []


def test_a_differing_slice_is_an_error_each_time(site: Site, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "137covid_patient1_SR_2_IM00011.tif"
    site.add(KAGGLE_PATH, Page(zipped(FLAT | {name: b"slice 12"})))
    for _ in range(2):
        code, _, err = run(capsys)
        assert code == 2 and "1 slices differ" in err and "2 match" in err and name in err


def test_slices_are_compared_by_what_their_names_say(site: Site, home: Path) -> None:
    folder = home / "slices"
    for name, content in (FULL | {"covid2/patient1/SR_3/IM00010.tif": b"slice 10", "photo.TIF": b""}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "covid1" / "patient1" / "SR_2" / "._IM00010.tif").write_bytes(b"macOS")
    assert compare_bytes(folder) == Comparison(matching=2, differing=(), missing=1, unlisted=3)
    (folder / "covid1" / "patient1" / "SR_2" / "IM00010.tif").write_bytes(b"slice 11")
    assert compare_bytes(folder) == Comparison(1, ("covid1/patient1/SR_2/IM00010.tif",), 1, 3)


def test_a_slice_that_is_listed_twice_is_not_missing_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = hashlib.blake2b(b"slice 10").hexdigest()
    listed = {f"{prefix}_patient1_SR_2_IM00010.tif": digest for prefix in ("137covid", "covid2")}
    table = pd.DataFrame(listed.items(), columns=["filename", "blake2b"])
    monkeypatch.setattr(published_lists, "checksums", lambda: table)
    path = home / "slices" / "covid1" / "patient1" / "SR_2" / "IM00010.tif"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"slice 10")
    assert compare_bytes(home / "slices") == Comparison(matching=1, differing=(), missing=0, unlisted=0)


def test_the_published_list_is_read_to_its_end(mirror: Path, tmp_path: Path) -> None:
    listed = dict(published_lists.checksums().to_numpy().tolist())
    assert len(listed) == 12058
    assert all(len(digest) == 2 * hashlib.blake2b().digest_size for digest in listed.values())
    by_identity: dict[object, set[str]] = {}
    for name, digest in listed.items():
        slice_name = identify(name)
        assert slice_name is not None
        by_identity.setdefault(dataclasses.replace(slice_name, prefix=""), set()).add(digest)
    assert all(len(digests) == 1 for digests in by_identity.values())


@pytest.mark.parametrize(
    ("name", "part"),
    [
        (TRAIN_ZIP, "train-validation"),
        ("Training&Validation.zip", "train-validation"),
        (f"{KAGGLE_NAME}.zip", "train-validation"),
        ("COVID-CTset.zip", "full"),
        ("COVID19-CTset_parts_3_5.zip", "full"),
        ("archive.zip", None),
    ],
)
def test_names_tell_the_part(name: str, part: str | None) -> None:
    assert part_of(name) == part
