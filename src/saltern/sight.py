"""What cannot be told: a difference that may only be the reader's want of rights.

A converge asks for every right first, and its observation has no ``sight``. A plan made with
fewer rights, or none, must neither show what it cannot read as a difference nor as in step.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from saltern.registry.groupmodel import FOREIGN
from saltern.steps import GROUP_KINDS

if TYPE_CHECKING:
    from saltern.gaps import Block, Context, Gap
    from saltern.registry.registry import Project

GROUP = "group-unlisted"
GROUPS = "groups-unlisted"
MEMBERS = "members-unread"
NAMED = "named-group-unlisted"
PROJECT = "project-unlisted"
PARENT = "parent-unlisted"
CONFIG = "config-unread"
CONTENT = "content-unread"

_RESTRICTING = ("block", "deny")
_WHOLE = ("refs/*", "refs/heads/*", "^refs/.*", "^refs/heads/.*")
"""Sections that, closed to a reader, may close the project to him."""


@dataclass(frozen=True)
class Unknown:
    """Why it cannot be told whether a step is needed; ``code`` names the class of reasons."""

    code: str
    reason: str


def doubt(
    ctx: Context, kind: str, name: str, found: Gap | Block | None
) -> Gap | Block | Unknown | None:
    """Return ``found`` (``None``: in step), or why what it says cannot be told from here."""
    sight = ctx.gerrit.get("sight")
    if sight is None:
        return found
    if kind in (*GROUP_KINDS, "retire"):
        return found if sight["complete"] else _other_doubt(ctx, kind, name, found)
    if found is None:
        return None
    seen = ctx.seen(name)
    if seen is not None:
        return _project_doubt(ctx, kind, name, seen, found)
    if not sight["complete"] and (unknown := _unlisted(ctx, ctx.registry.projects[name])):
        return unknown
    return found


def half_made(seen: Mapping[str, Any]) -> bool:
    """Return whether a project lacks refs/meta/config, as far as can be told."""
    return seen["config"] is None and "access" not in seen.get("unseen", {})


def _other_doubt(
    ctx: Context, kind: str, name: str, found: Gap | Block | None
) -> Gap | Block | Unknown | None:
    """Return what can be told of a group, or of a name that a project had before."""
    if kind == "retire":
        return found
    if kind == "members":
        return _members_doubt(ctx, name, found)
    if found is None or name.startswith(FOREIGN):
        return found
    return _group_doubt(ctx, name)


def _group_doubt(ctx: Context, name: str) -> Unknown | None:
    if not ctx.gerrit["sight"]["groups"]:
        return Unknown(GROUPS, "groups are not listed to strangers")
    if ctx.uuid(name) is None:
        return Unknown(GROUP, f"group {name!r} is not listed to you: made if it is not there")
    return None


def _members_doubt(
    ctx: Context, name: str, found: Gap | Block | None
) -> Gap | Block | Unknown | None:
    """Return what can be told of a group's members: all are shown of groups that all may see."""
    if unknown := _group_doubt(ctx, name):
        return unknown
    wish = ctx.registry.group_wishes.get(name)
    if wish is None:
        return found
    for group in (*((wish.owner,) if wish.owner else ()), *(wish.includes or ())):
        if ctx.uuid(group.text) is None:
            return Unknown(NAMED, f"group {group.text!r} is not listed to you")
    if wish.members is None and wish.includes is None:
        return found
    accounts = ctx.gerrit.get("accounts", {}).values()
    if ctx.gerrit["groups"][name].get("visible_to_all") and all("id" in row for row in accounts):
        return found
    return Unknown(MEMBERS, f"not all members of group {name!r} are shown to you")


def _project_doubt(
    ctx: Context, kind: str, name: str, seen: Mapping[str, Any], found: Gap | Block
) -> Gap | Block | Unknown | None:
    project, unseen = ctx.registry.projects[name], seen.get("unseen", {})
    if kind == "access" and "access" in unseen:
        return _visible_difference(project, seen, found) or Unknown(CONFIG, unseen["access"])
    if kind in ("content", "mirror") and "content" in unseen:
        return Unknown(CONTENT, unseen["content"])
    return found


def _visible_difference(
    project: Project, seen: Mapping[str, Any], found: Gap | Block
) -> Gap | Block | None:
    """Return the difference that shows without the ACL: another parent, another state."""
    from saltern.gaps import Block

    if seen["parent"] and seen["parent"] != project.parent:
        why = f"parent is {seen['parent']}, not {project.parent}"
    elif seen["state"] != project.state:
        why = f"state is {seen['state']}"
    else:
        return None
    return found if isinstance(found, Block) else dataclasses.replace(found, why=why)


def _unlisted(ctx: Context, project: Project) -> Unknown | None:
    """Return why a project that is not listed may be there all the same."""
    if project.name in ctx.gerrit["sight"]["hidden"]:
        return Unknown(PROJECT, "it is hidden")
    top = project
    for each in _line(ctx, project):
        if each.state == "HIDDEN" and each is project:
            return Unknown(PROJECT, "a hidden project is not listed to you")
        if _restricts_reading(each):
            return Unknown(PROJECT, f"the ACL of {each.name} restricts who sees it")
        top = each
    if top.parent not in ctx.registry.projects and ctx.seen(top.parent) is None:
        return Unknown(PARENT, f"{top.parent}, which it inherits from, is not listed to you")
    return None


def _line(ctx: Context, project: Project) -> Iterator[Project]:
    """Yield a project and those of the registry that it inherits from."""
    passed: set[str] = set()
    here: Project | None = project
    while here is not None and here.name not in passed:
        passed.add(here.name)
        yield here
        here = ctx.registry.projects.get(here.parent)


def _restricts_reading(project: Project) -> bool:
    entries = project.acl.entries if project.acl else ()
    for entry in entries:
        if entry.section != "access" or entry.subsection not in _WHOLE or not entry.value:
            continue
        key, value = entry.key.lower(), entry.value.lower()
        if key == "read" and value.split(maxsplit=1)[0] in _RESTRICTING:
            return True
        if key == "exclusivegrouppermissions" and "read" in value.replace(",", " ").split():
            return True
    return False
