"""The commands that pages show: found in their fenced blocks, and given to the programs' own parsers, not run."""

from __future__ import annotations

import argparse
import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELLS = ("sh", "bash", "console", "")
ASSIGNMENT = re.compile(r"\w+=\S*")


class Parsed(Exception):
    """Raised in the place of running a command whose words were understood."""


def commands_in(text: str) -> Iterator[list[str]]:
    """The words of each command in the blocks of a Markdown page, without comments and variables before it."""
    # Every block is matched, to its end: the end of one must not pass for the beginning of another.
    for block in (block for language, block in FENCE.findall(text) if language.strip() in SHELLS):
        for line in block.replace("\\\n", " ").splitlines():
            # A variable of the shell stands for a number or a folder: 1 can be both.
            words = shlex.split(re.sub(r"\$\w+", "1", line.removeprefix("!")), comments=True)
            for command in _split(words):
                while command and ASSIGNMENT.fullmatch(command[0]):
                    command = command[1:]
                if command:
                    yield command
                # What a scheduler is given to run, `sbatch … --wrap 'covidlib train …'`, is a command too.
                if command and "--wrap" in command:
                    yield shlex.split(command[command.index("--wrap") + 1])


def _split(words: list[str]) -> Iterator[list[str]]:
    start = 0
    for end, word in enumerate([*words, "&&"]):
        if word in {"&&", ";", "|", "||"}:
            yield words[start:end]
            start = end + 1


def problem_of(command: list[str], root: Path, monkeypatch: pytest.MonkeyPatch) -> str | None:
    """What is wrong with a command of this project; None if nothing is, or if it is another program's."""
    match command:
        case ["covidlib", *words]:
            return _refused("covidlib.cli.main", words, monkeypatch)
        case ["python" | "python3", "-m", module, *words] if module.startswith("covidlib"):
            return _refused(module, words, monkeypatch)
        case ["python" | "python3", "book/_ext", tool, *words]:
            name = {"pdf": "print_pdf"}.get(tool, tool)
            return _refused(f"booktools.{name}", words, monkeypatch)
        case ["python" | "python3", script, *_] if script.endswith(".py"):
            return None if (root / script).is_file() else f"there is no {script}"
        case ["make", *targets]:
            known = re.findall(r"^([a-z]+):", (root / "Makefile").read_text(), re.MULTILINE)
            unknown = [one for one in targets if one not in known and not ASSIGNMENT.fullmatch(one)]
            return f"make knows no {unknown}" if unknown else None
        case ["pytest", *words]:
            missing = [one for one in words if "/" in one and not list(root.glob(one.partition("::")[0]))]
            return f"there is no {missing}" if missing else None
        case ["pip", *words]:
            extras = re.findall(r"(?:\.|covidlib)\[(\w+)\]", " ".join(words))
            known = re.findall(r"^(\w+) = \[", (root / "pyproject.toml").read_text(), re.MULTILINE)
            unknown = [one for one in extras if one not in known]
            return f"there is no extra {unknown}" if unknown else None
    return None


def _refused(module: str, words: list[str], monkeypatch: pytest.MonkeyPatch) -> str | None:
    real = argparse.ArgumentParser.parse_args

    def parse_and_stop(self: argparse.ArgumentParser, args: list[str] | None = None) -> None:  # type: ignore[override]
        real(self, args)
        raise Parsed

    def refuse(self: argparse.ArgumentParser, message: str) -> None:
        raise ValueError(message)

    with monkeypatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", parse_and_stop)
        patch.setattr(argparse.ArgumentParser, "error", refuse)
        try:
            importlib.import_module(module).main(words)
        except Parsed:
            return None
        except (ImportError, AttributeError, ValueError) as error:
            return f"{module}: {error}"
    return f"{module} has no parser"
