"""A Gerrit looked at with whatever rights the reader has: what cannot be read is marked.

A converge asks for every right before it looks, so what its look does not show is not there. A
reader asks for none: what an administrator would see may be there unseen. Each project of the
answer carries ``unseen``, reasons by what they are about, and the answer ``sight``.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from dulwich.objects import Commit, ObjectID, Tree

from saltern.errors import Refused, SalternError
from saltern.providers.gerrit import listing, preconditions
from saltern.providers.gerrit.client import Client, HttpRefused, quoted
from saltern.providers.gerrit.config import MetaConfig
from saltern.providers.gerrit.observe import observe
from saltern.providers.gerrit.preconditions import Account
from saltern.providers.gerrit.server import Server
from saltern.settings import GerritSettings
from saltern.steps import Outcome, Step

ANONYMOUS = Account(0, "", "", ("Anonymous Users",))


@dataclass(frozen=True)
class Sight:
    """How much an account sees.

    ``complete``: it is an administrator's, to whom what is not shown is not there. ``groups``:
    Gerrit lists it groups, of which all are visible to it or not.
    """

    account: Account
    complete: bool

    @property
    def groups(self) -> bool:
        """Return whether Gerrit lists groups at all; to strangers it does not."""
        return self.account is not ANONYMOUS

    def problems(self, server: Server) -> tuple[str, Account, list[dict[str, str]]]:
        """Return version, account and what keeps the server from being read: its age."""
        version = preconditions.read_version(server.client)
        return version, self.account, list(preconditions.version_problems(version))

    def list_groups(self, client: Client) -> dict[str, dict[str, Any]]:
        """Return the groups that Gerrit shows."""
        return listing.all_groups(client) if self.groups else {}

    def mark(self, projects: Mapping[str, dict[str, Any]]) -> None:
        """Say of each project what is not shown and may yet be there."""
        if self.complete:
            return
        for project in projects.values():
            unread = {}
            if project["config"] is None:
                unread["access"] = "refs/meta/config is not shown"
            if project["config"] is None and not project["head"] and not project["refs"]:
                unread["content"] = "none of its branches is shown"
            if (project["parent"] or "").startswith("?-"):
                project["parent"] = None
            if unread:
                project["unseen"] = unread

    def wrong_groups(self, found: MetaConfig, uuid_of: Callable[[str], str | None]) -> list[str]:
        """Return the groups whose UUID in a groups file is wrong as far as can be told."""
        if self.complete:
            return found.wrong_groups(uuid_of)
        return found.wrong_groups(lambda name: uuid_of(name) or found.groups.get(name))

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""
        return {"complete": self.complete, "groups": self.groups}


def read_sight(client: Client) -> Sight:
    """Return how much the client's account sees (three requests, none without an account)."""
    if client.anonymous:
        return Sight(ANONYMOUS, False)
    account = preconditions.read_account(client)
    capabilities = preconditions.read_capabilities(client)
    return Sight(account, bool(capabilities.get("administrateServer")))


class GerritReader:
    """A provider that only looks; an empty username means without an account."""

    def __init__(self, settings: GerritSettings):
        self.server = Server(settings)

    def observe(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return what :func:`saltern.providers.gerrit.observe.observe` does, with ``sight``.

        Raises :class:`saltern.errors.SalternError` when Gerrit could not be looked at.
        """
        sight = read_sight(self.server.client)
        seen = observe(self.server, request, sight)
        if "sight" not in seen:
            return seen
        absent = [n for n in request.get("projects") or () if n not in seen["projects"]]
        seen["sight"]["hidden"] = [] if sight.complete else self.hidden(absent)
        return seen

    def hidden(self, names: Iterable[str]) -> list[str]:
        """Return those of ``names`` that are there and hidden; one request for each.

        Gerrit lists a hidden project to its owners only, and to others answers 409 for it.
        """
        names = list(names)
        with ThreadPoolExecutor(max(1, self.server.settings.workers), "gerrit-hidden") as pool:
            found = pool.map(lambda name: _is_hidden(self.server.client, name), names)
            return [name for name, hidden in zip(names, found, strict=True) if hidden]

    def files(
        self, commits: Mapping[str, str], progress: Callable[[int, int], None] | None = None
    ) -> dict[str, dict[str, bytes] | SalternError]:
        """Return :func:`config_files` of each project's commit, or why it cannot be had.

        ``progress(done, of)`` is called after each.
        """
        found: dict[str, dict[str, bytes] | SalternError] = {}

        def read(name: str) -> dict[str, bytes] | SalternError:
            try:
                return config_files(self.server, name, commits[name])
            except Refused as error:
                return error

        with ThreadPoolExecutor(max(1, self.server.settings.workers), "gerrit-files") as pool:
            for name, files in zip(commits, pool.map(read, commits), strict=True):
                found[name] = files
                if progress:
                    progress(len(found), len(commits))
        return found

    def apply(self, steps: Iterable[Step]) -> list[Outcome]:
        """Refuse: a reader writes nothing."""
        raise Refused("this Gerrit is only read; use saltern converge", code="read-only")

    def close(self) -> None:
        """Close connections and the cache file."""
        self.server.close()

    def __enter__(self) -> GerritReader:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def _is_hidden(client: Client, name: str) -> bool:
    try:
        client.get(f"/projects/{quoted(name)}")
    except HttpRefused as error:
        return error.status == 409
    return False


def config_files(server: Server, project: str, commit: str) -> dict[str, bytes]:
    """Return the top files of a commit of refs/meta/config by name (one request).

    Raises :class:`saltern.errors.SalternError` when Gerrit does not hand it out.
    """
    store = server.git.objects(project, commit)
    found = store[ObjectID(commit.encode())]
    tree = store[found.tree] if isinstance(found, Commit) else None
    if not isinstance(tree, Tree):
        raise Refused(f"{project}: {commit} is not a commit with a tree", code="answer")
    return {
        entry.path.decode("utf-8", "surrogateescape"): store[entry.sha].as_raw_string()
        for entry in tree.iteritems()
        if stat.S_ISREG(entry.mode)
    }


def head_branch(client: Client, project: str) -> str | None:
    """Return the full name of the ref that HEAD names, ``None`` where it is not told."""
    try:
        return str(client.get(f"/projects/{quoted(project)}/HEAD"))
    except HttpRefused as error:
        if error.status not in (403, 404, 409):
            raise
        return None
