"""Strange machines and bad days: terminals, locales, memory, disks, homes, paths; a clear line or a right answer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import tifffile
from support.dicom_files import write_dicom
from support.made import OPEN, ROOT, body_slice, write_series

from covidlib.cli import main
from covidlib.errors import InputError
from covidlib.scans.slices import read_slice

LIMITED = "import resource, sys; resource.setrlimit(resource.{limit}, ({size}, {size})); "
RUN = "from covidlib.cli.main import main; sys.exit(main(sys.argv[1:]))"


def run(*command: str, code: str = f"import sys; {RUN}", **environment: str | None) -> subprocess.CompletedProcess[str]:
    """One command of covidlib in a process of its own; a variable that is None is taken away."""
    merged = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUTF8": None} | environment
    kept = {name: value for name, value in merged.items() if value is not None}
    return subprocess.run(
        [sys.executable, "-c", code, *command], env=kept, capture_output=True, text=True, encoding="utf-8",
        errors="replace",
    )  # fmt: skip


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
@pytest.mark.parametrize("command", [["audit"], ["audit", "--json"]])
def test_a_terminal_that_lacks_signs(encoding: str, command: list[str]) -> None:
    done = run(*command, PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr and len(done.stdout) > 1000


def test_other_locales_write_the_same_numbers(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "SR_2", [10, OPEN, OPEN])
    usual = run("select", str(folder))
    assert usual.returncode == 0 and usual.stdout
    for locale in ("de_DE.UTF-8", "C", "tr_TR.UTF-8"):
        other = run("select", str(folder), LC_ALL=locale, LANG=locale)
        assert (other.returncode, other.stdout) == (0, usual.stdout), locale


def test_names_with_blanks_quotes_newlines_and_signs(tmp_path: Path) -> None:
    for name in ("two words", 'it\'s "quoted"', "line\nbreak", "лёгкие 肺 🫁", "-rf", "a" * 200, "$HOME `ls`"):
        folder = tmp_path / name
        write_series(folder, [10, OPEN, OPEN])
        done = run("select", str(folder))
        assert done.returncode == 0 and "2: IM00002.tif IM00003.tif" in done.stdout, (name, done.stderr)


def test_without_a_home_or_with_a_read_only_one(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "SR_2", [10, OPEN, OPEN])
    done = run("select", str(folder), HOME=None, COVIDLIB_HOME=None)
    assert done.returncode == 0, done.stderr
    blocked = tmp_path / "file"
    blocked.write_text("no folder can be made below a file")
    drawn = run("phantom", str(blocked / "cohort"), "--patients", "2")
    assert drawn.returncode == 2 and "Traceback" not in drawn.stderr and str(blocked) in drawn.stderr


def test_little_memory_ends_in_words(tmp_path: Path) -> None:
    folder = write_series(tmp_path / "SR_2", [10, OPEN, OPEN])
    # All that Python and its libraries need, but no room for a large slice.
    tifffile.imwrite(tmp_path / "SR_2" / "IM00004.tif", shape=(8000, 8000), dtype="uint16", photometric="minisblack")
    code = LIMITED.format(limit="RLIMIT_DATA", size=180_000_000) + RUN
    done = run("select", str(folder), code=code, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    assert "IM00004.tif" in done.stderr or "memory" in done.stderr


def test_a_file_that_may_not_grow_ends_in_words_and_leaves_nothing(tmp_path: Path) -> None:
    """A limit on the size of files stands for a full disk: the same error, without a disk to fill."""
    code = "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    code += LIMITED.format(limit="RLIMIT_FSIZE", size=300_000) + RUN
    done = run("phantom", str(tmp_path / "cohort"), "--patients", "2", code=code)
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    assert not (tmp_path / "cohort").exists()


@pytest.mark.parametrize("error", [MemoryError(), OSError(28, "No space left on device", "/some/file"), OSError(5, "")])
def test_what_nobody_expected_ends_in_one_line(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def fail(arguments: object) -> None:
        raise error

    monkeypatch.setattr(main, "_select", fail)
    assert main.main(["select", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("covidlib: ") and said.count("\n") == 1


def test_control_c_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def interrupted(arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(main, "_select", interrupted)
    assert main.main(["select", str(tmp_path)]) == 130
    assert capsys.readouterr().err == "covidlib: stopped\n"


def test_huge_dimensions_in_a_tiny_file_are_refused_before_memory_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "IM00001.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(
            iter([b""]), shape=(40_000, 40_000), dtype="uint16", compression="zlib", photometric="minisblack",
            rowsperstrip=40_000,
        )  # fmt: skip
    assert path.stat().st_size < 2000
    with pytest.raises(InputError, match=r"IM00001\.tif: the header announces 40000×40000 pixels"):
        read_slice(path)


def test_huge_dimensions_in_a_small_dicom_file_are_refused_too(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "1.dcm", body_slice()[:64, :64], Rows=65_000, Columns=65_000)
    with pytest.raises(InputError, match=r"1\.dcm: the header announces 65000×65000 pixels"):
        read_slice(path)
