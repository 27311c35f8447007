"""covidlib.startup: what TensorFlow's libraries say while they load is held back, but not if they cannot load."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})


def test_a_refusal_is_one_line_though_tensorflow_was_loaded() -> None:
    answer = run("import sys; from covidlib.cli import main; sys.exit(main(['networks', 'describe', '--side', '64']))")
    assert answer.returncode == 2
    assert answer.stderr.splitlines() == [
        "covidlib: (64, 64, 1): is too small: P4 needs maps of 3×3. Give images of at least 96×96 pixels."
    ]


@pytest.mark.parametrize("ending", ["", "raise OSError('no library')"])
def test_lines_of_the_libraries_are_shown_only_if_loading_fails(tmp_path: Path, ending: str) -> None:
    # In TensorFlow's place a module that writes past Python, as its libraries do.
    (tmp_path / "tensorflow.py").write_text(f"import os\nos.write(2, b'chatter of a library\\n')\n{ending}\n")
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    code = "import os; from covidlib.startup import load_tensorflow; load_tensorflow(); os.write(2, b'after')"
    answer = run(code, PYTHONPATH=path)
    if ending:
        assert answer.returncode == 1
        assert answer.stderr.startswith("chatter of a library\n") and "OSError: no library" in answer.stderr
    else:
        assert (answer.returncode, answer.stderr) == (0, "after")
