"""From an event's data to a converge request, or to nothing.

Anyone on the Salt bus may send any tag with any data, so each value is checked for type and
length and is only ever a hint: what is done is decided by looking at the servers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Request = dict[str, Any]
"""Keyword arguments of a converge: cause, projects, change, deep, wait."""

NAME_LIMIT = 1000
"""Characters of a project's or minion's name."""
NAMES_LIMIT = 1000
"""Projects in one event."""
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def change_merged(data: Any) -> Request | None:
    """A change merged on the registry: converge all, then put a note on the change."""
    commit = _text(data, "revision") or _text(data, "newrev")
    if commit is None or not _COMMIT.fullmatch(commit):
        return None
    return _request("change-merged", change=commit)


def ref_updated(data: Any) -> Request | None:
    """Branches or tags of projects moved: bring their mirrors up to date."""
    projects = _projects(data)
    return _request("ref-updated", projects=projects, deep=True) if projects else None


def config_updated(data: Any) -> Request | None:
    """The refs/meta/config of projects moved: what differs from the registry is repaired."""
    projects = _projects(data)
    return _request("config-updated", projects=projects) if projects else None


def patchset_created(data: Any) -> Request | None:
    """A change of the registry has a new patch set: tell it what it causes."""
    number = data.get("change") if isinstance(data, Mapping) else None
    if type(number) is not int or not 0 < number < 2**31:
        return None
    return {"change": number, "wait": False}


def stream_reviews(data: Any, tag: Any) -> Request | None:
    """The event stream began anew or lost events: look for patch sets that nobody told of."""
    return {"change": None, "wait": False} if stream(data, tag) else None


def stream(data: Any, tag: Any) -> Request | None:
    """The event stream began anew or lost events: look at everything."""
    suffix = tag.rpartition("/")[2] if isinstance(tag, str) else None
    if suffix not in ("connected", "dropped") or not isinstance(data, Mapping):
        return None
    return _request(f"stream {suffix}", deep=True)


def minion_start(data: Any, settings: Any) -> Request | None:
    """The minion that owns a provider came up: converge, for jobs sent to it may be lost.

    ``settings`` is the master's ``saltern`` setting.
    """
    minion, owners = _text(data, "id"), settings
    for key in ("converge", "owners"):
        owners = owners.get(key) if isinstance(owners, Mapping) else None
    if minion is None or not isinstance(owners, Mapping) or minion not in owners.values():
        return None
    return _request("minion start")


def _request(cause: str, **more: Any) -> Request:
    return {"cause": cause, "wait": False, **more}


def _projects(data: Any) -> list[str] | None:
    names = data.get("projects") if isinstance(data, Mapping) else None
    if not isinstance(names, list) or not 0 < len(names) <= NAMES_LIMIT:
        return None
    if not all(_is_name(name) for name in names):
        return None
    return sorted(set(names))


def _text(data: Any, key: str) -> str | None:
    value = data.get(key) if isinstance(data, Mapping) else None
    return value if _is_name(value) else None


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= NAME_LIMIT and value.isprintable()
