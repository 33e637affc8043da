"""A live Gerrit as adoption sees it: each project with its HEAD and its configuration files.

Everything that Gerrit tells of all projects at once is read at once. What it tells of one only
(the branch that HEAD names, the contents of refs/meta/config) costs two requests a project.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from saltern.errors import Refused
from saltern.providers.gerrit import listing
from saltern.providers.gerrit.config import GROUPS, PROJECT_CONFIG, parse_groups
from saltern.providers.gerrit.reader import (
    GerritReader,
    Sight,
    config_files,
    head_branch,
    read_sight,
)

OWN = ("All-Projects", "All-Users")
"""Gerrit's own projects: every Gerrit has them, and no registry manages them."""

HIDDEN = "it is hidden, and Gerrit shows nobody its ACL and its branches"

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class LiveProject:
    """One project as it is.

    ``head`` is the full name of the ref that HEAD names (``None``: not told), ``config`` the
    bytes of project.config (``None``: there is none or it cannot be read, ``unread`` then says
    why), ``groups`` the groups file as ``{name: uuid}``.
    """

    name: str
    state: str
    description: str
    parent: str | None
    head: str | None
    config: bytes | None
    groups: Mapping[str, str] = field(default_factory=dict)
    unread: str = ""


@dataclass(frozen=True)
class Live:
    """All visible projects by name, without Gerrit's own, and all visible groups.

    ``groups``: ``{name: row}`` with ``uuid`` and ``owner_uuid``; with members also what
    :func:`saltern.providers.gerrit.listing.group_row` returns.
    """

    sight: Sight
    projects: Mapping[str, LiveProject]
    groups: Mapping[str, Mapping[str, Any]]

    @property
    def names(self) -> dict[str, str]:
        """Return the groups' names by UUID."""
        return {row["uuid"]: name for name, row in self.groups.items()}


def look(reader: GerritReader, *, members: bool, progress: Progress | None = None) -> Live:
    """Read a Gerrit whole; ``progress(done, of)`` is called after each project.

    Raises :class:`saltern.errors.SalternError` when it cannot be looked at.
    """
    client = reader.server.client
    sight = read_sight(client)
    rows = listing.all_projects(client)
    rows = {name: row for name, row in rows.items() if name not in OWN}
    found = listing.merge(client, rows, listing.project_refs(client, ()), rows)
    groups: Mapping[str, Mapping[str, Any]] = sight.list_groups(client)
    if members:
        rows_of = listing.group_members(client, {n: g["uuid"] for n, g in groups.items()})
        groups = {name: {**groups[name], **row} for name, row in rows_of.items()}

    def read(name: str) -> LiveProject:
        return _project(reader, name, found[name])

    projects = {}
    with ThreadPoolExecutor(max(1, reader.server.settings.workers), "adopt") as pool:
        for done, project in enumerate(pool.map(read, found), 1):
            projects[project.name] = project
            if progress:
                progress(done, len(found))
    return Live(sight, projects, groups)


def _project(reader: GerritReader, name: str, row: Mapping[str, Any]) -> LiveProject:
    hidden = row["state"] == listing.HIDDEN
    files, unread = ({}, HIDDEN) if hidden else _files(reader, name, row)
    parent = row["parent"] if not (row["parent"] or "").startswith("?-") else None
    return LiveProject(
        name,
        row["state"],
        row["description"],
        parent,
        None if hidden else head_branch(reader.server.client, name),
        files.get(PROJECT_CONFIG),
        parse_groups(files.get(GROUPS, b"")),
        unread,
    )


def _files(
    reader: GerritReader, name: str, row: Mapping[str, Any]
) -> tuple[Mapping[str, bytes], str]:
    if row["config"] is None:
        return {}, "refs/meta/config is not there or not shown"
    try:
        return config_files(reader.server, name, row["config"]), ""
    except Refused as error:
        return {}, str(error)
