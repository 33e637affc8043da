"""What a merge will do: the plan with the change, less the plan without it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from memory import MemoryServers

from saltern.look import Looker
from saltern.plan import make_plan
from saltern.registry import Registry
from saltern.review.forecast import forecast, lines
from saltern.settings import RegistrySettings

OLD = '[access "refs/heads/*"]\n\tsubmit = group core\n'
NEW = OLD + "\tpush = group core\n"


class Upstreams(MemoryServers):
    """Servers whose minion is asked for upstreams too: `found` is what it sees."""

    found: Any = None

    def observe(self, provider, request):
        """Answer for upstreams, or as ever."""
        if "upstreams" in request:
            self.observed.append((provider, request))
            return {"upstreams": dict.fromkeys(request["upstreams"], self.found)}
        return super().observe(provider, request)


def made(servers: MemoryServers, looker: Looker, registry: Registry) -> None:
    """Make the registry true on the model servers."""
    while plan := make_plan(looker.observe(registry)):
        ready = [s for s in plan.steps.values() if not s.needs & plan.steps.keys()]
        for step in ready:
            provider = "mirror" if step.kind == "mirror" else "gerrit"
            list(servers.apply(provider, [step]))


def test_changed_acl_of_a_project_that_is_there_is_told(make, tmp_path):
    """What stands on the server and only changes is part of what the merge will do."""
    old, new = make({"org/a": OLD}), make({"org/a": NEW})
    servers = MemoryServers(("gerrit",))
    looker = Looker(RegistrySettings(), servers, tmp_path)
    made(servers, looker, old)
    assert lines(forecast(looker, old, new)) == ["project org/a: ACL is written (ACL differs)"]
    assert lines(forecast(looker, old, old)) == []


@pytest.mark.parametrize("found", [None, {"code": "upstream-empty", "reason": "no branch at all"}])
def test_upstream_of_an_import_is_looked_at_only_when_asked(make, tmp_path, found):
    """Without the setting nothing is asked of anybody; with it, what is missing is told."""
    new = make({"org/a": None, "org/b": None})
    upstream = "https://example.org/a.git"
    new.projects["org/a"] = dataclasses.replace(new.projects["org/a"], upstream=upstream)
    servers = Upstreams(("gerrit",))
    servers.found = found
    looker = Looker(RegistrySettings(), servers, tmp_path)
    told = ["project org/a: is made, content is made (import)"]
    other = ["project org/b: is made, content is made (no branch master)"]
    assert lines(forecast(looker, make({}), new)) == told + other
    assert not any("upstreams" in request for _, request in servers.observed)
    if found:
        told = ["project org/a: is made, content cannot be made: no branch at all"]
    assert sorted(lines(forecast(looker, make({}), new, upstreams=True))) == told + other
    assert list(servers.observed[-1][1]["upstreams"]) == ["org/a"]
