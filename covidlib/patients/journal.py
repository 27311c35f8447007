"""What a batch of patients has answered so far, on disk: one JSON line a patient, then one file with all answers.

A batch that is killed after the n-th patient finds n answers when it is started again. Taught in chapter 06.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from covidlib.errors import InputError
from covidlib.utils.files import write_text

Record = dict[str, Any]
"""One patient's answer. `patient` and `key` (a hash of all that decides the answer) are in each."""


class Journal:
    """The answers of a batch: those of an earlier start, and each new one as it comes.

    Parameters
    ----------
    json_path : path, optional
        The file that is to hold all answers. If it is there, its answers are taken up.
    report_path : path, optional
        Names the file of lines where no JSON file is wanted; without either nothing is kept.

    Attributes
    ----------
    records : dict
        Patient's name → the answer of an earlier start.

    Raises
    ------
    InputError
        If the file that is to hold the answers holds something else.
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
        """Put one answer on the disk before the next patient begins."""
        if self.lines is None:
            return
        with self.lines.open("ab") as stream:
            stream.write(json.dumps(record).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())

    def finish(self, answers: Record) -> None:
        """Write all answers into one file, if one is wanted; the lines have served."""
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
            path, "holds something else than answers of `covidlib diagnose`", "Name another file, or delete it"
        ) from error
    return records


def _parsed(line: bytes) -> Record | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if _is_record(record) else None


def _is_record(found: object) -> bool:
    return isinstance(found, dict) and all(isinstance(found.get(name), str) for name in ("patient", "key"))
