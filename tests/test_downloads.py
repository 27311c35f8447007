"""covidlib.downloads and archives against a server and zips that misbehave."""

from __future__ import annotations

import base64
import hashlib
import stat
import struct
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from web_server import Page, Site, serve

from covidlib import archives
from covidlib.answers import read_json
from covidlib.archives import unpack
from covidlib.downloads import download
from covidlib.errors import InputError, Unavailable

BODY = bytes(range(256)) * 1200
MD5 = f"md5:{hashlib.md5(BODY).hexdigest()}"
CHUNK = 1 << 16
HALF = 2 * CHUNK


@pytest.fixture
def site() -> Iterator[Site]:
    with serve() as site:
        yield site


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "downloads" / "slices.zip"


def quick(url: str, target: Path, **options: Any) -> Path:
    return download(url, target, **{"pause": 0.001, "attempts": 2, "timeout": 5.0} | options)


def left(target: Path) -> list[str]:
    return sorted(path.name for path in target.parent.glob("*"))


# Downloads ----------------------------------------------------------------------------------------------------------


def test_a_broken_connection_is_resumed_from_where_it_stopped(site: Site, target: Path) -> None:
    url = site.add("/f", Page(BODY, cuts=[HALF, CHUNK]))
    assert quick(url, target, digest=MD5).read_bytes() == BODY
    assert site.requests == [
        ("/f", None, None),
        ("/f", f"bytes={HALF}-", '"one"'),
        ("/f", f"bytes={HALF + CHUNK}-", '"one"'),
    ]
    assert left(target) == ["slices.zip"]
    quick(url, target, digest=MD5)
    assert len(site.requests) == 3


def test_a_later_call_resumes_what_an_earlier_one_left(site: Site, target: Path) -> None:
    url = site.add("/f", Page(BODY, cuts=[HALF, 0, 0]))
    with pytest.raises(Unavailable, match=f"{HALF} bytes are kept"):
        quick(url, target)
    assert left(target) == ["slices.zip.part", "slices.zip.part.mark"]
    assert quick(url, target).read_bytes() == BODY
    assert site.requests[-1] == ("/f", f"bytes={HALF}-", '"one"')


def test_a_file_that_changed_meanwhile_is_fetched_from_its_start(site: Site, target: Path) -> None:
    site.add("/f", Page(BODY, cuts=[HALF, 0, 0]))
    with pytest.raises(Unavailable):
        quick(site.url("/f"), target)
    site.add("/f", Page(BODY[::-1], etag='"two"'))
    assert quick(site.url("/f"), target).read_bytes() == BODY[::-1]


def test_a_part_that_nothing_vouches_for_is_not_continued(site: Site, target: Path) -> None:
    target.parent.mkdir()
    target.with_name("slices.zip.part").write_bytes(b"of another file")
    assert quick(site.add("/f", Page(BODY)), target).read_bytes() == BODY
    assert site.requests == [("/f", None, None)]


def test_a_complete_part_is_not_fetched_again(site: Site, target: Path) -> None:
    target.parent.mkdir()
    target.with_name("slices.zip.part").write_bytes(BODY)
    assert quick(site.add("/f", Page(BODY)), target, digest=MD5).read_bytes() == BODY
    assert site.requests == [("/f", f"bytes={len(BODY)}-", None)]


def test_a_part_that_is_too_long_is_thrown_away(site: Site, target: Path) -> None:
    target.parent.mkdir()
    target.with_name("slices.zip.part").write_bytes(BODY + b"more")
    assert quick(site.add("/f", Page(BODY)), target, digest=MD5).read_bytes() == BODY


def test_a_server_that_ignores_ranges_gets_a_fresh_start(site: Site, target: Path) -> None:
    url = site.add("/f", Page(BODY, cuts=[HALF], ranges=False))
    assert quick(url, target).read_bytes() == BODY
    assert [asked for _, asked, _ in site.requests] == [None, f"bytes={HALF}-"]


