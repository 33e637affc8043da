"""The step table: what each kind calls a gap, what blocks it, and what it waits for."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from memory import ROOT, MemoryServers, project, registry

from saltern.gaps import Block, Context, Gap
from saltern.look import Looker
from saltern.plan import make_plan, retired_by, with_evidence
from saltern.registry.findings import Finding, Position
from saltern.settings import RegistrySettings
from saltern.steps import Step

SETTINGS = RegistrySettings()


def context(servers: MemoryServers, wanted, *, deep=(), **options) -> Context:
    """Observe ``servers`` for ``wanted`` as a run does."""
    looker = Looker(options.pop("settings", SETTINGS), servers, Path())
    return dataclasses.replace(looker.observe(wanted, deep=deep), **options)


def plan_of(servers, *projects, scope=None, **options):
    return make_plan(context(servers, registry(*projects), **options), scope)


def whole(servers: MemoryServers, *wanted) -> None:
    """Make ``wanted`` true on the servers without a plan."""
    for entry in wanted:
        groups = {name: servers.add_group(name) for name in entry.groups}
        here = servers.add_project(entry.name, entry.parent)
        here.head = f"refs/heads/{entry.default_branch}"
        here.refs[here.head] = servers.new_id()
        servers.write_config(entry.name, entry.config or "", groups)
        servers.mirrors[entry.name] = dict(here.refs)


@pytest.fixture
def servers() -> MemoryServers:
    return MemoryServers()


def test_everything_in_step_gives_an_empty_plan(servers):
    """Nothing is planned for what an observation shows to be as it should."""
    wanted = [project("a", description="A", groups=["g h"]), project("b", "a")]
    whole(servers, *wanted)
    plan = plan_of(servers, *wanted)
    assert not plan
    assert len(plan.examined) == 9


def test_empty_server_gives_a_step_for_every_object(servers):
    """A cold start plans groups, projects, content, access and mirrors, each with its needs."""
    plan = plan_of(servers, project("kid", "mum", ["g"]), project("mum"))
    assert {key: sorted(step.needs) for key, step in plan.steps.items()} == {
        "group:g": [],
        "project:kid": ["project:mum"],
        "project:mum": [],
        "content:kid": ["project:kid"],
        "content:mum": ["project:mum"],
        "access:kid": ["content:kid", "group:g", "project:kid", "project:mum"],
        "access:mum": ["content:mum", "project:mum"],
        "mirror:kid": ["content:kid"],
        "mirror:mum": ["content:mum"],
    }


@pytest.mark.parametrize(
    ("damage", "key", "why"),
    [
        (lambda s: s.projects["a"].__setattr__("config", None), "project:a", "half made"),
        (lambda s: s.projects["a"].refs.clear(), "content:a", "no branch master"),
        (lambda s: s.projects["a"].__setattr__("head", "refs/heads/x"), "content:a", "HEAD"),
        (lambda s: s.write_config("a", "[receive]\n\tx = 1\n", {}), "access:a", "ACL"),
        (lambda s: s.projects["a"].groups.update(g="0" * 40), "access:a", "groups file: g"),
        (lambda s: s.projects["a"].groups.clear(), "access:a", "groups file: g"),
        (lambda s: s.groups.pop("g"), "group:g", "missing"),
        (lambda s: s.mirrors.pop("a"), "mirror:a", "missing"),
        (lambda s: s.mirrors.update(a="no HEAD"), "mirror:a", "broken: no HEAD"),
        (lambda s: s.mirrors["a"].update({"refs/heads/master": "1" * 40}), "mirror:a", "behind"),
        (lambda s: s.mirror_heads.update(a="refs/heads/x"), "mirror:a", "HEAD is refs/heads/x"),
    ],
    ids=[
        "no-config", "no-branch", "head-elsewhere", "acl", "wrong-uuid", "no-groups-file",
        "group-gone", "mirror-gone", "mirror-broken", "mirror-behind", "mirror-head",
    ],
)  # fmt: skip
def test_each_damage_is_a_gap_that_names_it(servers, damage, key, why):
    """Whatever is not as it should be is planned again, with its cause in words."""
    wanted = project("a", groups=["g"])
    whole(servers, wanted)
    damage(servers)
    if servers.projects["a"].config is None:
        servers.projects["a"].config_id = None
    plan = plan_of(servers, wanted)
    assert why in plan.steps[key].why


def test_existing_project_without_config_is_repaired_not_taken_for_done(servers):
    """A 409 or a listing is no evidence: without refs/meta/config the project is half made."""
    whole(servers, project("a"))
    servers.projects["a"].config = servers.projects["a"].config_id = None
    step = plan_of(servers, project("a")).steps["project:a"]
    assert step.payload["exists"] is True
    assert step.payload["config"] is None


def test_missing_parent_blocks_project_and_access_with_its_place(servers):
    """A parent that is nowhere is a block that says where it is written; the rest goes on."""
    plan = plan_of(servers, project("a", "nowhere"), project("b"))
    assert plan.blocked["project:a"].code == "parent-missing"
    assert plan.blocked["access:a"].code == "parent-missing"
    assert "acls/a.config" in plan.blocked["project:a"].reason
    assert "nowhere" in plan.blocked["project:a"].reason
    assert {"project:b", "content:b", "access:b", "mirror:b"} <= plan.steps.keys()
    assert plan.steps["content:a"].needs == {"project:a"}


def test_parent_only_on_the_server_is_enough(servers):
    """A parent need not be in the registry."""
    servers.add_project("elsewhere")
    plan = plan_of(servers, project("a", "elsewhere"))
    assert not plan.blocked
    assert plan.steps["project:a"].needs == frozenset()


@pytest.mark.parametrize("there", [False, True], ids=["cold", "existing"])
@pytest.mark.parametrize("parents", ["a", "ba", "bca"], ids=["own-parent", "two", "three"])
def test_circle_of_parents_blocks_its_members_and_nobody_else(servers, parents, there):
    """Gerrit takes a circle in silence; here its members are blocked and the rest is planned."""
    looped = [project(name, parent) for name, parent in zip("abc", parents, strict=False)]
    if there:
        whole(servers, *(project(p.name) for p in looped))
    plan = plan_of(servers, *looped, project("free"))
    for entry in looped:
        assert plan.blocked[f"project:{entry.name}"].code == "SLT051"
        assert f"access:{entry.name}" in plan.blocked
    assert {step.name for step in plan.steps.values() if step.kind != "content"} == {"free"}


def test_cycle_through_a_project_outside_the_registry_is_blocked(servers):
    """The server's own parents count when they would close a cycle."""
    whole(servers, project("a"))
    servers.add_project("outside", "a")
    plan = plan_of(servers, project("a", "outside"))
    assert plan.blocked["access:a"].code == "parent-cycle"


