"""Checks of the names of groups."""

from __future__ import annotations

from collections.abc import Iterator

from saltern.registry.acl import SYSTEM_GROUPS, AclDocument
from saltern.registry.findings import ACCESS, Position
from saltern.registry.gitconfig import Entry
from saltern.registry.rules.base import ACL, REGISTRY, Collected, rule
from saltern.settings import RegistrySettings

_EXTERNAL = ("ldap/", "user/", "cn=")


@rule("SLT060", ACL, blocks=ACCESS)
def bad_group_name(
    document: AclDocument, settings: RegistrySettings
) -> Iterator[tuple[Position, str]]:
    """A group name that cannot stand in a ``groups`` file, or that no Gerrit group can have.

    Why: the file has one line a group with a tab in it; external groups need their own UUID.
    Example: a group name with a tab, or ``group ldap/admins``
    Instead: the name of a group that Gerrit keeps itself.
    """
    for name, entry in document.group_entries.items():
        if set(name) & set("\t\r\n") or name.startswith("#") or len(name) > 255:
            yield document.place(entry), f"group name {name[:80]!r} cannot be written"
        elif name.startswith(_EXTERNAL):
            yield document.place(entry), f"external group {name[:80]!r} is not supported"


@rule("SLT061", REGISTRY, blocks=ACCESS)
def groups_differ_in_case(collected: Collected) -> Iterator[tuple[str | None, Position, str]]:
    """Two group names differ only in case, or from a system group's.

    Why: Gerrit refuses to make the second one: "Group already exists".
    Example: ``group Core`` beside ``group core``
    Instead: one spelling.
    """
    first: dict[str, str] = {name.lower(): name for name in SYSTEM_GROUPS}
    for project, document in collected.documents.items():
        for name, entry in sorted(document.group_entries.items(), key=_by_line):
            known = first.setdefault(name.lower(), name)
            if known != name:
                yield (
                    project,
                    _place(document, entry),
                    f"group {name!r} differs from {known!r} only in case",
                )


def _by_line(item: tuple[str, Entry]) -> tuple[int, str]:
    return item[1].line, item[0]


def _place(document: AclDocument, entry: Entry) -> Position:
    return document.place(entry)