def test_a_server_that_always_breaks_at_one_place_is_given_up(site: Site, target: Path) -> None:
    url = site.add("/f", Page(BODY, cuts=[HALF] * 50, ranges=False))
    with pytest.raises(Unavailable, match="bytes are kept"):
        quick(url, target)
    assert len(site.requests) == 3 and not target.exists()


def test_a_rest_from_another_place_is_not_appended(site: Site, target: Path) -> None:
    url = site.add("/f", Page(BODY, cuts=[HALF], shift=-7))
    assert quick(url, target).read_bytes() == BODY
    assert [asked for _, asked, _ in site.requests] == [None, f"bytes={HALF}-", None]


def test_wrong_bytes_are_refused_and_deleted(site: Site, target: Path) -> None:
    wrong = BODY[:-1] + b"?"
    url = site.add("/f", Page(wrong))
    for digest in (MD5, f"sha256:{hashlib.sha256(BODY).hexdigest()}"):
        with pytest.raises(InputError, match="slices.zip: arrived with .* expected"):
            quick(url, target, digest=digest)
        assert left(target) == []
    site.add("/f", Page(BODY))
    assert quick(url, target, digest=MD5).read_bytes() == BODY
    assert site.requests[-1][1] is None


def test_the_hash_that_the_storage_promises_is_checked(site: Site, target: Path) -> None:
    promise = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    url = site.add("/f", Page(BODY, headers={"X-Goog-Hash": f"crc32c=AAAAAA==, md5={promise}"}))
    with pytest.raises(InputError, match="arrived with MD5"):
        quick(url, target)
    assert left(target) == []


def test_a_stalled_connection_is_broken_and_resumed(site: Site, target: Path) -> None:
    url = site.add("/f", Page(BODY, cuts=[HALF], stalls=True))
    began = time.monotonic()
    assert quick(url, target, timeout=0.1).read_bytes() == BODY
    assert time.monotonic() - began < 2
    assert site.requests[1] == ("/f", f"bytes={HALF}-", '"one"')


def test_a_body_without_a_length_is_measured(site: Site, target: Path) -> None:
    url = site.add("/f", Page(BODY, cuts=[HALF], headers={"Content-Length": ""}))
    assert quick(url, target, size=len(BODY)).read_bytes() == BODY
    assert len(site.requests) == 2


def test_a_server_that_only_stalls_ends_in_words(site: Site, target: Path) -> None:
    url = site.add("/f", Page(BODY, cuts=[0] * 9, stalls=True))
    with pytest.raises(Unavailable, match="cannot be downloaded"):
        quick(url, target, timeout=0.05)
    assert len(site.requests) == 2


@pytest.mark.parametrize(
    ("page", "words", "requests"),
    [
        (Page(b"", status=202), "answers 202", 1),
        (Page(b""), "offers 0 bytes", 1),
        (Page(b"", headers={"Content-Length": ""}), "without a single byte", 1),
        (Page(b"\n<!DOCTYPE html><title>Quota exceeded</title>"), "a web page", 1),
        (Page(b"Quota exceeded", headers={"Content-Type": "text/html; charset=utf-8"}), "a web page", 1),
        (Page(BODY[:-1]), f"offers {len(BODY) - 1} bytes, expected {len(BODY)}", 1),
        (Page(b"gone", status=403), "answers 403", 1),
        (None, "answers 404", 1),
        (Page(b"ill", status=500), "answers 500", 2),
        (Page(b"slowly", status=429), "answers 429", 2),
    ],
)
def test_what_is_not_the_file_is_refused(
    site: Site, target: Path, page: Page | None, words: str, requests: int
) -> None:
    if page is not None:
        site.add("/f", page)
    with pytest.raises(Unavailable, match=words):
        quick(site.url("/f"), target, size=len(BODY) if "expected" in words else None)
    assert not target.exists() and len(site.requests) == requests


