"""Runs: requests, lock, waiters, kills, limits, preconditions, notes and exit statuses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from memory import MemoryServers

from saltern.errors import Broken, Refused, Retry
from saltern.report import EXITS, exit_status
from saltern.run import Converger
from saltern.settings import ConvergeSettings, RegistrySettings

HERE = Path(__file__).parent
FAST = {"attempts": 2, "backoff": 0.001, "backoff_limit": 0.002}
ACL = '[access]\n\tinheritFrom = base\n[access "refs/*"]\n\tread = group readers\n'


class Registry:
    """A registry in a directory; with ``git`` also a repository, a commit a change."""

    def __init__(self, root: Path):
        self.root = root
        (root / "gerrit" / "acls").mkdir(parents=True)

    def projects(self, *names: str, **acls: str) -> None:
        """Write ``projects.yaml``; ``acls[name]`` is the text of a project's ACL file."""
        lines = "".join(f"- project: {name}\n  description: the {name}\n" for name in names)
        self.text("gerrit/projects.yaml", lines or "[]\n")
        for name, acl in acls.items():
            self.text(f"gerrit/acls/{name}.config", acl)

    def text(self, path: str, text: str) -> None:
        (self.root / path).write_text(text)

    def retire(self, *names: str) -> None:
        for name in names:
            self.text(f"gerrit/acls/{name}.config", "[project]\n\tstate = read only\n")

    def commit(self) -> str:
        """Commit everything and return the commit's id."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "change")
        return self.git("rev-parse", "HEAD")

    def git(self, *words: str) -> str:
        if not (self.root / ".git").exists():
            subprocess.run(["git", "init", "-q", "-b", "master", self.root], check=True)
        name = {"GIT_AUTHOR_NAME": "a", "GIT_COMMITTER_NAME": "a"}
        mail = {"GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_EMAIL": "a@b"}
        done = subprocess.run(
            ["git", *words],
            cwd=self.root,
            env={**os.environ, **name, **mail},
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """Three projects, ``base`` the parent of one, and one group."""
    made = Registry(tmp_path / "registry")
    made.projects("a", "b", "base", a=ACL)
    return made


@pytest.fixture
def servers() -> MemoryServers:
    return MemoryServers()


@pytest.fixture
def make(tmp_path: Path, registry: Registry, servers: MemoryServers):
    """``make(git=False, **registry settings)``: a converger on the model servers."""
    made = []

    def converger(git: bool = False, **settings) -> Converger:
        url = str(registry.root) if git else None
        made.append(
            Converger(
                RegistrySettings(url=url, allow_local_upstreams=True, **settings),
                ConvergeSettings(state_dir=str(tmp_path / "state"), **FAST),
                servers,
                None if git else registry.root,
            )
        )
        return made[-1]

    yield converger
    for converger in made:
        converger.journal.close()


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Return once ``condition`` holds; fail after a deadline."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.005)


class Gate:
    """Holds the first step of ``key`` until opened."""

    def __init__(self, servers: MemoryServers, key: str = "project:base"):
        self.reached, self._open, self._key = threading.Event(), threading.Event(), key
        servers.before = self._before

    def _before(self, step) -> None:
        if step.key == self._key:
            self.reached.set()
            assert self._open.wait(20), "the gate was never opened"

    def open(self) -> None:
        self._open.set()


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
        assert gate.reached.wait(20)
        servers.away["mirror"] = Retry("lost")
        gate.open()
        report = running.result()
    assert report.exit == 1
    assert {row["key"].partition(":")[0] for row in report.steps} == {"mirror"}
    del servers.away["mirror"]
    assert make().converge("test").exit == 0


# One at a time, and nothing lost


def test_thousand_requests_during_a_run_cost_one_more_run(make, servers):
    """Requests that come while a converge runs are answered at once and served together."""
    converger, gate = make(), Gate(servers)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(converger.converge, "first")
        assert gate.reached.wait(20)
        for n in range(1000):
            queued = converger.converge(f"event {n % 3}", projects=[f"p{n}"], wait=False)
            assert (queued.status, queued.exit) == ("queued", 75)
        gate.open()
        assert running.result().exit == 0
    assert len(converger.journal.runs()) == 2
    assert not converger.journal.pending()
    assert sorted(servers.writes) == sorted(set(servers.writes))


def test_storm_of_events_makes_each_project_once(make, servers):
    """200 events for 3 projects from several threads: no step twice, a handful of runs."""
    convergers = [make() for _ in range(4)]

    def event(n: int):
        return convergers[n % 4].converge("event", projects=["a", "b"][: 1 + n % 2], wait=False)

    with ThreadPoolExecutor(8) as pool:
        reports = list(pool.map(event, range(200)))
    assert {report.exit for report in reports} <= {0, 75}
    assert not convergers[0].journal.pending()
    assert sorted(servers.writes) == sorted(set(servers.writes))
    assert servers.projects.keys() >= {"a", "b", "base"}


def test_waiter_gets_the_report_of_the_round_that_served_it(make, servers):
    """Somebody who waits is told of a run that began after he asked."""
    gate = Gate(servers)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(make().converge, "first")
        assert gate.reached.wait(20)
        second = pool.submit(make().converge, "second", projects=["b"])
        wait_for(make().journal.pending, "the second request")
        gate.open()
        assert first.result().exit == second.result().exit == 0
        assert first.result().run != second.result().run


def test_two_runs_never_overlap(make, servers):
    """The steps of two convergers on one state directory do not interleave."""
    inside, overlaps, mutex = [], [], threading.Lock()
    observe, convergers = servers.observe, [make() for _ in range(4)]

    def watched(provider, request):
        with mutex:
            inside.append(provider)
            overlaps.append(len(inside))
        try:
            return observe(provider, request)
        finally:
            with mutex:
                inside.pop()

    servers.observe = watched
    with ThreadPoolExecutor(4) as pool:
        assert {r.exit for r in pool.map(lambda c: c.converge("at once"), convergers)} == {0}
    assert set(overlaps) == {1}
    assert sorted(servers.writes) == sorted(set(servers.writes))


HOLDER = """
import pathlib, sys, threading
sys.path.insert(0, sys.argv[1])
from memory import MemoryServers
from saltern.run import Converger
from saltern.settings import ConvergeSettings, RegistrySettings

