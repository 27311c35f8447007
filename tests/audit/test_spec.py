"""covidlib.audit for any two-class paper: a description is read, checked, changed and judged by a second package."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from covidlib.audit import second_opinion, spec_report
from covidlib.audit.exact_numbers import show_number
from covidlib.audit.spec_checks import audit_spec, new_disagreements
from covidlib.audit.spec_file import Spec, examples, read_spec
from covidlib.audit.spec_matrix import Matrix, Printed, complete, fitting
from covidlib.cli.main import main
from covidlib.errors import InputError

NOT_INSTALLED = "mlscorecheck is not installed: pip install 'covidlib[second-opinion]'"
SMALL = """
paper: {title: Made up}
tables:
  results:
    columns: {Fold: row, Net: row, found: tp, missed: fn, alarms: fp, cleared: tn, acc: accuracy, sens: sensitivity}
    average: mean
    rows: |
      1, a, 8, 2, 1, 9, 0.85, 0.8
      2, a, 9, 1, 2, 18, 0.90, 0.9
      mean, a, 8.5, 1.5, 1.5, 13.5, 0.88, 0.85
  times:
    columns: {Scan: row, slices: number, seconds: number}
    rows: |
      x, 10, 1.5
      y, 20, 1.7
sizes:
  - {table: results, row: "1", positives: 10, negatives: 10}
ties:
  - what: infected of both folds
    left: [results/1 a/found, results/1 a/missed]
    right: [results/2 a/found, results/2 a/missed]
increasing:
  - {table: times, columns: [slices, seconds]}
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return path


def other(spec: Spec, id: str, text: str) -> set[str]:
    checks = audit_spec(spec.replaced(replace(spec.cell(id), text=text)))
    return {check.id for check in new_disagreements(checks)}


def test_a_consistent_paper_agrees_and_each_kind_of_change_is_found(small: Path) -> None:
    spec = read_spec(small)
    checks = {check.id: check for check in audit_spec(spec)}
    assert new_disagreements(list(checks.values())) == []
    assert checks["results/1-a/acc/row"].verdict == "agrees"
    # The mean of 0.85 and 27/30 is 0.875, printed 0.88; all counts together would give 44/50.
    assert (
        checks["results/mean-a/acc/mean"].verdict == "rounds" and "fits too" in checks["results/mean-a/acc/mean"].rule
    )
    assert other(spec, "results/2 a/acc", "0.91") == {"results/2-a/acc/row"}
    assert other(spec, "results/mean a/missed", "1.4") == {"results/mean-a/missed/mean"}
    assert "ties/infected-of-both-folds" in other(spec, "results/2 a/missed", "2")
    assert "results/1-a/positives/size" in other(spec, "results/1 a/missed", "3")
    assert other(spec, "times/y/seconds", "1.5") == {"times/y/seconds/grows"}


def test_missing_counts_are_computed_from_others_and_a_second_copy_is_compared(tmp_path: Path) -> None:
    path = tmp_path / "parts.yaml"
    path.write_text(
        "tables:\n  t:\n    columns: {n: row, r: right, N: total, tp: tp, P: positives, again: tp, sens: sensitivity}\n"
        "    rows: |\n      a, 15, 20, 8, 10, 8, 0.8\n"
    )
    spec = read_spec(path)
    assert new_disagreements(audit_spec(spec)) == []
    assert other(spec, "t/a/again", "7") == {"t/a/again/row"}
    assert other(spec, "t/a/tp", "7") >= {"t/a/again/row", "t/a/sens/row"}


def test_a_matrix_is_completed_from_any_four_independent_counts() -> None:
    matrix = Matrix(*(Fraction(n) for n in (8, 2, 1, 9)))
    known = {"total": 20, "positives": 10, "right": 17, "tp": 8}
    assert complete({name: Fraction(n) for name, n in known.items()}) == (matrix, set(known))
    # Three of these four are independent: the total is the sum of both classes.
    known = {"total": 20, "positives": 10, "negatives": 10, "tp": 8}
    assert complete({name: Fraction(n) for name, n in known.items()}) == (None, set())


