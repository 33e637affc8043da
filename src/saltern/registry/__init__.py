"""The registry: what should exist, read from git at one commit, and what is wrong with it."""

from typing import TYPE_CHECKING, Any

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
from saltern.registry.registry import Project, Registry, load
from saltern.registry.source import DirectorySource, Source

if TYPE_CHECKING:
    from saltern.registry.gitsource import GitSource

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


def __getattr__(name: str) -> Any:
    # What reads git is imported when it is asked for: a check of a directory starts faster.
    if name == "GitSource":
        from saltern.registry.gitsource import GitSource

        return GitSource
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
