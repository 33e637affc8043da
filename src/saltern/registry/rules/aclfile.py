"""Checks of where an ACL file is and whether it can be read."""

from __future__ import annotations

from collections.abc import Iterator

from saltern.registry.findings import ACCESS, Position
from saltern.registry.lookup import AclLookup
from saltern.registry.rules.base import LOOKUP, rule
from saltern.settings import RegistrySettings

Places = Iterator[tuple[Position, str]]


@rule("SLT020", LOOKUP, blocks=ACCESS)
def acl_outside(lookup: AclLookup, settings: RegistrySettings) -> Places:
    """``acl-config`` points outside the ACL directory, or through a symbolic link.

    Why: what is reviewed is the ACL directory; nothing else may become an ACL.
    Example: ``acl-config: /etc/passwd``
    Instead: a path below the ACL directory, or below one of the known prefixes.
    """
    if lookup.refused:
        yield lookup.position, lookup.refused


@rule("SLT021", LOOKUP, blocks=ACCESS)
def acl_missing(lookup: AclLookup, settings: RegistrySettings) -> Places:
    """``acl-config`` names a file that is not there.

    Why: the replaced script skipped it in silence and the project kept its parent's rights.
    Example: ``acl-config: /home/gerrit2/acls/org/nmae.config``
    Instead: the name of a file that is there; leave the key out for ``org/name.config``.
    """
    if lookup.missing and not lookup.implied:
        yield lookup.position, f"ACL file {lookup.path} is not there; add it or correct the path"


@rule("SLT022", LOOKUP, blocks=ACCESS)
def acl_unreadable(lookup: AclLookup, settings: RegistrySettings) -> Places:
    """An ACL file that git or Gerrit cannot read as a configuration file.

    Why: Gerrit refuses the push with "invalid project configuration".
    Example: ``[access "refs/heads/*"`` without the closing bracket
    Instead: ``[access "refs/heads/*"]``
    """
    if lookup.syntax_error:
        yield lookup.syntax_error.position, lookup.syntax_error.message