def test_rates_without_counts_are_searched() -> None:
    rates = {"sensitivity": Printed(Fraction("0.94"), 2), "accuracy": Printed(Fraction("0.97"), 2)}
    assert list(fitting(rates, {"positives": 20, "negatives": 20})) == []  # 0.94 of 20 cannot be
    (one,) = fitting({**rates, "sensitivity": Printed(Fraction("0.95"), 2)}, {"positives": 20, "negatives": 13})
    assert one == Matrix(*(Fraction(n) for n in (19, 1, 0, 13)))
    assert list(fitting({"ppv": Printed(Fraction(0), 0)}, {"positives": 1, "negatives": 0})) == []  # 0 ÷ 0 is no rate
    with pytest.raises(ValueError, match="possible counts"):
        list(fitting({}, {"positives": 3000, "negatives": 3000}))
    with pytest.raises(ValueError, match="not given"):
        list(fitting(rates, {}))


def test_cut_digits_fit_only_where_the_description_says_so() -> None:
    exact = Fraction(18, 19)  # 0.9473684…
    assert not Printed(Fraction("0.9473"), 4).fits(exact) and Printed(Fraction("0.9473"), 4, cut=True).fits(exact)
    assert Printed(Fraction("0.9474"), 4, cut=True).fits(exact)
    assert not Printed(Fraction("0.9472"), 4, cut=True).fits(exact)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("tables:", "tabels:", "has no tables"),
        ("paper:", "papers:", "unknown key 'papers'"),
        ("found: tp", "found: hits", "table results, column found: unknown quantity 'hits'"),
        ("1, a, 8, 2", "1, a, 8", "7 cells, expected 8"),
        ("1, a, 8, 2", "1, a, x, 2", "table results, row 1 a, column found: 'x' is not a printed number"),
        ("2, a, 9", "1, a, 9", "two rows"),
        ("paper: {", "paper: {{", "is not YAML"),
    ],
)
def test_a_wrong_description_is_named(small: Path, old: str, new: str, told: str) -> None:
    small.write_text(SMALL.replace(old, new, 1))
    with pytest.raises(InputError) as raised:
        read_spec(small)
    assert told in str(raised.value) and raised.value.where == small


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("results/1 a/found, results", "results/9 a/found, results", "names no number of the tables"),
        ("left: [results/1 a/found, results/1 a/missed]", "left: []", "no list of numbers"),
        ("right: [", "relation: '~'\n    right: [", "unknown relation '~'"),
        ("{table: times, columns", "{table: time, columns", "is no table"),
    ],
)
def test_a_tie_to_nothing_is_named(small: Path, old: str, new: str, told: str) -> None:
    small.write_text(SMALL.replace(old, new, 1))
    with pytest.raises(InputError, match=told):
        audit_spec(read_spec(small))


# This paper and the examples ------------------------------------------------------------------------------------------


def test_this_paper_and_three_examples_have_only_what_is_described() -> None:
    assert set(examples()) == {"rahimzadeh2021", "besutti2020", "idp2020", "nasiri2022"}
    for name in examples():
        spec = read_spec(name)
        checks = audit_spec(spec, explain=False)
        assert new_disagreements(checks) == [], name
        assert {check.id for check in checks if check.known} == set(spec.known), name
        assert len({check.id for check in checks}) == len(checks), name
        for check in checks:
            assert not check.known or (check.grade and len(check.explanation) > 30)
        assert spec.paper["cite"] and spec.paper["tables"]


