"""The plan: the steps between what should exist and what exists, and what each needs.

``KINDS`` is the step table of the design. The gap function of a kind (:mod:`saltern.gaps`)
decides what a plan prints, what a converge runs, and whether the next one finds nothing to do.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from saltern.gaps import (
    ACTIVE,
    Block,
    Context,
    Gap,
    access_gap,
    content_gap,
    group_gap,
    mirror_gap,
    parent_place,
    project_gap,
)
from saltern.membership import groups_named, members_gap, members_needs, members_with
from saltern.parts import drifts
from saltern.registry.findings import MEMBERS
from saltern.registry.registry import Registry
from saltern.rename import retire_gap, retire_needs
from saltern.sight import Unknown, doubt
from saltern.steps import Step, step_key


def _group_needs(ctx: Context, name: str) -> Iterator[str]:
    yield step_key("group", ctx.settings.group_owner)


def _project_needs(ctx: Context, name: str) -> Iterator[str]:
    yield step_key("project", ctx.registry.projects[name].parent)


def _content_needs(ctx: Context, name: str) -> Iterator[str]:
    yield step_key("project", name)


def _access_needs(ctx: Context, name: str) -> Iterator[str]:
    project = ctx.registry.projects[name]
    yield step_key("project", name)
    yield step_key("content", name)
    yield step_key("project", project.parent)
    for group in project.groups:
        yield step_key("group", group)
    # A project moves after all that will be above it: whatever else is under way, the way from
    # its new parent to the root is then final, and no push closes a cycle.
    for above in _movers_above(ctx, name):
        yield step_key("access", above)


def _movers_above(ctx: Context, name: str) -> Iterator[str]:
    if not _moves(ctx, name):
        return
    passed = {name}
    here: str | None = ctx.registry.projects[name].parent
    while here and here not in passed:
        passed.add(here)
        if _moves(ctx, here):
            yield here
        known = ctx.registry.projects.get(here)
        here = known.parent if known else (ctx.seen(here) or {}).get("parent")


def _moves(ctx: Context, name: str) -> bool:
    """Return whether the access step of a project gives it another parent."""
    project, seen = ctx.registry.projects.get(name), ctx.seen(name)
    if project is None or not project.places_parent or seen is None or seen["config"] is None:
        return False
    return bool(seen["parent"] != project.parent)


def _mirror_needs(ctx: Context, name: str) -> Iterator[str]:
    yield step_key("content", name)


@dataclass(frozen=True)
class Kind:
    """A row of the step table.

    ``lane`` groups steps that share a concurrency limit; ``over`` says which objects the
    kind is about: ``groups``, ``wishes`` (the groups of groups.yaml), ``projects`` or ``moved``
    (names that projects had before).
    """

    name: str
    provider: str
    lane: str
    over: str
    needs: Callable[[Context, str], Iterable[str]]
    gap: Callable[[Context, str], Gap | Block | None]


KINDS = (
    Kind("group", "gerrit", "group", "groups", _group_needs, group_gap),
    Kind("members", "gerrit", "main", "wishes", members_needs, members_gap),
    Kind("project", "gerrit", "main", "projects", _project_needs, project_gap),
    Kind("content", "gerrit", "main", "projects", _content_needs, content_gap),
    Kind("access", "gerrit", "main", "projects", _access_needs, access_gap),
    Kind("retire", "gerrit", "import", "moved", retire_needs, retire_gap),
    Kind("mirror", "mirror", "main", "projects", _mirror_needs, mirror_gap),
)
PROJECT_KINDS = frozenset(kind.name for kind in KINDS if kind.over == "projects")
ANNOUNCE = "announce"
_LANES = {kind.name: (kind.provider, kind.lane) for kind in KINDS} | {ANNOUNCE: ("gerrit", "main")}


def lane(step: Step) -> tuple[str, str]:
    """Return the provider of a step and its lane: the steps that share a concurrency limit.

    Imports have one of their own: they may take an hour, and a job answers as a whole.
    """
    if step.kind == "content" and (step.payload["upstream"] or step.payload.get("moved_from")):
        return "gerrit", "import"
    return _LANES[step.kind]


@dataclass(frozen=True)
class Plan:
    """Steps by key, in the order of the step table, and what stands in the way of others.

    ``blocked`` steps are not run and count as not done; ``examined`` holds every key that
    was looked at, done or not; ``unknown`` those of which a reader with few rights cannot tell;
    ``drift`` says what differs and by its policy is only told, by ``POLICY:NAME``.
    """

    steps: Mapping[str, Step]
    blocked: Mapping[str, Block]
    examined: frozenset[str]
    unknown: Mapping[str, Unknown] = dataclasses.field(default_factory=dict)
    drift: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.steps or self.blocked)

    def with_steps(self, extra: Iterable[Step]) -> Plan:
        """Return the plan with ``extra`` steps behind its own."""
        added = {step.key: step for step in extra}
        steps, examined = {**self.steps, **added}, self.examined | set(added)
        return dataclasses.replace(self, steps=steps, examined=examined)


def make_plan(ctx: Context, scope: Collection[str] | None = None) -> Plan:
    """Return the plan for ``scope`` (names of projects; ``None``: the whole registry)."""
    names = {
        "projects": _closure(ctx.registry, scope),
        "groups": _groups(ctx.registry, scope, ctx.settings.group_owner),
    }
    wanted = set(names["projects"])
    names["moved"] = [old for old, name in ctx.registry.moved.items() if name in wanted]
    names["wishes"] = _wishes(ctx.registry, scope, names["groups"])
    blocks = {**finding_blocks(ctx.registry), **_cycle_blocks(ctx)}
    steps: dict[str, Step] = {}
    blocked: dict[str, Block] = {}
    unknown: dict[str, Unknown] = {}
    examined = set()
    for kind in KINDS:
        for name in names[kind.over]:
            key = step_key(kind.name, name)
            examined.add(key)
            found = doubt(ctx, kind.name, name, kind.gap(ctx, name))
            block = _standing_block(blocks, kind, name)
            if block and (found is not None or kind.name in ("project", "access", "members")):
                found = block
            if isinstance(found, Block):
                blocked[key] = found
            elif isinstance(found, Unknown):
                unknown[key] = found
            elif found is not None:
                steps[key] = Step(
                    kind.name, name, found.why, found.payload, frozenset(kind.needs(ctx, name))
                )
    present = steps.keys() | blocked.keys()
    pruned = {
        key: dataclasses.replace(step, needs=(step.needs & present) - {key})
        for key, step in steps.items()
    }
    looked = frozenset(examined)
    return Plan(pruned, blocked, looked, unknown, drifts(ctx, looked))


def _standing_block(blocks: Mapping[tuple[str, str], Block], kind: Kind, name: str) -> Block | None:
    if kind.over != "projects":
        return blocks.get((kind.name, name))
    return blocks.get(("project", name)) or blocks.get((kind.name, name))


def finding_blocks(registry: Registry) -> dict[tuple[str, str], Block]:
    """Return what the registry's own findings stop: ``{(kind, project): Block}``."""
    return {
        (finding.blocks, finding.project): Block(
            finding.code, f"{finding.position}: {finding.message}"
        )
        for finding in reversed(registry.findings)
        if finding.blocks and finding.project
    }


