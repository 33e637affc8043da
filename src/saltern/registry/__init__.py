"""The registry: what should exist, read from git at one commit, and what is wrong with it."""

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
from saltern.registry.source import DirectorySource, GitSource, Source

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
