"""Policies: what is mended, what is told, and what the journal remembers for it."""

from __future__ import annotations

import dataclasses

import pytest
from memory import MemoryServers, project, registry
from test_plan import context, whole

from saltern.converge import Converge
from saltern.errors import Broken
from saltern.parts import keep_in_mind
from saltern.plan import make_plan
from saltern.policy import DRIFT, OK, WRITE, Part, Settled, decide, settlements
from saltern.registry.acl import AclDocument
from saltern.registry.settingskeys import Setting
from saltern.settings import ConvergeSettings, RegistrySettings

OTHER = '[access "refs/*"]\n\tread = group Registered Users\n'
REPORT = {"access": "report", "settings": "report"}
LEAVE = {"access": "leave", "settings": "leave"}


@pytest.mark.parametrize(
    ("policy", "part", "memory", "verdict"),
    [
        ("enforce", {"differs": ""}, None, OK),
        ("enforce", {"differs": "x"}, None, WRITE),
        ("report", {"differs": "x"}, None, DRIFT),
        ("report", {"differs": "x"}, "wanted", DRIFT),
        ("report", {"differs": "x"}, "before", WRITE),
        ("report", {"differs": "x", "missing": True}, None, WRITE),
        ("report", {"differs": ""}, "before", OK),
        ("leave", {"differs": "x"}, "before", OK),
        ("leave", {"differs": "x", "missing": True}, None, WRITE),
    ],
)
def test_verdict_follows_policy_and_memory(policy, part, memory, verdict):
    """Drift is told, the registry's own change is made, and what is missing is made always."""
    known = {("access", "a"): Settled(memory)} if memory else {}
    assert decide({"access": policy}, known, Part("access", "a", "wanted", **part)) == verdict


def test_what_differs_is_remembered_once_and_what_was_made_with_its_place():
    """A part first seen in drift is remembered, so that a later change of it is the registry's."""
    drifted = Part("access", "a", "one", "ACL differs", seen="c1")
    assert settlements({}, [drifted], {}) == {drifted.key: Settled("one")}
    assert settlements({drifted.key: Settled("zero", "c0")}, [drifted], {}) == {}
    assert settlements({}, [drifted], {drifted.key: "c2"}) == {drifted.key: Settled("one", "c2")}


@pytest.mark.parametrize("policy", [{"access": "repair"}, {"acess": "report"}])
def test_unknown_policy_is_refused(policy):
    """A misspelt policy must not silently mean another."""
    with pytest.raises(Broken, match="registry.policy"):
        RegistrySettings(policy=policy)


class World:
    """A model server, a journal, and runs over them as a converger makes them."""

    def __init__(self, journal, policy):
        self.servers = MemoryServers(["gerrit"])
        self.journal = journal
        self.settings = RegistrySettings(policy=policy)

    def run(self, *projects):
        """Plan and converge; return the plan."""
        ctx = context(self.servers, registry(*projects), settings=self.settings)
        ctx = dataclasses.replace(ctx, memory=self.journal.memory())
        plan = make_plan(ctx)
        run = self.journal.begin("test")
        settings = ConvergeSettings(attempts=1)
        results = Converge(plan, self.servers, self.journal, run, settings).run()
        keep_in_mind(self.journal, ctx, plan, results, True)
        return plan


@pytest.fixture
def world(journal, request):
    return World(journal, getattr(request, "param", REPORT))


@pytest.mark.parametrize("world", [REPORT, LEAVE], ids=["report", "leave"], indirect=True)
def test_missing_project_is_made_whole_under_every_policy(world):
    """Creation knows no policy; afterwards there is nothing to do and nothing drifts."""
    wanted = project("a", groups=["g"], description="A", state="READ_ONLY")
    world.run(wanted)
    assert world.servers.projects["a"].state == "READ_ONLY"
    plan = world.run(wanted)
    assert (bool(plan), dict(plan.drift), world.journal.drift()) == (False, {}, [])