def test_finding_blocks_only_what_it_names(servers):
    """An ACL that does not parse stops the access step; the project is made all the same."""
    finding = Finding(
        "SLT9", "error", Position("acls/a", 3, 1), "bad", project="a", blocks="access"
    )
    wanted = registry(project("a"), project("b"), findings=(finding,))
    plan = make_plan(context(servers, wanted))
    assert plan.blocked == {"access:a": Block("SLT9", "acls/a:3:1: bad")}
    assert {"project:a", "content:a", "mirror:a", "access:b"} <= plan.steps.keys()


def test_finding_on_the_project_blocks_all_of_it(servers):
    """A duplicate or unusable entry runs no step at all, and is reported even when it exists."""
    finding = Finding("SLT1", "error", Position("p", 3, 1), "bad", project="a", blocks="project")
    wanted = registry(project("a"), findings=(finding,))
    plan = make_plan(context(servers, wanted))
    assert not plan.steps
    whole(servers, project("a"))
    again = make_plan(context(servers, wanted))
    assert {"project:a", "access:a"} <= again.blocked.keys()


def test_scope_plans_the_project_and_its_ancestors_only(servers):
    """A request for one project looks at it, its parents and its groups."""
    entries = [project("kid", "mum", ["g"]), project("mum"), project("other", groups=["h"])]
    plan = plan_of(servers, *entries, scope=["kid"])
    assert {step.name for step in plan.steps.values()} == {"kid", "mum", "g"}


def test_scope_includes_the_owner_of_a_group_to_be_made(servers):
    """A group is never planned without the group that is to own it."""
    settings = RegistrySettings(group_owner="keepers")
    wanted = registry(project("a", groups=["g"]), project("b", groups=["keepers"]))
    plan = make_plan(context(servers, wanted, settings=settings), ["a"])
    assert "group:keepers" in plan.steps or "group:g" in plan.blocked
    if "group:keepers" in plan.steps:
        assert plan.steps["group:g"].needs == {"group:keepers"}


def test_group_owner_that_is_nowhere_blocks_the_groups(servers):
    """Groups are not made ownerless; the reason names the setting."""
    plan = plan_of(
        servers, project("a", groups=["g"]), settings=RegistrySettings(group_owner="nobody")
    )
    assert plan.blocked["group:g"].code == "owner-missing"
    assert "group_owner" in plan.blocked["group:g"].reason
    assert "group:g" in plan.steps["access:a"].needs


