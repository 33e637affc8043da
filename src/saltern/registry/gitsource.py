"""The registry's files at one commit of a git repository, read from its objects."""

from __future__ import annotations

import stat
import weakref
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from dulwich.errors import NotGitRepository
from dulwich.object_store import iter_tree_contents
from dulwich.objects import Blob, Commit, ObjectID, Tree
from dulwich.repo import Repo

from saltern.errors import Broken, Refused
from saltern.registry.refs import is_commit
from saltern.registry.source import linked, path_parts


class GitSource:
    """The files of one commit, read from the objects of a repository; needs no work tree.

    ``repo_path``: a bare or other repository; ``commit``: 40 hex digits; ``folder``: where in
    it the registry is, when it is not the root.
    """

    def __init__(self, repo_path: str | Path, commit: str, folder: str = ""):
        if not is_commit(commit):
            raise Refused(f"{commit[:80]!r} is not a commit id of 40 hex digits", code="commit")
        self.commit: str | None = commit
        self._repo = open_repository(repo_path)
        weakref.finalize(self, self._repo.close)
        self._folders: dict[bytes, dict[bytes, tuple[int, bytes]]] = {}
        self._tree = self._below(self._root(commit), folder)

    def _root(self, commit: str) -> ObjectID:
        try:
            found = self._repo.object_store[ObjectID(commit.encode())]
        except KeyError as error:
            raise Refused(f"commit {commit} is not in {self._repo.path}", code="commit") from error
        if not isinstance(found, Commit):
            raise Refused(f"{commit} is not a commit", code="commit")
        return found.tree

    def _below(self, tree: ObjectID, folder: str) -> ObjectID | None:
        """Return the tree of a folder, ``None`` when the commit has no such folder."""
        for part in path_parts(folder) if folder else ():
            mode, sha = self._folder(tree).get(part.encode("utf-8", "surrogateescape"), (0, b""))
            if not stat.S_ISDIR(mode):
                return None
            tree = ObjectID(sha)
        return tree

    def read(self, path: str) -> bytes | None:
        """See :meth:`saltern.registry.source.Source.read`."""
        found = self.blob(path)
        return None if found is None else found.data

    def blob(self, path: str) -> GitBlob | None:
        """See :meth:`saltern.registry.source.Source.blob`."""
        mode, sha = stat.S_IFDIR, self._tree
        for part in path_parts(path):
            if sha is None or not stat.S_ISDIR(mode):
                return None
            found = self._folder(sha).get(part.encode("utf-8", "surrogateescape"))
            if found is None:
                return None
            mode, sha = found[0], ObjectID(found[1])
            if stat.S_ISLNK(mode):
                raise linked(path)
        return GitBlob(self._repo, sha) if sha and stat.S_ISREG(mode) else None

    def _folder(self, sha: ObjectID) -> dict[bytes, tuple[int, bytes]]:
        if sha not in self._folders:
            tree = self._repo.object_store[sha]
            items = tree.items() if isinstance(tree, Tree) else []
            self._folders[sha] = {i.path: (i.mode, i.sha) for i in items if i.mode and i.sha}
        return self._folders[sha]

    def files(self, prefix: str) -> list[str]:
        """See :meth:`saltern.registry.source.Source.files`."""
        start = "/".join(path_parts(prefix)) + "/"
        return sorted(path for path in self._paths() if path.startswith(start))

    def _paths(self) -> Iterator[str]:
        if self._tree is None:
            return
        for item in iter_tree_contents(self._repo.object_store, self._tree):
            if item.mode and stat.S_ISREG(item.mode) and item.path:
                yield item.path.decode("utf-8", "surrogateescape")


class GitBlob:
    """A file of a commit; its bytes are read when they are asked for."""

    def __init__(self, repo: Repo, sha: ObjectID):
        self._repo = repo
        self._sha = sha

    @property
    def id(self) -> str:
        """Return the blob id."""
        return self._sha.decode("ascii")

    @cached_property
    def data(self) -> bytes:
        """Return the bytes."""
        blob = self._repo.object_store[self._sha]
        return blob.data if isinstance(blob, Blob) else b""


def open_repository(path: str | Path) -> Repo:
    """Return the repository at ``path``. Raises :class:`Broken` when there is none."""
    try:
        return Repo(str(path))
    except NotGitRepository as error:
        raise Broken(f"{path} is not a git repository", code="clone") from error