@pytest.mark.parametrize("world", [REPORT], indirect=True)
def test_change_by_hand_is_told_and_neither_mended_nor_a_failure(world):
    """Under report the server's text stays, the drift is listed with its words."""
    wanted = project("a", groups=["g"])
    world.run(wanted)
    world.servers.write_config("a", OTHER, {"Registered Users": "global:Registered-Users"})
    plan = world.run(wanted)
    assert not plan
    assert "ACL differs" in plan.drift["access:a"]
    assert world.servers.projects["a"].config == OTHER
    assert [row["key"] for row in world.journal.drift()] == ["access:a"]


def test_change_of_the_registry_is_made_where_the_server_drifted(world):
    """What the registry itself asks for anew is written, and the drift is over."""
    world.run(project("a", groups=["g"]))
    world.servers.write_config("a", OTHER, {"Registered Users": "global:Registered-Users"})
    world.run(project("a", groups=["g"]))
    changed = project("a", groups=["h"])
    assert "access:a" in world.run(changed).steps
    assert "group h" in world.servers.projects["a"].config
    plan = world.run(changed)
    assert (bool(plan), world.journal.drift()) == (False, [])


@pytest.mark.parametrize("world", [LEAVE], indirect=True)
def test_left_alone_means_not_even_told(world):
    """Under leave neither a change by hand nor one of the registry has any effect."""
    world.run(project("a", groups=["g"]))
    world.servers.write_config("a", OTHER, {"Registered Users": "global:Registered-Users"})
    plan = world.run(project("a", groups=["g"], description="new"))
    assert not plan
    assert dict(plan.drift) == {}
    assert world.servers.projects["a"].config == OTHER


@pytest.mark.parametrize(
    ("world", "kept", "mended"),
    [
        ({"access": "report"}, "group Registered Users", "cherry pick"),
        ({"settings": "report"}, "action = rebase always", "group g"),
    ],
    ids=["access", "settings"],
    indirect=["world"],
)
def test_one_part_is_mended_and_the_other_kept(world, kept, mended):
    """Rights and settings of one file have policies of their own."""
    setting = (Setting("submit", "action", "cherry pick"),)
    wanted = project("a", groups=["g"], settings=setting)
    world.run(wanted)
    text = OTHER + "[submit]\n\taction = rebase always\n"
    world.servers.write_config("a", text, {"Registered Users": "global:Registered-Users"})
    assert "access:a" in world.run(wanted).steps
    found = world.servers.projects["a"].config
    assert (kept in found, mended in found) == (True, True), found
    assert not world.run(wanted)


def test_settings_without_acl_are_put_into_what_stands_there(world):
    """Without an ACL file only the keys are compared and written."""
    world.settings = RegistrySettings()
    world.run(project("a", acl=False))
    world.servers.write_config("a", OTHER, {"Registered Users": "global:Registered-Users"})
    wanted = project("a", acl=False, settings=(Setting("submit", "action", "cherry pick"),))
    step = world.run(wanted).steps["access:a"]
    assert step.payload["keep"] == ["access"]
    document = AclDocument.parse(world.servers.projects["a"].config)
    assert document.get("submit", None, "action") == "cherry pick"
    assert document.get("access", "refs/*", "read") == "group Registered Users"
    assert not world.run(wanted)


def test_write_that_fails_is_not_remembered_as_settled(world):
    """Under report a change whose push was refused is tried again, not taken for drift."""
    from saltern.errors import Refused

    world.run(project("a", groups=["g"]))
    changed = project("a", groups=["h"])
    world.servers.answers["access:a"] = [Refused("no")]
    world.run(changed)
    assert "access:a" in world.run(changed).steps
    assert not world.run(changed)


def test_drift_that_ends_leaves_the_list(world):
    """When the server is in step again nothing is listed any more."""
    wanted = project("a", groups=["g"])
    world.run(wanted)
    before = world.servers.projects["a"]
    text, groups = before.config, dict(before.groups)
    world.servers.write_config("a", OTHER, {"Registered Users": "global:Registered-Users"})
    world.run(wanted)
    world.servers.write_config("a", text, groups)
    world.run(wanted)
    assert world.journal.drift() == []


def test_everything_in_step_before_the_first_run_is_remembered(world):
    """A server that was right from the start needs no write to be known as settled."""
    wanted = project("a", groups=["g"])
    whole(world.servers, wanted)
    world.run(wanted)
    assert {key for key, known in world.journal.memory().items() if known.seen} == {
        ("access", "a"),
        ("settings", "a"),
    }