def stand_still(step):
    pathlib.Path(sys.argv[4]).write_text(step.key)
    threading.Event().wait()

servers = MemoryServers()
servers.before = stand_still
settings = ConvergeSettings(state_dir=sys.argv[2])
converger = Converger(RegistrySettings(), settings, servers, pathlib.Path(sys.argv[3]))
converger.converge("the holder", projects=["b"])
"""


@pytest.fixture
def holder(tmp_path, registry):
    """Another process in the middle of a run, holding the lock; killed at the end."""
    flag = tmp_path / "holds"
    words = [HERE, tmp_path / "state", registry.root, flag]
    process = subprocess.Popen([sys.executable, "-c", HOLDER, *map(str, words)])
    try:
        wait_for(flag.exists, "the holder's first step")
        yield process
    finally:
        process.kill()
        process.wait()


def test_lock_of_a_living_holder_is_respected(make, servers, holder):
    """While another process runs, a request is queued and nothing is written."""
    report = make().converge("event", wait=False)
    assert (report.status, report.exit) == ("queued", 75)
    assert servers.writes == []


def test_killed_holder_leaves_the_lock_and_its_requests(make, servers, holder):
    """SIGKILL in the middle of a run: the next one takes the lock and serves both requests."""
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    converger = make()
    assert converger.converge("after", projects=["a"], wait=False).exit == 0
    assert servers.projects.keys() >= {"a", "b", "base"}, "b is what the killed one was asked for"
    statuses = [run["status"] for run in converger.journal.runs()]
    assert sorted(statuses) == ["done", "interrupted"]
    assert not converger.journal.pending()


def test_waiter_of_a_killed_holder_takes_over(make, servers, holder):
    """Whoever waits on the lock goes on when its holder dies."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(make().converge, "waiter")
        wait_for(make().journal.pending, "the waiter's request")
        holder.send_signal(signal.SIGKILL)
        assert waiting.result(20).exit == 0
    assert servers.projects.keys() >= {"a", "b", "base"}


def test_interrupted_run_loses_no_request_of_others(make, servers):
    """Ctrl-C or a defect ends a run; what it had been asked by others is served by the next."""
    converger, gate = make(), Gate(servers)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(converger.converge, "first", projects=["base"])
        assert gate.reached.wait(20)
        assert converger.converge("event", projects=["b"], wait=False).exit == 75
        servers.observe, observe = _interrupted, servers.observe
        gate.open()
        with pytest.raises(KeyboardInterrupt):
            running.result(20)
    servers.observe = observe
    assert converger.converge("later", projects=["a"]).exit == 0
    assert "b" in servers.projects


def _interrupted(provider, request):
    raise KeyboardInterrupt


# Git: the registry's history and the notes on changes


def test_projects_that_left_are_named_and_never_deleted(make, servers, registry):
    """What leaves the registry is reported once; the server keeps it."""
    registry.commit()
    make(git=True).converge("test")
    registry.projects("a", "base")
    tip = registry.commit()
    report = make(git=True).converge("test")
    assert (report.exit, report.removed, report.commit) == (0, ("b",), tip)
    assert "b" in servers.projects
    assert make(git=True).converge("test").removed == ()


