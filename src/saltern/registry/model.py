"""The nouns: a project that should exist, and the registry of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from saltern.errors import Broken
from saltern.registry.acl import AclDocument, compose
from saltern.registry.findings import MEMBERS, PROJECT, Finding, Position
from saltern.registry.groupmodel import Group
from saltern.registry.settingskeys import PARENT, Composer, Setting, plain_rows, row_of


@dataclass(frozen=True)
class Project:
    """One project that should exist on Gerrit.

    ``description`` has no blanks at its ends. ``parent`` is what the entry or its ACL inherits
    from, else the setting's default; ``parent_at`` the place of the key ``parent``. ``acl_file``
    is the ACL's path, ``acl`` the parsed file (``None`` when there is none or it cannot be read).
    ``settings`` are made sure of in ``project.config``. ``groups`` are the Gerrit groups the
    ACL names, system groups left out. ``state`` is ACTIVE, READ_ONLY or HIDDEN. ``previously``
    are names it had, the latest last. ``upstream_branches`` and ``upstream_tags`` are
    patterns of what is imported (``None``: all). ``extra`` holds every key that decides nothing
    here.
    """

    name: str
    position: Position
    description: str
    parent: str
    default_branch: str
    acl_file: str | None
    acl: AclDocument | None
    groups: tuple[str, ...]
    state: str
    upstream: str | None
    upstream_prefix: str | None
    track_upstream: bool
    extra: Mapping[str, Any]
    settings: tuple[Setting, ...] = ()
    previously: tuple[str, ...] = ()
    upstream_branches: tuple[str, ...] | None = None
    upstream_tags: tuple[str, ...] | None = None
    parent_at: Position | None = field(default=None, compare=False)
    composer: Composer = field(default_factory=Composer, compare=False, repr=False)

    @property
    def managed(self) -> bool:
        """Return whether anything is wanted of its refs/meta/config."""
        return self.acl is not None or bool(self.settings)

    @property
    def places_parent(self) -> bool:
        """Return whether its refs/meta/config is to say whom it inherits from."""
        return self.acl is not None or any(s[:2] == PARENT for s in self.settings)

    @cached_property
    def config(self) -> str | None:
        """Return the ``project.config`` to write, ``None`` without an ACL."""
        if self.acl is None:
            return None
        document = self.composer.document(self.acl, self.settings)
        try:
            return compose(document, description=self.description or None, parent=None)
        except Broken:
            # A finding says so; the rest of the text is still good.
            return document.text

    @property
    def config_digest(self) -> str | None:
        """Return the digest of :attr:`config` without the description."""
        return self.composer.digests(self.acl, self.settings).whole if self.acl else None

    @property
    def access_digest(self) -> str | None:
        """Return the digest of :attr:`config` without description and plain settings."""
        return self.composer.digests(self.acl, self.settings).access if self.acl else None

    @cached_property
    def plain(self) -> Mapping[str, list[str]]:
        """Return the plain settings wanted: ``{"submit.action": ["CHERRY_PICK"]}``.

        Without an ACL those that the entry names, with no values where there is to be none.
        """
        if self.acl is None:
            return dict(row_of(s) for s in self.settings if (s.section, s.key) != PARENT)
        return plain_rows(self.composer.document(self.acl, self.settings))


@dataclass(frozen=True)
class Registry:
    """What should exist.

    ``projects`` by name in file order, those with the option ``no-gerrit`` left out; ``groups``
    every group that should exist, with the place that names it first; ``findings`` sorted;
    ``names`` every name that stands in the file, also of entries that cannot be used;
    ``group_wishes`` what groups.yaml asks of the groups it names; ``texts`` the YAML files.
    """

    commit: str | None
    projects: dict[str, Project]
    groups: dict[str, Position]
    findings: tuple[Finding, ...]
    names: frozenset[str] = field(default_factory=frozenset)
    group_wishes: Mapping[str, Group] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def moved(self) -> Mapping[str, str]:
        """Return ``{old name: project}`` of every project that nothing holds up."""
        return {
            old: name
            for name, project in self.projects.items()
            if project.previously and self.blocked.get(name) != PROJECT
            for old in project.previously
        }

    @cached_property
    def blocked(self) -> Mapping[str, str]:
        """Return projects that findings hold up: ``"project"`` (all of it) or ``"access"``."""
        return blocked(self.findings)

    def text(self, file: str) -> str:
        """Return the text of a YAML or ACL file, "" of any other."""
        return self.texts.get(file) or self._acls.get(file, "")

    @cached_property
    def _acls(self) -> Mapping[str, str]:
        return {p.acl.file: p.acl.text for p in self.projects.values() if p.acl}


def blocked(findings: Iterable[Finding]) -> dict[str, str]:
    """Return for each project that findings hold up the wider of what they block."""
    found: dict[str, str] = {}
    for finding in findings:
        if not finding.project or not finding.blocks or finding.blocks == MEMBERS:
            continue
        if found.get(finding.project) != PROJECT:
            found[finding.project] = finding.blocks
    return found
