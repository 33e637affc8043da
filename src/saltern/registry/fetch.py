"""Bringing the registry's history to this host: a bare clone, brought up to date in process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import urllib3
from dulwich.client import (
    GitClient,
    HTTPProxyUnauthorized,
    HTTPUnauthorized,
    default_urllib3_manager,
    get_transport_and_path,
)
from dulwich.errors import GitProtocolError, NotGitRepository
from dulwich.graph import can_fast_forward
from dulwich.objects import Commit, ObjectID
from dulwich.refs import Ref
from dulwich.repo import Repo
from urllib3.exceptions import HTTPError

from saltern.errors import Broken, Refused, Retry
from saltern.registry.gitsource import GitSource
from saltern.registry.refs import is_branch, is_commit, is_ref
from saltern.registry.rules.values import upstream_problem
from saltern.settings import RegistrySettings

_TIMEOUT = 60.0
"""Seconds without an answer after which a fetch over http is given up."""
_UNREACHABLE = (
    GitProtocolError,
    NotGitRepository,
    HTTPUnauthorized,
    HTTPProxyUnauthorized,
    HTTPError,
    OSError,
    KeyError,
    EOFError,
)
"""What dulwich raises when a server cannot be reached, is no git server, or wants a login."""
_MANY_PACKS = 40
"""Packs (each fetch adds one) above which they are joined."""
_SSH = "ssh -o BatchMode=yes -o ConnectTimeout=30"


def fetch(
    settings: RegistrySettings, clone_dir: Path, ref_or_commit: str | None = None
) -> GitSource:
    """Bring the bare clone at ``clone_dir`` up to date and return one of its commits.

    ``ref_or_commit``: ``None`` for the tip of the settings' branch; a commit id (40 hex), which
    must be reachable from that tip; or a full ref name (``refs/changes/...``), for its tip.
    Raises :class:`Retry` when the server cannot be reached or read, :class:`Refused` for a
    ref that is not there and a commit outside the branch, :class:`Broken` for bad settings.
    """
    url = _checked_url(settings)
    ref = _wanted_ref(settings, ref_or_commit)
    repo = _clone(clone_dir)
    try:
        tip = _update(repo, url, ref)
        if ref_or_commit is None or not is_commit(ref_or_commit):
            return GitSource(clone_dir, tip)
        if not _reachable(repo, ref_or_commit, tip):
            raise Refused(f"commit {ref_or_commit} is not on {ref} of {_host(url)}", code="commit")
        return GitSource(clone_dir, ref_or_commit)
    finally:
        repo.close()


def _checked_url(settings: RegistrySettings) -> str:
    url = settings.url
    if not url:
        raise Broken("registry: setting 'url' is missing", code="settings")
    problem = upstream_problem(url, allow_local=True)
    if problem:
        raise Broken(f"registry: setting 'url' {problem}", code="settings")
    return url


def _wanted_ref(settings: RegistrySettings, ref_or_commit: str | None) -> str:
    if ref_or_commit is None or is_commit(ref_or_commit):
        if not is_branch(settings.branch):
            raise Broken(f"registry: {settings.branch!r} is no branch name", code="settings")
        return f"refs/heads/{settings.branch}"
    if not is_ref(ref_or_commit):
        raise Refused(f"{ref_or_commit[:80]!r} is neither a commit id nor a ref", code="ref")
    return ref_or_commit


def _clone(path: Path) -> Repo:
    """Return the clone, made whole under another name and then renamed when not there."""
    if not path.exists():
        fresh = path.with_name(path.name + ".new")
        if fresh.exists():
            shutil.rmtree(fresh)
        fresh.parent.mkdir(parents=True, exist_ok=True)
        Repo.init_bare(str(fresh), mkdir=True).close()
        fresh.rename(path)
    try:
        return Repo(str(path))
    except NotGitRepository as error:
        raise Broken(f"{path} is no git repository; remove it", code="clone") from error


def _update(repo: Repo, url: str, ref: str) -> str:
    """Fetch ``ref``, set it in the clone, and return the commit it is at."""
    name = ref.encode()
    try:
        client, path = _client(url)
        found = client.fetch(
            path, repo, determine_wants=lambda refs, depth=None: _wants(repo, refs, name)
        )
    except _UNREACHABLE as error:
        kind = type(error).__name__
        raise Retry(
            f"cannot fetch {ref} from {_host(url)} ({kind}: {_plain(error, url)})", code="fetch"
        ) from error
    tip = found.refs.get(Ref(name))
    if tip is None:
        raise Refused(f"{_host(url)} has no {ref}; check project and branch", code="ref")
    repo.refs[Ref(name)] = ObjectID(tip)
    if len(list(repo.object_store.packs)) > _MANY_PACKS:
        repo.object_store.repack()
    return tip.decode()


def _wants(repo: Repo, refs: Mapping[Any, Any], name: bytes) -> list[ObjectID]:
    tip = refs.get(name)
    return [tip] if tip is not None and tip not in repo.object_store else []


def _client(url: str) -> tuple[GitClient, str]:
    scheme = urlsplit(url).scheme
    if scheme in ("http", "https"):
        pool = default_urllib3_manager(None, base_url=url, timeout=_TIMEOUT)
        pool.connection_pool_kw["retries"] = urllib3.Retry(connect=0, read=0, redirect=5)
        return get_transport_and_path(url, pool_manager=cast(urllib3.PoolManager, pool), quiet=True)
    return get_transport_and_path(
        url, ssh_command=os.environ.get("GIT_SSH_COMMAND", _SSH), quiet=True
    )


def _reachable(repo: Repo, commit: str, tip: str) -> bool:
    wanted = ObjectID(commit.encode())
    if commit == tip:
        return True
    if wanted not in repo.object_store or not isinstance(repo.object_store[wanted], Commit):
        return False
    return can_fast_forward(repo, wanted, ObjectID(tip.encode()))


def _host(url: str) -> str:
    """Return what messages may say about a URL: its host and path, nothing else."""
    parts = urlsplit(url)
    return f"{parts.hostname}{parts.path}" if parts.hostname else url


def _plain(error: BaseException, url: str) -> str:
    text = " ".join(str(error).replace(url, _host(url)).split())
    return text[:300] or "no reason given"
