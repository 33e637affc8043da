"""Names that projects had before: what is moved from them, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from saltern.steps import step_key

if TYPE_CHECKING:
    from saltern.gaps import Block, Context, Gap
    from saltern.registry.model import Project

ACTIVE = "ACTIVE"
HIDDEN = "HIDDEN"
READ_ONLY = "READ_ONLY"


def origin(ctx: Context, project: Project) -> str | None:
    """Return the name that a project's content is to come from, ``None`` when none is there.

    The latest name that is still open; one that was closed by an earlier move has less.
    """
    there = [old for old in project.previously if ctx.seen(old) is not None]
    still_open = [old for old in there if (ctx.seen(old) or {})["state"] == ACTIVE]
    found = still_open or there
    return found[-1] if found else None


def moves(ctx: Context, project: Project) -> dict[str, Any]:
    """Return what a provider needs to move the content: the old name, and where its HEAD is."""
    old = origin(ctx, project)
    return {"moved_from": old, "moved_head": (ctx.seen(old) or {}).get("head") if old else None}


def why_made(ctx: Context, project: Project) -> str:
    """Return why a project that is not there is made, and what becomes of its old names."""
    if not project.previously:
        return "missing"
    old = origin(ctx, project)
    names = ", ".join(project.previously)
    return f"missing; content comes from {old}" if old else f"missing, as {names}: nothing to move"


def origin_block(ctx: Context, project: Project) -> Block | None:
    """Return why the content cannot be moved now."""
    from saltern.gaps import Block

    old = origin(ctx, project)
    if old is None or (ctx.seen(old) or {})["state"] != HIDDEN:
        return None
    return Block(
        "moved-hidden",
        f"{project.position}: content comes from {old!r}, which is hidden: Gerrit shows nobody its "
        "branches; make it read-only, or remove it from 'previously'",
    )


def retire_needs(ctx: Context, old: str) -> Iterator[str]:
    """Yield what must be there before an old name is closed: the new one, with its content."""
    name = ctx.registry.moved[old]
    yield step_key("project", name)
    yield step_key("content", name)


def retire_gap(ctx: Context, old: str) -> Gap | None:
    """An old name is done when it is closed and points to the new one, or is not there."""
    from saltern.gaps import Gap

    name, seen = ctx.registry.moved[old], ctx.seen(old)
    if seen is None:
        return None
    description = ctx.settings.moved_description.replace("{project}", name).strip()
    if seen["state"] == ACTIVE:
        why = f"moved to {name}"
    elif (seen["description"] or "").strip() != description:
        why = f"does not point to {name}"
    else:
        return None
    return Gap(why, _payload(ctx, name, seen["state"], description))


def _payload(ctx: Context, name: str, state: str, description: str) -> dict[str, Any]:
    return {
        "to": name,
        "description": description,
        "state": HIDDEN if state == HIDDEN else READ_ONLY,
        "default_branch": ctx.registry.projects[name].default_branch,
    }
