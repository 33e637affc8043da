"""What reactors want of the stream, and the little of an event they are given.

An event is a hint and a contributor may have chosen every text in it: what leaves here has
checked types, bounded lengths and no free text. Shapes: Gerrit's stream-events as recorded
in ``tests/contract/exchanges/stream-events.jsonl``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from saltern.stream.settings import StreamSettings

CONNECTED = "connected"
LOST = "lost"
DROPPED = "dropped"
CHANGE_MERGED = "change-merged"
PATCHSET_CREATED = "patchset-created"
REF_UPDATED = "ref-updated"
CONFIG_UPDATED = "config-updated"
SUFFIXES = (
    CONNECTED,
    LOST,
    DROPPED,
    CHANGE_MERGED,
    PATCHSET_CREATED,
    REF_UPDATED,
    CONFIG_UPDATED,
)

_OWN = {
    "saltern-connected": CONNECTED,
    "saltern-lost": LOST,
    "saltern-dropped": DROPPED,
    "dropped-output": DROPPED,
}
_OF_CHANGES = {
    CHANGE_MERGED: CHANGE_MERGED,
    PATCHSET_CREATED: PATCHSET_CREATED,
    # What becomes ready, public or open again has a patch set that was passed over before.
    "wip-state-changed": PATCHSET_CREATED,
    "private-state-changed": PATCHSET_CREATED,
    "change-restored": PATCHSET_CREATED,
}
_MIRRORED = ("refs/heads/", "refs/tags/")
_CONFIG_REF = "refs/meta/config"
_ALL_USERS = "All-Users"
_NAME_LIMIT = 1000
_TEXT_LIMIT = 1000
_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029\ud800-\udfff]")


def relevant(event: Any, settings: StreamSettings) -> str | None:
    """Return the tag suffix of an event, one of ``SUFFIXES``, or ``None`` to pass it over.

    ``change-merged`` and ``patchset-created`` are for the registry's project and branch
    only. ``config-updated`` is refs/meta/config or HEAD of any project: by other hands than
    Saltern's it is drift. Never raises, whatever ``event`` is.
    """
    if not isinstance(event, Mapping) or not isinstance(event.get("type"), str):
        return None
    kind = event["type"]
    if kind in _OWN:
        return _OWN[kind]
    data = reduce_event(event)
    if not data.get("project") or data["project"] == _ALL_USERS:
        return None
    if kind in _OF_CHANGES:
        wanted = (settings.project, settings.branch)
        return _OF_CHANGES[kind] if (data["project"], data.get("branch")) == wanted else None
    if data.get("submitter") in settings.ignore_users:
        return None
    if kind == "project-head-updated":
        return CONFIG_UPDATED
    return _of_ref(data.get("ref")) if kind == REF_UPDATED else None


def _of_ref(ref: str | None) -> str | None:
    if ref is None:
        return None
    if ref == _CONFIG_REF:
        return CONFIG_UPDATED
    return REF_UPDATED if ref.startswith(_MIRRORED) else None


def reduce_event(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain fields of an event that reactors need.

    Of ``type``, ``project``, ``branch``, ``ref``, ``newrev`` (hex), ``change`` and
    ``patchset`` (numbers), ``revision`` (hex), ``submitter`` (username), and of Saltern's
    own markers ``code`` and ``reason``. A field that is missing or not what it should be is
    left out.
    """
    change, patch_set, update = (_map(event, k) for k in ("change", "patchSet", "refUpdate"))
    fields = {
        "type": _name(event.get("type")),
        "project": _name(
            change.get("project") or update.get("project") or event.get("projectName")
        ),
        "branch": _name(change.get("branch")),
        "ref": _ref(update.get("refName")),
        "newrev": _sha(event.get("newRev")) or _sha(update.get("newRev")),
        "change": _number(change.get("number")),
        "patchset": _number(patch_set.get("number")),
        "revision": _sha(patch_set.get("revision")),
        "submitter": _name(_map(event, "submitter").get("username")),
    }
    if str(event.get("type")).startswith("saltern-"):
        fields |= {"code": _name(event.get("code")), "reason": _text(event.get("reason"))}
    return {key: value for key, value in fields.items() if value is not None}


def _map(event: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = event.get(key)
    return value if isinstance(value, Mapping) else {}


def _name(value: Any) -> str | None:
    if not isinstance(value, str) or not 0 < len(value) <= _NAME_LIMIT:
        return None
    return None if _CONTROL.search(value) else value


def _ref(value: Any) -> str | None:
    name = _name(value)
    if name is None or name.startswith("refs/"):
        return name
    return f"refs/heads/{name}"


def _sha(value: Any) -> str | None:
    return value if isinstance(value, str) and _SHA.fullmatch(value) else None


def _number(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
        value = int(value)
    return value if type(value) is int and 0 < value < 2**31 else None


def _text(value: Any) -> str | None:
    return _CONTROL.sub(" ", value)[:_TEXT_LIMIT] if isinstance(value, str) else None