def test_projects_that_change_places_wait_for_each_other(servers):
    """When parent and child swap, the new parent moves away first."""
    whole(servers, project("a", "b"), project("b"))
    plan = plan_of(servers, project("a"), project("b", "a"))
    assert "access:a" in plan.steps["access:b"].needs
    assert "access:b" not in plan.steps["access:a"].needs


def test_every_project_on_the_way_to_a_new_parent_moves_first(servers):
    """c under b under a: a moves under c only after b left a, though c itself stays."""
    whole(servers, project("a"), project("b", "a"), project("c", "b"))
    plan = plan_of(servers, project("a", "c"), project("b"), project("c", "b"))
    assert "access:b" in plan.steps["access:a"].needs


def test_unread_acl_is_planned_and_says_so(servers):
    """Contents that could not be read are not taken for equal."""
    whole(servers, project("a"))
    ctx = context(servers, registry(project("a")))
    ctx.gerrit["projects"]["a"]["access"] = None
    assert make_plan(ctx).steps["access:a"].why == "unread"


def test_no_acl_file_means_no_access_step(servers):
    """A project without an ACL file keeps the rights it has."""
    plan = plan_of(servers, project("a", acl=False))
    assert {"project:a", "content:a", "mirror:a"} == plan.steps.keys()


def test_empty_mirror_of_a_project_to_be_made_is_planned(servers):
    """Two missing branches are not two equal ones: the mirror follows once there is content."""
    servers.mirrors["a"] = {}
    plan = plan_of(servers, project("a"))
    assert plan.steps["mirror:a"].needs == {"content:a"}


def test_no_mirror_owner_means_no_mirror_step():
    """Without a mirror in the settings nothing is planned for one."""
    servers = MemoryServers({"gerrit"})
    assert "mirror:a" not in plan_of(servers, project("a")).steps


def test_mirror_that_could_not_be_looked_at_blocks_mirrors_only(servers):
    """A mirror host that is away costs its own steps, not the projects."""
    ctx = dataclasses.replace(
        context(servers, registry(project("a"))), mirror=None, mirror_error="git01 is away"
    )
    plan = make_plan(ctx)
    assert plan.blocked == {"mirror:a": Block("mirror-unseen", "git01 is away")}
    assert {"project:a", "content:a", "access:a"} == plan.steps.keys()


def test_other_refs_are_compared_only_when_asked(servers):
    """A deep look sees a missing tag; a shallow one leaves it to the ref's own event."""
    wanted = project("a")
    whole(servers, wanted)
    servers.projects["a"].refs["refs/tags/v1"] = servers.new_id()
    assert not plan_of(servers, wanted)
    assert plan_of(servers, wanted, deep=["a"]).steps["mirror:a"].why == "behind on other refs"


def test_description_alone_is_a_project_step_and_no_access_step(servers):
    """A changed description is one PUT, and does not rewrite the ACL."""
    whole(servers, project("a", description="old"))
    plan = plan_of(servers, project("a", description="new"))
    assert plan.steps.keys() == {"project:a"}
    assert plan.steps["project:a"].payload["exists"] is True


def test_hidden_project_has_no_mirror_step(servers):
    """What Gerrit hides is not mirrored."""
    plan = plan_of(servers, project("a", state="HIDDEN"))
    assert "mirror:a" not in plan.steps


def test_retired_counts_active_projects_that_would_close(servers):
    """Only what is active now and would be closed counts against the limit."""
    whole(servers, project("a"), project("b", state="READ_ONLY"), project("c"))
    ctx = context(
        servers,
        registry(
            project("a", state="READ_ONLY"),
            project("b", state="READ_ONLY", groups=["g"]),
            project("c"),
            project("new", state="READ_ONLY"),
        ),
    )
    assert retired_by(ctx, make_plan(ctx)) == ["a"]


def test_evidence_completes_groups_owner_and_base():
    """UUIDs and the fresh refs/meta/config come from what earlier steps saw."""
    access = Step(
        "access", "a", "", {"groups": {"g": None, "h": "1"}, "base": None, "fresh": False}
    )
    group = Step("group", "g", "", {"owner": "o", "owner_uuid": None})
    evidence = {"group:g": {"uuid": "2"}, "group:o": {"uuid": "3"}, "project:a": {"config": "4"}}
    assert with_evidence(group, evidence).payload["owner_uuid"] == "3"
    assert with_evidence(access, evidence).payload == {
        "groups": {"g": "2", "h": "1"},
        "base": "4",
        "fresh": True,
    }
    assert with_evidence(access, {}).payload == access.payload
    assert ROOT not in evidence


def test_gap_and_block_are_different_answers():
    """A block is never mistaken for something to run."""
    assert not isinstance(Block("a", "b"), Gap)