@pytest.fixture
def merged(make, servers, registry):
    """``merged()``: commit what changed as a merged change that Gerrit knows; its id."""
    registry.commit()
    make(git=True).converge("before")

    def merge() -> str:
        commit = registry.commit()
        number = len(servers.changes) + 7
        servers.changes[commit] = {"number": number, "status": "MERGED", "noted": False, "url": ""}
        return commit

    return merge


def test_merged_change_gets_one_note_that_tells_what_was_done(make, servers, registry, merged):
    """The note names its steps; later runs and doubled events do not write it again."""
    registry.projects("a", "b", "base", "new", new=ACL)
    commit = merged()
    assert make(git=True).converge("event", change_commit=commit).exit == 0
    assert make(git=True).converge("event", change_commit=commit).exit == 0
    [(number, text)] = servers.notes
    assert number == 7
    assert text.splitlines()[0] == f"Saltern converged {commit[:12]}"
    for key in ("project:new", "content:new", "access:new", "mirror:new"):
        assert f"* {key}: done" in text
    assert "project:a" not in text


def test_note_tells_of_what_is_not_done(make, servers, registry, merged):
    """A failure is on the change with the server's reason."""
    registry.projects("a", "b", "base", "new")
    servers.answers["project:new"] = [Refused("400 invalid project name: new")]
    commit = merged()
    assert make(git=True).converge("event", change_commit=commit).exit == 1
    [(_, text)] = servers.notes
    assert "project:new: failed: 400 invalid project name: new" in text
    assert "All" not in text.splitlines()[2]


def test_change_merged_while_nobody_listened_gets_its_note(make, servers, registry, merged):
    """The event was lost: the next converge of any cause finds the commit in the history."""
    registry.projects("a", "b", "base", "new")
    merged()
    registry.projects("a", "b", "base", "new", "newer")
    merged()
    make(git=True).converge("timer")
    assert sorted(number for number, _ in servers.notes) == [7, 8]


def test_note_that_stands_already_is_not_written_again(make, servers, registry, merged):
    """A kill between the note and the journal: the change itself says that it has its note."""
    registry.projects("a", "b", "base", "new")
    commit = merged()
    servers.answers["announce:7"] = [Retry("unanswered"), Retry("unanswered")]
    assert make(git=True).converge("event", change_commit=commit).exit == 1
    servers.changes[commit]["noted"] = True
    assert make(git=True).converge("timer").exit == 0
    assert servers.notes == []
    assert make(git=True).status()["stuck"] == []


def test_commit_that_is_not_on_the_branch_is_ignored(make, servers, registry, merged):
    """A forged or foreign commit id in an event changes nothing."""
    for foreign in ("f" * 40, "not a commit", "refs/heads/master"):
        assert make(git=True).converge("event", change_commit=foreign).exit == 0
    assert servers.notes == []


def test_unreadable_commit_in_the_past_stops_nothing_once_mended(make, servers, registry, merged):
    """A merged projects.yaml that cannot be read is refused; after its fix all goes on."""
    registry.text("gerrit/projects.yaml", "- project: [\n")
    bad = merged()
    assert make(git=True).converge("event", change_commit=bad).exit == 2
    registry.projects("a", "b", "base", "new")
    merged()
    report = make(git=True).converge("event")
    assert report.exit == 0, report.reason
    assert "new" in servers.projects
    assert 8 in {number for number, _ in servers.notes}


def test_rewritten_history_stops_nothing(make, servers, registry, merged):
    """A registry branch that was forced elsewhere is followed from where it is now."""
    registry.git("checkout", "-q", "--orphan", "other")
    registry.projects("a", "b", "base", "new")
    registry.commit()
    registry.git("branch", "-q", "-M", "other", "master")
    assert make(git=True).converge("timer").exit == 0
    assert "new" in servers.projects


@pytest.mark.parametrize("damage", ["pack", "ref-lock", "empty-ref", "half-clone"])
def test_damaged_registry_clone_is_mended_or_named(make, servers, registry, tmp_path, damage):
    """What a kill leaves of the clone never ends in a traceback, and never in a wrong registry."""
    registry.commit()
    make(git=True).converge("before")
    clone = tmp_path / "state" / "registry.git"
    if damage == "pack":
        for pack in clone.glob("objects/pack/*.pack"):
            pack.chmod(0o600)
            pack.write_bytes(pack.read_bytes()[:40])
    elif damage == "ref-lock":
        (clone / "refs/heads/master.lock").touch()
    elif damage == "empty-ref":
        (clone / "refs/heads/master").write_text("")
    else:
        (clone / "HEAD").unlink()
    registry.projects("a", "b", "base", "new")
    registry.commit()
    report = make(git=True).converge("after")
    assert report.exit == 0 or str(clone) in report.reason
