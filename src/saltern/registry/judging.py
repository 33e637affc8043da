"""The steps of checking: read, check entries, find ACLs, check those, check all together."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from saltern.errors import Refused
from saltern.registry.acl import AclDocument
from saltern.registry.asks import NO_GERRIT, filed, has_option, parent
from saltern.registry.findings import Edit, Finding, Position
from saltern.registry.judged import Judged, named_groups
from saltern.registry.keys import KEYS
from saltern.registry.lookup import AclFiles, AclLookup
from saltern.registry.rules import Collected, Rule, selected
from saltern.registry.rules.base import ACL, ENTRY, GROUPS, LOOKUP, REGISTRY
from saltern.registry.rules.names import name_problem
from saltern.registry.rules.view import view
from saltern.registry.source import Source
from saltern.registry.yamlfile import RawEntry, UnreadableFile, read_projects
from saltern.settings import CheckSettings, RegistrySettings

if TYPE_CHECKING:
    from saltern.registry.groupsfile import GroupsFile
    from saltern.registry.incremental import Cache
    from saltern.registry.known import Known

Said = tuple[Rule, Position, str, tuple[Edit, ...]]


class Judge:
    """Checks one registry; used once."""

    def __init__(
        self,
        source: Source,
        settings: RegistrySettings,
        check: CheckSettings | None = None,
        server: Known | None = None,
        cache: Cache | None = None,
        only: Collection[str] | None = None,
    ):
        self.source = source
        self.settings = settings
        self.rated = check or CheckSettings()
        self.server = server
        self.cache = cache
        self._rules = selected(self.rated)
        self._all = only is None
        if only is not None:
            self._rules = {
                scope: tuple(rule for rule in rules if rule.code in only)
                for scope, rules in self._rules.items()
            }
        self.findings: list[Finding] = []
        self._acl_findings: dict[str, list[Said]] = {}
        self._about: dict[tuple[str, frozenset[str] | tuple[str, ...]], tuple[Rule, ...]] = {}

    def judged(self, data: bytes) -> Judged:
        """Return what is wrong with the registry whose projects file holds ``data``."""
        _, _, lookups = self.look(data)
        self.groups_file(lookups)
        acls = {got.document.file: got.document.text for got in lookups.values() if got.document}
        return Judged(self.found(), acls | self.yaml_texts())

    def look(self, data: bytes) -> tuple[list[RawEntry], dict[str, RawEntry], dict[str, AclLookup]]:
        """Read and check entries and ACLs; return entries, those that count and their ACLs."""
        file = self.settings.projects_file
        read = self.cache.projects(data, file) if self.cache else read_projects(data, file)
        entries = [self.with_defaults(e, read.defaults) for e in read.entries]
        for entry in entries:
            self.check_entry(entry)
        first, repeated = self.by_name(entries)
        acl_dir = read.defaults.get("acl-dir")
        prefixes = (acl_dir,) if isinstance(acl_dir, str) and acl_dir.startswith("/") else ()
        acls = AclFiles(self.source, self.settings, prefixes, self.cache)
        lookups = {
            name: acls.find(filed(entry, self.settings))
            for name, entry in first.items()
            if not has_option(entry, NO_GERRIT)
        }
        for name, lookup in lookups.items():
            if lookup.document is None:
                self.check(LOOKUP, name, lookup)
            else:
                self.check_acl(name, lookup.document)
        self.check_registry(first, repeated, lookups)
        return entries, first, lookups

    def groups_file(self, lookups: dict[str, AclLookup]) -> GroupsFile | None:
        """Read and check the groups file, and return it; ``None`` when there is none."""
        if not self._is_there(self.settings.groups_file):
            return None
        from saltern.registry.groupsfile import read_groups
        from saltern.registry.rules.groupsfile import CollectedGroups

        file = read_groups(self.source, self.settings.groups_file)
        acls = named_groups(lookup.document for lookup in lookups.values())
        collected = CollectedGroups(file, acls, self.settings.group_owner)
        for rule in self._rules.get(GROUPS, ()):
            for group, position, message in rule.check(collected):
                self.add(rule, group, position, message)
        return file

    def _is_there(self, file: str) -> bool:
        try:
            return self.source.read(file) is not None
        except Refused:
            return True  # one that is refused is there, and a finding

    def found(self) -> tuple[Finding, ...]:
        """Return the findings, each once and in order."""
        return tuple(sorted(set(self.findings), key=Finding.sort_key))

    def yaml_texts(self) -> dict[str, str]:
        """Return the texts of the YAML files."""
        files = (self.settings.projects_file, self.settings.groups_file)
        return {file: self.text(file) for file in files}

    def text(self, file: str) -> str:
        """Return a file's text, "" where it is not there or not to be read."""
        try:
            return (self.source.read(file) or b"").decode("utf-8-sig", "replace")
        except Refused:
            return ""

    def with_defaults(self, entry: RawEntry, file_defaults: Mapping[str, Any]) -> RawEntry:
        """Return the entry with the defaults of the settings and the file below its values."""
        plain = not self.settings.defaults and not file_defaults
        if entry.problem or (plain and None not in entry.values.values()):
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

    def about(self, scope: str, words: frozenset[str] | tuple[str, ...]) -> tuple[Rule, ...]:
        """Return the rules of a scope that may have something to say where ``words`` stand."""
        rules = self._about.get((scope, words))
        if rules is None:
            all_rules = self._rules.get(scope, ())
            rules = tuple(r for r in all_rules if not r.about or not r.about.isdisjoint(words))
            self._about[scope, words] = rules
        return rules

    def check(
        self, scope: str, project: str | None, subject: Any, words: tuple[str, ...] = ()
    ) -> None:
        """Run the rules of a scope that are about ``words`` on an entry or a lookup."""
        for rule in self.about(scope, words):
            for position, message, *fix in rule.check(subject, self.settings):
                self.add(rule, project, position, message, *fix)

    def check_entry(self, entry: RawEntry) -> None:
        """Run the rules about an entry by itself, unless they are known to have nothing to say."""
        words = tuple(entry.values)
        if self.cache is None:
            self.check(ENTRY, entry.name, entry, words)
        elif not self.cache.is_clean(entry):
            before = len(self.findings)
            self.check(ENTRY, entry.name, entry, words)
            if len(self.findings) == before and self._all:
                self.cache.note_clean(entry)

    def check_acl(self, project: str, document: AclDocument) -> None:
        """Run the rules on an ACL; what holds a project up is said of each that shares the file."""
        if document.file not in self._acl_findings:
            said = self.verdict(document)
            self._acl_findings[document.file] = [each for each in said if each[0].blocks]
            for rule, position, message, fix in said:
                if not rule.blocks:
                    self.add(rule, None, position, message, fix)
        for rule, position, message, fix in self._acl_findings[document.file]:
            self.add(rule, project, position, message, fix)

    def verdict(self, document: AclDocument) -> list[Said]:
        """Return what the rules say about one ACL file."""
        if self.cache is None:
            return list(self.judge(document))
        return self.cache.verdict(document, lambda: list(self.judge(document)), keep=self._all)

    def judge(self, document: AclDocument) -> Iterator[Said]:
        """Yield what the rules say about one ACL file."""
        for rule in self.about(ACL, view(document).words):
            for position, message, *fix in rule.check(document, self.settings):
                yield rule, position, message, fix[0] if fix else ()

    def check_registry(
        self,
        first: dict[str, RawEntry],
        repeated: list[RawEntry],
        lookups: dict[str, AclLookup],
    ) -> None:
        """Run the rules about the registry as a whole."""
        documents = {n: found.document for n, found in lookups.items() if found.document}
        parents = {
            name: parent(first[name], found.document, self.settings)
            for name, found in lookups.items()
        }
        collected = Collected(
            first,
            repeated,
            parents,
            documents,
            in_file_order(first, repeated),
            lookups,
            self.text(self.settings.projects_file),
            self.source,
            self.settings,
            self.rated,
            self.server,
        )
        for rule in self._rules.get(REGISTRY, ()):
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


