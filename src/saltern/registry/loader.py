"""The steps of loading: read, check, find ACLs, check those, put the projects together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from saltern.errors import Broken
from saltern.registry.acl import SYSTEM_GROUPS, AclDocument, compose, digest
from saltern.registry.findings import Finding, Position
from saltern.registry.lookup import AclFiles, AclLookup
from saltern.registry.model import Project, Registry, blocked, named_groups
from saltern.registry.normal import ROOT_PROJECT
from saltern.registry.rules import Collected, Rule, rules_for
from saltern.registry.rules.base import ACL, ENTRY, LOOKUP, REGISTRY
from saltern.registry.rules.entries import CORE_KEYS, OTHER_KEYS
from saltern.registry.rules.names import name_problem
from saltern.registry.source import Source
from saltern.registry.yamlfile import RawEntry, read_projects
from saltern.settings import RegistrySettings

NO_GERRIT = "no-gerrit"
TRACK = "track-upstream"


class Loader:
    """Loads one registry; used once."""

    def __init__(self, source: Source, settings: RegistrySettings):
        self.source = source
        self.settings = settings
        self.findings: list[Finding] = []
        self._acl_findings: dict[str, list[tuple[Rule, Position, str]]] = {}
        self._digests: dict[tuple[str, str | None], str] = {}

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
        projects = {n: self.project(first[n], lookup) for n, lookup in lookups.items()}
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
        known = {**CORE_KEYS, **OTHER_KEYS}
        below = {**self.settings.defaults, **file_defaults}
        values = {k: v for k, v in below.items() if k in known and k != "project"}
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
            for position, message in rule.check(subject, self.settings):
                self.add(rule, project, position, message)

    def check_acl(self, project: str, document: AclDocument | None) -> None:
        """Run the rules on an ACL; a shared file is read once and reported for each project."""
        if document is None:
            return
        if document.file not in self._acl_findings:
            self._acl_findings[document.file] = list(self.judge(document))
        for rule, position, message in self._acl_findings[document.file]:
            self.add(rule, project, position, message)

    def judge(self, document: AclDocument) -> Iterator[tuple[Rule, Position, str]]:
        """Yield what the rules say about one ACL file."""
        for rule in rules_for(ACL):
            for line, column, message in rule.check(document, self.settings):
                yield rule, Position(document.file, line, column), message

    def check_registry(
        self, first: dict[str, RawEntry], repeated: list[RawEntry], lookups: dict[str, AclLookup]
    ) -> None:
        """Run the rules about the registry as a whole."""
        documents = {n: found.document for n, found in lookups.items() if found.document}
        parents = {n: self.parent(found.document) for n, found in lookups.items()}
        collected = Collected(first, repeated, parents, documents)
        for rule in rules_for(REGISTRY):
            for project, position, message in rule.check(collected):
                self.add(rule, project, position, message)

    def add(self, rule: Rule, project: str | None, position: Position, message: str) -> None:
        """Note a finding."""
        self.findings.append(
            Finding(rule.code, rule.severity, position, message, project, rule.blocks)
        )

    def parent(self, document: AclDocument | None) -> str:
        """Return the parent that an ACL asks for, else the default."""
        return (document.inherit_from if document else None) or self.settings.default_parent

    def project(self, entry: RawEntry, lookup: AclLookup) -> Project:
        """Return the project an entry asks for; values of a wrong type count as absent."""
        document = lookup.document
        description = self.text(entry, "description")
        if description is not None:
            description = description.strip()
        elif document:
            description = (document.get("project", None, "description") or "").strip() or None
        groups = (
            tuple(n for n in document.group_names if n not in SYSTEM_GROUPS) if document else ()
        )
        return Project(
            name=entry.name or "",
            position=entry.at("project"),
            description=description or "",
            parent=self.parent(document),
            default_branch=self.text(entry, "default-branch") or self.settings.default_branch,
            acl_file=lookup.path if document or not lookup.implied else None,
            acl=document,
            config=self.config(document, description),
            config_digest=self.config_digest(document),
            groups=groups,
            state=(document.state if document else None) or "ACTIVE",
            upstream=self.text(entry, "upstream") or None,
            upstream_prefix=self.text(entry, "upstream-prefix") or None,
            track_upstream=entry.values.get("track-upstream") is True or has_option(entry, TRACK),
            extra={k: v for k, v in entry.values.items() if k not in CORE_KEYS or k == "options"},
        )

    def text(self, entry: RawEntry, key: str) -> str | None:
        """Return a key's text, ``None`` when it is absent or not text."""
        value = entry.values.get(key)
        return value if isinstance(value, str) else None

    def added_parent(self, document: AclDocument) -> str | None:
        """Return the parent to write into an ACL that names none, ``None`` for Gerrit's own."""
        default = self.settings.default_parent
        return default if not document.inherit_from and default != ROOT_PROJECT else None

    def config(self, document: AclDocument | None, description: str | None) -> str | None:
        """Return the text to write; without the description when that cannot be written."""
        if document is None:
            return None
        parent = self.added_parent(document)
        try:
            return compose(document, description=description, parent=parent)
        except Broken:
            return compose(document, description=None, parent=parent)

    def config_digest(self, document: AclDocument | None) -> str | None:
        """Return the digest of the text to write, computed once for a shared file."""
        if document is None:
            return None
        parent = self.added_parent(document)
        key = (document.file, parent)
        if key not in self._digests:
            text = compose(document, description=None, parent=parent)
            same = document if text is document.text else AclDocument.parse(text, document.file)
            self._digests[key] = digest(same)
        return self._digests[key]


def has_option(entry: RawEntry, option: str) -> bool:
    """Return whether ``option`` stands in the entry's ``options``."""
    options = entry.values.get("options")
    return isinstance(options, list) and option in options
