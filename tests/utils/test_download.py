"""covidlib.utils.download and archives against a server and zips that misbehave."""

from __future__ import annotations

import base64
import hashlib
import stat
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.web_server import Page, Site, serve

from covidlib.errors import InputError, Unavailable
from covidlib.utils import download as downloads
from covidlib.utils import unzip
from covidlib.utils.download import download, read_json
from covidlib.utils.unzip import unpack

BODY = bytes(range(256)) * 1200
MD5 = f"md5:{hashlib.md5(BODY).hexdigest()}"
SHA256 = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
OTHER_MD5 = base64.b64encode(hashlib.md5(b"other").digest()).decode()
CHUNK = 1 << 16
HALF = 2 * CHUNK
NO_LENGTH = {"Content-Length": ""}


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(downloads, "PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(downloads, "TIMEOUT_SECONDS", 5.0)
    with serve() as site:
        yield site


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "downloads").mkdir()
    return tmp_path / "downloads" / "slices.zip"


def quick(url: str, target: Path, **options: Any) -> Path:
    return download(url, target, attempts=2, **options)


def left(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.glob("*"))


def leave(target: Path, part: bytes, mark: str = "") -> None:
    """Leave what an earlier, broken download leaves."""
    target.with_name("slices.zip.part").write_bytes(part)
    if mark:
        target.with_name("slices.zip.mark").write_text(mark)


# Downloads ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stalls", [False, True])
def test_a_broken_connection_is_resumed_from_where_it_stopped(
    site: Site, target: Path, stalls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "TIMEOUT_SECONDS", 0.2 if stalls else 5.0)
    url = site.add("/f", Page(BODY, cuts=[HALF, CHUNK], stalls=stalls))
    assert quick(url, target, digest=MD5).read_bytes() == BODY
    assert site.requests == [
        ("/f", None, None),
        ("/f", f"bytes={HALF}-", '"one"'),
        ("/f", f"bytes={HALF + CHUNK}-", '"one"'),
    ]
    assert left(target) == ["slices.zip"]
    quick(url, target, digest=MD5, size=len(BODY))
    assert len(site.requests) == 3
    target.write_bytes(BODY[1:])
    assert quick(url, target, size=len(BODY)).read_bytes() == BODY


def test_a_later_call_resumes_what_an_earlier_one_left(site: Site, target: Path) -> None:
    url = site.add("/f", Page(BODY, cuts=[HALF, 0, 0]))
    with pytest.raises(Unavailable, match=f"{HALF} bytes are kept"):
        quick(url, target)
    assert left(target) == ["slices.zip.mark", "slices.zip.part"]
    assert quick(url, target).read_bytes() == BODY
    assert site.requests[-1] == ("/f", f"bytes={HALF}-", '"one"')


@pytest.mark.parametrize(
    ("part", "mark", "page", "asked"),
    [
        (BODY, '"one"', Page(BODY), [len(BODY)]),
        (BODY + b"more", '"one"', Page(BODY), [len(BODY) + 4, None]),
        (b"of an earlier version", '"zero"', Page(BODY), [21]),
        (b"of who knows what", "", Page(BODY), [None]),
        (BODY[:HALF], '"one"', Page(BODY, shift=-7), [HALF, None]),
        (BODY[:HALF], '"one"', Page(BODY, ranges=False), [HALF]),
    ],
)
def test_a_part_is_continued_only_if_the_rest_fits(
    site: Site, target: Path, part: bytes, mark: str, page: Page, asked: list[int | None]
) -> None:
    leave(target, part, mark)
    assert quick(site.add("/f", page), target).read_bytes() == BODY
    assert [asked for _, asked, _ in site.requests] == [start and f"bytes={start}-" for start in asked]
    assert left(target) == ["slices.zip"]


def test_a_tag_that_does_not_promise_equal_bytes_is_no_mark(site: Site, target: Path) -> None:
    url = site.add("/f", Page(BODY, etag='W/"one"', cuts=[HALF]))
    assert quick(url, target).read_bytes() == BODY
    assert [asked for _, asked, _ in site.requests] == [None, None]


def test_a_server_that_always_breaks_at_one_place_is_given_up(site: Site, target: Path) -> None:
    url = site.add("/f", Page(BODY, cuts=[HALF] * 50, ranges=False))
    with pytest.raises(Unavailable, match="bytes are kept"):
        quick(url, target)
    assert len(site.requests) == 3 and not target.exists()


