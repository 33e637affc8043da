"""What a check keeps of a registry: what is wrong with it, and the texts that this is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from saltern.registry.acl import SYSTEM_GROUPS, AclDocument
from saltern.registry.findings import Finding, Position


class Judged(NamedTuple):
    """What is wrong with a registry of which nothing else is wanted; compare ``Registry``.

    ``findings`` sorted; ``texts`` the YAML files and the ACL files that projects use.
    """

    findings: tuple[Finding, ...]
    texts: Mapping[str, str]

    def text(self, file: str) -> str:
        """Return the text of a YAML or ACL file, "" of any other."""
        return self.texts.get(file, "")


def named_groups(acls: Iterable[AclDocument | None]) -> dict[str, Position]:
    """Return the groups that ACLs name, with the place that does so first."""
    groups: dict[str, Position] = {}
    for acl in dict.fromkeys(acls):
        if acl is None:
            continue
        for name, entry in acl.group_entries.items():
            if name not in groups and name not in SYSTEM_GROUPS:
                groups[name] = Position(acl.file, entry.line, entry.column)
    return groups
