"""The registry's files at one commit of a git repository, read from its objects."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from pathlib import Path

from dulwich.errors import NotGitRepository
from dulwich.objects import Blob, Commit, ObjectID, Tree
from dulwich.repo import Repo

from saltern.errors import Broken, Refused
from saltern.registry.refs import is_commit
from saltern.registry.trees import Item, TreeSource


class GitSource(TreeSource):
    """The files of one commit, read from the objects of a repository; needs no work tree.

    ``repo_path``: a bare or other repository; ``commit``: 40 hex digits.
    """

    def __init__(self, repo_path: str | Path, commit: str):
        if not is_commit(commit):
            raise Refused(f"{commit[:80]!r} is not a commit id of 40 hex digits", code="commit")
        self._repo = open_repository(repo_path)
        weakref.finalize(self, self._repo.close)
        super().__init__(commit, self._root(commit))

    def _root(self, commit: str) -> str:
        try:
            found = self._repo.object_store[ObjectID(commit.encode())]
        except KeyError as error:
            raise Refused(f"commit {commit} is not in {self._repo.path}", code="commit") from error
        if not isinstance(found, Commit):
            raise Refused(f"{commit} is not a commit", code="commit")
        return found.tree.decode("ascii")

    def listed(self, tree: str) -> Mapping[str, Item]:
        """See :meth:`TreeSource.listed`."""
        found = self._repo.object_store[ObjectID(tree.encode())]
        items = found.items() if isinstance(found, Tree) else []
        return {
            i.path.decode("utf-8", "surrogateescape"): Item(i.mode, i.sha.decode("ascii"))
            for i in items
            if i.path and i.mode and i.sha
        }

    def bytes_of(self, blob: str) -> bytes:
        """See :meth:`TreeSource.bytes_of`."""
        found = self._repo.object_store[ObjectID(blob.encode())]
        return found.data if isinstance(found, Blob) else b""


def open_repository(path: str | Path) -> Repo:
    """Return the repository at ``path``. Raises :class:`Broken` when there is none."""
    try:
        return Repo(str(path))
    except NotGitRepository as error:
        raise Broken(f"{path} is not a git repository", code="clone") from error