@pytest.mark.parametrize(
    ("digest", "body", "headers"),
    [
        (MD5, BODY[:-1] + b"?", {}),
        (SHA256, BODY[:-1] + b"?", {}),
        ("", BODY, {"X-Goog-Hash": f"crc32c=AAAAAA==, md5={OTHER_MD5}"}),
    ],
)
def test_wrong_bytes_are_refused_and_deleted(
    site: Site, target: Path, digest: str, body: bytes, headers: dict[str, str]
) -> None:
    with pytest.raises(InputError, match="slices.zip: arrived with .* expected"):
        quick(site.add("/f", Page(body, headers=headers)), target, digest=digest)
    assert left(target) == []
    assert quick(site.add("/f", Page(BODY)), target, digest=digest).read_bytes() == BODY


def test_a_complete_part_of_another_size_is_refused(site: Site, target: Path) -> None:
    leave(target, BODY, '"one"')
    with pytest.raises(Unavailable, match="expected 7"):
        quick(site.add("/f", Page(BODY)), target, size=7)


def test_a_body_without_a_length_is_measured(site: Site, target: Path) -> None:
    url = site.add("/f", Page(BODY, cuts=[HALF], headers=NO_LENGTH))
    assert quick(url, target, size=len(BODY)).read_bytes() == BODY
    assert len(site.requests) == 2


@pytest.mark.parametrize(
    ("page", "words", "requests"),
    [
        (Page(b"", status=202), "answers 202", 1),
        (Page(b""), "the answer is empty", 1),
        (Page(b"", headers=NO_LENGTH), "the answer is empty", 1),
        (Page(b"\n<!DOCTYPE html><title>Quota exceeded</title>"), "a web page", 1),
        (Page(b"Quota exceeded", headers={"Content-Type": "text/html; charset=utf-8"}), "a web page", 1),
        (Page(BODY[:-1]), f"offers {len(BODY) - 1} bytes, expected {len(BODY)}", 1),
        (Page(b"gone", status=403), "answers 403", 1),
        (None, "answers 404", 1),
        (Page(b"ill", status=500), "answers 500", 2),
        (Page(b"slowly", status=429), "answers 429", 2),
    ],
)
def test_what_is_not_the_file_is_refused_and_costs_no_byte(
    site: Site, target: Path, page: Page | None, words: str, requests: int
) -> None:
    leave(target, BODY[:3], '"zero"')
    if page is not None:
        site.add("/f", page)
    with pytest.raises(Unavailable, match=words):
        quick(site.url("/f"), target, size=len(BODY) if "expected" in words else None)
    assert len(site.requests) == requests
    assert left(target) == ["slices.zip.mark", "slices.zip.part"]
    assert target.with_name("slices.zip.part").read_bytes() == BODY[:3]


