"""What is between what should exist and what exists, one object at a time.

A gap function returns ``None`` when an object is as it should be, :class:`Gap` when a step is to
be run, or :class:`Block` when no step can make it true.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from saltern.parts import ACCESS, SETTINGS, Compared, compared, writes
from saltern.policy import Settled
from saltern.registry.acl import SYSTEM_GROUPS
from saltern.registry.findings import Position
from saltern.registry.groupmodel import FOREIGN
from saltern.registry.registry import Project, Registry
from saltern.registry.settingskeys import PARENT, STATE, Setting, plain_settings
from saltern.rename import moves, origin, origin_block, why_made
from saltern.settings import RegistrySettings
from saltern.sight import half_made

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
    ``allow_retire``: more may be taken away than the limits of the settings say. ``memory`` is
    what the journal remembers for policies; ``compared`` holds what :mod:`saltern.parts` found.
    """

    registry: Registry
    settings: RegistrySettings
    gerrit: Mapping[str, Any]
    mirror: Mapping[str, Any] | None = None
    mirror_error: str | None = None
    allow_retire: bool = False
    memory: Mapping[tuple[str, str], Settled] = field(default_factory=dict)
    compared: dict[str, Compared] = field(default_factory=dict, compare=False, repr=False)

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
    if name.startswith(FOREIGN):
        return Block(
            "external-group",
            f"{ctx.registry.groups[name]}: {name!r} belongs to another system than Gerrit, and no "
            "group of that name is made; name a group that Gerrit keeps, and include it there",
        )
    owner = ctx.settings.group_owner
    if ctx.uuid(owner) is None and owner not in ctx.registry.groups:
        return Block("owner-missing", f"Gerrit has no group {owner!r} to own it (group_owner)")
    return Gap("missing", {"owner": owner, "owner_uuid": ctx.uuid(owner)})


def project_gap(ctx: Context, name: str) -> Gap | Block | None:
    """A project is done when it is listed, has refs/meta/config, and says its description."""
    project, seen = ctx.registry.projects[name], ctx.seen(name)
    if (seen is None or half_made(seen)) and (block := _parent_block(ctx, project)):
        return block
    if seen is None:
        why = why_made(ctx, project)
    elif half_made(seen):
        why = "half made: no refs/meta/config"
    elif compared(ctx, name).description and writes(ctx, compared(ctx, name).settings):
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
            "moved_from": origin(ctx, project) if seen is None else None,
            "config": seen["config"] if seen else None,
        },
    )


def _parent_block(ctx: Context, project: Project) -> Block | None:
    parent = project.parent
    if parent not in ctx.registry.projects and ctx.seen(parent) is None:
        return Block(
            "parent-missing",
            f"{parent_place(project)}: parent {parent!r} is neither in the registry nor on "
            "Gerrit; add it, or inherit from another project",
        )
    return None


def parent_place(project: Project) -> Position:
    """Return where a project says what it inherits from."""
    if project.parent_at is not None:
        return project.parent_at
    entries = project.acl.select("access", None, "inheritFrom") if project.acl else []
    if not entries:
        return project.position
    return Position(project.acl_file or "", entries[-1].line, entries[-1].column)


def content_gap(ctx: Context, name: str) -> Gap | Block | None:
    """Content is done when the default branch exists and HEAD resolves to it."""
    project, seen = ctx.registry.projects[name], ctx.seen(name) or {}
    branch = seen.get("refs", {}).get(branch_ref(project))
    head = seen.get("head")
    if (branch and head == branch) or seen.get("state") == HIDDEN:
        # Gerrit shows nobody the branches of a hidden project, and refuses pushes to it.
        return None
    if (branch or head) and not project.upstream and not writes(ctx, compared(ctx, name).settings):
        return None
    moving = moves(ctx, project) if not branch and not head else {"moved_from": None}
    if branch:
        why = f"HEAD is not {project.default_branch}"
    elif moving["moved_from"]:
        why = f"move from {moving['moved_from']}"
    else:
        why = "import" if project.upstream else f"no branch {project.default_branch}"
    return (origin_block(ctx, project) if moving["moved_from"] else None) or Gap(
        why,
        {
            "default_branch": project.default_branch,
            "upstream": project.upstream,
            "upstream_prefix": project.upstream_prefix,
            "upstream_branches": project.upstream_branches,
            "upstream_tags": project.upstream_tags,
            "allow_local": ctx.settings.allow_local_upstreams,
            "read_only": seen.get("state", ACTIVE) != ACTIVE,
            "head": head,
            "branch": branch,
            **moving,
        },
    )


def access_gap(ctx: Context, name: str) -> Gap | Block | None:
    """Access is done when refs/meta/config carries the normalised ACL, groups and state."""
    project, seen = ctx.registry.projects[name], ctx.seen(name) or {}
    if not project.managed:
        return None
    found = compared(ctx, name)
    access = writes(ctx, found.access)
    settings = bool(found.rows) and writes(ctx, found.settings)
    if not access and not settings:
        return None
    rights = found.access.differs if found.access and access else ""
    words = ", ".join(found.rows)
    known = seen.get("access") is not None
    why = rights or (words if words.startswith("state is") or not known else f"settings: {words}")
    return _parent_block(ctx, project) or Gap(why, _access_payload(ctx, project, found, access))


def _access_payload(
    ctx: Context, project: Project, found: Compared, access: bool
) -> Mapping[str, Any]:
    """Return what the provider needs; ``keep`` names the parts to leave as the server has them."""
    seen = ctx.seen(project.name) or {}
    keep = []
    if project.acl is None or (found.access and found.access.differs and not access):
        keep.append(ACCESS)
    other = bool(found.rows) or found.description
    if other and not writes(ctx, found.settings):
        keep.append(SETTINGS)
    to_set = _to_set(project, access, SETTINGS not in keep)
    stated = project.acl is not None or any(s[:2] == STATE for s in project.settings)
    groups = () if project.acl is None else project.acl.group_names
    return {
        "config": project.config or "",
        "digest": project.config_digest or "",
        "keep": keep,
        "settings": [list(each) for each in to_set] if ACCESS in keep else [],
        "groups": {group: ctx.uuid(group) for group in groups},
        "state": project.state if stated and SETTINGS not in keep else seen.get("state", ACTIVE),
        "read_only": seen.get("state", ACTIVE) != ACTIVE,
        "base": seen.get("config"),
        "fresh": False,
    }


def _to_set(project: Project, access: bool, settings: bool) -> list[Setting]:
    """Return what is made sure of in the text that the server has."""
    if project.acl is not None:
        return list(plain_settings(project.composer.document(project.acl, project.settings)))
    return [each for each in project.settings if (access if each[:2] == PARENT else settings)]


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
