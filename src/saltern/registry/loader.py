"""The steps of loading: read, check, find ACLs, check those, put the projects together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from saltern.registry.acl import AclDocument
from saltern.registry.findings import Edit, Finding, Position
from saltern.registry.keys import KEYS
from saltern.registry.lookup import AclFiles, AclLookup
from saltern.registry.model import Project, Registry, blocked, named_groups
from saltern.registry.rules import Collected, Rule, rules_for
from saltern.registry.rules.base import ACL, ENTRY, LOOKUP, REGISTRY
from saltern.registry.rules.names import name_problem
from saltern.registry.source import Source
from saltern.registry.wants import NO_GERRIT, Wants, has_option
from saltern.registry.yamlfile import RawEntry, read_projects
from saltern.settings import RegistrySettings

Said = tuple[Rule, Position, str, tuple[Edit, ...]]


class Loader:
    """Loads one registry; used once."""

    def __init__(self, source: Source, settings: RegistrySettings):
        self.source = source
        self.settings = settings
        self.findings: list[Finding] = []
        self._acl_findings: dict[str, list[Said]] = {}
        self._wants = Wants(settings)

    def load(self, data: bytes) -> Registry:
        """Return the registry whose projects file holds ``data``."""
        read = read_projects(data, self.settings.projects_file)
        entries = [self.with_defaults(e, read.defaults) for e in read.entries]
        for entry in entries:
            self.check(ENTRY, entry.name, entry)
        first, repeated = self.by_name(entries)
        acl_dir = read.defaults.get("acl-dir")
        prefixes = (acl_dir,) if isinstance(acl_dir, str) and acl_dir.startswith("/") else ()
        acls = AclFiles(self.source, self.settings, prefixes)
        lookups = {n: acls.find(e) for n, e in first.items() if not has_option(e, NO_GERRIT)}
        for name, lookup in lookups.items():
            self.check(LOOKUP, name, lookup)
            self.check_acl(name, lookup.document)
        self.check_registry(first, repeated, lookups)
        projects = {n: self._wants.project(first[n], lookup) for n, lookup in lookups.items()}
        return self.registry(projects, entries)

    def registry(self, projects: dict[str, Project], entries: list[RawEntry]) -> Registry:
        """Put the parts together; groups of held-up ACLs are not asked for."""
        held = blocked(self.findings)
        groups = named_groups(p for p in projects.values() if p.name not in held)
        findings = tuple(sorted(set(self.findings), key=Finding.sort_key))
        names = frozenset(e.name for e in entries if e.name)
        return Registry(self.source.commit, projects, groups, findings, names)

    def with_defaults(self, entry: RawEntry, file_defaults: Mapping[str, Any]) -> RawEntry:
        """Return the entry with the defaults of the settings and the file below its values."""
        if entry.problem:
            return entry
        below = {**self.settings.defaults, **file_defaults}
        values = {k: v for k, v in below.items() if k in KEYS and k != "project"}
        values.update((k, v) for k, v in entry.values.items() if v is not None)
        return RawEntry(entry.position, values, entry.positions, entry.repeated)

    def by_name(self, entries: list[RawEntry]) -> tuple[dict[str, RawEntry], list[RawEntry]]:
        """Return the first usable entry of each name, and the later ones."""
        first: dict[str, RawEntry] = {}
        repeated = []
        for entry in entries:
            if entry.name is None or name_problem(entry.name) or entry.problem:
                continue
            if first.setdefault(entry.name, entry) is not entry:
                repeated.append(entry)
        return first, repeated

    def check(self, scope: str, project: str | None, subject: Any) -> None:
        """Run the rules of a scope on an entry or a lookup."""
        for rule in rules_for(scope):
            for position, message, *fix in rule.check(subject, self.settings):
                self.add(rule, project, position, message, *fix)

    def check_acl(self, project: str, document: AclDocument | None) -> None:
        """Run the rules on an ACL; a shared file is read once and reported for each project."""
        if document is None:
            return
        if document.file not in self._acl_findings:
            self._acl_findings[document.file] = list(self.judge(document))
        for rule, position, message, fix in self._acl_findings[document.file]:
            self.add(rule, project, position, message, fix)

    def judge(self, document: AclDocument) -> Iterator[Said]:
        """Yield what the rules say about one ACL file."""
        for rule in rules_for(ACL):
            for position, message, *fix in rule.check(document, self.settings):
                yield rule, position, message, fix[0] if fix else ()

    def check_registry(
        self, first: dict[str, RawEntry], repeated: list[RawEntry], lookups: dict[str, AclLookup]
    ) -> None:
        """Run the rules about the registry as a whole."""
        documents = {n: found.document for n, found in lookups.items() if found.document}
        parents = {n: self._wants.parent(found.document) for n, found in lookups.items()}
        collected = Collected(first, repeated, parents, documents)
        for rule in rules_for(REGISTRY):
            for project, position, message, *fix in rule.check(collected):
                self.add(rule, project, position, message, *fix)

    def add(
        self,
        rule: Rule,
        project: str | None,
        position: Position,
        message: str,
        fix: tuple[Edit, ...] = (),
    ) -> None:
        """Note a finding."""
        self.findings.append(
            Finding(rule.code, rule.severity, position, message, project, rule.blocks, fix)
        )
