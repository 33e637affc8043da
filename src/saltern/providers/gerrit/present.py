"""One project or group made as asked, through the same handlers as a converge's steps."""

from __future__ import annotations

from typing import Any

from saltern.errors import Refused, Retry
from saltern.providers.gerrit.admin import Changes, group_get
from saltern.providers.gerrit.client import quoted
from saltern.providers.gerrit.provider import GerritProvider
from saltern.steps import RETRY, Step


def project(
    provider: GerritProvider,
    name: str,
    parent: str,
    description: str | None,
    branch: str,
    *,
    test: bool = False,
) -> Changes:
    """Make a project, or repair a half-made one, and set its parent and description.

    ``description`` ``None`` leaves it alone. With ``test`` nothing is written. Returns what was
    (or would be) changed, ``{what: {"old": ..., "new": ...}}``.
    """
    wanted = {"parent": parent, **({} if description is None else {"description": description})}
    have = _project(provider, name)
    changes = _project_changes(have, wanted)
    if test or not changes:
        return changes
    if "project" in changes:
        payload = {
            "parent": parent,
            "description": description or "",
            "default_branch": branch,
            "exists": have is not None,
            "config": None,
        }
        _apply(provider, Step("project", name, "state", payload))
    else:
        for key in changes:
            body = {key: wanted[key]}
            provider.server.client.put(f"/projects/{quoted(name)}/{key}", body)
    if left := _project_changes(_project(provider, name), wanted):
        raise Retry(f"project {name}: not as asked yet: {', '.join(left)}", code="read-back")
    return changes


def group(provider: GerritProvider, name: str, owner: str, *, test: bool = False) -> Changes:
    """Make a group owned by ``owner``; returns as :func:`project` does."""
    if group_get(provider.server.client, name) is not None:
        return {}
    if not test:
        _apply(provider, Step("group", name, "state", {"owner": owner, "owner_uuid": None}))
    return {"group": {"old": None, "new": name}}


def _project(provider: GerritProvider, name: str) -> dict[str, Any] | None:
    found = provider.observe({"projects": [name], "branches": []})["projects"].get(name)
    return None if found is None else dict(found)


def _project_changes(have: dict[str, Any] | None, wanted: dict[str, str]) -> Changes:
    if have is None:
        return {"project": {"old": None, "new": "made"}}
    if have["config"] is None:
        return {"project": {"old": "half made", "new": "repaired"}}
    return {
        key: {"old": have[key], "new": value}
        for key, value in wanted.items()
        if (have[key] or "").strip() != value.strip()
    }


def _apply(provider: GerritProvider, step: Step) -> None:
    (outcome,) = provider.apply([step])
    if not outcome.ok:
        cls = Retry if outcome.status == RETRY else Refused
        raise cls(outcome.reason, code=outcome.code)
