"""The nouns: a project that should exist, and the registry of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from saltern.registry.acl import SYSTEM_GROUPS, AclDocument
from saltern.registry.findings import PROJECT, Finding, Position


@dataclass(frozen=True)
class Project:
    """One project that should exist on Gerrit.

    ``description`` has no blanks at its ends. ``parent`` is what the ACL inherits from, else
    the setting's default. ``acl_file`` is the ACL's path, ``acl`` the parsed file (``None``
    when there is none or it cannot be read), ``config`` the ``project.config`` to write,
    ``config_digest`` its digest without the description. ``groups`` are the Gerrit groups the
    ACL names, system groups left out. ``state`` is ACTIVE, READ_ONLY or HIDDEN. ``extra``
    holds every key that decides nothing here.
    """

    name: str
    position: Position
    description: str
    parent: str
    default_branch: str
    acl_file: str | None
    acl: AclDocument | None
    config: str | None
    config_digest: str | None
    groups: tuple[str, ...]
    state: str
    upstream: str | None
    upstream_prefix: str | None
    track_upstream: bool
    extra: Mapping[str, Any]


@dataclass(frozen=True)
class Registry:
    """What should exist.

    ``projects`` by name in file order, those with the option ``no-gerrit`` left out; ``groups``
    every group that should exist, with the place that names it first; ``findings`` sorted;
    ``names`` every name that stands in the file, also of entries that cannot be used.
    """

    commit: str | None
    projects: dict[str, Project]
    groups: dict[str, Position]
    findings: tuple[Finding, ...]
    names: frozenset[str] = field(default_factory=frozenset)

    @cached_property
    def blocked(self) -> Mapping[str, str]:
        """Return projects that findings hold up: ``"project"`` (all of it) or ``"access"``."""
        return blocked(self.findings)


def blocked(findings: Iterable[Finding]) -> dict[str, str]:
    """Return for each project that findings hold up the wider of what they block."""
    found: dict[str, str] = {}
    for finding in findings:
        if finding.project and finding.blocks and found.get(finding.project) != PROJECT:
            found[finding.project] = finding.blocks
    return found


def named_groups(projects: Iterable[Project]) -> dict[str, Position]:
    """Return the groups that the projects' ACLs name, with the place that does so first."""
    groups: dict[str, Position] = {}
    for project in projects:
        if project.acl is None:
            continue
        for name, entry in project.acl.group_entries.items():
            if name not in SYSTEM_GROUPS and name not in groups:
                groups[name] = Position(project.acl.file, entry.line, entry.column)
    return groups
