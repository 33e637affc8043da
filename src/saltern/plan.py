"""The plan: the steps between what should exist and what exists, and what each needs.

``KINDS`` is the step table of the design. A kind's ``gap`` looks at one object and returns
``None`` when it is as it should be, :class:`Gap` when a step is to be run, or :class:`Block`
when no step can make it true. The same function decides what a plan prints, what a converge
runs, and whether the next converge finds nothing to do.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from saltern.registry.acl import SYSTEM_GROUPS
from saltern.registry.registry import Project, Registry
from saltern.settings import RegistrySettings
from saltern.steps import Step, step_key

ACTIVE = "ACTIVE"
HIDDEN = "HIDDEN"


@dataclass(frozen=True)
class Gap:
    """What is missing, in a few words, and the data a provider needs to mend it."""

    why: str
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class Block:
    """Why no step can help until somebody changes something."""

    code: str
    reason: str


@dataclass(frozen=True)
class Context:
    """Everything a plan is decided from.

    ``gerrit`` and ``mirror`` are the providers' observations; ``mirror`` is ``None`` when
    nobody owns a mirror, and ``mirror_error`` says why it could not be looked at.
    """

    registry: Registry
    settings: RegistrySettings
    gerrit: Mapping[str, Any]
    mirror: Mapping[str, Any] | None = None
    mirror_error: str | None = None
    blocks: Mapping[tuple[str, str], Block] = field(default_factory=dict)

    def seen(self, name: str) -> Mapping[str, Any] | None:
        """Return what Gerrit shows of project ``name``."""
        return self.gerrit["projects"].get(name)

    def uuid(self, group: str) -> str | None:
        """Return the UUID of ``group`` if Gerrit has it."""
        if group in SYSTEM_GROUPS:
            return SYSTEM_GROUPS[group]
        found = self.gerrit["groups"].get(group)
        return found["uuid"] if found else None


def branch_ref(project: Project) -> str:
    """Return the full name of the project's default branch."""
    return f"refs/heads/{project.default_branch}"


def group_gap(ctx: Context, name: str) -> Gap | Block | None:
    """A group is done when it is listed with a UUID."""
    if ctx.uuid(name):
        return None
    owner = ctx.settings.group_owner
    if ctx.uuid(owner) is None and owner not in ctx.registry.groups:
        return Block("owner-missing", f"Gerrit has no group {owner!r} to own it (group_owner)")
    return Gap("missing", {"owner": owner, "owner_uuid": ctx.uuid(owner)})


def project_gap(ctx: Context, name: str) -> Gap | Block | None:
    """A project is done when it is listed, has refs/meta/config, and says its description."""
    project, seen = ctx.registry.projects[name], ctx.seen(name)
    if (seen is None or seen["config"] is None) and (block := _parent_block(ctx, project)):
        return block
    if seen is None:
        why = "missing"
    elif seen["config"] is None:
        why = "half made: no refs/meta/config"
    elif project.description and project.description != (seen["description"] or ""):
        why = "description differs"
    else:
        return None
    return Gap(
        why,
        {
            "parent": project.parent,
            "description": project.description,
            "default_branch": project.default_branch,
            "exists": seen is not None,
            "config": seen["config"] if seen else None,
        },
    )


def _parent_block(ctx: Context, project: Project) -> Block | None:
    parent = project.parent
    if parent not in ctx.registry.projects and ctx.seen(parent) is None:
        where = project.acl_file or project.position
        return Block("parent-missing", f"{where}: parent {parent!r} is neither here nor on Gerrit")
    return None


def content_gap(ctx: Context, name: str) -> Gap | Block | None:
    """Content is done when the default branch exists and HEAD resolves to it."""
    project, seen = ctx.registry.projects[name], ctx.seen(name) or {}
    branch = seen.get("refs", {}).get(branch_ref(project))
    head = seen.get("head")
    if (branch and head == branch) or seen.get("state") == HIDDEN:
        # Gerrit shows nobody the branches of a hidden project, and refuses pushes to it.
        return None
    if branch:
        why = f"HEAD is not {project.default_branch}"
    else:
        why = "import" if project.upstream else f"no branch {project.default_branch}"
    return Gap(
        why,
        {
            "default_branch": project.default_branch,
            "upstream": project.upstream,
            "upstream_prefix": project.upstream_prefix,
            "read_only": seen.get("state", ACTIVE) != ACTIVE,
            "head": head,
            "branch": branch,
        },
    )


def access_gap(ctx: Context, name: str) -> Gap | Block | None:
    """Access is done when refs/meta/config carries the normalised ACL, groups and state."""
    project, seen = ctx.registry.projects[name], ctx.seen(name) or {}
    if project.config is None or project.acl is None:
        return None
    have = seen.get("access")
    if have is None:
        why = "unread" if seen.get("config") else "missing"
    elif have["digest"] != project.config_digest:
        why = "ACL differs"
    elif have["wrong_groups"]:
        why = f"groups file: {', '.join(have['wrong_groups'])}"
    elif seen["state"] != project.state:
        why = f"state is {seen['state']}"
    else:
        return None
    return _parent_block(ctx, project) or Gap(
        why,
        {
            "config": project.config,
            "digest": project.config_digest,
            "groups": {group: ctx.uuid(group) for group in project.acl.group_names},
            "state": project.state,
            "read_only": seen.get("state", ACTIVE) != ACTIVE,
            "base": seen.get("config"),
            "fresh": False,
        },
    )


