"""``groups.yaml`` from the groups of a live Gerrit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saltern.adopt.live import Live
from saltern.adopt.yamltext import item_text
from saltern.registry.acl import SYSTEM_GROUPS
from saltern.registry.groupmodel import group_name_problem

SEEDED = ("Administrators", "Blocked Users", "Service Users")
"""Groups that Gerrit makes with itself; who is in them stays the business of its administrators."""

Said = list[tuple[str, str]]


def group_items(live: Live, usual_owner: str) -> tuple[list[dict[str, Any]], Said]:
    """Return the entries of groups.yaml in the order of their names, and what they leave out.

    Gerrit's own groups and those of other systems are not written, nor the ``usual_owner``.
    """
    items, said = [], Said()
    if not live.sight.groups:
        said.append(("groups", "left out: Gerrit lists them to accounts only"))
    for name in sorted(live.groups, key=lambda n: (n.lower(), n)):
        row = live.groups[name]
        if name in SYSTEM_GROUPS or name in SEEDED or ":" in row["uuid"]:
            continue
        if problem := group_name_problem(name):
            said.append((name, f"group left out: its name {problem}"))
            continue
        items.append(_item(name, row, live, usual_owner, said))
    return items, said


def _item(
    name: str, row: Mapping[str, Any], live: Live, usual_owner: str, said: Said
) -> dict[str, Any]:
    item: dict[str, Any] = {"group": name}
    if description := row["description"].strip():
        item["description"] = description
    owner = live.names.get(row["owner_uuid"])
    if owner and owner not in (name, usual_owner):
        item["owner"] = owner
    if live.sight.complete or row["visible_to_all"]:
        item |= _members(name, row, said) | _includes(name, row, live, said)
    else:
        said.append((name, "members left out: not all of them may be shown to you"))
    if item_text(item) is None:
        item.pop("description", None)
        said.append((name, "group without its description: YAML cannot hold it"))
    return item


def _members(name: str, row: Mapping[str, Any], said: Said) -> dict[str, list[str]]:
    members = [member["username"] or member["email"] for member in row["members"]]
    if not all(members):
        said.append((name, "members left out: one has neither a username nor an e-mail address"))
        return {}
    return {"members": sorted(members)}


def _includes(name: str, row: Mapping[str, Any], live: Live, said: Said) -> dict[str, list[str]]:
    included = [live.names.get(uuid) for uuid in row["includes"]]
    names = [each for each in included if each]
    if len(names) < len(included):
        said.append((name, "included groups left out: one is of another system or not shown"))
        return {}
    return {"includes": sorted(names)} if names else {}
