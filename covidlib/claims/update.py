"""Recompute the stored numbers of all claims: `python -m covidlib.claims.update`.

Recomputed numbers come from the printed counts, the bands of our numbers from the runs of all seeds
(`covidlib.claims.seed_bands`). Taught in chapter 08.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from covidlib.claims import seed_bands
from covidlib.claims.claims import STORED, Claim, load_claims, recompute
from covidlib.utils.files import write_text


def write(ours: Mapping[str, Any], claims: Sequence[Claim], path: Path) -> None:
    """Write all claims; empty fields are left out. The file is written completely or not at all."""
    entries = [
        {key: value for key, value in vars(claim).items() if value not in (None, "", ()) and value != []}
        for claim in claims
    ]
    write_text(path, json.dumps({"ours": ours, "claims": entries}, indent=1, ensure_ascii=False) + "\n")


def main() -> None:
    """Compute the stored numbers anew: recomputed ones from the printed counts, bands from the seeds' runs."""
    path = Path(str(files("covidlib") / "data" / STORED))
    _, claims = load_claims(path)
    claims = [replace(claim, recomputed=recompute(claim)) for claim in claims]
    ours, claims = seed_bands.measure(claims)
    write(ours, claims, path)
    print(path)


if __name__ == "__main__":
    main()
