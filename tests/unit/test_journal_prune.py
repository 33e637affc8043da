"""The journal loses old runs, and nothing that somebody needs to know of today."""

from __future__ import annotations

import sqlite3

import pytest

from saltern.journal import Journal, Request
from saltern.journal_read import view
from saltern.steps import Outcome, Step

OLD, NEW, CUT = 1_000.0, 9_000.0, 5_000.0


def ended(journal, path, at, status="done", steps=(), commit=None):
    """Record a run that ended at a time, with steps by their state, and return its id."""
    journal.request(Request("a"))
    run = journal.begin("test")
    journal.take(run)
    if commit:
        journal.follow(run, commit, [commit])
        journal.noted(commit)
    for key, state in steps:
        journal.planned(run, [Step(key.partition(":")[0], key.partition(":")[2], "missing")])
        journal.attempted(run, [(Outcome(key, state, "x", "y"), 1, state)])
    journal.finish(run, status, {"run": run})
    with sqlite3.connect(path) as db:
        values = {"at": at, "run": run, "commit": commit}
        db.execute("UPDATE runs SET started = :at - 2, finished = :at WHERE id = :run", values)
        db.execute("UPDATE changes SET at = :at WHERE commit_id = :commit", values)
    db.close()
    return run


@pytest.fixture
def ends(journal, tmp_path):
    """Return :func:`ended` on the journal."""
    return lambda *words, **more: ended(journal, tmp_path / "journal.sqlite", *words, **more)


def totals(tmp_path):
    """Return what the metrics count."""
    with view(tmp_path / "journal.sqlite") as seen:
        return seen.run_totals(), seen.step_totals(), seen.last_success()


def rows(tmp_path, table):
    """Return how many rows a table has."""
    with sqlite3.connect(tmp_path / "journal.sqlite") as db:
        (number,) = db.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
    db.close()
    return number


def test_old_runs_go_and_totals_stay(journal, ends, tmp_path):
    """Counters never fall, however often it is pruned; every trace of an old run is gone."""
    steps = [("group:g", "done"), ("project:p", "done")]
    for number in range(3):
        ends(OLD + number, steps=steps, commit=f"{number}" * 40)
    kept = ends(NEW, steps=steps, commit="f" * 40)
    before = totals(tmp_path)
    assert before[1] == {("group", "done"): 4, ("project", "done"): 4}
    assert journal.prune(CUT) == 3
    assert journal.prune(CUT) == 0
    assert [row["id"] for row in journal.runs()] == [kept]
    assert totals(tmp_path) == before
    tables = ("runs", "steps", "attempts", "requests", "changes")
    assert [rows(tmp_path, table) for table in tables] == [1, 2, 2, 1, 1]
    ends(OLD, steps=steps)
    assert journal.prune(CUT) == 1
    assert totals(tmp_path)[1] == {("group", "done"): 5, ("project", "done"): 5}
    assert totals(tmp_path)[0]["done"] == {"count": 5, "seconds": 10.0}


def test_what_is_stuck_and_the_last_state_stay(journal, ends, tmp_path):
    """Age does not make a stuck step, the last success or the last commit unknown."""
    success = ends(OLD, commit="a" * 40)
    ends(OLD + 1, "failed", [("access:x", "done")])
    stuck = ends(OLD + 2, "failed", [("access:p", "failed")])
    failed = ends(OLD + 3, "failed", commit="b" * 40)
    looked = ends(OLD + 4, "refused")
    journal.saw(looked, "registry", {})
    ends(OLD + 5, "refused")
    latest = ends(OLD + 6, "refused")
    before = journal.last_commit(), journal.last_converged(), totals(tmp_path)
    assert journal.prune(CUT) == 2
    assert {row["id"] for row in journal.runs()} == {success, stuck, failed, looked, latest}
    assert (journal.last_commit(), journal.last_converged(), totals(tmp_path)) == before
    assert [row["key"] for row in journal.stuck()] == ["access:p"]


def test_run_under_way_and_wanted_notes_stay(journal, ends, tmp_path):
    """Nothing that somebody waits for is taken."""
    ends(OLD, commit="a" * 40)
    ends(NEW)
    journal.noted("a" * 40, done=False)
    running = journal.begin("test")
    assert journal.prune(CUT) == 0, "the only one that read a commit"
    assert journal.unnoted() == ["a" * 40]
    assert running in {row["id"] for row in journal.runs()}


def test_journal_of_the_version_before_is_pruned(tmp_path):
    """The table of totals is added to a journal that an earlier Saltern wrote."""
    path = tmp_path / "journal.sqlite"
    Journal(path).close()
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE gone")
        db.execute("PRAGMA user_version=2")
    db.close()
    renewed = Journal(path)
    ended(renewed, path, OLD)
    ended(renewed, path, NEW)
    assert renewed.prune(CUT) == 1
    renewed.close()
