"""What an entry and its ACL ask for, put together as a project."""

from __future__ import annotations

from saltern.registry.acl import SYSTEM_GROUPS, AclDocument
from saltern.registry.asks import has_option, is_retired, parent, text
from saltern.registry.keys import CORE_KEYS
from saltern.registry.lookup import AclLookup
from saltern.registry.model import Project
from saltern.registry.normal import ROOT_PROJECT
from saltern.registry.settingskeys import (
    PARENT,
    Composer,
    Setting,
    asked,
    gerrit_state,
    state_setting,
)
from saltern.registry.yamlfile import RawEntry
from saltern.settings import RegistrySettings

TRACK = "track-upstream"
READ_ONLY = "READ_ONLY"


class Wants:
    """Puts projects together; what a shared ACL says is worked out once."""

    def __init__(self, settings: RegistrySettings):
        self.settings = settings
        self._composer = Composer()

    def project(self, entry: RawEntry, lookup: AclLookup) -> Project:
        """Return the project an entry asks for; values of a wrong type count as absent."""
        document = lookup.document
        groups = (
            tuple(n for n in document.group_names if n not in SYSTEM_GROUPS) if document else ()
        )
        wanted = wanted_state(entry)
        return Project(
            name=entry.name or "",
            position=entry.at("project"),
            description=self.description(entry, document),
            parent=parent(entry, document, self.settings),
            default_branch=text(entry, "default-branch") or self.settings.default_branch,
            acl_file=lookup.path if document or not lookup.implied else None,
            acl=document,
            groups=groups,
            state=wanted or (document.state if document else None) or "ACTIVE",
            upstream=text(entry, "upstream") or None,
            upstream_prefix=text(entry, "upstream-prefix") or None,
            track_upstream=entry.values.get("track-upstream") is True or has_option(entry, TRACK),
            extra={k: v for k, v in entry.values.items() if k not in CORE_KEYS or k == "options"},
            settings=self.asked(entry, document),
            previously=previous_names(entry),
            upstream_branches=self.texts(entry, "upstream-branches"),
            upstream_tags=self.texts(entry, "upstream-tags"),
            parent_at=entry.positions.get("parent") if text(entry, "parent") else None,
            composer=self._composer,
        )

    def description(self, entry: RawEntry, document: AclDocument | None) -> str:
        """Return the description, as the settings want it for a retired project."""
        said = text(entry, "description")
        if said is None and document:
            said = document.get("project", None, "description")
        said = (said or "").strip()
        if is_retired(entry) and self.settings.retired_description is not None:
            return self.settings.retired_description.replace("{description}", said).strip()
        return said

    def texts(self, entry: RawEntry, key: str) -> tuple[str, ...] | None:
        """Return a key's list of texts, ``None`` when it is absent or something else."""
        value = entry.values.get(key)
        whole = isinstance(value, list) and all(isinstance(item, str) for item in value)
        return tuple(value) if value is not None and whole else None

    def asked(self, entry: RawEntry, document: AclDocument | None) -> tuple[Setting, ...]:
        """Return what is to be made sure of in ``project.config``."""
        found = list(asked(entry.values))
        if state := wanted_state(entry):
            found.append(state_setting(state))
        wanted = parent(entry, document, self.settings)
        named = (document.inherit_from if document else None) or ROOT_PROJECT
        if text(entry, "parent") or (document and wanted != named):
            found.append(Setting(*PARENT, wanted))
        return tuple(found)


def wanted_state(entry: RawEntry) -> str | None:
    """Return the state that the entry's own keys ask for, ``None`` when they ask for none."""
    return gerrit_state(entry.values.get("state")) or (READ_ONLY if is_retired(entry) else None)


def previous_names(entry: RawEntry) -> tuple[str, ...]:
    """Return the names below ``previously``; none when it is no list of texts."""
    names = entry.values.get("previously")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return ()
    return tuple(names)
