"""What groups of other systems, blanks and several states of a registry mean for a plan."""

from __future__ import annotations

import pytest
from memory import MemoryServers, project, registry, wish
from test_plan import context, plan_of, whole

from saltern.announce import Announcer, Change
from saltern.gaps import Block
from saltern.look import Looker
from saltern.plan import make_plan
from saltern.settings import CheckSettings, RegistrySettings


@pytest.fixture
def servers() -> MemoryServers:
    return MemoryServers(["gerrit"])


@pytest.mark.parametrize("name", ["ldap/admins", "user/jdoe", "ldap:cn=admins"])
def test_group_of_another_system_is_never_made(servers, name):
    """An ACL that names one waits for a group that Gerrit keeps; nothing of the name is made."""
    plan = plan_of(servers, project("a", groups=[name]))
    assert f"group:{name}" not in plan.steps
    assert isinstance(plan.blocked[f"group:{name}"], Block)
    assert plan.blocked[f"group:{name}"].code == "external-group"
    assert f"group:{name}" in plan.steps["access:a"].needs


def test_description_with_outer_blanks_on_the_server_is_in_step(servers):
    """Gerrit keeps blanks that the registry has not: that is no difference for ever."""
    whole(servers, project("a", description="It"))
    text = servers.projects["a"].config.replace("description = It", 'description = "  It "')
    servers.write_config("a", text, {})
    assert not plan_of(servers, project("a", description="It"))


def test_groups_that_an_entry_names_are_in_the_scope_of_its_project(servers):
    """A run for one project makes the owner that groups.yaml gives to a group of its ACL."""
    wanted = registry(
        project("a", groups=["core"]), wishes=[wish("core", owner="leads"), wish("leads")]
    )
    plan = make_plan(context(servers, wanted), ["a"])
    assert {"group:core", "group:leads", "members:core"} <= plan.steps.keys()


def test_note_waits_for_the_closing_of_old_names(servers):
    """The note on a rename tells of step `retire`, and calls no moved project gone."""
    whole(servers, project("old"))
    wanted = registry(project("new", previously=("old",)))
    plan = make_plan(context(servers, wanted))
    change = Change("c" * 40, 7, frozenset({"new"}), ("old",))
    announcer = Announcer([change], wanted, plan, "run")
    (step,) = announcer.steps()
    assert "retire:old" in step.needs


def test_looker_checks_the_registry_as_its_settings_say(servers, tmp_path):
    """Plan, converge and review see the findings that `saltern check` shows, and no others."""
    file = tmp_path / "gerrit" / "projects.yaml"
    file.parent.mkdir()
    file.write_text("- project: a/b\n  descripton: It\n")
    told = [
        {finding.code for finding in Looker(RegistrySettings(), servers, tmp_path, tmp_path, check)
         .read()[1].findings}
        for check in (None, CheckSettings(ignore=("SLT005",)))
    ]  # fmt: skip
    assert ["SLT005" in codes for codes in told] == [True, False]
