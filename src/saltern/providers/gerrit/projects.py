"""Step ``project``: made with parent, description and HEAD, or repaired when half made."""

from __future__ import annotations

from typing import Any

from saltern.errors import Refused, Retry
from saltern.providers.gerrit.client import HttpRefused, Unanswered, quoted
from saltern.providers.gerrit.rename import rename
from saltern.providers.gerrit.server import Claim, Seen, Server
from saltern.steps import Step

DIRECTORY_HINT = (
    " (if the name is a good one, a creation cut short left a directory NAME.git without a HEAD "
    "file in Gerrit's basePath; it holds nothing: remove it)"
)


def make(server: Server, step: Step) -> Claim:
    """Make the project and return the claim that it is there.

    Payload: ``parent``, ``description``, ``default_branch``, ``exists`` (it is listed),
    ``config`` (observed commit of refs/meta/config or ``None``), ``moved_from`` (a project that
    is to have this name now, or ``None``).
    Evidence: ``config``, the commit of refs/meta/config; ``renamed`` if the server did that.

    A 409 proves nothing: a creation that was cut short leaves a project that answers 409 for
    ever and lacks refs/meta/config (facts: 6 of 40). So what is there is looked at and repaired.
    """
    payload = step.payload
    if payload["exists"] and payload["config"]:
        _describe(server, step.name, payload["description"])
        return Claim(step, lambda seen: _check(step, seen, parent=None))
    moved_from = payload.get("moved_from")
    if moved_from and rename(server, moved_from, step.name):
        _repair(server, step)
        return Claim(step, lambda seen: {**_check(step, seen, payload["parent"]), "renamed": True})
    if payload["exists"] or not _create(server, step):
        _repair(server, step)
    return Claim(step, lambda seen: _check(step, seen, parent=payload["parent"]))


def _create(server: Server, step: Step) -> bool:
    """Return whether Gerrit said that it made the project."""
    payload = step.payload
    body = {
        "parent": payload["parent"],
        "description": payload["description"],
        "branches": [payload["default_branch"]],
    }
    try:
        server.client.put(f"/projects/{quoted(step.name)}", body)
    except Unanswered:
        return False
    except HttpRefused as error:
        if error.status == 422:
            raise Retry(error.reason, code="parent-missing") from error
        if error.status == 400 and "invalid project name" in error.text:
            raise Refused(error.reason + DIRECTORY_HINT, code="name") from error
        if error.status != 409:
            raise
        return False
    return True


def _repair(server: Server, step: Step) -> None:
    """Give a project that exists in some form what it lacks; each write makes the ref too."""
    path, payload = f"/projects/{quoted(step.name)}", step.payload
    info = _look(server, step.name)
    if config_tip(server, step.name) is None or info.get("parent") != payload["parent"]:
        server.client.put(f"{path}/parent", {"parent": payload["parent"]})
    if payload["description"] != info.get("description", ""):
        _describe(server, step.name, payload["description"])


def _look(server: Server, name: str) -> dict[str, Any]:
    try:
        return dict(server.client.get(f"/projects/{quoted(name)}"))
    except HttpRefused as error:
        if error.status != 404:
            raise
        raise Retry(
            f"project {name}: neither made nor there ({error.text}); asking again",
            code="not-there",
        ) from error


def config_tip(server: Server, name: str) -> str | None:
    """Return the commit of refs/meta/config, of hidden projects too; ``None``: it is not there."""
    answer = server.client.get(f"/projects/{quoted(name)}/access")
    return str(answer["revision"]) if "revision" in answer else None


def _describe(server: Server, name: str, description: str) -> None:
    if description:
        body = {"description": description, "commit_message": "Set the registry's description"}
        server.client.put(f"/projects/{quoted(name)}/description", body)


def _check(step: Step, seen: Seen | None, parent: str | None) -> dict[str, Any]:
    wanted = step.payload["description"]
    if seen is None:
        raise Retry(
            f"project {step.name} was made but Gerrit does not list it; if that stays so, flush "
            "its cache: gerrit flush-caches --cache project_list",
            code="not-listed",
        )
    if seen["config"] is None:
        raise Retry(f"project {step.name} has no refs/meta/config yet", code="half-made")
    if wanted and seen["description"].strip() != wanted.strip():
        raise Retry(f"project {step.name} does not show its description yet", code="read-back")
    if parent is not None and seen["parent"] != parent:
        raise Retry(
            f"project {step.name} has parent {seen['parent']}, not {parent}", code="read-back"
        )
    return {"config": seen["config"]}
