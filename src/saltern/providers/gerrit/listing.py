"""Gerrit's bulk listings of projects and groups as plain data."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote, urlencode

from saltern.errors import Broken
from saltern.providers.gerrit.client import Client, HttpRefused
from saltern.providers.gerrit.config import META_CONFIG

HEAD = "HEAD"
HIDDEN = "HIDDEN"
LONGEST_QUERY = 4000
"""Characters of names in one URL; servers and proxies take 8 KiB of headers or more."""


def all_projects(client: Client) -> dict[str, dict[str, Any]]:
    """Return ``{name: {"state", "description", "parent"}}`` of every project (one request)."""
    return {name: _head(info) for name, info in _rows(client, "/projects/?all&d&t").items()}


def project_refs(
    client: Client, refs: Iterable[str], names: Sequence[str] | None = None
) -> dict[str, dict[str, str]]:
    """Return ``{name: {ref: commit id}}`` for refs/meta/config, HEAD and ``refs``.

    One request for all projects, or one for each few dozen ``names``. Projects without any of
    the refs are absent, hidden ones too (their refs are not readable).
    """
    wanted = urlencode([("b", ref) for ref in dict.fromkeys((META_CONFIG, HEAD, *refs))])
    found: dict[str, dict[str, str]] = {}
    for only in _selections(names):
        rows = _rows(client, f"/projects/?all&{wanted}{only}")
        found |= {name: dict(info.get("branches", {})) for name, info in rows.items()}
    return found


def some_projects(
    client: Client, names: Sequence[str], refs: Iterable[str]
) -> dict[str, dict[str, Any]]:
    """Return what :func:`merge` returns, of ``names`` only; absent projects are absent."""
    heads: dict[str, dict[str, Any]] = {}
    wanted = urlencode([("b", ref) for ref in dict.fromkeys((META_CONFIG, HEAD, *refs))])
    branches = {}
    for only in _selections(names):
        for name, info in _rows(client, f"/projects/?all&d&t&{wanted}{only}").items():
            heads[name], branches[name] = _head(info), dict(info.get("branches", {}))
    if missing := sorted(set(names) - heads.keys()):
        for only in _selections(missing):
            heads |= {n: _head(i) for n, i in _rows(client, f"/projects/?all&d&t{only}").items()}
    return merge(client, heads, branches, names)


def merge(
    client: Client,
    heads: Mapping[str, Mapping[str, Any]],
    refs: Mapping[str, Mapping[str, str]],
    names: Iterable[str],
) -> dict[str, dict[str, Any]]:
    """Return heads and refs as one: ``{name: {"state", "description", "parent", "config",
    "head", "refs", "access"}}``.

    ``access`` is ``None``: no listing has it. The refs of hidden projects are not readable,
    except the commit of refs/meta/config, which the access call tells: one request for a few
    dozen of them.
    """
    names = [name for name in dict.fromkeys(names) if name in heads]
    hidden = [name for name in names if heads[name]["state"] == HIDDEN]
    revisions = _revisions(client, hidden)
    found = {}
    for name in names:
        own = dict(refs.get(name, {}))
        config, head = own.pop(META_CONFIG, None), own.pop(HEAD, None)
        found[name] = {
            **heads[name],
            "config": config or revisions.get(name),
            "head": head,
            "refs": own,
            "access": None,
        }
    return found


def all_groups(client: Client) -> dict[str, dict[str, Any]]:
    """Return ``{name: {"uuid", "owner_uuid", "description", "visible_to_all"}}`` of every group
    that the account sees."""
    return _groups(_rows(client, "/groups/"))


def some_groups(client: Client, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the same of ``names``; one request for a few dozen, absent groups are absent."""
    found: dict[str, dict[str, Any]] = {}
    for chunk in _chunks(names, "g"):
        try:
            found |= _groups(_rows(client, "/groups/?" + urlencode([("g", n) for n in chunk])))
        except HttpRefused as error:
            if error.status != 400:
                raise
            # One of them does not exist, and Gerrit then lists none.
            listed = all_groups(client)
            return {name: listed[name] for name in names if name in listed}
    return found


