"""Checks of where an ACL file is and whether it can be read."""

from __future__ import annotations

from collections.abc import Iterator

from saltern.registry.findings import ACCESS, WARNING, Position
from saltern.registry.lookup import AclLookup
from saltern.registry.rules.base import LOOKUP, REGISTRY, Collected, rule
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
        yield lookup.position, f"there is no file {lookup.path}; add it, or correct acl-config"


@rule("SLT022", LOOKUP, blocks=ACCESS)
def acl_unreadable(lookup: AclLookup, settings: RegistrySettings) -> Places:
    """An ACL file that git or Gerrit cannot read as a configuration file.

    Why: Gerrit refuses the push with "invalid project configuration".
    Example: ``[access "refs/heads/*"`` without the closing bracket
    Instead: ``[access "refs/heads/*"]``
    """
    if lookup.syntax_error:
        yield lookup.syntax_error.position, lookup.syntax_error.message


@rule("SLT056", REGISTRY, severity=WARNING)
def acl_without_project(collected: Collected) -> Iterator[tuple[str | None, Position, str]]:
    """An ACL file that no project uses.

    Why: most often its project was renamed or removed, or it is the right file under a wrong
    name; whoever edits it changes nothing.
    Example: ``acls/org/old.config`` after org/old left the registry
    Instead: remove the file, or name it in an ``acl-config``.
    """
    if collected.source is None:
        return
    root = collected.settings.acl_dir.rstrip("/")
    used = {lookup.path for lookup in collected.lookups.values()}
    for path in collected.source.files(root):
        if path in used or not path.endswith(".config"):
            continue
        name = path[len(root) + 1 : -len(".config")]
        entry = collected.entries.get(name)
        waiting = entry and (name not in collected.lookups or entry.values.get("retired"))
        if not waiting:
            message = "no project uses this ACL file; remove it, or name it in an acl-config"
            yield None, Position(path, 1, 1), message
