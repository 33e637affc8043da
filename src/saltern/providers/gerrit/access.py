"""Step ``access``: refs/meta/config carries the composed ACL and the groups it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from saltern.registry.acl import AclDocument, AclSyntaxError, groups_file
from saltern.registry.settingskeys import (
    DESCRIPTION,
    Setting,
    plain_settings,
    with_settings,
)
from saltern.steps import Step


def prepare(server: Server, step: Step, *, look: bool) -> Prepared | Claim:
    """Return the update that makes it so, or the claim alone when it is so already.

    Payload: ``config`` (text), ``digest``, ``groups`` ({name: uuid}), ``state`` (wanted),
    ``base`` (observed commit or ``None``), ``fresh`` (the project was made in this run, so that
    its tree holds nothing of anybody else), ``keep`` (parts that stay as the server has them:
    ``access``, ``settings``), ``settings`` (with ``access`` kept: what is made sure of in the
    text that stands there). Evidence: ``config``, the commit.
    With ``look`` the ref is asked for instead of trusting ``base``. Files of others in the tree
    are kept.
    """
    uuids = _uuids(step)
    base, keep = step.payload["base"], step.payload.get("keep") or ()
    fresh = step.payload["fresh"] and base and not look and not keep
    if look or base is None:
        base = server.git.refs(step.name, [META_CONFIG]).get(META_CONFIG)
    have, files = _stands(server, step.name, None if fresh else base, bool(keep))
    config, groups = _files(step, keep, files, groups_file(uuids).encode())
    others = have.others if have else {}
    wanted = MetaConfig.of(config, groups, others) if keep else None
    if have and base and _is_so(step, have, wanted):
        return Claim(step, lambda seen: _check(server, step, seen, {}, wanted))
    new, objects = new_commit(
        {PROJECT_CONFIG: config, GROUPS: groups},
        f"Set access as the registry says\n\nWhy: {step.why}\n",
        server.identity,
        base,
        others,
    )
    written = {new: MetaConfig.of(config, groups, others)}
    claim = Claim(step, lambda seen: _check(server, step, seen, written, wanted))
    return Prepared(step, Update(META_CONFIG, base, new), objects, claim)


def _stands(
    server: Server, name: str, base: str | None, whole: bool
) -> tuple[MetaConfig | None, dict[str, bytes]]:
    """Return what stands at ``base``, with the bytes of its files if the ``whole`` is asked for."""
    if base is None:
        return None, {}
    if whole:
        return server.configs.files(name, base)
    return server.configs.read(name, base), {}


def _files(
    step: Step, keep: Sequence[str], files: Mapping[str, bytes], groups: bytes
) -> tuple[bytes, bytes]:
    """Return ``project.config`` and ``groups`` as they are to stand."""
    config = step.payload["config"]
    if not keep:
        return config.encode(), groups
    try:
        there = AclDocument.parse(files.get(PROJECT_CONFIG, b""), PROJECT_CONFIG)
    except AclSyntaxError as error:
        raise Refused(
            f"{step.name}: what stands in {META_CONFIG} cannot be read ({error}), so a part of it "
            "cannot be kept: mend it by hand, or give the project an ACL file",
            code="unreadable",
        ) from error
    if "access" in keep:
        settings = [Setting(*each) for each in step.payload["settings"]]
        return with_settings(there, settings).text.encode(), files.get(GROUPS, b"")
    kept = [
        *plain_settings(there),
        Setting(*DESCRIPTION, there.get("project", None, "description") or ""),
    ]
    return with_settings(AclDocument.parse(config), kept).text.encode(), groups


def _uuids(step: Step) -> dict[str, str]:
    uuids = dict(step.payload["groups"])
    for name, uuid in uuids.items():
        if not uuid:
            raise Refused(f"{step.name}: group {name!r} has no UUID yet", code="group-missing")
        if "\t" in name or "\n" in name:
            raise Refused(f"{step.name}: no groups file can name {name!r}", code="group-name")
    return uuids


def _is_so(step: Step, have: MetaConfig, wanted: MetaConfig | None) -> bool:
    if wanted is not None:
        kept = "access" in step.payload["keep"]
        if have.digest != wanted.digest or have.state != wanted.state:
            return False
        return kept or not have.wrong_groups(step.payload["groups"].get)
    return (
        have.digest == step.payload["digest"]
        and have.state == step.payload["state"]
        and not have.wrong_groups(step.payload["groups"].get)
    )


def _check(
    server: Server,
    step: Step,
    seen: Seen | None,
    written: dict[str, MetaConfig],
    wanted: MetaConfig | None,
) -> dict[str, Any]:
    if seen is None or seen["config"] is None:
        raise Retry(f"{step.name}: Gerrit shows no {META_CONFIG}", code="read-back")
    tip = seen["config"]
    if tip in written:
        server.configs.remember(written)
    elif not _is_so(step, server.configs.read(step.name, tip), wanted):
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
