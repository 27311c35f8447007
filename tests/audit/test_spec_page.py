"""The page on auditing another paper: its example can be read and agrees."""

from __future__ import annotations

import re
from pathlib import Path

from support.made import ROOT

from covidlib.audit.spec_checks import audit_spec
from covidlib.audit.spec_file import KEYS, OTHER, ROW, TEXT, examples, read_spec
from covidlib.audit.spec_matrix import QUANTITIES

PAGE = (ROOT / "book" / "howto" / "audit_another_paper.md").read_text(encoding="utf-8")


def test_the_example_on_the_page_agrees(tmp_path: Path) -> None:
    example, *_ = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    path = tmp_path / "page.yaml"
    path.write_text(example, encoding="utf-8")
    verdicts = [check.verdict for check in audit_spec(read_spec(path))]
    assert set(verdicts) == {"agrees"} and len(verdicts) == 2 * 2 + 6


def test_the_page_names_every_quantity_key_and_example() -> None:
    for word in (*QUANTITIES, ROW, TEXT, OTHER):
        assert f"`{word}`" in PAGE, word
    for key in KEYS:
        assert f"\n{key}:" in PAGE, key
    assert any(f"--spec {name} " in PAGE for name in examples())