def group_members(client: Client, uuids: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return :func:`group_row` of the groups of ``uuids`` (by name), by name.

    One request for some ninety groups; one that is gone makes Gerrit refuse (400).
    """
    names = {uuid: name for name, uuid in uuids.items()}
    found = {}
    for chunk in _chunks(list(names), "g"):
        query = urlencode([("o", "MEMBERS"), ("o", "INCLUDES"), *(("g", uuid) for uuid in chunk)])
        for row in map(group_row, _rows(client, f"/groups/?{query}").values()):
            if row["uuid"] in names:
                found[names[row["uuid"]]] = row
    return found


def group_row(info: Mapping[str, Any]) -> dict[str, Any]:
    """Return what Gerrit tells of one group: ``uuid``, ``owner_uuid``, ``description``,
    ``members`` (``id``, ``username``, ``email``), ``includes`` (UUIDs)."""
    return {
        "uuid": unquote(info["id"]),
        "owner_uuid": info.get("owner_id", ""),
        "description": info.get("description", ""),
        "members": [
            {
                "id": member["_account_id"],
                "username": member.get("username", ""),
                "email": member.get("email", ""),
            }
            for member in info.get("members", ())
        ],
        "includes": [unquote(group["id"]) for group in info.get("includes", ())],
    }


def _rows(client: Client, path: str) -> dict[str, Any]:
    rows = client.get(path)
    if not isinstance(rows, dict):
        raise Broken(f"GET {path}: expected a map of names, got {type(rows)}", code="answer")
    if any(row.get("_more_projects") or row.get("_more_groups") for row in rows.values()):
        raise Broken(f"GET {path}: Gerrit cut the list off", code="answer")
    return rows


def _head(info: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "state": info.get("state", "ACTIVE"),
        "description": info.get("description", ""),
        "parent": info.get("parent"),
    }


def _groups(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        name: {
            "uuid": unquote(row["id"]),
            "owner_uuid": row.get("owner_id", ""),
            "description": row.get("description", ""),
            "visible_to_all": bool(row.get("options", {}).get("visible_to_all")),
        }
        for name, row in rows.items()
    }


def _revisions(client: Client, names: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for chunk in _chunks(names, "project"):
        try:
            rows = _access(client, chunk)
        except HttpRefused:
            # Gerrit answers for all of them or none: one that it cannot read spoils the lot.
            rows = _one_by_one(client, chunk)
        found |= {name: row["revision"] for name, row in rows.items() if "revision" in row}
    return found


def _access(client: Client, names: Sequence[str]) -> dict[str, Any]:
    return _rows(client, "/access/?" + urlencode([("project", name) for name in names]))


def _one_by_one(client: Client, names: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in names:
        with contextlib.suppress(HttpRefused):
            found |= _access(client, [name])
    return found


def _selections(names: Sequence[str] | None) -> Iterator[str]:
    """Yield ``""`` for all projects, else ``&r=`` patterns that together match ``names``."""
    if names is None:
        yield ""
        return
    for chunk in _chunks([_pattern(name) for name in names], "r"):
        yield "&r=" + quote("|".join(chunk), safe="")


def _pattern(name: str) -> str:
    """Return a regular expression for ``name`` itself (dk.brics.automaton's syntax)."""
    return re.sub(r"([^\w/-])", r"\\\1", name, flags=re.ASCII)


def _chunks(names: Sequence[str], key: str) -> Iterator[list[str]]:
    chunk: list[str] = []
    length = 0
    for name in names:
        more = len(quote(name, safe="")) + len(key) + 4
        if chunk and length + more > LONGEST_QUERY:
            yield chunk
            chunk, length = [], 0
        chunk.append(name)
        length += more
    if chunk:
        yield chunk
