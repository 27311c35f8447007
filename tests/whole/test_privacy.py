"""Nothing that says who somebody is leaves a DICOM file; nothing is asked of a network unless a fetch was asked for."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pydicom
import pytest
from pydicom.datadict import DicomDictionary
from support.dicom_files import write_dicom
from support.made import OPEN, ROOT, body_slice

from covidlib.cli.main import main
from covidlib.scans import dicom, dicom_import
from covidlib.scans.gate import find_series

MARK = "ZQMARK7"
NEEDED = {0x00080008, 0x00080016, 0x00080018, 0x00080060, 0x0020000D, 0x00080005, 0x00080064}
"""What makes a file a CT slice: image type, class, modality, character set, conversion."""
UID, DATE, TIME = "1.2.826.0.777.", "18470305", "031417"
VALUES = {
    **dict.fromkeys(("LO", "SH", "PN", "ST", "LT", "UT", "UC", "UR", "AE", "CS"), MARK),
    "DA": DATE, "TM": TIME, "DT": DATE + TIME, "AS": "077Y",
}  # fmt: skip


def plant(path: Path, series: int) -> list[str]:
    """Give every text, date and UID field of the DICOM standard a value of its own; returns the values."""
    file = pydicom.dcmread(path)
    planted = []
    for tag, (vr, _, _, _, keyword) in DicomDictionary.items():
        # Groups 0002 and 0028 describe the file and the pixels.
        if tag in NEEDED or tag >> 16 in (0x0000, 0x0002, 0x0004, 0x0006, 0x0028) or not keyword or tag >> 16 > 0x4FFF:
            continue
        if vr == "UI":
            value = f"{UID}{tag}.{series}" if keyword == "SeriesInstanceUID" else f"{UID}{tag}"
        elif vr in VALUES:
            value = VALUES[vr] if vr in ("DA", "TM", "DT", "AS") else f"{MARK}{tag:08X}"
        else:
            continue
        file.add_new(tag, vr, value)
        planted.append(value)
    private = file.private_block(0x0011, f"{MARK}PRIVATE", create=True)
    private.add_new(1, "LO", f"{MARK}SECRET")
    file.preamble = MARK.encode().ljust(128, b"#")
    file.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL", f"{MARK}TYPE"]
    file.save_as(path)
    return planted


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two series of one person, in one folder; every field says who it is."""
    folder = tmp_path / "source"
    folder.mkdir()
    for number, dark in enumerate((10, OPEN, OPEN, 20, OPEN, OPEN), start=1):
        path = write_dicom(folder / f"{number}.dcm", body_slice(dark, number), number, z=5.0 * number)
        assert len(plant(path, series=number // 4)) > 1500
    assert MARK.encode() in (folder / "1.dcm").read_bytes()
    return folder


def secrets_in(content: bytes) -> list[str]:
    """What of the planted values stands in some bytes."""
    return [one for one in (MARK, UID, DATE, "077Y") if one.encode() in content]


def everything_below(folder: Path, but: Path) -> bytes:
    found = [path for path in folder.rglob("*") if not path.is_relative_to(but)]
    names = "\n".join(path.as_posix() for path in found).encode()
    return names + b"\n".join(path.read_bytes() for path in found if path.is_file())


def test_no_identifier_leaves_a_dicom_file(
    source: Path,
    untrained_weights: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COVIDLIB_HOME", str(tmp_path / "home"))
    asked = [
        ["select", str(source)],
        ["select", str(source), "--json"],
        ["import-dicom", str(source), str(tmp_path / "imported")],
        ["check-data", str(tmp_path / "imported")],
        ["diagnose", str(source), "--weights", str(untrained_weights), "--json", str(tmp_path / "out.json"),
         "--report", str(tmp_path / "out.html"), "--explain"],
        ["diagnose", str(tmp_path / "imported"), "--weights", str(untrained_weights), "--json", "-"],
    ]  # fmt: skip
    codes = [main(command) for command in asked]
    assert codes == [0, 0, 0, codes[3], 0, 0] and codes[3] in (0, 1)
    assert (tmp_path / "out.html").stat().st_size > 10_000
    said = capfd.readouterr()
    assert secrets_in((said.out + said.err).encode()) == []
    assert secrets_in(everything_below(tmp_path, but=source)) == []


def test_no_identifier_is_in_an_error(source: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    files = sorted(source.iterdir())
    harmed = {
        "short": files[1].read_bytes()[:-1000],
        "shorter": files[1].read_bytes()[:60_000],
        "half a header": files[1].read_bytes()[:3000],
        "same number": files[0].read_bytes(),
        "no known kind of field": files[1].read_bytes().replace(b"\x08\x00\x16\x00UI", b"\x08\x00\x16\x00U\0"),
        "no rescale": files[1].read_bytes().replace(b"\x28\x00\x52\x10DS", b"\x29\x00\x52\x10DS"),
    }
    codes: dict[str, list[int]] = {}
    for name, content in harmed.items():
        files[1].write_bytes(content)
        commands = (["select", str(source)], ["import-dicom", str(source), str(tmp_path / name)])
        codes[name] = [main(command) for command in commands]
    said = capfd.readouterr()
    # A file that ends before its pixels holds no image: it is left out, not refused.
    # A damaged series is refused; if another one can be used, the command says so with 3.
    assert codes.pop("half a header") and len(codes) == 5
    # An exact copy of another slice is left out and named.
    assert codes.pop("same number") == [0, 0] and said.err.count("left out: is a copy of") == 2
    # A slice whose header cannot be read may belong to any series of its folder; the others to one of two.
    assert codes.pop("no known kind of field") == [2, 2] and codes == dict.fromkeys(codes, [3, 3])
    assert said.err.count("2.dcm: ") >= 10
    assert secrets_in((said.out + said.err).encode()) == []


def test_no_text_of_a_picture_that_is_left_out_is_shown(
    source: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    derived = pydicom.dcmread(source / "6.dcm")
    derived.ImageType = ["DERIVED", "SECONDARY", f"{MARK}TYPE"]
    derived.save_as(source / "6.dcm")
    assert main(["import-dicom", str(source), str(tmp_path / "imported")]) == 0
    said = capfd.readouterr()
    assert "6.dcm: left out: is a derived image (SECONDARY)" in said.err
    assert secrets_in((said.out + said.err).encode()) == []


NO_NETWORK = """
import json, socket, sys
def refuse(*arguments, **named):
    raise AssertionError(f"the network was asked: {arguments}")
for name in ("connect", "connect_ex", "sendto"):
    setattr(socket.socket, name, refuse)
socket.getaddrinfo = socket.create_connection = refuse
from covidlib.cli.main import main
codes = [main(command) for command in json.loads(sys.argv[1])]
print("codes", *codes)
"""


def without_network(*commands: list[str], home: Path) -> subprocess.CompletedProcess[str]:
    """The commands one after the other, in one process whose sockets are blocked."""
    environment = {key: value for key, value in os.environ.items() if key != "COVIDLIB_MIRROR"}
    environment |= {"PYTHONPATH": str(ROOT), "COVIDLIB_HOME": str(home)}
    return subprocess.run(
        [sys.executable, "-c", NO_NETWORK, json.dumps(commands)], env=environment, capture_output=True, text=True
    )


def test_nothing_but_a_fetch_asks_the_network(source: Path, untrained_weights: Path, tmp_path: Path) -> None:
    cohort, weights = tmp_path / "cohort", str(untrained_weights)
    done = without_network(
        ["phantom", str(cohort), "--patients", "2", "--seed", "1"],
        ["select", str(source)],
        ["import-dicom", str(source), str(tmp_path / "imported")],
        ["check-data", str(cohort)],
        ["audit"],
        ["runs", "--data", str(cohort)],
        ["networks", "describe", "resnet50v2-fpn", "--size", "quick"],
        ["diagnose", str(source), "--weights", weights, "--report", str(tmp_path / "o.html"), "--engine", "tensorflow"],
        ["diagnose", str(source), "--weights", weights, "--engine", "openvino"],
        ["export", "--weights", weights, "--format", "saved-model", str(tmp_path / "exported")],
        home=tmp_path / "home",
    )
    assert "the network was asked" not in done.stderr and done.returncode == 0, done.stderr
    codes = done.stdout.splitlines()[-1]
    # The two patients of the cohort are not those of the paper: `check-data` may find a problem.
    assert re.fullmatch("codes 0 0 0 [01] 0 0 0 0 0 0", codes), done.stdout
    fetched = without_network(["fetch", "lung-pet-ct-dx"], home=tmp_path / "home")
    assert "the network was asked" in fetched.stderr


def test_every_field_that_is_read_is_listed() -> None:
    """A field that is read elsewhere must be in `dicom.FIELDS`, or damage in it would end in a traceback."""
    code = "".join(
        (ROOT / "covidlib" / f"{name}.py").read_text()
        for name in ("scans/dicom", "scans/dicom_series", "scans/dicom_import", "scans/people", "scans/settings")
    )
    used = re.findall(r'(?:header|first)\.get\("(\w+)"|(?:header|first)\.([A-Z]\w+)|numbers\(header, "(\w+)"', code)
    names = {name for one in used for name in one if name} | set(dicom_import.ALLOWED)
    assert len(names) > 20 and names <= set(dicom.FIELDS)


def test_no_warning_quotes_a_damaged_value(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "a.dcm", body_slice(), uid="1.2.3.777888")
    path.write_bytes(
        path.read_bytes().replace(b"1.2.3.777888\0", b"1.2.3.77788..").replace(b"1.2.3.777888", b"1.2.3.77788.")
    )
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        find_series(tmp_path)
    assert b"1.2.3.77788." in path.read_bytes()
    assert [str(one.message) for one in said] == []
