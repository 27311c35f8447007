"""covidlib.audit.report and `covidlib audit`: text, JSON, exit codes, and a page that filters without a network."""

from __future__ import annotations

import json
import shutil
from importlib.resources import files
from pathlib import Path

import pytest
from support.browser import open_page

from covidlib.audit import report as page
from covidlib.audit.all_checks import (
    audit_paper,
    constraints,
    counts_by_verdict,
    disagreements,
    known_disagreements,
)
from covidlib.audit.check import GRADES, Check
from covidlib.cli.main import main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    target = tmp_path / "tables"
    shutil.copytree(str(files("covidlib") / "data" / "paper"), target)
    return target


def test_the_untouched_paper_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit"]) == 0
    printed = capsys.readouterr().out
    counts = counts_by_verdict(audit_paper())
    assert f"disagrees   {counts['disagrees']:>4}" in printed
    assert f"constraints  {len(constraints(audit_paper()))}  {len(audit_paper())} checks" in printed
    assert "contradicts " in printed and "imprecise " in printed and "new disagreements: 0" in printed
    assert f"known disagreements: {len(known_disagreements())}\n" in printed
    assert "Table 1: COVID-19 images: printed 15,589, recomputed 15,590 (typo)" in printed


def test_json_has_the_agreed_form(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert list(report) == ["checks"] and len(report["checks"]) == len(audit_paper())
    for check in report["checks"]:
        assert list(check)[:7] == ["id", "where", "printed", "recomputed", "rule", "verdict", "known"]
        assert list(check)[9:] == ["kind", "grade", "follows"]
        assert check["verdict"] in ("agrees", "rounds", "disagrees", "unchecked")
        assert all(isinstance(value, str) for key, value in check.items() if key not in ("known", "follows"))
        assert check["recomputed"] if check["verdict"] != "unchecked" else check["rule"]
    assert sum(check["known"] for check in report["checks"]) == len(known_disagreements())


def test_a_changed_table_ends_with_1_and_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--tables", str(folder)]) == 0
    capsys.readouterr()
    path = folder / "table6.csv"
    path.write_text(path.read_text().replace("238,17,17,1,221,16", "239,17,17,1,221,16"))
    assert main(["audit", "--tables", str(folder)]) == 1
    printed = capsys.readouterr().out
    assert "Table 6, fold 1, Xception: Correct identified patients: printed 239, recomputed 238" in printed
    assert printed.index("new disagreements") < printed.index("known disagreements")


def test_a_corrected_table_is_told_and_ends_with_0(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "table2.csv"
    path.write_text(path.read_text().replace("1921", "1991"))
    assert main(["audit", "--tables", str(folder)]) == 0
    assert "known disagreements of the paper that are not here: 2" in capsys.readouterr().out


def test_bad_input_ends_with_2_and_one_line(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "table9.csv").unlink()
    assert main(["audit", "--tables", str(folder)]) == 2
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1 and "table9.csv" in said.err
    assert main(["audit", "--html", str(tmp_path / "nowhere" / "page.html")]) == 2
    assert "nowhere: there is no such folder" in capsys.readouterr().err
    assert main(["audit", "--html", str(tmp_path)]) == 2
    assert list(tmp_path.parent.glob(".*.part")) == []


def test_disagreements_with_one_explanation_stand_together() -> None:
    checks = audit_paper()
    groups = page.by_explanation(checks)
    assert sum(map(len, groups)) == len(known_disagreements()) and len(groups) < len(known_disagreements())
    assert ["Table 2, fold 5: train Normal images"] * 2 in [[check.where for check in group] for group in groups]
    told = page.findings(checks)
    assert told.count("<li>") == len(groups) and told.count("How we know:") == len(groups)
    assert told.count("Corrected:") == len(groups) and "<i>Corrected:</i> 1991<" in told
    assert "<i>Corrected:</i> 48,260; 15,589<" in told
    grades = [each.split("<b>")[1].split(":")[0] for each in told.split("</p><p>")[1:]]
    assert grades == sorted(grades, key=list(GRADES).index) and set(grades) == set(GRADES)
    nasty = Check("x", "<b>", "<b>", "&", "", "disagrees", True, "<script>", "<i>")
    assert "<script>" not in page.findings([nasty]) and "&lt;b&gt;" in page.findings([nasty])


def test_everything_is_escaped() -> None:
    nasty = Check("x</script>", "Table 1: <b>", '"><script>alert(1)</script>', "&", "<i>", "disagrees")
    made = page.to_html([nasty])
    assert "<script>alert" not in made and "<b>" not in made.split("<tbody>")[1].split("</tbody>")[0]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in made and 'id="x&lt;/script&gt;"' in made


def test_a_row_tells_known_from_new_and_shows_its_sign() -> None:
    known = Check(
        "a", "Table 1: <x>", "1", "2", "why", "disagrees", True, "It <b> differs.", "We counted.", grade="typo"
    )
    checks = [known, Check("b", "Table 2: y", "1", "2", "why", "disagrees"), Check("c", "z", "1", "1", "why", "agrees")]
    made = page.checks_fragment(checks, verdict="disagrees")
    for told in ("≠ disagrees, typo</td>", "≠ disagrees, new</td>", "= agrees</td>"):
        assert made.count(told) == 1
    assert "<p>It &lt;b&gt; differs. <i>We counted.</i></p>" in made
    assert '<option value="disagrees" selected>≠ disagrees (2)</option>' in made and made.count(" selected>") == 1
    assert "<option>Table 1</option><option>Table 2</option><option>z</option>" in made
    assert "<option>&lt;x&gt;</option>" in page.checks_fragment([Check("d", "<x>", "1", "1", "", "agrees")])


def test_the_text_explains_what_is_known_gives_the_rule_of_what_is_new_and_names_what_is_gone() -> None:
    known = Check("a", "Table 1: x", "1", "2", "a rule", "disagrees", True, "An explanation.", "We counted.")
    lines = page.to_text([known, Check("b", "Table 2: y", "3", "4", "another rule", "disagrees")]).splitlines()
    assert lines[lines.index("new disagreements: 1") + 1 :][:2] == [
        "  Table 2: y: printed 3, recomputed 4", "    another rule",
    ]  # fmt: skip
    assert lines[lines.index("known disagreements: 1") + 1 :][:2] == [
        "  Table 1: x: printed 1, recomputed 2", "    An explanation.",
    ]  # fmt: skip
    assert {line.strip() for line in lines} >= set(known_disagreements())


def test_findings_name_places_and_values_of_a_group() -> None:
    one = Check("a", "Table 1: x", "1", "2", "", "disagrees", True, "Why.", "We <i>counted.")
    other = Check("b", "Table 2: y", "3", "4", "", "disagrees", True, "Why.", "We <i>counted.")
    told = page.findings([one, other])
    assert "<b>Table 1: x; Table 2: y</b><br>printed 1, recomputed 2; printed 3, recomputed 4</p>" in told
    assert "<i>How we know:</i> We &lt;i&gt;counted.</p>" in told


def test_the_page_filters_offline(tmp_path: Path) -> None:
    path = tmp_path / "audit.html"
    assert main(["audit", "--html", str(path)]) == 0
    assert "http://" not in path.read_text() and "https://" not in path.read_text()
    checks = audit_paper()
    with open_page() as tab:
        errors: list[str] = []
        tab.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.goto(path.as_uri())
        count, rows = tab.locator(".count"), tab.locator(".audit tbody tr:visible")
        assert count.inner_text() == f"{len(constraints(checks))} of {len(checks)} checks"
        tab.get_by_label("with those that follow").check()
        assert count.inner_text() == f"{len(checks)} of {len(checks)} checks"
        tab.get_by_label("Verdict").select_option("disagrees")
        known = disagreements(checks, known=True)
        assert rows.count() == len(known) and count.inner_text().startswith(f"{len(known)} of")
        assert known[0].explanation in rows.first.inner_text()
        tab.get_by_label("Place").select_option("Table 2")
        assert rows.count() == sum(check.where.startswith("Table 2") for check in known)
        tab.get_by_label("Words in the check").fill("public FOLD lists")
        assert rows.count() == 1
        tab.locator(".marked summary").filter(has_text="Section 2.2").click()
        assert "2000" in tab.locator("#said-s2-2-example-threshold").inner_text()
        tab.locator('button[type="reset"]').focus()
        tab.keyboard.press("Shift+Tab")
        # By keyboard: the button, then the scrolling table.
        tab.keyboard.press("Tab")
        tab.keyboard.press("Enter")
        assert rows.count() == len(constraints(checks)) and tab.get_by_label("Verdict").input_value() == ""
        tab.keyboard.press("Tab")
        assert tab.evaluate("document.activeElement.className") == "rows"
        tab.keyboard.press("PageDown")
        tab.wait_for_function("document.activeElement.scrollTop > 0")
        assert errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone_and_reads_in_light_and_dark(tmp_path: Path, scheme: str) -> None:
    path = tmp_path / "audit.html"
    page.write_html(audit_paper(), path)
    with open_page(width=390, height=800) as tab:
        tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        tab.goto(path.as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390
        tab.evaluate("document.querySelectorAll('.marked details').forEach(part => { part.open = true; })")
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390
        assert tab.locator(".rows").evaluate("box => box.scrollWidth <= box.clientWidth")
        assert (
            not tab.locator(".audit thead").is_visible()
            and tab.locator("tbody td.rule").first.bounding_box()["width"] > 300
        )  # type: ignore[index]
        ground, ink = tab.evaluate(
            "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
        )
        assert ink == ("rgb(0, 0, 0)" if scheme == "light" else "rgb(255, 255, 255)"), (ground, ink)
