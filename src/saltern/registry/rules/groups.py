"""Checks of the names of groups."""

from __future__ import annotations

from collections.abc import Iterator

from saltern.registry.acl import SYSTEM_GROUPS, AclDocument
from saltern.registry.findings import ACCESS, Position
from saltern.registry.gitconfig import Entry
from saltern.registry.groupmodel import FOREIGN
from saltern.registry.rules.base import ACL, REGISTRY, Collected, rule
from saltern.settings import RegistrySettings


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
            what = "has a tab, begins with '#' or is longer than 255 characters"
            yield document.place(entry), f"group name {name[:80]!r} {what}; write another name"
        elif name.startswith(FOREIGN):
            what = f"group {name[:80]!r} is kept by another system than Gerrit"
            yield document.place(entry), f"{what}; name a group that Gerrit keeps itself"


@rule("SLT061", REGISTRY, blocks=ACCESS)
def groups_differ_in_case(collected: Collected) -> Iterator[tuple[str | None, Position, str]]:
    """Two group names differ only in case, or from a system group's.

    Why: Gerrit refuses to make the second one: "Group already exists".
    Example: ``group Core`` beside ``group core``
    Instead: one spelling.
    """
    names = {*SYSTEM_GROUPS, *(n for d in set(collected.documents.values()) for n in d.group_names)}
    if len({name.lower() for name in names}) == len(names):
        return
    first: dict[str, str] = {name.lower(): name for name in SYSTEM_GROUPS}
    for project, document in collected.documents.items():
        for name, entry in sorted(document.group_entries.items(), key=_by_line):
            known = first.setdefault(name.lower(), name)
            if known != name:
                yield (
                    project,
                    _place(document, entry),
                    f"group {name[:60]!r} differs from {known[:60]!r} only in case; "
                    f"write {known[:60]!r}",
                )


def _by_line(item: tuple[str, Entry]) -> tuple[int, str]:
    return item[1].line, item[0]


def _place(document: AclDocument, entry: Entry) -> Position:
    return document.place(entry)
