"""Runs: reports and exit statuses, what refuses before any step, and a mirror that is away."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from run_scene import PATIENCE, Gate

from saltern.errors import Broken, Refused, Retry
from saltern.report import EXITS, exit_status

# Reports and exit statuses


@pytest.mark.parametrize(
    ("status", "exit_code"),
    [("done", 0), ("failed", 1), ("refused", 2), ("queued", 75), ("interrupted", 130), ("?", 1)],
)
def test_exit_status_is_zero_only_when_all_is_done(status, exit_code):
    """The table of exit statuses; an unknown word is a failure."""
    assert exit_status(status) == exit_code
    assert [s for s in EXITS if EXITS[s] == 0] == ["done"]


def test_first_run_makes_all_and_second_writes_nothing(make, servers):
    """A cold converge is done with exit 0; the next one finds nothing to do."""
    report = make().converge("test")
    assert (report.status, report.exit, report.steps) == ("done", 0, ())
    assert report.counts["project"] == {"done": 3}
    written = len(servers.writes)
    again = make().converge("test")
    assert (again.status, again.counts) == ("done", {})
    assert len(servers.writes) == written
    assert sorted(servers.writes) == sorted(set(servers.writes)), "each step once"


def test_failed_step_gives_exit_one_with_reason_and_retry_command(make, servers):
    """Not all done means not 0, and each open step says why and how to try it again."""
    servers.answers["group:readers"] = [Refused("409 Group already exists")]
    report = make().converge("test")
    assert (report.status, report.exit) == ("failed", 1)
    steps = {row["key"]: row for row in report.to_dict()["steps"]}
    assert steps.keys() == {"group:readers", "access:a"}
    assert steps["group:readers"]["reason"] == "409 Group already exists"
    assert steps["group:readers"]["retry"] == "salt-run projects.retry 'group:readers'"
    assert steps["access:a"]["state"] == "skipped"
    assert make().converge("again").exit == 0
    assert make().status()["stuck"] == []


def test_plan_is_what_the_converge_does(make, servers):
    """The plan writes nothing and lists exactly the steps of the run that follows."""
    converger = make()
    plan, _ = converger.plan()
    assert servers.writes == []
    report = converger.converge("test")
    assert {row["key"] for row in converger.journal.steps(report.run)} == plan.steps.keys()
    assert {row["state"] for row in converger.journal.steps(report.run)} == {"done"}


def test_retry_of_a_stuck_step_does_it(make, servers):
    """The command that the report names tries the step and takes it off the list."""
    servers.answers["project:b"] = [Refused("no")]
    converger = make()
    converger.converge("test")
    assert {row["key"] for row in converger.status()["stuck"]} == {
        "project:b", "content:b", "mirror:b",
    }  # fmt: skip
    assert converger.retry("project:b").exit == 0
    assert converger.status()["stuck"] == []


def test_retry_of_what_is_not_stuck_is_refused(make):
    """A typing error is not reported as success."""
    with pytest.raises(Refused, match="not on the stuck list"):
        make().retry("project:nope")


def test_project_that_left_the_registry_leaves_the_stuck_list(make, servers, registry):
    """Nobody is told for ever of a step that nobody wants any more."""
    servers.answers["project:b"] = [Refused("no")]
    converger = make()
    converger.converge("test")
    registry.projects("a", "base")
    assert converger.converge("test").exit == 0
    assert converger.status()["stuck"] == []


# Preconditions, limits and bad input: refused before any step


def test_missing_right_refuses_before_any_step(make, servers):
    """A precondition that fails is one error with its remedy, and nothing was written."""
    servers.problems = [{"code": "push", "what": "no Push right", "remedy": "grant Push on refs/*"}]
    report = make().converge("test")
    assert (report.status, report.exit) == ("refused", 2)
    assert "no Push right" in report.reason
    assert "grant Push on refs/*" in report.reason
    assert servers.writes == []


def test_gerrit_away_is_refused_with_its_reason(make, servers):
    """A Gerrit that cannot be looked at gives no plan from a guess."""
    servers.away["gerrit"] = Retry("no connection to gerrit.example")
    report = make().converge("test")
    assert report.exit == 2
    assert "no connection to gerrit.example" in report.reason
    assert servers.writes == []
    del servers.away["gerrit"]
    assert make().converge("test").exit == 0


def test_unreadable_registry_is_refused_with_its_place(make, servers, registry):
    """Broken YAML names file, line and column; the servers are not even asked."""
    registry.text("gerrit/projects.yaml", "- project: a\n  description: [unclosed\n")
    report = make().converge("test")
    assert report.exit == 2
    assert "gerrit/projects.yaml:" in report.reason
    assert servers.observed == []


def test_retiring_too_many_is_refused_until_allowed(make, servers, registry):
    """A change that closes more than the limit runs no step without the flag."""
    names = [f"p{n}" for n in range(8)]
    registry.projects(*names)
    make().converge("test")
    written = len(servers.writes)
    registry.retire("p0", "p1", "p2")
    report = make().converge("test")
    assert (report.status, report.exit) == ("refused", 2)
    assert "3 of 8" in report.reason
    assert "p0, p1, p2" in report.reason
    assert "allow_retire" in report.reason
    assert len(servers.writes) == written
    assert make().converge("test", allow_retire=True).exit == 0
    assert servers.projects["p0"].state == "READ_ONLY"


def test_retiring_a_few_needs_no_flag(make, servers, registry):
    """One project of a small registry may always be retired."""
    make().converge("test")
    registry.retire("b")
    assert make().converge("test").exit == 0
    assert servers.projects["b"].state == "READ_ONLY"


def test_truncated_journal_is_named_and_costs_only_history(make, servers, tmp_path):
    """A damaged state file stops with a remedy; following it loses nothing and repeats nothing."""
    make().converge("test")
    written = len(servers.writes)
    path = tmp_path / "state" / "journal.sqlite"
    for leftover in path.parent.glob("journal.sqlite-*"):
        leftover.unlink()
    path.write_bytes(path.read_bytes()[:5000] + b"\xff" * 2000)
    with pytest.raises(Broken, match="move it aside"):
        make().converge("test")
    path.unlink()
    assert make().converge("test").exit == 0
    assert len(servers.writes) == written


def test_unknown_project_asked_for_by_hand_is_not_called_done(make):
    """A typing error in a name does not end with exit 0."""
    assert make().converge("by hand", projects=["no/such"]).exit != 0


# The mirror


def test_mirror_away_holds_up_its_own_steps_only(make, servers):
    """Projects, groups and ACLs go on; the mirrors stand in the report with their reason."""
    servers.away["mirror"] = Retry("git01 does not answer")
    report = make().converge("test")
    assert report.exit == 1
    assert {row["key"] for row in report.steps} == {"mirror:a", "mirror:b", "mirror:base"}
    assert all("git01 does not answer" in row["reason"] for row in report.steps)
    assert servers.projects.keys() >= {"a", "b", "base"}
    del servers.away["mirror"]
    assert make().converge("test").exit == 0
    assert servers.mirrors.keys() == {"a", "b", "base"}
    assert make().status()["stuck"] == []


def test_mirror_lost_in_the_middle_is_stuck_then_done(make, servers):
    """A mirror that goes away after the plan was made fails its steps, not the run."""
    gate = Gate(servers)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(make().converge, "test")
        assert gate.reached.wait(PATIENCE)
        servers.away["mirror"] = Retry("lost")
        gate.open()
        report = running.result()
    assert report.exit == 1
    assert {row["key"].partition(":")[0] for row in report.steps} == {"mirror"}
    del servers.away["mirror"]
    assert make().converge("test").exit == 0