def test_pauses_between_attempts_grow(site: Site, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("covidlib.downloads.time.sleep", pauses.append)
    with pytest.raises(Unavailable):
        download(site.add("/f", Page(status=503)), target, attempts=4, pause=1.0)
    assert pauses == [1.0, 2.0, 4.0]


def test_a_folder_that_cannot_be_made_is_named(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        quick(site.add("/f", Page(BODY)), tmp_path / "file" / "slices.zip")


def test_json_is_read_and_anything_else_refused(site: Site) -> None:
    assert read_json(site.add("/j", Page(b'{"files": []}'))) == {"files": []}
    for page in (Page(b"{"), Page(b"", status=202), Page(b"{}", status=500), Page(b"[]", status=404)):
        with pytest.raises(Unavailable):
            read_json(site.add("/j", page))


# Archives -----------------------------------------------------------------------------------------------------------


def make_zip(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name) if method == zipfile.ZIP_STORED else name, content)
    return path


def everything(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_zips_are_unpacked_once(tmp_path: Path) -> None:
    one = make_zip(tmp_path / "one.zip", {"covid1/a.tif": b"a", "covid1/empty/": b"", "list.csv": b"x"})
    two = make_zip(tmp_path / "two.zip", {"b.tif": b"b"})
    folder = unpack([one, two], tmp_path / "data" / "set", "a set")
    assert (folder / "one" / "covid1" / "a.tif").read_bytes() == b"a"
    assert (folder / "two" / "b.tif").read_bytes() == b"b"
    assert everything(tmp_path / "data") == [
        "set",
        "set/.unpacked.json",
        "set/one",
        "set/one/covid1",
        "set/one/covid1/a.tif",
        "set/one/list.csv",
        "set/two",
        "set/two/b.tif",
    ]
    one.unlink()
    assert unpack([one, two], folder, "a set") == folder
    with pytest.raises(InputError, match="holds a set, not another"):
        unpack([two], folder, "another")
    (folder / archives.NOTE).write_text("{")
    with pytest.raises(InputError, match="damaged"):
        unpack([two], folder, "a set")


def test_a_folder_that_somebody_filled_is_left_alone(tmp_path: Path) -> None:
    zipped = make_zip(tmp_path / "one.zip", {"a.tif": b"a"})
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="not unpacked here"):
        unpack([zipped], tmp_path / "set", "a set")
    assert everything(tmp_path / "set") == ["mine.txt"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../out.tif", "leads out"),
        ("covid1/../../out.tif", "leads out"),
        ("covid1\\..\\..\\out.tif", "leads out"),
        ("/tmp/out.tif", "absolute"),
        ("\\\\server\\out.tif", "absolute"),
        ("C:\\out.tif", "absolute"),
        ("c:out.tif", "absolute"),
    ],
)
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str, words: str) -> None:
    zipped = make_zip(tmp_path / "bad.zip", {"good.tif": b"good", name: b"evil"})
    with pytest.raises(InputError, match=words):
        unpack([zipped], tmp_path / "a" / "set", "a set")
    assert everything(tmp_path) == ["bad.zip"]


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """The table of contents is sound, the header of the file itself holds bytes that are no UTF-8."""
    zipped = make_zip(tmp_path / "bad.zip", {"good.tif": b"good"})
    content = bytearray(zipped.read_bytes())
    # Bit 11 of the flags says that the name is UTF-8; the name begins 30 bytes after the header's start.
    content[7] |= 0x08
    content[30] = 0xA9
    zipped.write_bytes(content)
    with pytest.raises(InputError, match="cannot be unpacked"):
        unpack([zipped], tmp_path / "a" / "set", "a set")
    assert not (tmp_path / "a" / "set").exists()


def test_links_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        link = zipfile.ZipInfo("covid1")
        link.create_system = 3
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc")
        archive.writestr("covid1/passwd", "evil")
    with pytest.raises(InputError, match="a link or device"):
        unpack([tmp_path / "bad.zip"], tmp_path / "set", "a set")
    assert everything(tmp_path) == ["bad.zip"]


