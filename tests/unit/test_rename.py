"""Names that projects had before: what is planned for them, and in which order."""

from __future__ import annotations

import pytest
from memory import MemoryServers, project, registry
from test_plan import context, whole

from saltern.gaps import Block
from saltern.plan import lane, make_plan
from saltern.registry.findings import PROJECT, Finding, Position


@pytest.fixture
def servers() -> MemoryServers:
    return MemoryServers(["gerrit"])


def plan_of(servers, *projects, findings=()):
    """Return the plan as a look makes it."""
    return make_plan(context(servers, registry(*projects, findings=tuple(findings))))


def test_old_name_is_closed_after_the_content_moved(servers):
    """The new project gets its content from the old one, which is closed behind it."""
    whole(servers, project("old", description="It"))
    plan = plan_of(servers, project("new", previously=("old",)))
    assert plan.steps["project:new"].payload["moved_from"] == "old"
    assert plan.steps["content:new"].payload["moved_from"] == "old"
    assert plan.steps["content:new"].why == "move from old"
    assert lane(plan.steps["content:new"]) == ("gerrit", "import")
    retire = plan.steps["retire:old"]
    assert retire.needs == {"project:new", "content:new"}
    assert retire.payload["description"] == "Renamed to new."


def test_latest_open_name_of_a_chain_gives_the_content(servers):
    """A name that an earlier move closed has less than the one after it; order breaks ties."""
    whole(servers, project("a", state="READ_ONLY"), project("b"))
    plan = plan_of(servers, project("c", previously=("b", "a")))
    assert plan.steps["content:c"].payload["moved_from"] == "b"
    assert {"retire:a", "retire:b"} <= plan.steps.keys()


def test_name_that_is_not_there_leaves_nothing_to_do(servers):
    """Nothing is planned for it, and the plan says so where the project is made."""
    plan = plan_of(servers, project("new", previously=("never",)))
    assert "nothing to move" in plan.steps["project:new"].why
    assert plan.steps["content:new"].payload["moved_from"] is None
    assert "retire:never" not in plan.steps


def test_closed_pointer_is_in_step(servers):
    """A read-only project whose description points to the new name needs nothing."""
    new = project("new", previously=("old",))
    whole(servers, project("old", state="READ_ONLY", description="Renamed to new."), new)
    assert not plan_of(servers, new)


def test_hidden_old_name_blocks_the_content_and_says_why(servers):
    """Gerrit shows nobody the branches of a hidden project: nothing could be moved."""
    whole(servers, project("old", state="HIDDEN"))
    plan = plan_of(servers, project("new", previously=("old",)))
    assert isinstance(plan.blocked["content:new"], Block)
    assert "hidden" in plan.blocked["content:new"].reason


def test_held_up_project_closes_nothing(servers):
    """While a finding stands on the new entry the old project goes on as it is."""
    whole(servers, project("old"))
    place = Position("projects.yaml", 1, 1)
    finding = Finding("SLT025", "error", place, "no", "new", PROJECT)
    plan = plan_of(servers, project("new", previously=("old",)), findings=[finding])
    assert "retire:old" not in plan.steps
