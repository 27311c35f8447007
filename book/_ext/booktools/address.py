"""The address of the repository: stated in `pyproject.toml`, written out in many places, rewritten for a fork.

On the command line: `python book/_ext address https://github.com/OWNER/NAME`, or `make address URL=…`.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from covidlib.errors import InputError
from covidlib.utils.files import write_text

ROOT = Path(__file__).parents[3]
GITHUB = "https://github.com/"
SUFFIXES = {".cff", ".ipynb", ".md", ".toml", ".yml"}
MENTION = re.compile(
    r"git clone (?P<clone>https://\S+)"
    r"|git\+(?P<pip>https://[^\s\"'\\]+)"
    r"|colab\.research\.google\.com/github/(?P<colab>[\w.-]+/[\w.-]+)/blob"
    r"|repository-code: (?P<citation>\S+)"
    r"|^  url: (?P<config>https://\S+)"
    r'|^Repository = "(?P<project>[^"]+)"',
    re.MULTILINE,
)
"""The places in which an address is this repository's: commands to clone and install, links to Colab, metadata."""


def stated(root: Path = ROOT) -> str:
    """The address in `pyproject.toml`, which all mentions repeat."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]


def checked(url: str) -> str:
    """An address as it is written everywhere: without a slash or `.git` at the end.

    Raises
    ------
    InputError
        If it is not a repository on GitHub: Colab opens notebooks from nowhere else.
    """
    plain = url.strip().removesuffix("/").removesuffix(".git")
    if not re.fullmatch(rf"{re.escape(GITHUB)}[\w-]+/[\w.-]+", plain):
        raise InputError(url, "is not the address of a GitHub repository", f"Write it as {GITHUB}OWNER/NAME")
    return plain


def rewritten(text: str, old: str, new: str) -> str:
    """A text with the new address in place of the old one, in all the forms of `MENTION`."""
    (old_path, new_path) = (address.removeprefix(GITHUB) for address in (old, new))
    (old_name, new_name) = (address.rpartition("/")[2] for address in (old, new))
    text = re.sub(rf"{re.escape(old)} && cd {re.escape(old_name)}\b", lambda _: f"{new} && cd {new_name}", text)
    text = re.sub(rf"{re.escape(old)}(?![\w.-]*\w)", lambda _: new, text)
    return re.sub(rf"(?<=/github/){re.escape(old_path)}(?=/blob/)", lambda _: new_path, text)


def pages(root: Path = ROOT) -> list[Path]:
    """The files of the repository in which the address may stand; links to files are left out."""
    listed = ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split("\0")
    paths = [root / name for name in names if Path(name).suffix in SUFFIXES]
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def other_mentions(root: Path = ROOT) -> list[str]:
    """Mentions of this repository that are not the address in `pyproject.toml`, each with its file."""
    address = stated(root)
    known = {address, address.removeprefix(GITHUB)}
    return [
        f"{path.relative_to(root)}: {mention[0]}"
        for path in pages(root)
        for mention in MENTION.finditer(path.read_text(encoding="utf-8"))
        if mention[mention.lastgroup or 0] not in known
    ]


def rewrite(url: str, root: Path = ROOT) -> list[Path]:
    """Write a new address wherever the present one stands; returns the files that were changed.

    Raises
    ------
    InputError
        If it is not the address of a GitHub repository.
    """
    old, new = stated(root), checked(url)
    changed = []
    for path in pages(root):
        text = path.read_text(encoding="utf-8")
        if (mended := rewritten(text, old, new)) != text:
            write_text(path, mended)
            changed.append(path)
    return changed


def main(argv: list[str] | None = None) -> int:
    """`python book/_ext address URL`; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python book/_ext address", description="Set the repository's address.")
    parser.add_argument("url", help=f"{GITHUB}OWNER/NAME")
    arguments = parser.parse_args(argv)
    try:
        changed = rewrite(arguments.url)
    except InputError as error:
        print(f"covidlib: {error}", file=sys.stderr)
        return 2
    print(f"{len(changed)} files now name {stated()}")
    return 0