def in_file_order(first: Mapping[str, RawEntry], repeated: list[RawEntry]) -> list[RawEntry]:
    """Return entries in file order; ``first`` are in it already."""
    if not repeated:
        return list(first.values())
    return sorted((*first.values(), *repeated), key=lambda e: (e.position.line, e.position.column))


def judge(
    source: Source,
    settings: RegistrySettings,
    check: CheckSettings | None = None,
    cache: Cache | None = None,
    only: Collection[str] | None = None,
) -> Judged:
    """Check the registry and return the findings alone: the same as ``load``, sooner.

    ``only``: codes of the rules whose findings are needed; others may be left out.
    """
    data = projects_file(source, settings)
    return Judge(source, settings, check, None, cache, only).judged(data)


def projects_file(source: Source, settings: RegistrySettings) -> bytes:
    """Return the projects file. Raises :class:`UnreadableFile` when it is not there."""
    try:
        data = source.read(settings.projects_file)
    except Refused as error:
        raise UnreadableFile(settings.projects_file, 1, 1, error.reason) from error
    if data is None:
        where = f" at commit {source.commit[:12]}" if source.commit else " here"
        text = f"no such file{where}; is this a registry? (setting registry.projects_file)"
        raise UnreadableFile(settings.projects_file, 1, 1, text)
    return data
