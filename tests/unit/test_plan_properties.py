"""Plans of any registry against any state of the servers, walked on the model servers."""

from __future__ import annotations

import itertools
from graphlib import TopologicalSorter

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from memory import ROOT, MemoryServers, project, registry, wish
from test_plan import context, whole

from saltern.converge import Converge
from saltern.errors import Refused, Retry
from saltern.journal import Journal
from saltern.plan import make_plan
from saltern.settings import ConvergeSettings

NAMES = [f"p{n}" for n in range(6)]
GROUPS = ["core", "release managers", "Zürich", "Registered Users", "Administrators"]
OUTSIDE = "outside/base"
FORMER = ("old/a", "old/b")
NOWHERE = "nowhere/x"
STAGES = (
    "absent", "no-ref", "no-branch", "elsewhere", "other-acl", "wrong-uuid", "no-mirror",
    "stale-mirror", "broken-mirror", "empty-mirror", "only-mirror",
    "whole", "retired",
)  # fmt: skip
FAST = ConvergeSettings(attempts=2, backoff=0.001, backoff_limit=0.001, batch=3)


@st.composite
def entries(draw, parents=(ROOT, OUTSIDE, NOWHERE, *NAMES), strangers=True):
    """A registry of some of the names in any order; parents may be later, missing or cyclic."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
    before = dict(zip(draw(st.permutations(names)), FORMER, strict=False))
    return registry(
        *(
            project(
                name,
                draw(st.sampled_from(parents)),
                draw(st.lists(st.sampled_from(GROUPS), unique=True, max_size=3)),
                acl=draw(st.integers(0, 5)) > 0,
                state=draw(st.sampled_from(["ACTIVE", "ACTIVE", "READ_ONLY", "HIDDEN"])),
                description=draw(st.sampled_from(["", "one", "two"])),
                branch=draw(st.sampled_from(["master", "main"])),
                upstream=draw(st.sampled_from([None, "https://up.example/x"])),
                previously=(before[name],) if name in before and draw(st.booleans()) else (),
            )
            for name in names
        ),
        wishes=draw(wish_lists(strangers)),
    )


@st.composite
def wish_lists(draw, strangers):
    """Some entries of groups.yaml; without ``strangers`` every group they name has one, too."""
    found = draw(st.lists(wishes(strangers), unique_by=lambda wish: wish.name, max_size=2))
    named = {group.text for each in found for group in named_by(each)} - {w.name for w in found}
    return found if strangers else [*found, *map(wish, sorted(named & set(GROUPS[:3])))]


@st.composite
def wishes(draw, strangers):
    """An entry of groups.yaml; what it names may be made in the same run, or be nobody at all."""
    name = draw(st.sampled_from(GROUPS[:3]))
    others = [group for group in GROUPS if group != name]
    nobody = [["alice", "eve"]] if strangers else []
    return wish(
        name,
        description=draw(st.sampled_from([None, "", "They"])),
        owner=draw(st.sampled_from([None, *others[:2]])),
        members=draw(st.sampled_from([None, [], ["alice"], ["alice", "bob"], *nobody])),
        includes=draw(st.sampled_from([None, [], others[:1], others[:2]])),
    )


def _place(servers: MemoryServers, entry, stage: str) -> None:
    """Put ``entry`` on the servers as far as ``stage`` says."""
    if stage == "absent":
        return
    if stage == "only-mirror":
        servers.mirrors[entry.name] = {}
        return
    parent = entry.parent
    if parent not in servers.projects or entry.name in [parent, *servers.ancestors(parent)]:
        parent = ROOT
    whole(servers, project(entry.name, parent, entry.groups, description=entry.description,
                           branch=entry.default_branch,
                           state="READ_ONLY" if stage == "retired" else "ACTIVE"))  # fmt: skip
    here = servers.projects[entry.name]
    if stage in ("no-ref", "no-branch"):
        here.refs.clear()
        servers.mirrors.pop(entry.name)
    if stage == "no-ref":
        here.config = here.config_id = None
    elif stage == "elsewhere":
        here.head = "refs/heads/other"
    elif stage == "other-acl":
        text = f"[access]\n\tinheritFrom = {parent}\n[receive]\n\tmaxObjectSizeLimit = 1m\n"
        servers.write_config(entry.name, text, {})
    elif stage == "wrong-uuid":
        here.groups = dict.fromkeys(here.groups, "0" * 40)
    elif stage == "no-mirror":
        servers.mirrors.pop(entry.name)
    elif stage == "stale-mirror":
        servers.mirrors[entry.name] = dict.fromkeys(here.refs, "1" * 40)
    elif stage == "empty-mirror":
        servers.mirrors[entry.name] = {}
    elif stage == "broken-mirror":
        servers.mirrors[entry.name] = "no HEAD"


@st.composite
def scenes(draw, **options):
    """A registry and servers on which any part of it is already there, whole or damaged."""
    wanted = draw(entries(**options))
    servers = MemoryServers()
    servers.add_project(OUTSIDE)
    for name in draw(st.sets(st.sampled_from(FORMER))):
        whole(servers, project(name, state=draw(st.sampled_from(["ACTIVE", "READ_ONLY"]))))
    for name in draw(st.sets(st.sampled_from(GROUPS[:3]))):
        servers.add_group(name)
        servers.settled_of(name).members = draw(st.sets(st.sampled_from([1, 2, 3])))
    for name in draw(st.permutations(list(wanted.projects))):
        _place(servers, wanted.projects[name], draw(st.sampled_from(STAGES)))
    for group in draw(st.sets(st.sampled_from(GROUPS[:3]))):
        servers.groups.pop(group, None)
    return wanted, servers


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """``converge(servers, wanted)``: one walk of a fresh plan; its plan and its results."""
    journal = Journal(tmp_path_factory.mktemp("plans") / "journal.sqlite")
    numbers = itertools.count()

    def converge(servers, wanted, scope=None):
        plan = make_plan(context(servers, wanted), scope)
        run = f"run{next(numbers)}"
        return plan, Converge(plan, servers, journal, run, FAST).run()

    yield converge
    journal.close()


def undone(servers, wanted, keys) -> set[str]:
    return {key for key in keys if not servers.kept(key, wanted)}


def named_by(entry) -> list:
    """The groups that an entry of groups.yaml names."""
    return [*([entry.owner] if entry.owner else []), *(entry.includes or ())] if entry else []


RELAXED = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@given(scenes())
@RELAXED
def test_any_plan_has_exactly_the_gaps_and_no_cycle(scene):
    """No step for what is done, a step or a block for all that is not, needs within the plan."""
    wanted, servers = scene
    plan = make_plan(context(servers, wanted))
    assert undone(servers, wanted, plan.examined) <= plan.steps.keys() | plan.blocked.keys()
    assert plan.steps.keys() <= undone(servers, wanted, plan.examined)
    assert not plan.steps.keys() & plan.blocked.keys()
    graph = {key: step.needs for key, step in plan.steps.items()}
    assert set().union(*graph.values(), set()) <= plan.steps.keys() | plan.blocked.keys()
    list(TopologicalSorter(graph).static_order())


@given(scenes())
@RELAXED
def test_any_converge_reports_exactly_what_is_not_done(runs, scene):
    """What the results call undone is undone on the servers, and nothing else is."""
    wanted, servers = scene
    plan, results = runs(servers, wanted)
    unfinished = {key for key, result in results.items() if result.state != "done"}
    left = undone(servers, wanted, plan.examined)
    assert left <= unfinished
    assert unfinished <= left | plan.blocked.keys()
    assert {r.state for r in results.values()} <= {"done", "blocked", "skipped"}, [
        r for r in results.values() if r.state == "failed"
    ]


@given(scenes())
@RELAXED
def test_any_second_converge_writes_nothing(runs, scene):
    """Applying a plan and looking again leaves only what cannot be done."""
    wanted, servers = scene
    first, results = runs(servers, wanted)
    written = len(servers.writes)
    again, _ = runs(servers, wanted)
    assert servers.writes[written:] == []
    unfinished = {key for key, result in results.items() if result.state != "done"}
    assert again.steps.keys() | again.blocked.keys() == unfinished
    assert again.examined == first.examined


@given(scenes(parents=(ROOT, OUTSIDE, *NAMES[:2])), st.data())
@RELAXED
def test_any_failures_are_reported_and_made_good_by_the_next_run(runs, scene, data):
    """Refusals and lost answers at any steps: nothing undone is called done, the rest follows."""
    wanted, servers = scene
    plan = make_plan(context(servers, wanted))
    for key in data.draw(st.sets(st.sampled_from(sorted(plan.steps)))) if plan.steps else ():
        errors = data.draw(st.sampled_from([[Refused("no")], [Retry("lost")], [Retry("lost")] * 2]))
        servers.answers[key] = list(errors)
    _, results = runs(servers, wanted)
    done = {key for key, result in results.items() if result.state == "done"}
    assert undone(servers, wanted, done) == set()
    for key, result in results.items():
        needs = plan.steps[key].needs if key in plan.steps else ()
        assert result.state != "done" or all(need in done for need in needs)
    servers.answers.clear()
    again, results = runs(servers, wanted)
    assert {key for key, r in results.items() if r.state != "done"} <= undone(
        servers, wanted, again.examined
    ) | again.blocked.keys()
    assert {r.state for r in results.values()} <= {"done", "blocked", "skipped"}
    assert servers.cycles == []


@given(scenes())
@RELAXED
def test_no_plan_closes_a_cycle_of_parents_on_the_server(runs, scene):
    """Whatever is moved, at no moment does a project inherit from itself."""
    wanted, servers = scene
    runs(servers, wanted)
    assert servers.cycles == []


@given(scenes(parents=(ROOT, OUTSIDE), strangers=False))
@RELAXED
def test_registry_without_errors_is_done_in_one_run(runs, scene):
    """With parents that exist, everything examined is as asked after a single converge."""
    wanted, servers = scene
    plan, results = runs(servers, wanted)
    assert {r.state for r in results.values()} <= {"done"}
    assert undone(servers, wanted, plan.examined) == set()


@st.composite
def trees(draw):
    """Four projects in any order, each under the root or another one, often in a chain."""
    names = draw(st.permutations(NAMES[:4]))
    projects = [
        project(name, draw(st.sampled_from([*names[max(0, n - 1) : n], *names[:n], ROOT])))
        for n, name in enumerate(names)
    ]
    return draw(st.permutations(projects))


@given(trees(), trees())
@example(
    [project("p3", ROOT), project("p1", "p3"), project("p0", "p1"), project("p2", ROOT)],
    [project("p3", "p2"), project("p2", "p1"), project("p1", "p0"), project("p0", ROOT)],
)
@settings(RELAXED, max_examples=150)
def test_any_rearrangement_of_parents_is_done_without_a_cycle(runs, before, after):
    """From any tree of projects to any other: one run, no cycle on the way."""
    servers = MemoryServers()
    whole(servers, *before)
    _, results = runs(servers, registry(*after))
    assert servers.cycles == []
    assert {r.state for r in results.values()} <= {"done"}
    assert {p.name: servers.projects[p.name].parent for p in after} == {
        p.name: p.parent for p in after
    }


@given(scenes(parents=(ROOT, OUTSIDE), strangers=False), st.data())
@RELAXED
def test_scope_touches_nothing_else(runs, scene, data):
    """A request for one project writes only that project, its ancestors and their groups."""
    wanted, servers = scene
    name = data.draw(st.sampled_from(sorted(wanted.projects)))
    plan, _ = runs(servers, wanted, [name])
    chain = {name, wanted.projects[name].parent}
    groups = {g for n in chain & wanted.projects.keys() for g in wanted.projects[n].groups}
    for _ in wanted.group_wishes:
        groups |= {g.text for n in groups for g in named_by(wanted.group_wishes.get(n))}
    former = {old for n in chain & wanted.projects.keys() for old in wanted.projects[n].previously}
    assert {key.partition(":")[2] for key in servers.writes} <= chain | groups | former
    assert undone(servers, wanted, plan.examined) == set()
