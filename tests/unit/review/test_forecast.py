"""What a merge will do: the plan with the change, less the plan without it."""

from __future__ import annotations

from memory import MemoryServers

from saltern.look import Looker
from saltern.plan import make_plan
from saltern.registry import Registry
from saltern.review.forecast import forecast, lines
from saltern.settings import RegistrySettings

OLD = '[access "refs/heads/*"]\n\tsubmit = group core\n'
NEW = OLD + "\tpush = group core\n"


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
