"""What an entry asks for, as far as the checks need to know it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from saltern.registry.yamlfile import RawEntry
from saltern.settings import RegistrySettings

if TYPE_CHECKING:
    from saltern.registry.acl import AclDocument

NO_GERRIT = "no-gerrit"


def filed(entry: RawEntry, settings: RegistrySettings) -> RawEntry:
    """Return the entry whose ACL file is to be read: a retired one may share another's."""
    if settings.retired_acl is None or not is_retired(entry):
        return entry
    return dataclasses.replace(entry, values={**entry.values, "acl-config": settings.retired_acl})


def parent(entry: RawEntry, document: AclDocument | None, settings: RegistrySettings) -> str:
    """Return the parent that an entry or its ACL asks for, else the default."""
    named = document.inherit_from if document else None
    return text(entry, "parent") or named or settings.default_parent


def text(entry: RawEntry, key: str) -> str | None:
    """Return a key's text, ``None`` when it is absent or not text."""
    value = entry.values.get(key)
    return value if isinstance(value, str) else None


def is_retired(entry: RawEntry) -> bool:
    """Return whether the entry says ``retired: true``."""
    return entry.values.get("retired") is True


def has_option(entry: RawEntry, option: str) -> bool:
    """Return whether ``option`` stands in the entry's ``options``."""
    options = entry.values.get("options")
    return isinstance(options, list) and option in options
