"""What several states of one registry have in common, worked out once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from saltern.registry.acl import AclDocument, AclSyntaxError
from saltern.registry.source import Source
from saltern.registry.splice import read_alike
from saltern.registry.yamlfile import ProjectsFile, RawEntry, read_projects

if TYPE_CHECKING:
    from saltern.registry.model import Project

Made = Callable[[], "Project"]


class Cache:
    """ACL files by their bytes and entries by their lines, and what the rules say of them.

    For loads with the same settings only.
    """

    def __init__(self) -> None:
        self._documents: dict[tuple[str, str], AclDocument | AclSyntaxError] = {}
        self._verdicts: dict[AclDocument, list[Any]] = {}
        self._projects: tuple[bytes, ProjectsFile] | None = None
        self._made: dict[
            tuple[int, AclDocument | None, str | None], tuple[Mapping[str, Any], Project]
        ] = {}
        self._clean: dict[int, Mapping[str, Any]] = {}

    def projects(self, data: bytes, file: str) -> ProjectsFile:
        """Return the same as :func:`read_projects`; entries that stood before are the same."""
        if self._projects is None:
            read = read_projects(data, file)
        elif self._projects[0] == data:
            return self._projects[1]
        else:
            read = read_alike(data, file, *self._projects)
        self._projects = data, read
        return read

    def project(
        self, entry: RawEntry, document: AclDocument | None, path: str | None, make: Made
    ) -> Project:
        """Return the project that ``make`` gives, made once for the same values and ACL."""
        key = (id(entry.values), document, path)
        if key not in self._made:
            self._made[key] = entry.values, make()
        project, place = self._made[key][1], entry.at("project")
        if project.position == place:
            return project
        parent_at = entry.positions.get("parent") if project.parent_at else None
        return dataclasses.replace(project, position=place, parent_at=parent_at)

    def is_clean(self, entry: RawEntry) -> bool:
        """Return whether an entry of these very values was noted as one without findings."""
        return id(entry.values) in self._clean

    def note_clean(self, entry: RawEntry) -> None:
        """Note that no rule has anything against an entry by itself."""
        self._clean[id(entry.values)] = entry.values

    def document(self, source: Source, path: str) -> AclDocument | None:
        """Return the ACL file ``path``, ``None`` when there is none.

        Raises :class:`AclSyntaxError` for one that cannot be read, and :class:`Refused` as
        :meth:`Source.read` does.
        """
        blob = source.blob(path)
        if blob is None:
            return None
        key = (path, blob.id)
        if key not in self._documents:
            self._documents[key] = _parsed(blob.data, path)
        found = self._documents[key]
        if isinstance(found, AclSyntaxError):
            raise found
        return found

    def verdict(
        self, document: AclDocument, judge: Callable[[], list[Any]], *, keep: bool = True
    ) -> list[Any]:
        """Return what ``judge`` says of a document, asked once for each.

        ``keep``: it speaks for all rules, so that nobody needs to ask again.
        """
        known = self._verdicts.get(document)
        if known is None:
            known = judge()
            if keep:
                self._verdicts[document] = known
        return known


def _parsed(data: bytes, path: str) -> AclDocument | AclSyntaxError:
    try:
        return AclDocument.parse(data, path)
    except AclSyntaxError as error:
        return error