def mirror_gap(ctx: Context, name: str) -> Gap | Block | None:
    """A mirror is done when its refs equal Gerrit's."""
    project, seen = ctx.registry.projects[name], ctx.seen(name) or {}
    if ctx.mirror_error:
        return Block("mirror-unseen", ctx.mirror_error)
    if ctx.mirror is None or HIDDEN in (project.state, seen.get("state")):
        return None
    have = ctx.mirror["projects"].get(name)
    ref = branch_ref(project)
    tip = seen.get("refs", {}).get(ref)
    if have is None:
        why = "missing"
    elif "broken" in have:
        why = f"broken: {have['broken']}"
    elif tip is None or have["refs"].get(ref) != tip:
        why = f"behind on {ref}"
    elif have["head"] != ref:
        why = f"HEAD is {have['head']}"
    elif "all_refs" in seen and have.get("all_refs") != seen["all_refs"]:
        why = "behind on other refs"
    else:
        return None
    return Gap(why, {"default_branch": project.default_branch, "description": project.description})


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
    # Where the new parent is below this project on Gerrit, a push now would close a cycle:
    # all between the two move first.
    for between in _path_on_gerrit(ctx, project.parent, name):
        yield step_key("access", between)


def _path_on_gerrit(ctx: Context, start: str, end: str) -> list[str]:
    """Return the projects from ``start`` up to just below ``end``; none if it is not above."""
    path: list[str] = []
    here: str | None = start
    while here and here not in path:
        if here == end:
            return path
        path.append(here)
        here = (ctx.seen(here) or {}).get("parent")
    return []


def _mirror_needs(ctx: Context, name: str) -> Iterator[str]:
    yield step_key("content", name)


@dataclass(frozen=True)
class Kind:
    """A row of the step table.

    ``lane`` groups steps that share a concurrency limit; ``over`` says which objects the
    kind is about: ``groups`` or ``projects``.
    """

    name: str
    provider: str
    lane: str
    over: str
    needs: Callable[[Context, str], Iterable[str]]
    gap: Callable[[Context, str], Gap | Block | None]


KINDS = (
    Kind("group", "gerrit", "group", "groups", _group_needs, group_gap),
    Kind("project", "gerrit", "main", "projects", _project_needs, project_gap),
    Kind("content", "gerrit", "main", "projects", _content_needs, content_gap),
    Kind("access", "gerrit", "main", "projects", _access_needs, access_gap),
    Kind("mirror", "mirror", "main", "projects", _mirror_needs, mirror_gap),
)
ANNOUNCE = "announce"
_LANES = {kind.name: (kind.provider, kind.lane) for kind in KINDS} | {ANNOUNCE: ("gerrit", "main")}


def lane(step: Step) -> tuple[str, str]:
    """Return the provider of a step and its lane: the steps that share a concurrency limit.

    Imports have one of their own: they may take an hour, and a job answers as a whole.
    """
    if step.kind == "content" and step.payload["upstream"]:
        return "gerrit", "import"
    return _LANES[step.kind]


@dataclass(frozen=True)
class Plan:
    """Steps by key, in the order of the step table, and what stands in the way of others.

    ``blocked`` steps are not run and count as not done; ``examined`` holds every key that
    was looked at, done or not.
    """

    steps: Mapping[str, Step]
    blocked: Mapping[str, Block]
    examined: frozenset[str]

    def __bool__(self) -> bool:
        return bool(self.steps or self.blocked)

    def with_steps(self, extra: Iterable[Step]) -> Plan:
        """Return the plan with ``extra`` steps behind its own."""
        added = {step.key: step for step in extra}
        return Plan({**self.steps, **added}, self.blocked, self.examined | set(added))


def make_plan(ctx: Context, scope: Collection[str] | None = None) -> Plan:
    """Return the plan for ``scope`` (names of projects; ``None``: the whole registry)."""
    names = {
        "projects": _closure(ctx.registry, scope),
        "groups": _groups(ctx.registry, scope, ctx.settings.group_owner),
    }
    blocks = {**finding_blocks(ctx.registry), **_cycle_blocks(ctx), **ctx.blocks}
    steps: dict[str, Step] = {}
    blocked: dict[str, Block] = {}
    examined = set()
    for kind in KINDS:
        for name in names[kind.over]:
            key = step_key(kind.name, name)
            examined.add(key)
            found = kind.gap(ctx, name)
            block = _standing_block(blocks, kind, name)
            if block and (found is not None or kind.name in ("project", "access")):
                found = block
            if isinstance(found, Block):
                blocked[key] = found
            elif found is not None:
                steps[key] = Step(
                    kind.name, name, found.why, found.payload, frozenset(kind.needs(ctx, name))
                )
    present = steps.keys() | blocked.keys()
    pruned = {
        key: dataclasses.replace(step, needs=(step.needs & present) - {key})
        for key, step in steps.items()
    }
    return Plan(pruned, blocked, frozenset(examined))


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
            where = project.acl_file or project.position
            blocks["access", name] = Block(
                "parent-cycle", f"{where}: parents form a cycle: {chain}"
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
    named |= {owner} if named else set()
    return [group for group in registry.groups if group in named]


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
    if step.kind == "access":
        payload["groups"] = {
            group: uuid or evidence.get(step_key("group", group), {}).get("uuid")
            for group, uuid in payload["groups"].items()
        }
        made = evidence.get(step_key("project", step.name), {})
        if payload["base"] is None and made:
            payload |= {"base": made.get("config"), "fresh": True}
    return dataclasses.replace(step, payload=payload)