def _cycle_blocks(ctx: Context) -> dict[tuple[str, str], Block]:
    """Refuse ACLs whose parents lead back to themselves; Gerrit takes them without a word."""
    wanted = {name: seen["parent"] for name, seen in ctx.gerrit["projects"].items()}
    wanted |= {name: project.parent for name, project in ctx.registry.projects.items()}
    blocks = {}
    for name, project in ctx.registry.projects.items():
        path = [name]
        while (parent := wanted.get(path[-1])) and parent not in path:
            path.append(parent)
        if parent == name:
            chain = " -> ".join([*path, name])
            blocks["access", name] = Block(
                "parent-cycle", f"{parent_place(project)}: parents form a cycle: {chain}"
            )
    return blocks


def _closure(registry: Registry, scope: Collection[str] | None) -> list[str]:
    """Return the scope with its ancestors in the registry, in the registry's order."""
    if scope is None:
        return list(registry.projects)
    wanted: set[str] = set()
    queue = [name for name in scope if name in registry.projects]
    while queue:
        name = queue.pop()
        if name in registry.projects and name not in wanted:
            wanted.add(name)
            queue.append(registry.projects[name].parent)
    return [name for name in registry.projects if name in wanted]


def _groups(registry: Registry, scope: Collection[str] | None, owner: str) -> list[str]:
    if scope is None:
        return list(registry.groups)
    named = {g for name in _closure(registry, scope) for g in registry.projects[name].groups}
    named = _with_named(registry, named | {owner} if named else named)
    return [group for group in registry.groups if group in named]


def _with_named(registry: Registry, groups: Collection[str]) -> set[str]:
    """Return groups with those that their entries in groups.yaml name, and so on."""
    found: set[str] = set()
    queue = list(groups)
    while queue:
        name = queue.pop()
        if name not in found:
            found.add(name)
            wish = registry.group_wishes.get(name)
            queue += [group.text for group in groups_named(wish)] if wish else []
    return found


def _wishes(
    registry: Registry, scope: Collection[str] | None, groups: Collection[str]
) -> list[str]:
    """Return the groups of groups.yaml in the scope; the whole one has its unreadable entries."""
    if scope is not None:
        return [name for name in registry.group_wishes if name in groups]
    held = (f.project for f in registry.findings if f.blocks == MEMBERS and f.project)
    return list(dict.fromkeys([*registry.group_wishes, *held]))


def retired_by(ctx: Context, plan: Plan) -> list[str]:
    """Return the projects that are active now and that the plan would retire."""
    return [
        step.name
        for step in plan.steps.values()
        if step.kind == "access"
        and step.payload["state"] != ACTIVE
        and (ctx.seen(step.name) or {}).get("state") == ACTIVE
    ]


def with_evidence(step: Step, evidence: Mapping[str, Mapping[str, Any]]) -> Step:
    """Return ``step`` with what earlier steps of the run saw: UUIDs of groups, fresh configs."""
    payload = dict(step.payload)
    if step.kind == "group" and payload["owner_uuid"] is None:
        payload["owner_uuid"] = evidence.get(step_key("group", payload["owner"]), {}).get("uuid")
    if step.kind == "members":
        payload = members_with(payload, step.name, evidence)
    if step.kind == "access":
        payload["groups"] = {
            group: uuid or evidence.get(step_key("group", group), {}).get("uuid")
            for group, uuid in payload["groups"].items()
        }
        made = evidence.get(step_key("project", step.name), {})
        if payload["base"] is None and made:
            payload |= {"base": made.get("config"), "fresh": not made.get("renamed")}
    return dataclasses.replace(step, payload=payload)
