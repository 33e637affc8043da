"""The registry: what should exist, read from git at one commit, and what is wrong with it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from saltern.registry.acl import (
        SYSTEM_GROUPS,
        AclDocument,
        AclSyntaxError,
        compose,
        digest,
        groups_file,
        normalise,
    )
    from saltern.registry.findings import ACCESS, ERROR, PROJECT, WARNING, Finding, Position
    from saltern.registry.gitsource import GitSource
    from saltern.registry.model import Project, Registry
    from saltern.registry.registry import load
    from saltern.registry.source import DirectorySource, Source

__all__ = [
    "ACCESS",
    "ERROR",
    "PROJECT",
    "SYSTEM_GROUPS",
    "WARNING",
    "AclDocument",
    "AclSyntaxError",
    "DirectorySource",
    "Finding",
    "GitSource",
    "Position",
    "Project",
    "Registry",
    "Source",
    "compose",
    "digest",
    "groups_file",
    "load",
    "normalise",
]

_HOMES = {
    "ACCESS": "findings",
    "ERROR": "findings",
    "PROJECT": "findings",
    "WARNING": "findings",
    "Finding": "findings",
    "Position": "findings",
    "DirectorySource": "source",
    "Source": "source",
    "GitSource": "gitsource",
    "Project": "model",
    "Registry": "model",
    "load": "registry",
}
"""Modules of these names; the other names are of ``acl``."""


def __getattr__(name: str) -> Any:
    # A check starts faster with no more than it uses: what is asked for is imported.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES.get(name, 'acl')}"), name)
