"""booktools.address: one address of the repository, everywhere, and another one for a fork of any owner and name."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from booktools import address
from support.made import NOTEBOOKS, ROOT

from covidlib.errors import InputError

OLD = "https://github.com/covidlib/covidlib"


def test_every_mention_of_the_repository_is_the_one_in_pyproject() -> None:
    assert address.other_mentions(ROOT) == []
    stating = [path for path in address.pages(ROOT) if address.stated(ROOT) in path.read_text(encoding="utf-8")]
    assert {ROOT / name for name in ("_config.yml", "CITATION.cff", "README.md")} | set(NOTEBOOKS) <= set(stating)


@pytest.mark.parametrize("url", ["https://github.com/Some-One/ct.course", "https://github.com/x/covidlib-2027.git/"])
def test_a_fork_of_any_owner_and_name_gets_its_address_everywhere(tmp_path: Path, url: str) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    for path in address.pages(ROOT):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    before = address.stated(tmp_path)
    changed = address.rewrite(url, tmp_path)
    assert address.stated(tmp_path) == address.checked(url) != before
    assert address.other_mentions(tmp_path) == [] and len(changed) > 12
    old = before.removeprefix(address.GITHUB)
    text = "".join(path.read_text(encoding="utf-8") for path in address.pages(tmp_path))
    assert f"{before} " not in text and f"/github/{old}/blob" not in text
    assert f"git clone {address.checked(url)} && cd {address.checked(url).rpartition('/')[2]}\n" in text
    # And back: nothing was lost on the way.
    address.rewrite(before, tmp_path)
    for path in address.pages(ROOT):
        assert (tmp_path / path.relative_to(ROOT)).read_bytes() == path.read_bytes(), path.name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"git clone {OLD} && cd covidlib", "git clone https://github.com/a/b && cd b"),
        (f"[dicom] @ git+{OLD}\"'", "[dicom] @ git+https://github.com/a/b\"'"),
        ("https://colab.research.google.com/github/covidlib/covidlib/blob/main/x", None),
        (f"{OLD}-extra and {OLD}.", f"{OLD}-extra and https://github.com/a/b."),
        ("https://github.com/mr7495/COVID-CTset", "https://github.com/mr7495/COVID-CTset"),
    ],
)
def test_forms_of_a_mention(text: str, expected: str | None) -> None:
    expected = expected or "https://colab.research.google.com/github/a/b/blob/main/x"
    assert address.rewritten(text, OLD, "https://github.com/a/b") == expected


@pytest.mark.parametrize(
    "url", ["", "covidlib", "https://gitlab.com/a/b", "https://github.com/a", "https://github.com/a/b/c"]
)
def test_what_colab_could_not_open_is_refused(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="is not the address of a GitHub repository"):
        address.checked(url)
    assert address.main([url]) == 2 and "OWNER/NAME" in capsys.readouterr().err


def test_a_mention_of_another_address_is_noticed(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "pyproject.toml").write_text(f'[project.urls]\nRepository = "{OLD}"\n')
    (tmp_path / "README.md").write_text("git clone https://github.com/other/covidlib && cd covidlib\n")
    assert address.other_mentions(tmp_path) == ["README.md: git clone https://github.com/other/covidlib"]
