"""The commit that a checkout is compared with."""

from __future__ import annotations

import os
import re
from pathlib import Path

from dulwich.errors import NotGitRepository
from dulwich.graph import find_merge_base
from dulwich.objects import Commit
from dulwich.objectspec import parse_commit
from dulwich.repo import Repo

from saltern.errors import Broken
from saltern.registry.gitsource import GitSource

_SUFFIX = re.compile(r"(?P<base>.+?)(?P<steps>(?:\^[0-9]*|~[0-9]*)*)", re.DOTALL)
_STEP = re.compile(r"([~^])([0-9]*)")
_FARTHEST = 100_000


def committed(directory: Path, name: str) -> GitSource:
    """Return the files of ``directory``, inside a work tree, before the changes since ``name``.

    ``name`` is a commit id, a branch, a tag, or one of these with ``~2`` or ``^``. If HEAD is
    not built on it, their last common commit counts. Raises :class:`Broken` when there is no
    repository or no such commit.
    """
    here = os.path.realpath(directory)
    try:
        repo = Repo.discover(here)
    except NotGitRepository as error:
        raise Broken(
            f"{directory} is in no git work tree, so nothing is known of {name}"
        ) from error
    try:
        found = _commit(repo, name)
        commit = found.id if re.match(r"(?:HEAD|@)(?:[~^]|\Z)", name) else _before(repo, found)
        top = os.path.realpath(repo.path)
        folder = os.path.relpath(here, top)
        if folder.startswith(".."):
            raise Broken(f"{directory} is not in the work tree of {repo.path}")
        return GitSource(repo.path, commit.decode(), "" if folder == "." else folder)
    finally:
        repo.close()


def _commit(repo: Repo, name: str) -> Commit:
    try:
        match = _SUFFIX.fullmatch(name)
        if match is None:
            raise KeyError(name)
        commit = parse_commit(repo, "HEAD" if match["base"] == "@" else match["base"])
        for kind, number in _STEP.findall(match["steps"]):
            commit = _step(repo, commit, kind, int(number[:6] or "1"))
        return commit
    except (KeyError, ValueError, IndexError) as error:
        raise Broken(f"{name[:200]!r} is no commit of {repo.path}") from error


def _step(repo: Repo, commit: Commit, kind: str, number: int) -> Commit:
    """Return the commit ``~number`` or ``^number`` of another; raises :class:`IndexError`."""
    parents = [number - 1] if kind == "^" and number else [0] * min(number, _FARTHEST)
    for parent in parents if kind == "~" or number else ():
        found = repo.object_store[commit.parents[parent]]
        if not isinstance(found, Commit):
            raise KeyError(commit.parents[parent])
        commit = found
    return commit


def _before(repo: Repo, commit: Commit) -> bytes:
    """Return the commit, or the last that HEAD has in common with it."""
    try:
        head = repo.head()
    except KeyError:
        return commit.id
    common = find_merge_base(repo, [head, commit.id])
    return common[0] if common else commit.id
