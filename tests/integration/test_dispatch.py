"""Batches as Salt jobs: what crosses, what is lost, what is said about it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from saltern.errors import Broken, Retry
from saltern.settings import ConvergeSettings
from saltern_salt import SaltDispatcher, jobs
from tests.integration.saltsite import REGISTRY, Site, until


@pytest.fixture
def dispatcher(site: Site) -> Iterator[Any]:
    """A dispatcher whose providers are owned by the site's minion and by one nobody knows."""
    owners = {"gerrit": site.minion, "test": site.minion, "mirror": "nobody"}
    found = SaltDispatcher(site.salt.opts, ConvergeSettings(owners=owners, job_timeout=120))
    yield found
    found.close()


def test_observation_comes_back_through_salt(site: Site, dispatcher: Any) -> None:
    """One job on the owning minion answers with Gerrit's state."""
    request = {"projects": [REGISTRY], "branches": ["refs/heads/master"], "groups": True}
    seen = dispatcher.observe("gerrit", request)
    assert seen["problems"] == []
    assert seen["projects"][REGISTRY]["head"] == site.git("rev-parse", "HEAD").strip()
    assert "Administrators" in seen["groups"]


def test_request_larger_than_salts_default_event_crosses_whole(dispatcher: Any) -> None:
    """Nothing of a large request is cut on its way to the minion."""
    names = [f"no/such/{n:x}/{hash(n * 7919) & 0xFFFFFFFFFFFF:x}" for n in range(60_000)]
    seen = dispatcher.observe("gerrit", {"projects": names, "branches": []})
    assert seen["projects"] == {}


def test_unknown_minion_is_named_with_the_remedy(dispatcher: Any) -> None:
    """A wrong owner is an error at once, not a timeout."""
    with pytest.raises(Broken, match="no minion nobody") as found:
        dispatcher.observe("mirror", {})
    assert found.value.code == "no-minion"


def test_minion_without_the_module_is_named(site: Site, dispatcher: Any) -> None:
    """What Salt answers instead of data is told, with minion and job."""
    with pytest.raises(Broken, match=f"minion {site.minion}, job 2.*test.observe"):
        dispatcher.observe("test", {})


def test_minion_that_does_not_answer_is_a_retry_naming_it(
    site: Site, dispatcher: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A silent minion ends the wait; the step is tried again later."""
    dispatcher.observe("gerrit", {"projects": [], "branches": []})
    monkeypatch.setattr(jobs, "PATIENCE", 0.5)
    monkeypatch.setattr(jobs, "SILENCE", 1.0)
    daemon = site.salt.minions[site.minion]
    daemon.kill()
    try:
        with pytest.raises(Retry, match=f"minion {site.minion}, job .* does not answer"):
            dispatcher.observe("gerrit", {"projects": [], "branches": []})
    finally:
        daemon.start()
        site.salt.wait_for_minions([site.minion])
        site.quiet()


@pytest.mark.timeout(900)
def test_minion_killed_in_the_middle_of_a_job_ends_in_the_same_state(site: Site) -> None:
    """The lost job's steps are tried again once the minion is back, until all is as asked."""
    site.quiet()
    names = [f"killed/p{n}" for n in range(4)]
    site.add(*({"project": name, "description": name} for name in names))
    site.gerrit.fault("delay-calls", method="PUT", path="projects/killed", count=99, ms=20_000)
    command = site.salt.command("projects.converge", "--out=json")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as run:
        until(lambda: faults(site)[0]["count"] < 99, what="a creation")
        daemon = site.salt.minions[site.minion]
        daemon.kill()
        site.gerrit.clear_faults()
        daemon.start()
        report = json.loads(run.communicate(timeout=500)[0])
    assert report["status"] == "done", report
    for name in names:
        assert site.project(name)["description"] == name
        assert site.head_of_mirror(name)
    assert site.converge()["counts"] == {}


def faults(site: Site) -> list[dict[str, Any]]:
    """Return the faults that are armed."""
    return site.gerrit.control("GET", "faults")["active"]
