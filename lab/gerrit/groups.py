"""Groups: internal ones, system groups, membership, and their refs in All-Users."""

from __future__ import annotations

import hashlib
import os
import time
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

from .configedit import rename_group
from .errors import Refusal, bad_request, conflict, unprocessable
from .model import ANONYMOUS, REGISTERED, SYSTEM_GROUPS, Account, Group, User, timestamp

if TYPE_CHECKING:
    from .site import Site

NAMES_REF = "refs/meta/group-names"


class Groups:
    """All internal groups, by UUID."""

    def __init__(self, site: Site):
        self._site = site
        self.by_uuid: dict[str, Group] = {}
        for data in site.store.all("group"):
            group = Group(**data)
            self.by_uuid[group.uuid] = group
        self._by_name = {g.name: g for g in self.by_uuid.values()}
        self.creating: set[str] = set()

    # --- finding ---

    def by_name(self, name: str) -> Group | None:
        return self._by_name.get(name)

    def name_taken(self, name: str) -> bool:
        """Whether a name is in use, ignoring case, system groups included."""
        lower = name.lower()
        taken = {n.lower() for n in SYSTEM_GROUPS.values()} | {u.lower() for u in SYSTEM_GROUPS}
        return lower in taken or any(n.lower() == lower for n in self._by_name)

    def find(self, text: str) -> str | None:
        """The UUID an identifier means: a UUID, a name or a number."""
        if text in self.by_uuid or text in SYSTEM_GROUPS:
            return text
        for uuid, name in SYSTEM_GROUPS.items():
            if name.lower() == text.lower():
                return uuid
        if text in self._by_name:
            return self._by_name[text].uuid
        if text.isdigit():
            return next((g.uuid for g in self.by_uuid.values() if g.id == int(text)), None)
        return None

    def require_input(self, text: str) -> Group:
        """An internal group named inside a request; Refusal 422."""
        uuid = self.find(text)
        if uuid not in self.by_uuid:
            raise unprocessable(f"Group Not Found: {text}")
        return self.by_uuid[uuid]

    def name_of(self, uuid: str) -> str | None:
        if uuid in SYSTEM_GROUPS:
            return SYSTEM_GROUPS[uuid]
        group = self.by_uuid.get(uuid)
        return group.name if group else None

    def of_account(self, account: Account | None) -> frozenset[str]:
        """Every group an account belongs to, through inclusion too."""
        if account is None:
            return frozenset([ANONYMOUS])
        found = {ANONYMOUS, REGISTERED}
        found.update(g.uuid for g in self.by_uuid.values() if account.id in g.members)
        grown = True
        while grown:
            more = {
                g.uuid
                for g in self.by_uuid.values()
                if g.uuid not in found and not found.isdisjoint(g.includes)
            }
            grown = bool(more)
            found |= more
        return frozenset(found)

    def all_members(self, group: Group) -> set[int]:
        """Members, through internal inclusion too."""
        seen, queue, found = set(), [group.uuid], set()
        while queue:
            uuid = queue.pop()
            each = self.by_uuid.get(uuid)
            if each and uuid not in seen:
                seen.add(uuid)
                found.update(each.members)
                queue.extend(each.includes)
        return found

    def owns(self, user: User, group: Group) -> bool:
        return self._site.permissions.is_admin(user) or group.owner in user.groups

    def sees(self, user: User, group: Group) -> bool:
        return group.visible_to_all or group.uuid in user.groups or self.owns(user, group)

    def visible_ref(self, user: User, ref: str) -> bool:
        group = self.by_uuid.get(ref.rsplit("/", 1)[1])
        return group is not None and self.owns(user, group)

    # --- changing ---

    def save(self, group: Group, user: User | None, subject: str) -> None:
        """Store a group and move its ref; listeners see one ref-updated."""
        self.by_uuid[group.uuid] = group
        self._by_name = {g.name: g for g in self.by_uuid.values()}
        self._site.store.put("group", group.uuid, group.data())
        text = (
            f"[group]\n\tname = {group.name}\n\tid = {group.id}\n"
            f"\tvisibleToAll = {str(group.visible_to_all).lower()}\n"
            f"\tgroupOwnerUuid = {group.owner}\n"
        )
        files = {"group.config": text}
        if group.members:
            files["members"] = "".join(f"{m}\n" for m in group.members)
        if group.includes:
            files["subgroups"] = "".join(f"{u}\n" for u in group.includes)
        self._site.permissions.forget()
        self._site.users.clear()
        self._site.commit_files(self._site.all_users, group.ref, user, subject, files, replace=True)

    def check_name(self, name: str, fields: dict, user: User) -> tuple[Group, list[int]]:
        """A new group's record from a GroupInput, everything checked, nothing stored."""
        members = [
            self._site.accounts.resolve_input(m, user).id for m in fields.get("members") or []
        ]
        owner = None
        if fields.get("owner_id"):
            owner = self.find(fields["owner_id"])
            if owner is None:
                raise unprocessable(f"Group Not Found: {fields['owner_id']}")
        uuid = fields.get("uuid")
        if uuid is not None:
            if len(uuid) != 40 or set(uuid.lower()) - set("0123456789abcdef"):
                raise bad_request(f"invalid group UUID '{uuid}'")
            if uuid in self.by_uuid:
                raise conflict(f"group with UUID '{uuid}' already exists")
        if self.name_taken(name):
            raise conflict("Group already exists")
        uuid = (
            uuid or hashlib.sha1(name.encode() + os.urandom(16), usedforsecurity=False).hexdigest()
        )
        group = Group(uuid, 0, name, fields.get("description") or "", owner or uuid)
        group.visible_to_all = bool(fields.get("visible_to_all"))
        if not members and owner in (None, uuid):
            members = [user.id]
        return group, members

    async def create(self, name: str, fields: dict, user: User) -> Group:
        """Make a group; Refusal with the real server's words if that may not be."""
        name = name.strip()
        if name in self.creating:
            raise conflict(f"group '{name}' already exists")
        group, members = self.check_name(name, fields, user)
        self.creating.add(name)
        try:
            await self._site.faults.shared_ref(name)
            if self.name_taken(name):
                raise conflict(f"group '{name}' already exists")
            group.id = self._site.store.next("groups", 1)
            group.created = time.time()
            group.members = members
            self._audit(group, user, "ADD_USER", members)
            self.save(group, user, f"Create group {name}")
        finally:
            self.creating.discard(name)
        return group

    def change_members(
        self,
        group: Group,
        user: User | None,
        add: list[int] = (),
        remove: list[int] = (),
    ) -> None:
        """Add and remove accounts; nothing is written when nothing changes."""
        added = [m for m in dict.fromkeys(add) if m not in group.members]
        removed = [m for m in remove if m in group.members]
        if added or removed:
            group.members = [m for m in group.members if m not in removed] + added
            self._audit(group, user, "ADD_USER", added)
            self._audit(group, user, "REMOVE_USER", removed)
            self.save(group, user, "Update group members")

    def change_includes(
        self, group: Group, user: User | None, add: list[str] = (), remove: list[str] = ()
    ) -> None:
        """Add and remove included groups by UUID."""
        added = [u for u in dict.fromkeys(add) if u not in group.includes]
        removed = [u for u in remove if u in group.includes]
        if added or removed:
            group.includes = [u for u in group.includes if u not in removed] + added
            self._audit(group, user, "ADD_GROUP", added)
            self._audit(group, user, "REMOVE_GROUP", removed)
            self.save(group, user, "Update group includes")

    def rename(self, group: Group, name: str, user: User) -> None:
        """Give a group another name; system groups' names are not protected."""
        name = name.strip()
        if not name:
            raise bad_request("name is required")
        if name == group.name:
            return
        if name in self._by_name:
            raise conflict(f"group with name {name} already exists")
        old, group.name = group.name, name
        self.save(group, user, f"Rename group to {name}")
        rename_group(self._site, user, group.uuid, old, name)

    def _audit(self, group: Group, user: User | None, kind: str, members: list) -> None:
        by = user.id if user else 0
        for member in members:
            group.audit.append({"type": kind, "member": member, "by": by, "at": time.time()})

    # --- showing ---

    def info(self, uuid: str, named: bool = True, detail: bool = False) -> dict:
        """GroupInfo of an internal or system group."""
        group = self.by_uuid.get(uuid)
        if group is None:
            found = {"options": {}, "id": quote_plus(uuid)}
            return {**found, "name": SYSTEM_GROUPS[uuid]} if named else found
        found = {
            "url": f"#/admin/groups/uuid-{uuid}",
            "options": {"visible_to_all": True} if group.visible_to_all else {},
        }
        if group.description:
            found["description"] = group.description
        found |= {
            "group_id": group.id,
            "owner": self.name_of(group.owner) or "",
            "owner_id": group.owner,
            "created_on": timestamp(group.created),
        }
        if detail:
            found |= {"members": self.members(group.members), "includes": self.includes(group)}
        found["id"] = uuid
        return {**found, "name": group.name} if named and group.name else found

    def members(self, ids) -> list[dict]:
        """AccountInfos ordered by name."""
        accounts = [self._site.accounts.by_id[i] for i in ids if i in self._site.accounts.by_id]
        accounts.sort(key=lambda a: (a.shown_name, a.email or "", a.id))
        return [self._site.accounts.info(a) for a in accounts]

    def includes(self, group: Group) -> list[dict]:
        """GroupInfos of the included groups ordered by name."""
        known = [u for u in group.includes if self.name_of(u) is not None]
        return [self.info(u) for u in sorted(known, key=lambda u: self.name_of(u) or "")]

    def audit_log(self, group: Group) -> list[dict]:
        """GroupAuditEventInfos, newest second first."""
        order = [e["member"] for e in sorted(group.audit, key=lambda e: "GROUP" in e["type"])]
        entries = sorted(group.audit, key=lambda e: (-int(e["at"]), order.index(e["member"])))
        return [self._audit_info(e) for e in entries]

    def _audit_info(self, entry: dict) -> dict:
        if entry["type"].endswith("USER"):
            member = self._site.accounts.info(self._site.accounts.by_id[entry["member"]])
        else:
            member = self.info(entry["member"])
            if entry["member"] in SYSTEM_GROUPS:
                del member["options"]
        by = self._site.accounts.by_id[entry["by"]]
        return {
            "member": member,
            "type": entry["type"],
            "user": self._site.accounts.info(by),
            "date": timestamp(entry["at"]),
        }


def deletion_refused() -> Refusal:
    """Groups cannot be deleted unless the server is configured for it."""
    return Refusal(404, "Deletion of Group is not enabled")
