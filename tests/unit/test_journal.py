"""The journal: requests, runs, kills, and what is stuck."""

from __future__ import annotations

import sqlite3

import pytest

from saltern.errors import Broken
from saltern.journal import Journal, Request
from saltern.journal_read import view
from saltern.steps import Outcome, Step


def test_requests_are_taken_once(journal):
    """Each request is served by exactly one run."""
    journal.request(Request("a", frozenset({"x", "y"}), deep=True))
    journal.request(Request("b", change_commit="c" * 40))
    run = journal.begin("test")
    taken = journal.take(run)
    assert [r.cause for r in taken] == ["a", "b"]
    assert taken[0].scope == {"x", "y"}
    assert taken[0].deep
    assert taken[1].scope is None
    assert taken[1].change_commit == "c" * 40
    assert journal.take(run) == []
    assert not journal.pending()


def test_request_is_served_only_by_a_finished_run(journal):
    """A waiter is not told of a run that has not ended."""
    number = journal.request(Request("a"))
    run = journal.begin("test")
    journal.take(run)
    assert journal.run_of(number) is None
    journal.finish(run, "done", {"run": run})
    assert journal.run_of(number) == run
    assert journal.report(run) == {"run": run}


def test_killed_run_gives_its_requests_back(journal):
    """What a killed holder had taken waits again for the next one."""
    number = journal.request(Request("a"))
    killed = journal.begin("first")
    journal.take(killed)
    after = journal.begin("second")
    assert [r.cause for r in journal.take(after)] == ["a"]
    journal.finish(after, "done", {})
    assert journal.run_of(number) == after
    assert {r["id"]: r["status"] for r in journal.runs()}[killed] == "interrupted"


def test_stuck_keeps_its_first_time_and_leaves_when_done(journal):
    """The list shows since when; success takes a step off."""
    first = None
    for number, (run, state) in enumerate(
        [("r1", "failed"), ("r2", "failed"), ("r3", "done")], start=1
    ):
        outcome = Outcome("group:g", state, "x", f"reason {number}")
        journal.attempted(run, [(outcome, 1, state)])
        stuck = journal.stuck()
        if state == "failed":
            assert stuck[0]["reason"] == f"reason {number}"
            first = first or stuck[0]["since"]
            assert stuck[0]["since"] == first
    assert stuck == []


def test_observation_takes_a_step_off_the_stuck_list(journal):
    """What somebody repaired by hand is no longer stuck."""
    journal.settled("r", Outcome("access:a", "failed", "x", "y"), "blocked")
    journal.unstick(["access:a", "access:b"])
    assert journal.stuck() == []


def test_damaged_journal_is_refused_with_a_remedy(tmp_path):
    """A truncated file is named; nobody goes on without a journal in silence."""
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"not a database, not at all, " * 100)
    with pytest.raises(Broken, match=r"journal\.sqlite.*move it aside"):
        Journal(path)


def test_journal_of_another_version_is_refused(tmp_path):
    """A newer journal is not written by an older Saltern."""
    db = sqlite3.connect(tmp_path / "journal.sqlite")
    db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(Broken, match="version 99"):
        Journal(tmp_path / "journal.sqlite")


def test_unnoted_changes_wait_until_noted(journal):
    """A merged change is remembered until its note stands."""
    run = journal.begin("test")
    journal.follow(run, "b", ["a", "b"])
    journal.follow(run, "b", ["a"])
    assert journal.unnoted() == ["a", "b"]
    journal.noted("a")
    journal.no_change("b")
    assert journal.unnoted() == ["b"], "a young commit may still be missing in a search index"


def test_journal_of_the_first_version_is_renewed(tmp_path):
    """What an earlier Saltern recorded is kept, and new runs record what steps need."""
    path = tmp_path / "journal.sqlite"
    db = sqlite3.connect(path)
    db.executescript(
        "CREATE TABLE steps (run TEXT NOT NULL, key TEXT NOT NULL, why TEXT NOT NULL,"
        " state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, code TEXT NOT NULL DEFAULT '',"
        " reason TEXT NOT NULL DEFAULT '', started REAL, finished REAL,"
        " seconds REAL NOT NULL DEFAULT 0, PRIMARY KEY (run, key));"
        "INSERT INTO steps (run, key, why, state) VALUES ('r', 'group:g', 'missing', 'done');"
        "PRAGMA user_version=1"
    )
    db.close()
    with pytest.raises(Broken, match="a converge renews it"), view(path):
        pass
    journal = Journal(path)
    journal.planned("s", [Step("access", "a", "missing", {}, frozenset({"group:g"}))])
    journal.close()
    with view(path) as seen:
        assert [(row["key"], row["needs"]) for row in seen.steps("r")] == [("group:g", [])]
        assert [(row["key"], row["needs"]) for row in seen.steps("s")] == [
            ("access:a", ["group:g"])
        ]


def test_view_keeps_one_state_while_the_journal_goes_on(tmp_path):
    """A report's numbers fit each other, though a run writes meanwhile."""
    journal = Journal(tmp_path / "journal.sqlite")
    run = journal.begin("test")
    with view(tmp_path / "journal.sqlite") as seen:
        assert seen.runs(5)[0]["status"] is None
        journal.finish(run, "done", {"run": run})
        assert seen.runs(5)[0]["status"] is None
        assert seen.run_totals() == {}
    with view(tmp_path / "journal.sqlite") as seen:
        assert seen.runs(5)[0]["report"] == {"run": run}
    journal.close()


def test_view_of_a_damaged_journal_is_refused(tmp_path):
    """A report does not make something up where it cannot read."""
    (tmp_path / "journal.sqlite").write_bytes(b"not a database, not at all, " * 100)
    with pytest.raises(Broken, match="cannot read the journal"), view(tmp_path / "journal.sqlite"):
        pass
