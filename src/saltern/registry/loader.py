"""Loading: the steps of checking, and the projects put together."""

from __future__ import annotations

from functools import partial

from saltern.registry.findings import MEMBERS
from saltern.registry.groupmodel import Group
from saltern.registry.groupsfile import wishes
from saltern.registry.judged import named_groups
from saltern.registry.judging import Judge
from saltern.registry.lookup import AclLookup
from saltern.registry.model import Project, Registry, blocked
from saltern.registry.wants import Wants
from saltern.registry.yamlfile import RawEntry


class Loader(Judge):
    """Loads one registry; used once."""

    def load(self, data: bytes) -> Registry:
        """Return the registry whose projects file holds ``data``."""
        entries, first, lookups = self.look(data)
        file = self.groups_file(lookups)
        wanted = wishes(file.entries) if file else {}
        wants = Wants(self.settings)
        projects = {n: self.project(wants, first[n], lookup) for n, lookup in lookups.items()}
        return self.registry(projects, entries, wanted)

    def project(self, wants: Wants, entry: RawEntry, lookup: AclLookup) -> Project:
        """Return the project that an entry and its ACL ask for."""
        if self.cache is None:
            return wants.project(entry, lookup)
        make = partial(wants.project, entry, lookup)
        return self.cache.project(entry, lookup.document, lookup.path, make)

    def registry(
        self, projects: dict[str, Project], entries: list[RawEntry], wanted: dict[str, Group]
    ) -> Registry:
        """Put the parts together; groups of held-up ACLs and entries are not asked for."""
        held = blocked(self.findings)
        groups = named_groups(p.acl for p in projects.values() if p.name not in held)
        left = {f.project for f in self.findings if f.blocks == MEMBERS}
        groups |= {n: g.position for n, g in wanted.items() if n not in groups and n not in left}
        names = frozenset(e.name for e in entries if e.name)
        commit, texts = self.source.commit, self.yaml_texts()
        return Registry(commit, projects, groups, self.found(), names, wanted, texts)
