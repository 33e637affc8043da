"""The groups of the model server: who owns them, who is in them, what they include."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from saltern.errors import Refused
from saltern.registry.acl import SYSTEM_GROUPS
from saltern.registry.groupmodel import Group, Named
from saltern.registry.registry import Registry

ADMINS = "Administrators"
ACCOUNTS = {"alice": 1, "bob": 2, "carol": 3}


@dataclass
class Settled:
    """What a group has beside its name; ``owner`` is a group's UUID, ``members`` are numbers."""

    owner: str
    description: str = ""
    members: set[int] = field(default_factory=set)
    includes: set[str] = field(default_factory=set)


class MemoryGroups:
    """UUIDs by name in ``groups``; what was settled of a group by its UUID in ``settled``."""

    groups: dict[str, str]

    def __init__(self) -> None:
        self.settled: dict[str, Settled] = {}

    def settled_of(self, name: str) -> Settled:
        """Return what the group has; a new one belongs to the administrators."""
        return self.settled.setdefault(self.groups[name], Settled(self.groups[ADMINS]))

    def shown_groups(self, wishes: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Return every group's row, with the members of those that ``wishes`` names."""
        found = {}
        for name, uuid in self.groups.items():
            here = self.settled_of(name)
            row = {"uuid": uuid, "owner_uuid": here.owner, "description": here.description}
            if name in wishes:
                names = {number: user for user, number in ACCOUNTS.items()}
                row["members"] = [
                    {"id": number, "username": names[number], "email": f"{names[number]}@e.org"}
                    for number in sorted(here.members)
                ]
                row["includes"] = sorted(here.includes)
            found[name] = row
        return found

    @staticmethod
    def shown_accounts(wishes: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Return the accounts that the written members mean."""
        texts = {text for members in wishes.values() for text in members}
        return {
            text: {"id": ACCOUNTS[text]} if text in ACCOUNTS else {"problem": "nobody"}
            for text in texts
        }

    def _make_members(self, name: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        if name not in self.groups or payload["uuid"] != self.groups[name]:
            raise Refused(f"404 Not found: {payload['uuid']}")
        here, known = self.settled_of(name), {*self.groups.values(), *SYSTEM_GROUPS.values()}
        owner, includes = payload["owner"], payload["includes"]
        for uuid in ([owner["uuid"]] if owner else []) + list((includes or {}).values()):
            if uuid not in known:
                raise Refused(f"422 Group Not Found: {uuid}")
        here.owner = owner["uuid"] if owner else here.owner
        if payload["description"] is not None:
            here.description = payload["description"]
        if payload["members"] is not None:
            here.members = set(payload["members"])
        if includes is not None:
            here.includes = set(includes.values())
        return {"uuid": payload["uuid"]}

    def _members_kept(self, name: str, registry: Registry) -> bool:
        wish: Group | None = registry.group_wishes.get(name)
        if wish is None:
            return True
        known = {**self.groups, **SYSTEM_GROUPS}
        # Of a group that is not there only what it will not have from the start is to be done.
        here = self.settled_of(name) if name in self.groups else Settled(self.groups[ADMINS])
        numbers = {ACCOUNTS.get(member.text) for member in wish.members or ()}
        uuids = {known.get(group.text) for group in wish.includes or ()}
        return (
            wish.description in (None, here.description)
            and (wish.owner is None or known.get(wish.owner.text) == here.owner)
            and (wish.members is None or numbers == here.members)
            and (wish.includes is None or uuids == here.includes)
        )


def named(names: Any, position: Any) -> tuple[Named, ...] | None:
    """Return names as an entry of groups.yaml has them."""
    return None if names is None else tuple(Named(name, position) for name in names)
