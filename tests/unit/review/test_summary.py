"""The summary's text: what is said first, what is cut, and that texts of others stay text."""

from __future__ import annotations

import pytest

from saltern.gaps import Block
from saltern.registry.findings import ERROR, WARNING, Finding, Position
from saltern.report.findings.grouping import grouped
from saltern.report.plain import plain
from saltern.review.forecast import Forecast
from saltern.review.guards import Guard
from saltern.review.picture import Picture, Revision
from saltern.review.summary import summary
from saltern.steps import Step
from tests.hostile import TEXTS

COMMIT, BASE = "a" * 40, "b" * 40
REVISION = Revision(3, COMMIT, BASE)


def finding(message="bad", severity=ERROR, project=None):
    """Return a finding."""
    return Finding("SLT001", severity, Position("gerrit/projects.yaml", 3, 5), message, project)


def test_clean_change_says_so_and_what_the_merge_does():
    """The mark is the first line; one line a project."""
    steps = (Step("project", "a/b", "missing"), Step("content", "a/b", "no branch master"))
    text = summary(Picture(REVISION, (), 0, forecast=Forecast(steps)))
    assert text.splitlines()[0] == f"Saltern checked {COMMIT[:12]}"
    assert "Nothing is wrong with this change." in text
    assert "* project a/b: is made, content is made (no branch master)" in text


def test_findings_are_counted_and_others_only_counted():
    """What the change did not cause is a number; a shared file's fault counts once."""
    caused = (finding(project="a"), finding(project="b"), finding("odd", WARNING))
    picture = Picture(REVISION, caused, 7)
    text = summary(picture, picture.groups)
    assert "This change causes 1 error and 1 warning. 7 other findings" in text
    assert text.count("SLT001 error: bad") == 1
    assert "(a, b)" in text


def test_missing_flag_comes_first_and_a_given_one_is_told():
    """A guard turns the verdict even when nothing is wrong."""
    lacking = Guard("retire", "makes x read-only")
    given = Guard("remove-project", "takes y out", allowed=True)
    picture = Picture(REVISION, (), 0, (lacking, given))
    text = summary(picture)
    assert not picture.passed
    assert "needs to say that it is meant (retire)" in text
    assert "Saltern-Allow: retire" in text
    assert "allowed by Saltern-Allow: remove-project" in text


def test_moved_base_unseen_server_and_mended_findings_are_told():
    """What a reader needs to know of how far the picture holds."""
    picture = Picture(
        REVISION, (), 0, forecast=Forecast(problem="Gerrit is away"), moved="c" * 40,
        mended=tuple(grouped([finding("was bad")])), since=2,
    )  # fmt: skip
    text = summary(picture)
    assert "cannot be told now: Gerrit is away" in text
    assert "told against bbbbbbbbbbbb; the branch has moved on to cccccccccccc" in text
    assert "Mended since patch set 2:\n* gerrit/projects.yaml: SLT001 was bad" in text


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_hostile_texts_stay_on_their_line(text):
    """No text of a contributor starts a line, forges the mark, or reaches a terminal as control."""
    groups = grouped([finding(text)])
    steps = (Step("project", text, text), Step("group", text, text))
    forecast = Forecast(steps, {f"access:{text}": Block("x", text)})
    guard = Guard("retire", text, Position(text, 1, 1))
    picture = Picture(REVISION, (finding(text),), 0, (guard,), forecast, base_problem=text)
    made = summary(picture, groups, [text])
    assert len(made) < 16_384
    assert all(char.isprintable() or char == "\n" for char in made)
    marks = [line for line in made.splitlines() if line.startswith("Saltern checked")]
    assert marks == [f"Saltern checked {COMMIT[:12]}"]


def test_long_lists_are_cut_with_the_number_of_the_rest():
    """Five thousand findings make one readable message."""
    groups = grouped([finding(f"bad {n}") for n in range(5000)])
    text = summary(Picture(REVISION, (), 0), groups, rows=10)
    assert "* and 4990 more findings" in text
    assert len(text) < 4000


def test_plain_text_keeps_what_can_be_read():
    """Letters of any script stay; blanks are joined."""
    assert plain("Größe \n 漢字\t!") == "Größe 漢字 !"
    assert plain("a\x1b[0m\u202e") == "a\\x1b[0m\\u202e"
    assert plain("x" * 600, 10) == "xxxxxxx..."
