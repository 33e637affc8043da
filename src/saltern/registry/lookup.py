"""Finding and parsing the ACL file of an entry."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from saltern.errors import Refused
from saltern.registry.acl import AclDocument, AclSyntaxError
from saltern.registry.findings import Position
from saltern.registry.source import Source
from saltern.registry.yamlfile import RawEntry
from saltern.settings import RegistrySettings

NO_ACL = "/dev/null"


@dataclass(frozen=True)
class AclLookup:
    """What became of an entry's ``acl-config``.

    ``path`` is relative to the registry's root; ``implied``: the key was not written;
    ``refused``: why the path is not taken; at most one of ``document``, ``missing`` and
    ``syntax_error`` is set.
    """

    position: Position
    path: str | None = None
    implied: bool = False
    refused: str | None = None
    missing: bool = False
    document: AclDocument | None = None
    syntax_error: AclSyntaxError | None = None


class AclFiles:
    """Reads ACL files of one source, each file once."""

    def __init__(self, source: Source, settings: RegistrySettings, prefixes: tuple[str, ...] = ()):
        self.source = source
        self.root = PurePosixPath(settings.acl_dir)
        prefixes = (*settings.acl_prefixes, *prefixes)
        self.prefixes = tuple(PurePosixPath(p) for p in prefixes)
        self._read: dict[str, AclDocument | AclSyntaxError | Refused | None] = {}

    def find(self, entry: RawEntry) -> AclLookup:
        """Return the ACL of an entry that has a usable name."""
        place = entry.at("acl-config")
        value = entry.values.get("acl-config")
        if value == NO_ACL:
            return AclLookup(place)
        implied = not isinstance(value, str) or not value
        try:
            path = self.root / f"{entry.name}.config" if implied else self._path(str(value))
            found = self._document(str(path))
        except Refused as error:
            return AclLookup(place, None, implied, refused=error.reason)
        if isinstance(found, AclDocument):
            return AclLookup(place, str(path), implied, document=found)
        if isinstance(found, AclSyntaxError):
            return AclLookup(place, str(path), implied, syntax_error=found)
        return AclLookup(place, str(path), implied, missing=True)

    def _path(self, value: str) -> PurePosixPath:
        """Return the path below the ACL directory that ``acl-config`` means."""
        path = PurePosixPath(value)
        if ".." in path.parts or "\0" in value:
            raise Refused(f"acl-config {value[:200]!r} has '..'; write a path without")
        if path.is_absolute():
            for prefix in self.prefixes:
                if path.is_relative_to(prefix) and path != prefix:
                    return self.root / path.relative_to(prefix)
            known = ", ".join(map(str, self.prefixes))
            raise Refused(f"acl-config {value[:200]!r} is outside the ACL directory ({known})")
        return path if path.is_relative_to(self.root) else self.root / path

    def _document(self, path: str) -> AclDocument | AclSyntaxError | None:
        if path not in self._read:
            self._read[path] = self._parse(path)
        found = self._read[path]
        if isinstance(found, Refused):
            raise found
        return found

    def _parse(self, path: str) -> AclDocument | AclSyntaxError | Refused | None:
        try:
            data = self.source.read(path)
            return None if data is None else AclDocument.parse(data, path)
        except (AclSyntaxError, Refused) as error:
            return error
