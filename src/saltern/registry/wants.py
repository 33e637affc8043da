"""What an entry and its ACL ask for, put together as a project."""

from __future__ import annotations

from saltern.errors import Broken
from saltern.registry.acl import SYSTEM_GROUPS, AclDocument, compose, digest
from saltern.registry.keys import CORE_KEYS
from saltern.registry.lookup import AclLookup
from saltern.registry.model import Project
from saltern.registry.normal import ROOT_PROJECT
from saltern.registry.yamlfile import RawEntry
from saltern.settings import RegistrySettings

NO_GERRIT = "no-gerrit"
TRACK = "track-upstream"


class Wants:
    """Puts projects together; what a shared ACL says is worked out once."""

    def __init__(self, settings: RegistrySettings):
        self.settings = settings
        self._digests: dict[tuple[str, str | None], str] = {}

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
