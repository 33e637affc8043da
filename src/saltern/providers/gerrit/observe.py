"""Observation: what Gerrit has, in bulk reads whose number does not grow with the projects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

from saltern.errors import Broken, SalternError
from saltern.providers.gerrit import (
    announce,
    histories,
    listing,
    members,
    preconditions,
    review,
    upstream,
)
from saltern.providers.gerrit.client import Client
from saltern.providers.gerrit.config import MetaConfig
from saltern.providers.gerrit.preconditions import Account
from saltern.providers.gerrit.server import Server

DEEP_REFS = ("refs/heads/", "refs/tags/")


class Sight(Protocol):
    """How much of a Gerrit is seen (see :class:`saltern.providers.gerrit.reader.Sight`)."""

    def problems(self, server: Server) -> tuple[str, Account, list[dict[str, str]]]:
        """Return version, account and what keeps the server from being looked at."""

    def list_groups(self, client: Client) -> dict[str, dict[str, Any]]:
        """Return the groups that are shown."""

    def mark(self, projects: Mapping[str, dict[str, Any]]) -> None:
        """Say of each project what is not shown and may yet be there."""

    def wrong_groups(self, found: MetaConfig, uuid_of: Callable[[str], str | None]) -> list[str]:
        """Return the groups whose UUID in a groups file is wrong as far as can be told."""

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""


def observe(
    server: Server, request: Mapping[str, Any], sight: Sight | None = None
) -> dict[str, Any]:
    """Return what exists now; writes nothing. Without ``sight`` all rights are asked for first.

    Request: ``projects`` (names or ``None`` for all), ``branches`` (full ref names), ``groups``
    (whether), ``deep`` (names whose every branch and tag is listed), ``changes`` (see
    :func:`saltern.providers.gerrit.announce.observe_changes`), ``members`` (see
    :func:`saltern.providers.gerrit.members.observe_members`, whose answer is added).

    Answer: ``version``; ``account`` (``id``, ``username``, ``groups``); ``problems``, each with
    ``code``, ``what``, ``remedy``; ``projects`` by name with ``state``, ``description``,
    ``parent``, ``config`` and ``head`` (commits or ``None``), ``refs``, ``access`` (``digest``,
    ``access_digest``, ``plain``, ``bare``, ``state``, ``wrong_groups``; ``None`` when there is
    none or it could not be read, ``unread``
    then says why), ``all_refs`` of deep ones; ``groups`` by name with ``uuid``, ``owner_uuid``,
    ``description``;
    ``changes`` by commit. Projects that are not there are absent; those that the named ones
    inherit from are there too. With ``sight`` the answer has ``sight`` and a project's ``unseen``
    says of ``access`` and ``content`` why they are not shown.
    """
    if request.get("reviews"):
        return review.observe_reviews(server, request["reviews"])
    if request.get("imports"):
        return {"imports": histories.observe_imports(server)}
    if request.get("names"):
        return {"names": _names(server.client, sight)}
    if request.get("upstreams"):
        return {"upstreams": upstream.observe_upstreams(server, request["upstreams"])}
    with ThreadPoolExecutor(max(1, server.settings.workers), "gerrit-observe") as pool:
        client = server.client
        heads = pool.submit(listing.all_projects, client)
        refs = pool.submit(listing.project_refs, client, request.get("branches") or ())
        groups = pool.submit(sight.list_groups if sight else listing.all_groups, client)
        changes = _submit_if(pool, request.get("changes"), announce.observe_changes, client)
        rights = sight.problems(server) if sight else _preconditions(server, pool)
        version, account, problems = rights
        names = _with_ancestors(heads.result(), request.get("projects"))
        projects = listing.merge(client, heads.result(), refs.result(), names)
        listed = groups.result()
        uuids = {name: group["uuid"] for name, group in listed.items()}
        if sight:
            sight.mark(projects)
        if not problems:
            _add_access(server, pool, projects, uuids, sight)
            _add_all_refs(server, pool, projects, request.get("deep") or ())
        wishes = request.get("members") if not problems and listed else None
        return {
            "version": version,
            "account": {
                "id": account.id,
                "username": account.username,
                "groups": list(account.groups),
            },
            "problems": problems,
            "projects": projects,
            "groups": listed if request.get("groups") else {},
            "changes": changes.result() if changes else None,
            **(members.observe_members(client, pool, wishes, listed, account) if wishes else {}),
            **({"sight": sight.to_data()} if sight else {}),
        }


def _names(client: Client, sight: Sight | None) -> dict[str, Any]:
    """Return the names of all ``projects`` and ``groups``, and whether they are ``complete``."""
    groups = sight.list_groups(client) if sight else listing.all_groups(client)
    complete = sight.to_data()["complete"] if sight else True
    return {
        "projects": sorted(listing.all_projects(client)),
        "groups": sorted(groups),
        "complete": complete,
    }


def _with_ancestors(
    heads: Mapping[str, Mapping[str, Any]], names: Iterable[str] | None
) -> list[str]:
    """Return ``names`` (``None``: all) and the projects on the server they inherit from."""
    wanted = dict.fromkeys(heads if names is None else names)
    queue = list(wanted)
    while queue:
        parent = heads.get(queue.pop(), {}).get("parent")
        if parent and parent not in wanted:
            wanted[parent] = None
            queue.append(parent)
    return list(wanted)


def _submit_if(
    pool: ThreadPoolExecutor, wanted: Any, verb: Callable[..., Any], *args: Any
) -> Future[Any] | None:
    return pool.submit(verb, *args, wanted) if wanted else None


def check(server: Server) -> list[dict[str, str]]:
    """Return the problems that keep every step from succeeding."""
    with ThreadPoolExecutor(max(1, server.settings.workers), "gerrit-check") as pool:
        return _preconditions(server, pool)[2]


def _preconditions(
    server: Server, pool: ThreadPoolExecutor
) -> tuple[str, Account, list[dict[str, str]]]:
    version = pool.submit(preconditions.read_version, server.client)
    capabilities = pool.submit(preconditions.read_capabilities, server.client)
    account = preconditions.read_account(server.client)
    rights = preconditions.RIGHTS + (() if account.email else preconditions.FORGE)
    answers = [
        pool.submit(preconditions.missing_right, server.client, account.id, ref, permission)
        for ref, permission, _ in rights
    ]
    problems = [
        *preconditions.version_problems(version.result()),
        *preconditions.capability_problems(capabilities.result(), account),
    ]
    for (ref, _, title), answer in zip(rights, answers, strict=True):
        if words := answer.result():
            problems.append(preconditions.right_problem(account, ref, title, words))
    return version.result(), account, problems


def _add_access(
    server: Server,
    pool: ThreadPoolExecutor,
    projects: Mapping[str, dict[str, Any]],
    uuids: Mapping[str, str],
    sight: Sight | None = None,
) -> None:
    """Add ``access``; only commits that were never seen are read from the server."""
    known = server.configs.known(p["config"] for p in projects.values() if p["config"])
    unknown = {
        project["config"]: name
        for name, project in projects.items()
        if project["config"] and project["config"] not in known
    }
    reads = {
        commit: pool.submit(_read, server, name, commit, projects[name]["state"])
        for commit, name in unknown.items()
    }
    contents = {**known, **{commit: read.result() for commit, read in reads.items()}}
    for project in projects.values():
        found = contents.get(project["config"])
        if isinstance(found, MetaConfig):
            project["access"] = {
                **found.seen(),
                "wrong_groups": sight.wrong_groups(found, uuids.get)
                if sight
                else found.wrong_groups(uuids.get),
            }
        elif found is not None:
            project["unread"] = found
            if sight:
                project["unseen"] = {**project.get("unseen", {}), "access": found}


def _read(server: Server, name: str, commit: str, state: str) -> MetaConfig | str:
    """Return the content, or why it cannot be read: one project's trouble is its own."""
    if state == listing.HIDDEN:
        return f"{name} is hidden: Gerrit shows nobody its refs"
    try:
        return server.configs.read(name, commit)
    except Broken:
        raise
    except SalternError as error:
        return str(error)


def _add_all_refs(
    server: Server,
    pool: ThreadPoolExecutor,
    projects: Mapping[str, dict[str, Any]],
    names: Iterable[str],
) -> None:
    wanted = [n for n in names if n in projects and projects[n]["state"] != listing.HIDDEN]
    found = pool.map(lambda name: server.git.refs(name, DEEP_REFS), wanted)
    for name, refs in zip(wanted, found, strict=True):
        projects[name]["all_refs"] = refs


def look(server: Server, names: Sequence[str], refs: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return ``names`` as :func:`observe` shows them, without their access: the read-back."""
    return listing.some_projects(server.client, names, refs)
