"""Compute the stored numbers of all claims again: `python -m covidlib.claimsupdate`.

Recomputed numbers come from the printed counts, the bands of our own numbers from the seeds' runs
(`covidlib.bands`). Taught in chapter 08.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from covidlib.claims import STORED, Claim, load, recompute
from covidlib.wholefiles import write_text


def write(ours: Mapping[str, Any], claims: Sequence[Claim], path: Path) -> None:
    """Write all claims; fields that say nothing are left out. The file appears whole or not at all."""
    entries = [
        {key: value for key, value in vars(claim).items() if value not in (None, "", ()) and value != []}
        for claim in claims
    ]
    write_text(path, json.dumps({"ours": ours, "claims": entries}, indent=1, ensure_ascii=False) + "\n")


def main() -> None:
    """Compute the stored numbers anew: recomputed ones from the printed counts, bands from the seeds' runs."""
    from dataclasses import replace

    from covidlib import bands

    path = Path(str(files("covidlib") / "data" / STORED))
    _, claims = load(path)
    claims = [replace(claim, recomputed=recompute(claim)) for claim in claims]
    ours, claims = bands.measure(claims)
    write(ours, claims, path)
    print(path)


if __name__ == "__main__":
    main()
