"""Store the answers of a batch on disk as they come, so that a stopped batch can resume.

The journal has one JSON line per patient; at the end, one file contains all answers. A batch that is killed after the
n-th patient finds n answers when it is started again. Taught in chapter 06.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from covidlib.errors import InputError
from covidlib.utils.files import write_text

Record = dict[str, Any]
"""One patient's answer. Each has a `patient` and a `key`, a hash of everything that decides the answer."""


class Journal:
    """The answers of a batch: those of an earlier start, and new ones as they are appended.

    Parameters
    ----------
    json_path : path, optional
        File for all answers. If it exists, its answers are read.
    report_path : path, optional
        Names the journal's file if there is no JSON file; without either, nothing is stored.

    Attributes
    ----------
    records : dict
        Patient's name → the answer of an earlier start.

    Raises
    ------
    InputError
        If the file for the answers contains something else.
    """

    def __init__(self, json_path: Path | None, report_path: Path | None) -> None:
        self.json_path = json_path
        base = json_path or report_path
        self.lines = base.with_name(f"{base.name}.partial") if base else None
        self.records: dict[str, Record] = {}
        if json_path is not None and json_path.exists():
            self.records.update({record["patient"]: record for record in _read_answers(json_path)})
        if self.lines is not None and self.lines.exists():
            kept = list(filter(None, map(_parsed, self.lines.read_bytes().splitlines())))
            self.records.update({record["patient"]: record for record in kept})
            # A kill can leave half a line, onto which the next one would be written.
            write_text(self.lines, "".join(json.dumps(record) + "\n" for record in kept))

    def append(self, record: Record) -> None:
        """Write one answer to disk before the next patient begins."""
        if self.lines is None:
            return
        with self.lines.open("ab") as stream:
            stream.write(json.dumps(record).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())

    def finish(self, answers: Record) -> None:
        """Write all answers to the JSON file, if there is one, and delete the journal."""
        if self.json_path is not None:
            write_text(self.json_path, json.dumps(answers, indent=1) + "\n")
        if self.lines is not None:
            self.lines.unlink(missing_ok=True)


def _read_answers(path: Path) -> list[Record]:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        records: list[Record] = stored["patients"]
        if not isinstance(stored["covidlib"], str) or not all(map(_is_record, records)):
            raise KeyError("key")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            path, "contains something other than answers of `covidlib diagnose`", "Choose another file, or delete it"
        ) from error
    return records


def _parsed(line: bytes) -> Record | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if _is_record(record) else None


def _is_record(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(name), str) for name in ("patient", "key"))