def test_what_the_examples_show() -> None:
    by_id = {check.id: check for check in audit_spec(read_spec("idp2020"))}
    assert show_number(Fraction(151 + 82)) == by_id["table-3/wbc-below-9-5/right/row"].recomputed == "233"
    found = {check.id: check for check in audit_spec(read_spec("nasiri2022"))}
    assert "without specificity" in found["table-1-earlier/nasiri-and-hasani-4/together/search"].rule
    repaired = other(read_spec("nasiri2022"), "table-1-earlier/Nasiri and Hasani 4/Specificity", "98.9")
    assert repaired == set()
    tables = read_spec("nasiri2022").tables["table-1"].rows
    ozturk = [cells for row, cells in tables.items() if row.startswith("Ozturk") and "Average" not in row]
    assert all(cells["Recall"].text == cells["Specificity"].text for cells in ozturk)
    assert found["over-folds/table-1/proposed/positives"].verdict == "agrees"


def test_the_stored_detection_rates_are_those_of_the_small_examples() -> None:
    stored = spec_report.stored_rates()
    assert set(stored) == set(examples())
    for name in ("besutti2020", "idp2020"):
        assert spec_report.detection_rates(read_spec(name)) == stored[name]
    assert str(spec_report.Detected(1, 3)) == "33.3% (1 of 3)" and str(spec_report.Detected(0, 0)) == "none are printed"


@pytest.mark.slow
def test_of_ours_at_least_98_percent_of_changed_counts_are_found() -> None:
    stored = spec_report.stored_rates()
    for name in ("rahimzadeh2021", "nasiri2022"):
        assert spec_report.detection_rates(read_spec(name)) == stored[name]
    for kind in ("counts", "averages of counts", "rates"):
        found, changes = stored["rahimzadeh2021"][kind]
        assert found >= 0.98 * changes > 0, kind


# The second opinion ---------------------------------------------------------------------------------------------------


def test_the_stored_second_opinion_is_on_every_description() -> None:
    stored = second_opinion.stored_opinions()
    assert set(stored) == set(examples())
    assert stored["rahimzadeh2021"]["consistent"] == 15 + 3 and stored["rahimzadeh2021"]["inconsistent"] == []
    assert stored["idp2020"]["inconsistent"] == ["table-3, WBC below 9.5"]
    assert len({opinion["version"] for opinion in stored.values()}) == 1


@pytest.mark.skipif(not second_opinion.available(), reason=NOT_INSTALLED)
def test_the_second_opinion_is_as_stored() -> None:
    for name in ("besutti2020", "idp2020", "rahimzadeh2021"):
        assert second_opinion.opinion(read_spec(name)) == second_opinion.stored_opinions()[name]


def test_without_the_package_the_command_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(second_opinion, "available", lambda: False)
    assert main(["audit", "--spec", "idp2020", "--second-opinion"]) == 2
    assert "pip install 'covidlib[second-opinion]'" in capsys.readouterr().err


# The command ----------------------------------------------------------------------------------------------------------


def test_the_command_prints_what_was_found_and_how_much_would_be(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--spec", "idp2020", "--mutations"]) == 0
    printed = capsys.readouterr().out
    for told in ("doi:10.1186/s40249-020-00737-9", "new disagreements: 0", "what was found before: 2",
                 "printed 193, recomputed 233 (contradicts)", "inconsistent: table-3, WBC below 9.5",
                 "mlscorecheck 1.0.3: 3 of 4 rows", "counts               100.0% (80 of 80)"):  # fmt: skip
        assert told in printed, told


def test_a_new_disagreement_ends_with_1_and_json_has_all(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--spec", str(small)]) == 0
    small.write_text(SMALL.replace("0.90, 0.9", "0.90, 0.8"))
    capsys.readouterr()
    assert main(["audit", "--spec", str(small), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert [check["id"] for check in told["checks"] if check["verdict"] == "disagrees"] == ["results/2-a/sens/row"]
    assert list(told) == ["paper", "checks", "second_opinion", "mutations"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--spec", "nowhere.yaml"], "nowhere.yaml"),
        (["--spec", "idp2020", "--html", "x.html"], "--html: cannot be used with --spec"),
        (["--mutations"], "--mutations: needs --spec"),
    ],
)
def test_bad_options_end_with_2_and_one_line(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", *words]) == 2
    said = capsys.readouterr()
    assert told in said.err and said.err.count("\n") == 1
