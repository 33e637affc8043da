"""What was compared of a project, part by part, so that a policy can be set for each."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from saltern.policy import DRIFT, WRITE, Memory, Part, decide, digest_of, settlements
from saltern.settings import REPORT
from saltern.steps import DONE, step_key

if TYPE_CHECKING:
    from saltern.converge import Result
    from saltern.gaps import Context
    from saltern.journal import Journal
    from saltern.plan import Plan
    from saltern.registry.model import Project

ACCESS = "access"
SETTINGS = "settings"


@dataclass(frozen=True)
class Compared:
    """A project beside what Gerrit shows of it.

    ``access``: the rights (``None`` where nothing is asked of them); ``settings``: description,
    state, HEAD and the plain settings of ``project.config``; ``rows`` are the words for those
    that ``project.config`` holds; ``description`` and ``head`` whether these differ.
    """

    access: Part | None
    settings: Part
    rows: tuple[str, ...]
    description: bool
    head: bool


def compared(ctx: Context, name: str) -> Compared:
    """Return what was compared of project ``name``; worked out once for a context."""
    if name not in ctx.compared:
        ctx.compared[name] = _compare(ctx.registry.projects[name], ctx.seen(name) or {})
    return ctx.compared[name]


def writes(ctx: Context, part: Part | None) -> bool:
    """Return whether a step is to mend ``part``."""
    return part is not None and decide(ctx.settings.policy, ctx.memory, part) == WRITE


def all_parts(ctx: Context, examined: Collection[str]) -> Iterator[Part]:
    """Yield the parts of everything examined."""
    from saltern.membership import members_part

    for name in ctx.registry.projects:
        if step_key("access", name) in examined:
            found = compared(ctx, name)
            yield found.settings
            if found.access is not None:
                yield found.access
    for name, wish in ctx.registry.group_wishes.items():
        shown = "members" in ctx.gerrit["groups"].get(name, {})
        if shown and step_key("members", name) in examined:
            yield members_part(ctx, wish)


def drifts(ctx: Context, examined: Collection[str]) -> dict[str, str]:
    """Return what differs on the server and is only told: words by ``POLICY:NAME``."""
    if REPORT not in ctx.settings.policy.values():
        return {}
    return {
        part.label: _words(ctx.memory, part)
        for part in all_parts(ctx, examined)
        if decide(ctx.settings.policy, ctx.memory, part) == DRIFT
    }


def keep_in_mind(
    journal: Journal, ctx: Context, plan: Plan, results: Mapping[str, Result], whole: bool
) -> None:
    """Journal what policies need: what was in step or made so, and what is only told.

    ``whole``: the plan was made for the whole registry.
    """
    parts = list(all_parts(ctx, plan.examined))
    failed, written = set(), {}
    for part in parts:
        own = [results[key] for key in _steps_of(part) if key in plan.steps and key in results]
        held = any(key in plan.blocked for key in _steps_of(part))
        if not writes(ctx, part):
            continue
        if not own or held or any(each.state != DONE for each in own):
            failed.add(part.key)
        else:
            written[part.key] = next(
                (str(e.outcome.evidence["config"]) for e in own if "config" in e.outcome.evidence),
                part.seen,
            )
    known = [part for part in parts if part.key not in failed]
    if fresh := settlements(ctx.memory, known, written):
        journal.remember(fresh)
    journal.drifted(plan.drift, None if whole else [part.label for part in parts])


def _steps_of(part: Part) -> list[str]:
    """Return the keys of the steps that mend a part, the last to move refs/meta/config first."""
    kinds = {SETTINGS: ("access", "project", "content"), ACCESS: ("access",)}
    return [step_key(kind, part.name) for kind in kinds.get(part.policy, ("members",))]


def _words(memory: Memory, part: Part) -> str:
    known = memory.get(part.key)
    if known is None or not known.seen or known.seen == part.seen:
        return part.differs
    return f"{part.differs} (refs/meta/config was {known.seen[:12]} when in step)"


def _compare(project: Project, seen: Mapping[str, Any]) -> Compared:
    have = seen.get("access")
    rows = tuple(_rows(project, seen, have))
    described = bool(project.description) and _differs(project.description, seen)
    branch = seen.get("refs", {}).get(f"refs/heads/{project.default_branch}")
    head = bool(branch or seen.get("head")) and seen.get("head") != branch
    words = [*(["description"] if described else []), *(["HEAD"] if head else []), *rows]
    wanted = [project.description, project.plain, project.state, project.default_branch]
    bare = have is None and not seen.get("config") or bool(have and have["bare"])
    settings = Part(
        SETTINGS,
        project.name,
        digest_of(wanted),
        f"differs in {', '.join(words)}" if words else "",
        bare,
        seen.get("config") or "",
    )
    return Compared(_access(project, seen, have, bare), settings, rows, described, head)


def _differs(description: str, seen: Mapping[str, Any]) -> bool:
    """Return whether Gerrit shows another description; it may keep or drop outer blanks."""
    return description.strip() != (seen.get("description") or "").strip()


def _access(
    project: Project, seen: Mapping[str, Any], have: Mapping[str, Any] | None, bare: bool
) -> Part | None:
    if not project.places_parent:
        return None
    if project.acl is None:
        there = seen.get("parent")
        differs = "" if there == project.parent else f"parent is {there}"
        wanted = digest_of(project.parent)
    else:
        differs = _acl_differs(project, seen, have)
        wanted = project.access_digest or ""
    return Part(ACCESS, project.name, wanted, differs, bare, seen.get("config") or "")


def _acl_differs(project: Project, seen: Mapping[str, Any], have: Mapping[str, Any] | None) -> str:
    if have is None:
        return "unread" if seen.get("config") else "missing"
    if have["access_digest"] != project.access_digest:
        return "ACL differs"
    if have["wrong_groups"]:
        return f"groups file: {', '.join(have['wrong_groups'])}"
    return ""


def _rows(
    project: Project, seen: Mapping[str, Any], have: Mapping[str, Any] | None
) -> Iterator[str]:
    """Yield words for what differs of the settings that ``project.config`` holds."""
    if not project.managed:
        return
    if have is None:
        yield "unread" if seen.get("config") else "missing"
        return
    if have["digest"] != project.config_digest:
        names = project.plain if project.acl is None else {**project.plain, **have["plain"]}
        for name in sorted(names):
            if name != "project.state" and project.plain.get(name, []) != have["plain"].get(
                name, []
            ):
                yield name
    stated = project.acl is not None or "project.state" in project.plain
    if stated and seen["state"] != project.state:
        yield f"state is {seen['state']}"
    elif stated and have["state"] != project.state:
        yield f"state in project.config is {have['state']}"
