"""Renderings of findings: places, ranges, widths, one entry a fault."""

from __future__ import annotations

import json

import pytest

from saltern.registry import DirectorySource
from saltern.registry.findings import Edit, Finding, Position
from saltern.report.findings import render

FILE = "gerrit/projects.yaml"
TEXT = "- project: org/a\n  é𝄞: 漢字 x\n\tdescription: >\n    folded\n"


def finding(line, column, end=None, **more):
    return Finding("SLT005", "warning", Position(FILE, line, column, end), "odd", **more)


@pytest.fixture
def shown(tmp_path):
    """Return a function that renders findings about :data:`TEXT`."""
    (tmp_path / "gerrit").mkdir()
    (tmp_path / FILE).write_text(TEXT)
    source = DirectorySource(tmp_path)
    return lambda form, *findings, **more: render(findings, source, form, **more)


@pytest.mark.parametrize(
    ("found", "lines"),
    [
        (finding(1, 3, (1, 10)), ["1 | - project: org/a", "  |   ^^^^^^^"]),
        (finding(1, 3), ["1 | - project: org/a", "  |   ^^^^^^^^"]),
        (finding(2, 7, (2, 9)), ["2 |   é𝄞: 漢字 x", "  |        ^^"]),
        (finding(2, 10, (2, 11)), ["2 |   é𝄞: 漢字 x", "  |          ^"]),
        (finding(3, 2, (4, 11)), ["3 |  description: >", "  |  ^^^^^^^^^^^^^^"]),
    ],
    ids=["range", "word", "wide", "behind-wide", "lines"],
)
def test_caret_stands_below_what_is_meant(shown, found, lines):
    """The caret covers the range, the word, or the rest of the line, tabs and wide letters too."""
    text = shown("text", found).splitlines()
    assert text[2] == lines[0]
    if found.position.line != 2:
        assert text[3] == lines[1]


def test_caret_counts_terminal_columns(shown):
    """A wide character takes two columns, above the caret and before it."""
    under = shown("text", finding(2, 6, (2, 8))).splitlines()[3]
    assert under == "  | " + " " * 5 + "^" * 3


def test_place_without_a_line_is_still_told(shown):
    """A place behind the end of the file has no excerpt, in any form."""
    assert shown("text", finding(99, 1)).startswith(f"{FILE}:99:1: SLT005 warning odd\n  = help")
    data = json.loads(shown("gerrit", finding(99, 1)))
    assert "line" not in data["comments"][FILE][0]


def test_long_line_is_cut_around_the_caret(tmp_path):
    """A line of 100,000 characters does not fill the terminal."""
    (tmp_path / "gerrit").mkdir()
    (tmp_path / FILE).write_text("x" * 50_000 + " here " + "y" * 50_000)
    text = render([finding(1, 50_002, (1, 50_006))], DirectorySource(tmp_path))
    excerpt, under = text.splitlines()[2:4]
    assert len(excerpt) < 200
    assert excerpt[under.index("^") :].startswith("here")


def test_rule_is_pointed_to_once(shown):
    """The message says what to write; where the rule is explained stands below its first one."""
    text = shown("text", finding(1, 3), finding(2, 3))
    assert text.count("  = help: saltern rule SLT005\n") == 1
    assert "= help" in text.split("\n\n")[0]


def test_other_forms_name_the_command_that_explains(shown):
    """JSON and comments carry the finding's own message, and the command for the rule's page."""
    data = json.loads(shown("json", finding(1, 3)))["findings"][0]
    assert (data["message"], data["help"]) == ("odd", "saltern rule SLT005")
    comment = json.loads(shown("gerrit", finding(1, 3)))["comments"][FILE][0]["message"]
    assert comment == "warning SLT005: odd\nWhy: saltern rule SLT005"


def test_shared_fault_is_shown_once(shown):
    """Findings that differ in their project only are one, with the projects' names."""
    many = [finding(1, 3, project=f"org/{name}") for name in "dcba"]
    text = shown("text", *many)
    assert text.count("SLT005 warning") == 1
    assert "= projects: org/a, org/b, org/c and 1 more" in text
    assert json.loads(shown("json", *many))["findings"][0]["projects"][-1] == "org/d"


def test_summary_counts_and_names_what_is_not_shown(shown):
    """The last line tells errors, warnings, what --fix mends and what was there before."""
    fix = (Edit(FILE, (1, 1), (1, 2), ""),)
    text = shown("text", finding(1, 1), finding(1, 3, fix=fix), others=1)
    assert text.splitlines()[-1] == (
        "2 warnings; saltern check --fix mends 1; 1 other finding that this change did not cause"
    )


def test_gerrit_comment_has_the_range_in_utf_16(shown):
    """Gerrit counts characters of a range from 0, those beyond U+FFFF twice."""
    comment = json.loads(shown("gerrit", finding(2, 3, (2, 5))))["comments"][FILE][0]
    span = {"start_line": 2, "start_character": 2, "end_line": 2, "end_character": 5}
    assert (comment["line"], comment["range"], comment["unresolved"]) == (2, span, True)
    lines = json.loads(shown("gerrit", finding(3, 2, (4, 11))))["comments"][FILE][0]
    assert (lines["line"], lines["range"]["end_character"]) == (4, 10)


def test_sarif_has_region_rule_and_fix(shown):
    """SARIF carries the rule's text, the region in characters and the fix."""
    fix = (Edit(FILE, (2, 3), (2, 5), "z"),)
    run = json.loads(shown("sarif", finding(2, 3, (2, 5), project="org/a", fix=fix)))["runs"][0]
    result, rule = run["results"][0], run["tool"]["driver"]["rules"][0]
    place = result["locations"][0]["physicalLocation"]
    assert run["columnKind"] == "unicodeCodePoints"
    assert (rule["id"], rule["name"]) == ("SLT005", "unknown-key")
    assert place["artifactLocation"]["uri"] == FILE
    assert place["region"] == {"startLine": 2, "startColumn": 3, "endLine": 2, "endColumn": 5}
    change = result["fixes"][0]["artifactChanges"][0]["replacements"][0]
    assert (change["insertedContent"]["text"], change["deletedRegion"]["endColumn"]) == ("z", 5)


def test_sarif_fingerprint_stays_when_lines_move(shown):
    """A code host knows a finding again after lines were added above it."""
    first, second = (
        json.loads(shown("sarif", finding(line, 1)))["runs"][0]["results"][0] for line in (1, 2)
    )
    assert first["partialFingerprints"] == second["partialFingerprints"]


def test_unknown_form_is_refused(shown):
    """A form that does not exist is an error of the caller."""
    with pytest.raises(ValueError, match="no form 'xml'"):
        shown("xml")
