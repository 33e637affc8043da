"""The order in which hosts get their highstate."""

from __future__ import annotations

import threading

import pytest

from saltern.errors import Broken, Retry
from saltern.rollout import Outcome, host_needs, limited, roll

ROLES = {
    "salt-master": [],
    "gerrit": ["salt-master"],
    "zookeeper": ["salt-master"],
    "scheduler": ["zookeeper", "gerrit"],
}
HOSTS = {
    "salt": ["salt-master"],
    "review": ["gerrit"],
    "ci": ["zookeeper", "scheduler"],
    "bare": [],
}


class Hosts:
    """Highstates that succeed unless told otherwise, and remember their order."""

    def __init__(self, failing: tuple[str, ...] = ()):
        self.began: list[str] = []
        self.failing = failing

    def __call__(self, host: str) -> Outcome:
        self.began.append(host)
        if host in self.failing:
            raise Retry(f"{host} does not answer")
        return Outcome(host, "done", 1)


def statuses(outcomes: list[Outcome]) -> dict[str, str]:
    """Return host -> status."""
    return {outcome.host: outcome.status for outcome in outcomes}


def test_roles_that_need_roles_make_hosts_need_hosts():
    """A host needs those with the needed roles, never itself."""
    assert host_needs(HOSTS, ROLES) == {
        "salt": frozenset(),
        "review": {"salt"},
        "ci": {"salt", "review"},
        "bare": frozenset(),
    }


def test_role_that_the_table_lacks_is_refused_with_its_host():
    """The message names host and role."""
    with pytest.raises(Broken, match="host ci has the role zuul"):
        host_needs({"ci": ["zuul"]}, ROLES)


def test_hosts_that_need_each_other_are_refused():
    """A circle over two hosts is named."""
    hosts = {"a": ["left", "up"], "b": ["right", "down"]}
    roles = {"left": ["right"], "right": [], "up": [], "down": ["up"]}
    with pytest.raises(Broken, match=r"need each other: .*a"):
        host_needs(hosts, roles)


def test_each_host_begins_after_those_it_needs():
    """Whatever the width, what is needed is done before."""
    hosts = Hosts()
    outcomes = roll(host_needs(HOSTS, ROLES), hosts)
    assert set(statuses(outcomes).values()) == {"done"}
    assert hosts.began.index("salt") < hosts.began.index("review") < hosts.began.index("ci")


def test_hosts_that_need_nothing_run_side_by_side():
    """Two highstates meet: neither ends before the other began."""
    both = threading.Barrier(2)

    def apply(host: str) -> Outcome:
        both.wait(20)
        return Outcome(host, "done")

    assert statuses(roll({"a": frozenset(), "b": frozenset()}, apply)) == {"a": "done", "b": "done"}


def test_failed_host_holds_back_what_needs_it_and_nothing_else():
    """The held host says what it needs, and is not begun."""
    hosts = Hosts(failing=("review",))
    outcomes = roll(host_needs(HOSTS, ROLES), hosts)
    assert statuses(outcomes) == {
        "salt": "done",
        "review": "failed",
        "ci": "held",
        "bare": "done",
    }
    assert outcomes[2].reasons == ("needs review",)
    assert "ci" not in hosts.began


def test_upgrade_stops_at_the_first_failure():
    """One at a time, and no host begins after one failed."""
    hosts = Hosts(failing=("a",))
    needs = {name: frozenset() for name in "abc"}
    outcomes = roll(needs, hosts, width=1, stop_at_failure=True)
    assert statuses(outcomes) == {"a": "failed", "b": "held", "c": "held"}
    assert hosts.began == ["a"]


def test_chosen_hosts_alone_do_not_wait_for_the_others():
    """What is left out counts as up; an unknown host is refused."""
    needs = host_needs(HOSTS, ROLES)
    assert limited(needs, ["ci", "review"]) == {"review": frozenset(), "ci": {"review"}}
    with pytest.raises(Broken, match="no host nowhere"):
        limited(needs, ["nowhere"])


@pytest.mark.parametrize("width", [1, 2])
def test_progress_is_told_in_the_callers_thread(width: int) -> None:
    """Salt's events break when several threads send them; no more than ``width`` run at a time."""
    told: list[tuple[int, str]] = []
    running: list[int] = []

    def tell(host: str, outcome: Outcome | None) -> None:
        told.append((threading.get_ident(), host))
        running.append((running or [0])[-1] + (-1 if outcome else 1))

    needs = {host: frozenset() for host in "abcd"}
    roll(needs, lambda host: Outcome(host, "done"), width=width, tell=tell)
    assert {thread for thread, _ in told} == {threading.get_ident()}
    assert len(told) == 8
    assert max(running) == width