def test_pauses_between_attempts_grow(site: Site, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(downloads.time, "sleep", pauses.append)
    with pytest.raises(Unavailable):
        download(site.add("/f", Page(status=503)), target, attempts=4)
    assert pauses == [0.001, 0.002, 0.004]


def test_what_cannot_be_written_is_named(site: Site, target: Path) -> None:
    url = site.add("/f", Page(BODY))
    target.with_name("slices.zip.part").mkdir()
    with pytest.raises(InputError, match="slices.zip.part: cannot be written"):
        quick(url, target)
    (target.parent / "file").touch()
    with pytest.raises(InputError, match="file: cannot be created"):
        quick(url, target.parent / "file" / "slices.zip")


def test_json_is_read_and_anything_else_refused(site: Site) -> None:
    assert read_json(site.add("/j", Page(b'{"files": []}'))) == {"files": []}
    for page in (Page(b"{"), Page(b"", status=202), Page(b"{}", status=500), Page(b"[]", status=404)):
        with pytest.raises(Unavailable):
            read_json(site.add("/j", page))


# Archives -----------------------------------------------------------------------------------------------------------


def make_zip(path: Path, files: dict[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def everything(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def refuses(archive: Path, words: str) -> None:
    """Hold that a zip is refused in these words, and leaves nothing beside it."""
    before = everything(archive.parent)
    with pytest.raises(InputError, match=words):
        unpack([archive], archive.parent / "set", "a set")
    assert everything(archive.parent) == before


def test_zips_are_unpacked_once(tmp_path: Path) -> None:
    one = make_zip(tmp_path / "one.zip", {"covid1/a.tif": b"a", "covid1\\b.tif": b"b", "covid1/empty/": b""})
    two = make_zip(tmp_path / "two.zip", {"b.tif": b"b"})
    folder = unpack([one, two], tmp_path / "data" / "set", "a set")
    assert (folder / "one" / "covid1" / "a.tif").read_bytes() == b"a"
    files = [".unpacked.json", "one", "one/covid1", "one/covid1/a.tif", "one/covid1/b.tif", "two", "two/b.tif"]
    assert everything(tmp_path / "data") == ["set"] + [f"set/{file}" for file in files]
    one.unlink()
    assert unpack([one, two], folder, "a set") == folder
    with pytest.raises(InputError, match="contains a set, not another"):
        unpack([two], folder, "another")
    (folder / unzip.NOTE).write_text("{")
    with pytest.raises(InputError, match="damaged"):
        unpack([two], folder, "a set")


def test_a_folder_that_somebody_filled_is_left_alone(tmp_path: Path) -> None:
    zipped = make_zip(tmp_path / "one.zip", {"a.tif": b"a"})
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "mine.txt").write_text("mine")
    refuses(zipped, "covidlib did not unpack")


@pytest.mark.parametrize(
    "name",
    [
        "../out.tif",
        "a/../../out.tif",
        "a\\..\\..\\out.tif",
        "/tmp/out.tif",
        "\\\\server\\out.tif",
        "C:\\out.tif",
        "c:out.tif",
    ],
)
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    refuses(make_zip(tmp_path / "bad.zip", {"good.tif": b"good", name: b"evil"}), "not a path inside the folder")


def test_links_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("covid1")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    refuses(make_zip(tmp_path / "bad.zip", {link: b"/etc", "covid1/passwd": b"evil"}), "a link or device")


def edit(archive: Path, header: bytes, offset: int, values: bytes) -> None:
    """Overwrite bytes of the first file's header (PK 3 4), or of its entry in the table of contents (PK 1 2)."""
    content = bytearray(archive.read_bytes())
    place = content.index(header) + offset
    content[place : place + len(values)] = values
    archive.write_bytes(content)


def test_a_file_larger_than_declared_is_refused(tmp_path: Path) -> None:
    zipped = make_zip(tmp_path / "bomb.zip", {"a.tif": bytes(10**7)})
    edit(zipped, b"PK\x03\x04", 22, struct.pack("<I", 10))
    edit(zipped, b"PK\x01\x02", 24, struct.pack("<I", 10))
    refuses(zipped, "a.tif cannot be unpacked")


def test_more_than_is_plausible_or_fits_is_refused_before_a_byte_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zipped = make_zip(tmp_path / "large.zip", {"a.tif": bytes(1000), "b.tif": bytes(1000)})
    # Nothing may get as far as to write.
    monkeypatch.setattr(unzip, "_unpack", lambda *_: pytest.fail("it was unpacked"))
    monkeypatch.setattr(unzip, "LIMIT_BYTES", 1999)
    refuses(zipped, "2,000 bytes, more than the limit of 1,999")
    monkeypatch.undo()
    free = 100_001_999
    monkeypatch.setattr(unzip.shutil, "disk_usage", lambda _: type("Usage", (), {"free": free}))
    refuses(zipped, "100,001,999 are free")
    free += 1
    unpack([zipped], tmp_path / "set", "a set")


def test_damaged_unusual_and_wrong_zips_are_refused(tmp_path: Path) -> None:
    names = ("damaged", "cut", "unnamed", "encrypted")
    damaged, cut, unnamed, encrypted = (
        make_zip(tmp_path / f"{name}.zip", {"a.tif": BODY}, zipfile.ZIP_STORED) for name in names
    )
    edit(damaged, BODY[:256], HALF, b"?")
    cut.write_bytes(cut.read_bytes()[:HALF])
    # Bit 11 of the flags says that the name is UTF-8, which the byte after it is not; bit 0 that the file is encrypted.
    edit(unnamed, b"PK\x03\x04", 7, b"\x08")
    edit(unnamed, b"PK\x03\x04", 30, b"\xa9")
    edit(encrypted, b"PK\x01\x02", 8, b"\x01")
    twice = tmp_path / "twice.zip"
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(twice, "w") as archive:
        archive.writestr("a.tif", b"1")
        archive.writestr("a.tif", b"2")
    for path, words in (
        (damaged, "damaged.zip: a.tif cannot be unpacked"),
        (cut, "cannot be opened as a zip"),
        (unnamed, "cannot be unpacked"),
        (encrypted, "which is encrypted"),
        (make_zip(tmp_path / "unusual.zip", {"a.tif": BODY}, zipfile.ZIP_LZMA), "packed by LZMA"),
        (twice, "a.tif: cannot be written"),
        (tmp_path / "absent.zip", "no such file"),
    ):
        refuses(path, words)
    with pytest.raises(InputError, match="no file of the expected kind"):
        unpack([twice], tmp_path / "set", "a set", lambda name: name.endswith(".dcm"))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("set.rar", b"Rar!\x1a\x07\x01\0", "is a RAR archive, not a zip"),
        ("set.zip", b"Rar!\x1a\x07\x01\0", "is a RAR archive, not a zip"),
        ("set.7z", b"7z\xbc\xaf\x27\x1c", "is a 7z archive, not a zip"),
        ("set.tar.gz", b"\x1f\x8b\x08", "is a gzip archive, not a zip"),
        ("set.tar", bytes(257) + b"ustar", "is a tar archive, not a zip"),
        ("set.zip.001", b"PK\x03\x04", "is one part of an archive in several parts. Put all parts into one folder"),
        ("set.z01", b"PK\x07\x08", "is one part of an archive in several parts"),
        ("set.zip", b"?PK\x05\x06\x01\0\0\0" + bytes(14), "is one part of an archive in several parts"),
    ],
)
def test_another_archive_is_named_and_to_be_unpacked_by_hand(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(content)
    refuses(tmp_path / name, f"{words}.* Unpack it with 7-Zip .* covidlib check-data FOLDER")


def test_a_zip_that_only_other_programs_can_unpack_is_not_called_damaged(tmp_path: Path) -> None:
    for name, at, changed, words in (
        ("deflate64", 10, b"\x09", "contains 'a.tif', packed by Deflate64, expected Deflate"),
        ("encrypted", 8, b"\x01", "contains 'a.tif', which is encrypted"),
    ):
        path = make_zip(tmp_path / f"{name}.zip", {"a.tif": BODY})
        edit(path, b"PK\x01\x02", at, changed)
        refuses(path, f"{words}. Unpack it with 7-Zip")


def test_a_page_nothing_and_a_folder_are_no_zips(tmp_path: Path) -> None:
    (tmp_path / "page.zip").write_text("<!DOCTYPE html><html>quota exceeded")
    (tmp_path / "empty.zip").write_bytes(b"")
    (tmp_path / "folder.zip").mkdir()
    refuses(tmp_path / "page.zip", "is a web page.* Download it again")
    refuses(tmp_path / "empty.zip", "is empty. Download it again")
    refuses(tmp_path / "folder.zip", "is a folder, not a file. It needs no unpacking: .* covidlib train --data")


def test_a_file_is_no_place_to_unpack_to(tmp_path: Path) -> None:
    zipped = make_zip(tmp_path / "set.zip", {"a.tif": BODY})
    for folder in (zipped, zipped / "below"):
        with pytest.raises(InputError, match="set.zip: is a file, not a folder. Name another folder with --to"):
            unpack([zipped], folder, "a set")


def test_an_interrupted_extraction_leaves_nothing_that_looks_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = make_zip(tmp_path / "one.zip", {"a.tif": b"a", "b.tif": b"b"})
    folder = tmp_path / "sets" / "set"
    # What a killed process leaves, since nothing can tidy up after it.
    stale = tmp_path / "sets" / ".set.unpacking" / "one"
    stale.mkdir(parents=True)
    (stale / "a.tif").write_bytes(b"half")
    copy = unzip.shutil.copyfileobj

    def interrupt(source: Any, *rest: Any) -> None:
        if source.name == "b.tif":
            raise KeyboardInterrupt
        copy(source, *rest)

    monkeypatch.setattr(unzip.shutil, "copyfileobj", interrupt)
    with pytest.raises(KeyboardInterrupt):
        unpack([one], folder, "a set")
    assert everything(tmp_path / "sets") == []
    monkeypatch.undo()
    unpack([one], folder, "a set")
    assert (folder / "one" / "a.tif").read_bytes() == b"a"
