"""One run at a time: requests, waiters, and holders of the lock that are killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from run_scene import PATIENCE, Gate, wait_for

UNIT = Path(__file__).resolve().parents[1]


def test_thousand_requests_during_a_run_cost_one_more_run(make, servers):
    """Requests that come while a converge runs are answered at once and served together."""
    converger, gate = make(), Gate(servers)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(converger.converge, "first")
        assert gate.reached.wait(PATIENCE)
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
        assert gate.reached.wait(PATIENCE)
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
    words = [UNIT, tmp_path / "state", registry.root, flag]
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
        assert waiting.result(PATIENCE).exit == 0
    assert servers.projects.keys() >= {"a", "b", "base"}


def test_interrupted_run_loses_no_request_of_others(make, servers):
    """Ctrl-C or a defect ends a run; what it had been asked by others is served by the next."""
    converger, gate = make(), Gate(servers)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(converger.converge, "first", projects=["base"])
        assert gate.reached.wait(PATIENCE)
        assert converger.converge("event", projects=["b"], wait=False).exit == 75
        servers.observe, observe = _interrupted, servers.observe
        gate.open()
        with pytest.raises(KeyboardInterrupt):
            running.result(PATIENCE)
    servers.observe = observe
    assert converger.converge("later", projects=["a"]).exit == 0
    assert "b" in servers.projects


def _interrupted(provider, request):
    raise KeyboardInterrupt