def change_sizes(zipped: Path, size: int) -> None:
    """Declare another size of the only file, in its own header and in the table of contents."""
    content = bytearray(zipped.read_bytes())
    struct.pack_into("<I", content, content.index(b"PK\x03\x04") + 22, size)
    struct.pack_into("<I", content, content.index(b"PK\x01\x02") + 24, size)
    zipped.write_bytes(content)


def test_a_file_larger_than_declared_is_refused(tmp_path: Path) -> None:
    zipped = make_zip(tmp_path / "bomb.zip", {"a.tif": bytes(10**7)})
    change_sizes(zipped, 10)
    with pytest.raises(InputError, match="a.tif cannot be unpacked"):
        unpack([zipped], tmp_path / "set", "a set")
    assert everything(tmp_path) == ["bomb.zip"]


def test_more_than_is_plausible_or_fits_is_refused_before_a_byte_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zipped = make_zip(tmp_path / "large.zip", {"a.tif": bytes(1000), "b.tif": bytes(1000)})
    with pytest.raises(InputError, match="2,000 bytes, at most 1,999"):
        unpack([zipped], tmp_path / "set", "a set", limit=1999)
    monkeypatch.setattr("covidlib.archives.shutil.disk_usage", lambda _: type("Usage", (), {"free": 100_001_999}))
    with pytest.raises(InputError, match="100,001,999 are free"):
        unpack([zipped], tmp_path / "set", "a set")
    assert everything(tmp_path) == ["large.zip"]
    monkeypatch.setattr("covidlib.archives.shutil.disk_usage", lambda _: type("Usage", (), {"free": 100_002_000}))
    unpack([zipped], tmp_path / "set", "a set")


def test_damaged_unusual_and_wrong_zips_are_refused(tmp_path: Path) -> None:
    zipped = make_zip(tmp_path / "a.zip", {"a.tif": BODY}, zipfile.ZIP_STORED)
    content = bytearray(zipped.read_bytes())
    content[HALF] ^= 1
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes(content)
    cut = tmp_path / "cut.zip"
    cut.write_bytes(content[:HALF])
    unusual = make_zip(tmp_path / "unusual.zip", {"a.tif": BODY}, zipfile.ZIP_LZMA)
    twice = tmp_path / "twice.zip"
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(twice, "w") as archive:
        archive.writestr("a.tif", b"1")
        archive.writestr("a.tif", b"2")
    for path, words in (
        (damaged, "damaged.zip: a.tif cannot be unpacked"),
        (cut, "cannot be opened as a zip"),
        (unusual, "unusual method"),
        (twice, "a.tif: cannot be written"),
        (tmp_path / "absent.zip", "no such file"),
    ):
        with pytest.raises(InputError, match=words):
            unpack([path], tmp_path / "sets" / "set", "a set")
        assert not (tmp_path / "sets").exists() or everything(tmp_path / "sets") == []
    with pytest.raises(InputError, match="no file of the kind"):
        unpack([zipped], tmp_path / "set", "a set", wanted=lambda name: name.endswith(".dcm"))


def test_an_interrupted_extraction_leaves_nothing_that_looks_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = make_zip(tmp_path / "one.zip", {"a.tif": b"a", "b.tif": b"b"})
    folder = tmp_path / "sets" / "set"
    # What a killed process leaves, since nothing can tidy up after it.
    stale = tmp_path / "sets" / ".set.unpacking" / "one"
    stale.mkdir(parents=True)
    (stale / "a.tif").write_bytes(b"half")
    copy = archives.shutil.copyfileobj

    def interrupt(source: Any, *rest: Any) -> None:
        if source.name == "b.tif":
            raise KeyboardInterrupt
        copy(source, *rest)

    monkeypatch.setattr(archives.shutil, "copyfileobj", interrupt)
    with pytest.raises(KeyboardInterrupt):
        unpack([one], folder, "a set")
    assert everything(tmp_path / "sets") == []
    monkeypatch.undo()
    unpack([one], folder, "a set")
    assert (folder / "one" / "a.tif").read_bytes() == b"a"
