"""Step ``access``: refs/meta/config carries the composed ACL and the groups it names."""

from __future__ import annotations

from typing import Any

from saltern.errors import Refused, Retry
from saltern.providers.gerrit.config import (
    GROUPS,
    META_CONFIG,
    PROJECT_CONFIG,
    MetaConfig,
    new_commit,
)
from saltern.providers.gerrit.git import Update
from saltern.providers.gerrit.server import Claim, Prepared, Seen, Server
from saltern.registry.acl import groups_file
from saltern.steps import Step


def prepare(server: Server, step: Step, *, look: bool) -> Prepared | Claim:
    """Return the update that makes it so, or the claim alone when it is so already.

    Payload: ``config`` (text), ``digest``, ``groups`` ({name: uuid}), ``state`` (wanted),
    ``base`` (observed commit or ``None``), ``fresh`` (the project was made in this run, so that
    its tree holds nothing of anybody else). Evidence: ``config``, the commit.
    With ``look`` the ref is asked for instead of trusting ``base``. Files of others in the tree
    are kept.
    """
    uuids = _uuids(step)
    base = step.payload["base"]
    fresh = step.payload["fresh"] and base and not look
    if look or base is None:
        base = server.git.refs(step.name, [META_CONFIG]).get(META_CONFIG)
    have = server.configs.read(step.name, base) if base and not fresh else None
    if have and base and _is_so(step, have):
        return Claim(step, lambda seen: _check(server, step, seen, {}))
    config, groups = step.payload["config"].encode(), groups_file(uuids).encode()
    others = have.others if have else {}
    new, objects = new_commit(
        {PROJECT_CONFIG: config, GROUPS: groups},
        f"Set access as the registry says\n\nWhy: {step.why}\n",
        server.identity,
        base,
        others,
    )
    written = {new: MetaConfig.of(config, groups, others)}
    claim = Claim(step, lambda seen: _check(server, step, seen, written))
    return Prepared(step, Update(META_CONFIG, base, new), objects, claim)


def _uuids(step: Step) -> dict[str, str]:
    uuids = dict(step.payload["groups"])
    for name, uuid in uuids.items():
        if not uuid:
            raise Refused(f"{step.name}: group {name!r} has no UUID yet", code="group-missing")
        if "\t" in name or "\n" in name:
            raise Refused(f"{step.name}: no groups file can name {name!r}", code="group-name")
    return uuids


def _is_so(step: Step, have: MetaConfig) -> bool:
    uuids = step.payload["groups"]
    return (
        have.digest == step.payload["digest"]
        and have.state == step.payload["state"]
        and not have.wrong_groups(uuids.get)
    )


def _check(
    server: Server, step: Step, seen: Seen | None, written: dict[str, MetaConfig]
) -> dict[str, Any]:
    if seen is None or seen["config"] is None:
        raise Retry(f"{step.name}: Gerrit shows no {META_CONFIG}", code="read-back")
    tip = seen["config"]
    if tip in written:
        server.configs.remember(written)
    elif not _is_so(step, server.configs.read(step.name, tip)):
        raise Retry(
            f"{step.name}: {META_CONFIG} is at {tip[:12]}, another's commit that says something "
            "else",
            code="changed-meanwhile",
        )
    if seen["state"] != step.payload["state"]:
        raise Retry(
            f"{step.name} is {seen['state']}, not {step.payload['state']}", code="read-back"
        )
    return {"config": tip}
