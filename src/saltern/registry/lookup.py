"""Finding and parsing the ACL file of an entry."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from saltern.errors import Refused
from saltern.registry.acl import AclDocument, AclSyntaxError
from saltern.registry.findings import Position
from saltern.registry.source import Source
from saltern.registry.yamlfile import RawEntry
from saltern.settings import RegistrySettings

if TYPE_CHECKING:
    from saltern.registry.incremental import Cache

NO_ACL = "/dev/null"
Parts = tuple[str, ...]


class AclLookup(NamedTuple):
    """What became of an entry's ``acl-config``.

    ``path`` is relative to the registry's root; ``implied``: the key was not written;
    ``refused``: why the path is not taken; at most one of ``document``, ``missing`` and
    ``syntax_error`` is set.
    """

    entry: RawEntry
    path: str | None = None
    implied: bool = False
    refused: str | None = None
    missing: bool = False
    document: AclDocument | None = None
    syntax_error: AclSyntaxError | None = None

    @property
    def position(self) -> Position:
        """Return the place of ``acl-config``, or of the entry when the key was not written."""
        return self.entry.at("acl-config")


class AclFiles:
    """Reads ACL files of one source, each file once; ``cache`` knows some already."""

    def __init__(
        self,
        source: Source,
        settings: RegistrySettings,
        prefixes: tuple[str, ...] = (),
        cache: Cache | None = None,
    ):
        self.source = source
        self.root = _parts(settings.acl_dir)
        self.prefixes = tuple(map(_parts, (*settings.acl_prefixes, *prefixes)))
        self._cache = cache
        self._read: dict[str, AclDocument | AclSyntaxError | Refused | None] = {}

    def find(self, entry: RawEntry) -> AclLookup:
        """Return the ACL of an entry that has a usable name."""
        value = entry.values.get("acl-config")
        if value == NO_ACL:
            return AclLookup(entry)
        implied = not isinstance(value, str) or not value
        try:
            parts = (*self.root, f"{entry.name}.config") if implied else self._path(str(value))
            path = "/".join(parts)
            found = self._document(path)
        except Refused as error:
            return AclLookup(entry, None, implied, refused=error.reason)
        if isinstance(found, AclDocument):
            return AclLookup(entry, path, implied, document=found)
        if isinstance(found, AclSyntaxError):
            return AclLookup(entry, path, implied, syntax_error=found)
        return AclLookup(entry, path, implied, missing=True)

    def _path(self, value: str) -> Parts:
        """Return the path below the ACL directory that ``acl-config`` means."""
        path = _parts(value)
        if ".." in path or "\0" in value:
            raise Refused(f"acl-config {value[:200]!r} has '..'; write the path without")
        if value.startswith("/"):
            for prefix in self.prefixes:
                if path[: len(prefix)] == prefix and path != prefix:
                    return self.root + path[len(prefix) :]
            known = ", ".join("/" + "/".join(prefix) for prefix in self.prefixes)
            raise Refused(f"acl-config {value[:200]!r} is no ACL file; write a path below {known}")
        return path if path[: len(self.root)] == self.root else self.root + path

    def _document(self, path: str) -> AclDocument | AclSyntaxError | None:
        if path not in self._read:
            self._read[path] = self._parse(path)
        found = self._read[path]
        if isinstance(found, Refused):
            raise found
        return found

    def _parse(self, path: str) -> AclDocument | AclSyntaxError | Refused | None:
        try:
            if self._cache is not None:
                return self._cache.document(self.source, path)
            data = self.source.read(path)
            return None if data is None else AclDocument.parse(data, path)
        except (AclSyntaxError, Refused) as error:
            return error


@lru_cache(maxsize=8192)
def _parts(path: str) -> Parts:
    return tuple([part for part in path.split("/") if part not in ("", ".")])
